#include "net/server.h"
#include "base/alloc.h"
#include "net/libssl.h"
#include "net/server_internal.h"
#include <assert.h>
#include <time.h>

const struct server_limits server_default_limits = {
    .handshake = 10 * 1000,
    .head = 10 * 1000,
    .body = 300 * 1000,
    .idle = 60 * 1000,
    .write = 30 * 1000,
    .linger = 2 * 1000,
    .body_rate = 1 << 10,
    .body_grace = 10 * 1000,
    .connections = 20000,
    .per_address = 1000,
    .local = 512,
    .stream_queue = 128 << 10,
};

const char *server_phase_name(enum server_phase phase)
{
    static const char *const names[SERVER_PHASES] = { "handshake", "head", "body", "idle",
                                                      "write" };

    return names[phase];
}

const char *server_refusal_name(enum server_refusal refusal)
{
    static const char *const names[SERVER_REFUSALS] = {
        "connections", "address", "descriptors", "handshake", "timeout", "protocol",
    };

    return names[refusal];
}

/* ---- making ---- */

/* Time limits are looked at that often: each second, more often when one of them is shorter. */
static int tick_of(const struct server_limits *limits)
{
    const int times[] = { limits->handshake, limits->head,       limits->body,  limits->idle,
                          limits->write,     limits->body_grace, limits->linger };
    int least = 4000;

    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        if (times[i] < least)
            least = times[i];
    return least < 40 ? 10 : least / 4;
}

/* What is loaded on first use is used now: behind a sandbox nothing can be loaded. */
static int load_all(const struct http_limits *limits, struct err *e)
{
    CLEANUP(http_conn_freep) struct http_conn *conn = NULL;
    const struct http_events events = { .ctx = NULL };
    const struct libssl *libssl;
    const struct libevent *libevent;

    return libevent_load(&libevent, e) || libssl_load(&libssl, e) ||
                   http_conn_new(&conn, HTTP_2, limits, &events, e)
               ? -1
               : 0;
}

static int prepare_thread(struct server *server, unsigned number, struct err *e)
{
    struct server_thread *t = &server->thread[number];

    t->server = server;
    t->number = number;
    t->reserve = -1;
    t->input = xcalloc(1, INPUT_SIZE);
    return loop_new(&t->loop, e);
}

/* Waits follow the monotonic clock. */
static void init_lock(struct server *server)
{
    pthread_condattr_t attr;

    (void)pthread_mutex_init(&server->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&server->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
}

int server_new(struct server **ret, const struct server_config *config, struct err *e)
{
    CLEANUP(server_freep) struct server *server = xcalloc(1, sizeof *server);
    unsigned threads = config->threads ? config->threads : 1;

    server->config = *config;
    server->config.threads = threads;
    if (!config->limits.http.head)
        server->config.limits.http = http_default_limits;
    server->thread = xcalloc(threads, sizeof *server->thread);
    server->peers = peers_new();
    server->tick = tick_of(&config->limits);
    init_lock(server);
    if (load_all(&server->config.limits.http, e))
        return -1;
    for (unsigned i = 0; i < threads; i++)
        if (prepare_thread(server, i, e))
            return -1;
    *ret = server;
    server = NULL;
    return 0;
}

static void add_point(struct server_thread *t, int fd, bool local, bool tls)
{
    t->point = xrealloc_array(t->point, t->points + 1, sizeof *t->point);
    t->point[t->points++] =
        (struct accept_point){ .thread = t, .fd = fd, .local = local, .tls = tls };
}

void server_listen(struct server *server, struct listener *listener, bool tls)
{
    bool local = listener_local(listener);
    size_t count;
    const struct listener_socket *sockets = listener_sockets(listener, &count);

    assert(!server->started);
    server->listener =
        xrealloc_array(server->listener, server->listeners + 1, sizeof(struct listener *));
    server->listener[server->listeners++] = listener;
    for (size_t i = 0; i < count; i++)
        for (unsigned n = 0; n < server->config.threads; n++)
            if (sockets[i].thread == LISTENER_ALL ||
                sockets[i].thread % server->config.threads == n)
                add_point(&server->thread[n], sockets[i].fd, local, tls && !local);
}

void server_set_tls(struct server *server, struct tls_server *tls)
{
    struct tls_server *old;

    tls = tls_server_ref(tls);
    (void)pthread_mutex_lock(&server->lock);
    old = server->tls;
    server->tls = tls;
    (void)pthread_mutex_unlock(&server->lock);
    tls_server_free(old);
}

/* ---- running ---- */

int server_start(struct server *server, struct err *e)
{
    unsigned started = 0;
    int fault = 0;

    server->started = true;
    while (started < server->config.threads && !fault) {
        struct server_thread *t = &server->thread[started];

        fault = pthread_create(&t->id, NULL, thread_main, t);
        t->running = !fault;
        started += !fault;
    }
    (void)pthread_mutex_lock(&server->lock);
    while (server->ready + server->failed < started)
        (void)pthread_cond_wait(&server->changed, &server->lock);
    (void)pthread_mutex_unlock(&server->lock);
    if (fault)
        return err_set(e, ERR_IO, "start a thread: %s", strerrordesc_np(fault));
    return server->failed ? err_pass(e, &server->why) : 0;
}

void server_wake(struct server *server)
{
    for (unsigned i = 0; i < server->config.threads; i++)
        loop_wake(server->thread[i].loop);
}

/* Waits until *count reaches what all running threads make; false: the time was up first. */
static bool wait_for(struct server *server, const unsigned *count, const struct timespec *until)
{
    unsigned threads = server->ready;
    int rc = 0;

    (void)pthread_mutex_lock(&server->lock);
    while (*count < threads && rc == 0)
        rc = until ? pthread_cond_timedwait(&server->changed, &server->lock, until)
                   : pthread_cond_wait(&server->changed, &server->lock);
    (void)pthread_mutex_unlock(&server->lock);
    return rc == 0;
}

static struct timespec time_after(int ms)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += ms / 1000;
    ts.tv_nsec += ms % 1000 * 1000000L;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}

static void close_listeners(struct server *server)
{
    for (size_t i = 0; i < server->listeners; i++)
        listener_free(server->listener[i]);
    free(server->listener);
    server->listener = NULL;
    server->listeners = 0;
}

unsigned server_drain(struct server *server, int ms)
{
    struct timespec until = time_after(ms);

    atomic_store(&server->draining, true);
    server_wake(server);
    (void)wait_for(server, &server->deaf, NULL);
    close_listeners(server); /* from now on clients are refused at once, or another server's */
    if (!wait_for(server, &server->ended, &until)) {
        atomic_store(&server->breaking, true);
        server_wake(server);
        (void)wait_for(server, &server->ended, NULL);
    }
    for (unsigned i = 0; i < server->config.threads; i++) {
        if (server->thread[i].running)
            (void)pthread_join(server->thread[i].id, NULL);
        server->thread[i].running = false;
    }
    return server->broken;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    if (server->started)
        (void)server_drain(server, 0);
    for (unsigned i = 0; i < server->config.threads; i++) {
        struct server_thread *t = &server->thread[i];

        loop_free(t->loop);
        free(t->input);
        buf_clear(&t->output);
        free(t->point);
    }
    free(server->thread);
    close_listeners(server);
    peers_free(server->peers);
    tls_server_free(server->tls);
    (void)pthread_cond_destroy(&server->changed);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

/* All of them are uint64_t, added one by one. */
void server_stats_get(const struct server *server, struct server_stats *ret)
{
    uint64_t sum[sizeof *ret / sizeof(uint64_t)] = { 0 };

    for (unsigned i = 0; i < server->config.threads; i++) {
        const uint64_t *from = (const uint64_t *)&server->thread[i].stats;

        for (size_t n = 0; n < ARRAY_LEN(sum); n++)
            sum[n] += __atomic_load_n(&from[n], __ATOMIC_RELAXED);
    }
    memcpy(ret, sum, sizeof *ret);
}
