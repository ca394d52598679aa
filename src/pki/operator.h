#ifndef PKI_OPERATOR_H
#define PKI_OPERATOR_H

#include "access/assignment.h"
#include "pki/installation.h"

/*
 * Operators: people, by a name of the installation's choice. One is invited, which gives a code
 * that works once and for a short time; whoever redeems it with a CSR gets a short-lived
 * certificate of poterne-client, and renews it while it lasts. What an operator may do is what the
 * assignments say (access/assignment.h) at the moment of each request.
 */

/* Scope "/", name: the operator's; body {"invited_by","last_login","blocked"}. */
#define KIND_OPERATOR "operator"
/* Scope "/", name: SHA-256 of the code in hex, expires: the code's end; body {"operator": uid,
 * "status": "open" | "used" | "void"}. */
#define KIND_INVITATION "invitation"

enum { OPERATOR_MAX_NAME = 64, OPERATOR_CODE = 48 };

struct operator
{
    char uid[UID_TEXT], name[OPERATOR_MAX_NAME + 1];
    int64_t revision, created, last_login; /* last_login 0: never */
    bool blocked;
};
/* 1 to 64 letters, digits and . _ @ + -, a letter or digit first. */
int operator_name_check(const char *name, struct err *e) MUST_CHECK;
int operator_of_record(struct operator* ret, const struct record *r, struct err *e) MUST_CHECK;
/* ERR_NOT_FOUND. */
int operator_load(struct store_tx *tx, const char *name, struct operator* ret, struct err *e)
    MUST_CHECK;

/* A scope as people write it: "/", CLUSTER or CLUSTER/MACHINE by their names, with or without
 * "/default/" in front. ERR_NOT_FOUND names what is not there. */
int operator_scope_parse(struct store_tx *tx, const char *text, char scope[ACCESS_SCOPE],
                         struct err *e) MUST_CHECK;
/* The other way round; what was deleted meanwhile keeps its uid. */
int operator_scope_text(struct store_tx *tx, const char *scope, struct buf *out, struct err *e)
    MUST_CHECK;

struct invitation {
    const char *name, *role, *scope; /* role NULL: a new code for an operator that is there */
    int64_t ttl;                     /* seconds of the code; 0: one hour */
    /* out */
    struct operator operator;
    char code[OPERATOR_CODE]; /* told here and nowhere else */
    int64_t expires;
    bool made; /* the operator is new */
};
/* The operator if it is not there yet, its role, and a code; codes of before are void. The caller
 * must hold RIGHT_GRANT in that scope (without a role: in "/"). */
int operator_invite(struct request *request, struct invitation *invitation, struct err *e)
    MUST_CHECK;
/* Its certificates count no longer, its roles are gone. ERR_REFUSED for the last owner of all,
 * unless somebody at the machine itself asks. */
int operator_remove(struct request *request, const char *name, struct err *e) MUST_CHECK;

struct operator_login {
    const char *code; /* NULL: a renewal, by the caller's own certificate */
    struct slice csr; /* DER */
    /* out */
    struct operator operator;
    struct issued issued; /* the caller clears it */
};
/* ERR_REFUSED: a code that is unknown, used, void or expired; a renewal by no operator. */
int operator_login(struct request *request, struct operator_login *login, struct err *e) MUST_CHECK;

struct role_change {
    const char *operator; /* name */
    const char *role, *scope;
    /* out */
    bool changed;
};
int operator_grant(struct request *request, struct role_change *change, struct err *e) MUST_CHECK;
int operator_revoke(struct request *request, struct role_change *change, struct err *e) MUST_CHECK;

#endif
