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
 * Which system calls each process may make once it is set up; any other ends it. The keeper talks
 * on sockets that it has, and opens, makes and starts nothing. The front accepts connections, and
 * works in the store's files that are open already. An open that a library tries by habit (a time
 * zone, a name service) is told no, instead of ending the front: it gets no file either way.
 */
/* clang-format off */
const struct sandbox_call sandbox_calls[] = {
    /* bytes, on what is open */
    { "read",            K | F, ALLOW, 0, 0, 0 },
    { "readv",           K | F, ALLOW, 0, 0, 0 },
    { "write",           K | F, ALLOW, 0, 0, 0 },
    { "writev",          K | F, ALLOW, 0, 0, 0 },
    { "recvmsg",         K | F, ALLOW, 0, 0, 0 },
    { "recvfrom",        K | F, ALLOW, 0, 0, 0 },
    { "sendmsg",         K | F, ALLOW, 0, 0, 0 },
    { "sendto",          K | F, ALLOW, IF(4, UINT64_MAX, 0) }, /* no address: only to who is connected */
    { "close",           K | F, ALLOW, 0, 0, 0 },
    { "shutdown",        K | F, ALLOW, 0, 0, 0 },
    { "fstat",           K | F, ALLOW, 0, 0, 0 },
    { "newfstatat",      K,     ALLOW, IF(3, AT_EMPTY_PATH, AT_EMPTY_PATH) }, /* fstat() of newer libcs */
    { "fcntl",           K | F, ALLOW, 0, 0, 0 },
    { "lseek",           K | F, ALLOW, 0, 0, 0 },
    { "ioctl",           F,     ALLOW, IF(1, UINT64_MAX, FIONREAD) },
    { "ioctl",           F,     ALLOW, IF(1, UINT64_MAX, FIONBIO) },
    { "ioctl",           K | F, SANDBOX_DENY, ENOTTY, IF(1, UINT64_MAX, TCGETS) }, /* isatty() */
    /* waiting */
    { "poll",            K | F, ALLOW, 0, 0, 0 },
    { "ppoll",           K | F, ALLOW, 0, 0, 0 },
    { "epoll_create1",   K | F, ALLOW, 0, 0, 0 },
    { "epoll_ctl",       K | F, ALLOW, 0, 0, 0 },
    { "epoll_wait",      K | F, ALLOW, 0, 0, 0 },
    { "epoll_pwait",     K | F, ALLOW, 0, 0, 0 },
    { "epoll_pwait2",    K | F, ALLOW, 0, 0, 0 },
    { "eventfd2",        F,     ALLOW, 0, 0, 0 },
    { "timerfd_create",  F,     ALLOW, 0, 0, 0 },
    { "timerfd_settime", F,     ALLOW, 0, 0, 0 },
    { "pipe2",           F,     ALLOW, 0, 0, 0 },
    { "futex",           K | F, ALLOW, 0, 0, 0 },
    { "nanosleep",       K | F, ALLOW, 0, 0, 0 },
    { "clock_nanosleep", K | F, ALLOW, 0, 0, 0 },
    { "sched_yield",     K | F, ALLOW, 0, 0, 0 },
    { "restart_syscall", K | F, ALLOW, 0, 0, 0 },
    /* memory: none that can be executed */
    { "brk",             K | F, ALLOW, 0, 0, 0 },
    { "mmap",            K | F, ALLOW, IF(2, PROT_EXEC, 0) },
    { "mprotect",        K | F, ALLOW, IF(2, PROT_EXEC, 0) },
    { "munmap",          K | F, ALLOW, 0, 0, 0 },
    { "mremap",          K | F, ALLOW, 0, 0, 0 },
    { "madvise",         K | F, ALLOW, 0, 0, 0 },
    { "mlock",           K | F, ALLOW, 0, 0, 0 },
    { "mlock2",          K | F, ALLOW, 0, 0, 0 },
    { "munlock",         K | F, ALLOW, 0, 0, 0 },
    /* time and chance */
    { "clock_gettime",   K | F, ALLOW, 0, 0, 0 },
    { "gettimeofday",    K | F, ALLOW, 0, 0, 0 },
    { "time",            K | F, ALLOW, 0, 0, 0 },
    { "getrandom",       K | F, ALLOW, 0, 0, 0 },
    /* threads of our own; clone3 hides its flags from a filter, so libc is told to use clone */
    { "clone",           K | F, ALLOW, IF(0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM) },
    { "clone3",          K | F, SANDBOX_DENY, ENOSYS, 0, 0, 0 },
    { "set_robust_list", K | F, ALLOW, 0, 0, 0 },
    { "rseq",            K | F, ALLOW, 0, 0, 0 },
    { "gettid",          K | F, ALLOW, 0, 0, 0 },
    { "getpid",          K | F, ALLOW, 0, 0, 0 },
    { "getppid",         K | F, ALLOW, 0, 0, 0 },
    { "getuid",          K | F, ALLOW, 0, 0, 0 },
    { "geteuid",         K | F, ALLOW, 0, 0, 0 },
    { "getgid",          K | F, ALLOW, 0, 0, 0 },
    { "getegid",         K | F, ALLOW, 0, 0, 0 },
    { "sched_getaffinity", K | F, ALLOW, 0, 0, 0 },
    { "prlimit64",       K | F, ALLOW, IF(2, UINT64_MAX, 0) }, /* asks, sets none */
    { "sysinfo",         F,     ALLOW, 0, 0, 0 },
    { "uname",           F,     ALLOW, 0, 0, 0 },
    { "tgkill",          K | F, ALLOW, 0, 0, 0 }, /* abort() */
    { "rt_sigaction",    K | F, ALLOW, 0, 0, 0 },
    { "rt_sigprocmask",  K | F, ALLOW, 0, 0, 0 },
    { "rt_sigreturn",    K | F, ALLOW, 0, 0, 0 },
    { "sigaltstack",     K | F, ALLOW, 0, 0, 0 },
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
    { "fdatasync",       F,     ALLOW, 0, 0, 0 },
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
    { "getcwd",          F,     SANDBOX_DENY, EACCES, 0, 0, 0 },
    { 0 },
};
/* clang-format on */
