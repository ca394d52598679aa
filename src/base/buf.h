#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/cleanup.h"
#include "base/err.h"
#include "base/slice.h"
#include <stdarg.h>

/*
 * An owned, growing run of bytes, at most BUF_MAX. Appends are sticky: write everything, then test
 * `failed` once. Wiped when it grows or dies, since it often carries key material on its way out.
 * Start with `struct buf b = { 0 };` and CLEANUP(buf_clear).
 */
struct buf {
    uint8_t *ptr;
    size_t len, cap;
    bool failed;
};

enum { BUF_MAX = 256 << 20 };

void buf_clear(struct buf *b);
void buf_reset(struct buf *b); /* len 0, memory kept (and wiped) */
void buf_add(struct buf *b, const void *ptr, size_t len);
void buf_add_slice(struct buf *b, struct slice s);
void buf_add_str(struct buf *b, const char *text);
void buf_add_byte(struct buf *b, uint8_t byte);
void buf_addf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vaddf(struct buf *b, const char *format, va_list ap) PRINTF_LIKE(2, 0);
/* Room for `len` more bytes at the end; returns where, NULL when that fails; does not move len. */
uint8_t *buf_room(struct buf *b, size_t len);
/* A NUL behind the last byte (not counted in len): the text at the edge. "" when empty or failed.
 */
const char *buf_str(struct buf *b);
struct slice buf_slice(const struct buf *b);
/* ERR_LIMIT when an append failed. */
int buf_check(const struct buf *b, struct err *e) MUST_CHECK;
/* Takes the NUL-ended text out of the buffer; the caller frees it. */
char *buf_take_str(struct buf *b);

#endif
