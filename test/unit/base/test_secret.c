#include "unit.h"

#include "base/secret.h"
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_alloc(void **state)
{
    CLEANUP(secret_clear) struct secret s = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(secret_alloc(&s, 32, &e), 0);
    assert_int_equal(s.len, 32);
    assert_true(s.mapped >= 32 && s.mapped % (size_t)sysconf(_SC_PAGESIZE) == 0);
    for (size_t i = 0; i < s.len; i++)
        assert_int_equal(s.ptr[i], 0);
    assert_int_equal(secret_slice(&s).len, 32);
    secret_clear(&s);
    assert_null(s.ptr);
    secret_clear(&s);
}

/* A failure leaves the old secret where it was. */
static void test_too_long(void **state)
{
    CLEANUP(secret_clear) struct secret s = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(secret_copy(&s, slice_str("seed"), &e), 0);
    assert_int_equal(secret_alloc(&s, SIZE_MAX, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_int_equal(secret_alloc(&s, SIZE_MAX / 2, &e), -1);
    assert_int_equal(e.code, ERR_IO);
    assert_true(slice_eq_str(secret_slice(&s), "seed"));
}

static void test_copy(void **state)
{
    CLEANUP(secret_clear) struct secret s = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(secret_copy(&s, slice_str("seed of all"), &e), 0);
    assert_int_equal(secret_copy(&s, slice_of(s.ptr + 5, 2), &e), 0); /* out of itself */
    assert_true(slice_eq_str(secret_slice(&s), "of"));
    assert_int_equal(secret_copy(&s, (struct slice){ 0 }, &e), 0);
    assert_int_equal(s.len, 0);
}

/* The kernel's own word for the mapping: "dd" is DONTDUMP, "wf" WIPEONFORK. */
static void test_flags(void **state)
{
    CLEANUP(secret_clear) struct secret s = { 0 };
    struct err e = { 0 };
    char line[512];
    unsigned long from, to;
    bool inside = false, found = false;
    FILE *maps = fopen("/proc/self/smaps", "r");

    (void)state;
    if (!maps)
        skip();
    assert_int_equal(secret_alloc(&s, 32, &e), 0);
    while (!found && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = from <= (uintptr_t)s.ptr && (uintptr_t)s.ptr < to;
        if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            found = true;
            assert_non_null(strstr(line, " dd"));
            assert_non_null(strstr(line, " wf"));
        }
    }
    fclose(maps);
    if (!found)
        skip();
}

static void test_wiped_in_a_child(void **state)
{
    CLEANUP(secret_clear) struct secret s = { 0 };
    struct err e = { 0 };
    int status;
    pid_t child;

    (void)state;
    assert_int_equal(secret_copy(&s, slice_str("seed"), &e), 0);
    child = fork();
    if (child == 0)
        _exit(s.ptr[0] | s.ptr[1] | s.ptr[2] | s.ptr[3] ? 1 : 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(slice_eq_str(secret_slice(&s), "seed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_wiped_in_a_child),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
