#ifndef PKI_STATE_CHECK_INTERNAL_H
#define PKI_STATE_CHECK_INTERNAL_H

#include "pki/authority.h"
#include "pki/state_check.h"

/* What state_check.c and state_check_cluster.c share; nobody else. */

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
/* A cluster with all that is in its scope. */
int state_check_cluster(struct state_checking *c, const struct record *cluster, struct err *e)
    MUST_CHECK;
/* Kinds of records that lie in a cluster's scope, NULL-ended. */
extern const char *const state_cluster_kinds[];

#endif
