#include "store/helper.h"

#include "store/file.h"
#include <signal.h>
#include <sys/wait.h>

static void expect(const char *path, const char *text)
{
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    struct err e = { 0 };

    assert_ok(file_read(&bytes, path, 1 << 20, &e));
    assert_string_equal(buf_str(&bytes), text);
}

static mode_t mode_of(const char *path)
{
    struct stat info;

    assert_int_equal(lstat(path, &info), 0);
    return info.st_mode & 07777;
}

static void test_read(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "f"), *pipe = path_in(state, "p");
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct err e = { 0 };

    assert_err(file_read(&out, path, 100, &e), ERR_NOT_FOUND);
    assert_err(file_read(&out, *state, 100, &e), ERR_INVALID);
    assert_err(file_read(&out, "/dev/zero", 100, &e), ERR_INVALID);
    write_bytes(path, "", 0);
    assert_ok(file_read(&out, path, 0, &e));
    assert_int_equal(out.len, 0);
    write_bytes(path, "12345", 5);
    assert_ok(file_read(&out, path, 5, &e));
    assert_int_equal(out.len, 5);
    assert_err(file_read(&out, path, 4, &e), ERR_LIMIT);
    assert_ok(file_read(&out, path, 5, &e)); /* appends */
    assert_int_equal(out.len, 10);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_ok(file_read(&out, pipe, 5, &e)); /* nobody writes: empty, and no wait */
    /* A file whose size says nothing. */
    assert_err(file_read(&out, "/proc/self/smaps", 10, &e), ERR_LIMIT);
    assert_ok(file_read(&out, "/proc/self/smaps", 1 << 24, &e));
}

static void test_replace(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "f"), *temporary = path_in(state, ".f.poterne-new");
    CLEANUP(freep) char *none = path_in(state, "no/f"), *folder = path_in(state, "d");
    struct err e = { 0 };

    assert_ok(file_replace(path, slice_str("one"), 0640, &e));
    expect(path, "one");
    assert_int_equal(mode_of(path), 0640);
    assert_ok(file_replace(path, slice_str("two"), 0600, &e));
    expect(path, "two");
    assert_int_equal(mode_of(path), 0600);
    assert_err(file_replace(none, slice_str("x"), 0600, &e), ERR_NOT_FOUND);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_err(file_replace(folder, slice_str("x"), 0600, &e), ERR_IO);
    /* What a crash left is no obstacle, be it a file, a link or half of ours. */
    write_bytes(temporary, "garbage that is longer", 22);
    assert_ok(file_replace(path, slice_str("three"), 0600, &e));
    expect(path, "three");
    assert_int_equal(symlink(folder, temporary), 0);
    assert_ok(file_replace(path, slice_str("four"), 0600, &e));
    expect(path, "four");
    assert_int_equal(access(temporary, F_OK), -1);
}

static void test_create(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "f"), *temporary = path_in(state, ".f.poterne-new");
    struct err e = { 0 };

    assert_ok(file_create(path, slice_str("one"), 0600, &e));
    expect(path, "one");
    assert_err(file_create(path, slice_str("two"), 0600, &e), ERR_CONFLICT);
    expect(path, "one");
    assert_int_equal(access(temporary, F_OK), -1);
}

static void test_replace_all(void **state)
{
    enum { FILES = 450 };
    CLEANUP(freep) char *folder = path_in(state, "a/b/c");
    struct file_item items[FILES];
    struct err e = { 0 };

    assert_ok(file_make_folders(folder, 0700, &e));
    assert_ok(file_make_folders(folder, 0700, &e));
    for (int i = 0; i < FILES; i++) {
        char *path = xasprintf("%s/%s/f%d", (char *)*state, i % 2 ? "a/b" : "a/b/c", i);

        items[i] = (struct file_item){ path, slice_str(path), i % 3 ? 0644 : 0600 };
    }
    assert_ok(file_replace_all(items, FILES, &e));
    for (int i = 0; i < FILES; i++) {
        expect(items[i].path, items[i].path);
        assert_int_equal(mode_of(items[i].path), items[i].mode);
    }
    /* One that cannot be written: none of the new ones has come, and no temporary stays. */
    for (int i = 0; i < 10; i++)
        items[i].bytes = slice_str("new");
    free((char *)(uintptr_t)items[9].path);
    items[9].path = xasprintf("%s/none/f", (char *)*state);
    assert_err(file_replace_all(items, 10, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.msg, "none/f"));
    for (int i = 0; i < 9; i++) {
        CLEANUP(freep)
        char *temporary =
            xasprintf("%s/%s/.f%d.poterne-new", (char *)*state, i % 2 ? "a/b" : "a/b/c", i);

        expect(items[i].path, items[i].path);
        assert_int_equal(access(temporary, F_OK), -1);
    }
    for (int i = 0; i < FILES; i++)
        free((char *)(uintptr_t)items[i].path);
    assert_ok(file_replace_all(items, 0, &e));
}

static void test_folders(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "x//y/z/"), *file = path_in(state, "f");
    CLEANUP(freep) char *below = path_in(state, "f/g"), *made = path_in(state, "x/y");
    struct err e = { 0 };

    assert_ok(file_make_folders(path, 0750, &e));
    assert_int_equal(mode_of(made), 0750);
    write_bytes(file, "", 0);
    assert_err(file_make_folders(file, 0700, &e), ERR_INVALID);
    assert_err(file_make_folders(below, 0700, &e), ERR_INVALID);
    assert_err(file_make_folders("", 0700, &e), ERR_INVALID);
    assert_ok(file_make_folders("/", 0700, &e));
}

/* Many processes write the same files; each file is always whole, and one writer's. */
static void write_again_and_again(char *const *paths, char letter)
{
    char text[2][8192];
    struct file_item items[2];
    struct err e = { 0 };

    for (int i = 0; i < 2; i++) {
        memset(text[i], letter, sizeof text[i]);
        items[i] = (struct file_item){ paths[i], slice_of(text[i], sizeof text[i]), 0600 };
    }
    for (int turn = 0; turn < 100; turn++)
        if (file_replace_all(items, 2, &e))
            _exit(1);
    _exit(0);
}

static void expect_whole(const char *path)
{
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    struct err e = { 0 };

    assert_ok(file_read(&bytes, path, 1 << 20, &e));
    assert_int_equal(bytes.len, 8192);
    for (size_t i = 1; i < bytes.len; i++)
        assert_int_equal(bytes.ptr[i], bytes.ptr[0]);
}

static void test_at_once(void **state)
{
    enum { WRITERS = 4 };
    char *paths[2] = { path_in(state, "f"), path_in(state, "g") };
    pid_t children[WRITERS];
    int left = WRITERS;

    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0)
            write_again_and_again(paths, (char)('a' + i));
    }
    while (left > 0) {
        int status;

        if (waitpid(-1, &status, WNOHANG) > 0) {
            assert_int_equal(status, 0);
            left--;
        } else if (access(paths[1], F_OK) == 0) {
            expect_whole(paths[0]);
            expect_whole(paths[1]);
        }
    }
    free(paths[0]);
    free(paths[1]);
}

/* Killed anywhere: each file is old or new, and the next run clears the temporaries away. */
static void test_kill(void **state)
{
    char *paths[2] = { path_in(state, "f"), path_in(state, "g") };
    CLEANUP(freep)
    char *f = path_in(state, ".f.poterne-new"), *g = path_in(state, ".g.poterne-new");
    struct file_item items[2] = { { paths[0], slice_str("x"), 0600 },
                                  { paths[1], slice_str("x"), 0600 } };
    struct err e = { 0 };
    int stale = 0;

    for (int round = 0; round < 60; round++) {
        unsigned char noise;
        pid_t child = fork();

        if (child == 0)
            write_again_and_again(paths, (char)('a' + round % 26));
        random_bytes(&noise, 1);
        usleep(500 + noise * 20U);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        stale += access(f, F_OK) == 0 || access(g, F_OK) == 0;
        if (access(paths[0], F_OK) == 0)
            expect_whole(paths[0]);
        if (access(paths[1], F_OK) == 0)
            expect_whole(paths[1]);
    }
    print_message("# %d kills left a temporary\n", stale);
    assert_ok(file_replace_all(items, 2, &e));
    assert_int_equal(access(f, F_OK), -1);
    assert_int_equal(access(g, F_OK), -1);
    free(paths[0]);
    free(paths[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(test_read),    folder_test(test_replace), folder_test(test_create),
        folder_test(test_folders), folder_test(test_at_once), folder_test(test_replace_all),
        folder_test(test_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
