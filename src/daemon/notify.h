#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include "base/err.h"
#include <stdint.h>

/*
 * What the service manager is told: systemd's sd_notify(3) protocol, one datagram of lines a
 * message. Without $NOTIFY_SOCKET every call does nothing.
 */
struct notify {
    int fd;              /* -1: nobody wants to know */
    int64_t watchdog_ms; /* half of what the manager waits for a sign of life; 0: it does not */
};
/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment. ERR_INVALID: one that
 * makes no sense. */
int notify_open(struct notify *n, struct err *e) MUST_CHECK;
void notify_close(struct notify *n);

void notify_ready(const struct notify *n, const char *status);
void notify_status(const struct notify *n, const char *status);
void notify_reloading(const struct notify *n); /* notify_ready ends it */
void notify_stopping(const struct notify *n, const char *status);
void notify_watchdog(const struct notify *n);

#endif
