#include "base/encode.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void hex_encode(struct buf *out, struct slice bytes)
{
    uint8_t *to = bytes.len <= BUF_MAX ? buf_room(out, bytes.len * 2) : NULL;

    if (!to) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        *to++ = (uint8_t)hex_digits[bytes.ptr[i] >> 4];
        *to++ = (uint8_t)hex_digits[bytes.ptr[i] & 15];
    }
    out->len += bytes.len * 2;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hex_decode(struct buf *out, struct slice text, struct err *e)
{
    uint8_t *to = buf_room(out, text.len / 2);

    if (!to)
        return buf_check(out, e);
    if (text.len % 2)
        return err_set(e, ERR_INVALID, "hexadecimal text of odd length %zu", text.len);
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_value(text.ptr[i]), low = hex_value(text.ptr[i + 1]);

        if (high < 0 || low < 0)
            return err_set(e, ERR_INVALID, "not a hexadecimal digit at byte %zu",
                           high < 0 ? i : i + 1);
        *to++ = (uint8_t)(high << 4 | low);
    }
    out->len += text.len / 2;
    return 0;
}

static void encode64(struct buf *out, struct slice in, const char *alphabet, bool pad)
{
    uint8_t *start = in.len <= BUF_MAX ? buf_room(out, (in.len + 2) / 3 * 4) : NULL;
    uint8_t *to = start;
    size_t i = 0;

    if (!to) {
        out->failed = true;
        return;
    }
    for (; in.len - i >= 3; i += 3) {
        uint32_t group =
            (uint32_t)in.ptr[i] << 16 | (uint32_t)in.ptr[i + 1] << 8 | (uint32_t)in.ptr[i + 2];

        *to++ = (uint8_t)alphabet[group >> 18];
        *to++ = (uint8_t)alphabet[group >> 12 & 63];
        *to++ = (uint8_t)alphabet[group >> 6 & 63];
        *to++ = (uint8_t)alphabet[group & 63];
    }
    if (i < in.len) {
        bool two = in.len - i == 2;
        uint32_t group = (uint32_t)in.ptr[i] << 16 | (two ? (uint32_t)in.ptr[i + 1] << 8 : 0);

        *to++ = (uint8_t)alphabet[group >> 18];
        *to++ = (uint8_t)alphabet[group >> 12 & 63];
        if (two)
            *to++ = (uint8_t)alphabet[group >> 6 & 63];
        else if (pad)
            *to++ = '=';
        if (pad)
            *to++ = '=';
    }
    out->len += (size_t)(to - start);
}

void base64_encode(struct buf *out, struct slice bytes)
{
    encode64(out, bytes, base64_alphabet, true);
}

void base64url_encode(struct buf *out, struct slice bytes)
{
    encode64(out, bytes, base64url_alphabet, false);
}

static int value64(uint8_t c, const char *alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (uint8_t)alphabet[62])
        return 62;
    if (c == (uint8_t)alphabet[63])
        return 63;
    return -1;
}

/* `text` without padding: every character of the alphabet, the trailing bits zero (RFC 4648, 3.5).
 */
static int decode64(struct buf *out, struct slice text, const char *alphabet, struct err *e)
{
    uint8_t *start = buf_room(out, text.len / 4 * 3 + 3);
    uint8_t *to = start;
    uint32_t bits = 0;
    unsigned have = 0;

    if (!to)
        return buf_check(out, e);
    if (text.len % 4 == 1)
        return err_set(e, ERR_INVALID, "base64 text of impossible length %zu", text.len);
    for (size_t i = 0; i < text.len; i++) {
        int value = value64(text.ptr[i], alphabet);

        if (value < 0)
            return err_set(e, ERR_INVALID, "not a base64 character at byte %zu", i);
        bits = (bits << 6 | (uint32_t)value) & 0xfff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            *to++ = (uint8_t)(bits >> have);
        }
    }
    if (bits & ((UINT32_C(1) << have) - 1))
        return err_set(e, ERR_INVALID, "base64 text with stray bits at the end");
    out->len += (size_t)(to - start);
    return 0;
}

int base64_decode(struct buf *out, struct slice text, struct err *e)
{
    if (text.len % 4)
        return err_set(e, ERR_INVALID, "base64 text of length %zu, not a multiple of 4", text.len);
    if (text.len && text.ptr[text.len - 1] == '=')
        text.len -= text.ptr[text.len - 2] == '=' ? 2 : 1;
    return decode64(out, text, base64_alphabet, e);
}

int base64url_decode(struct buf *out, struct slice text, struct err *e)
{
    return decode64(out, text, base64url_alphabet, e);
}

/* The well-formed sequences of RFC 3629, section 4, by first byte. */
size_t utf8_next(struct slice text, uint32_t *point)
{
    static const struct {
        uint8_t first, last, low, high; /* range of the first byte, of the second */
        uint8_t len;
    } forms[] = {
        { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
        { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    uint8_t first;

    if (text.len == 0)
        return 0;
    first = text.ptr[0];
    *point = first;
    if (first < 0x80)
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        size_t len = forms[i].len;

        if (first < forms[i].first || first > forms[i].last)
            continue;
        if (text.len < len || text.ptr[1] < forms[i].low || text.ptr[1] > forms[i].high)
            return 0;
        *point = first & (0x7fu >> len);
        for (size_t k = 1; k < len; k++) {
            if ((text.ptr[k] & 0xc0) != 0x80)
                return 0;
            *point = *point << 6 | (text.ptr[k] & 0x3fu);
        }
        return len;
    }
    return 0;
}

bool utf8_valid(struct slice text)
{
    uint32_t point;

    while (text.len) {
        size_t n = utf8_next(text, &point);

        if (n == 0)
            return false;
        text = slice_of(text.ptr + n, text.len - n);
    }
    return true;
}

bool utf8_is_safe(uint32_t point)
{
    if (point < 0x20 || (point >= 0x7f && point <= 0x9f))
        return false;
    if (point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e))
        return false;
    return !(point >= 0x2066 && point <= 0x2069) && point != 0x061c && point != 0xfeff;
}

void text_make_safe(char *text)
{
    struct slice left = slice_str(text);
    char *to = text;

    while (left.len) {
        uint32_t point;
        size_t n = utf8_next(left, &point);

        if (n && utf8_is_safe(point)) {
            memmove(to, left.ptr, n);
            to += n;
        } else {
            *to++ = '?';
            n = n ? n : 1;
        }
        left = slice_of(left.ptr + n, left.len - n);
    }
    *to = '\0';
}
