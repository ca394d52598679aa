#include "unit.h"

#include "base/random.h"
#include <pthread.h>
#include <string.h>

enum { THREADS = 4, EACH = 20000 };

static char uids[THREADS][EACH][UID_TEXT];

static void test_bytes(void **state)
{
    unsigned char a[300], b[300], zero[300] = { 0 };

    (void)state;
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    random_bytes(b, 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, zero, sizeof a);
}

static void test_uid_form(void **state)
{
    char uid[UID_TEXT];

    (void)state;
    uid_new(uid);
    assert_int_equal(strlen(uid), 26);
    assert_int_equal(strspn(uid, "0123456789abcdefghjkmnpqrstvwxyz"), 26);
    assert_true(uid[0] <= '7'); /* 128 bits: the first of 26 characters holds three */
}

static void *make(void *row)
{
    char(*mine)[UID_TEXT] = row;

    for (size_t i = 0; i < EACH; i++)
        uid_new(mine[i]);
    return NULL;
}

static int order(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Each thread sees its own rise, and none appears twice among all of them. */
static void test_uid_order(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make, uids[i]), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < THREADS; i++)
        for (size_t k = 1; k < EACH; k++)
            assert_true(strcmp(uids[i][k - 1], uids[i][k]) < 0);
    qsort(uids, (size_t)THREADS * EACH, UID_TEXT, order);
    for (size_t i = 1; i < (size_t)THREADS * EACH; i++)
        assert_true(strcmp(uids[(i - 1) / EACH][(i - 1) % EACH], uids[i / EACH][i % EACH]) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_uid_form),
        cmocka_unit_test(test_uid_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
