#include "wire/http_queue.h"

enum {
    KEPT = 4 << 10,    /* memory that stays for the next answer */
    COPIED = 16 << 10, /* longest body that is worth a copy rather than a buffer of its own */
};

void http_queue_clear(struct http_queue *q)
{
    buf_clear(&q->first);
    buf_clear(&q->second);
    q->taken = 0;
}

/* What was taken makes room once it is the larger half: each byte is moved once at most. */
static void compact(struct http_queue *q)
{
    size_t left = q->first.len - q->taken;

    if (q->taken <= left)
        return;
    memmove(q->first.ptr, q->first.ptr + q->taken, left);
    q->first.len = left;
    q->taken = 0;
}

void http_queue_add(struct http_queue *q, struct slice bytes)
{
    if (q->second.len) {
        buf_add_slice(&q->second, bytes);
        return;
    }
    compact(q);
    buf_add_slice(&q->first, bytes);
}

uint8_t *http_queue_room(struct http_queue *q, size_t len)
{
    if (q->second.len)
        return buf_room(&q->second, len);
    compact(q);
    return buf_room(&q->first, len);
}

void http_queue_wrote(struct http_queue *q, size_t len)
{
    if (q->second.len)
        q->second.len += len;
    else
        q->first.len += len;
}

void http_queue_move(struct http_queue *q, struct buf *bytes)
{
    if (q->second.len || bytes->len <= COPIED) {
        http_queue_add(q, buf_slice(bytes));
        buf_clear(bytes);
        return;
    }
    q->second = *bytes;
    *bytes = (struct buf){ 0 };
}

size_t http_queue_len(const struct http_queue *q)
{
    return q->first.len - q->taken + q->second.len;
}

struct slice http_queue_head(const struct http_queue *q)
{
    if (q->taken < q->first.len)
        return slice_of(q->first.ptr + q->taken, q->first.len - q->taken);
    return buf_slice(&q->second);
}

static void next(struct http_queue *q)
{
    q->taken = 0;
    if (q->second.len == 0 && q->first.cap <= KEPT) {
        buf_reset(&q->first);
        return;
    }
    buf_clear(&q->first);
    q->first = q->second;
    q->second = (struct buf){ 0 };
}

void http_queue_drop(struct http_queue *q, size_t len)
{
    if (q->taken == q->first.len && q->second.len)
        next(q);
    q->taken += len;
    if (q->taken == q->first.len)
        next(q);
}

void http_queue_take(struct http_queue *q, struct buf *out, size_t max)
{
    while (max && http_queue_len(q)) {
        struct slice head = http_queue_head(q);

        if (head.len > max)
            head.len = max;
        buf_add_slice(out, head);
        http_queue_drop(q, head.len);
        max -= head.len;
    }
}

bool http_queue_failed(const struct http_queue *q)
{
    return q->first.failed || q->second.failed;
}
