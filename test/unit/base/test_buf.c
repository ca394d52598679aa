#include "unit.h"

#include "base/buf.h"

static void test_add(void **state)
{
    CLEANUP(buf_clear) struct buf b = { 0 };

    (void)state;
    assert_string_equal(buf_str(&b), "");
    buf_add(&b, NULL, 0);
    buf_add_str(&b, "ab");
    buf_add_byte(&b, 'c');
    buf_add_slice(&b, slice_str("de"));
    buf_addf(&b, "-%d-%s", 12, "x");
    assert_string_equal(buf_str(&b), "abcde-12-x");
    assert_int_equal(b.len, 10);
    assert_true(slice_eq_str(buf_slice(&b), "abcde-12-x"));
    buf_reset(&b);
    assert_int_equal(b.len, 0);
    assert_non_null(b.ptr);
    assert_int_equal(b.ptr[0], 0);
    assert_string_equal(buf_str(&b), "");
}

static void test_grow(void **state)
{
    CLEANUP(buf_clear) struct buf b = { 0 };

    (void)state;
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&b, (uint8_t)i);
    assert_int_equal(b.len, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.ptr[i], (uint8_t)i);
    buf_reset(&b);
    buf_addf(&b, "%5000d", 1);
    assert_int_equal(b.len, 5000);
    assert_int_equal(b.ptr[4999], '1');
}

static void test_room(void **state)
{
    CLEANUP(buf_clear) struct buf b = { 0 };
    uint8_t *at;

    (void)state;
    buf_add_str(&b, "ab");
    at = buf_room(&b, 3);
    assert_true(at == b.ptr + 2);
    assert_int_equal(b.len, 2);
    memcpy(at, "cde", 3);
    b.len += 3;
    assert_string_equal(buf_str(&b), "abcde");
    assert_non_null(buf_room(&b, 0));
}

/* Once failed, nothing is added any more, and the check says so. */
static void test_limit(void **state)
{
    CLEANUP(buf_clear) struct buf b = { 0 };
    struct err e = { 0 };

    (void)state;
    buf_add_str(&b, "ab");
    assert_int_equal(buf_check(&b, &e), 0);
    assert_null(buf_room(&b, (size_t)BUF_MAX - 1));
    assert_true(b.failed);
    buf_add_str(&b, "cd");
    assert_int_equal(b.len, 2);
    assert_null(buf_room(&b, 1));
    assert_string_equal(buf_str(&b), "");
    assert_int_equal(buf_check(&b, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    buf_reset(&b);
    assert_null(buf_room(&b, SIZE_MAX));
    buf_clear(&b);
    assert_false(b.failed);
    assert_null(b.ptr);
}

static void test_full_to_the_brim(void **state)
{
    CLEANUP(buf_clear) struct buf b = { 0 };

    (void)state;
    assert_non_null(buf_room(&b, BUF_MAX));
    b.len = BUF_MAX;
    assert_true(buf_str(&b) == (const char *)b.ptr);
    assert_int_equal(b.ptr[BUF_MAX], 0); /* there is room for the NUL */
    buf_add_byte(&b, 'x');
    assert_true(b.failed);
}

static void test_take(void **state)
{
    struct buf b = { 0 };
    CLEANUP(freep) char *empty = buf_take_str(&b);
    CLEANUP(freep) char *text = NULL;
    CLEANUP(freep) char *failed = NULL;

    (void)state;
    assert_string_equal(empty, "");
    buf_add_str(&b, "taken");
    text = buf_take_str(&b);
    assert_string_equal(text, "taken");
    assert_null(b.ptr);
    buf_add_str(&b, "lost");
    b.failed = true;
    failed = buf_take_str(&b);
    assert_string_equal(failed, "");
    assert_null(b.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_full_to_the_brim),
        cmocka_unit_test(test_take),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
