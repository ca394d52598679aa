#include "unit.h"

#include "daemon/landlock.h"
#include "daemon/sandbox.h"
#include "files.h"
#include "keeper/server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Each case runs in a process of its own, which shuts itself in and then tries one thing. */

static char folder[] = "/tmp/poterne-sandbox-XXXXXX";
static char store[64], key[64];

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* ---- what is tried: 0 or an errno ---- */

static int outcome(long rc)
{
    return rc < 0 ? errno : 0;
}

static int try_nothing(void)
{
    return 0;
}

static int try_open_key(void)
{
    return outcome(open(key, O_RDONLY));
}

static int try_open_store(void)
{
    return outcome(open(store, O_RDWR));
}

static int try_make(void)
{
    char path[80];

    (void)snprintf(path, sizeof path, "%s/new", folder);
    return outcome(open(path, O_WRONLY | O_CREAT, 0600));
}

static int try_truncate(void)
{
    return outcome(truncate(key, 0));
}

static int try_open2(void)
{
    return outcome(syscall(437, AT_FDCWD, key, NULL, 0)); /* openat2 */
}

static int try_socket(void)
{
    return outcome(socket(AF_INET, SOCK_STREAM, 0));
}

static int try_exec(void)
{
    char *argv[] = { (char[]){ "/bin/true" }, NULL };

    return outcome(execv("/bin/true", argv));
}

static int try_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return outcome(pid);
}

static void *nothing(void *ctx)
{
    return ctx;
}

static int try_thread(void)
{
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, nothing, NULL);

    if (!rc)
        (void)pthread_join(thread, NULL);
    return rc;
}

static int try_ptrace(void)
{
    return outcome(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int try_read_memory(void)
{
    return outcome(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}

static int try_kill(void)
{
    return outcome(kill(getppid(), 0));
}

static int try_exec_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? errno
               : 0;
}

static int try_memory(void)
{
    return mmap(NULL, 1 << 22, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                   MAP_FAILED
               ? errno
               : 0;
}

static int try_prctl(void)
{
    return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int try_unshare(void)
{
    return outcome(syscall(SYS_unshare, 0x10000000));
}

static int try_bpf(void)
{
    return outcome(syscall(SYS_bpf, 0, NULL, 0));
}

static int try_limit(void)
{
    struct rlimit limit = { 1, 1 };

    return outcome(setrlimit(RLIMIT_NOFILE, &limit));
}

static int try_pair(void)
{
    int pair[2];

    return outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

enum { DIES = -1 };

/* clang-format off */
static const struct {
    const char *label;
    int (*try)(void);
    int keeper, front; /* 0, an errno, or DIES */
} calls[] = {
    { "nothing",               try_nothing,     0,    0      },
    { "memory",                try_memory,      0,    0      },
    { "a thread",              try_thread,      DIES, 0      },
    { "open the root key",     try_open_key,    DIES, EACCES },
    { "open the store again",  try_open_store,  DIES, EACCES },
    { "make a file",           try_make,        DIES, EACCES },
    { "truncate a file",       try_truncate,    DIES, DIES   },
    { "openat2",               try_open2,       DIES, DIES   },
    { "a socket",              try_socket,      DIES, EACCES },
    { "a socket pair",         try_pair,        DIES, DIES   },
    { "run a program",         try_exec,        DIES, DIES   },
    { "fork",                  try_fork,        DIES, DIES   },
    { "ptrace",                try_ptrace,      DIES, DIES   },
    { "read another's memory", try_read_memory, DIES, DIES   },
    { "a signal",              try_kill,        DIES, DIES   },
    { "executable memory",     try_exec_memory, DIES, DIES   },
    { "become dumpable",       try_prctl,       DIES, DIES   },
    { "unshare",               try_unshare,     DIES, DIES   },
    { "bpf",                   try_bpf,         DIES, DIES   },
    { "set a limit",           try_limit,       DIES, DIES   },
};

/* What Landlock does alone; by the ABI that is pretended: 0, 2, the newest. */
static const struct {
    const char *label;
    int (*try)(void);
    int want[3];
} files[] = {
    { "open the root key",    try_open_key,   { 0, EACCES, EACCES } },
    { "open a named file",    try_open_store, { 0, 0,      0      } },
    { "make a file",          try_make,       { 0, EACCES, EACCES } },
    { "run a program",        try_exec,       { 0, EACCES, EACCES } },
    { "truncate a file",      try_truncate,   { 0, 0,      EACCES } }, /* from ABI 3 on */
    { "a socket",             try_socket,     { 0, 0,      0      } },
    { "signal the parent",    try_kill,       { 0, 0,      EPERM  } }, /* from ABI 6 on */
    { "ptrace the parent",    try_ptrace,     { 0, EPERM,  EPERM  } },
};
/* clang-format on */

static int wait_for(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS ? DIES : 1000 + WTERMSIG(status);
    return WEXITSTATUS(status);
}

static int run_call(size_t i, enum sandbox_process process, bool log_only)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct sandbox_options options = {
            .process = process, .log_only = log_only, .landlock_abi = 0, .file_count = 0
        };
        struct sandbox_level level = { 0 };
        struct err e = { 0 };

        if (sandbox_become((uid_t)-1, (gid_t)-1, &e) || sandbox_enter(&options, &level, &e))
            _exit(200);
        _exit(calls[i].try());
    }
    return wait_for(pid);
}

static void test_calls(void **state)
{
    (void)state;
    if (SANITIZED) {
        not_here("a sanitizer's run time makes calls of its own");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        int keeper = run_call(i, SANDBOX_KEEPER, false);
        int front = run_call(i, SANDBOX_FRONT, false);

        if (keeper != calls[i].keeper || front != calls[i].front)
            fail_msg("%s: keeper %d, front %d", calls[i].label, keeper, front);
    }
    /* What is only logged is done. */
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        if (calls[i].try == try_socket)
            assert_int_equal(run_call(i, SANDBOX_KEEPER, true), 0);
}

/* The keeper's own list, and nothing of the front's but what it shares. */
static void test_keeper_list(void **state)
{
    static const char *const wanted[] = {
#define NAME(name) #name,
        KEEPER_SYSCALLS(NAME)
#undef NAME
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        bool found = false;

        for (const struct sandbox_call *c = sandbox_calls; c->name; c++)
            found = found || (strcmp(c->name, wanted[i]) == 0 && c->action == SANDBOX_ALLOW &&
                              (c->processes & 1u << SANDBOX_KEEPER));
        if (!found)
            fail_msg("the keeper calls %s", wanted[i]);
    }
}

static int run_file(size_t i, int abi)
{
    pid_t pid = fork();

    if (pid == 0) {
        int file = open(store, O_PATH | O_CLOEXEC);
        struct err e = { 0 };

        if (file < 0 || landlock_enter(landlock_abi(abi), &file, 1, &e)) {
            fprintf(stderr, "%s\n", err_text(&e));
            _exit(200);
        }
        _exit(files[i].try());
    }
    return wait_for(pid);
}

static void test_files(void **state)
{
    static const int abis[] = { 0, 2, -1 };

    (void)state;
    if (landlock_abi(-1) < LANDLOCK_KNOWN) {
        not_here("this kernel's Landlock is older than ours");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        for (size_t k = 0; k < ARRAY_LEN(abis); k++) {
            int got = run_file(i, abis[k]);

            (void)unlink("new");
            if (got != files[i].want[k])
                fail_msg("%s at ABI %d: %d", files[i].label, abis[k], got);
        }
}

/* TCP, from ABI 4 on: neither bound nor connected to. */
static void test_network(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    pid_t pid;

    (void)state;
    if (landlock_abi(-1) < 4) {
        not_here("this kernel's Landlock knows no network");
        return;
    }
    pid = fork();
    if (pid == 0) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (landlock_enter(landlock_abi(-1), NULL, 0, NULL))
            _exit(200);
        if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno != EACCES)
            _exit(1);
        address.sin_port = htons(1);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno != EACCES)
            _exit(2);
        _exit(0);
    }
    assert_int_equal(wait_for(pid), 0);
}

/* Another user for good, without groups or capabilities, not to be looked into. */
static void test_become(void **state)
{
    pid_t pid;

    (void)state;
    if (geteuid() != 0) {
        not_here("needs root");
        return;
    }
    pid = fork();
    if (pid == 0) {
        gid_t groups[4];

        struct err e = { 0 };

        if (sandbox_become(12345, 23456, &e)) {
            fprintf(stderr, "%s\n", err_text(&e));
            _exit(200);
        }
        if (getuid() != 12345 || getegid() != 23456 || getgroups(4, groups) != 0)
            _exit(1);
        if (setuid(0) == 0 || prctl(PR_GET_DUMPABLE) != 0 ||
            prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
            _exit(2);
        _exit(try_open_key() == EACCES ? 0 : 3);
    }
    assert_int_equal(wait_for(pid), 0);
}

/* Nothing but a loopback that is down. */
static void test_leave_network(void **state)
{
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                       .sin_port = htons(9) };

        if (!sandbox_leave_network())
            _exit(100);
        if (connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address) ==
                0 ||
            errno != ENETUNREACH)
            _exit(1);
        _exit(0);
    }
    switch (wait_for(pid)) {
    case 0:
        return;
    case 100:
        not_here("this kernel lets us make no network namespace");
        return;
    default:
        fail();
    }
}

static void test_describe(void **state)
{
    /* clang-format off */
    static const struct { struct sandbox_level level; const char *want; } cases[] = {
        { { .seccomp = true, .landlock = 6 },                          "seccomp, landlock 6, no network" },
        { { .seccomp = true, .network = true },                        "seccomp, no landlock" },
        { { .seccomp = true, .log_only = true, .landlock = 2 },        "seccomp logs, landlock 2, no network" },
        { { .network = true },                                         "no seccomp, no landlock" },
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };

        sandbox_describe(&out, &cases[i].level);
        assert_string_equal(buf_str(&out), cases[i].want);
    }
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(store, sizeof store, "%s/store.db", folder);
    (void)snprintf(key, sizeof key, "%s/root.key", folder);
    write_bytes(store, "x", 1);
    write_bytes(key, "x", 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return remove_tree(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),    cmocka_unit_test(test_keeper_list),
        cmocka_unit_test(test_files),    cmocka_unit_test(test_network),
        cmocka_unit_test(test_become),   cmocka_unit_test(test_leave_network),
        cmocka_unit_test(test_describe),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
