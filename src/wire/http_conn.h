#ifndef WIRE_HTTP_CONN_H
#define WIRE_HTTP_CONN_H

#include "wire/http.h"

/* Inside of wire: what the two versions of a connection share; each begins with this struct. */
struct http_conn_kind {
    void (*free)(struct http_conn *conn);
    int (*feed)(struct http_conn *conn, struct slice bytes, size_t *taken, struct err *e);
    int (*output)(struct http_conn *conn, struct buf *out, size_t max, struct err *e);
    void (*respond)(struct http_conn *conn, int32_t stream, struct http_response *response);
    void (*write)(struct http_conn *conn, int32_t stream, struct slice part, bool end);
    void (*refuse)(struct http_conn *conn, int status, const char *detail);
    size_t (*queued)(const struct http_conn *conn);
    void (*drain)(struct http_conn *conn);
    bool (*done)(const struct http_conn *conn);
    enum http_phase (*phase)(const struct http_conn *conn);
};
struct http_conn {
    const struct http_conn_kind *kind;
    const struct http_limits *limits;
    struct http_events events;
};

struct http_conn *http1_new(void);
int http2_new(struct http_conn **ret, const struct http_limits *limits, struct err *e) MUST_CHECK;

/* How long the body of that request may be. */
size_t http_conn_max_body(struct http_conn *conn, const struct http_request *head);
const char *http_conn_date(struct http_conn *conn); /* NULL: none */
/* 1xx, 204 and 304 have no body: RFC 9110 section 6.4.1. */
bool http_status_has_body(int status);
/* What went wrong, of a status that wire or the server answers by itself. */
enum err_code http_status_code(int status);

#endif
