#ifndef PKI_PROFILE_H
#define PKI_PROFILE_H

#include "crypto/x509.h"
#include "pki/cluster.h"

/*
 * What a certificate may say: one table (profile.c), printed by a test into a golden file. Names of
 * certificates, users, groups and SANs are kubeadm's (contract:
 * kubernetes/cmd/kubeadm/app/phases/certs/certlist.go and phases/kubeconfig/kubeconfig.go), split
 * over five authorities.
 */
enum profile_sans {
    SANS_NONE,
    SANS_APISERVER, /* machine, kubernetes[.default[.svc[.DOMAIN]]], first service IPs, addresses,
                       endpoint, --san */
    SANS_MACHINE,   /* machine name, its addresses and names */
    SANS_LOCAL,     /* the same, localhost, 127.0.0.1, ::1 */
    SANS_PEER,      /* the same, and peer.CLUSTER.etcd.poterne.internal */
    SANS_SERVICE,   /* NAME.NAMESPACE.svc[.DOMAIN], from the CSR */
};
enum profile_subject {
    SUBJECT_FIXED,   /* cn as in the table */
    SUBJECT_MACHINE, /* cn + the machine's name */
    SUBJECT_USER,    /* a person: from the request */
    SUBJECT_SERVICE, /* the first SAN */
};
struct profile {
    const char *name;
    enum authority_role role;
    unsigned eku;
    enum profile_subject subject;
    const char *cn;
    const char *org; /* one group or NULL; of a person: from the request */
    enum profile_sans sans;
    unsigned machines;   /* whose leaf it is: of enum machine_role; 0: of no machine */
    int64_t default_ttl; /* 0: the cluster's leaf ttl; for people 8 h */
    int64_t max_ttl; /* beyond it: refused. 0: for people operator_max_ttl, else the authority's */
    bool ed25519;    /* may its key be Ed25519: nobody reads it that cannot (kubeadm, browsers) */
    const char *help;
};
extern const struct profile profiles[];
extern const size_t profile_count;
const struct profile *profile_find(const char *name); /* NULL */
/* Its group is one of the two that --privileged is about. */
bool profile_is_privileged(const struct profile *profile);
/* The longest life of a leaf, in seconds. */
int64_t profile_max_ttl(const struct profile *profile, const struct cluster *cluster);

/* The fence JSON of an authority that plays these roles (a set: 1 << role), made from the table and
 * the cluster. */
int profile_fence(struct buf *json, const struct cluster *cluster, unsigned roles, struct err *e)
    MUST_CHECK;

/* The SANs that a profile gives a machine, in a fixed order without duplicates; `values` owns their
 * bytes. */
struct san_set {
    struct san san[X509_MAX_SANS];
    size_t count;
    struct buf bytes[X509_MAX_SANS];
};
void san_set_clear(struct san_set *set);
int profile_sans(struct san_set *ret, const struct profile *profile, const struct cluster *cluster,
                 const struct machine *machine, struct err *e) MUST_CHECK;
/* Whom a certificate names: a machine, user or service, and a user's groups. */
struct profile_holder {
    const char *name;
    const char *const *groups;
    size_t group_count;
};
/* Subject Name DER: the cluster's C, ST, L, OU, then O and CN of the profile. */
int profile_subject(struct buf *ret, const struct profile *profile, const struct cluster *cluster,
                    const struct profile_holder *holder, struct err *e) MUST_CHECK;

#endif
