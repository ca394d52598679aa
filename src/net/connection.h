#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include "net/server_internal.h"

/* A streamed answer that has not ended. */
struct stream {
    struct stream *next;
    int32_t id;
    struct server_source source;
    enum http_method method;
    char *path;
    int status;
    uint64_t bytes;
    int64_t began; /* monotonic us */
};

enum connection_state {
    CONNECTION_HANDSHAKE,
    CONNECTION_OPEN,
    CONNECTION_LINGER, /* all is said; waits for the peer to close, so that it reads it */
};

/* One connection: socket, TLS or none, HTTP. Idle, it holds no buffer. */
struct connection {
    struct connection *next, *prev;
    struct connection_list *list;
    struct server_thread *thread;
    struct channel channel;
    struct loop_io io;
    struct server_peer peer;
    struct peer_key key;
    struct buf cert;
    enum connection_state state;
    struct http_conn *http; /* made with the first bytes */
    struct buf input;       /* what HTTP does not take yet */
    struct buf output;      /* what the socket does not take yet, from `sent` on */
    size_t sent;
    struct stream *streams;
    enum server_phase phase;
    int64_t since;        /* the phase began, ms */
    uint64_t received;    /* bytes of HTTP */
    uint64_t phase_bytes; /* of these, before the phase */
    uint64_t requests;    /* begun */
    uint64_t phase_requests;
    int64_t stalled;  /* ms since which nothing of what waits was taken; 0: nothing waits */
    bool ended;       /* the peer sends no more */
    bool closing;     /* after what is in the output, nothing more */
    bool write_first; /* TLS wants to write before it reads on */
};

/* connection.c */
void connection_work(struct connection *c); /* c may be gone afterwards */
void connection_refuse(struct connection *c, enum server_refusal refusal, const char *reason);

/* connection_io.c: bytes between socket and HTTP; -1: the connection is to be broken. */
int connection_read(struct connection *c);  /* what there is, fairly */
int connection_feed(struct connection *c);  /* what HTTP did not take before */
int connection_flush(struct connection *c); /* what HTTP has, as far as the socket takes it */

/* request.c: HTTP's side. */
int connection_http(struct connection *c, enum http_version version, struct err *e);
/* Asks the sources for more while there is room. 1: there was something; 0: nothing; -1: one
 * failed, the connection is to be broken. */
int connection_pump(struct connection *c);
void connection_drop_streams(struct connection *c);
size_t connection_waiting(const struct connection *c); /* bytes for the peer */

#endif
