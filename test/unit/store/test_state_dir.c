#include "store/helper.h"

#include "base/clock.h"
#include "store/state_dir.h"
#include <sys/file.h>
#include <sys/wait.h>

static int open_dir(struct state_dir **dir, const char *path, bool create, enum state_lock lock,
                    struct err *e)
{
    struct state_dir_options options = {
        .path = path, .create = create, .lock = lock, .wait_ms = 60
    };

    return state_dir_open(dir, &options, e);
}

static int try_dir(const char *path, bool create, struct err *e)
{
    CLEANUP(state_dir_closep) struct state_dir *dir = NULL;

    return open_dir(&dir, path, create, STATE_SHARED, e);
}

static void test_open(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "a/state"), *link = path_in(state, "link");
    CLEANUP(freep) char *store = path_in(state, "a/state/store.db"), *file = path_in(state, "file");
    struct state_dir *dir = NULL;
    struct stat info;
    struct err e = { 0 };

    assert_err(try_dir(path, false, &e), ERR_NOT_FOUND);
    assert_ok(open_dir(&dir, path, true, STATE_SHARED, &e));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    assert_string_equal(state_dir_path(dir), path);
    assert_string_equal(state_dir_store(dir), store);
    state_dir_close(dir);
    assert_ok(try_dir(path, false, &e));
    assert_int_equal(symlink(path, link), 0);
    assert_ok(try_dir(link, false, &e));
    write_bytes(file, "", 0);
    assert_err(try_dir(file, true, &e), ERR_IO);
}

static void test_modes(void **state)
{
    const mode_t bad[] = { 0750, 0705, 0710, 0720, 0701, 0777, 01770 };
    const mode_t bad_files[] = { 0640, 0604, 0620, 0602, 0666 };
    CLEANUP(freep) char *path = path_in(state, "s"), *key = path_in(state, "s/root.key");
    struct err e = { 0 };

    assert_ok(try_dir(path, true, &e));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(chmod(path, bad[i]), 0);
        assert_err(try_dir(path, true, &e), ERR_REFUSED);
        assert_non_null(strstr(e.msg, "chmod"));
    }
    assert_int_equal(chmod(path, 0700), 0);
    write_bytes(key, "k", 1);
    for (size_t i = 0; i < ARRAY_LEN(bad_files); i++) {
        assert_int_equal(chmod(key, bad_files[i]), 0);
        assert_err(try_dir(path, true, &e), ERR_REFUSED);
        assert_non_null(strstr(e.msg, "root.key"));
    }
    assert_int_equal(chmod(key, 0400), 0);
    assert_ok(try_dir(path, true, &e));
}

static void test_owner(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "s"), *link = path_in(state, "link");
    CLEANUP(freep) char *key = path_in(state, "s/root.key");
    struct err e = { 0 };

    if (geteuid() != 0) {
        not_here("it takes root");
        return;
    }
    assert_ok(try_dir(path, true, &e));
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(lchown(link, 65534, 65534), 0);
    assert_err(try_dir(link, true, &e), ERR_REFUSED);
    write_bytes(key, "k", 1);
    assert_int_equal(chown(key, 65534, 65534), 0);
    assert_err(try_dir(path, true, &e), ERR_REFUSED);
    assert_int_equal(unlink(key), 0);
    assert_int_equal(chown(path, 65534, 65534), 0);
    assert_err(try_dir(path, true, &e), ERR_REFUSED);
    assert_non_null(strstr(e.msg, "belongs to user 65534"));
}

static void test_lock(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "s");
    CLEANUP(state_dir_closep) struct state_dir *one = NULL, *two = NULL, *three = NULL;
    struct err e = { 0 };
    int64_t start;

    assert_ok(open_dir(&one, path, true, STATE_SHARED, &e));
    assert_ok(open_dir(&two, path, true, STATE_SHARED, &e));
    start = clock_monotonic_ms();
    assert_err(open_dir(&three, path, true, STATE_EXCLUSIVE, &e), ERR_BUSY);
    assert_in_range(clock_monotonic_ms() - start, 55, 2000);
    state_dir_close(one);
    state_dir_close(two);
    one = two = NULL;
    assert_ok(open_dir(&three, path, true, STATE_EXCLUSIVE, &e));
    assert_err(open_dir(&one, path, true, STATE_SHARED, &e), ERR_BUSY);
    assert_err(open_dir(&two, path, true, STATE_EXCLUSIVE, &e), ERR_BUSY);
    assert_null(one);
}

/* Beside a daemon no lock is wanted; what a killed one left behind says nothing to the next. */
static void test_beside(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "s");
    CLEANUP(freep) char *mark = xasprintf("%s/" STATE_DAEMON, path);
    CLEANUP(state_dir_closep) struct state_dir *daemon = NULL, *beside = NULL;
    struct err e = { 0 };

    assert_ok(open_dir(&daemon, path, true, STATE_EXCLUSIVE, &e));
    assert_err(open_dir(&beside, path, true, STATE_BESIDE, &e), ERR_BUSY); /* it does not serve */
    write_bytes(mark, "{}", 2);
    assert_int_equal(chmod(mark, 0600), 0);
    assert_ok(open_dir(&beside, path, true, STATE_BESIDE, &e));
    state_dir_close(daemon);
    daemon = NULL;
    assert_ok(open_dir(&daemon, path, true, STATE_EXCLUSIVE, &e)); /* nor does it hold one off */
    assert_int_equal(access(mark, F_OK), -1);
    state_dir_close(daemon);
    state_dir_close(beside);
    daemon = beside = NULL;
    assert_ok(open_dir(&beside, path, true, STATE_BESIDE, &e)); /* without a daemon: shared */
    assert_err(open_dir(&daemon, path, true, STATE_EXCLUSIVE, &e), ERR_BUSY);
}

static void count_call(void *ctx)
{
    int *calls = ctx;

    ++*calls;
}

static void test_waiting(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "s"), *lock = path_in(state, "s/lock");
    CLEANUP(state_dir_closep) struct state_dir *dir = NULL;
    int calls = 0, ready[2];
    struct state_dir_options options = { .path = path,
                                         .create = true,
                                         .lock = STATE_SHARED,
                                         .wait_ms = 20000,
                                         .waiting = count_call,
                                         .ctx = &calls };
    struct err e = { 0 };
    pid_t child;
    char byte;

    assert_ok(try_dir(path, true, &e));
    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        int fd = open(lock, O_RDWR);

        if (flock(fd, LOCK_EX) || write(ready[1], "x", 1) != 1)
            _exit(1);
        usleep(1300000);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_ok(state_dir_open(&dir, &options, &e));
    assert_int_equal(calls, 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
}

static void test_keys(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "s"), *key = path_in(state, "s/root.key");
    CLEANUP(state_dir_closep) struct state_dir *dir = NULL;
    CLEANUP(fd_closep) int fd = -1;
    struct stat info;
    struct err e = { 0 };
    char text[8] = "";

    assert_ok(open_dir(&dir, path, true, STATE_EXCLUSIVE, &e));
    assert_err(state_dir_key_open(dir, "root.key", &fd, &e), ERR_NOT_FOUND);
    assert_ok(state_dir_key_write(dir, "root.key.next", slice_str("new"), &e));
    assert_err(state_dir_key_open(dir, "root.key", &fd, &e), ERR_NOT_FOUND);
    assert_ok(state_dir_key_promote(dir, "root.key.next", "root.key", &e));
    assert_err(state_dir_key_promote(dir, "root.key.next", "root.key", &e), ERR_NOT_FOUND);
    assert_ok(state_dir_key_open(dir, "root.key", &fd, &e));
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(read(fd, text, sizeof text - 1), 3);
    assert_string_equal(text, "new");
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    fd_closep(&fd);
    fd = -1;
    assert_int_equal(unlink(key), 0);
    assert_err(state_dir_key_open(dir, "root.key", &fd, &e), ERR_NOT_FOUND);
    assert_int_equal(symlink("/etc/hostname", key), 0);
    assert_err(state_dir_key_open(dir, "root.key", &fd, &e), ERR_IO);
    assert_int_equal(unlink(key), 0);
    assert_int_equal(mkdir(key, 0700), 0);
    assert_err(state_dir_key_open(dir, "root.key", &fd, &e), ERR_INVALID);
}

static int default_as(uid_t user, const char *xdg, const char *home, const char *want)
{
    char *path = NULL;
    struct err e = { 0 };

    if (geteuid() == 0 && user && seteuid(user))
        return 2;
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    if (xdg)
        setenv("XDG_STATE_HOME", xdg, 1);
    if (home)
        setenv("HOME", home, 1);
    if (state_dir_default(&path, &e))
        return want || e.code != ERR_INVALID;
    return !want || strcmp(path, want) != 0;
}

static void test_default(void **state)
{
    static const struct {
        uid_t user;
        const char *xdg, *home, *want;
    } cases[] = {
        { 0, "/x", "/h", "/var/lib/poterne" },
        { 1000, "/x", "/h", "/x/poterne" },
        { 1000, NULL, "/h", "/h/.local/state/poterne" },
        { 1000, "relative", "/h", "/h/.local/state/poterne" },
        { 1000, "", "", NULL },
        { 1000, NULL, NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int status;
        pid_t child;

        if (cases[i].user == 0 && geteuid() != 0)
            continue;
        child = fork();
        if (child == 0)
            _exit(default_as(cases[i].user, cases[i].xdg, cases[i].home, cases[i].want));
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status)
            fail_msg("case %zu: status %d", i, status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(test_open),    folder_test(test_modes),  folder_test(test_owner),
        folder_test(test_lock),    folder_test(test_keys),   folder_test(test_waiting),
        folder_test(test_default), folder_test(test_beside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
