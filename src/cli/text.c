#include "cli/text.h"

#include "base/encode.h"
#include <inttypes.h>

size_t text_width(struct slice text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.len; i++)
        width += (text.ptr[i] & 0xc0) != 0x80; /* the first byte of each character */
    return width;
}

void text_pad(struct buf *out, size_t spaces)
{
    while (spaces--)
        buf_add_byte(out, ' ');
}

void text_add_safe(struct buf *out, struct slice text)
{
    while (text.len) {
        uint32_t point;
        size_t n = utf8_next(text, &point);

        if (n && utf8_is_safe(point))
            buf_add(out, text.ptr, n);
        else
            buf_add_byte(out, '?');
        n = n ? n : 1;
        text = slice_of(text.ptr + n, text.len - n);
    }
}

void text_fill(struct buf *out, const char *text, const struct fill *fill)
{
    size_t column = fill->column;
    bool first = true;

    while (*text) {
        size_t len = strcspn(text, " \n"), breaks = strspn(text, "\n");
        size_t width = text_width(slice_of(text, len));

        if (breaks) {
            buf_add_str(out, breaks > 1 ? "\n\n" : "\n");
            text_pad(out, fill->indent);
            column = fill->indent;
            first = true;
            text += breaks;
            continue;
        }
        if (!first && column + 1 + width > fill->width) {
            buf_add_byte(out, '\n');
            text_pad(out, fill->indent);
            column = fill->indent;
        } else if (!first) {
            buf_add_byte(out, ' ');
            column++;
        }
        buf_add(out, text, len);
        column += width;
        first = false;
        text += len;
        text += strspn(text, " ");
    }
    buf_add_byte(out, '\n');
}

void text_add_value(struct buf *out, const struct json_value *v)
{
    struct json_iter it = json_iter(v);
    const struct json_value *element;
    const char *key, *separator = "";

    switch (json_type(v)) {
    case JSON_STRING:
        text_add_safe(out, json_slice(v));
        break;
    case JSON_INT:
        buf_addf(out, "%" PRId64, json_int(v, 0));
        break;
    case JSON_REAL:
        buf_addf(out, "%g", json_real(v, 0));
        break;
    case JSON_BOOL:
        buf_add_str(out, json_bool(v, false) ? "yes" : "no");
        break;
    case JSON_ARRAY:
        for (; json_next(&it, &key, &element); separator = ",") {
            buf_add_str(out, separator);
            text_add_value(out, element);
        }
        break;
    default:
        break;
    }
}

void text_expand(struct buf *out, const char *text, const struct json_value *first,
                 const struct json_value *second)
{
    struct slice rest = slice_str(text), head, name;

    while (slice_cut(&rest, '{', &head)) {
        char path[64];

        buf_add_slice(out, head);
        if (!slice_cut(&rest, '}', &name))
            return;
        (void)snprintf(path, sizeof path, SLICE_FMT, SLICE_ARG(name));
        text_add_value(out,
                       json_path(first, path) ? json_path(first, path) : json_path(second, path));
    }
    buf_add_slice(out, rest);
}
