#include "wire/http1.h"

/* RFC 9112 section 7.1. Extensions are refused: nobody sends any, and readers differ on them. */
static int digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int http1_size(struct http1 *c, struct slice *in, struct err *e)
{
    enum { DIGITS = 16 }; /* 64 bits */

    while (in->len) {
        int digit = digit_value(in->ptr[0]);

        if (digit < 0 && c->size_digits)
            return http1_want(c, in, '\r', HTTP1_SIZE_LF, e);
        if (digit < 0 || c->size_digits == DIGITS)
            return http1_refuse(c, 400, "the size of a chunk is not a number", e);
        c->length = c->length << 4 | (unsigned)digit;
        c->size_digits++;
        http1_skip(in, 1);
    }
    return 0;
}

int http1_size_lf(struct http1 *c, struct slice *in, struct err *e)
{
    bool last = c->length == 0;

    if (http1_want(c, in, '\n', last ? HTTP1_FIELD : HTTP1_CHUNK, e))
        return -1;
    if (c->length > c->max_body - c->body.len)
        return http1_refuse(c, 413, "the body is too large", e);
    c->trailers = last;
    return 0;
}

int http1_chunk(struct http1 *c, struct slice *in, struct err *e)
{
    size_t len = in->len < c->length ? in->len : (size_t)c->length;

    (void)e;
    buf_add(&c->body, in->ptr, len);
    http1_skip(in, len);
    c->length -= len;
    if (c->length == 0)
        c->state = HTTP1_CHUNK_CR;
    return 0;
}

int http1_chunk_cr(struct http1 *c, struct slice *in, struct err *e)
{
    return http1_want(c, in, '\r', HTTP1_CHUNK_LF, e);
}

int http1_chunk_lf(struct http1 *c, struct slice *in, struct err *e)
{
    c->size_digits = 0;
    return http1_want(c, in, '\n', HTTP1_SIZE, e);
}
