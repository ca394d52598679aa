#ifndef PKI_LEDGER_H
#define PKI_LEDGER_H

#include "pki/cluster.h"

/*
 * Certificates on record. A row of a list, borrowed during the visit. Its body:
 *   {"cluster","profile","authority","generation","machine","slot","user","groups","subject","sans",
 *    "not_before","not_after","key_type","status":"current|superseded","privileged","der"}
 * machine, slot, user and groups only where there are any. An authority's own has the profile
 * "authority", and "state", "custody" and "skid" besides.
 */
struct ledger_row {
    const struct record *record; /* expires: 0 for one that is superseded */
    const struct json_value *body;
    int64_t not_after;
};
struct ledger_query {
    const char *cluster_uid; /* NULL: all clusters */
    const char *profile;     /* NULL: all */
    bool people;             /* only those of people, operators' authority (kubeconfig list) */
    int64_t expiring_until;  /* 0: all; else those that end before it and are not superseded */
    int64_t now;      /* with expiring_until: people's that ended before it are left out, since
                         nothing will stop that has not stopped. 0: they stay */
    bool authorities; /* also the authorities' own certificates (cert list does) */
    const char *cursor;
    int limit;
};
typedef int ledger_visit(const struct ledger_row *row, void *ctx, struct err *e);
/* Soonest end first, what is superseded last. Memory does not grow with the ledger. next: "" at the
 * end; a last page may be empty. ERR_INVALID for a cursor that is not ours. */
int ledger_list(struct store_tx *tx, const struct ledger_query *query, ledger_visit *visit,
                void *ctx, char next[STORE_CURSOR], struct err *e) MUST_CHECK;
/* By serial (hex, with or without colons, any case) or SHA-256 fingerprint; the record's body is a
 * row's. */
int ledger_find(struct store_tx *tx, const char *serial_or_fingerprint, struct record *ret,
                struct err *e) MUST_CHECK;

#endif
