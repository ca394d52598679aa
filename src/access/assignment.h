#ifndef ACCESS_ASSIGNMENT_H
#define ACCESS_ASSIGNMENT_H

#include "access/decide.h"
#include "store/store.h"

/*
 * Who has which role where, as records: kind "role-assignment", in a scope of the operator's own
 * ("/operator/UID", so that one look-up finds all that a person has), name "ROLE SCOPE", body
 * {"principal":"operator:UID","role":"..","scope":".."}. A machine's role comes with its
 * certificate and is no record.
 */
#define KIND_ROLE_ASSIGNMENT "role-assignment"

struct assignment {
    char uid[UID_TEXT], operator_uid[UID_TEXT];
    enum role role;
    char scope[ACCESS_SCOPE];
    int64_t created;
};
typedef int assignment_visit(const struct assignment *a, void *ctx, struct err *e);
/* operator_uid NULL: everybody's. ERR_CORRUPT for a record that is not as we write it. */
int assignment_list(struct store_tx *tx, const char *operator_uid, assignment_visit *visit,
                    void *ctx, struct err *e) MUST_CHECK;
/* All of an operator's (p->uid) become grants of the principal. */
int assignment_load(struct store_tx *tx, struct principal *p, struct err *e) MUST_CHECK;

/* *changed false: it was there already. ERR_LIMIT: the operator has PRINCIPAL_GRANTS of them. */
int assignment_add(struct store_tx *tx, const struct assignment *a, int64_t now, bool *changed,
                   struct err *e) MUST_CHECK;
/* *changed false: there was no such one. */
int assignment_remove(struct store_tx *tx, const struct assignment *a, int64_t now, bool *changed,
                      struct err *e) MUST_CHECK;
/* All of an operator's, or (operator_uid NULL) all in a scope and below it. */
int assignment_forget(struct store_tx *tx, const char *operator_uid, const char *scope, int64_t now,
                      struct err *e) MUST_CHECK;

#endif
