#ifndef DAEMON_ACTIVATION_H
#define DAEMON_ACTIVATION_H

#include "base/err.h"
#include <stdbool.h>

/* Sockets that the service manager bound for us: systemd's sd_listen_fds(3). */
enum { ACTIVATION_SOCKETS = 64 };
struct activation {
    int fd[ACTIVATION_SOCKETS]; /* listening stream sockets, close-on-exec; owned, -1: taken */
    size_t count;
};
/* Takes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES out of the environment; none of them is good,
 * too. first: where the descriptors begin, 3 but in a test. ERR_INVALID: not listening sockets. */
int activation_take(struct activation *a, int first, struct err *e) MUST_CHECK;
void activation_clear(struct activation *a);

#endif
