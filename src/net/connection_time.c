#include "base/clock.h"
#include "net/connection.h"

/* ---- time limits ---- */

/* The body must be whole in time, and not come in drops. */
static bool body_late(const struct connection *c, const struct server_limits *limits, int64_t age)
{
    uint64_t got = c->received - c->phase_bytes;

    return age > limits->body ||
           (age > limits->body_grace &&
            got < (uint64_t)(age - limits->body_grace) * limits->body_rate / 1000);
}

static bool is_late(struct connection *c, int64_t now)
{
    const struct server_limits *limits = &c->thread->server->config.limits;
    int64_t age = now - c->since;

    if (c->stalled && now - c->stalled > limits->write) {
        c->phase = SERVER_PHASE_WRITE;
        return true;
    }
    if (c->state == CONNECTION_LINGER)
        return age > limits->linger;
    switch (c->phase) {
    case SERVER_PHASE_HANDSHAKE:
        return age > limits->handshake;
    case SERVER_PHASE_HEAD:
        return age > limits->head;
    case SERVER_PHASE_BODY:
        return body_late(c, limits, age);
    case SERVER_PHASE_IDLE:
        return age > limits->idle;
    default:
        return false;
    }
}

/* ---- the end ---- */

/* Says goodbye as far as that goes without waiting. */
static void part(struct connection *c)
{
    if (c->http && c->state == CONNECTION_OPEN) {
        http_conn_drain(c->http);
        (void)connection_flush(c);
        if (c->output.len == 0)
            channel_shut(&c->channel);
    }
    connection_break(c);
}

static void time_out(struct connection *c)
{
    static const char *const reasons[SERVER_PHASES] = {
        [SERVER_PHASE_HANDSHAKE] = "the TLS handshake took too long",
        [SERVER_PHASE_HEAD] = "the request's head took too long",
        [SERVER_PHASE_BODY] = "the request's body came too slowly",
        [SERVER_PHASE_WRITE] = "the client does not take its answer",
    };
    struct server_thread *t = c->thread;

    if (c->state == CONNECTION_LINGER) {
        connection_break(c);
        return;
    }
    server_count(&t->stats.timeouts[c->phase], 1);
    if (c->phase == SERVER_PHASE_IDLE) {
        part(c);
        return;
    }
    connection_refuse(c, SERVER_REFUSED_TIMEOUT, reasons[c->phase]);
    if (c->http && c->received &&
        (c->phase == SERVER_PHASE_HEAD || c->phase == SERVER_PHASE_BODY)) {
        http_conn_refuse(c->http, 408, reasons[c->phase]);
        c->closing = true;
        connection_work(c);
        return;
    }
    connection_break(c);
}

void connection_tick(struct connection *c)
{
    c->thread->now = clock_monotonic_ms();
    if (is_late(c, c->thread->now))
        time_out(c);
    else
        connection_wake(c);
}

void connection_wake(struct connection *c)
{
    if (c->streams && c->state == CONNECTION_OPEN)
        connection_work(c);
}

void connection_drain(struct connection *c)
{
    if (c->state == CONNECTION_LINGER)
        return;
    if (!c->http) {
        connection_break(c);
        return;
    }
    if (c->phase == SERVER_PHASE_IDLE) {
        part(c);
        return;
    }
    http_conn_drain(c->http);
    connection_work(c);
}

bool connection_evict(struct server_thread *t, bool local, const struct peer_key *key)
{
    for (struct connection *c = t->quiet.first; c; c = c->next) {
        if (c->peer.local == local && (!key || peer_key_eq(&c->key, key))) {
            server_count(&t->stats.evicted, 1);
            part(c);
            return true;
        }
    }
    return false;
}

/* What moves to the end of a list meanwhile is met again, at worst. */
static void list_each(const struct connection_list *list, void (*act)(struct connection *c))
{
    for (struct connection *c = list->first, *next; c; c = next) {
        next = c->next;
        act(c);
    }
}

void connections_each(struct server_thread *t, void (*act)(struct connection *c))
{
    list_each(&t->quiet, act);
    list_each(&t->busy, act);
}
