#ifndef PKI_STATE_CHECK_H
#define PKI_STATE_CHECK_H

#include "pki/pki.h"

/*
 * Every sealed value opens, every chain verifies, every key matches its certificate, the audit head
 * matches, no orphan, the store's own integrity. Goes on after a fault; a call for each. What keeps
 * the state from opening at all (root key missing or another one, a store that does not read) is
 * ERR_CORRUPT from pki_open.
 */
struct state_fault {
    /* "store": a record that does not read, or whose look-up keys are not its content's;
     * "sealed": a data key or value that does not open; "key": one that opens and is another's;
     * "chain": a certificate that its authority did not sign; "record": what a record says of a
     * certificate is not in it, or of the generation that issues is not so; "audit": the trail does
     * not verify; "orphan": what it belongs to is not there, or what belongs to it */
    const char *check;
    const char *subject; /* what: "cluster demo, authority etcd, generation 1" */
    const char *text;
};
typedef void state_fault_fn(const struct state_fault *fault, void *ctx);
struct state_report {
    int64_t records, sealed, certificates, audit_records, faults;
};
int state_check(struct request *request, state_fault_fn *fault, void *ctx,
                struct state_report *report, struct err *e) MUST_CHECK;

#endif
