#ifndef PKI_INSTALLATION_H
#define PKI_INSTALLATION_H

#include "pki/authority.h"
#include "pki/issue.h"

/*
 * The installation's own two authorities, in no cluster's bundle: poterne-server signs the daemon's
 * certificate, poterne-client those of operators and agents. They are records like a cluster's, in
 * the scope "/", and are made when they are first needed. Who a client is stands in its one SAN,
 *   poterne://INSTALLATION/operator/UID
 *   poterne://INSTALLATION/machine/CLUSTER-UID/UID
 * and never in its common name, which is there for people who read logs.
 */
enum installation_profile { INSTALLATION_SERVER, INSTALLATION_OPERATOR, INSTALLATION_MACHINE };
const char *installation_profile_name(enum installation_profile profile); /* "poterne-server" */

/* Both are there after it; nothing is written when they were before. */
int installation_ready(struct request *request, struct err *e) MUST_CHECK;
/* The same, inside of a write. */
int installation_make_authorities(struct pki_write *w, struct err *e) MUST_CHECK;
/* role: one of the two. ERR_NOT_FOUND before they were made. */
int installation_authority(struct store_tx *tx, const struct pki *pki, enum authority_role role,
                           struct authority *ret, struct err *e) MUST_CHECK;
/* What `join` pins: "sha256:" and the hash of the SubjectPublicKeyInfo of the generation of
 * poterne-server that issues, in hex. */
enum { INSTALLATION_PIN = 72 };
int installation_pin(const struct authority *server, char pin[INSTALLATION_PIN], struct err *e)
    MUST_CHECK;
/* PEM of one authority's trusted generations, in a reading transaction of its own. */
int installation_bundle(struct pki *pki, enum authority_role role, struct buf *pem, struct err *e)
    MUST_CHECK;

struct installation_order {
    enum installation_profile profile;
    struct slice csr;    /* DER; its signature proves the key. Its subject is not looked at, and it
                            may ask for nothing */
    int64_t ttl;         /* seconds; 0: the profile's own, 8 h, 30 d (machine), 90 d (server) */
    const char *name;    /* CN: of the operator or machine; of the server NULL */
    const char *uid;     /* of the operator's or machine's record */
    const char *cluster; /* uid, of a machine */
    const char *const *names; /* of the server: DNS names and addresses as text */
    size_t name_count;
    const char *supersedes; /* uid of a certificate's record that counts no longer; NULL: none */
};
/*
 * Signs, records the certificate (scope "/", body with "holder": "operator:UID" or "machine:UID")
 * and its audit record; makes the authorities when they are not there. What was issued before goes
 * on to count until its end, unless `supersedes` names it.
 */
int installation_issue(struct pki_write *w, const struct installation_order *order,
                       struct issued *ret, struct err *e) MUST_CHECK;

/*
 * Whose certificate it is: DER of a leaf that a handshake has verified. It counts while its own
 * record is there and current, it has not ended, and the holder's record is there and not blocked
 * (a member "blocked" that is true). Otherwise ERR_REFUSED says why.
 */
struct holder {
    bool machine;
    char uid[UID_TEXT];         /* of the operator or machine */
    char name[96];              /* the operator's; CLUSTER/MACHINE */
    char cluster[UID_TEXT];     /* uid, of a machine */
    char certificate[UID_TEXT]; /* of the certificate's record */
    int64_t not_after;
};
int installation_holder(struct store_tx *tx, const struct pki *pki, struct slice cert, int64_t now,
                        struct holder *ret, struct err *e) MUST_CHECK;

#endif
