#include "unit.h"

#include "base/secret.h"
#include <pthread.h>
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

/* More than are kept protected, in every order: each has its own pages, and gets them wiped. */
static void test_many(void **state)
{
    enum { MANY = 40 };
    struct secret s[MANY] = { 0 };
    struct err e = { 0 };

    (void)state;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = round; i < MANY; i += round + 1) {
            assert_int_equal(secret_alloc(&s[i], 1 + i * 200, &e), 0);
            for (size_t k = 0; k < s[i].len; k++)
                assert_int_equal(s[i].ptr[k], 0);
            memset(s[i].ptr, (int)i + 1, s[i].len);
        }
        for (size_t i = round; i < MANY; i += round + 1)
            for (size_t k = 0; k < s[i].len; k++)
                assert_int_equal(s[i].ptr[k], i + 1);
        for (size_t i = 0; i < MANY; i++)
            secret_clear(&s[(i * 7) % MANY]);
    }
}

static void *use_secrets(void *arg)
{
    const uint8_t *mark = arg;

    for (int i = 0; i < 2000; i++) {
        CLEANUP(secret_clear) struct secret a = { 0 }, b = { 0 };
        struct err e = { 0 };

        if (secret_alloc(&a, 32, &e) || secret_alloc(&b, 64, &e))
            return "allocation failed";
        for (size_t k = 0; k < a.len; k++)
            if (a.ptr[k])
                return "not wiped";
        memset(a.ptr, *mark, a.len);
        memset(b.ptr, *mark, b.len);
        for (size_t k = 0; k < b.len; k++)
            if (a.ptr[k / 2] != *mark || b.ptr[k] != *mark)
                return "shared with another thread";
    }
    return NULL;
}

static void test_threads(void **state)
{
    static uint8_t mark[4] = { 1, 2, 3, 4 };
    pthread_t thread[ARRAY_LEN(mark)];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(mark); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, use_secrets, &mark[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(mark); i++) {
        void *fault;

        assert_int_equal(pthread_join(thread[i], &fault), 0);
        if (fault)
            fail_msg("%s", (const char *)fault);
    }
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
    if (!maps) {
        not_here("there is no /proc/self/smaps");
        return;
    }
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
        not_here("the kernel shows no flags of pages");
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
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_wiped_in_a_child),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
