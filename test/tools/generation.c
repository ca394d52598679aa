/*
 * Gives an authority one more generation, which signs from then on: what a rotation will do step by
 * step. For tests of what becomes of certificates of the generation before.
 *
 *     generation STATE CLUSTER AUTHORITY
 */
#include "base/clock.h"
#include "pki/authority.h"

#include <stdio.h>

struct wish {
    const char *cluster, *authority;
    int number;
};

static int add(struct pki_write *w, void *ctx, struct err *e)
{
    struct wish *wish = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(authority_clear) struct authority a = { 0 };
    enum authority_role role;

    if (cluster_load(w->tx, wish->cluster, &c, e) ||
        authority_role_parse(&role, wish->authority, e) || authority_load(w->tx, &c, role, &a, e))
        return -1;
    wish->number = (int)a.generation_count + 1;
    return authority_add_generation(w, &c, role, e) ||
                   authority_issue_from(w, &c, role, wish->number, e)
               ? -1
               : 0;
}

int main(int argc, char **argv)
{
    CLEANUP(pki_closep) struct pki *pki = NULL;
    struct pki_options options = { .dir = { .lock = STATE_SHARED, .wait_ms = 5000 },
                                   .now = clock_wall() };
    struct principal who;
    struct request request = { .who = &who };
    struct err e = { 0 };

    if (argc != 4) {
        fprintf(stderr, "usage: generation STATE CLUSTER AUTHORITY\n");
        return 2;
    }
    options.dir.path = argv[1];
    principal_local(&who);
    uid_new(request.id);
    if (!pki_open(&pki, &options, &e)) {
        request.pki = pki;
        if (!pki_write(&request, add, &(struct wish){ argv[2], argv[3], 0 }, &e))
            return 0;
    }
    fprintf(stderr, "generation: %s\n", err_text(&e));
    return 1;
}
