#ifndef KEEPER_FENCE_H
#define KEEPER_FENCE_H

#include "base/buf.h"
#include "crypto/x509.h"
#include "wire/json.h"

/*
 * What an authority's key may sign, whoever asks: sealed beside the key when the authority is made,
 * read again by the keeper before every signature. As JSON:
 *
 *   {"v":1,"cluster":UID,"role":"control-plane","eku":["client","server"],
 *    "subject":[["C","CH"],["OU","SKS"]],
 *    "reserved_san":"peer.demo.etcd.poterne.internal",
 *    "max_ttl":SECONDS,"rate":SIGNATURES PER HOUR,
 *    "forms":[{"profile":"apiserver","eku":["server"],"cn":"kube-apiserver","o":[],
 *              "san":["dns","ip"],"san_required":"..","max_ttl":SECONDS,"privileged":true}]}
 *
 * subject:      what every subject carries besides O and CN, in order; C, ST, L and OU.
 * reserved_san: (optional) a DNS name that only a form that requires it may carry; a wildcard that
 *               covers it counts as it.
 * cn:           exact; a prefix when it ends in '*', with at least one character behind it
 *               ("system:node:*"); "*" alone: any name that is not reserved; "": no CN at all.
 * o:            exact values in order; ["*"]: any number, none of them reserved; ["!*"]: any number
 *               of which at least one is a privileged group (only with privileged).
 * san:          the types it may carry of "dns", "ip", "uri", "email"; []: none at all.
 * san_required: (optional) a DNS name that it must carry.
 * uri:          (optional) the URI that must be its one SAN; "*" stands for a run of letters and
 *               digits: "urn:operator:*".
 *
 * A leaf must match one form whole: EKU set equal, KeyUsage digitalSignature alone or with
 * keyEncipherment for RSA.
 */
struct fence;

int fence_read(struct fence **ret, struct slice json, struct err *e) MUST_CHECK;
void fence_free(struct fence *fence);
DEFINE_FREEP(struct fence *, fence_free)

struct fence_request {
    const char *cluster; /* uid of the cluster that the caller means to sign for */
    bool privileged;     /* asked for in so many words, and recorded */
    int64_t now;         /* UTC seconds */
    const struct x509_cert *issuer;
    const struct x509_cert *tbs; /* read from the very bytes that will be signed */
    enum sig_alg alg;            /* of the authority's key: the TBS must say the same */
};
/*
 * ERR_REFUSED with the rule that was broken: CA:FALSE and critical; version 3; serial 8 to 20
 * bytes; issuer equal to the authority's subject, AKID to its SKID (or both absent); NotBefore at
 * most an hour back and not in the future, NotAfter neither past nor beyond the authority's, life
 * from now on within max_ttl; EKU critical and within the authority's; no unknown extension;
 * subject and SANs of a form. *profile gets the form's profile name (borrowed).
 */
int fence_check(const struct fence *fence, const struct fence_request *request,
                const char **profile, struct err *e) MUST_CHECK;
const char *fence_cluster(const struct fence *fence);
int64_t fence_rate(const struct fence *fence);

/* Names of users and groups that only a profile may give: they begin with "system:" or "kubeadm:"
 * in any case, or are one of the two users that have rights without a prefix (fence_name.c). */
bool fence_reserved_name(struct slice name);
/* The two groups that --privileged allows. */
bool fence_privileged_group(struct slice name);
/* A user or group name we would sign: 1 to 253 bytes of printable ASCII, no space at the ends, none
 * of the six characters " \ , % ` $. ERR_INVALID says which one. Look-alikes are thereby out. */
int fence_name_check(struct slice name, const char *what, struct err *e) MUST_CHECK;

#endif
