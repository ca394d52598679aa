#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define K (1u << SANDBOX_KEEPER)
#define F (1u << SANDBOX_FRONT)
#define ALLOW SANDBOX_ALLOW, 0
#define IF(argument, mask, value) (argument), (mask), (value)

/*
 * Which system calls each process may make once it is set up; any other ends it. The keeper has
 * what KEEPER_SYSCALLS names, sendmsg to tell the supervisor that it is ready, and what abort()
 * takes. The front accepts connections, and works in the store's files that are open already. A
 * file or socket that a library asks for by habit (a time zone, a name service) is refused, instead
 * of ending the front: it gets none either way.
 */
/* clang-format off */
const struct sandbox_call sandbox_calls[] = {
    /* bytes, on what is open */
    { "read",            F,     ALLOW, 0, 0, 0 },
    { "readv",           F,     ALLOW, 0, 0, 0 },
    { "write",           K | F, ALLOW, 0, 0, 0 },
    { "writev",          F,     ALLOW, 0, 0, 0 },
    { "recvmsg",         F,     ALLOW, 0, 0, 0 },
    { "recvfrom",        K | F, ALLOW, 0, 0, 0 },
    { "sendmsg",         K | F, ALLOW, 0, 0, 0 },
    { "sendto",          K | F, ALLOW, IF(4, UINT64_MAX, 0) }, /* no address: only to who is connected */
    { "close",           K | F, ALLOW, 0, 0, 0 },
    { "shutdown",        F,     ALLOW, 0, 0, 0 },
    { "fstat",           F,     ALLOW, 0, 0, 0 },
    { "fcntl",           F,     ALLOW, 0, 0, 0 },
    { "lseek",           F,     ALLOW, 0, 0, 0 },
    { "ioctl",           F,     ALLOW, IF(1, UINT64_MAX, FIONREAD) },
    { "ioctl",           F,     ALLOW, IF(1, UINT64_MAX, FIONBIO) },
    { "ioctl",           F,     SANDBOX_DENY, ENOTTY, IF(1, UINT64_MAX, TCGETS) }, /* isatty() */
    /* waiting */
    { "poll",            K | F, ALLOW, 0, 0, 0 },
    { "ppoll",           F,     ALLOW, 0, 0, 0 },
    { "epoll_create1",   F,     ALLOW, 0, 0, 0 },
    { "epoll_ctl",       F,     ALLOW, 0, 0, 0 },
    { "epoll_wait",      F,     ALLOW, 0, 0, 0 },
    { "epoll_pwait",     F,     ALLOW, 0, 0, 0 },
    { "epoll_pwait2",    F,     ALLOW, 0, 0, 0 },
    { "eventfd2",        F,     ALLOW, 0, 0, 0 },
    { "timerfd_create",  F,     ALLOW, 0, 0, 0 },
    { "timerfd_settime", F,     ALLOW, 0, 0, 0 },
    { "pipe2",           F,     ALLOW, 0, 0, 0 },
    { "futex",           K | F, ALLOW, 0, 0, 0 },
    { "nanosleep",       F,     ALLOW, 0, 0, 0 },
    { "clock_nanosleep", F,     ALLOW, 0, 0, 0 },
    { "sched_yield",     F,     ALLOW, 0, 0, 0 },
    { "restart_syscall", K | F, ALLOW, 0, 0, 0 },
    /* memory: none that can be executed */
    { "brk",             K | F, ALLOW, 0, 0, 0 },
    { "mmap",            K | F, ALLOW, IF(2, PROT_EXEC, 0) },
    { "mprotect",        K | F, ALLOW, IF(2, PROT_EXEC, 0) },
    { "munmap",          K | F, ALLOW, 0, 0, 0 },
    { "mremap",          K | F, ALLOW, 0, 0, 0 },
    { "madvise",         K | F, ALLOW, 0, 0, 0 },
    { "mlock",           K | F, ALLOW, 0, 0, 0 },
    { "mlock2",          F,     ALLOW, 0, 0, 0 },
    { "munlock",         K | F, ALLOW, 0, 0, 0 },
    /* time and chance */
    { "clock_gettime",   K | F, ALLOW, 0, 0, 0 },
    { "gettimeofday",    K | F, ALLOW, 0, 0, 0 },
    { "time",            K | F, ALLOW, 0, 0, 0 },
    { "getrandom",       K | F, ALLOW, 0, 0, 0 },
    /* threads of our own; clone3 hides its flags from a filter, so libc is told to use clone */
    { "clone",           F,     ALLOW, IF(0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM) },
    { "clone3",          F,     SANDBOX_DENY, ENOSYS, 0, 0, 0 },
    { "set_robust_list", F,     ALLOW, 0, 0, 0 },
    { "rseq",            F,     ALLOW, 0, 0, 0 },
    { "gettid",          K | F, ALLOW, 0, 0, 0 },
    { "getpid",          K | F, ALLOW, 0, 0, 0 },
    { "getppid",         F,     ALLOW, 0, 0, 0 },
    { "getuid",          F,     ALLOW, 0, 0, 0 },
    { "geteuid",         F,     ALLOW, 0, 0, 0 },
    { "getgid",          F,     ALLOW, 0, 0, 0 },
    { "getegid",         F,     ALLOW, 0, 0, 0 },
    { "sched_getaffinity", F,     ALLOW, 0, 0, 0 },
    { "prlimit64",       F,     ALLOW, IF(2, UINT64_MAX, 0) }, /* asks, sets none */
    { "sysinfo",         F,     ALLOW, 0, 0, 0 },
    { "uname",           F,     ALLOW, 0, 0, 0 },
    { "tgkill",          K | F, ALLOW, 0, 0, 0 }, /* abort() */
    { "rt_sigaction",    K | F, ALLOW, 0, 0, 0 },
    { "rt_sigprocmask",  K | F, ALLOW, 0, 0, 0 },
    { "rt_sigreturn",    K | F, ALLOW, 0, 0, 0 },
    { "sigaltstack",     F,     ALLOW, 0, 0, 0 },
    { "exit",            K | F, ALLOW, 0, 0, 0 },
    { "exit_group",      K | F, ALLOW, 0, 0, 0 },
    /* connections that came to us */
    { "accept4",         F,     ALLOW, 0, 0, 0 },
    { "accept",          F,     ALLOW, 0, 0, 0 },
    { "getsockname",     F,     ALLOW, 0, 0, 0 },
    { "getpeername",     F,     ALLOW, 0, 0, 0 },
    { "getsockopt",      F,     ALLOW, 0, 0, 0 },
    { "setsockopt",      F,     ALLOW, 0, 0, 0 },
    /* the store: its files are open */
    { "pread64",         F,     ALLOW, 0, 0, 0 },
    { "pwrite64",        F,     ALLOW, 0, 0, 0 },
    { "pwritev",         F,     ALLOW, 0, 0, 0 },
    { "fsync",           F,     ALLOW, 0, 0, 0 },
    { "fdatasync",       K | F, ALLOW, 0, 0, 0 },
    { "ftruncate",       F,     ALLOW, 0, 0, 0 },
    { "fallocate",       F,     ALLOW, 0, 0, 0 },
    { "flock",           F,     ALLOW, 0, 0, 0 },
    { "getdents64",      F,     ALLOW, 0, 0, 0 },
    { "openat",          F,     SANDBOX_DENY, EACCES, 0, 0, 0 },
    { "open",            F,     SANDBOX_DENY, EACCES, 0, 0, 0 },
    { "access",          F,     SANDBOX_DENY, EACCES, 0, 0, 0 },
    { "faccessat",       F,     SANDBOX_DENY, EACCES, 0, 0, 0 },
    { "faccessat2",      F,     SANDBOX_DENY, EACCES, 0, 0, 0 },
    { "newfstatat",      F,     ALLOW, 0, 0, 0 }, /* names and sizes: SQLite looks whether its file is still there */
    { "stat",            F,     ALLOW, 0, 0, 0 },
    { "lstat",           F,     ALLOW, 0, 0, 0 },
    { "readlink",        F,     SANDBOX_DENY, EACCES, 0, 0, 0 },
    { "readlinkat",      F,     SANDBOX_DENY, EACCES, 0, 0, 0 },
    { "unlink",          F,     SANDBOX_DENY, EACCES, 0, 0, 0 }, /* SQLite's -wal, at the end */
    { "unlinkat",        F,     SANDBOX_DENY, EACCES, 0, 0, 0 },
    { "socket",          F,     SANDBOX_DENY, EACCES, 0, 0, 0 }, /* a library asks for a name service */
    { "getcwd",          F,     SANDBOX_DENY, EACCES, 0, 0, 0 },
    { 0 },
};
/* clang-format on */
