#include "api/client.h"
#include "api/handlers.h"

#include "base/clock.h"
#include "crypto/pem.h"

bool handle_may(const struct api_args *args, const char *scope)
{
    return access_find(args->request->who, args->route->right, scope) != NULL;
}

int handle_must(const struct api_args *args, const char *scope, struct err *e)
{
    return access_decide(args->request->who, args->route->right, scope, e);
}

struct load {
    const char *name;
    struct cluster *ret;
};

static int load_cluster(struct store_tx *tx, void *ctx, struct err *e)
{
    struct load *l = ctx;

    return cluster_load(tx, l->name, l->ret, e);
}

int handle_cluster(const struct api_args *args, struct cluster *ret, struct err *e)
{
    return store_read(pki_store(args->request->pki), load_cluster,
                      &(struct load){ args->param[0], ret }, e);
}

int handle_csr(const struct json_value *object, struct buf *der, struct err *e)
{
    const char *text;

    if (json_want_text(object, "csr", &text, e))
        return -1;
    if (pem_or_der(der, slice_str(text), "CERTIFICATE REQUEST", e)) {
        (void)err_wrap(e, "csr");
        return err_field(e, "csr");
    }
    return 0;
}

void handle_put_pem(struct json_writer *reply, const char *key, struct slice cert_der)
{
    CLEANUP(buf_clear) struct buf pem = { 0 };

    pem_write(&pem, "CERTIFICATE", cert_der);
    json_put_slice(reply, key, buf_slice(&pem));
}

void handle_put_serial(struct json_writer *reply, const struct record *record)
{
    struct slice rest = slice_str(record->issuer_serial), serial; /* SERIAL/SKID */

    if (slice_cut(&rest, '/', &serial))
        json_put_slice(reply, "serial", serial);
}

int handle_list(struct handle_page *page, store_fn *list, void *ctx, struct err *e)
{
    if (api_query_limit(page->args, 200, &page->limit, e))
        return -1;
    json_put_array(page->reply, "items");
    if (store_read(pki_store(page->args->request->pki), list, ctx, e))
        return -1;
    json_put_end(page->reply);
    if (page->next[0])
        json_put_text(page->reply, "next", page->next);
    return 0;
}

void handle_shows(const struct api_args *args, int64_t revision)
{
    args->answer->revision = revision;
}

void handle_made(const struct api_args *args, int64_t revision, const char *path,
                 const char *segment)
{
    CLEANUP(buf_clear) struct buf location = { 0 };

    client_path(&location, path, &segment);
    args->answer->status = 201;
    args->answer->revision = revision;
    if (location.len < sizeof args->answer->location)
        (void)snprintf(args->answer->location, sizeof args->answer->location, "%s",
                       buf_str(&location));
}

int handle_seconds(const struct json_value *object, const char *key, int64_t *seconds,
                   struct err *e)
{
    const struct json_value *v = json_get(object, key);

    *seconds = 0;
    if (!v)
        return 0;
    if (duration_parse(seconds, json_slice(v), e)) {
        (void)err_wrap(e, "%s", key);
        return err_field(e, key);
    }
    return 0;
}
