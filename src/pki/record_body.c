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
