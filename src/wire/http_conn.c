#include "wire/http_conn.h"

#include "wire/json.h"

size_t http_conn_max_body(struct http_conn *conn, const struct http_request *head)
{
    size_t max = conn->events.max_body(conn->events.ctx, head);

    if (max > conn->limits->body)
        max = conn->limits->body;
    return max < BUF_MAX ? max : BUF_MAX;
}

const char *http_conn_date(struct http_conn *conn)
{
    return conn->events.date ? conn->events.date(conn->events.ctx) : NULL;
}

bool http_status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

enum err_code http_status_code(int status)
{
    switch (status) {
    case 413:
    case 414:
    case 431:
        return ERR_LIMIT;
    case 429:
    case 503:
        return ERR_BUSY;
    case 500:
        return ERR_INTERNAL;
    default:
        return ERR_INVALID;
    }
}

void http_response_problem(struct http_response *response, int status, const char *detail)
{
    struct json_writer w;

    response->status = status;
    response->type = "application/problem+json";
    json_writer_init(&w, &response->body, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "apiVersion", "poterne/v1");
    json_put_text(&w, "kind", "Problem");
    json_put_text(&w, "type", "about:blank");
    json_put_text(&w, "title", http_status_text(status));
    json_put_int(&w, "status", status);
    json_put_text(&w, "detail", detail);
    json_put_text(&w, "code", err_kind(http_status_code(status))->name);
    json_put_end(&w);
}

int http_conn_new(struct http_conn **ret, enum http_version version,
                  const struct http_limits *limits, const struct http_events *events, struct err *e)
{
    struct http_conn *conn = NULL;

    if (!limits)
        limits = &http_default_limits;
    if (version == HTTP_1_1)
        conn = http1_new();
    else if (http2_new(&conn, limits, e))
        return -1;
    conn->limits = limits;
    conn->events = *events;
    *ret = conn;
    return 0;
}

void http_conn_free(struct http_conn *conn)
{
    if (conn)
        conn->kind->free(conn);
}

int http_conn_feed(struct http_conn *conn, struct slice bytes, size_t *taken, struct err *e)
{
    return conn->kind->feed(conn, bytes, taken, e);
}

int http_conn_output(struct http_conn *conn, struct buf *out, size_t max, struct err *e)
{
    return conn->kind->output(conn, out, max, e);
}

void http_conn_respond(struct http_conn *conn, int32_t stream, struct http_response *response)
{
    conn->kind->respond(conn, stream, response);
}

void http_conn_write(struct http_conn *conn, int32_t stream, struct slice part, bool end)
{
    conn->kind->write(conn, stream, part, end);
}

void http_conn_refuse(struct http_conn *conn, int status, const char *detail)
{
    conn->kind->refuse(conn, status, detail);
}

size_t http_conn_queued(const struct http_conn *conn)
{
    return conn->kind->queued(conn);
}

void http_conn_drain(struct http_conn *conn)
{
    conn->kind->drain(conn);
}

bool http_conn_done(const struct http_conn *conn)
{
    return conn->kind->done(conn);
}

enum http_phase http_conn_phase(const struct http_conn *conn)
{
    return conn->kind->phase(conn);
}
