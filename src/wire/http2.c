#include "wire/http2.h"

#include "base/alloc.h"
#include <stdlib.h>

enum {
    ACKS = 100,          /* of PING and SETTINGS, not yet taken by the peer */
    SETTINGS = 16,       /* in one frame */
    FRAMES_QUEUED = 500, /* beyond which nothing more is read; streams' bodies do not count */
    FEED = 4 << 10,      /* bytes between two looks at that */
    WASTED = 100,        /* streams; and half of those that were answered */
    NOISE = 1 << 20,     /* bytes that were neither fields nor body; and eight times of what was */
};

void http2_end(struct http2 *c, uint32_t code, const char *why)
{
    if (c->over)
        return;
    c->over = why;
    (void)c->lib->nghttp2_session_terminate_session(c->session, code);
}

/* Rapid reset (CVE-2023-44487), and what makes us reset streams. */
void http2_waste(struct http2 *c)
{
    c->wasted++;
    if (c->wasted > WASTED + c->answered / 2)
        http2_end(c, NGHTTP2_ENHANCE_YOUR_CALM, "too many streams came to nothing");
}

static int over(struct http2 *c, struct err *e)
{
    return err_set(e, ERR_INVALID, "%s", c->over);
}

static int feed(struct http_conn *conn, struct slice bytes, size_t *taken, struct err *e)
{
    struct http2 *c = (struct http2 *)conn;

    *taken = 0;
    while (*taken < bytes.len && !c->over) {
        size_t len = bytes.len - *taken < FEED ? bytes.len - *taken : FEED;
        ssize_t rc;

        if (c->lib->nghttp2_session_get_outbound_queue_size(c->session) > FRAMES_QUEUED)
            return 0;
        rc = c->lib->nghttp2_session_mem_recv(c->session, bytes.ptr + *taken, len);
        if (c->deaf)
            rc = (ssize_t)len;
        if (rc == NGHTTP2_ERR_FLOODED)
            http2_end(c, NGHTTP2_ENHANCE_YOUR_CALM, "too many frames that ask for an answer");
        else if (rc < 0)
            http2_end(c, NGHTTP2_PROTOCOL_ERROR, c->lib->nghttp2_strerror((int)rc));
        else
            *taken += (size_t)rc;
        c->fed += len;
        if (c->fed > NOISE + 8 * c->useful)
            http2_end(c, NGHTTP2_ENHANCE_YOUR_CALM, "too many frames that do nothing");
    }
    return c->over ? over(c, e) : 0;
}

static int output(struct http_conn *conn, struct buf *out, size_t max, struct err *e)
{
    struct http2 *c = (struct http2 *)conn;
    size_t before = out->len;

    while (out->len - before < max && !out->failed) {
        const uint8_t *frame;
        ssize_t len = c->lib->nghttp2_session_mem_send(c->session, &frame);

        if (len < 0)
            return err_set(e, ERR_INTERNAL, "HTTP/2: %s", c->lib->nghttp2_strerror((int)len));
        buf_add(out, frame, (size_t)len);
        if (len == 0 && !http2_deliver(c))
            break;
    }
    return buf_check(out, e);
}

static size_t queued(const struct http_conn *conn)
{
    return ((const struct http2 *)conn)->queued;
}

/* RFC 9113 section 6.8: first a GOAWAY that ends nothing, then, when the PING came back and so all
 * that was on its way, the one that does. */
static void drain(struct http_conn *conn)
{
    struct http2 *c = (struct http2 *)conn;

    if (c->draining || c->over)
        return;
    c->draining = true;
    (void)c->lib->nghttp2_submit_shutdown_notice(c->session);
    (void)c->lib->nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL);
}

static void refuse(struct http_conn *conn, int status, const char *detail)
{
    (void)status;
    http2_end((struct http2 *)conn, NGHTTP2_NO_ERROR, detail);
}

static bool done(const struct http_conn *conn)
{
    const struct http2 *c = (const struct http2 *)conn;

    return !c->lib->nghttp2_session_want_read(c->session) &&
           !c->lib->nghttp2_session_want_write(c->session);
}

static enum http_phase phase(const struct http_conn *conn)
{
    const struct http2 *c = (const struct http2 *)conn;
    enum http_phase phase = HTTP_PHASE_IDLE;

    if (!c->begun || c->in_head)
        return HTTP_PHASE_HEAD;
    for (const struct http2_stream *s = c->streams; s; s = s->next) {
        if (s->state == HTTP2_BODY)
            return HTTP_PHASE_BODY;
        phase = HTTP_PHASE_ANSWER;
    }
    return phase;
}

static void clear(struct http_conn *conn)
{
    struct http2 *c = (struct http2 *)conn;

    while (c->streams) {
        struct http2_stream *next = c->streams->next;

        http2_stream_free(c->streams);
        c->streams = next;
    }
    if (c->spare)
        http2_stream_free(c->spare);
    if (c->session)
        c->lib->nghttp2_session_del(c->session);
    free(c);
}

static const struct http_conn_kind kind = {
    .free = clear,
    .feed = feed,
    .output = output,
    .respond = http2_respond,
    .write = http2_write,
    .refuse = refuse,
    .queued = queued,
    .drain = drain,
    .done = done,
    .phase = phase,
};

static int open_session(struct http2 *c, const nghttp2_session_callbacks *callbacks,
                        const nghttp2_option *option, const struct http_limits *limits)
{
    const nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->streams },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)(limits->target + limits->head) },
    };
    int rc = c->lib->nghttp2_session_server_new2(&c->session, callbacks, c, option);

    return rc ? rc
              : c->lib->nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings,
                                                ARRAY_LEN(settings));
}

/* nghttp2 makes both options and callbacks afresh and copies them. */
static int make_session(struct http2 *c, const struct http_limits *limits, struct err *e)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    int rc = c->lib->nghttp2_session_callbacks_new(&callbacks);

    if (rc == 0)
        rc = c->lib->nghttp2_option_new(&option);
    if (rc == 0) {
        http2_set_callbacks(c->lib, callbacks);
        c->lib->nghttp2_option_set_max_outbound_ack(option, ACKS);
        c->lib->nghttp2_option_set_max_settings(option, SETTINGS);
        /* It counts pieces in which they come; each may come byte by byte. */
        c->lib->nghttp2_option_set_max_continuations(option, HTTP2_CONTINUATIONS * 10);
        rc = open_session(c, callbacks, option, limits);
    }
    c->lib->nghttp2_option_del(option);
    c->lib->nghttp2_session_callbacks_del(callbacks);
    return rc ? err_set(e, ERR_INTERNAL, "HTTP/2: %s", c->lib->nghttp2_strerror(rc)) : 0;
}

int http2_new(struct http_conn **ret, const struct http_limits *limits, struct err *e)
{
    CLEANUP(http_conn_freep) struct http_conn *conn = NULL;
    const struct libnghttp2 *lib;
    struct http2 *c;

    if (libnghttp2_load(&lib, e))
        return -1;
    c = xcalloc(1, sizeof *c);
    conn = &c->conn;
    conn->kind = &kind;
    c->lib = lib;
    c->waiting_end = &c->waiting;
    if (make_session(c, limits, e))
        return -1;
    *ret = conn;
    conn = NULL;
    return 0;
}
