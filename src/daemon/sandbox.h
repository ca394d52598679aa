#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

#include "base/buf.h"
#include <sys/types.h>

/*
 * What a process gives up before it reads the first byte from outside: another user, system calls
 * (seccomp, by the tables in sandbox_calls.c), files and network (Landlock, at whatever ABI the
 * kernel has). Each step that the kernel lacks is left out and shows in the level; one that it
 * refuses though it has it is an error.
 */
enum sandbox_process { SANDBOX_KEEPER, SANDBOX_FRONT };

enum { SANDBOX_ABI_NEWEST = -1, SANDBOX_PATHS = 8 };
struct sandbox_options {
    enum sandbox_process process;
    bool log_only;    /* a call outside of the list goes to the kernel's log, and is done */
    int landlock_abi; /* the highest to use: SANDBOX_ABI_NEWEST; tests pretend older kernels */
    /* Files that may still be read and written, by their inode: open descriptors. */
    int file[SANDBOX_PATHS];
    size_t file_count;
};
struct sandbox_level {
    bool seccomp, log_only;
    bool network; /* it has the host's: no empty namespace of its own */
    int landlock; /* ABI in use, 0: none */
};

/*
 * Steps in their order. Identity: supplementary groups go, uid and gid are taken for good, every
 * capability goes, no_new_privs, not dumpable; uid_t -1: no other user. Needs a process of one
 * thread.
 */
int sandbox_become(uid_t uid, gid_t gid, struct err *e) MUST_CHECK;
/* A network namespace with nothing in it; false when the kernel does not let us. Before
 * sandbox_become. */
bool sandbox_leave_network(void);
/* Files and calls; from here on a thread that is made later is shut in too. */
int sandbox_enter(const struct sandbox_options *options, struct sandbox_level *level, struct err *e)
    MUST_CHECK;
/* "seccomp, landlock 6, no network": for the log, the status and /readyz. */
void sandbox_describe(struct buf *out, const struct sandbox_level *level);

/* What a table row allows. */
enum sandbox_action { SANDBOX_ALLOW, SANDBOX_DENY /* EACCES, not the end */ };
struct sandbox_call {
    const char *name;
    unsigned processes; /* bits of 1 << enum sandbox_process */
    enum sandbox_action action;
    int errnum; /* of SANDBOX_DENY */
    /* Only when (argument & mask) == value; mask 0: always. */
    unsigned argument;
    uint64_t mask, value;
};
extern const struct sandbox_call sandbox_calls[]; /* ends with a name of NULL */

#endif
