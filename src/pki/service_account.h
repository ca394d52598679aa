#ifndef PKI_SERVICE_ACCOUNT_H
#define PKI_SERVICE_ACCOUNT_H

#include "pki/cluster.h"

/*
 * The keys that sign service-account tokens: shared by all API servers of a cluster, so sealed in
 * the store and given out to its control-plane machines. The newest signs, all verify (contracts:
 * kubernetes/pkg/serviceaccount, --service-account-key-file holds several).
 */

/* The body of a key's record (pki.h, KIND_SERVICE_ACCOUNT_KEY). */
struct service_account_key {
    int64_t number;
    enum key_type type;
    struct slice public; /* PEM */
    struct slice sealed; /* empty: the key is elsewhere */
};
int service_account_write(struct buf *body, const struct service_account_key *key, struct err *e)
    MUST_CHECK;

/* PEM of every public key, oldest first: sa.pub. */
int service_account_public(struct store_tx *tx, const struct cluster *c, struct buf *pem,
                           struct err *e) MUST_CHECK;
/* PEM of the signing key, recorded as "service-account-key.release" to that machine. ERR_REFUSED
 * unless it is of the control plane; ERR_NOT_FOUND when an adopted cluster's key is elsewhere. */
int service_account_release(struct pki_write *w, const struct cluster *c, const char *machine,
                            struct buf *pem, struct err *e) MUST_CHECK;

#endif
