#ifndef UNIT_HTTP_LOG_H
#define UNIT_HTTP_LOG_H

/*
 * A server's side of a connection that writes what it sees as text, a line an event, so that two
 * runs can be compared. It answers at once, as the target says; see `http_log_answer`.
 */
#include "wire/http.h"
#include <assert.h>

struct http_log {
    struct http_conn *conn;
    struct buf events, output;
    bool later;      /* the test answers */
    int32_t stream;  /* the last one */
    size_t max_body; /* what max_body answers; 0: 1000 */
};

static inline void http_log_clear(struct http_log *log)
{
    http_conn_free(log->conn);
    buf_clear(&log->events);
    buf_clear(&log->output);
}

static inline size_t http_log_max_body(void *ctx, const struct http_request *head)
{
    struct http_log *log = ctx;

    buf_addf(&log->events, "max_body %s " SLICE_FMT "\n", http_method_name(head->method),
             SLICE_ARG(head->target));
    return log->max_body ? log->max_body : 1000;
}

/* /none: 204; /big: 40,000 bytes; /stream: in parts; /later: not now; else 200 "ok". */
static inline void http_log_answer(struct http_log *log, int32_t stream, struct slice target)
{
    struct http_response response = { .status = 200, .type = "text/plain" };

    if (slice_eq_str(target, "/later"))
        return;
    if (slice_eq_str(target, "/none"))
        response = (struct http_response){ .status = 204 };
    else if (slice_eq_str(target, "/big"))
        for (int i = 0; i < 4000; i++)
            buf_add_str(&response.body, "0123456789");
    else
        buf_add_str(&response.body, "ok");
    response.stream = slice_eq_str(target, "/stream");
    http_response_add(&response, "x-stream", "%d", (int)stream);
    http_conn_respond(log->conn, stream, &response);
    if (response.stream) {
        http_conn_write(log->conn, stream, slice_str("more of it"), false);
        http_conn_write(log->conn, stream, slice_str("."), true);
    }
    http_response_clear(&response);
}

static inline void http_log_request(void *ctx, int32_t stream, const struct http_request *r)
{
    struct http_log *log = ctx;

    buf_addf(&log->events, "%d %s " SLICE_FMT " at " SLICE_FMT "\n", (int)stream,
             http_method_name(r->method), SLICE_ARG(r->target), SLICE_ARG(r->authority));
    for (size_t i = 0; i < r->field_count; i++)
        buf_addf(&log->events, "  " SLICE_FMT "=" SLICE_FMT "\n", SLICE_ARG(r->field[i].name),
                 SLICE_ARG(r->field[i].value));
    if (r->body.len)
        buf_addf(&log->events, "  (%zu) " SLICE_FMT "\n", r->body.len, SLICE_ARG(r->body));
    log->stream = stream;
    if (!log->later)
        http_log_answer(log, stream, r->target);
}

static inline void http_log_closed(void *ctx, int32_t stream)
{
    struct http_log *log = ctx;

    buf_addf(&log->events, "closed %d\n", (int)stream);
}

static inline int http_log_open(struct http_log *log, enum http_version version,
                                const struct http_limits *limits, struct err *e)
{
    const struct http_events events = { .max_body = http_log_max_body,
                                        .request = http_log_request,
                                        .closed = http_log_closed,
                                        .ctx = log };

    return http_conn_new(&log->conn, version, limits, &events, e);
}

/* Feeds all of it and takes all output, as a server does. -1: the connection is over. */
static inline int http_log_feed(struct http_log *log, struct slice bytes, struct err *e)
{
    size_t taken = 1;

    while (bytes.len && taken) {
        int rc = http_conn_feed(log->conn, bytes, &taken, e);

        assert(taken <= bytes.len);
        bytes = slice_of(bytes.ptr + taken, bytes.len - taken);
        if (http_conn_output(log->conn, &log->output, SIZE_MAX, e) || rc)
            return -1;
    }
    return 0;
}

#endif
