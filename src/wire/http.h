#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include <stdint.h>

/*
 * HTTP, the server's side of one connection, as bytes: HTTP/1.1 (RFC 9112) by our own strict parser
 * or HTTP/2 (RFC 9113) by nghttp2. Bytes in by http_conn_feed, requests out by a callback, bytes
 * out by http_conn_output. Never a socket, never a clock: the server, the tests and the fuzzers run
 * this same code. A connection belongs to one thread.
 *
 * HTTP/1.1 is read by the letter: CR LF alone, no folded line, one valid Host, one length. HTTP/1.0
 * is served, one request a connection and never in chunks. Refused besides what the RFC names:
 * chunk extensions, absolute targets, more than one empty line before a request, any
 * Transfer-Encoding but chunked. Trailers are read and dropped. Upgrade is ignored.
 */
enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_METHODS, /* any other is answered 501 here */
};
const char *http_method_name(enum http_method method);
const char *http_status_text(int status); /* RFC 9110 section 15 */

struct http_field {
    struct slice name, value; /* name in lower case, value without white space around it */
};

/* Bytes and counts; each is checked before anything is kept. */
struct http_limits {
    size_t target, head; /* request line's target; all fields together */
    size_t fields,
        body;         /* body: beyond it no max_body() can go, nor all that HTTP/2 has under way */
    uint32_t streams; /* open at once in HTTP/2 */
    size_t
        queued; /* answers not yet taken by http_conn_output, beyond which nothing more is read */
};
extern const struct http_limits http_default_limits;

/* All slices are valid during the callback only. */
struct http_request {
    enum http_method method;
    struct slice target;    /* origin-form: path and query as sent */
    struct slice authority; /* Host or :authority */
    const struct http_field *field;
    size_t field_count;
    struct slice body; /* whole */
};
/* Of the first field of that name (lower case); ptr NULL: there is none. */
struct slice http_request_field(const struct http_request *request, const char *name);

enum { HTTP_RESPONSE_FIELDS = 12 };
struct http_response {
    int status;
    const char *type; /* Content-Type, NULL without a body */
    struct http_response_field {
        const char *name; /* lower case, static */
        char *value;      /* owned */
    } field[HTTP_RESPONSE_FIELDS];
    size_t field_count;
    struct buf body;
    bool stream; /* the body is a first part: more comes by http_conn_write, until its end */
};
void http_response_clear(struct http_response *response);
/* A problem body (RFC 9457) of that status, in the shape of the API's. */
void http_response_problem(struct http_response *response, int status, const char *detail);
/* Aborts beyond HTTP_RESPONSE_FIELDS: our bug. A line break in the value is one, too. */
void http_response_add(struct http_response *response, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);

struct http_conn;
struct http_events {
    /* The head of a request that announces a body is there: how long may it be, in bytes? More is
     * answered 413 without being read; limits.body holds, too. */
    size_t (*max_body)(void *ctx, const struct http_request *head);
    /* A whole request, to be answered now or later by http_conn_respond with this stream number. */
    void (*request)(void *ctx, int32_t stream, const struct http_request *request);
    /* The peer gave up a stream that has no whole answer yet. */
    void (*closed)(void *ctx, int32_t stream);
    /* May be NULL, or answer NULL. The Date of an answer (RFC 9110 section 6.6.1): wire has no
     * clock. */
    const char *(*date)(void *ctx);
    void *ctx;
};

enum http_version { HTTP_1_1, HTTP_2 };
/* limits: borrowed, NULL for the default ones. ERR_INTERNAL: libnghttp2 is not installed. */
int http_conn_new(struct http_conn **ret, enum http_version version,
                  const struct http_limits *limits, const struct http_events *events, struct err *e)
    MUST_CHECK;
void http_conn_free(struct http_conn *conn);
DEFINE_FREEP(struct http_conn *, http_conn_free)

/* Takes bytes of the peer; *taken is less than bytes.len while a whole answer is awaited (HTTP/1.1
 * pipelining) or too much is queued: feed the rest again after http_conn_respond, or after
 * http_conn_output. -1: the connection is over; what explains it to the peer (400, 431, GOAWAY) is
 * in the output, then close. HTTP/2 takes all, but hands out no request while too much is queued.
 */
int http_conn_feed(struct http_conn *conn, struct slice bytes, size_t *taken, struct err *e)
    MUST_CHECK;
/* Appends at most about `max` bytes for the peer. In HTTP/2 a request that had to wait may be
 * handed out here. */
int http_conn_output(struct http_conn *conn, struct buf *out, size_t max, struct err *e) MUST_CHECK;
/* Answers a stream; one that is gone by now is nothing. The body moves out of `response`. */
void http_conn_respond(struct http_conn *conn, int32_t stream, struct http_response *response);
/* The next part of a streamed answer. */
void http_conn_write(struct http_conn *conn, int32_t stream, struct slice part, bool end);
/* Gives up from our side: answers `status` (408) where no answer has begun, and ends. */
void http_conn_refuse(struct http_conn *conn, int status, const char *detail);
size_t http_conn_queued(const struct http_conn *conn); /* bytes not yet given out */
void http_conn_drain(struct http_conn *conn);      /* Connection: close, GOAWAY: no new requests */
bool http_conn_done(const struct http_conn *conn); /* close once the output is empty */

/* What it waits for, so that the server knows which time limit holds. */
enum http_phase {
    HTTP_PHASE_IDLE,   /* no request under way */
    HTTP_PHASE_HEAD,   /* part of a request's head is there */
    HTTP_PHASE_BODY,   /* a body is coming */
    HTTP_PHASE_ANSWER, /* ours to answer, or being streamed */
};
enum http_phase http_conn_phase(const struct http_conn *conn);

#endif
