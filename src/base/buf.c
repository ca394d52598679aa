#include "base/buf.h"
#include "base/alloc.h"
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAP = 64 };

static void wipe(struct buf *b)
{
    if (b->ptr)
        explicit_bzero(b->ptr, b->cap);
}

void buf_clear(struct buf *b)
{
    wipe(b);
    free(b->ptr);
    *b = (struct buf){ 0 };
}

void buf_reset(struct buf *b)
{
    wipe(b);
    b->len = 0;
    b->failed = false;
}

/* Room for `more` bytes and a NUL behind them. Not realloc: it would leave the old bytes about. */
static bool reserve(struct buf *b, size_t more)
{
    size_t want, cap;
    uint8_t *grown;

    if (b->failed)
        return false;
    if (more > (size_t)BUF_MAX - b->len) {
        b->failed = true;
        return false;
    }
    want = b->len + more + 1;
    if (want <= b->cap)
        return true;
    cap = b->cap ? b->cap * 2 : FIRST_CAP;
    if (cap < want)
        cap = want;
    if (cap > (size_t)BUF_MAX + 1)
        cap = (size_t)BUF_MAX + 1;
    grown = malloc(cap);
    if (!grown) {
        b->failed = true;
        return false;
    }
    if (b->len)
        memcpy(grown, b->ptr, b->len);
    wipe(b);
    free(b->ptr);
    b->ptr = grown;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *ptr, size_t len)
{
    if (len == 0 || !reserve(b, len))
        return;
    memcpy(b->ptr + b->len, ptr, len);
    b->len += len;
}

void buf_add_slice(struct buf *b, struct slice s)
{
    buf_add(b, s.ptr, s.len);
}

void buf_add_str(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_byte(struct buf *b, uint8_t byte)
{
    buf_add(b, &byte, 1);
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    buf_vaddf(b, format, ap);
    va_end(ap);
}

void buf_vaddf(struct buf *b, const char *format, va_list ap)
{
    va_list again;
    int len;

    va_copy(again, ap);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        b->failed = true;
    if (len <= 0 || !reserve(b, (size_t)len))
        return;
    (void)vsnprintf((char *)b->ptr + b->len, (size_t)len + 1, format, ap);
    b->len += (size_t)len;
}

uint8_t *buf_room(struct buf *b, size_t len)
{
    return reserve(b, len) ? b->ptr + b->len : NULL;
}

const char *buf_str(struct buf *b)
{
    if (b->len == 0 || !reserve(b, 0))
        return "";
    b->ptr[b->len] = '\0';
    return (const char *)b->ptr;
}

struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->ptr, b->len);
}

int buf_check(const struct buf *b, struct err *e)
{
    return b->failed ? err_set(e, ERR_LIMIT, "more than %d bytes in one buffer", BUF_MAX) : 0;
}

char *buf_take_str(struct buf *b)
{
    char *text;

    if (b->len == 0 || !reserve(b, 0)) {
        buf_clear(b);
        return xstrdup("");
    }
    b->ptr[b->len] = '\0';
    text = (char *)b->ptr;
    *b = (struct buf){ 0 };
    return text;
}
