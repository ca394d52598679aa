#include "store/helper.h"

#include "base/clock.h"
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* Several processes on one store, and processes that die at any moment. */

static int insert_pair(struct store_tx *tx, void *ctx, struct err *e)
{
    const char *prefix = ctx;

    for (int i = 0; i < 2; i++) {
        CLEANUP(freep) char *name = xasprintf("%s-%d", prefix, i);
        struct record r = { .kind = "k", .scope = "/", .name = name, .body = "{\"a\":1}" };

        if (store_insert(tx, &r, 1, e))
            return -1;
    }
    return 0;
}

/* Writes pairs until it has `count`, or for ever; *done tells the parent how many are durable. */
static void write_pairs(const char *path, int number, int count, volatile int *done)
{
    struct store_options options = { .path = path, .create = true, .busy_ms = 60000 };
    struct store *store = NULL;
    struct err e = { 0 };

    if (store_open(&store, &options, &e))
        _exit(1);
    for (int i = 0; count == 0 || i < count; i++) {
        CLEANUP(freep) char *prefix = xasprintf("%d-%d-%d", number, (int)getpid(), i);

        if (store_write(store, insert_pair, prefix, &e))
            _exit(2);
        ++*done;
    }
    store_close(store);
    _exit(0);
}

static volatile int *shared_numbers(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(page != MAP_FAILED);
    return page;
}

static void test_two_writers(void **state)
{
    enum { WRITERS = 3, EACH = 150 };
    CLEANUP(freep) char *path = path_in(state, "store.db");
    volatile int *done = shared_numbers();
    pid_t children[WRITERS];
    struct store *store;

    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0)
            write_pairs(path, i, EACH, &done[i]);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    store = open_store(path);
    assert_int_equal(count_of(store, "k", NULL), WRITERS * EACH * 2);
    assert_int_equal(faults_of(store), 0);
    store_close(store);
}

/* Killed at a random moment, again and again: what was acknowledged is there, and nothing by
 * halves. */
static void test_kill(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "store.db");
    volatile int *done = shared_numbers();
    int killed_while_writing = 0;

    for (int round = 0; round < 40; round++) {
        unsigned char noise;
        struct store *store;
        int64_t count;
        int before = *done, status;
        pid_t child = fork();

        if (child == 0)
            write_pairs(path, round, 0, done);
        random_bytes(&noise, 1);
        usleep(1000 + noise * 100U);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        killed_while_writing += *done > before;
        store = open_store(path);
        count = count_of(store, "k", NULL);
        assert_int_equal(count % 2, 0);
        assert_true(count >= *done * 2);
        *done = (int)count / 2; /* one may have become durable without a word */
        if (round % 10 == 9)
            assert_int_equal(faults_of(store), 0);
        store_close(store);
    }
    print_message("# killed %d times while it wrote, %d pairs\n", killed_while_writing, *done);
    assert_true(killed_while_writing > 5);
}

static int hold(struct store_tx *tx, void *ctx, struct err *e)
{
    volatile int *holding = ctx;

    (void)tx;
    (void)e;
    *holding = 1;
    while (*holding == 1)
        usleep(1000);
    return 0;
}

/* A writer waits for another process, and says so when it waited long enough. */
static void test_busy(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "store.db");
    volatile int *holding = shared_numbers();
    struct store_options options = { .path = path, .busy_ms = 150 };
    struct store *store = open_store(path);
    struct step s = { .r = { .kind = "k", .scope = "/", .name = "n", .body = "{}" } };
    struct err e = { 0 };
    int64_t start;
    pid_t child;

    store_close(store); /* SQLite's connections do not survive a fork */
    child = fork();
    if (child == 0) {
        store = open_store(path);
        _exit(store_write(store, hold, (void *)(uintptr_t)holding, &e) ? 1 : 0);
    }
    while (!*holding)
        usleep(1000);
    assert_ok(store_open(&store, &options, &e));
    assert_int_equal(count_of(store, "k", NULL), 0);
    start = clock_monotonic_ms();
    assert_err(store_write(store, step_insert, &s, &e), ERR_BUSY);
    assert_in_range(clock_monotonic_ms() - start, 140, 5000);
    *holding = 2;
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_ok(store_write(store, step_insert, &s, &e));
    store_close(store);
}

static int count_is(struct store_tx *tx, void *ctx, struct err *e)
{
    const int64_t *want = ctx;
    int64_t count;

    return store_count(tx, "k", NULL, &count, e) || count != *want ? -1 : 0;
}

/* In a child, for its mounts are its own: 0 passed, 77 this user may not mount. */
static int full_and_read_only(const char *folder)
{
    CLEANUP(freep) char *path = xasprintf("%s/store.db", folder), *body = xcalloc(1, 20001);
    struct store_options options = { .path = path, .create = true, .busy_ms = 100 };
    struct step s = { .r = { .kind = "k", .scope = "/", .name = "n", .body = body } };
    struct store *store = NULL;
    struct err e = { 0 };
    int64_t before = 0;

    memset(body, ' ', 20000);
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", folder, "tmpfs", 0, "size=300k,mode=0700"))
        return 77;
    if (store_open(&store, &options, &e))
        return 1;
    for (;;) {
        CLEANUP(freep) char *name = xasprintf("n%lld", (long long)before);

        s.r.name = name;
        s.r.uid[0] = '\0';
        if (store_write(store, step_insert, &s, &e))
            break;
        before++;
    }
    if (e.code != ERR_IO || !strstr(e.msg, "disk is full") || before < 2)
        return 2;
    store_close(store);
    if (store_open(&store, &options, &e) || store_read(store, count_is, &before, &e))
        return 3;
    store_close(store);
    if (mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL))
        return 4;
    if (store_open(&store, &options, &e)) /* reading may work or not, but nothing may be lost */
        return e.code == ERR_IO && strstr(e.msg, "read-only") ? 0 : 5;
    s.r.uid[0] = '\0';
    s.r.name = "late";
    return store_write(store, step_insert, &s, &e) && e.code == ERR_IO && strstr(e.msg, "read-only")
               ? 0
               : 6;
}

static void test_full_disk(void **state)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(full_and_read_only(*state));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        not_here("it takes root, or a user namespace, to mount");
    else
        assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(test_two_writers),
        folder_test(test_kill),
        folder_test(test_busy),
        folder_test(test_full_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
