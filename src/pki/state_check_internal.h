#ifndef PKI_STATE_CHECK_INTERNAL_H
#define PKI_STATE_CHECK_INTERNAL_H

#include "pki/authority.h"
#include "pki/state_check.h"

/* What the files of state_check share; nobody else. */

struct state_checking {
    struct pki *pki;
    struct store_tx *tx;
    state_fault_fn *fault;
    void *ctx;
    struct state_report report;
    int64_t of_clusters; /* records that were met below their cluster */
};
void state_fault_add(struct state_checking *c, const char *check, const char *subject,
                     const char *format, ...) PRINTF_LIKE(4, 5);
/* Every record of a kind, whatever number of them; scope NULL: all. */
int state_each(struct state_checking *c, const char *kind, const char *scope, store_visit *visit,
               void *ctx, struct err *e) MUST_CHECK;
/* A sealed key that is not an authority's: opens, and is that of the public key beside it. */
void state_check_key(struct state_checking *c, const struct record *r, const char *subject);
/* Certificates with the same fault of the same authority: one line for what may be thousands. */
struct unchained {
    struct unchained_group {
        char skid[41];
        bool named;        /* the authority is there */
        char subject[256]; /* the first certificate */
        int64_t more;
    } * group;
    size_t count;
};
void unchained_add(struct unchained *u, const char *skid, bool named, const char *subject);
void unchained_say(const struct unchained *u, struct state_checking *c);

/* What the body of a certificate's record says against the certificate; the name of the first
 * member that differs, NULL when none does. */
const char *state_check_body(const struct record *r, const struct json_value *body,
                             const struct x509_cert *cert);
/* A cluster with all that is in its scope. */
int state_check_cluster(struct state_checking *c, const struct record *cluster, struct err *e)
    MUST_CHECK;
/* The installation's own authorities and what they signed, once there are any. */
int state_check_installation(struct state_checking *c, struct err *e) MUST_CHECK;
/* Kinds of records that lie in a cluster's scope, NULL-ended. */
extern const char *const state_cluster_kinds[];

#endif
