#include "pki/record_body.h"

#include "base/encode.h"

int record_damaged(const struct record *r, struct err *e)
{
    if (e)
        e->code = ERR_CORRUPT;
    return err_wrap(e, "the record of %s '%.80s' is damaged", r->kind, r->name);
}

int record_json(struct json **doc, const struct record *r, struct err *e)
{
    CLEANUP(json_freep) struct json *read = NULL;
    static const struct json_limits limits = { .bytes = STORE_MAX_BODY, .depth = 8 };

    if (json_parse(&read, slice_str(r->body), &limits, e))
        return record_damaged(r, e);
    if (json_type(json_root(read)) != JSON_OBJECT) {
        err_set(e, ERR_CORRUPT, "not an object");
        return record_damaged(r, e);
    }
    *doc = read;
    read = NULL;
    return 0;
}

int body_base64(const struct json_value *body, const char *key, struct buf *out, struct err *e)
{
    const struct json_value *v = json_get(body, key);

    if (json_type(v) != JSON_STRING)
        return err_set(e, ERR_CORRUPT, "'%s' is missing", key);
    if (base64_decode(out, json_slice(v), e)) {
        if (e)
            e->code = ERR_CORRUPT;
        return err_wrap(e, "'%s'", key);
    }
    return 0;
}

static void put_merged(struct json_writer *w, const struct json_value *body,
                       const struct json_value *members)
{
    const struct json_value *value, *other;
    struct json_iter it = json_iter(body);
    const char *key;

    json_put_object(w, NULL);
    while (json_next(&it, &key, &value)) {
        other = json_get(members, key);
        json_put_value(w, key, other ? other : value);
    }
    it = json_iter(members);
    while (json_next(&it, &key, &value))
        if (!json_get(body, key))
            json_put_value(w, key, value);
    json_put_end(w);
}

static int merge(struct record *r, struct slice members, struct err *e)
{
    CLEANUP(json_freep) struct json *body = NULL;
    CLEANUP(json_freep) struct json *more = NULL;
    CLEANUP(buf_clear) struct buf merged = { 0 };
    struct json_writer json;

    if (record_json(&body, r, e) || json_parse(&more, members, NULL, e))
        return -1;
    json_writer_init(&json, &merged, false);
    put_merged(&json, json_root(body), json_root(more));
    if (buf_check(&merged, e))
        return -1;
    free(r->body);
    r->body = buf_take_str(&merged);
    return 0;
}

int record_merge(struct pki_write *w, const char *uid, struct buf *members, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };

    if (buf_check(members, e) || store_get(w->tx, uid, &r, e) || merge(&r, buf_slice(members), e))
        return -1;
    return store_update(w->tx, &r, STORE_ANY_REVISION, w->now, e);
}

int record_supersede(struct pki_write *w, const char *uid, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };

    if (store_get(w->tx, uid, &r, e) || merge(&r, slice_str("{\"status\":\"superseded\"}"), e))
        return -1;
    r.expires = 0;
    return store_update(w->tx, &r, STORE_ANY_REVISION, w->now, e);
}
