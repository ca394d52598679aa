#include "api/replay.h"

#include "base/clock.h"
#include "crypto/hash.h"

/* ---- names ---- */

static void digest(char out[65], struct slice a, struct slice b, struct slice c)
{
    CLEANUP(buf_clear) struct buf all = { 0 };
    CLEANUP(buf_clear) struct buf hex = { 0 };
    struct slice parts[] = { a, b, c };

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) { /* lengths: no two lists read alike */
        buf_addf(&all, "%zu:", parts[i].len);
        buf_add_slice(&all, parts[i]);
    }
    sha256_hex(&hex, buf_slice(&all));
    (void)snprintf(out, 65, "%s", buf_str(&hex));
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7e)
            return false;
    return true;
}

static struct slice none(void)
{
    return slice_of(NULL, 0);
}

/* ---- keeping ---- */

static void put_body(struct buf *out, const struct replay *r, const struct api_response *response)
{
    struct json_writer w;

    json_writer_init(&w, out, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "digest", r->digest);
    json_put_text(&w, "request", r->request);
    if (response && response->body.len <= REPLAY_MAX_ANSWER) {
        json_put_int(&w, "status", response->status);
        json_put_int(&w, "revision", response->revision);
        json_put_text(&w, "location", response->location);
        json_put_slice(&w, "body", buf_slice(&response->body));
    }
    json_put_end(&w);
}

struct sweep {
    char uid[REPLAY_SWEEP][UID_TEXT];
    size_t count;
};

static int note_expired(const struct record *r, void *ctx, struct err *e)
{
    struct sweep *s = ctx;

    (void)e;
    memcpy(s->uid[s->count++], r->uid, UID_TEXT);
    return 0;
}

static int sweep(struct pki_write *w, struct err *e)
{
    struct sweep s = { .count = 0 };
    char next[STORE_CURSOR];
    struct store_query query = { .kind = KIND_ANSWER,
                                 .expires_until = w->now,
                                 .order = STORE_BY_EXPIRES,
                                 .limit = REPLAY_SWEEP };

    if (store_list(w->tx, &query, note_expired, &s, next, e))
        return -1;
    for (size_t i = 0; i < s.count; i++)
        if (store_delete(w->tx, s.uid[i], STORE_ANY_REVISION, w->now, e))
            return -1;
    return 0;
}

/* The record of this key, unless it is too old. */
static int find(struct store_tx *tx, const struct replay *r, int64_t now, struct record *out,
                bool *found, struct err *e)
{
    struct err why = { 0 };

    *found = false;
    if (store_find(tx, KIND_ANSWER, r->scope, r->name, out, &why))
        return why.code == ERR_NOT_FOUND ? 0 : err_pass(e, &why);
    *found = out->expires > now;
    return 0;
}

static bool is_ours(const struct record *have, const struct replay *r)
{
    CLEANUP(json_freep) struct json *doc = NULL;

    return json_parse(&doc, slice_str(have->body), NULL, NULL) == 0 &&
           slice_eq_str(json_slice(json_get(json_root(doc), "request")), r->request);
}

/* In the transaction of the work: from its commit on, the key is taken. */
static int take_key(struct pki_write *w, void *ctx, struct err *e)
{
    const struct replay *r = ctx;
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(record_clear) struct record have = { 0 };
    struct record row = { 0 };
    int64_t count;
    bool found;

    if (sweep(w, e) || find(w->tx, r, w->now, &have, &found, e))
        return -1;
    if (found && is_ours(&have, r)) /* a handler with two transactions */
        return 0;
    if (found)
        return err_set(e, ERR_CONFLICT, "another request with this Idempotency-Key was faster");
    if (have.uid[0] && store_delete(w->tx, have.uid, STORE_ANY_REVISION, w->now, e))
        return -1;
    if (store_count(w->tx, KIND_ANSWER, r->scope, &count, e))
        return -1;
    if (count >= REPLAY_MAX_KEYS)
        return err_set(e, ERR_LIMIT, "more than %d Idempotency-Keys in a day: send none",
                       REPLAY_MAX_KEYS);
    put_body(&body, r, NULL);
    row.kind = (char *)(uintptr_t)KIND_ANSWER;
    row.scope = (char *)(uintptr_t)r->scope;
    row.name = (char *)(uintptr_t)r->name;
    row.schema = 1;
    row.expires = w->now + REPLAY_LIFE;
    row.body = (char *)(uintptr_t)buf_str(&body);
    return store_insert(w->tx, &row, w->now, e);
}

int replay_begin(struct replay *r, const struct api_request *in, const struct route *route,
                 struct request *request, struct err *e)
{
    char who[65];

    if (!(route->flags & ROUTE_REPEAT))
        return err_set(e, ERR_INVALID,
                       "Idempotency-Key: this path keeps no answers, do not send one");
    if (!in->idempotency_key.len || in->idempotency_key.len > REPLAY_MAX_KEY ||
        !is_printable(in->idempotency_key))
        return err_set(e, ERR_INVALID, "Idempotency-Key must be 1 to %d printable characters",
                       REPLAY_MAX_KEY);
    digest(who, slice_str(request->who->name), slice_str(request->who->uid), none());
    (void)snprintf(r->scope, sizeof r->scope, "/answer/%.32s", who);
    digest(r->name, slice_str(who), in->idempotency_key, none());
    digest(r->digest, slice_str(in->path), in->body, none());
    memcpy(r->request, request->id, sizeof r->request);
    r->active = true;
    request->also = take_key;
    request->also_ctx = r;
    return 0;
}

/* ---- finding ---- */

struct finding {
    const struct replay *r;
    struct api_response *response;
    int64_t now;
    bool found;
};

static int read_answer(const struct json_value *body, struct api_response *response, struct err *e)
{
    const char *location = json_text(json_get(body, "location"));

    if (!json_get(body, "status"))
        return err_set(e, ERR_CONFLICT,
                       "a request with this Idempotency-Key did its work, but its answer is not "
                       "there: look at what it made");
    response->status = (int)json_int(json_get(body, "status"), 200);
    response->revision = json_int(json_get(body, "revision"), 0);
    (void)snprintf(response->location, sizeof response->location, "%s", location ? location : "");
    buf_reset(&response->body);
    buf_add_slice(&response->body, json_slice(json_get(body, "body")));
    return 0;
}

static int find_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct finding *f = ctx;
    CLEANUP(record_clear) struct record have = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;

    if (find(tx, f->r, f->now, &have, &f->found, e))
        return -1;
    if (!f->found)
        return 0;
    if (json_parse(&doc, slice_str(have.body), NULL, e))
        return err_wrap(e, "kept answer");
    if (!slice_eq_str(json_slice(json_get(json_root(doc), "digest")), f->r->digest))
        return err_set(e, ERR_REUSED,
                       "this Idempotency-Key came with another path or body before: a new request "
                       "needs a new key");
    return read_answer(json_root(doc), f->response, e);
}

int replay_find(struct replay *r, struct request *request, struct api_response *response,
                bool *found, struct err *e)
{
    struct finding f = { r, response, pki_now(request->pki), false };

    if (store_read(pki_store(request->pki), find_in, &f, e))
        return -1;
    *found = f.found;
    return 0;
}

/* ---- the answer ---- */

struct keeping {
    struct replay *r;
    const struct api_response *response;
};

static int keep_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct keeping *k = ctx;
    CLEANUP(record_clear) struct record have = { 0 };
    CLEANUP(buf_clear) struct buf body = { 0 };
    struct record row;
    struct err why = { 0 };

    /* A handler that wrote nothing took no key: asked again, it says the same. */
    if (store_find(tx, KIND_ANSWER, k->r->scope, k->r->name, &have, &why))
        return why.code == ERR_NOT_FOUND ? 0 : err_pass(e, &why);
    if (!is_ours(&have, k->r))
        return 0;
    put_body(&body, k->r, k->response);
    row = have;
    row.body = (char *)(uintptr_t)buf_str(&body);
    return store_update(tx, &row, have.revision, have.updated, e);
}

int replay_keep(struct replay *r, struct request *request, const struct api_response *response,
                struct err *e)
{
    struct keeping k = { r, response };

    request->also = NULL;
    if (!r->active)
        return 0;
    return store_write(pki_store(request->pki), keep_in, &k, e);
}
