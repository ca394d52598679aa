#ifndef NET_SERVE_H
#define NET_SERVE_H

#include "base/clock.h"
#include "net/server.h"
#include "unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A server in this process, on a TCP port and a unix socket, and raw clients of it. */
struct served {
    struct server *server;
    char folder[64], path[80];
    unsigned port, tls_port;
    pthread_mutex_t lock;
    struct server_log log;
    char log_path[64];
    char refusal[128]; /* of the last one: "timeout head: sentence" */
    unsigned logs, refusals;
};

static inline void note_log(void *ctx, const struct server_log *log)
{
    struct served *s = ctx;

    pthread_mutex_lock(&s->lock);
    s->log = *log;
    snprintf(s->log_path, sizeof s->log_path, SLICE_FMT, SLICE_ARG(log->path));
    s->logs++;
    pthread_mutex_unlock(&s->lock);
}

static inline void note_refused(void *ctx, const struct server_refused *refused)
{
    struct served *s = ctx;

    pthread_mutex_lock(&s->lock);
    snprintf(s->refusal, sizeof s->refusal, "%s %s: %s", server_refusal_name(refused->refusal),
             server_phase_name(refused->phase), refused->reason);
    s->refusals++;
    pthread_mutex_unlock(&s->lock);
}

/* config: handle, limits, and callbacks with `s` as their ctx. */
static inline void serve_start(struct served *s, struct server_config *config,
                               struct tls_server *tls)
{
    struct listen_options options = { .threads = 1, .mode = 0600, .group = (gid_t)-1 };
    struct listen_address tcp = { .host = "127.0.0.1" }, local = { .local = true };
    struct listener *listener = NULL;
    struct err e = { 0 };

    *s = (struct served){ .lock = PTHREAD_MUTEX_INITIALIZER };
    snprintf(s->folder, sizeof s->folder, "/tmp/poterne-serve-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof s->path, "%s/s", s->folder);
    memcpy(local.path, s->path, sizeof s->path);
    config->threads = config->threads ? config->threads : 1;
    config->log = note_log;
    config->refused = note_refused;
    config->ctx = s;
    if (server_new(&s->server, config, &e) || listener_open(&listener, &tcp, &options, &e))
        fail_msg("%s", e.msg);
    s->port = listener_port(listener);
    server_listen(s->server, listener, false);
    if (listener_open(&listener, &local, &options, &e))
        fail_msg("%s", e.msg);
    server_listen(s->server, listener, false);
    if (tls) {
        if (listener_open(&listener, &tcp, &options, &e))
            fail_msg("%s", e.msg);
        s->tls_port = listener_port(listener);
        server_listen(s->server, listener, true);
        server_set_tls(s->server, tls);
    }
    if (server_start(s->server, &e))
        fail_msg("%s", e.msg);
}

static inline void serve_stop(struct served *s)
{
    server_free(s->server);
    rmdir(s->folder);
}

static inline int connect_port(unsigned port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct timeval patience = { .tv_sec = 10 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static inline int connect_local(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_sec = 10 };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static inline void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until `end` was seen, or, if it is NULL, until the server closes. */
static inline const char *receive(int fd, const char *end)
{
    static char text[64 << 10];
    size_t len = 0;

    for (text[0] = '\0'; !end || !strstr(text, end);) {
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);

        if (n < 0 && errno == EAGAIN)
            fail_msg("no answer in time, but '%s'", text);
        if (n <= 0)
            break;
        len += (size_t)n;
        text[len] = '\0';
    }
    return text;
}

static inline void expect_text(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no '%s' in: %s", part, text);
}

/* Until the counter reaches that, for at most ten seconds. */
static inline void wait_count(struct served *s, const unsigned *counter, unsigned wanted)
{
    for (int i = 0; i < 2000; i++) {
        unsigned now;

        pthread_mutex_lock(&s->lock);
        now = *counter;
        pthread_mutex_unlock(&s->lock);
        if (now >= wanted)
            return;
        usleep(5000);
    }
    fail_msg("a callback did not come");
}

#endif
