#ifndef PKI_LEDGER_H
#define PKI_LEDGER_H

#include "pki/cluster.h"

/* Certificates on record. A row of a list, borrowed during the visit. */
struct ledger_row {
    const struct record *record;
    const struct json_value *
        body; /* {"cluster","profile","authority","generation","machine","slot","user","groups","subject","sans",
                 "not_before","not_after","key_type","status":"current|superseded","privileged","der"}
               */
};
struct ledger_query {
    const char *cluster_uid; /* NULL: all clusters */
    const char *profile;     /* NULL: all */
    bool people;             /* only those of people (kubeconfig list) */
    int64_t expiring_until;  /* 0: all; superseded ones and those replaced are left out when set */
    bool authorities;        /* also the authorities' own certificates (cert list does) */
    const char *cursor;
    int limit;
};
typedef int ledger_visit(const struct ledger_row *row, void *ctx, struct err *e);
int ledger_list(struct store_tx *tx, const struct ledger_query *query, ledger_visit *visit,
                void *ctx, char next[STORE_CURSOR], struct err *e) MUST_CHECK;
/* By serial (hex, with or without colons, any case) or SHA-256 fingerprint. */
int ledger_find(struct store_tx *tx, const char *serial_or_fingerprint, struct record *ret,
                struct err *e) MUST_CHECK;

#endif
