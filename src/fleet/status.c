#include "fleet/status.h"

#include "base/alloc.h"
#include "base/encode.h"
#include "fleet/component.h"
#include "pki/record_body.h"

static int put_checked(struct json_writer *w, const struct json_value *object, const char *key,
                       size_t most, struct err *e)
{
    const struct json_value *v = json_get(object, key);
    CLEANUP(freep) char *text = NULL;

    if (json_type(v) != JSON_NULL && json_type(v) != JSON_STRING)
        return err_set(e, ERR_INVALID, "'%s' is not a text", key);
    if (json_len(v) > most)
        return err_set(e, ERR_LIMIT, "'%s' is longer than %zu bytes", key, most);
    text = xstrdup(json_text(v) ? json_text(v) : "");
    text_make_safe(text);
    json_put_text(w, key, text);
    return 0;
}

static int check_state(const struct json_value *item, struct err *e)
{
    static const char *const states[] = { "current", "waiting", "stale", "failed" };
    struct slice state = json_slice(json_get(item, "state"));

    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (slice_eq_str(state, states[i]))
            return 0;
    return err_set(e, ERR_INVALID, "'state' is none of current, waiting, stale, failed");
}

static int put_item(struct json_writer *w, const struct json_value *item, struct err *e)
{
    static const struct {
        const char *key;
        size_t most;
    } texts[] = { { "component", 64 }, { "path", 256 },     { "state", 16 },
                  { "wanted", 64 },    { "installed", 64 }, { "loaded", 64 },
                  { "since", 20 },     { "renews", 20 },    { "error", STATUS_MAX_TEXT } };

    if (json_type(item) != JSON_OBJECT)
        return err_set(e, ERR_INVALID, "'items' is not a list of objects");
    if (check_state(item, e))
        return -1;
    json_put_object(w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (put_checked(w, item, texts[i].key, texts[i].most, e))
            return -1;
    json_put_end(w);
    return 0;
}

/* Small differences are the way of the answer, and would be something new each time. */
static int64_t skew_of(const struct json_value *report, int64_t now)
{
    int64_t clock = json_int(json_get(report, "clock"), now);
    int64_t skew = clock < 0 || clock > INT64_MAX / 2 ? INT64_MAX / 4 : clock - now;

    if (skew < STATUS_SKEW && skew > -STATUS_SKEW)
        return 0;
    return skew / STATUS_SKEW * STATUS_SKEW;
}

int status_read(struct buf *body, const struct json_value *report, int64_t now, struct err *e)
{
    const struct json_value *items = json_get(report, "items");
    struct json_iter it = json_iter(items);
    const struct json_value *item;
    struct json_writer w;
    const char *key;

    if (json_type(report) != JSON_OBJECT || json_type(items) != JSON_ARRAY)
        return err_set(e, ERR_INVALID, "a status is an object with a list 'items'");
    if (json_len(items) > STATUS_MAX_ITEMS)
        return err_set(e, ERR_LIMIT, "'items' has more than %d", STATUS_MAX_ITEMS);
    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    if (put_checked(&w, report, "revision", 96, e) || put_checked(&w, report, "boot", 64, e) ||
        put_checked(&w, report, "version", 32, e) ||
        put_checked(&w, report, "error", STATUS_MAX_TEXT, e))
        return -1;
    json_put_int(&w, "skew", skew_of(report, now));
    json_put_array(&w, "items");
    while (json_next(&it, &key, &item))
        if (put_item(&w, item, e))
            return -1;
    json_put_end(&w);
    json_put_end(&w);
    return buf_check(body, e);
}

int status_save(struct pki_write *w, const struct cluster *c, const char *machine,
                const struct buf *body, bool *changed, struct err *e)
{
    CLEANUP(record_clear) struct record have = { 0 };
    CLEANUP(freep) char *text = slice_dup(buf_slice(body));
    struct err why = { 0 };
    char scope[64];
    struct record r = {
        .kind = lend(KIND_STATUS), .scope = scope, .name = lend(machine), .schema = 1, .body = text
    };

    cluster_scope(c, scope);
    *changed = true;
    if (store_find(w->tx, KIND_STATUS, scope, machine, &have, &why)) {
        if (why.code != ERR_NOT_FOUND)
            return err_pass(e, &why);
        return store_insert(w->tx, &r, w->now, e);
    }
    *changed = strcmp(have.body, text) != 0;
    if (!*changed)
        return 0;
    memcpy(r.uid, have.uid, sizeof r.uid);
    return store_update(w->tx, &r, STORE_ANY_REVISION, w->now, e);
}

int status_load(struct store_tx *tx, const struct cluster *c, const char *machine,
                struct json **doc, int64_t *updated, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    struct err why = { 0 };
    char scope[64];

    *doc = NULL;
    *updated = 0;
    cluster_scope(c, scope);
    if (store_find(tx, KIND_STATUS, scope, machine, &r, &why))
        return why.code == ERR_NOT_FOUND ? 0 : err_pass(e, &why);
    *updated = r.updated;
    return record_json(doc, &r, e);
}
