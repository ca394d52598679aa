#include "wire/yaml_scalar.h"
#include "base/buf.h"
#include <yaml.h>

enum yaml_kind yaml_kind_of_tag(const char *tag)
{
    static const struct {
        const char *tag;
        enum yaml_kind kind;
    } core[] = {
        { "!", YAML_KIND_STRING }, /* section 6.9.1: not to be resolved */
        { YAML_STR_TAG, YAML_KIND_STRING },  { YAML_NULL_TAG, YAML_KIND_NULL },
        { YAML_BOOL_TAG, YAML_KIND_BOOL },   { YAML_INT_TAG, YAML_KIND_INT },
        { YAML_FLOAT_TAG, YAML_KIND_FLOAT },
    };

    if (!tag)
        return YAML_KIND_ANY;
    for (size_t i = 0; i < ARRAY_LEN(core); i++)
        if (strcmp(core[i].tag, tag) == 0)
            return core[i].kind;
    return YAML_KIND_FOREIGN;
}

static bool is_one_of(struct slice text, const char *const *words)
{
    while (*words)
        if (slice_eq_str(text, *words++))
            return true;
    return false;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int digit_value(uint8_t c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

/* The base of 0o17 and 0xff, 0 for anything else. */
static unsigned prefixed_base(struct slice text)
{
    unsigned base = slice_starts(text, "0o") ? 8 : slice_starts(text, "0x") ? 16 : 0;

    for (size_t i = 2; base && i < text.len; i++)
        if (digit_value(text.ptr[i]) >= (int)base)
            base = 0;
    return text.len > 2 ? base : 0;
}

static size_t skip_digits(struct slice *text)
{
    size_t n = 0;

    while (n < text->len && is_digit(text->ptr[n]))
        n++;
    *text = slice_of(text->ptr + n, text->len - n);
    return n;
}

static bool skip_one_of(struct slice *text, const char *set)
{
    if (text->len == 0 || text->ptr[0] == '\0' || !strchr(set, text->ptr[0]))
        return false;
    *text = slice_of(text->ptr + 1, text->len - 1);
    return true;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? ; an integer has digits alone.
 */
static enum yaml_kind kind_of_number(struct slice text)
{
    size_t whole, part = 0;
    bool point;

    skip_one_of(&text, "-+");
    whole = skip_digits(&text);
    if (whole && text.len == 0)
        return YAML_KIND_INT;
    point = skip_one_of(&text, ".");
    if (point)
        part = skip_digits(&text);
    if (!whole && !part)
        return YAML_KIND_STRING;
    if (skip_one_of(&text, "eE")) {
        skip_one_of(&text, "-+");
        if (!skip_digits(&text))
            return YAML_KIND_STRING;
    }
    return text.len ? YAML_KIND_STRING : YAML_KIND_FLOAT;
}

enum yaml_kind yaml_kind_of_plain(struct slice text)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
    static const char *const bools[] = { "true", "True", "TRUE", "false", "False", "FALSE", NULL };
    static const char *const no_number[] = {
        ".inf",  ".Inf",  ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
        "-.Inf", "-.INF", ".nan", ".NaN",  ".NAN",  NULL,
    };

    if (is_one_of(text, nulls))
        return YAML_KIND_NULL;
    if (is_one_of(text, bools))
        return YAML_KIND_BOOL;
    if (is_one_of(text, no_number))
        return YAML_KIND_FOREIGN;
    return prefixed_base(text) ? YAML_KIND_INT : kind_of_number(text);
}

static int read_prefixed(yyjson_mut_doc *doc, struct slice text, unsigned base,
                         yyjson_mut_val **ret)
{
    uint64_t n = 0;

    for (size_t i = 2; i < text.len; i++) {
        if (n > UINT64_MAX / base)
            return -1;
        n = n * base + (unsigned)digit_value(text.ptr[i]);
    }
    *ret = yyjson_mut_uint(doc, n);
    return 0;
}

/* Writes the number as JSON does (no plus, no leading zero, digits around the point) and reads
 * that. */
static int read_decimal(yyjson_mut_doc *doc, struct slice text, bool real, yyjson_mut_val **ret)
{
    CLEANUP(buf_clear) struct buf json = { 0 };
    yyjson_val number = { 0 };
    struct slice digits;

    if (text.ptr[0] == '-')
        buf_add_byte(&json, '-');
    skip_one_of(&text, "-+");
    while (text.len > 1 && text.ptr[0] == '0' && is_digit(text.ptr[1]))
        text = slice_of(text.ptr + 1, text.len - 1);
    if (!is_digit(text.ptr[0]))
        buf_add_byte(&json, '0');
    digits = text;
    digits.len = skip_digits(&text);
    buf_add_slice(&json, digits);
    if (skip_one_of(&text, ".") && text.len && is_digit(text.ptr[0])) {
        digits = text;
        digits.len = skip_digits(&text);
        buf_add_byte(&json, '.');
        buf_add_slice(&json, digits);
    }
    buf_add_slice(&json, text);
    if (!yyjson_read_number(buf_str(&json), &number, 0, NULL, NULL))
        return -1;
    if (real || yyjson_is_real(&number))
        *ret = yyjson_mut_real(doc, yyjson_get_num(&number));
    else if (yyjson_is_uint(&number))
        *ret = yyjson_mut_uint(doc, yyjson_get_uint(&number));
    else
        *ret = yyjson_mut_sint(doc, yyjson_get_sint(&number));
    return 0;
}

static int read_number(yyjson_mut_doc *doc, struct slice text, enum yaml_kind kind,
                       yyjson_mut_val **ret)
{
    unsigned base = prefixed_base(text);
    enum yaml_kind found = base ? YAML_KIND_INT : kind_of_number(text);

    if (found != kind && !(found == YAML_KIND_INT && kind == YAML_KIND_FLOAT && !base))
        return -1;
    if (base)
        return read_prefixed(doc, text, base, ret);
    return read_decimal(doc, text, kind == YAML_KIND_FLOAT, ret);
}

int yaml_scalar_read(yyjson_mut_doc *doc, struct slice text, enum yaml_kind kind,
                     yyjson_mut_val **ret)
{
    if (kind == YAML_KIND_ANY)
        kind = yaml_kind_of_plain(text);
    switch (kind) {
    case YAML_KIND_STRING:
        *ret = yyjson_mut_strncpy(doc, (const char *)text.ptr, text.len);
        return 0;
    case YAML_KIND_NULL:
        *ret = yyjson_mut_null(doc);
        return yaml_kind_of_plain(text) == kind ? 0 : -1;
    case YAML_KIND_BOOL:
        *ret = yyjson_mut_bool(doc, text.len == 4);
        return yaml_kind_of_plain(text) == kind ? 0 : -1;
    case YAML_KIND_INT:
    case YAML_KIND_FLOAT:
        return read_number(doc, text, kind, ret);
    default:
        return -1;
    }
}
