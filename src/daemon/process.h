#ifndef DAEMON_PROCESS_H
#define DAEMON_PROCESS_H

#include "daemon/channel.h"
#include "daemon/settings.h"
#include <sys/types.h>

/*
 * The daemon's processes, as the supervisor starts them and as they find themselves. Each is this
 * program once more, executed anew so that it has no page of the supervisor's, with an environment
 * of two words and these descriptors: 0 and 1 /dev/null, 2 the log, 3 the channel to the
 * supervisor. All others come through the channel.
 */
enum process_role { PROCESS_PREPARE, PROCESS_KEEPER, PROCESS_FRONT, PROCESSES };
extern const char *const process_names[PROCESSES]; /* "front" */

struct process {
    enum process_role role;
    pid_t pid;   /* 0: not running */
    int channel; /* -1 when not running */
    bool ready;
};
int process_start(struct process *p, enum process_role role, struct err *e) MUST_CHECK;
/* Sends {"do":what}. */
int process_tell(const struct process *p, const char *what, struct err *e) MUST_CHECK;
void process_kill(const struct process *p);

/* ---- on the other side ---- */

/* What the supervisor says first. */
struct child {
    enum process_role role;
    int channel;
    struct settings settings;
    uid_t uid; /* whom to become; (uid_t)-1: nobody else */
    gid_t gid;
    pid_t supervisor;
    int landlock_abi;
    char *script, *installation;
    struct channel_fds fds;
};
void child_clear(struct child *c);
/* Which process this is, by argv[0]; PROCESSES: none, it is the command line. */
enum process_role child_role(int argc, char *const *argv);
/* Reads the first message, sets up the log. */
int child_begin(struct child *c, enum process_role role, struct err *e) MUST_CHECK;
/* Becomes the user of the state directory, and dies with the supervisor. */
int child_drop(const struct child *c, struct err *e) MUST_CHECK;
/* Tells the supervisor: {"ready":true,"text":..}; or why there is no going on. */
int child_ready(const struct child *c, const char *text, struct err *e) MUST_CHECK;
void child_fatal(const struct child *c, const struct err *why);

typedef int role_main(struct child *c, struct err *e);
role_main prepare_main, keeper_main, front_main;

#endif
