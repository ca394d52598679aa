#ifndef API_CALLER_H
#define API_CALLER_H

#include "access/decide.h"
#include "api/api.h"
#include "pki/pki.h"

/*
 * Who asks: the transport's caller becomes a principal, once per request. Through the socket root,
 * this process's own user and the members of one group are owners, others are known and may
 * nothing. A certificate says who it is by its SAN URI alone, and counts only while the record of
 * that person or machine, and the certificate's own, say that it does.
 */
struct caller_rules {
    gid_t group;
    bool has_group; /* the system knows it */
};
/* Looks the group up once: a front that has shut itself in cannot. */
void caller_rules_init(struct caller_rules *rules, const char *group);

/* *who is always filled in, at worst as nobody; an error is one of the store. pki NULL: nothing is
 * open, so that a certificate is nobody's. */
int caller_resolve(struct principal *who, const struct api_caller *caller,
                   const struct caller_rules *rules, struct pki *pki, struct err *e) MUST_CHECK;

#endif
