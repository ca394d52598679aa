#ifndef TEST_KEEPER_WORLD_H
#define TEST_KEEPER_WORLD_H

#include "keeper/keeper.h"
#include "keeper/server.h"
#include "unit.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * What the tests of the keeper share. A test listed by BOTH runs twice: with keepers in this
 * process, and with keepers that a thread of their own serves at the other end of a socketpair.
 */
static bool world_remote;
static _Atomic int64_t world_now; /* the serving keeper's clock */

#define BOTH(test)                                                                                 \
    { #test, test, world_use_local, NULL, NULL },                                                  \
    {                                                                                              \
#test " remote", test, world_use_remote, world_join, NULL                                  \
    }

static const struct seal_label label = { "generation", "u1", "key" };
#define AT(dk) (&(struct seal_place){ dk, label })

#define GOOD(call)                                                                                 \
    do {                                                                                           \
        struct err e_ = { 0 }, *e = &e_;                                                           \
        if (call)                                                                                  \
            fail_msg("%s: %s", #call, err_text(e));                                                \
    } while (0)
/* The call fails with that code and that text somewhere in its message. */
#define BAD(want_code, want_text, call)                                                            \
    do {                                                                                           \
        struct err e_ = { 0 }, *e = &e_;                                                           \
        int rc_ = call;                                                                            \
        if (rc_ != -1 || e->code != (want_code) || !strstr(err_text(e), want_text))                \
            fail_msg("%s: %d, code %d: %s", #call, rc_, (int)e->code, err_text(e));                \
    } while (0)

/* ---- keepers that are served ---- */

struct served {
    pthread_t thread;
    int root_key_fd, log_fd, stop_fd;
    int client_fd[KEEPER_CLIENTS];
    size_t clients;
    const char *installation;
    char ended[128]; /* why the last caller was cut off */
    int (*ready)(void *ctx, struct err *e);
    bool running;
};
enum { WORLD_SERVED = 64 };
static struct served world_served[WORLD_SERVED];
static size_t world_served_count;

static inline int64_t world_clock(void *ctx)
{
    (void)ctx;
    return world_now;
}

static inline void world_ended(void *ctx, size_t client, const char *why)
{
    struct served *s = ctx;

    (void)client;
    if (why[0])
        (void)snprintf(s->ended, sizeof s->ended, "%s", why);
}

static inline struct keeper_server_options world_options(struct served *s)
{
    return (struct keeper_server_options){
        .root_key_fd = s->root_key_fd,
        .installation = s->installation,
        .client_fd = s->client_fd,
        .clients = s->clients,
        .stop_fd = s->stop_fd,
        .log_fd = s->log_fd,
        .ready = s->ready,
        .ended = world_ended,
        .clock = world_clock,
        .ctx = s,
    };
}

static inline void *world_serve(void *arg)
{
    struct served *s = arg;
    struct keeper_server_options options = world_options(s);
    struct err e = { 0 };

    if (keeper_serve(&options, &e))
        (void)fprintf(stderr, "serve: %s\n", err_text(&e));
    return NULL;
}

/* Serves `clients` callers, whose ends are put into `ends`.  The two descriptors are taken over. */
static inline struct served *world_start(int root_key_fd, int log_fd, int *ends, size_t clients)
{
    struct served *s = &world_served[world_served_count++];

    assert_true(world_served_count <= WORLD_SERVED);
    *s = (struct served){
        .root_key_fd = root_key_fd, .log_fd = log_fd, .clients = clients, .installation = "i1"
    };
    s->stop_fd = eventfd(0, EFD_CLOEXEC);
    for (size_t i = 0; i < clients; i++) {
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        ends[i] = pair[0];
        s->client_fd[i] = pair[1];
    }
    return s;
}

static inline void world_run(struct served *s)
{
    assert_int_equal(pthread_create(&s->thread, NULL, world_serve, s), 0);
    s->running = true;
}

/* Also after a failed assertion, which leaves callers open. */
static inline int world_join(void **state)
{
    (void)state;
    for (size_t i = 0; i < world_served_count; i++) {
        struct served *s = &world_served[i];

        (void)eventfd_write(s->stop_fd, 1);
        if (s->running)
            (void)pthread_join(s->thread, NULL);
        fd_closep(&s->root_key_fd);
        fd_closep(&s->log_fd);
        (void)close(s->stop_fd);
    }
    world_served_count = 0;
    world_remote = false;
    return 0;
}

static inline int world_use_local(void **state)
{
    (void)state;
    world_remote = false;
    return 0;
}

static inline int world_use_remote(void **state)
{
    (void)state;
    world_remote = true;
    return 0;
}

/* ---- keepers ---- */

static inline int world_root_key(struct slice text)
{
    int fd = memfd_create("root.key", MFD_CLOEXEC);

    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static inline int open_text(struct keeper **ret, struct slice text, const char *installation,
                            struct err *e)
{
    CLEANUP(fd_closep) int fd = world_root_key(text);
    struct served *s;
    int end;

    if (!world_remote)
        return keeper_open(ret, fd, installation, e);
    s = world_start(fd, -1, &end, 1);
    s->installation = NULL; /* the first caller says */
    fd = -1;
    world_run(s);
    return keeper_connect(ret, end, installation, e);
}

static inline struct keeper *new_keeper(void)
{
    CLEANUP(secret_clear) struct secret text = { 0 };
    struct keeper *keeper = NULL;
    char id[ROOT_KEY_ID];

    GOOD(keeper_root_key_new(&text, id, e));
    GOOD(open_text(&keeper, secret_slice(&text), "i1", e));
    assert_string_equal(keeper_root_id(keeper), id);
    return keeper;
}

static inline struct data_key new_data_key(struct keeper *keeper, enum data_key_purpose purpose)
{
    struct data_key dk = { .purpose = purpose, .subject = "s1" };

    GOOD(keeper_data_key_new(keeper, &dk, 0, e));
    assert_int_equal(dk.generation, 1);
    assert_int_equal(dk.seals, 0);
    return dk;
}

#endif
