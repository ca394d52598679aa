#ifndef KEEPER_SERVER_H
#define KEEPER_SERVER_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/*
 * A keeper that serves callers of other processes, which keeper_connect: one loop, one thread, one
 * request at a time. It opens nothing after `ready`: the process may then give up all but the
 * system calls below.
 *
 * A caller may be taken over and send anything. It gets what the calls of keeper.h give, within the
 * fences; never a root key, a data key, an authority's key or the keeper's own. Its word does not
 * count for how much was signed in an hour, how much was sealed since the keeper started, or what
 * time it is. What our own end never sends ends the connection.
 */
struct keeper_server_options {
    int root_key_fd;          /* read once; the caller closes it */
    const char *installation; /* uid; NULL: what the first caller says holds for all */
    const int *client_fd;     /* stream sockets, one a caller; closed here */
    size_t clients;           /* 1 to KEEPER_CLIENTS */
    int stop_fd;              /* readable or hung up: come to an end; -1: none */
    int log_fd;               /* keeper/log.h; opened for reading and appending; -1: no log */
    /* When all is open, and before the first byte of a caller is read: the place to shut oneself
     * in. -1: end. May be NULL, as may those below. */
    int (*ready)(void *ctx, struct err *e);
    void (*ended)(void *ctx, size_t client, const char *why); /* "" when it closed its end */
    int64_t (*clock)(void *ctx); /* UTC seconds, for tests; NULL: the wall clock */
    void *ctx;
};
enum { KEEPER_CLIENTS = 64 };
/* Returns 0 when all callers are gone or stop_fd says so, -1 when it could not start, or the log
 * cannot be written. */
int keeper_serve(const struct keeper_server_options *options, struct err *e) MUST_CHECK;

/* What it calls after `ready`: of its own, of the C library (memory, locks, time without a vDSO)
 * and of OpenSSL (getpid: whether it was forked). */
#define KEEPER_SYSCALLS(X)                                                                         \
    X(poll)                                                                                        \
    X(recvfrom)                                                                                    \
    X(sendto)                                                                                      \
    X(close)                                                                                       \
    X(write)                                                                                       \
    X(fdatasync)                                                                                   \
    X(mmap)                                                                                        \
    X(munmap)                                                                                      \
    X(mremap)                                                                                      \
    X(mprotect)                                                                                    \
    X(madvise)                                                                                     \
    X(mlock)                                                                                       \
    X(brk)                                                                                         \
    X(futex)                                                                                       \
    X(getrandom)                                                                                   \
    X(getpid)                                                                                      \
    X(clock_gettime)                                                                               \
    X(gettimeofday)                                                                                \
    X(rt_sigreturn)                                                                                \
    X(restart_syscall)                                                                             \
    X(exit)                                                                                        \
    X(exit_group)

#endif
