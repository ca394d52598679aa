#ifndef WIRE_HTTP1_H
#define WIRE_HTTP1_H

#include "wire/http_conn.h"
#include "wire/http_head.h"
#include "wire/http_queue.h"

/*
 * HTTP/1.1 (RFC 9112), inside of wire. One step function for each state; a step takes what it can
 * of the input, keeps what belongs to the request and moves on. So the work is linear however the
 * bytes are cut, each byte is judged when it comes, and nothing is kept beyond a limit.
 *
 *   http1.c         the connection: feed, bodies of a known length, the request's delivery
 *   http1_head.c    request line and fields
 *   http1_chunk.c   chunked bodies
 *   http1_answer.c  answers and refusals
 */
enum http1_state {
    HTTP1_START,     /* before a request */
    HTTP1_EMPTY_LF,  /* an empty line before it */
    HTTP1_METHOD,    /* request line */
    HTTP1_TARGET,    /* */
    HTTP1_VERSION,   /* */
    HTTP1_LINE_CR,   /* */
    HTTP1_LINE_LF,   /* */
    HTTP1_FIELD,     /* at the start of a field line, or of the empty line behind all */
    HTTP1_NAME,      /* */
    HTTP1_SPACE,     /* between colon and value */
    HTTP1_VALUE,     /* */
    HTTP1_VALUE_LF,  /* */
    HTTP1_HEAD_LF,   /* end of the head, or of the trailers */
    HTTP1_BODY,      /* of a known length */
    HTTP1_SIZE,      /* chunk: its size line */
    HTTP1_SIZE_LF,   /* */
    HTTP1_CHUNK,     /* its bytes */
    HTTP1_CHUNK_CR,  /* */
    HTTP1_CHUNK_LF,  /* */
    HTTP1_ANSWER,    /* ours to answer: nothing is taken */
    HTTP1_STREAMING, /* parts of the answer come */
    HTTP1_OVER,
    HTTP1_STATES
};

struct http1 {
    struct http_conn conn;
    enum http1_state state;
    int32_t stream; /* number of the request */
    struct http_queue out;

    struct http_head head;
    size_t head_len; /* bytes of the field lines so far, white space and all */
    size_t line_count;
    struct http_line line; /* the field under way */
    char method_name[8];   /* longer than any that we know */
    uint8_t method_len, version_len;
    bool old;  /* HTTP/1.0 */
    bool last; /* Connection: close, asked by either side */
    bool has_length, chunked, expects;

    /* The body. */
    bool trailers;
    uint8_t size_digits;
    uint64_t length; /* of the body or the chunk, still to come */
    size_t max_body;
    struct buf body;
};

/* Takes from `in` what it can. -1: refused. */
typedef int http1_step(struct http1 *c, struct slice *in, struct err *e);
http1_step http1_method, http1_target, http1_version, http1_line_cr, http1_line_lf;
http1_step http1_field, http1_name, http1_space, http1_value, http1_value_lf, http1_head_lf;
http1_step http1_size, http1_size_lf, http1_chunk, http1_chunk_cr, http1_chunk_lf;

static inline void http1_skip(struct slice *in, size_t len)
{
    *in = slice_of(in->ptr + len, in->len - len);
}

/* The next byte must be `want`; then `next` is the state. */
int http1_want(struct http1 *c, struct slice *in, uint8_t want, enum http1_state next,
               struct err *e) MUST_CHECK;
/* The head is whole: a body is awaited, or the request delivered. */
int http1_head_end(struct http1 *c, struct err *e) MUST_CHECK;
/* Hands the request out; `body` is borrowed. */
int http1_deliver(struct http1 *c, struct slice body, struct err *e) MUST_CHECK;
/* Answers with a problem, after which the connection is over. Always -1. */
int http1_refuse(struct http1 *c, int status, const char *detail, struct err *e);

void http1_continue(struct http1 *c); /* 100 */
void http1_respond(struct http_conn *conn, int32_t stream, struct http_response *response);
void http1_write(struct http_conn *conn, int32_t stream, struct slice part, bool end);
void http1_give_up(struct http_conn *conn, int status, const char *detail);

#endif
