#ifndef PKI_INSTALLATION_INTERNAL_H
#define PKI_INSTALLATION_INTERNAL_H

#include "pki/installation.h"

/* What the installation's files and those that store authorities share; nobody else. */

struct installation_leaf {
    const char *name; /* of the profile, and of the fence's form */
    enum authority_role role;
    unsigned eku;
    const char *cn;  /* as in a fence */
    const char *uri; /* behind poterne://INSTALLATION/, as in a fence; NULL: names and addresses */
    int64_t default_ttl, max_ttl;
};
extern const struct installation_leaf installation_leaves[]; /* by enum installation_profile */
extern const size_t installation_leaf_count;

/* The installation in the place of a cluster: nothing in it is to be released. */
void installation_domain(struct cluster *c, const struct pki *pki);
/* Of the authority that plays one of the two roles. */
int installation_fence(struct buf *json, const struct cluster *domain, unsigned roles,
                       struct err *e) MUST_CHECK;

#endif
