#include "crypto/name.h"
#include "base/encode.h"
#include "crypto/der.h"

enum { MAX_PARTS = 64, DER_NUMERIC = 0x12, DER_UNIVERSAL_STRING = 0x1c };

/* X.520 attributes; all that we name are id-at, 2.5.4.n: 55 04 n. Bounds: RFC 5280 appendix A.1. */
// clang-format off
static const struct {
    const char *label;
    uint8_t arc;
    size_t bound; /* characters */
} attrs[] = {
    [NAME_CN]     = { "CN",           3,  64 },
    [NAME_O]      = { "O",            10, 64 },
    [NAME_OU]     = { "OU",           11, 64 },
    [NAME_C]      = { "C",            6,  2 },
    [NAME_ST]     = { "ST",           8,  128 },
    [NAME_L]      = { "L",            7,  128 },
    [NAME_SERIAL] = { "serialNumber", 5,  64 },
};
// clang-format on

const char *name_attr_label(enum name_attr attr)
{
    return (size_t)attr < ARRAY_LEN(attrs) ? attrs[attr].label : "other";
}

static enum name_attr attr_of_oid(struct slice oid)
{
    if (oid.len == 3 && oid.ptr[0] == 0x55 && oid.ptr[1] == 0x04) {
        for (size_t i = 0; i < ARRAY_LEN(attrs); i++) {
            if (attrs[i].arc == oid.ptr[2])
                return (enum name_attr)i;
        }
    }
    return NAME_OTHER;
}

struct name_iter name_iter(struct slice name_der)
{
    struct name_iter it = { .rdns = { 0 } };

    it.bad = !der_take(&name_der, DER_SEQUENCE, &it.rdns) || name_der.len;
    if (it.bad)
        it.rdns = slice_of(NULL, 0);
    return it;
}

static bool take_part(struct name_iter *it, struct name_part *part)
{
    struct slice pair;

    part->first_of_rdn = it->rdn.len == 0;
    if (part->first_of_rdn && (!der_take(&it->rdns, DER_SET, &it->rdn) || it->rdn.len == 0))
        return false;
    if (!der_take(&it->rdn, DER_SEQUENCE, &pair) || !der_take(&pair, DER_OID, &part->oid) ||
        !der_take_any(&pair, &part->string_tag, &part->value) || pair.len || part->oid.len == 0)
        return false;
    part->attr = attr_of_oid(part->oid);
    return true;
}

bool name_next(struct name_iter *it, struct name_part *part)
{
    struct name_part found;

    if (it->bad || (it->rdns.len == 0 && it->rdn.len == 0))
        return false;
    if (!take_part(it, &found)) {
        it->bad = true;
        return false;
    }
    *part = found;
    return true;
}

/* X.680 41.4, and the * and & that real certificates have (Go reads them too). */
static bool is_printable(uint8_t c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr(" '()+,-./:=?*&", c) != NULL;
}

static bool all_printable(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_printable(s.ptr[i]))
            return false;
    }
    return true;
}

static bool all_between(struct slice s, uint8_t low, uint8_t high)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < low || s.ptr[i] > high)
            return false;
    }
    return true;
}

static bool all_numeric(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != ' ' && (s.ptr[i] < '0' || s.ptr[i] > '9'))
            return false;
    }
    return true;
}

static uint32_t wide_point(struct slice s, size_t at, size_t width)
{
    uint32_t point = 0;

    for (size_t k = 0; k < width; k++)
        point = point << 8 | s.ptr[at + k];
    return point;
}

static bool is_scalar(uint32_t point)
{
    return point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
}

/* UCS-2 or UCS-4: whole characters, no surrogates. */
static bool all_wide(struct slice s, size_t width)
{
    for (size_t i = 0; i < s.len; i += width) {
        if (s.len - i < width || !is_scalar(wide_point(s, i, width)))
            return false;
    }
    return true;
}

/* A DirectoryString is never empty (RFC 5280 4.1.2.4: SIZE (1..MAX)). */
static bool value_is_its_tag(const struct name_part *part)
{
    struct slice value = part->value;

    if (value.len == 0)
        return false;
    switch (part->string_tag) {
    case DER_UTF8:
        return utf8_valid(value);
    case DER_PRINTABLE:
        return all_printable(value);
    case DER_IA5:
        return all_between(value, 0x00, 0x7f);
    case DER_NUMERIC:
        return all_numeric(value);
    case DER_T61:
        return true;
    case DER_BMP:
        return all_wide(value, 2);
    case DER_UNIVERSAL_STRING:
        return all_wide(value, 4);
    case DER_BIT_STRING: /* x500UniqueIdentifier, and what else has a type of its own */
    case DER_SEQUENCE:
        return part->attr == NAME_OTHER;
    default:
        return false;
    }
}

int name_check(struct slice name_der, struct err *e)
{
    struct name_iter it = name_iter(name_der);
    struct name_part part;
    unsigned count = 0;

    while (name_next(&it, &part)) {
        if (++count > MAX_PARTS)
            return err_set(e, ERR_LIMIT, "a name has more than %d parts", MAX_PARTS);
        if (!value_is_its_tag(&part))
            return err_set(e, ERR_INVALID, "a name's %s is empty or not the kind of string it says",
                           name_attr_label(part.attr));
    }
    return it.bad ? err_set(e, ERR_INVALID, "a name is not well-formed DER") : 0;
}

size_t name_begin(struct buf *out)
{
    return der_begin(out, DER_SEQUENCE);
}

static size_t utf8_count(struct slice text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += (text.ptr[i] & 0xc0) != 0x80;
    return count;
}

/* RFC 5280 appendix A: C and serialNumber are PrintableString, without our reader's two additions.
 */
static bool value_is_fit(enum name_attr attr, struct slice value)
{
    if ((size_t)attr >= ARRAY_LEN(attrs) || value.len == 0 || !utf8_valid(value))
        return false;
    if (slice_has_nul(value) || utf8_count(value) > attrs[attr].bound)
        return false;
    if (attr == NAME_C || attr == NAME_SERIAL)
        return all_printable(value) && !memchr(value.ptr, '*', value.len) &&
               !memchr(value.ptr, '&', value.len);
    return true;
}

void name_add(struct buf *out, enum name_attr attr, struct slice value)
{
    size_t set, pair;

    if (!value_is_fit(attr, value)) {
        out->failed = true;
        return;
    }
    set = der_begin(out, DER_SET);
    pair = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, slice_of((const uint8_t[]){ 0x55, 0x04, attrs[attr].arc }, 3));
    der_put(out, attr == NAME_C || attr == NAME_SERIAL ? DER_PRINTABLE : DER_UTF8, value);
    der_end(out, pair);
    der_end(out, set);
}

void name_end(struct buf *out, size_t mark)
{
    der_end(out, mark);
}

/* RFC 4514 section 2.4: the characters that have a meaning between values get a backslash. */
static void format_point(struct buf *out, uint32_t point, struct slice bytes)
{
    if (!utf8_is_safe(point)) {
        for (size_t i = 0; i < bytes.len; i++)
            buf_addf(out, "\\%02X", bytes.ptr[i]);
        return;
    }
    if (point < 0x80 && strchr(",+\"\\<>;", (int)point))
        buf_add_byte(out, '\\');
    buf_add_slice(out, bytes);
}

static void format_utf8(struct buf *out, struct slice text)
{
    while (text.len) {
        uint32_t point = 0; /* a byte that is not UTF-8 is escaped like a control character */
        size_t n = utf8_next(text, &point);

        if (n == 0) {
            n = 1;
            point = 0;
        }
        format_point(out, point, slice_of(text.ptr, n));
        text = slice_of(text.ptr + n, text.len - n);
    }
}

static struct slice encode_point(uint8_t bytes[4], uint32_t point)
{
    size_t n = 0;

    if (point < 0x80) {
        bytes[n++] = (uint8_t)point;
    } else if (point < 0x800) {
        bytes[n++] = (uint8_t)(0xc0 | point >> 6);
        bytes[n++] = (uint8_t)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        bytes[n++] = (uint8_t)(0xe0 | point >> 12);
        bytes[n++] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
        bytes[n++] = (uint8_t)(0x80 | (point & 0x3f));
    } else {
        bytes[n++] = (uint8_t)(0xf0 | point >> 18);
        bytes[n++] = (uint8_t)(0x80 | (point >> 12 & 0x3f));
        bytes[n++] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
        bytes[n++] = (uint8_t)(0x80 | (point & 0x3f));
    }
    return slice_of(bytes, n);
}

/* T61String is read as Latin-1, as everybody does; BMPString and UniversalString are UCS-2 and -4.
 */
static void format_wide(struct buf *out, struct slice value, size_t width)
{
    for (size_t i = 0; i + width <= value.len; i += width) {
        uint32_t point = wide_point(value, i, width);
        uint8_t bytes[4];

        if (!is_scalar(point))
            point = 0xfffd;
        format_point(out, point, encode_point(bytes, point));
    }
}

static void format_value(struct buf *out, const struct name_part *part)
{
    switch (part->string_tag) {
    case DER_UTF8:
    case DER_PRINTABLE:
    case DER_IA5:
    case DER_NUMERIC:
        format_utf8(out, part->value);
        return;
    case DER_T61:
        format_wide(out, part->value, 1);
        return;
    case DER_BMP:
        format_wide(out, part->value, 2);
        return;
    case DER_UNIVERSAL_STRING:
        format_wide(out, part->value, 4);
        return;
    default:
        buf_add_byte(out, '#');
        hex_encode(out, part->value);
    }
}

/* 2.5.4.97; an arc beyond 32 bits or a cut one makes the rest "?". */
static void format_oid(struct buf *out, struct slice oid)
{
    uint64_t arc = 0;
    bool first = true;

    for (size_t i = 0; i < oid.len; i++) {
        arc = arc << 7 | (oid.ptr[i] & 0x7f);
        if (arc > UINT32_MAX || (i + 1 == oid.len && oid.ptr[i] & 0x80)) {
            buf_add_str(out, first ? "?" : ".?");
            return;
        }
        if (oid.ptr[i] & 0x80)
            continue;
        if (first) {
            uint64_t top = arc < 80 ? arc / 40 : 2;

            buf_addf(out, "%u.%u", (unsigned)top, (unsigned)(arc - top * 40));
        } else {
            buf_addf(out, ".%u", (unsigned)arc);
        }
        first = false;
        arc = 0;
    }
}

void name_format(struct buf *out, struct slice name_der)
{
    struct name_iter it = name_iter(name_der);
    struct name_part part;
    bool first = true;

    while (name_next(&it, &part)) {
        if (!first)
            buf_add_str(out, part.first_of_rdn ? ", " : " + ");
        if (part.attr == NAME_OTHER)
            format_oid(out, part.oid);
        else
            buf_add_str(out, name_attr_label(part.attr));
        buf_add_byte(out, '=');
        format_value(out, &part);
        first = false;
    }
    if (it.bad)
        buf_add_str(out, first ? "(broken name)" : ", (broken name)");
}
