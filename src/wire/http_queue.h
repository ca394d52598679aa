#ifndef WIRE_HTTP_QUEUE_H
#define WIRE_HTTP_QUEUE_H

#include "base/buf.h"

/*
 * Bytes on their way out, first in, first out. A large body is moved in rather than copied. Memory
 * is at most twice what is queued, and is kept for the next answer only when small.
 */
struct http_queue {
    struct buf first, second; /* second: what was moved in, and all behind it */
    size_t taken;             /* of first */
};

void http_queue_clear(struct http_queue *q);
void http_queue_add(struct http_queue *q, struct slice bytes);
/* Room for `len` bytes behind the last, NULL when that fails; then how many were written there. */
uint8_t *http_queue_room(struct http_queue *q, size_t len);
void http_queue_wrote(struct http_queue *q, size_t len);
void http_queue_move(struct http_queue *q, struct buf *bytes); /* leaves `bytes` empty */
size_t http_queue_len(const struct http_queue *q);
struct slice http_queue_head(const struct http_queue *q); /* the first bytes, in one piece */
void http_queue_drop(struct http_queue *q, size_t len);   /* of the head */
void http_queue_take(struct http_queue *q, struct buf *out, size_t max);
bool http_queue_failed(const struct http_queue *q); /* more than a buffer holds */

#endif
