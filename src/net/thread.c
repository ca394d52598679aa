#include "base/clock.h"
#include "net/server_internal.h"
#include <pthread.h>
#include <signal.h>

static void tick(void *arg)
{
    struct server_thread *t = arg;

    if (t->paused)
        accept_resume(t);
    connections_each(t, connection_tick);
}

void thread_tick(struct server_thread *t)
{
    loop_tick(t->loop, t->open || t->paused ? t->server->tick : 0, tick, t);
    if (t->draining && t->open == 0)
        loop_stop(t->loop);
}

/* Tells the thread that started us, or the one that drains. */
static void tell(struct server *server, unsigned *count, unsigned more)
{
    (void)pthread_mutex_lock(&server->lock);
    *count += more;
    (void)pthread_cond_broadcast(&server->changed);
    (void)pthread_mutex_unlock(&server->lock);
}

/* A round through thousands of streams takes milliseconds; were there one for each change of the
 * store, nothing else would be done. So a round is followed by nine times its length without one.
 */
static void wake_streams(void *arg)
{
    struct server_thread *t = arg;
    int64_t began = clock_monotonic_ms();

    t->wake_planned = false;
    connections_each(t, connection_wake);
    t->rest_until = clock_monotonic_ms() + 9 * (clock_monotonic_ms() - began);
}

static void plan_streams(struct server_thread *t)
{
    int64_t rest = t->rest_until - clock_monotonic_ms();

    if (t->wake_planned)
        return;
    if (rest <= 0) {
        wake_streams(t);
        return;
    }
    t->wake_planned = true;
    loop_later(t->loop, (int)rest, wake_streams, t);
}

static void woken(void *arg)
{
    struct server_thread *t = arg;
    struct server *server = t->server;

    if (atomic_load(&server->breaking)) {
        tell(server, &server->broken, t->open);
        connections_each(t, connection_break);
    }
    if (!atomic_load(&server->draining)) {
        plan_streams(t);
        return;
    }
    if (!t->draining) {
        t->draining = true;
        accept_stop(t);
        tell(server, &server->deaf, 1);
        connections_each(t, connection_drain);
        thread_tick(t);
    }
}

static void serve(struct server_thread *t)
{
    loop_on_wake(t->loop, woken, t);
    accept_start(t);
    tell(t->server, &t->server->ready, 1);
    loop_run(t->loop);
}

/* Signals are the main thread's. SIGPIPE too: libssl writes without MSG_NOSIGNAL. */
static void block_signals(void)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
}

void *thread_main(void *arg)
{
    struct server_thread *t = arg;
    struct server *server = t->server;
    const struct server_config *config = &server->config;
    struct err e = { 0 };

    block_signals();
    t->ctx = config->ctx;
    if (config->thread_open && config->thread_open(&t->ctx, config->ctx, t->number, &e)) {
        (void)pthread_mutex_lock(&server->lock);
        if (server->failed == 0)
            server->why = e;
        (void)pthread_mutex_unlock(&server->lock);
        tell(server, &server->failed, 1);
        return NULL;
    }
    serve(t);
    if (config->thread_close)
        config->thread_close(t->ctx);
    tell(server, &server->ended, 1);
    return NULL;
}
