#include "crypto/der.h"
#include "base/clock.h"

enum { MAX_DEPTH = 16, DER_ENUMERATED = 0x0a, DER_UNIVERSAL_STRING = 0x1c };

/* Reads tag and length; *header gets their size. False for anything but strict DER. */
static bool read_header(struct slice in, uint8_t *tag, size_t *header, size_t *len)
{
    size_t count, value = 0;

    if (in.len < 2 || (in.ptr[0] & 0x1f) == 0x1f)
        return false;
    *tag = in.ptr[0];
    if (in.ptr[1] < 0x80) {
        *header = 2;
        *len = in.ptr[1];
        return *len <= in.len - 2;
    }
    count = in.ptr[1] & 0x7f;
    if (count == 0 || count > 4 || in.len < 2 + count ||
        in.ptr[2] == 0) /* indefinite, huge, padded */
        return false;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | in.ptr[2 + i];
    *header = 2 + count;
    *len = value;
    return value >= 0x80 && value <= in.len - *header;
}

static void skip(struct slice *in, size_t len)
{
    *in = slice_of(in->ptr + len, in->len - len);
}

bool der_take_any(struct slice *in, uint8_t *tag, struct slice *content)
{
    size_t header, len;

    if (!read_header(*in, tag, &header, &len))
        return false;
    *content = slice_of(in->ptr + header, len);
    skip(in, header + len);
    return true;
}

bool der_take(struct slice *in, uint8_t tag, struct slice *content)
{
    uint8_t found;

    return der_next_is(*in, tag) && der_take_any(in, &found, content);
}

bool der_take_whole(struct slice *in, uint8_t tag, struct slice *whole)
{
    struct slice rest = *in, content;

    if (!der_take(&rest, tag, &content))
        return false;
    *whole = slice_of(in->ptr, in->len - rest.len);
    *in = rest;
    return true;
}

bool der_take_optional(struct slice *in, uint8_t tag, struct slice *content, bool *present)
{
    *present = der_next_is(*in, tag);
    return !*present || der_take(in, tag, content);
}

bool der_take_bool(struct slice *in, bool *value)
{
    struct slice rest = *in, content;

    if (!der_take(&rest, DER_BOOLEAN, &content) || content.len != 1)
        return false;
    if (content.ptr[0] != 0x00 && content.ptr[0] != 0xff) /* X.690 11.1 */
        return false;
    *value = content.ptr[0] == 0xff;
    *in = rest;
    return true;
}

bool der_take_uint(struct slice *in, struct slice *magnitude)
{
    struct slice rest = *in, content;

    if (!der_take(&rest, DER_INTEGER, &content) || content.len == 0 || content.ptr[0] & 0x80)
        return false;
    if (content.ptr[0] == 0 && content.len > 1) {
        if (!(content.ptr[1] & 0x80)) /* X.690 8.3.2: the shortest form */
            return false;
        skip(&content, 1);
    }
    *magnitude = content;
    *in = rest;
    return true;
}

bool der_take_small_uint(struct slice *in, uint32_t *value)
{
    struct slice rest = *in, magnitude;
    uint32_t n = 0;

    if (!der_take_uint(&rest, &magnitude) || magnitude.len > 4)
        return false;
    for (size_t i = 0; i < magnitude.len; i++)
        n = n << 8 | magnitude.ptr[i];
    *value = n;
    *in = rest;
    return true;
}

bool der_bits(struct slice content, struct slice *bytes, unsigned *unused)
{
    unsigned spare;

    if (content.len == 0)
        return false;
    spare = content.ptr[0];
    if (spare > 7 || (content.len == 1 && spare != 0))
        return false;
    if (content.len > 1 && content.ptr[content.len - 1] & ((1u << spare) - 1)) /* X.690 11.2.1 */
        return false;
    skip(&content, 1);
    *bytes = content;
    *unused = spare;
    return true;
}

bool der_take_bits(struct slice *in, struct slice *bytes, unsigned *unused)
{
    struct slice rest = *in, content;

    if (!der_take(&rest, DER_BIT_STRING, &content) || !der_bits(content, bytes, unused))
        return false;
    *in = rest;
    return true;
}

static bool read_digits(struct slice text, size_t at, size_t count, int *value)
{
    int n = 0;

    for (size_t i = at; i < at + count; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        n = n * 10 + (text.ptr[i] - '0');
    }
    *value = n;
    return true;
}

/* YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ: seconds, Z, no fraction (RFC 5280 4.1.2.5.1 and .2). */
bool der_take_time(struct slice *in, int64_t *t)
{
    struct slice rest = *in, text;
    struct civil c;
    uint8_t tag;
    size_t year;

    if (!der_take_any(&rest, &tag, &text))
        return false;
    if (tag != DER_UTC_TIME && tag != DER_GENERALIZED_TIME)
        return false;
    year = tag == DER_UTC_TIME ? 2 : 4;
    if (text.len != year + 11 || text.ptr[year + 10] != 'Z' || !read_digits(text, 0, year, &c.year))
        return false;
    if (!read_digits(text, year, 2, &c.month) || !read_digits(text, year + 2, 2, &c.day) ||
        !read_digits(text, year + 4, 2, &c.hour) || !read_digits(text, year + 6, 2, &c.minute) ||
        !read_digits(text, year + 8, 2, &c.second))
        return false;
    if (tag == DER_UTC_TIME)
        c.year += c.year >= 50 ? 1900 : 2000;
    if (time_of_civil(t, &c, NULL))
        return false;
    *in = rest;
    return true;
}

bool der_next_is(struct slice in, uint8_t tag)
{
    return in.len > 0 && in.ptr[0] == tag;
}

/* X.690 8.19: subidentifiers without a zero in front, the last one complete. */
static bool oid_is_good(struct slice oid)
{
    bool first = true; /* byte of a subidentifier */

    for (size_t i = 0; i < oid.len; i++) {
        if (first && oid.ptr[i] == 0x80)
            return false;
        first = !(oid.ptr[i] & 0x80);
    }
    return oid.len > 0 && first;
}

static bool primitive_is_good(uint8_t tag, struct slice content)
{
    struct slice bytes;
    unsigned unused;

    switch (tag) {
    case DER_BOOLEAN:
        return content.len == 1 && (content.ptr[0] == 0x00 || content.ptr[0] == 0xff);
    case DER_INTEGER:
    case DER_ENUMERATED:
        if (content.len < 2)
            return content.len == 1;
        return content.ptr[0] != (content.ptr[1] & 0x80 ? 0xff : 0x00);
    case DER_BIT_STRING:
        return der_bits(content, &bytes, &unused);
    case DER_NULL:
        return content.len == 0;
    case DER_OID:
        return oid_is_good(content);
    case DER_BMP:
        return content.len % 2 == 0;
    case DER_UNIVERSAL_STRING:
        return content.len % 4 == 0;
    default:
        return true;
    }
}

/* Which universal types are constructed (X.690 8 and 10.2): EXTERNAL, EMBEDDED PDV, SEQUENCE, SET,
 * CHARACTER STRING; 0 and 15 are no types. */
static bool form_is_good(uint8_t tag)
{
    const uint32_t constructed = 1u << 8 | 1u << 11 | 1u << 16 | 1u << 17 | 1u << 29;
    unsigned number = tag & 0x1f;

    if (tag & 0xc0)
        return true;
    return number != 0 && number != 15 && !(tag & 0x20) == !(constructed >> number & 1);
}

bool der_check(struct slice in)
{
    struct slice outer[MAX_DEPTH], content;
    size_t depth = 0;
    uint8_t tag;

    for (;;) {
        while (in.len == 0) {
            if (depth == 0)
                return true;
            in = outer[--depth];
        }
        if (!der_take_any(&in, &tag, &content) || !form_is_good(tag))
            return false;
        if (!(tag & 0x20)) {
            if (!primitive_is_good(tag, content))
                return false;
            continue;
        }
        if (depth == MAX_DEPTH)
            return false;
        outer[depth++] = in;
        in = content;
    }
}

/* The mark is where the content starts, behind a length of one byte; der_end makes room for more.
 */
size_t der_begin(struct buf *out, uint8_t tag)
{
    buf_add(out, (const uint8_t[]){ tag, 0 }, 2);
    return out->len;
}

void der_end(struct buf *out, size_t mark)
{
    uint8_t more[sizeof(size_t)];
    size_t len, count = 0;

    if (out->failed || out->len < mark || mark < 2)
        return;
    len = out->len - mark;
    if (len < 0x80) {
        out->ptr[mark - 1] = (uint8_t)len;
        return;
    }
    for (size_t n = len; n; n >>= 8)
        count++;
    for (size_t i = 0; i < count; i++)
        more[i] = (uint8_t)(len >> 8 * (count - 1 - i));
    if (!buf_room(out, count))
        return;
    memmove(out->ptr + mark + count, out->ptr + mark, len);
    memcpy(out->ptr + mark, more, count);
    out->ptr[mark - 1] = (uint8_t)(0x80 | count);
    out->len += count;
}

void der_put(struct buf *out, uint8_t tag, struct slice content)
{
    size_t mark = der_begin(out, tag);

    buf_add_slice(out, content);
    der_end(out, mark);
}

void der_put_uint(struct buf *out, struct slice magnitude)
{
    size_t mark = der_begin(out, DER_INTEGER);

    while (magnitude.len && magnitude.ptr[0] == 0)
        skip(&magnitude, 1);
    if (magnitude.len == 0 || magnitude.ptr[0] & 0x80)
        buf_add_byte(out, 0);
    buf_add_slice(out, magnitude);
    der_end(out, mark);
}

void der_put_small_uint(struct buf *out, uint32_t value)
{
    uint8_t bytes[] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                        (uint8_t)value };

    der_put_uint(out, slice_of(bytes, sizeof bytes));
}

void der_put_bool(struct buf *out, bool value)
{
    buf_add(out, (const uint8_t[]){ DER_BOOLEAN, 1, value ? 0xff : 0x00 }, 3);
}

static uint8_t *put_digits(uint8_t *at, int value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        at[i] = (uint8_t)('0' + value % 10);
    return at + count;
}

void der_put_time(struct buf *out, int64_t t)
{
    uint8_t text[15], *at = text;
    struct civil c;
    bool utc;

    if (t < 0 || t > TIME_MAX) {
        out->failed = true;
        return;
    }
    civil_of_time(&c, t);
    utc = c.year < 2050; /* RFC 5280 4.1.2.5 */
    at = utc ? put_digits(at, c.year % 100, 2) : put_digits(at, c.year, 4);
    at = put_digits(at, c.month, 2);
    at = put_digits(at, c.day, 2);
    at = put_digits(at, c.hour, 2);
    at = put_digits(at, c.minute, 2);
    at = put_digits(at, c.second, 2);
    *at++ = 'Z';
    der_put(out, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, slice_of(text, (size_t)(at - text)));
}
