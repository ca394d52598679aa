#ifndef ACCESS_DECIDE_H
#define ACCESS_DECIDE_H

#include "access/role.h"
#include "base/random.h"

/*
 * Who may do what: deny by default. A principal is resolved once per request (api/caller.h), and
 * then only access_decide decides. The route table names a right and a scope for each route.
 */
enum principal_kind {
    PRINCIPAL_ANONYMOUS, /* zero: what nobody has filled in may nothing */
    PRINCIPAL_LOCAL,     /* holds the state directory, or the socket */
    PRINCIPAL_OPERATOR,  /* a person, by certificate */
    PRINCIPAL_MACHINE,   /* an agent, by certificate */
};

/* A role held in a scope. */
struct grant {
    enum role role;
    char scope[ACCESS_SCOPE];
};
enum { PRINCIPAL_GRANTS = 32 };

struct principal {
    enum principal_kind kind;
    char name[96];              /* as audit records name the actor: "local:root", "operator:anna" */
    const char *via;            /* "cli", "unix", "tls" */
    char uid[UID_TEXT];         /* of an operator's or a machine's record; "" */
    char certificate[UID_TEXT]; /* of the certificate's record that it came with; "" */
    char address[64];           /* from where; "" */
    char refused[128];          /* of a certificate that was shown and does not count: why; "" */
    struct grant grant[PRINCIPAL_GRANTS];
    size_t grant_count;
};
/* The real user of this process, through the state directory: root stays root on another's. */
void principal_local(struct principal *p);
/* Nobody that is known. */
void principal_anonymous(struct principal *p, const char *via);
/* "local:NAME", "local:UID" when the system knows no name. */
void principal_name_user(struct principal *p, unsigned uid);
/* Adds a grant; one that is there already, or is too much, is left out: false. */
bool principal_add(struct principal *p, enum role role, const char *scope);

/* The grant that allows it, NULL: none does. */
const struct grant *access_find(const struct principal *p, enum right right, const char *scope);
/* ERR_REFUSED naming the right and the scope that are missing, ERR_ANONYMOUS when it is not known
 * who asks. */
int access_decide(const struct principal *p, enum right right, const char *scope, struct err *e)
    MUST_CHECK;

#endif
