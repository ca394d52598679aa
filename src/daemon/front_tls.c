#include "daemon/front.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include <unistd.h>

enum { NAMES = 2 * SETTINGS_LIST + 4, GENERATIONS = 8, RETRY_SECONDS = 60 };

struct names {
    char *text[NAMES];
    size_t count;
};

static void names_clear(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->text[i]);
}

static void add(struct names *n, struct slice name)
{
    CLEANUP(freep) char *text = slice_dup(name);

    if (n->count == NAMES || settings_check_name(text, NULL))
        return;
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->text[i], text) == 0)
            return;
    n->text[n->count++] = text;
    text = NULL;
}

/* The address of "10.0.0.1:8443" or "[fd00::1]:8443"; "*" stands for none that could be named. */
static void add_listen(struct names *n, const char *listen)
{
    struct slice host = slice_of(listen, (size_t)(strrchr(listen, ':') - listen));

    if (slice_starts(host, "["))
        host = slice_of(host.ptr + 1, host.len - 2);
    add(n, host);
}

static void collect(struct names *n, const struct settings *s)
{
    char host[256] = "";

    for (size_t i = 0; i < s->names.count; i++)
        add(n, slice_str(s->names.text[i]));
    for (size_t i = 0; i < s->listen.count; i++)
        add_listen(n, s->listen.text[i]);
    if (gethostname(host, sizeof host - 1) == 0)
        add(n, slice_str(host));
    add(n, slice_str("localhost"));
}

struct authorities {
    struct buf der[GENERATIONS];
    size_t count;
};

static void authorities_clear(struct authorities *a)
{
    for (size_t i = 0; i < GENERATIONS; i++)
        buf_clear(&a->der[i]);
}

static int make_context(struct front *f, const struct share_identity *identity,
                        struct tls_server **ret, struct err *e)
{
    CLEANUP(authorities_clear) struct authorities a = { 0 };
    struct slice chain[] = { buf_slice(&identity->leaf), buf_slice(&identity->issuer) };
    struct slice clients[GENERATIONS];
    struct tls_identity ours = { chain, ARRAY_LEN(chain), identity->key };
    struct tls_server_config config = {
        .identity = &ours, .identity_count = 1, .client_ca = clients, .previous = f->tls
    };

    if (share_client_authorities(f->pki, a.der, GENERATIONS, &a.count, e))
        return -1;
    for (size_t i = 0; i < a.count; i++)
        clients[i] = buf_slice(&a.der[i]);
    config.client_ca_count = a.count;
    return tls_server_new(ret, &config, e);
}

int front_tls_renew(struct front *f, struct err *e)
{
    CLEANUP(names_clear) struct names names = { 0 };
    CLEANUP(share_identity_clear) struct share_identity identity = { 0 };
    struct share_order order = { .ttl = f->child->settings.certificate_lifetime };
    struct tls_server *tls;
    int64_t now = clock_wall();

    collect(&names, &f->child->settings);
    order.names = (const char *const *)names.text;
    order.name_count = names.count;
    if (share_identity_new(&identity, f->pki, &order, e) || make_context(f, &identity, &tls, e))
        return -1;
    server_set_tls(f->server, tls);
    tls_server_free(f->tls);
    f->tls = tls;
    f->renew_at = now + (identity.not_after - now) * 2 / 3;
    return 0;
}

void front_tls_duty(struct front *f)
{
    struct err e = { 0 };

    if (!front_tls_renew(f, &e)) {
        log_line(LOG_LEVEL_INFO, "the daemon has a new certificate");
        return;
    }
    f->renew_at = clock_wall() + RETRY_SECONDS;
    log_line(LOG_LEVEL_ERROR, "%s; trying again in %d s", err_text(&e), RETRY_SECONDS);
}
