#include "api/handlers.h"

#include "base/clock.h"

#define CHAIN "local" /* of commands in-process; a daemon will have one of its own */

/* ---- list ---- */

struct listing {
    struct handle_page page;
    int64_t last; /* sequence number of the last row looked at */
    int seen;
};

static bool wanted(const struct listing *l, const struct json_value *record)
{
    static const char *const filters[] = { "action", "outcome", "target" };

    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        const char *want = api_query(l->page.args, filters[i]);

        if (want && !slice_starts(json_slice(json_get(record, filters[i])), want))
            return false;
    }
    return true;
}

static int put_row(const struct store_audit_row *row, void *ctx, struct err *e)
{
    struct listing *l = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;

    l->last = row->sequence;
    l->seen++;
    if (json_parse(&doc, row->bytes, NULL, e))
        return err_wrap(e, "audit record %lld", (long long)row->sequence);
    if (!wanted(l, json_root(doc)))
        return 0;
    json_put_value(l->page.reply, NULL, json_root(doc));
    return 0;
}

static int sequence_of(const struct api_args *args, const char *name, int64_t *sequence,
                       struct err *e)
{
    const char *text = api_query(args, name);
    char *end;

    *sequence = 0;
    if (!text || !text[0])
        return 0;
    *sequence = strtoll(text, &end, 10);
    if (*end || *sequence < 0)
        return err_set(e, ERR_INVALID, "%s '%.24s' must be a sequence number", name, text);
    return 0;
}

static int list_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct listing *l = ctx;
    struct store_audit_query query = { .kind = STORE_AUDIT_RECORD,
                                       .chain = CHAIN,
                                       .limit = l->page.limit };
    int64_t after;

    if (sequence_of(l->page.args, "cursor", &after, e))
        return -1;
    query.from = after + 1;
    if (store_audit_list(tx, &query, put_row, l, e))
        return -1;
    if (l->seen == l->page.limit)
        (void)snprintf(l->page.next, sizeof l->page.next, "%lld", (long long)l->last);
    return 0;
}

int list_audit(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct listing l = { .page = { .args = args, .reply = reply } };

    return handle_list(&l.page, list_in, &l, e);
}

/* ---- head and verification ---- */

static int head_in(struct store_tx *tx, void *ctx, struct err *e)
{
    return audit_head(tx, CHAIN, ctx, e);
}

int show_audit_head(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    CLEANUP(buf_clear) struct buf head = { 0 };
    CLEANUP(buf_clear) struct buf key = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;

    if (store_read(pki_store(args->request->pki), head_in, &head, e) ||
        json_parse(&doc, buf_slice(&head), NULL, e) ||
        pki_keeper_public(args->request->pki, &key, e))
        return -1;
    json_put_value(reply, "head", json_root(doc));
    json_put_slice(reply, "key", buf_slice(&key));
    return 0;
}

struct verification {
    bool made; /* there is an installation, which began with a record */
    struct slice from_head;
    struct audit_signer signer;
    struct audit_verdict verdict;
};

static int verify_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct verification *v = ctx;

    if (!v->made && !v->from_head.len) {
        v->verdict = (struct audit_verdict){ .good = true };
        return 0;
    }
    return audit_verify(tx, CHAIN, v->from_head, &v->signer, &v->verdict, e);
}

int verify_audit(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    CLEANUP(buf_clear) struct buf head = { 0 };
    struct verification v = { .made = pki_installation(args->request->pki)[0] };
    struct json_writer w;

    if (json_get(args->body, "head")) {
        json_writer_init(&w, &head, false);
        json_put_value(&w, NULL, json_get(args->body, "head"));
        v.from_head = buf_slice(&head);
    }
    pki_audit_signer(args->request->pki, &v.signer);
    if (store_read(pki_store(args->request->pki), verify_in, &v, e))
        return -1;
    json_put_bool(reply, "good", v.verdict.good);
    json_put_int(reply, "records", v.verdict.records);
    json_put_int(reply, "checkpoints", v.verdict.checkpoints);
    json_put_int(reply, "first", v.verdict.first);
    json_put_int(reply, "last", v.verdict.last);
    json_put_bool(reply, "against_head", v.from_head.len > 0);
    if (!v.verdict.good) {
        json_put_text(reply, "fault", v.verdict.kind);
        json_put_int(reply, "at", v.verdict.at);
        json_put_text(reply, "text", v.verdict.text);
    }
    return 0;
}

/* ---- export ---- */

struct exporting {
    const struct api_args *args;
    struct json_writer *reply;
    struct audit_part part;
};

static int put_line(struct slice line, void *ctx, struct err *e)
{
    struct exporting *x = ctx;

    (void)e;
    json_put_slice(x->reply, NULL, line);
    return 0;
}

static int export_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct exporting *x = ctx;

    return audit_export(tx, CHAIN, &x->part, put_line, x, e);
}

int export_audit(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    CLEANUP(buf_clear) struct buf key = { 0 };
    struct exporting x = { .args = args, .reply = reply };

    if (pki_keeper_public(args->request->pki, &key, e) ||
        sequence_of(args, "after", &x.part.after, e) ||
        api_query_limit(args, 500, &x.part.limit, e))
        return -1;
    x.part.key_pem = buf_str(&key);
    x.part.installation = pki_installation(args->request->pki);
    json_put_array(reply, "lines");
    if (store_read(pki_store(args->request->pki), export_in, &x, e))
        return -1;
    json_put_end(reply);
    if (x.part.last)
        json_put_int(reply, "after", x.part.last);
    return 0;
}

/* ---- prune ---- */

struct pruning {
    int64_t before, removed;
};

static int prune_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct pruning *p = ctx;
    struct audit_signer signer;
    struct audit_writer writer = { pki_installation(w->request->pki), CHAIN, w->now };
    char detail[96];

    pki_deciding(w, "audit.prune", "audit/%s", CHAIN);
    pki_audit_signer(w->request->pki, &signer);
    if (audit_prune(w->tx, &writer, p->before, &signer, &p->removed, e))
        return -1;
    if (!p->removed)
        return 0;
    snprintf(detail, sizeof detail, "{\"removed\":%lld}", (long long)p->removed);
    return pki_granted(w, detail, e);
}

int prune_audit(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct pruning p = { 0 };
    const char *before;

    if (json_want_text(args->body, "before", &before, e))
        return -1;
    if (time_parse(&p.before, slice_str(before), NULL)) {
        int64_t age;

        if (duration_parse(&age, slice_str(before), e))
            return err_wrap(e, "before: neither a time (2026-01-31T00:00:00Z) nor an age (90d)");
        p.before = pki_now(args->request->pki) - age;
    }
    if (pki_write(args->request, prune_in, &p, e))
        return -1;
    json_put_int(reply, "removed", p.removed);
    json_put_time(reply, "before", p.before);
    return 0;
}
