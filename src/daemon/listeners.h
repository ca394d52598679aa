#ifndef DAEMON_LISTENERS_H
#define DAEMON_LISTENERS_H

#include "daemon/activation.h"
#include "daemon/process.h"
#include "net/listen.h"

/* Every listening socket of the daemon, in the supervisor's hands. */
enum { LISTENERS = ACTIVATION_SOCKETS + SETTINGS_LIST + 1 };
struct listeners {
    struct listener *one[LISTENERS];
    size_t count;
    bool from_manager; /* systemd made them: settings name none */
};
/* Those of the service manager if it gave any, else what the settings name. group: who may connect
 * to the unix socket; (gid_t)-1: nobody but its owner. */
int listeners_open(struct listeners *l, const struct settings *s, struct activation *a, gid_t group,
                   struct err *e) MUST_CHECK;
void listeners_clear(struct listeners *l);
/* Copies of all sockets to a process, in messages of {"sockets":[THREAD, ..]}, a number a
 * descriptor; -1: all threads accept from it. */
int listeners_send(const struct listeners *l, const struct process *p, struct err *e) MUST_CHECK;
void listeners_describe(const struct listeners *l, struct buf *out); /* with commas */

#endif
