#include "unit.h"

#include "base/cleanup.h"
#include "base/slice.h"

/* clang-format off */
static const struct { const char *a, *b; bool same; } pairs[] = {
    { "",    "",    true  },
    { "",    "a",   false },
    { "a",   "",    false },
    { "abc", "abc", true  },
    { "abc", "abd", false },
    { "ab",  "abc", false },
    { "b",   "abc", false },
};
/* clang-format on */

static void test_compare(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct slice a = slice_str(pairs[i].a), b = slice_str(pairs[i].b);

        assert_int_equal(slice_eq(a, b), pairs[i].same);
        assert_int_equal(slice_eq_str(a, pairs[i].b), pairs[i].same);
        assert_int_equal(slice_eq_secret(a, b), pairs[i].same);
    }
}

static void test_nothing(void **state)
{
    struct slice none = { 0 }, head;

    (void)state;
    assert_true(slice_eq(none, slice_str("")) && slice_eq(none, slice_str(NULL)));
    assert_true(slice_eq_secret(none, none) && slice_eq_str(none, ""));
    assert_true(slice_starts(none, "") && slice_ends(none, ""));
    assert_false(slice_starts(none, "a") || slice_ends(none, "a") || slice_has_nul(none));
    assert_false(slice_cut(&none, 'a', &head));
    assert_int_equal(slice_trim(none).len, 0);
}

static void test_ends(void **state)
{
    struct slice s = slice_str("system:node:web");

    (void)state;
    assert_true(slice_starts(s, "system:") && slice_ends(s, ":web"));
    assert_true(slice_starts(s, "system:node:web") && slice_ends(s, "system:node:web"));
    assert_false(slice_starts(s, "system:node:web1") || slice_ends(s, "1system:node:web"));
    assert_false(slice_starts(s, "node") || slice_ends(s, "node"));
    assert_true(slice_is_zero(slice_of("\0\0", 2)) && slice_is_zero(slice_of(NULL, 0)));
    assert_false(slice_is_zero(slice_of("\0\1", 2)));
    assert_true(slice_has_nul(slice_of("a\0b", 3)));
    assert_false(slice_has_nul(slice_of("a\0b", 1)));
}

static void test_cut(void **state)
{
    struct slice s = slice_str("a..b"), head;

    (void)state;
    assert_true(slice_cut(&s, '.', &head) && slice_eq_str(head, "a") && slice_eq_str(s, ".b"));
    assert_true(slice_cut(&s, '.', &head) && slice_eq_str(head, "") && slice_eq_str(s, "b"));
    assert_false(slice_cut(&s, '.', &head));
    assert_true(slice_eq_str(s, "b") && slice_eq_str(head, ""));
}

static void test_trim(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "", "" },
        { " \t\r\n", "" },
        { "a", "a" },
        { " a b\n", "a b" },
        { "\v\fa\xc2\xa0", "a\xc2\xa0" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(slice_eq_str(slice_trim(slice_str(cases[i].text)), cases[i].want));
}

static void test_dup(void **state)
{
    CLEANUP(freep) char *copy = slice_dup(slice_of("abcd", 3));
    CLEANUP(freep) char *empty = slice_dup((struct slice){ 0 });

    (void)state;
    assert_string_equal(copy, "abc");
    assert_string_equal(empty, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare), cmocka_unit_test(test_nothing), cmocka_unit_test(test_ends),
        cmocka_unit_test(test_cut),     cmocka_unit_test(test_trim),    cmocka_unit_test(test_dup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
