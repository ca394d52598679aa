#ifndef PKI_STATE_CHECK_H
#define PKI_STATE_CHECK_H

#include "pki/pki.h"

/* Every sealed value opens, every chain verifies, every key matches its certificate, the audit head matches, no orphan, the store's own
 * integrity. Goes on after a fault; a call for each. */
struct state_fault {
    const char *check;     /* "store", "root-key", "sealed", "chain", "key", "audit", "orphan" */
    const char *subject;   /* what: "cluster demo, authority etcd, generation 1" */
    const char *text;
};
typedef void state_fault_fn(const struct state_fault *fault, void *ctx);
struct state_report {
    int64_t records, sealed, certificates, audit_records, faults;
};
int state_check(struct request *request, state_fault_fn *fault, void *ctx, struct state_report *report, struct err *e) MUST_CHECK;

#endif
