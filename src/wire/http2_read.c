#include "wire/http2.h"

#include "base/alloc.h"
#include "wire/http_syntax.h"
#include <stdlib.h>
#include <string.h>

/* ---- streams ---- */

static void drop_body(struct http2 *c, struct http2_stream *s)
{
    c->bodies -= s->body.len;
    buf_clear(&s->body);
}

static struct http2_stream *new_stream(struct http2 *c, int32_t id)
{
    struct http2_stream *s = c->spare ? c->spare : xcalloc(1, sizeof *s);
    struct http_head head = s->head; /* with its memory */

    c->spare = NULL;
    *s = (struct http2_stream){ .id = id, .head = head, .next = c->streams };
    if (s->next)
        s->next->previous = s;
    c->streams = s;
    return s;
}

static void unlink_stream(struct http2 *c, struct http2_stream *s)
{
    if (s->next)
        s->next->previous = s->previous;
    if (s->previous)
        s->previous->next = s->next;
    else
        c->streams = s->next;
    if (s->state != HTTP2_WAITING)
        return;
    for (struct http2_stream **at = &c->waiting; *at; at = &(*at)->after) {
        if (*at != s)
            continue;
        *at = s->after;
        if (!s->after)
            c->waiting_end = at;
        return;
    }
}

void http2_stream_free(struct http2_stream *s)
{
    http_head_clear(&s->head);
    buf_clear(&s->body);
    http_queue_clear(&s->out);
    free(s);
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct http2 *c = ctx;
    struct http2_stream *s = c->lib->nghttp2_session_get_stream_user_data(session, id);

    (void)code;
    if (!s)
        return 0;
    unlink_stream(c, s);
    drop_body(c, s);
    c->queued -= http_queue_len(&s->out);
    http_queue_clear(&s->out);
    if (!s->sent)
        http2_waste(c);
    if (s->state == HTTP2_ANSWER || s->state == HTTP2_STREAMING)
        c->conn.events.closed(c->conn.events.ctx, id);
    if (c->spare)
        http2_stream_free(c->spare);
    c->spare = s;
    http_head_reset(&s->head);
    return 0;
}

/* ---- fields ---- */

/* The first fault is the one that is answered. */
static void fault(struct http2_stream *s, int status, const char *detail)
{
    if (s->fault)
        return;
    s->fault = status;
    s->detail = detail;
}

static void see_pseudo(struct http2 *c, struct http2_stream *s, struct slice name,
                       struct slice value)
{
    if (slice_eq_str(name, ":method")) {
        s->head.method = http_method_find(value);
        if (s->head.method == HTTP_METHODS)
            fault(s, 501, "the request method is not known here");
    } else if (slice_eq_str(name, ":path")) {
        if (value.len > c->conn.limits->target)
            fault(s, 414, "the request target is too long");
        else
            s->head.target = http_head_text(&s->head, value);
    } else if (slice_eq_str(name, ":authority")) {
        s->head.host = http_head_text(&s->head, value);
    }
}

static void see_field(struct http2_stream *s, struct slice name, struct slice value)
{
    struct http_line line = { .name = http_head_text(&s->head, name),
                              .value = http_head_text(&s->head, value) };

    http_head_keep(&s->head, line);
    if (slice_eq_str(name, "host")) {
        s->host = line.value;
    } else if (slice_eq_str(name, "content-length")) {
        if (!http_length_parse(value, &s->length))
            fault(s, 400, "Content-Length is not a number of bytes");
        s->has_length = true;
    } else if (slice_eq_str(name, "expect")) {
        if (!http_slice_is(value, "100-continue"))
            fault(s, 417, "the only expectation known here is '100-continue'");
        s->expects = true;
    }
}

/* RFC 9113 section 5.1.1: streams are opened in order. nghttp2 takes one that was left out for one
 * that it has forgotten. Clients' streams are odd. */
static int check_order(struct http2 *c, int32_t id)
{
    uint32_t steps; /* forwards, or back */

    if (id % 2 == 0)
        return 0;
    if (id > c->last) {
        steps = ((uint32_t)(id - c->last) + 1) / 2; /* from 0 to 1, too */
        c->last = id;
        c->opened = (steps < 64 ? c->opened << steps : 0) | 1;
        return 0;
    }
    steps = (uint32_t)(c->last - id) / 2;
    if (steps >= 64 || c->opened >> steps & 1)
        return 0;
    http2_end(c, NGHTTP2_PROTOCOL_ERROR, "streams are not opened in order");
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *ctx)
{
    struct http2 *c = ctx;

    (void)session;
    /* nghttp2 stops here only at the end of what it was given. */
    c->deaf = !c->lib->nghttp2_session_want_read(session);
    if (c->over || c->deaf || (hd->type == NGHTTP2_HEADERS && check_order(c, hd->stream_id)))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    c->in_head = hd->type == NGHTTP2_HEADERS || hd->type == NGHTTP2_CONTINUATION;
    c->continuations = hd->type == NGHTTP2_CONTINUATION ? c->continuations + 1 : 0;
    if (c->continuations <= HTTP2_CONTINUATIONS)
        return 0;
    http2_end(c, NGHTTP2_ENHANCE_YOUR_CALM, "the fields of one request are in too many frames");
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct http2 *c = ctx;
    struct http2_stream *s;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    s = new_stream(c, frame->hd.stream_id);
    if (c->lib->nghttp2_session_set_stream_user_data(session, s->id, s) == 0)
        return 0;
    unlink_stream(c, s);
    http2_stream_free(s);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* nghttp2_on_header_callback. Trailers are counted with the fields, and dropped. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
    struct http2 *c = ctx;
    struct http2_stream *s =
        c->lib->nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    struct slice n = slice_of(name, name_len), v = slice_of(value, value_len);

    (void)flags;
    c->useful += name_len + value_len;
    if (!s || s->fault)
        return 0;
    if (name_len && name[0] == ':' && frame->headers.cat == NGHTTP2_HCAT_REQUEST &&
        !slice_eq_str(n, ":authority")) {
        see_pseudo(c, s, n, v);
        return 0;
    }
    s->head_len += name_len + value_len + 4; /* as in HTTP/1.1: colon, space, CR, LF */
    s->line_count++;
    if (s->head_len > c->conn.limits->head)
        fault(s, 431, "the header fields are too large");
    else if (s->line_count > c->conn.limits->fields)
        fault(s, 431, "there are too many header fields");
    else if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    else if (name[0] == ':')
        see_pseudo(c, s, n, v);
    else
        see_field(s, n, v);
    return 0;
}

/* nghttp2_on_invalid_header_callback. Without it some wrong fields would be dropped, and the rest
 * taken: RFC 9113 section 8.2.1. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_len, const uint8_t *value,
                             size_t value_len, uint8_t flags, void *ctx)
{
    (void)session;
    (void)frame;
    (void)name;
    (void)name_len;
    (void)value;
    (void)value_len;
    (void)flags;
    (void)ctx;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* ---- requests ---- */

static void hand_out(struct http2 *c, struct http2_stream *s)
{
    struct http_request request = http_head_request(&s->head);
    enum http_method method = request.method;

    request.body = buf_slice(&s->body);
    s->state = HTTP2_ANSWER;
    c->conn.events.request(c->conn.events.ctx, s->id, &request);
    drop_body(c, s);
    http_head_reset(&s->head);
    s->head.method = method;
}

bool http2_deliver(struct http2 *c)
{
    bool any = false;

    while (c->waiting && c->queued <= c->conn.limits->queued) {
        struct http2_stream *s = c->waiting;

        c->waiting = s->after;
        if (!c->waiting)
            c->waiting_end = &c->waiting;
        hand_out(c, s);
        any = true;
    }
    return any;
}

/* Behind those that wait already, so that requests are handed out in their order. */
static void whole(struct http2 *c, struct http2_stream *s)
{
    if (s->head.text.failed || s->body.failed) {
        http2_refuse(c, s, 503, "there is no memory for this request");
        return;
    }
    s->state = HTTP2_WAITING;
    s->after = NULL;
    *c->waiting_end = s;
    c->waiting_end = &s->after;
    (void)http2_deliver(c);
}

/* RFC 9113 section 8.3.1: :authority, or Host; if both, then they agree. */
static void check_authority(struct http2_stream *s)
{
    struct slice authority = http_head_slice(&s->head, s->head.host);
    struct slice host = http_head_slice(&s->head, s->host);

    if (authority.len == 0) {
        s->head.host = s->host;
        authority = host;
    }
    if (authority.len == 0)
        fault(s, 400, "there is neither :authority nor Host");
    else if (!http_host_valid(authority))
        fault(s, 400, ":authority is not a host name or address, with or without a port");
    else if (host.len && !slice_eq(host, authority))
        fault(s, 400, ":authority and Host differ");
}

static void head_end(struct http2 *c, struct http2_stream *s)
{
    struct http_request request;
    const char *target;

    if (!s->fault) {
        target = http_target_fault(s->head.method, http_head_slice(&s->head, s->head.target));
        if (target)
            fault(s, 400, target);
        check_authority(s);
    }
    if (s->fault) {
        http2_refuse(c, s, s->fault, s->detail);
        return;
    }
    if (s->ended) {
        whole(c, s);
        return;
    }
    request = http_head_request(&s->head);
    s->max_body = http_conn_max_body(&c->conn, &request);
    if (s->has_length && s->length > s->max_body) {
        http2_refuse(c, s, 413, "the body is too large");
        return;
    }
    s->state = HTTP2_BODY;
    if (s->expects)
        http2_continue(c, s);
}

/* nghttp2_on_data_chunk_recv_callback. */
static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *ctx)
{
    struct http2 *c = ctx;
    struct http2_stream *s = c->lib->nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    c->useful += len;
    if (!s || s->state != HTTP2_BODY)
        return 0;
    if (len > s->max_body - s->body.len) {
        drop_body(c, s);
        http2_refuse(c, s, 413, "the body is too large");
    } else if (len > c->conn.limits->body - c->bodies) {
        drop_body(c, s);
        http2_refuse(c, s, 503, "the bodies under way are too large together");
    } else {
        buf_add(&s->body, data, len);
        c->bodies = c->bodies + (s->body.failed ? 0 : len);
    }
    return 0;
}

static void on_end(struct http2 *c, const nghttp2_frame *frame)
{
    struct http2_stream *s =
        c->lib->nghttp2_session_get_stream_user_data(c->session, frame->hd.stream_id);
    bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

    if (!s)
        return;
    s->ended |= end;
    if (s->state == HTTP2_HEAD)
        head_end(c, s);
    else if (s->state == HTTP2_BODY && s->fault)
        http2_refuse(c, s, s->fault, s->detail);
    else if (s->state == HTTP2_BODY && end)
        whole(c, s);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct http2 *c = ctx;

    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        c->in_head = false;
        on_end(c, frame);
        break;
    case NGHTTP2_DATA:
        on_end(c, frame);
        break;
    case NGHTTP2_SETTINGS:
        c->begun = true;
        break;
    case NGHTTP2_PING:
        /* The second step of a drain: what was on its way when we asked has come. */
        if (c->draining && frame->hd.flags & NGHTTP2_FLAG_ACK)
            (void)c->lib->nghttp2_submit_goaway(
                session, NGHTTP2_FLAG_NONE,
                c->lib->nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR, NULL,
                0);
        break;
    default:
        break;
    }
    return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct http2 *c = ctx;
    struct http2_stream *s;

    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR &&
        !c->over)
        c->over = "the peer broke a rule of HTTP/2";
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    s = c->lib->nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!s || s->state < HTTP2_ANSWER)
        return 0;
    s->sent = true;
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    c->answered++;
    /* RFC 9113 section 8.1: answered before all of it came; the rest is not wanted. */
    if (!s->ended)
        (void)c->lib->nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id,
                                                NGHTTP2_NO_ERROR);
    return 0;
}

void http2_set_callbacks(const struct libnghttp2 *lib, nghttp2_session_callbacks *callbacks)
{
    lib->nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    lib->nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    lib->nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    lib->nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    lib->nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    lib->nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    lib->nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    lib->nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
