#include "wire/http1.h"

#include "base/alloc.h"
#include <stdlib.h>

int http1_want(struct http1 *c, struct slice *in, uint8_t want, enum http1_state next,
               struct err *e)
{
    if (in->ptr[0] != want)
        return http1_refuse(c, 400, "a line does not end with CR LF", e);
    http1_skip(in, 1);
    c->state = next;
    return 0;
}

/* Makes ready for the next request. */
static void forget(struct http1 *c)
{
    enum http_method method = c->head.method; /* the answer depends on it */

    http_head_reset(&c->head);
    c->head.method = method;
    if (c->body.cap)
        buf_clear(&c->body);
    c->line_count = c->head_len = 0;
    c->method_len = c->version_len = c->size_digits = 0;
    c->has_length = c->chunked = c->expects = c->trailers = false;
    c->length = 0;
}

int http1_deliver(struct http1 *c, struct slice body, struct err *e)
{
    struct http_request request = http_head_request(&c->head);

    if (c->head.text.failed || c->body.failed)
        return http1_refuse(c, 503, "there is no memory for this request", e);
    request.body = body;
    c->state = HTTP1_ANSWER;
    c->stream++;
    c->conn.events.request(c->conn.events.ctx, c->stream, &request);
    forget(c);
    return 0;
}

int http1_head_end(struct http1 *c, struct err *e)
{
    struct http_request request;

    if (!c->chunked && c->length == 0)
        return http1_deliver(c, slice_of(NULL, 0), e);
    request = http_head_request(&c->head);
    c->max_body = http_conn_max_body(&c->conn, &request);
    if (c->length > c->max_body)
        return http1_refuse(c, 413, "the body is too large", e);
    if (c->expects)
        http1_continue(c);
    c->state = c->chunked ? HTTP1_SIZE : HTTP1_BODY;
    return 0;
}

/* RFC 9112 section 2.2: old clients end a body with an empty line; one is forgiven. */
static int start(struct http1 *c, struct slice *in, struct err *e)
{
    c->head.method = HTTP_GET; /* until it is known: a refusal has a body */
    if (in->ptr[0] != '\r') {
        c->state = HTTP1_METHOD;
        return 0;
    }
    return http1_want(c, in, '\r', HTTP1_EMPTY_LF, e);
}

static int empty_lf(struct http1 *c, struct slice *in, struct err *e)
{
    return http1_want(c, in, '\n', HTTP1_METHOD, e);
}

static int body(struct http1 *c, struct slice *in, struct err *e)
{
    size_t len = in->len < c->length ? in->len : (size_t)c->length;
    struct slice whole = slice_of(in->ptr, len);

    /* One that came in one piece is not copied. */
    if (len < c->length || c->body.len) {
        buf_add(&c->body, in->ptr, len);
        whole = buf_slice(&c->body);
    }
    http1_skip(in, len);
    c->length -= len;
    return c->length ? 0 : http1_deliver(c, whole, e);
}

static http1_step *const steps[HTTP1_ANSWER] = {
    [HTTP1_START] = start,
    [HTTP1_EMPTY_LF] = empty_lf,
    [HTTP1_METHOD] = http1_method,
    [HTTP1_TARGET] = http1_target,
    [HTTP1_VERSION] = http1_version,
    [HTTP1_LINE_CR] = http1_line_cr,
    [HTTP1_LINE_LF] = http1_line_lf,
    [HTTP1_FIELD] = http1_field,
    [HTTP1_NAME] = http1_name,
    [HTTP1_SPACE] = http1_space,
    [HTTP1_VALUE] = http1_value,
    [HTTP1_VALUE_LF] = http1_value_lf,
    [HTTP1_HEAD_LF] = http1_head_lf,
    [HTTP1_BODY] = body,
    [HTTP1_SIZE] = http1_size,
    [HTTP1_SIZE_LF] = http1_size_lf,
    [HTTP1_CHUNK] = http1_chunk,
    [HTTP1_CHUNK_CR] = http1_chunk_cr,
    [HTTP1_CHUNK_LF] = http1_chunk_lf,
};

/* Behind the last request there may be nothing but an empty line: RFC 9112 section 9.6. */
static int feed_over(struct slice in, struct err *e)
{
    for (size_t i = 0; i < in.len; i++)
        if (in.ptr[i] != '\r' && in.ptr[i] != '\n')
            return err_set(e, ERR_INVALID, "bytes behind the last request of a connection");
    return 0;
}

static int feed(struct http_conn *conn, struct slice bytes, size_t *taken, struct err *e)
{
    struct http1 *c = (struct http1 *)conn;
    struct slice in = bytes;
    int rc = 0;

    while (rc == 0 && in.len && c->state < HTTP1_ANSWER) {
        if (c->state == HTTP1_START && http_queue_len(&c->out) > conn->limits->queued)
            break;
        rc = steps[c->state](c, &in, e);
    }
    *taken = bytes.len - in.len;
    if (rc == 0 && in.len && c->state == HTTP1_OVER) {
        *taken = bytes.len;
        return feed_over(in, e);
    }
    return rc;
}

static int output(struct http_conn *conn, struct buf *out, size_t max, struct err *e)
{
    struct http1 *c = (struct http1 *)conn;

    if (http_queue_failed(&c->out))
        return err_set(e, ERR_LIMIT, "an answer of more than %d bytes", BUF_MAX);
    http_queue_take(&c->out, out, max);
    return buf_check(out, e);
}

static size_t queued(const struct http_conn *conn)
{
    return http_queue_len(&((const struct http1 *)conn)->out);
}

static void drain(struct http_conn *conn)
{
    struct http1 *c = (struct http1 *)conn;

    c->last = true;
    if (c->state <= HTTP1_EMPTY_LF)
        c->state = HTTP1_OVER;
}

static bool done(const struct http_conn *conn)
{
    return ((const struct http1 *)conn)->state == HTTP1_OVER;
}

static enum http_phase phase(const struct http_conn *conn)
{
    enum http1_state state = ((const struct http1 *)conn)->state;

    if (state == HTTP1_START || state == HTTP1_OVER)
        return HTTP_PHASE_IDLE;
    if (state >= HTTP1_ANSWER)
        return HTTP_PHASE_ANSWER;
    if (state >= HTTP1_BODY || ((const struct http1 *)conn)->trailers)
        return HTTP_PHASE_BODY;
    return HTTP_PHASE_HEAD;
}

static void clear(struct http_conn *conn)
{
    struct http1 *c = (struct http1 *)conn;

    http_queue_clear(&c->out);
    http_head_clear(&c->head);
    buf_clear(&c->body);
    free(c);
}

static const struct http_conn_kind kind = {
    .free = clear,
    .feed = feed,
    .output = output,
    .respond = http1_respond,
    .write = http1_write,
    .refuse = http1_give_up,
    .queued = queued,
    .drain = drain,
    .done = done,
    .phase = phase,
};

struct http_conn *http1_new(void)
{
    struct http1 *c = xcalloc(1, sizeof *c);

    c->conn.kind = &kind;
    return &c->conn;
}
