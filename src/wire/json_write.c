#include "base/clock.h"
#include "base/encode.h"
#include "wire/json_tree.h"
#include <assert.h>

void json_writer_init(struct json_writer *w, struct buf *out, bool pretty)
{
    *w = (struct json_writer){ .out = out, .pretty = pretty };
}

static void new_line(struct json_writer *w)
{
    if (!w->pretty)
        return;
    buf_add_byte(w->out, '\n');
    for (unsigned i = 0; i < w->depth; i++)
        buf_add_str(w->out, "  ");
}

static void add_escape(struct buf *out, uint8_t c)
{
    switch (c) {
    case '"':
        buf_add_str(out, "\\\"");
        break;
    case '\\':
        buf_add_str(out, "\\\\");
        break;
    case '\b':
        buf_add_str(out, "\\b");
        break;
    case '\f':
        buf_add_str(out, "\\f");
        break;
    case '\n':
        buf_add_str(out, "\\n");
        break;
    case '\r':
        buf_add_str(out, "\\r");
        break;
    case '\t':
        buf_add_str(out, "\\t");
        break;
    default:
        buf_addf(out, "\\u%04x", c);
    }
}

/* RFC 8259, section 7: quote, backslash and the controls are escaped, nothing else. */
static void add_string(struct buf *out, struct slice text)
{
    size_t plain = 0; /* bytes at the start of text that go out as they are */
    uint32_t point;

    buf_add_byte(out, '"');
    while (plain < text.len) {
        uint8_t c = text.ptr[plain];
        size_t n = c < 0x80 ? 1 : utf8_next(slice_of(text.ptr + plain, text.len - plain), &point);

        if (n && c >= 0x20 && c != '"' && c != '\\') {
            plain += n;
            continue;
        }
        buf_add(out, text.ptr, plain);
        if (n)
            add_escape(out, c);
        else
            buf_add_str(out, "\xef\xbf\xbd"); /* U+FFFD for a byte that is no UTF-8 */
        text = slice_of(text.ptr + plain + 1, text.len - plain - 1);
        plain = 0;
    }
    buf_add(out, text.ptr, text.len);
    buf_add_byte(out, '"');
}

/* Comma, line, key: what stands before a value. False below the depth that the writer holds. */
static bool begin(struct json_writer *w, const char *key)
{
    if (w->depth > JSON_WRITER_DEPTH)
        return false;
    if (w->depth) {
        bool inside_object = w->closer[w->depth - 1] == '}';

        assert((key != NULL) == inside_object);
        if (w->filled[w->depth - 1])
            buf_add_byte(w->out, ',');
        w->filled[w->depth - 1] = true;
        new_line(w);
    } else {
        assert(!key);
    }
    if (key) {
        add_string(w->out, slice_str(key));
        buf_add_str(w->out, w->pretty ? ": " : ":");
    }
    return true;
}

static void open_container(struct json_writer *w, const char *key, char opener, char closer)
{
    if (begin(w, key) && w->depth < JSON_WRITER_DEPTH) {
        buf_add_byte(w->out, (uint8_t)opener);
        w->closer[w->depth] = closer;
        w->filled[w->depth] = false;
    } else {
        w->out->failed = true;
    }
    w->depth++;
}

void json_put_object(struct json_writer *w, const char *key)
{
    open_container(w, key, '{', '}');
}

void json_put_array(struct json_writer *w, const char *key)
{
    open_container(w, key, '[', ']');
}

void json_put_end(struct json_writer *w)
{
    assert(w->depth > 0);
    w->depth--;
    if (w->depth >= JSON_WRITER_DEPTH)
        return;
    if (w->filled[w->depth])
        new_line(w);
    buf_add_byte(w->out, (uint8_t)w->closer[w->depth]);
}

void json_put_slice(struct json_writer *w, const char *key, struct slice text)
{
    if (begin(w, key))
        add_string(w->out, text);
}

void json_put_text(struct json_writer *w, const char *key, const char *text)
{
    if (text)
        json_put_slice(w, key, slice_str(text));
    else
        json_put_null(w, key);
}

void json_put_int(struct json_writer *w, const char *key, int64_t n)
{
    if (begin(w, key))
        buf_addf(w->out, "%lld", (long long)n);
}

void json_put_bool(struct json_writer *w, const char *key, bool yes)
{
    if (begin(w, key))
        buf_add_str(w->out, yes ? "true" : "false");
}

void json_put_null(struct json_writer *w, const char *key)
{
    if (begin(w, key))
        buf_add_str(w->out, "null");
}

void json_put_time(struct json_writer *w, const char *key, int64_t t)
{
    if (!begin(w, key))
        return;
    buf_add_byte(w->out, '"');
    time_format(w->out, t);
    buf_add_byte(w->out, '"');
}

void json_put_base64(struct json_writer *w, const char *key, struct slice bytes)
{
    if (!begin(w, key))
        return;
    buf_add_byte(w->out, '"');
    base64_encode(w->out, bytes);
    buf_add_byte(w->out, '"');
}

void json_add_number(struct buf *out, const struct json_value *v)
{
    yyjson_val *in = json_inside(v);
    char *text;

    if (!yyjson_is_real(in)) {
        if (yyjson_is_uint(in))
            buf_addf(out, "%llu", (unsigned long long)yyjson_get_uint(in));
        else
            buf_addf(out, "%lld", (long long)yyjson_get_sint(in));
        return;
    }
    text = yyjson_val_write(in, 0, NULL); /* the shortest text that reads back as the same number */
    if (text)
        buf_add_str(out, text);
    else
        out->failed = true;
    free(text);
}

/* Recursion ends with the depth that the writer holds. */
void json_put_value(struct json_writer *w, const char *key, const struct json_value *v)
{
    struct json_iter it = json_iter(v);
    const struct json_value *value;
    const char *name;

    switch (json_type(v)) {
    case JSON_NULL:
        json_put_null(w, key);
        return;
    case JSON_BOOL:
        json_put_bool(w, key, json_bool(v, false));
        return;
    case JSON_INT:
    case JSON_REAL:
        if (begin(w, key))
            json_add_number(w->out, v);
        return;
    case JSON_STRING:
        json_put_slice(w, key, json_slice(v));
        return;
    case JSON_ARRAY:
        json_put_array(w, key);
        break;
    case JSON_OBJECT:
        json_put_object(w, key);
        break;
    }
    while (w->depth <= JSON_WRITER_DEPTH && json_next(&it, &name, &value))
        json_put_value(w, json_type(v) == JSON_OBJECT ? name : NULL, value);
    json_put_end(w);
}
