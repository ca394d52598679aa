#include "api/authorize.h"

#include "pki/cluster.h"

struct finding {
    const struct match *match;
    char *scope; /* ACCESS_SCOPE bytes */
};

/* -1 is an error of the store; a record that is not there leaves the scope as it was. */
static int go_down(struct store_tx *tx, const char *kind, const char *name, char *scope,
                   struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    char below[ACCESS_SCOPE];
    struct err why = { 0 };

    if (store_find(tx, kind, scope, name, &r, &why))
        return why.code == ERR_NOT_FOUND ? 1 : err_pass(e, &why);
    (void)snprintf(below, sizeof below, "%.50s/%s", scope, r.uid);
    memcpy(scope, below, sizeof below);
    return 0;
}

static int find_scope(struct store_tx *tx, void *ctx, struct err *e)
{
    struct finding *f = ctx;
    int rc;

    (void)snprintf(f->scope, ACCESS_SCOPE, "%s", SCOPE_TENANT);
    rc = go_down(tx, KIND_CLUSTER, f->match->param[0], f->scope, e);
    if (rc == 0 && f->match->route->where == WHERE_MACHINE)
        rc = go_down(tx, KIND_MACHINE, f->match->param[1], f->scope, e);
    return rc < 0 ? -1 : 0;
}

/* A right held anywhere lets a handler look for what it is held for. */
static int somewhere(const struct principal *who, enum right right, struct err *e)
{
    for (size_t i = 0; i < who->grant_count; i++)
        if (access_find(who, right, who->grant[i].scope))
            return 0;
    return access_decide(who, right, "/", e);
}

int authorize(const struct principal *who, const struct match *match, struct pki *pki,
              struct err *e)
{
    const struct route *route = match->route;
    char scope[ACCESS_SCOPE] = "/";
    bool below = route->where == WHERE_CLUSTER || route->where == WHERE_MACHINE;

    if (route->where == WHERE_ITEM)
        return somewhere(who, route->right, e);
    /* who may everything, or is nobody, costs no look-up */
    if (below && pki && who->kind != PRINCIPAL_ANONYMOUS && route->right < RIGHT_SELF &&
        !access_find(who, route->right, "/") &&
        store_read(pki_store(pki), find_scope, &(struct finding){ match, scope }, e))
        return -1;
    return access_decide(who, route->right, scope, e);
}
