#ifndef FLEET_LEASE_H
#define FLEET_LEASE_H

#include "pki/cluster.h"

/*
 * One control-plane machine of a cluster at a time: whoever holds the lease may change its
 * components and wait for their health. A machine whose health check failed stops the rollout: it
 * gets the lease no more, and nobody else either, until it is uncordoned. One record a cluster
 * (kind "lease", name "rollout").
 */
#define KIND_LEASE "lease"
enum { LEASE_SECONDS = 900 };

struct lease {
    char uid[UID_TEXT];
    char holder[64]; /* machine, "": free */
    int64_t until;
    char stopped[64]; /* by which machine, "": not */
    char reason[256];
};
int lease_load(struct store_tx *tx, const struct cluster *c, struct lease *ret, struct err *e)
    MUST_CHECK;
int lease_save(struct pki_write *w, const struct cluster *c, struct lease *l, struct err *e)
    MUST_CHECK;

/* Pure: false when it is another's. A holder that takes it again has it for longer. */
bool lease_take(struct lease *l, const char *machine, int64_t now);
void lease_release(struct lease *l, const char *machine);
void lease_stop(struct lease *l, const char *machine, const char *reason);
bool lease_resume(struct lease *l, const char *machine); /* false: it was not this one's doing */

#endif
