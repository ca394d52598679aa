#include "keeper/server.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "keeper/log.h"
#include "keeper/peer.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Of one caller before the others have their turn: what a batch of signatures sends. */
enum { TURN_FRAMES = 16, TURN_BYTES = 64 << 10, READ_BYTES = 4096 };

struct client {
    int fd; /* -1: gone */
    struct peer peer;
    struct frames in, out;
    bool ready; /* a whole frame waits in `in` */
};

struct server {
    const struct keeper_server_options *options;
    struct keeper *keeper;
    struct signer_cache cache;
    bool unnamed;
    struct client *client;
    size_t open;
};

static int64_t wall_clock(void *ctx)
{
    (void)ctx;
    return clock_wall();
}

static void end_client(struct server *s, struct client *c, const char *why)
{
    if (s->options->ended)
        s->options->ended(s->options->ctx, (size_t)(c - s->client), why);
    fd_closep(&c->fd);
    c->fd = -1;
    c->ready = false;
    peer_clear(&c->peer);
    frames_clear(&c->in);
    frames_clear(&c->out);
    s->open--;
}

static void server_clear(struct server *s)
{
    for (size_t i = 0; s->client && i < s->options->clients; i++)
        if (s->client[i].fd >= 0)
            end_client(s, &s->client[i], "");
    free(s->client);
    signer_cache_clear(&s->cache);
    keeper_close(s->keeper);
}

/* ---- one caller ---- */

/* 1: all is sent, 0: the socket is full, -1: the caller is gone. */
static int send_answers(struct client *c)
{
    while (frames_slice(&c->out).len) {
        struct slice rest = frames_slice(&c->out);
        ssize_t n = send(c->fd, rest.ptr, rest.len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0)
            return -1;
        frames_take(&c->out, (size_t)n);
    }
    return 1;
}

/* The first frame of what was read, if it is whole; *want: else so many bytes would make it so. */
static int handle_one(struct client *c, bool *whole, size_t *want, struct err *e)
{
    struct slice body;

    if (frames_next(&c->in, &body, whole, want, e))
        return -1;
    if (!*whole)
        return 0;
    if (peer_handle(&c->peer, body, &c->out, e))
        return -1;
    frames_take(&c->in, *want);
    return 0;
}

static int handle_frames(struct client *c, size_t *want, struct err *e)
{
    c->ready = true;
    for (int i = 0; i < TURN_FRAMES && frames_slice(&c->out).len < TURN_BYTES; i++) {
        if (handle_one(c, &c->ready, want, e))
            return -1;
        if (!c->ready)
            break;
    }
    return 0;
}

static void work(struct server *s, struct client *c)
{
    struct err e = { 0 };
    size_t want;
    int rc = handle_frames(c, &want, &e);
    int sent = send_answers(c); /* also of those before one that ends the connection */

    if (rc || sent < 0)
        end_client(s, c, rc ? err_text(&e) : "");
}

static void read_client(struct server *s, struct client *c)
{
    size_t have = frames_slice(&c->in).len, want, more = READ_BYTES;
    struct err e = { 0 };
    struct slice body;
    bool whole;
    ssize_t n;

    /* The length of a frame is checked before room for it is made. */
    if (frames_next(&c->in, &body, &whole, &want, &e)) {
        end_client(s, c, err_text(&e));
        return;
    }
    if (want > have + more)
        more = want - have;
    if (frames_room(&c->in, more, &e)) {
        end_client(s, c, err_text(&e));
        return;
    }
    n = recv(c->fd, c->in.pages.ptr + c->in.len, c->in.pages.len - c->in.len, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        end_client(s, c, "");
        return;
    }
    c->in.len += (size_t)n;
    work(s, c);
}

/* ---- all of them ---- */

/* One caller is either written to or read from, so that who does not read its answers waits. */
static void serve_client(struct server *s, struct client *c, short events)
{
    if (frames_slice(&c->out).len) {
        if (events && send_answers(c) < 0)
            end_client(s, c, "");
    } else if (c->ready) {
        work(s, c);
    } else if (events) {
        read_client(s, c);
    }
}

/* Milliseconds until there is something to do without a request; -1: never. */
static int next_duty(struct server *s)
{
    int wait = -1;

    if (signer_cache_expire(&s->cache, clock_monotonic_ms()))
        wait = CACHED_SECONDS * 1000 / 4;
    if (s->keeper->log) {
        int head = keeper_log_duty(s->keeper->log);

        if (head >= 0 && (wait < 0 || head < wait))
            wait = head;
    }
    for (size_t i = 0; i < s->options->clients; i++)
        if (s->client[i].ready && frames_slice(&s->client[i].out).len == 0)
            return 0;
    return wait;
}

static int serve(struct server *s, struct err *e)
{
    size_t count = s->options->clients;
    struct pollfd watched[KEEPER_CLIENTS + 1];

    while (s->open) {
        int wait = next_duty(s);

        for (size_t i = 0; i < count; i++)
            watched[i] =
                (struct pollfd){ .fd = s->client[i].fd,
                                 .events = frames_slice(&s->client[i].out).len ? POLLOUT : POLLIN };
        watched[count] = (struct pollfd){ .fd = s->options->stop_fd, .events = POLLIN };
        if (poll(watched, count + 1, wait) < 0) {
            if (errno == EINTR)
                continue;
            return err_errno(e, "wait for requests");
        }
        if (watched[count].revents)
            return 0;
        for (size_t i = 0; i < count; i++)
            if (s->client[i].fd >= 0)
                serve_client(s, &s->client[i], watched[i].revents);
    }
    return 0;
}

/* OpenSSL and the C library open files and fetch algorithms on first use: not after `ready`. */
static int warm_up(struct keeper *keeper, struct err *e)
{
    CLEANUP(data_key_clear) struct data_key dk = { .purpose = DATA_KEY_KIND, .subject = "warm up" };
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(buf_clear) struct buf sig = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    struct seal_place place = { &dk, { "", "", "" } };

    if (local_data_key_new(keeper, &dk, 1, e) ||
        local_key_new(keeper, &place, KEY_P256, &sealed, &pem, e) ||
        key_generate(&key, KEY_P256, e) || key_sign(key, slice_str("x"), &sig, e))
        return err_wrap(e, "start the keeper");
    seals_free(keeper->seals);
    keeper->seals = NULL;
    return 0;
}

static int start(struct server *s, struct err *e)
{
    const struct keeper_server_options *o = s->options;

    s->unnamed = !o->installation;
    if (keeper_open(&s->keeper, o->root_key_fd, o->installation ? o->installation : "?", e) ||
        warm_up(s->keeper, e))
        return -1;
    s->keeper->clock = o->clock ? o->clock : wall_clock;
    s->keeper->clock_ctx = o->ctx;
    if (o->log_fd >= 0 && keeper_log_open(&s->keeper->log, s->keeper, o->log_fd, e))
        return -1;
    return o->ready ? o->ready(o->ctx, e) : 0;
}

int keeper_serve(const struct keeper_server_options *options, struct err *e)
{
    CLEANUP(server_clear) struct server s = { .options = options };
    struct err late = { 0 };

    if (options->clients < 1 || options->clients > KEEPER_CLIENTS)
        return err_set(e, ERR_INVALID, "%zu callers of a keeper, 1 to %d are possible",
                       options->clients, KEEPER_CLIENTS);
    s.client = xcalloc(options->clients, sizeof *s.client);
    for (size_t i = 0; i < options->clients; i++) {
        s.client[i].fd = options->client_fd[i];
        s.open++;
    }
    if (start(&s, e))
        return -1;
    for (size_t i = 0; i < options->clients; i++) {
        s.client[i].peer.keeper = s.keeper;
        s.client[i].peer.cache = &s.cache;
        s.client[i].peer.unnamed = &s.unnamed;
    }
    if (serve(&s, e))
        return -1;
    return s.keeper->log && keeper_log_head(s.keeper->log, &late) ? err_pass(e, &late) : 0;
}
