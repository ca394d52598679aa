#include "daemon/activation.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static long number(const char *text)
{
    char *end = NULL;
    long n = text && text[0] ? strtol(text, &end, 10) : -1;

    return end && !*end ? n : -1;
}

static bool is_option(int fd, int option, int wanted)
{
    int value = -1;
    socklen_t len = sizeof value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == wanted;
}

static int take_one(struct activation *a, int fd, struct err *e)
{
    int domain = 0;
    socklen_t len = sizeof domain;

    if (fcntl(fd, F_SETFD, FD_CLOEXEC))
        return err_errno(e, "LISTEN_FDS: descriptor %d", fd);
    a->fd[a->count++] = fd;
    if (!is_option(fd, SO_TYPE, SOCK_STREAM) || !is_option(fd, SO_ACCEPTCONN, 1) ||
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) ||
        (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6))
        return err_set(e, ERR_INVALID,
                       "LISTEN_FDS: descriptor %d is no listening stream socket, TCP or unix", fd);
    return 0;
}

static int take(struct activation *a, int first, struct err *e)
{
    const char *fds = getenv("LISTEN_FDS");
    long count = number(fds);

    if (!fds || number(getenv("LISTEN_PID")) != getpid()) /* meant for another process */
        return 0;
    if (count < 0 || count > ACTIVATION_SOCKETS)
        return err_set(e, ERR_INVALID, "LISTEN_FDS '%.16s' must be from 0 to %d", fds,
                       ACTIVATION_SOCKETS);
    for (int i = 0; i < count; i++)
        if (take_one(a, first + i, e))
            return -1;
    return 0;
}

int activation_take(struct activation *a, int first, struct err *e)
{
    int rc;

    *a = (struct activation){ 0 };
    rc = take(a, first, e);
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDNAMES");
    if (rc)
        activation_clear(a);
    return rc;
}

void activation_clear(struct activation *a)
{
    for (size_t i = 0; i < a->count; i++)
        fd_closep(&a->fd[i]);
    a->count = 0;
}
