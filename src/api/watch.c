#include "api/watch.h"

#include "api/handlers.h"
#include "base/alloc.h"
#include "base/clock.h"

/* ---- what can be watched ---- */

struct watch;
typedef int put_object(struct watch *w, struct store_tx *tx, const struct record *r,
                       struct json_writer *out, struct err *e);

struct offer {
    const char *path; /* of the list's route */
    const char *kind; /* NULL: every kind that a person may see */
    put_object *put;
};

/* What is sealed, or nobody's business, is not even named. */
static const char *const hidden[] = { KIND_DATA_KEY, KIND_KEEPER, KIND_ANSWER };

struct watch {
    const struct offer *offer;
    struct principal who;
    enum right right;
    struct pki *pki;
    bool listing;              /* what is there comes first */
    char cursor[STORE_CURSOR]; /* of that list */
    int64_t sequence;          /* all before it was told */
    int64_t end_ms, bookmark_ms;
    struct buf *out; /* of the call under way */
    struct store_tx *tx;
};

static void put_meta(const struct record *r, struct json_writer *out)
{
    json_put_text(out, "uid", r->uid);
    json_put_text(out, "kind", r->kind);
    json_put_text(out, "scope", r->scope);
    json_put_text(out, "name", r->name);
    json_put_int(out, "revision", r->revision);
}

static int put_name(struct watch *w, struct store_tx *tx, const struct record *r,
                    struct json_writer *out, struct err *e)
{
    (void)w;
    (void)tx;
    (void)e;
    put_meta(r, out);
    return 0;
}

static int put_cluster(struct watch *w, struct store_tx *tx, const struct record *r,
                       struct json_writer *out, struct err *e)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };

    (void)w;
    if (cluster_load(tx, r->name, &c, e))
        return -1;
    cluster_write_json(out, &c);
    return 0;
}

static int put_certificate(struct watch *w, struct store_tx *tx, const struct record *r,
                           struct json_writer *out, struct err *e)
{
    (void)tx;
    return handle_put_certificate(out, r, pki_now(w->pki), e);
}

static const struct offer offers[] = {
    { "/v1/clusters", KIND_CLUSTER, put_cluster },
    { "/v1/certificates", KIND_CERTIFICATE, put_certificate },
    { "/v1/changes", NULL, put_name },
};

static const struct offer *find_offer(const struct route *route)
{
    for (size_t i = 0; route->method == HTTP_GET && i < ARRAY_LEN(offers); i++)
        if (strcmp(route->path, offers[i].path) == 0)
            return &offers[i];
    return NULL;
}

bool watch_is_offered(const struct route *route)
{
    return find_offer(route) != NULL;
}

bool watch_is_wanted(const struct api_args *args)
{
    const char *text = api_query(args, "watch");

    return text && find_offer(args->route) && strcmp(text, "0") != 0 && strcmp(text, "false") != 0;
}

/* ---- lines ---- */

static bool is_hidden(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        if (strcmp(hidden[i], kind) == 0)
            return true;
    return false;
}

static bool is_meant(const struct watch *w, const char *kind, const char *scope, const char *uid)
{
    CLEANUP(buf_clear) struct buf own = { 0 };

    if (w->offer->kind ? strcmp(w->offer->kind, kind) != 0 : is_hidden(kind))
        return false;
    if (strcmp(kind, KIND_CLUSTER) == 0) { /* what is in it has a scope of its own */
        buf_addf(&own, "%s/%s", scope, uid);
        scope = buf_str(&own);
    }
    return access_find(&w->who, w->right, scope) != NULL;
}

static void begin_line(struct json_writer *line, struct buf *out, const char *type,
                       int64_t sequence)
{
    json_writer_init(line, out, false);
    json_put_object(line, NULL);
    json_put_text(line, "type", type);
    json_put_int(line, "sequence", sequence);
}

static void end_line(struct json_writer *line)
{
    json_put_end(line);
    buf_add_byte(line->out, '\n');
}

static void put_bookmark(struct watch *w)
{
    struct json_writer line;

    begin_line(&line, w->out, "BOOKMARK", w->sequence);
    end_line(&line);
    w->bookmark_ms = clock_monotonic_ms() + WATCH_BOOKMARK_MS;
}

/* A line is whole or not there: what cannot be shown any more was changed again, and comes later.
 */
static int put_record(struct watch *w, const char *type, int64_t sequence, const struct record *r,
                      struct err *e)
{
    size_t before = w->out->len;
    struct json_writer line;
    struct err why = { 0 };

    begin_line(&line, w->out, type, sequence);
    json_put_object(&line, "object");
    if (w->offer->put(w, w->tx, r, &line, &why)) {
        w->out->len = before;
        return why.code == ERR_NOT_FOUND ? 0 : err_pass(e, &why);
    }
    json_put_end(&line);
    end_line(&line);
    return 0;
}

static void put_deleted(struct watch *w, const struct store_change *c)
{
    struct json_writer line;

    begin_line(&line, w->out, "DELETED", c->sequence);
    json_put_object(&line, "object");
    json_put_text(&line, "uid", c->uid);
    json_put_text(&line, "kind", c->kind);
    json_put_text(&line, "scope", c->scope);
    json_put_end(&line);
    end_line(&line);
}

/* ---- what there is ---- */

static int visit_record(const struct record *r, void *ctx, struct err *e)
{
    struct watch *w = ctx;

    if (!is_meant(w, r->kind, r->scope, r->uid))
        return 0;
    /* 0: whoever is cut off in the middle of the list has not seen all that was before */
    return put_record(w, "ADDED", 0, r, e);
}

static int list_more(struct watch *w, struct err *e)
{
    struct store_query query = {
        .kind = w->offer->kind, .order = STORE_BY_CREATED, .cursor = w->cursor, .limit = WATCH_BATCH
    };
    char next[STORE_CURSOR];

    if (w->offer->kind && store_list(w->tx, &query, visit_record, w, next, e))
        return -1;
    if (w->offer->kind && next[0]) {
        memcpy(w->cursor, next, sizeof w->cursor);
        return 0;
    }
    w->listing = false;
    put_bookmark(w);
    return 0;
}

/* ---- what changes ---- */

static int visit_change(const struct store_change *c, void *ctx, struct err *e)
{
    struct watch *w = ctx;
    CLEANUP(record_clear) struct record r = { 0 };
    struct err why = { 0 };

    w->sequence = c->sequence;
    if (!is_meant(w, c->kind, c->scope, c->uid))
        return 0;
    if (strcmp(c->operation, "delete") == 0) {
        put_deleted(w, c);
        return 0;
    }
    if (store_get(w->tx, c->uid, &r, &why)) /* its deletion is a later line */
        return why.code == ERR_NOT_FOUND ? 0 : err_pass(e, &why);
    return put_record(w, strcmp(c->operation, "insert") == 0 ? "ADDED" : "MODIFIED", c->sequence,
                      &r, e);
}

static int read_more(struct store_tx *tx, void *ctx, struct err *e)
{
    struct watch *w = ctx;

    w->tx = tx;
    if (w->listing)
        return list_more(w, e);
    return store_changes(tx, w->sequence, WATCH_BATCH, visit_change, w, e);
}

static int watch_more(void *src, struct buf *out, bool *end, struct err *e)
{
    struct watch *w = src;
    size_t before = out->len;

    w->out = out;
    if (store_read(pki_store(w->pki), read_more, w, e))
        return -1;
    if (out->len != before)
        w->bookmark_ms = clock_monotonic_ms() + WATCH_BOOKMARK_MS;
    *end = clock_monotonic_ms() >= w->end_ms && !w->listing;
    if (*end || clock_monotonic_ms() >= w->bookmark_ms)
        put_bookmark(w);
    return buf_check(out, e);
}

/* ---- start ---- */

static int note_first(const struct store_change *c, void *ctx, struct err *e)
{
    int64_t *first = ctx;

    (void)e;
    *first = c->sequence;
    return 0;
}

static int begin(struct store_tx *tx, void *ctx, struct err *e)
{
    struct watch *w = ctx;
    int64_t last = store_sequence(tx), first = 0;

    if (w->listing) {
        w->sequence = last;
        return 0;
    }
    if (store_changes(tx, 0, 1, note_first, &first, e))
        return -1;
    if (w->sequence > last || (first && w->sequence < first - 1))
        return err_set(e, ERR_GONE,
                       "changes since %lld are not known, those from %lld to %lld are: list again, "
                       "and watch from there",
                       (long long)w->sequence, (long long)first, (long long)last);
    return 0;
}

static int parse_since(struct watch *w, const char *text, struct err *e)
{
    char *end;

    w->listing = !text;
    if (!text)
        return 0;
    w->sequence = strtoll(text, &end, 10);
    if (!text[0] || *end || w->sequence < 0) {
        (void)err_set(e, ERR_INVALID, "since '%.24s' must be a sequence number", text);
        return err_field(e, "since");
    }
    return 0;
}

/* What would be ignored is refused. */
static int check_filters(const struct api_args *args, struct err *e)
{
    struct json_iter it = json_iter(args->query);
    const struct json_value *value;
    const char *name;

    while (json_next(&it, &name, &value))
        if (strcmp(name, "watch") != 0 && strcmp(name, "since") != 0) {
            (void)err_set(e, ERR_INVALID, "'%s' does not go with watch: what changes is told whole",
                          name);
            return err_field(e, name);
        }
    return 0;
}

static void watch_free(struct watch *w)
{
    free(w);
}
DEFINE_FREEP(struct watch *, watch_free)

int watch_start(const struct api_args *args, struct err *e)
{
    CLEANUP(watch_freep) struct watch *w = xcalloc(1, sizeof *w);

    w->offer = find_offer(args->route);
    w->who = *args->request->who;
    w->right = args->route->right;
    w->pki = args->request->pki;
    w->end_ms = clock_monotonic_ms() + WATCH_LIFE_MS;
    w->bookmark_ms = clock_monotonic_ms() + WATCH_BOOKMARK_MS;
    if (check_filters(args, e) || parse_since(w, api_query(args, "since"), e) ||
        store_read(pki_store(w->pki), begin, w, e))
        return -1;
    args->answer->type = "application/x-ndjson";
    args->answer->stream = (struct api_stream){ watch_more, free, w };
    w = NULL;
    return 0;
}

/* ---- the list itself ---- */

struct changes {
    struct watch watch;
    const struct api_args *args;
    struct json_writer *reply;
    int64_t since;
    int limit, seen;
};

static int put_change(const struct store_change *c, void *ctx, struct err *e)
{
    struct changes *x = ctx;

    (void)e;
    x->since = c->sequence;
    x->seen++;
    if (!is_meant(&x->watch, c->kind, c->scope, c->uid))
        return 0;
    json_put_object(x->reply, NULL);
    json_put_int(x->reply, "sequence", c->sequence);
    json_put_text(x->reply, "operation", c->operation);
    json_put_text(x->reply, "uid", c->uid);
    json_put_text(x->reply, "kind", c->kind);
    json_put_text(x->reply, "scope", c->scope);
    json_put_time(x->reply, "time", c->time);
    json_put_end(x->reply);
    return 0;
}

static int changes_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct changes *x = ctx;

    return begin(tx, &x->watch, e) ? -1 : store_changes(tx, x->since, x->limit, put_change, x, e);
}

int list_changes(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct changes x = { .args = args, .reply = reply };
    const char *since = api_query(args, "cursor");

    x.watch.offer = find_offer(args->route);
    x.watch.who = *args->request->who;
    x.watch.right = args->route->right;
    if (!since)
        since = api_query(args, "since");
    if (api_query_limit(args, 200, &x.limit, e) || parse_since(&x.watch, since ? since : "0", e))
        return -1;
    x.since = x.watch.sequence;
    json_put_array(reply, "items");
    if (store_read(pki_store(args->request->pki), changes_in, &x, e))
        return -1;
    json_put_end(reply);
    json_put_int(reply, "sequence", x.since);
    if (x.seen == x.limit) {
        CLEANUP(buf_clear) struct buf next = { 0 };

        buf_addf(&next, "%lld", (long long)x.since);
        json_put_slice(reply, "next", buf_slice(&next));
    }
    return 0;
}
