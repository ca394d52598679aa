#ifndef PKI_OPERATOR_INTERNAL_H
#define PKI_OPERATOR_INTERNAL_H

#include "base/clock.h"
#include "pki/operator.h"

/* What operator.c and operator_login.c share; nobody else. */

/* A role in a scope, as words, that the caller may give or take away. */
int role_target(struct pki_write *w, const struct operator* operator, const char * role,
                const char *scope, struct assignment *a, struct err *e) MUST_CHECK;
/* The decision under way is granted, with what it is about. */
int role_record(struct pki_write *w, const struct assignment *a, struct err *e) MUST_CHECK;
/* Codes of the operator that are open are void from now on; codes that ended long ago are gone. */
int invitations_void(struct pki_write *w, const char *operator_uid, struct err *e) MUST_CHECK;

#endif
