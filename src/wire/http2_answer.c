#include "wire/http2.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum { NV_MAX = HTTP_RESPONSE_FIELDS + 4 };

static nghttp2_nv nv_of(const char *name, const char *value)
{
    return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
                         .namelen = strlen(name),
                         .value = (uint8_t *)(uintptr_t)value,
                         .valuelen = strlen(value),
                         .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME };
}

static void drop_stream(struct http2 *c, struct http2_stream *s, uint32_t code)
{
    /* It fails for want of memory alone; then the stream stays until its connection ends. */
    (void)c->lib->nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, s->id, code);
}

void http2_continue(struct http2 *c, struct http2_stream *s)
{
    nghttp2_nv nv = nv_of(":status", "100");

    (void)c->lib->nghttp2_submit_headers(c->session, NGHTTP2_FLAG_NONE, s->id, NULL, &nv, 1, NULL);
}

/* nghttp2_data_source_read_callback. */
static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *room, size_t len,
                         uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct http2 *c = ctx;
    struct http2_stream *s = source->ptr;
    size_t given = 0;

    (void)session;
    (void)id;
    if (http_queue_failed(&s->out))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    while (given < len && http_queue_len(&s->out)) {
        struct slice head = http_queue_head(&s->out);
        size_t n = head.len < len - given ? head.len : len - given;

        memcpy(room + given, head.ptr, n);
        http_queue_drop(&s->out, n);
        given += n;
    }
    c->queued -= given;
    c->useful += given;
    if (http_queue_len(&s->out) == 0 && s->state == HTTP2_ANSWERED)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (given == 0) {
        s->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)given;
}

static size_t fill_head(struct http2 *c, const struct http_response *response, char numbers[2][24],
                        nghttp2_nv nv[NV_MAX])
{
    const char *date = http_conn_date(&c->conn);
    size_t count = 0;

    (void)snprintf(numbers[0], sizeof numbers[0], "%d", response->status);
    nv[count++] = nv_of(":status", numbers[0]);
    if (date)
        nv[count++] = nv_of("date", date);
    if (response->type)
        nv[count++] = nv_of("content-type", response->type);
    if (http_status_has_body(response->status) && !response->stream) {
        (void)snprintf(numbers[1], sizeof numbers[1], "%zu", response->body.len);
        nv[count++] = nv_of("content-length", numbers[1]);
    }
    for (size_t i = 0; i < response->field_count; i++)
        nv[count++] = nv_of(response->field[i].name, response->field[i].value);
    return count;
}

static struct http2_stream *stream_of(struct http2 *c, int32_t id)
{
    return c->lib->nghttp2_session_get_stream_user_data(c->session, id);
}

static void enqueue(struct http2 *c, struct http2_stream *s, struct buf *body)
{
    c->queued += body->len;
    http_queue_move(&s->out, body);
}

void http2_respond(struct http_conn *conn, int32_t stream, struct http_response *response)
{
    struct http2 *c = (struct http2 *)conn;
    struct http2_stream *s = stream_of(c, stream);
    nghttp2_data_provider body = { .source.ptr = s, .read_callback = read_body };
    char numbers[2][24];
    nghttp2_nv nv[NV_MAX];
    size_t count;
    bool none;

    if (!s || s->state != HTTP2_ANSWER)
        return;
    assert(response->status >= 200 && response->status <= 599);
    none = s->head.method == HTTP_HEAD || !http_status_has_body(response->status) ||
           (response->body.len == 0 && !response->stream);
    count = fill_head(c, response, numbers, nv);
    s->state = response->stream && !none ? HTTP2_STREAMING : HTTP2_ANSWERED;
    if (!none)
        enqueue(c, s, &response->body);
    if (c->lib->nghttp2_submit_response(c->session, s->id, nv, count, none ? NULL : &body))
        drop_stream(c, s, NGHTTP2_INTERNAL_ERROR);
}

void http2_write(struct http_conn *conn, int32_t stream, struct slice part, bool end)
{
    struct http2 *c = (struct http2 *)conn;
    struct http2_stream *s = stream_of(c, stream);

    if (!s || s->state != HTTP2_STREAMING)
        return;
    http_queue_add(&s->out, part);
    c->queued += part.len;
    if (end)
        s->state = HTTP2_ANSWERED;
    if (!s->deferred || (part.len == 0 && !end))
        return;
    s->deferred = false;
    (void)c->lib->nghttp2_session_resume_data(c->session, s->id);
}

void http2_refuse(struct http2 *c, struct http2_stream *s, int status, const char *detail)
{
    struct http_response response = { 0 };

    s->state = HTTP2_ANSWER;
    http_response_problem(&response, status, detail);
    http2_respond(&c->conn, s->id, &response);
    http_response_clear(&response);
    http2_waste(c);
}
