#ifndef DAEMON_CHANNEL_H
#define DAEMON_CHANNEL_H

#include "base/buf.h"
#include "wire/json.h"

/*
 * Between the supervisor and one of its processes: a SOCK_SEQPACKET pair on which each message is
 * one JSON object, and may carry descriptors. The supervisor trusts no process with it: what comes
 * up is small, parsed by the strict reader, and carries descriptors only from the one that
 * prepares.
 */
enum { CHANNEL_MESSAGE = 64 << 10, CHANNEL_FDS = 64 };

struct channel_fds {
    int fd[CHANNEL_FDS]; /* -1: taken */
    size_t count;
};
void channel_fds_clear(struct channel_fds *fds);

int channel_pair(int pair[2], struct err *e) MUST_CHECK; /* both close-on-exec */
/* fds: NULL or descriptors that stay the caller's. Does not wait: ERR_BUSY when the other side does
 * not read; ERR_UNREACHABLE when it is gone. */
int channel_send(int fd, struct slice message, const struct channel_fds *fds, struct err *e)
    MUST_CHECK;
/* Waits for one. *ret is NULL at the end. fds: NULL takes no descriptors (ERR_INVALID when there
 * are some); what came belongs to the caller. */
int channel_receive(int fd, struct json **ret, struct channel_fds *fds, struct err *e) MUST_CHECK;

#endif
