#include "api/guard.h"

#include "base/clock.h"

void guard_init(struct guard *g, const struct api_options *options)
{
    *g = (struct guard){ .limits = options->limits ? options->limits : &rate_default_limits };
}

/* ---- how often ---- */

static const struct rate_rule *rule_of(const struct guard *g, const struct principal *who,
                                       const struct route *route, char key[RATE_KEY])
{
    switch (who->kind) {
    case PRINCIPAL_LOCAL:
        return NULL;
    case PRINCIPAL_OPERATOR:
    case PRINCIPAL_MACHINE:
        (void)snprintf(key, RATE_KEY, "%s", who->uid);
        return who->kind == PRINCIPAL_OPERATOR ? &g->limits->operator: & g->limits->machine;
    case PRINCIPAL_ANONYMOUS:
        break;
    }
    /* a code or a token may be guessed at; what is merely public may not cost us much */
    if (route->right == RIGHT_ANY && route->method == HTTP_POST) {
        rate_address_key(key, "login", who->address);
        return &g->limits->login;
    }
    if (route->right == RIGHT_ANY) /* whether we are alive: asked by many, and costs nothing */
        return NULL;
    rate_address_key(key, "anonymous", who->address);
    return &g->limits->anonymous;
}

int guard_rate(struct guard *g, const struct principal *who, const struct route *route,
               int *retry_after, struct err *e)
{
    char key[RATE_KEY] = "";
    const struct rate_rule *rule = rule_of(g, who, route, key);
    int64_t wait = rule && g->rate ? rate_take(g->rate, key, rule, clock_monotonic_ms()) : 0;

    if (wait == 0)
        return 0;
    *retry_after = (int)((wait + 999) / 1000);
    return err_set(e, ERR_RATE, "'%s' asks too often: try again in %d s", who->name, *retry_after);
}

/* ---- what was refused ---- */

struct refusal_record {
    const char *target, *reason, *detail;
};

static int record_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct refusal_record *r = ctx;

    pki_deciding(w, "access.refuse", "%s", r->target);
    return pki_refused(w, r->reason, r->detail, e);
}

static void write_due(struct pki *pki, const struct refusal *due)
{
    struct principal who = { .via = "none" };
    struct request request = { .pki = pki, .who = &who };
    char detail[64];
    struct refusal_record r = { due->action, "more of the same in a minute", detail };

    (void)snprintf(who.name, sizeof who.name, "%s", due->principal);
    (void)snprintf(detail, sizeof detail, "{\"count\":%lld}", (long long)due->more);
    if (pki_write(&request, record_in, &r, NULL))
        return; /* the next one says that there is a fault */
}

void guard_flush(struct guard *g, struct pki *pki, bool last)
{
    int64_t now = last ? INT64_MAX : pki_now(pki);
    struct refusal due;

    while (g->refusals.used && refusals_due(&g->refusals, now, &due))
        write_due(pki, &due);
}

void guard_refused(struct guard *g, struct request *request, const struct route *route,
                   const char *path, const struct err *why)
{
    char action[REFUSAL_TEXT], target[192];
    struct refusal_record r = { target, why->msg, NULL };
    struct request as = *request;

    if (request->refused)
        return;
    (void)snprintf(action, sizeof action, "%s %s", http_method_name(route->method), route->path);
    if (!refusals_note(&g->refusals, request->who->name, action, pki_now(request->pki)))
        return;
    (void)snprintf(target, sizeof target, "%s %.*s", http_method_name(route->method),
                   (int)strcspn(path, "?"), path);
    as.also = NULL;
    as.expected = 0;
    if (pki_write(&as, record_in, &r, NULL))
        return;
}
