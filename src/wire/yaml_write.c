#include "base/encode.h"
#include "wire/json_tree.h"
#include "wire/yaml.h"
#include "wire/yaml_scalar.h"
#include <ctype.h>

enum {
    DEEPEST = 512,
    LONGEST_SIMPLE_KEY = 1000, /* YAML 1.2, section 7.4.3: a key on the line of its ':', 1024 */
};

static void indent(struct buf *out, unsigned level)
{
    for (unsigned i = 0; i < level; i++)
        buf_add_str(out, "  ");
}

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Words that YAML 1.1 or 1.2 reads as something else, in any case. */
static bool is_word(struct slice text)
{
    static const char *const words[] = { "y",    "n",     "yes",  "no",   "on",  "off",
                                         "true", "false", "null", ".inf", ".nan" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (text.len == strlen(words[i]) &&
            strncasecmp((const char *)text.ptr, words[i], text.len) == 0)
            return true;
    return false;
}

/* All that a number or a time of YAML 1.1 is written with: addresses and versions among it. */
static bool looks_like_number(struct slice text)
{
    static const char set[] = "0123456789abcdefABCDEF_.:+-xXoOtTzZ ";

    if (text.ptr[0] != '.' && !isdigit(text.ptr[0]))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!strchr(set, text.ptr[i]))
            return false;
    return true;
}

/* Narrower than the standard: what any reader takes for this string. */
static bool is_plain(struct slice text)
{
    if (text.len == 0 || !(is_alnum(text.ptr[0]) || strchr("_/.", text.ptr[0])))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool last = i + 1 == text.len;

        if (c == '\0' || !(is_alnum(c) || strchr(" _/.@+=,:-", c)))
            return false;
        if ((c == ' ' && last) || (c == ':' && (last || text.ptr[i + 1] == ' ')))
            return false;
    }
    return !is_word(text) && !looks_like_number(text) &&
           yaml_kind_of_plain(text) == YAML_KIND_STRING;
}

/* Printable without a line break (YAML 1.1 breaks lines at U+0085, U+2028 and U+2029 too). */
static bool is_printable(uint32_t c)
{
    return utf8_is_safe(c) && c != 0xfffe && c != 0xffff;
}

static void add_quoted(struct buf *out, struct slice text)
{
    buf_add_byte(out, '"');
    while (text.len) {
        uint32_t c = 0xfffd;
        size_t n = utf8_next(text, &c);

        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", (int)c);
        else if (c == '\n')
            buf_add_str(out, "\\n");
        else if (c == '\t')
            buf_add_str(out, "\\t");
        else if (!is_printable(c))
            buf_addf(out, "\\u%04x", (unsigned)c); /* none of them is beyond U+FFFF */
        else if (n)
            buf_add(out, text.ptr, n);
        else
            buf_add_str(out, "\xef\xbf\xbd");
        n = n ? n : 1;
        text = slice_of(text.ptr + n, text.len - n);
    }
    buf_add_byte(out, '"');
}

/* Lines of text that a block holds as they are: no control, no blank in front or before a line's
 * end. */
static bool is_block(struct slice text)
{
    uint8_t before = '\n';
    uint32_t c;

    if (text.len < 2 || !memchr(text.ptr, '\n', text.len - 1) || isspace(text.ptr[0]))
        return false;
    if (text.ptr[text.len - 1] == '\n' && text.ptr[text.len - 2] == '\n')
        return false;
    while (text.len) {
        size_t n = utf8_next(text, &c);

        if (n == 0 || (c != '\n' && !is_printable(c)))
            return false;
        if (before == ' ' && c == '\n')
            return false;
        before = text.ptr[0];
        text = slice_of(text.ptr + n, text.len - n);
    }
    return before != ' ';
}

static void add_block(struct buf *out, struct slice text, unsigned level)
{
    struct slice line;
    bool kept = text.ptr[text.len - 1] == '\n';

    buf_add_str(out, kept ? "|" : "|-");
    if (kept)
        text.len--;
    while (slice_cut(&text, '\n', &line)) {
        buf_add_byte(out, '\n');
        if (line.len)
            indent(out, level);
        buf_add_slice(out, line);
    }
    buf_add_byte(out, '\n');
    indent(out, level);
    buf_add_slice(out, text);
}

/* A scalar or an empty container, behind what is already on the line. */
static void add_scalar(struct buf *out, const struct json_value *v, unsigned level)
{
    switch (json_type(v)) {
    case JSON_NULL:
        buf_add_str(out, "null");
        break;
    case JSON_BOOL:
        buf_add_str(out, json_bool(v, false) ? "true" : "false");
        break;
    case JSON_INT:
    case JSON_REAL:
        json_add_number(out, v);
        break;
    case JSON_STRING:
        if (is_plain(json_slice(v)))
            buf_add_slice(out, json_slice(v));
        else if (is_block(json_slice(v)))
            add_block(out, json_slice(v), level);
        else
            add_quoted(out, json_slice(v));
        break;
    case JSON_ARRAY:
        buf_add_str(out, "[]");
        break;
    case JSON_OBJECT:
        buf_add_str(out, "{}");
        break;
    }
}

static void add_key(struct buf *out, const char *key, unsigned level)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    bool long_key;

    if (is_plain(slice_str(key)))
        buf_add_str(&text, key);
    else
        add_quoted(&text, slice_str(key));
    long_key = text.len > LONGEST_SIMPLE_KEY;
    if (long_key)
        buf_add_str(out, "? ");
    buf_add_slice(out, buf_slice(&text));
    if (long_key) {
        buf_add_byte(out, '\n');
        indent(out, level);
    }
    buf_add_byte(out, ':');
}

/*
 * The members or elements of a container, each on a line; the first continues the line of the "- "
 * that it stands behind. Elements of a member's array stand below its key, as kubectl writes them.
 */
static void add_block_node(struct buf *out, const struct json_value *v, unsigned level,
                           bool continues)
{
    struct json_iter it = json_iter(v);
    bool object = json_type(v) == JSON_OBJECT;
    const struct json_value *value;
    const char *key;

    if (level > DEEPEST) {
        out->failed = true;
        return;
    }
    while (json_next(&it, &key, &value)) {
        enum json_type type = json_type(value);
        bool nested = (type == JSON_OBJECT || type == JSON_ARRAY) && json_len(value) > 0;

        if (!continues)
            indent(out, level);
        continues = false;
        if (object)
            add_key(out, key, level);
        else
            buf_add_byte(out, '-');
        buf_add_byte(out, nested && object ? '\n' : ' ');
        if (nested) {
            add_block_node(out, value, object && type == JSON_ARRAY ? level : level + 1, !object);
            continue;
        }
        add_scalar(out, value, level + 1);
        buf_add_byte(out, '\n');
    }
}

void yaml_write(struct buf *out, const struct json_value *v)
{
    enum json_type type = json_type(v);

    if ((type == JSON_OBJECT || type == JSON_ARRAY) && json_len(v) > 0) {
        add_block_node(out, v, 0, false);
        return;
    }
    add_scalar(out, v, 1);
    buf_add_byte(out, '\n');
}
