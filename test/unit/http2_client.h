#ifndef UNIT_HTTP2_CLIENT_H
#define UNIT_HTTP2_CLIENT_H

/*
 * A client of nghttp2's in memory, which says what came back, a line an event, and lets requests be
 * wrong. It is loaded as the server's side is: tests link no more than the program does.
 */
#include "base/alloc.h"
#include "base/library.h"
#include "http_log.h"
#include <nghttp2/nghttp2.h>

#define CLIENT_FUNCTIONS(X)                                                                        \
    X(nghttp2_option_del)                                                                          \
    X(nghttp2_option_new)                                                                          \
    X(nghttp2_option_set_no_auto_window_update)                                                    \
    X(nghttp2_option_set_no_http_messaging)                                                        \
    X(nghttp2_option_set_peer_max_concurrent_streams)                                              \
    X(nghttp2_session_callbacks_del)                                                               \
    X(nghttp2_session_callbacks_new)                                                               \
    X(nghttp2_session_callbacks_set_on_data_chunk_recv_callback)                                   \
    X(nghttp2_session_callbacks_set_on_frame_recv_callback)                                        \
    X(nghttp2_session_callbacks_set_on_header_callback)                                            \
    X(nghttp2_session_callbacks_set_on_stream_close_callback)                                      \
    X(nghttp2_session_client_new2)                                                                 \
    X(nghttp2_session_consume)                                                                     \
    X(nghttp2_session_del)                                                                         \
    X(nghttp2_session_mem_recv)                                                                    \
    X(nghttp2_session_mem_send)                                                                    \
    X(nghttp2_submit_ping)                                                                         \
    X(nghttp2_submit_request)                                                                      \
    X(nghttp2_submit_rst_stream)                                                                   \
    X(nghttp2_submit_settings)

struct client_lib {
#define CLIENT_MEMBER(name) __typeof__(&name) name;
    CLIENT_FUNCTIONS(CLIENT_MEMBER)
#undef CLIENT_MEMBER
};

struct client {
    struct client_lib lib;
    nghttp2_session *session;
    struct http_log server;
    struct buf seen;    /* what came back */
    size_t data;        /* bytes of all bodies that came back */
    bool closed_window; /* give nothing back */
    bool hold;          /* do not end bodies */
};

static inline int client_header(nghttp2_session *session, const nghttp2_frame *frame,
                                const uint8_t *name, size_t name_len, const uint8_t *value,
                                size_t value_len, uint8_t flags, void *ctx)
{
    struct client *c = ctx;

    (void)session;
    (void)flags;
    if (slice_eq_str(slice_of(name, name_len), ":status"))
        buf_addf(&c->seen, "%d: " SLICE_FMT "\n", (int)frame->hd.stream_id,
                 SLICE_ARG(slice_of(value, value_len)));
    return 0;
}

static inline int client_data(nghttp2_session *session, uint8_t flags, int32_t stream,
                              const uint8_t *data, size_t len, void *ctx)
{
    struct client *c = ctx;

    (void)flags;
    c->data += len;
    if (len <= 100)
        buf_addf(&c->seen, "%d: '" SLICE_FMT "'\n", (int)stream, SLICE_ARG(slice_of(data, len)));
    if (!c->closed_window)
        (void)c->lib.nghttp2_session_consume(session, stream, len);
    return 0;
}

static inline int client_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct client *c = ctx;

    (void)session;
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        buf_addf(&c->seen, "%d: reset %u\n", (int)frame->hd.stream_id,
                 frame->rst_stream.error_code);
    if (frame->hd.type == NGHTTP2_GOAWAY)
        buf_addf(&c->seen, "goaway %u after %d\n", frame->goaway.error_code,
                 (int)frame->goaway.last_stream_id);
    return 0;
}

static inline void client_clear(struct client *c)
{
    if (c->session)
        c->lib.nghttp2_session_del(c->session);
    buf_clear(&c->seen);
    http_log_clear(&c->server);
}

static inline void client_open(struct client *c, const struct http_limits *limits)
{
    static const char *const names[] = {
#define CLIENT_NAME(name) #name,
        CLIENT_FUNCTIONS(CLIENT_NAME)
#undef CLIENT_NAME
    };
    struct library library = { .file = "libnghttp2.so.14",
                               .package = "libnghttp2-14",
                               .names = names,
                               .count = ARRAY_LEN(names),
                               .functions = &c->lib };
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    struct err e = { 0 };

    if (library_need(&library, &e) || http_log_open(&c->server, HTTP_2, limits, &e))
        fail_msg("%s", err_text(&e));
    assert_int_equal(c->lib.nghttp2_session_callbacks_new(&callbacks), 0);
    assert_int_equal(c->lib.nghttp2_option_new(&option), 0);
    c->lib.nghttp2_option_set_no_http_messaging(option, 1);
    c->lib.nghttp2_option_set_no_auto_window_update(option, 1);
    c->lib.nghttp2_option_set_peer_max_concurrent_streams(option, 1000);
    c->lib.nghttp2_session_callbacks_set_on_header_callback(callbacks, client_header);
    c->lib.nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, client_data);
    c->lib.nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, client_frame);
    assert_int_equal(c->lib.nghttp2_session_client_new2(&c->session, callbacks, c, option), 0);
    assert_int_equal(c->lib.nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, NULL, 0), 0);
    c->lib.nghttp2_option_del(option);
    c->lib.nghttp2_session_callbacks_del(callbacks);
}

/* To the server; -1: it ends the connection. */
static inline int client_send(struct client *c, struct err *e)
{
    const uint8_t *bytes;
    ssize_t len;
    int rc = 0;

    while (rc == 0 && (len = c->lib.nghttp2_session_mem_send(c->session, &bytes)) > 0)
        rc = http_log_feed(&c->server, slice_of(bytes, (size_t)len), e);
    return rc;
}

/* From the server. */
static inline void client_receive(struct client *c)
{
    struct err e = { 0 };

    assert_int_equal(http_conn_output(c->server.conn, &c->server.output, SIZE_MAX, &e), 0);
    assert_int_equal(
        c->lib.nghttp2_session_mem_recv(c->session, c->server.output.ptr, c->server.output.len),
        (ssize_t)c->server.output.len);
    buf_reset(&c->server.output);
}

/* Until neither side has more to say. -1: the server ended the connection. */
static inline int client_talk(struct client *c, struct err *e)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < 100; i++) {
        rc = client_send(c, e);
        client_receive(c);
    }
    return rc;
}

/* A body that is sent from a slice. */
static inline ssize_t client_body(nghttp2_session *session, int32_t id, uint8_t *room, size_t len,
                                  uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    const struct client *c = ctx;
    struct slice *body = source->ptr;

    (void)session;
    (void)id;
    if (body->len == 0 && c->hold)
        return NGHTTP2_ERR_DEFERRED;
    if (len > body->len)
        len = body->len;
    memcpy(room, body->ptr, len);
    *body = slice_of(body->ptr + len, body->len - len);
    if (body->len == 0 && !c->hold)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

/* `fields`: "name value" lines; `body`: NULL for none; read while sending. The stream's number. */
static inline int32_t client_request(struct client *c, const char *fields, struct slice *body)
{
    nghttp2_data_provider provider = { .source.ptr = body, .read_callback = client_body };
    struct slice rest = slice_str(fields), line, name;
    nghttp2_nv nv[200];
    size_t count = 0;

    while (slice_cut(&rest, '\n', &line)) {
        assert_true(count < ARRAY_LEN(nv) && slice_cut(&line, ' ', &name));
        nv[count++] = (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name.ptr,
                                    .namelen = name.len,
                                    .value = (uint8_t *)(uintptr_t)line.ptr,
                                    .valuelen = line.len };
    }
    return c->lib.nghttp2_submit_request(c->session, NULL, nv, count, body ? &provider : NULL,
                                         NULL);
}

#endif
