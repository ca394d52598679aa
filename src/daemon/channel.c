#include "daemon/channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
    char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS)];
    struct cmsghdr aligned;
};

void channel_fds_clear(struct channel_fds *fds)
{
    for (size_t i = 0; i < fds->count; i++)
        fd_closep(&fds->fd[i]);
    fds->count = 0;
}

int channel_pair(int pair[2], struct err *e)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return err_errno(e, "make a socket pair");
    return 0;
}

static void attach(struct msghdr *header, union control *control, const struct channel_fds *fds)
{
    size_t len = sizeof(int) * fds->count;
    struct cmsghdr *c;

    header->msg_control = control->bytes;
    header->msg_controllen = CMSG_SPACE(len);
    c = CMSG_FIRSTHDR(header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), fds->fd, len);
}

int channel_send(int fd, struct slice message, const struct channel_fds *fds, struct err *e)
{
    union control control = { 0 };
    struct iovec part = { (void *)(uintptr_t)message.ptr, message.len };
    struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
    ssize_t sent;

    if (message.len > CHANNEL_MESSAGE)
        return err_set(e, ERR_LIMIT, "a message of %zu bytes between our processes", message.len);
    if (fds && fds->count)
        attach(&header, &control, fds);
    do
        sent = sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    if (errno == EAGAIN)
        return err_set(e, ERR_BUSY, "a process of ours does not read what it is told");
    return errno == EPIPE || errno == ECONNRESET
               ? err_set(e, ERR_UNREACHABLE, "a process of ours is gone")
               : err_errno(e, "send to a process of ours");
}

static void take(struct msghdr *header, struct channel_fds *fds)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count && fds->count < CHANNEL_FDS; i++)
            memcpy(&fds->fd[fds->count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
}

/* Bytes received; 0 at the end. */
static int receive(int fd, struct buf *text, struct channel_fds *fds, struct err *e)
{
    union control control = { 0 };
    struct iovec part = { buf_room(text, CHANNEL_MESSAGE), CHANNEL_MESSAGE };
    struct msghdr header = { .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes };
    ssize_t got;

    do
        got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno != ECONNRESET)
        return err_errno(e, "receive from a process of ours");
    if (got > 0)
        take(&header, fds);
    if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        return err_set(e, ERR_LIMIT, "a message between our processes is too long");
    text->len += got > 0 ? (size_t)got : 0;
    return 0;
}

int channel_receive(int fd, struct json **ret, struct channel_fds *fds, struct err *e)
{
    CLEANUP(channel_fds_clear) struct channel_fds came = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;

    if (receive(fd, &text, &came, e))
        return -1;
    if (came.count && !fds)
        return err_set(e, ERR_INVALID, "a process of ours sent a descriptor");
    if (text.len && json_parse(&doc, buf_slice(&text), NULL, e))
        return err_wrap(e, "a message of a process of ours");
    if (fds) {
        *fds = came;
        came.count = 0;
    }
    *ret = doc;
    doc = NULL;
    return 0;
}
