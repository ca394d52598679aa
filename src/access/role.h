#ifndef ACCESS_ROLE_H
#define ACCESS_ROLE_H

#include "base/err.h"
#include <stdbool.h>

/*
 * What there is to be allowed, and the roles that allow it: one table (role.c). A role is held in a
 * scope: "/" (everything), "/default/CLUSTER-UID" or "/default/CLUSTER-UID/MACHINE-UID", and covers
 * what is below it.
 */
enum right {
    RIGHT_NONE, /* no route has it: a row without a right does not compile */
    RIGHT_READ,
    RIGHT_AUDIT,  /* read the audit trail */
    RIGHT_ISSUE,  /* certificates within an authority's fence */
    RIGHT_MANAGE, /* clusters, authorities, machines */
    RIGHT_GRANT,  /* operators and their roles */
    RIGHT_OWN,    /* root key, backups, audit pruning, clock */
    RIGHT_NODE,   /* what an agent does for its own machine; people have it not */
    RIGHT_SELF,   /* whoever is known: matters of the caller itself, of no scope */
    RIGHT_ANY,    /* whoever asks, known or not: a code or token in the body decides */
    RIGHTS
};
const char *right_name(enum right right);
/* ERR_INVALID, with those there are. */
int right_parse(enum right *right, const char *name, struct err *e) MUST_CHECK;

enum role { ROLE_OWNER, ROLE_OPERATOR, ROLE_AUDITOR, ROLE_NODE, ROLES };
const char *role_name(enum role role);
const char *role_help(enum role role);
unsigned role_rights(enum role role); /* a set: 1 << enum right */
/* ERR_INVALID, with those there are. */
int role_parse(enum role *role, const char *name, struct err *e) MUST_CHECK;
/* Whether people are given it: node is what a machine's certificate makes it. */
bool role_is_given(enum role role);

enum { ACCESS_SCOPE = 80 }; /* bytes of a scope's text, its NUL included */
/* The same, or above it. */
bool scope_covers(const char *have, const char *want);

#endif
