#include "net/connection.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "net/libssl.h"
#include <string.h>

/* Of one connection, before others have their turn. */
enum { MAX_TURNS = 16 };

/* ---- lists ---- */

static void list_remove(struct connection *c)
{
    if (!c->list)
        return;
    *(c->prev ? &c->prev->next : &c->list->first) = c->next;
    *(c->next ? &c->next->prev : &c->list->last) = c->prev;
    c->list = NULL;
}

static void list_append(struct connection_list *list, struct connection *c)
{
    list_remove(c);
    c->list = list;
    c->next = NULL;
    c->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = c;
    list->last = c;
}

/* ---- the end ---- */

void connection_refused(struct server_thread *t, const struct server_refused *refused)
{
    const struct server_config *config = &t->server->config;

    server_count(&t->stats.refused[refused->refusal], 1);
    if (config->refused)
        config->refused(config->ctx, refused);
}

void connection_refuse(struct connection *c, enum server_refusal refusal, const char *reason)
{
    connection_refused(
        c->thread, &(struct server_refused){
                       .peer = &c->peer, .refusal = refusal, .phase = c->phase, .reason = reason });
}

void connection_break(struct connection *c)
{
    struct server_thread *t = c->thread;

    list_remove(c);
    connection_drop_streams(c);
    http_conn_free(c->http);
    loop_io_clear(&c->io);
    channel_close(&c->channel);
    buf_clear(&c->input);
    buf_clear(&c->output);
    buf_clear(&c->cert);
    if (c->peer.local) {
        (void)atomic_fetch_sub(&t->server->locals, 1);
    } else {
        (void)atomic_fetch_sub(&t->server->connections, 1);
        peers_leave(t->server->peers, &c->key);
    }
    t->open--;
    __atomic_store_n(&t->stats.open, t->open, __ATOMIC_RELAXED);
    if (t->open == 0)
        thread_tick(t);
    free(c);
}

/* ---- phases ---- */

static enum server_phase phase_of(const struct connection *c)
{
    if (c->state == CONNECTION_HANDSHAKE)
        return SERVER_PHASE_HANDSHAKE;
    if (connection_waiting(c) || c->state == CONNECTION_LINGER)
        return SERVER_PHASE_WRITE;
    switch (c->http ? http_conn_phase(c->http) : HTTP_PHASE_HEAD) {
    case HTTP_PHASE_IDLE: /* a new connection that is silent is as one in its head */
        return c->requests ? SERVER_PHASE_IDLE : SERVER_PHASE_HEAD;
    case HTTP_PHASE_HEAD:
        return SERVER_PHASE_HEAD;
    case HTTP_PHASE_BODY:
        return SERVER_PHASE_BODY;
    default:
        return SERVER_PHASE_WRITE;
    }
}

/* A phase begins anew with each request, so that one slow byte a time is not enough to go on. */
static void note_phase(struct connection *c)
{
    struct server_thread *t = c->thread;
    enum server_phase phase = phase_of(c);

    if (connection_waiting(c) == 0)
        c->stalled = 0;
    else if (c->stalled == 0)
        c->stalled = t->now;
    if (c->list && phase == c->phase && c->requests == c->phase_requests)
        return;
    c->phase = phase;
    c->since = t->now;
    c->phase_bytes = c->received;
    c->phase_requests = c->requests;
    list_append(phase == SERVER_PHASE_BODY || phase == SERVER_PHASE_WRITE ? &t->busy : &t->quiet,
                c);
}

/* All was written and there is no more to say. */
static void finish(struct connection *c)
{
    channel_shut(&c->channel);
    if (c->ended) {
        connection_break(c);
        return;
    }
    c->state = CONNECTION_LINGER;
    buf_clear(&c->input);
    c->phase = SERVER_PHASE_WRITE;
    c->since = c->thread->now;
    c->stalled = 0;
    list_append(&c->thread->busy, c);
    if (loop_io_want(&c->io, LOOP_READ, NULL))
        connection_break(c);
}

/* What comes next: wait for the peer, or the end. */
static void settle(struct connection *c)
{
    unsigned wanted = 0;
    bool idle;

    if (c->output.len == 0 && (c->closing || (c->http && http_conn_done(c->http)))) {
        finish(c);
        return;
    }
    /* A peer that closed its side gets the answers that are on their way, but no endless one. */
    idle = connection_waiting(c) == 0;
    if (c->ended && (idle || c->streams)) {
        if (idle && !c->streams)
            channel_shut(&c->channel);
        connection_break(c);
        return;
    }
    note_phase(c);
    if (!c->ended && c->input.len <= 1)
        wanted |= LOOP_READ;
    if (c->output.len || c->write_first)
        wanted |= LOOP_WRITE;
    if (loop_io_want(&c->io, wanted, NULL))
        connection_break(c);
}

/* Sources give, the socket takes, HTTP takes what it had to leave; 1 when more of that may follow
 * at once, 0, or -1. */
static int turn(struct connection *c)
{
    size_t before = c->input.len;
    int more = connection_pump(c);

    if (more < 0 || connection_flush(c))
        return -1;
    if (c->output.len || c->closing)
        return 0;
    if (c->input.len && connection_feed(c))
        return -1;
    return more || c->input.len < before;
}

void connection_work(struct connection *c)
{
    int more = 1;

    for (int i = 0; more > 0 && i < MAX_TURNS; i++)
        more = turn(c);
    if (more < 0) {
        connection_break(c);
        return;
    }
    if (more)
        loop_io_again(&c->io);
    settle(c);
}

/* ---- the handshake ---- */

static int keep_cert(struct connection *c)
{
    const struct libssl *lib = c->channel.lib;
    X509 *cert = lib->SSL_get1_peer_certificate(c->channel.ssl);
    uint8_t *der = NULL;
    int len = 0;

    c->peer.tls = lib->SSL_get_version(c->channel.ssl);
    if (!cert)
        return 0;
    if (lib->SSL_get_verify_result(c->channel.ssl) == X509_V_OK)
        len = i2d_X509(cert, &der);
    if (len > 0)
        buf_add(&c->cert, der, (size_t)len);
    OPENSSL_free(der);
    X509_free(cert);
    c->peer.cert = buf_slice(&c->cert);
    return len > 0 ? 0 : -1;
}

/* True: done, and the connection is open; false: it waits or is gone. */
static bool handshake(struct connection *c)
{
    struct server_thread *t = c->thread;
    struct err e = { 0 };
    int rc = channel_handshake(&c->channel, &e);

    if (rc == CHANNEL_WAIT || rc == CHANNEL_WAIT_WRITE) {
        note_phase(c);
        if (loop_io_want(&c->io, rc == CHANNEL_WAIT ? LOOP_READ : LOOP_WRITE, NULL))
            connection_break(c);
        return false;
    }
    if (rc == CHANNEL_BROKEN || keep_cert(c)) {
        connection_refuse(c, SERVER_REFUSED_HANDSHAKE, err_text(&e));
        connection_break(c);
        return false;
    }
    server_count(&t->stats.handshakes, 1);
    if (c->channel.lib->SSL_session_reused(c->channel.ssl))
        server_count(&t->stats.resumed, 1);
    c->state = CONNECTION_OPEN;
    return true;
}

/* ---- events ---- */

static void ready(void *arg, unsigned what)
{
    struct connection *c = arg;
    struct server_thread *t = c->thread;

    t->now = clock_monotonic_ms();
    if (c->state == CONNECTION_LINGER) {
        if (!channel_discard(&c->channel, t->input, INPUT_SIZE))
            connection_break(c);
        return;
    }
    if (c->state == CONNECTION_HANDSHAKE && !handshake(c))
        return;
    if ((what & LOOP_READ || c->write_first) && connection_read(c)) {
        connection_break(c);
        return;
    }
    connection_work(c);
}

void connection_start(struct server_thread *t, int fd, const struct server_peer *peer,
                      const struct peer_key *key, struct tls_server *tls)
{
    struct connection *c = xcalloc(1, sizeof *c);
    struct err e = { 0 };

    c->thread = t;
    c->peer = *peer;
    if (key)
        c->key = *key;
    t->open++;
    __atomic_store_n(&t->stats.open, t->open, __ATOMIC_RELAXED);
    server_count(&t->stats.accepted, 1);
    if (t->open == 1)
        thread_tick(t);
    c->state = tls ? CONNECTION_HANDSHAKE : CONNECTION_OPEN;
    c->phase = tls ? SERVER_PHASE_HANDSHAKE : SERVER_PHASE_HEAD;
    loop_io_init(&c->io, t->loop, fd, ready, c);
    note_phase(c);
    if (channel_open(&c->channel, fd, tls, &e) || loop_io_want(&c->io, LOOP_READ, &e)) {
        connection_refuse(c, SERVER_REFUSED_DESCRIPTORS, err_text(&e));
        connection_break(c);
    }
}
