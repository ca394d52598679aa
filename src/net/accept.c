#include "base/clock.h"
#include "net/server_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- limits ---- */

static void turn_away(struct server_thread *t, const struct server_peer *peer,
                      enum server_refusal refusal, const char *reason)
{
    connection_refused(t, &(struct server_refused){ .peer = peer,
                                                    .refusal = refusal,
                                                    .phase = SERVER_PHASE_HANDSHAKE,
                                                    .reason = reason });
}

/* One more of `count`, of which there may be `most`; the idle longest of this thread makes room. */
static bool enter(struct server_thread *t, atomic_uint *count, unsigned most, bool local)
{
    if (atomic_fetch_add(count, 1) < most)
        return true;
    if (connection_evict(t, local, NULL))
        return true;
    (void)atomic_fetch_sub(count, 1);
    return false;
}

static bool enter_address(struct server_thread *t, const struct peer_key *key)
{
    unsigned most = t->server->config.limits.per_address;

    return peers_enter(t->server->peers, key, most) ||
           (connection_evict(t, false, key) && peers_enter(t->server->peers, key, most));
}

/* ---- who it is ---- */

static void know_local(struct server_peer *peer, int fd)
{
    struct ucred cred = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
    socklen_t len = sizeof cred;

    /* It cannot fail on a connected unix socket; if it did, the peer would be nobody. */
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
    (void)snprintf(peer->address, sizeof peer->address, "unix");
    peer->local = true;
    peer->uid = cred.uid;
    peer->gid = cred.gid;
    peer->pid = cred.pid;
}

static void admit_local(const struct accept_point *point, int fd)
{
    struct server_thread *t = point->thread;
    struct server_peer peer = { .protocol = "" };

    know_local(&peer, fd);
    if (enter(t, &t->server->locals, t->server->config.limits.local, true)) {
        connection_start(t, fd, &peer, NULL, NULL);
        return;
    }
    turn_away(t, &peer, SERVER_REFUSED_CONNECTIONS, "too many local connections");
    (void)close(fd);
}

/* The context of now; NULL: none was given yet. */
static struct tls_server *current_tls(struct server *server)
{
    struct tls_server *tls;

    (void)pthread_mutex_lock(&server->lock);
    tls = server->tls ? tls_server_ref(server->tls) : NULL;
    (void)pthread_mutex_unlock(&server->lock);
    return tls;
}

static void admit_remote(const struct accept_point *point, int fd,
                         const struct sockaddr_storage *address)
{
    struct server_thread *t = point->thread;
    struct server_peer peer = { .protocol = "", .uid = (uid_t)-1, .gid = (gid_t)-1 };
    CLEANUP(tls_server_freep) struct tls_server *tls = NULL;
    struct peer_key key;

    peer_key_make(&key, address);
    peer_address(peer.address, address);
    if (point->tls)
        tls = current_tls(t->server);
    if (point->tls && !tls) {
        turn_away(t, &peer, SERVER_REFUSED_HANDSHAKE, "there is no certificate yet");
    } else if (!enter_address(t, &key)) {
        turn_away(t, &peer, SERVER_REFUSED_ADDRESS, "too many connections of this address");
    } else if (!enter(t, &t->server->connections, t->server->config.limits.connections, false)) {
        peers_leave(t->server->peers, &key);
        turn_away(t, &peer, SERVER_REFUSED_CONNECTIONS, "too many connections");
    } else {
        connection_start(t, fd, &peer, &key, tls);
        return;
    }
    (void)close(fd);
}

/* ---- accepting ---- */

static void set_points(struct server_thread *t, unsigned wanted)
{
    for (size_t i = 0; i < t->points; i++)
        if (loop_io_want(&t->point[i].io, wanted, NULL))
            t->paused = true;
}

static void pause_all(struct server_thread *t)
{
    set_points(t, 0);
    t->paused = true;
    thread_tick(t);
}

/* Without a descriptor the connection would stay in the queue and the listening socket readable, a
 * busy loop. The one in reserve takes it out; an idle connection makes room for the next. */
static void out_of_descriptors(const struct accept_point *point)
{
    struct server_thread *t = point->thread;
    struct server_peer peer = { .address = "?", .protocol = "", .local = point->local };
    int fd;

    fd_closep(&t->reserve);
    fd = accept4(point->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        (void)close(fd);
    t->reserve = fcntl(point->fd, F_DUPFD_CLOEXEC, 0);
    turn_away(t, &peer, SERVER_REFUSED_DESCRIPTORS, strerrordesc_np(EMFILE));
    if (!connection_evict(t, point->local, NULL))
        pause_all(t);
}

static void incoming(void *arg, unsigned ready)
{
    const struct accept_point *point = arg;
    struct server_thread *t = point->thread;
    struct sockaddr_storage address = { 0 };
    socklen_t len = sizeof address;
    int fd = accept4(point->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)ready;
    t->now = clock_monotonic_ms();
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE)
            out_of_descriptors(point);
        else if (errno == ENOBUFS || errno == ENOMEM)
            pause_all(t);
        return; /* else it has gone again, or another thread took it */
    }
    if (point->local)
        admit_local(point, fd);
    else
        admit_remote(point, fd, &address);
}

void accept_start(struct server_thread *t)
{
    for (size_t i = 0; i < t->points; i++) {
        struct accept_point *point = &t->point[i];

        loop_io_init(&point->io, t->loop, point->fd, incoming, point);
    }
    set_points(t, LOOP_READ);
    if (t->points)
        t->reserve = fcntl(t->point[0].fd, F_DUPFD_CLOEXEC, 0);
}

void accept_resume(struct server_thread *t)
{
    t->paused = false;
    set_points(t, LOOP_READ);
}

void accept_stop(struct server_thread *t)
{
    for (size_t i = 0; i < t->points; i++)
        loop_io_clear(&t->point[i].io);
    t->points = 0;
    t->paused = false;
    fd_closep(&t->reserve);
    t->reserve = -1;
}
