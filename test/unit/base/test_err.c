#include "unit.h"

#include "base/err.h"
#include <errno.h>
#include <string.h>

/* clang-format off */
static const struct {
    enum err_code code;
    const char *name;
    int http_status, exit_code;
} kinds[] = {
    { ERR_NONE,        "none",        200, 0 },
    { ERR_INVALID,     "invalid",     400, 2 },
    { ERR_NOT_FOUND,   "not-found",   404, 3 },
    { ERR_CONFLICT,    "conflict",    409, 4 },
    { ERR_REFUSED,     "refused",     403, 5 },
    { ERR_ANONYMOUS,   "anonymous",   401, 5 },
    { ERR_LIMIT,       "limit",       413, 1 },
    { ERR_RATE,        "rate",        429, 1 },
    { ERR_UNREACHABLE, "unreachable", 503, 8 },
    { ERR_CORRUPT,     "corrupt",     500, 1 },
    { ERR_BUSY,        "busy",        503, 1 },
    { ERR_IO,          "io",          500, 1 },
    { ERR_INTERNAL,    "internal",    500, 1 },
    { ERR_METHOD, "method", 405, 2 },
    { ERR_TYPE, "type", 415, 2 },
    { ERR_ACCEPT, "accept", 406, 2 },
    { ERR_STALE, "stale", 412, 4 },
    { ERR_GONE, "gone", 410, 3 },
    { ERR_REUSED, "reused", 422, 4 },
};
/* clang-format on */

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(kinds), ERR_CODES);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct err_kind *kind = err_kind(kinds[i].code);

        assert_string_equal(kind->name, kinds[i].name);
        assert_int_equal(kind->http_status, kinds[i].http_status);
        assert_int_equal(kind->exit_code, kinds[i].exit_code);
        assert_true(kind->title[0] != '\0');
        assert_int_equal(err_code_of_name(kinds[i].name), kinds[i].code);
    }
    assert_int_equal(err_code_of_name("no-such-word"), ERR_INTERNAL);
    assert_int_equal(err_code_of_name(NULL), ERR_INTERNAL);
}

static void test_set_and_wrap(void **state)
{
    struct err e = { 0 };

    (void)state;
    assert_int_equal(err_set(&e, ERR_CONFLICT, "cluster '%s' exists", "demo"), -1);
    assert_int_equal(err_wrap(&e, "create %d", 7), -1);
    assert_string_equal(err_text(&e), "create 7: cluster 'demo' exists");
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_int_equal(err_set(NULL, ERR_IO, "nobody listens"), -1);
    assert_int_equal(err_wrap(NULL, "nobody listens"), -1);
    assert_int_equal(err_errno(NULL, "nobody listens"), -1);
}

static void test_field(void **state)
{
    struct err e = { 0 };

    (void)state;
    err_set(&e, ERR_INVALID, "not a CSR");
    assert_string_equal(e.field, "");
    assert_int_equal(err_field(&e, "csr"), -1);
    assert_string_equal(e.field, "csr");
    err_wrap(&e, "items");
    assert_string_equal(e.field, "csr");
    assert_int_equal(err_field(&e, "items"), -1);
    assert_string_equal(e.field, "items.csr");
    err_set(&e, ERR_IO, "another");
    assert_string_equal(e.field, "");
    err_field(&e, "x\x1b[31m");
    assert_string_equal(e.field, "x?[31m");
    assert_int_equal(err_field(NULL, "csr"), -1);
}

static void test_pass(void **state)
{
    struct err e = { .code = ERR_INVALID, .msg = "another" }, why = { 0 };

    (void)state;
    err_set(&why, ERR_BUSY, "locked");
    assert_int_equal(err_pass(&e, &why), -1);
    assert_int_equal(e.code, ERR_BUSY);
    assert_string_equal(e.msg, "locked");
    assert_int_equal(err_pass(NULL, &why), -1);
}

static void test_wrap_of_nothing(void **state)
{
    struct err e = { 0 };

    (void)state;
    assert_string_equal(err_text(&e), "No error");
    err_wrap(&e, "context");
    assert_int_equal(e.code, ERR_INTERNAL);
    assert_string_equal(err_text(NULL), "No error");
}

static void test_arguments_may_be_the_message(void **state)
{
    struct err e = { 0 };

    (void)state;
    err_set(&e, ERR_INVALID, "inner");
    err_set(&e, ERR_REFUSED, "outer %s, %s", e.msg, e.msg);
    assert_string_equal(err_text(&e), "outer inner, inner");
    assert_int_equal(e.code, ERR_REFUSED);
}

static void test_long_messages_are_cut(void **state)
{
    struct err e = { 0 };
    char name[2000];

    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    err_set(&e, ERR_INVALID, "%s", name);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    err_wrap(&e, "%s", "context");
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    assert_memory_equal(e.msg, "context: nnn", 12);
    err_wrap(&e, "%s", name);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
}

/* What a peer sent can neither move a terminal's cursor nor start a new line of a log. */
static void test_messages_are_safe(void **state)
{
    struct err e = { 0 };

    (void)state;
    err_set(&e, ERR_INVALID, "name '%s'",
            "a\nb\x1b[31m\xc2\x9b"
            "c\xe2\x80\xae\xff\xc3");
    assert_string_equal(err_text(&e), "name 'a?b?[31m?c?\?\?'");
    err_set(&e, ERR_INVALID, "name '%s'", "Gen\xc3\xa8ve");
    assert_string_equal(err_text(&e), "name 'Gen\xc3\xa8ve'");
}

static void test_errno(void **state)
{
    struct err e = { 0 };

    (void)state;
    errno = ENOENT;
    assert_int_equal(err_errno(&e, "open '%s'", "/x"), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_string_equal(e.msg, "open '/x': No such file or directory");
    errno = ENOSPC;
    err_errno(&e, "write '%s'", "/x");
    assert_int_equal(e.code, ERR_IO);
    assert_string_equal(e.msg, "write '/x': No space left on device");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_set_and_wrap),
        cmocka_unit_test(test_field),
        cmocka_unit_test(test_pass),
        cmocka_unit_test(test_wrap_of_nothing),
        cmocka_unit_test(test_arguments_may_be_the_message),
        cmocka_unit_test(test_long_messages_are_cut),
        cmocka_unit_test(test_messages_are_safe),
        cmocka_unit_test(test_errno),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
