#ifndef DAEMON_SUPERVISOR_H
#define DAEMON_SUPERVISOR_H

#include "daemon/listeners.h"
#include "daemon/notify.h"
#include "daemon/process.h"

/*
 * The process that starts the others and takes no input: it watches them, starts them anew when
 * one ends, reloads, drains, and tells the service manager. It keeps the listening sockets, so that
 * clients wait while a front is replaced instead of being refused.
 *
 *     prepare ends well -> keeper and front start -> both are ready: serving
 *     one of them ends  -> the other is ended, then after a pause all from the start
 *     SIGTERM, SIGINT   -> the front drains, the keeper ends, all is done; a second one cuts it
 * short
 */
struct supervisor_options {
    struct settings *settings; /* reload changes it */
    const struct json_value *args;
    const char *state; /* both for reading the configuration again */
    struct listeners *listeners;
    struct notify *notify;
    uid_t uid; /* as whom the others run; (uid_t)-1: as we do */
    gid_t gid;
    const char *root_key; /* path of a credential in the place of STATE/root.key; NULL: none */
};
/* Returns 0 after a stop that was asked for. Before the first time that all is ready, what goes
 * wrong is an error; later it is a reason to start again. */
int supervise(const struct supervisor_options *options, struct err *e) MUST_CHECK;

/* How long to wait before another start: 1 s, 2, 4 ... 30; from anew after a minute of life. */
struct pause {
    int seconds; /* the last one; 0: none yet */
};
enum { PAUSE_MOST = 30, PAUSE_LIFE_MS = 60000 };
int64_t pause_next_ms(struct pause *p, int64_t lived_ms);

#endif
