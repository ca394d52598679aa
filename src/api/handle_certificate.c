#include "api/handlers.h"

#include "base/clock.h"
#include "base/encode.h"
#include "pki/inspect.h"
#include "pki/ledger.h"

struct listing {
    struct handle_page page;
    int64_t expiring;
};

/* The members of a ledger's row, the certificate itself left out. */
static void put_members(struct json_writer *reply, const struct json_value *body)
{
    struct json_iter it = json_iter(body);
    const struct json_value *value;
    const char *key;

    while (json_next(&it, &key, &value))
        if (strcmp(key, "der") != 0)
            json_put_value(reply, key, value);
}

static int put_row(const struct ledger_row *row, void *ctx, struct err *e)
{
    struct listing *l = ctx;

    (void)e;
    if (!handle_may(l->page.args, row->record->scope))
        return 0;
    json_put_object(l->page.reply, NULL);
    json_put_text(l->page.reply, "uid", row->record->uid);
    handle_put_serial(l->page.reply, row->record);
    put_members(l->page.reply, row->body);
    json_put_int(l->page.reply, "seconds_left",
                 row->not_after - pki_now(l->page.args->request->pki));
    json_put_end(l->page.reply);
    return 0;
}

int handle_put_certificate(struct json_writer *reply, const struct record *r, int64_t now,
                           struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    int64_t end;

    if (json_parse(&doc, slice_str(r->body), NULL, e) ||
        time_parse(&end, json_slice(json_get(json_root(doc), "not_after")), e))
        return err_wrap(e, "record %s", r->uid);
    json_put_text(reply, "uid", r->uid);
    handle_put_serial(reply, r);
    put_members(reply, json_root(doc));
    json_put_int(reply, "seconds_left", end - now);
    return 0;
}

static int list_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct listing *l = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    const char *cluster = api_query(l->page.args, "cluster");
    char scope[64];
    struct ledger_query query = { .authorities = true,
                                  .cursor = api_query(l->page.args, "cursor"),
                                  .limit = l->page.limit };

    if (cluster) {
        if (cluster_load(tx, cluster, &c, e))
            return -1;
        cluster_scope(&c, scope);
        if (!handle_may(l->page.args, scope))
            return err_set(e, ERR_NOT_FOUND, "there is no cluster '%.64s'", cluster);
        query.cluster_uid = c.uid;
    }
    query.now = pki_now(l->page.args->request->pki);
    if (l->expiring)
        query.expiring_until = query.now + l->expiring;
    return ledger_list(tx, &query, put_row, l, l->page.next, e);
}

int list_certificates(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct listing l = { .page = { .args = args, .reply = reply } };

    if (api_query_seconds(args, "expiring", &l.expiring, e))
        return -1;
    return handle_list(&l.page, list_in, &l, e);
}

struct showing {
    const struct api_args *args;
    const char *which;
    struct record record;
};

static int show_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct showing *s = ctx;

    if (ledger_find(tx, s->which, &s->record, e))
        return -1;
    if (handle_may(s->args, s->record.scope))
        return 0;
    /* whether it is there is not told either */
    return err_set(e, ERR_NOT_FOUND, "there is no certificate '%.80s' on record", s->which);
}

static int put_record(const struct api_args *args, const struct record *r,
                      struct json_writer *reply, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(buf_clear) struct buf der = { 0 };
    struct x509_cert cert;

    if (json_parse(&doc, slice_str(r->body), NULL, e) ||
        base64_decode(&der, json_slice(json_get(json_root(doc), "der")), e) ||
        x509_cert_read(&cert, buf_slice(&der), e))
        return err_wrap(e, "record %s", r->uid);
    json_put_text(reply, "uid", r->uid);
    json_put_int(reply, "revision", r->revision);
    handle_put_serial(reply, r);
    put_members(reply, json_root(doc));
    json_put_object(reply, "x509");
    inspect_write(reply, &cert, pki_now(args->request->pki));
    json_put_end(reply);
    handle_put_pem(reply, "certificate", buf_slice(&der));
    return 0;
}

int show_certificate(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct showing s = { .args = args, .which = args->param[0] };
    int rc = store_read(pki_store(args->request->pki), show_in, &s, e);

    handle_shows(args, s.record.revision);
    if (!rc)
        rc = put_record(args, &s.record, reply, e);
    record_clear(&s.record);
    return rc;
}
