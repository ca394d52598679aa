#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "net/listen.h"
#include "net/tls_server.h"
#include "wire/http.h"
#include <sys/types.h>

/*
 * The HTTP server: threads that each have their own loop and their own listening sockets
 * (SO_REUSEPORT). A connection lives and dies on one thread, and a handler runs there to its end.
 * The peer is not trusted: each phase of a connection has a time limit, and what it may make us
 * keep is bounded. It says what happened by hooks; it does not log.
 */
struct server_peer {
    char address[64]; /* "192.0.2.1", "2001:db8::1" without a port; "unix" for a local one */
    bool local;       /* through a unix socket: uid, gid and pid are the kernel's word */
    uid_t uid;
    gid_t gid;
    pid_t pid;
    struct slice cert;    /* the client's leaf, DER, verified in the handshake; ptr NULL: none */
    const char *protocol; /* "HTTP/1.1", "HTTP/2"; static */
    const char *tls;      /* "TLSv1.3"; NULL without TLS */
};

/* Where the rest of a streamed answer comes from. All calls are made on the connection's thread. */
struct server_source {
    /* Appends what there is by now, perhaps nothing; *end: that was all. Called when the server is
     * woken, at least every second, and never while the client is slow to take what it has. On -1
     * the answer breaks off, so that the client sees it is not whole. */
    int (*more)(void *src, struct buf *out, bool *end, struct err *e);
    void (*free)(void *src); /* may be NULL; called once, whatever happens */
    void *src;
};

struct server_reply {
    struct http_response response; /* a status of 0 is answered 500 */
    struct server_source source;   /* used if response.stream is set; then `more` must be there */
};

/* ctx: what thread_open gave for this thread. The request's slices end with the call. A handler may
 * wait for the store, never for a third party: other connections of its thread wait with it. */
typedef void server_handler(void *ctx, const struct server_peer *peer,
                            const struct http_request *request, struct server_reply *reply);

/* ---- what happened ---- */

/* One answered request; a streamed one is told when it ends. */
struct server_log {
    const struct server_peer *peer;
    enum http_method method;
    struct slice path; /* the target without its query, which may hold a secret */
    int status;
    uint64_t bytes; /* of the body */
    int64_t microseconds;
    bool broken;        /* a streamed answer did not come to its end: ... */
    const char *reason; /* ... the source failed; NULL: the client left */
};

enum server_phase {
    SERVER_PHASE_HANDSHAKE,
    SERVER_PHASE_HEAD,
    SERVER_PHASE_BODY,
    SERVER_PHASE_IDLE, /* between requests; its end is no fault */
    SERVER_PHASE_WRITE,
    SERVER_PHASES,
};

enum server_refusal {
    SERVER_REFUSED_CONNECTIONS, /* too many in all, and none idle */
    SERVER_REFUSED_ADDRESS,     /* too many of this address, and none idle */
    SERVER_REFUSED_DESCRIPTORS, /* the process has no descriptor left */
    SERVER_REFUSED_HANDSHAKE,   /* TLS */
    SERVER_REFUSED_TIMEOUT,     /* a phase took too long */
    SERVER_REFUSED_PROTOCOL,    /* not HTTP, or not allowed by it */
    SERVER_REFUSALS,
};
const char *server_phase_name(enum server_phase phase);       /* "handshake" ... "write" */
const char *server_refusal_name(enum server_refusal refusal); /* "connections" ... */

/* One connection that was refused or broken off by us. */
struct server_refused {
    const struct server_peer *peer; /* as far as it is known */
    enum server_refusal refusal;
    enum server_phase phase; /* of a timeout */
    const char *reason;      /* a sentence for people */
};

/* Counted since the start, but for `open`. */
struct server_stats {
    uint64_t accepted, open;
    uint64_t handshakes, resumed; /* completed; of these, resumed */
    uint64_t requests[6];         /* by the status' first digit */
    uint64_t bytes_in, bytes_out; /* of HTTP, without TLS */
    uint64_t timeouts[SERVER_PHASES];
    uint64_t refused[SERVER_REFUSALS];
    uint64_t evicted; /* idle ones closed to make room */
};

/* ---- the server ---- */

/* Milliseconds, bytes, connections. */
struct server_limits {
    int handshake, head, body, idle, write; /* ms; body: the longest time a whole one may take */
    int linger;                             /* ms to wait for the client to see our last answer */
    unsigned body_rate;   /* bytes a second that a body must come with, after ... */
    int body_grace;       /* ... this many ms */
    unsigned connections; /* over TCP, in all */
    unsigned per_address; /* of these, from one IPv4 address or IPv6 /64 */
    unsigned local;       /* over unix sockets: a flood from outside does not lock root out */
    size_t stream_queue;  /* bytes of a connection that wait, beyond which no source is asked */
    struct http_limits http;
};
extern const struct server_limits server_default_limits;

/* Callbacks are called on the server's threads, at the same time on several. NULL: not wanted,
 * except `handle`. */
struct server_config {
    unsigned threads;
    struct server_limits limits;
    server_handler *handle;
    /* Largest body in bytes of this request; NULL: the largest of limits.http. ctx as handle's. */
    size_t (*max_body)(void *ctx, const struct server_peer *peer, const struct http_request *head);
    /* On each thread when it starts and when it ends; without it the handler's ctx is `ctx`. */
    int (*thread_open)(void **ret, void *ctx, unsigned thread, struct err *e);
    void (*thread_close)(void *thread_ctx);
    void (*log)(void *ctx, const struct server_log *log);
    void (*refused)(void *ctx, const struct server_refused *refused);
    void *ctx; /* of thread_open, log and refused */
};

struct server;

/* Loads every library that serving needs, so that a sandbox may close behind it. */
int server_new(struct server **ret, const struct server_config *config, struct err *e) MUST_CHECK;
/* Adds listening sockets, before server_start; the listener then belongs to the server. */
void server_listen(struct server *server, struct listener *listener, bool tls);
/* The TLS context of connections from now on; those that are open keep theirs. Takes a reference
 * of its own. Any thread, any time. */
void server_set_tls(struct server *server, struct tls_server *tls);
/* Starts the threads; returns when each one is ready, or with the error of thread_open. */
int server_start(struct server *server, struct err *e) MUST_CHECK;
/* There may be something new for the sources of streamed answers. Any thread, any time. */
void server_wake(struct server *server);
/* No new connection, no new request on an old one, streamed answers end with what they have; -
 * returns when the last connection is gone, or after `ms`, when it breaks off the rest. The number
 * of those is returned. Afterwards only server_free and server_stats_get. */
unsigned server_drain(struct server *server, int ms);
void server_stats_get(const struct server *server, struct server_stats *ret);
/* Breaks off what is left. NULL is fine. */
void server_free(struct server *server);
DEFINE_FREEP(struct server *, server_free)

#endif
