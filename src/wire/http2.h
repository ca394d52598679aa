#ifndef WIRE_HTTP2_H
#define WIRE_HTTP2_H

#include "wire/http_conn.h"
#include "wire/http_head.h"
#include "wire/http_queue.h"
#include "wire/libnghttp2.h"

/*
 * HTTP/2 (RFC 9113), inside of wire. nghttp2 does frames, HPACK, flow control and the rules of
 * streams; ours is what a request may be, and what a peer may make us do and keep:
 *
 *   http2.c         the connection: feed, output, drain
 *   http2_read.c    what comes in: heads and bodies, until a request is handed out
 *   http2_answer.c  what goes out
 *
 * Bodies are kept whole, so the flow control of what comes in is left to nghttp2; instead all
 * bodies that a connection has under way are, together, no more than limits.body.
 */
enum { HTTP2_CONTINUATIONS = 8 }; /* frames, behind the first, of one head */

enum http2_state {
    HTTP2_HEAD,      /* its fields come */
    HTTP2_BODY,      /* its body comes */
    HTTP2_WAITING,   /* whole, but too much is queued to hand it out */
    HTTP2_ANSWER,    /* ours to answer */
    HTTP2_STREAMING, /* parts of the answer come */
    HTTP2_ANSWERED,  /* the answer is whole, though perhaps not sent */
};

struct http2_stream {
    struct http2_stream *next, *previous; /* all of the connection */
    struct http2_stream *after;           /* behind it among those that wait */
    int32_t id;
    enum http2_state state;
    bool ended; /* by the peer: nothing more comes */
    bool sent;  /* the answer's head was */

    struct http_head head;
    struct http_piece host; /* the field; head.host is :authority */
    size_t head_len, line_count;
    int fault; /* status to answer once the head is whole; 0: none */
    const char *detail;
    bool has_length, expects;
    uint64_t length; /* Content-Length */
    size_t max_body;
    struct buf body;

    struct http_queue out;
    bool deferred; /* nghttp2 waits for more of it */
};

struct http2 {
    struct http_conn conn;
    const struct libnghttp2 *lib;
    nghttp2_session *session;
    struct http2_stream *streams;
    struct http2_stream *spare; /* the last that ended, with its memory */
    struct http2_stream *waiting, **waiting_end;
    size_t queued;             /* in all streams' out */
    size_t bodies;             /* in all streams' body */
    uint64_t fed, useful;      /* bytes that came; those of fields and bodies, both ways */
    unsigned answered, wasted; /* streams: whose answer went out; that were for nothing */
    bool begun;                /* the peer's SETTINGS came */
    bool in_head;              /* between frames of one head */
    unsigned continuations;    /* of the head under way */
    /* The last stream that the peer opened; of it and the 63 before it, last one first, a bit:
     * was it opened? */
    int32_t last;
    uint64_t opened;
    bool draining;
    bool deaf;        /* behind a GOAWAY, and no stream is open: what comes is ignored */
    const char *over; /* why nothing is read any more */
};

/* Hands out what waits, as far as the queue allows. False: nothing. */
bool http2_deliver(struct http2 *c);
/* Ends the connection: GOAWAY with that code. */
void http2_end(struct http2 *c, uint32_t code, const char *why);
/* Counts a stream that made work for nothing. */
void http2_waste(struct http2 *c);
void http2_stream_free(struct http2_stream *s);

void http2_set_callbacks(const struct libnghttp2 *lib, nghttp2_session_callbacks *callbacks);

void http2_continue(struct http2 *c, struct http2_stream *s); /* 100 */
void http2_respond(struct http_conn *conn, int32_t stream, struct http_response *response);
void http2_write(struct http_conn *conn, int32_t stream, struct slice part, bool end);
/* Answers with a problem; what still comes of the request is dropped. */
void http2_refuse(struct http2 *c, struct http2_stream *s, int status, const char *detail);

#endif
