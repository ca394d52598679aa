#ifndef ACCESS_DECIDE_H
#define ACCESS_DECIDE_H

#include "base/err.h"

/*
 * Who may do what. Today there is one principal: whoever can open the state directory (its owner,
 * or root on the owner's behalf), who holds every right. The route table names a right for each
 * route, so that nothing is reachable without one.
 */
enum right {
    RIGHT_NONE, /* no route has it: a row without a right does not compile */
    RIGHT_READ,
    RIGHT_ISSUE,
    RIGHT_MANAGE, /* clusters, authorities */
    RIGHT_OWN,    /* root key, backups, audit pruning, clock */
    RIGHTS
};
const char *right_name(enum right right);

struct principal {
    char name[96]; /* "local:root": as audit records name the actor */
    const char *via;
    unsigned rights; /* 1 << enum right */
};
/* The real user of this process, through the state directory: root stays root on another's. */
void principal_local(struct principal *p);
/* ERR_REFUSED naming the right that is missing. */
int access_decide(const struct principal *p, enum right right, struct err *e) MUST_CHECK;

#endif
