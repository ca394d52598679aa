#include "crypto/jose_json.h"
#include "base/encode.h"
#include "crypto/jose.h"

static int check_members(yyjson_val *object, struct err *e)
{
    struct slice seen[JOSE_MAX_MEMBERS];
    size_t count = 0;
    size_t index, max;
    yyjson_val *name, *value;

    if (yyjson_obj_size(object) > JOSE_MAX_MEMBERS)
        return err_set(e, ERR_LIMIT, "more than %d members", JOSE_MAX_MEMBERS);
    yyjson_obj_foreach(object, index, max, name, value)
    {
        struct slice this = slice_of(yyjson_get_str(name), yyjson_get_len(name));

        for (size_t i = 0; i < count; i++)
            if (slice_eq(seen[i], this))
                return err_set(e, ERR_INVALID, "member %zu repeats the name of member %zu",
                               count + 1, i + 1);
        seen[count++] = this;
    }
    return 0;
}

int jose_object(yyjson_doc **ret, struct slice json, struct err *e)
{
    CLEANUP(yyjson_doc_freep) yyjson_doc *doc = NULL;
    yyjson_read_err why = { 0 };

    /* Without the in-situ flag the text is only read. */
    doc = yyjson_read_opts((char *)(uintptr_t)json.ptr, json.len, 0, NULL, &why);
    if (!doc)
        return err_set(e, ERR_INVALID, "not JSON at byte %zu: %s", why.pos, why.msg);
    if (!yyjson_is_obj(yyjson_doc_get_root(doc)))
        return err_set(e, ERR_INVALID, "not a JSON object");
    if (check_members(yyjson_doc_get_root(doc), e))
        return -1;
    *ret = doc;
    doc = NULL;
    return 0;
}

int jose_text(struct slice *text, yyjson_val *object, const char *name, struct err *e)
{
    yyjson_val *value = yyjson_obj_get(object, name);
    struct slice found = { 0 };

    if (value) {
        if (!yyjson_is_str(value))
            return err_set(e, ERR_INVALID, "member '%s' is not a string", name);
        found = slice_of(yyjson_get_str(value), yyjson_get_len(value));
        if (slice_has_nul(found))
            return err_set(e, ERR_INVALID, "member '%s' holds a NUL", name);
    }
    *text = found;
    return 0;
}

int jose_check_label(struct slice text, const char *name, struct err *e)
{
    if (text.len >= JOSE_MAX_LABEL)
        return err_set(e, ERR_LIMIT, "'%s' has %zu bytes, more than %d", name, text.len,
                       JOSE_MAX_LABEL - 1);
    while (text.len) {
        uint32_t point;
        size_t n = utf8_next(text, &point);

        if (n == 0 || !utf8_is_safe(point))
            return err_set(e, ERR_INVALID, "'%s' holds an unprintable character", name);
        text = slice_of(text.ptr + n, text.len - n);
    }
    return 0;
}

void jose_put_label(struct buf *out, const char *lead, const char *text)
{
    buf_add_str(out, lead);
    buf_add_byte(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_byte(out, '\\');
        buf_add_byte(out, (uint8_t)*text);
    }
    buf_add_byte(out, '"');
}
