#ifndef NET_SERVER_INTERNAL_H
#define NET_SERVER_INTERNAL_H

#include "net/channel.h"
#include "net/loop.h"
#include "net/peers.h"
#include "net/server.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * The inside of the server. What belongs to a thread is touched by that thread alone, except its
 * counters (written by it, read by all, each by itself) and its loop's loop_wake.
 */
enum { INPUT_SIZE = 64 << 10, OUTPUT_SIZE = 64 << 10 };

struct connection;
struct connection_list {
    struct connection *first, *last;
};

/* One listening socket as one thread sees it. */
struct accept_point {
    struct server_thread *thread;
    struct loop_io io;
    int fd;
    bool local, tls;
};

struct server_thread {
    struct server *server;
    unsigned number;
    pthread_t id;
    bool running;
    struct loop *loop;
    void *ctx; /* the handler's */
    /* Quiet: in the handshake, in a head, or idle, the longest so first: these may be closed to
     * make room. Busy: in a body, or being answered. */
    struct connection_list quiet, busy;
    unsigned open;
    struct server_stats stats;
    uint8_t *input;    /* bytes just read, of whichever connection */
    struct buf output; /* and those about to be written */
    struct accept_point *point;
    size_t points;
    int reserve;        /* a descriptor kept to refuse connections with when there is no other */
    bool paused;        /* accepts nothing until the next tick */
    bool draining;      /* knows it */
    bool wake_planned;  /* a round through the streams */
    int64_t rest_until; /* monotonic ms, before which there is none */
    int64_t now;        /* monotonic ms, of this turn */
    int64_t date_at;
    char date[32]; /* of answers, made once a second */
};

struct server {
    struct server_config config;
    struct server_thread *thread;
    struct listener **listener;
    size_t listeners;
    struct peers *peers;
    int tick;                        /* ms */
    atomic_uint connections, locals; /* open ones, TCP and unix */
    atomic_bool draining, breaking;  /* no more; and not even the old ones */
    pthread_mutex_t lock;            /* of what follows */
    pthread_cond_t changed;          /* a thread is ready, stopped accepting, or ended */
    struct tls_server *tls;
    unsigned ready, failed, deaf, ended, broken;
    struct err why; /* of the first that failed */
    bool started;
};

/* Counters have one writer; readers on other threads see each of them whole. */
static inline void server_count(uint64_t *counter, uint64_t more)
{
    __atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

/* thread.c */
void *thread_main(void *arg);
void thread_tick(struct server_thread *t); /* on while there is something to watch over */

/* accept.c */
void accept_start(struct server_thread *t);
void accept_stop(struct server_thread *t);
void accept_resume(struct server_thread *t);

/* connection*.c: takes fd; `key` of an address that peers_enter counted, NULL for a local one. */
void connection_start(struct server_thread *t, int fd, const struct server_peer *peer,
                      const struct peer_key *key, struct tls_server *tls);
void connection_tick(struct connection *c);  /* time limits, and streamed answers */
void connection_wake(struct connection *c);  /* streamed answers alone */
void connection_drain(struct connection *c); /* perhaps closes it */
void connection_break(struct connection *c);
/* Closes the connection that was quiet for longest, of that address or of any (key NULL); false:
 * there is none. */
bool connection_evict(struct server_thread *t, bool local, const struct peer_key *key);
/* Calls act for each connection, which may close the one it is called for. */
void connections_each(struct server_thread *t, void (*act)(struct connection *c));
void connection_refused(struct server_thread *t, const struct server_refused *refused);

#endif
