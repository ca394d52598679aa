#include "unit.h"

#include "access/rate.h"
#include "access/refusal.h"
#include <string.h>

static void rate_end(struct rate **rate)
{
    rate_free(*rate);
}

/* Three at once, then one every 20 s. */
static const struct rate_rule slow = { 3, 3 };

static void test_bucket(void **state)
{
    __attribute__((cleanup(rate_end))) struct rate *rate = rate_new();
    int64_t now = 1000000;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(rate_take(rate, "a", &slow, now), 0);
    assert_int_equal(rate_take(rate, "a", &slow, now), 20000);
    assert_int_equal(rate_take(rate, "b", &slow, now), 0);
    assert_int_equal(rate_take(rate, "a", &slow, now + 19999), 1);
    assert_int_equal(rate_take(rate, "a", &slow, now + 20000), 0);
    assert_int_equal(rate_take(rate, "a", &slow, now + 20000), 20000);
    /* a long rest fills it, and no more than that */
    now += INT64_C(1) << 60;
    for (int i = 0; i < 3; i++)
        assert_int_equal(rate_take(rate, "a", &slow, now), 0);
    assert_int_equal(rate_take(rate, "a", &slow, now), 20000);
    /* a clock that goes back gives nothing */
    assert_int_equal(rate_take(rate, "a", &slow, now - 60000), 20000);
}

static void test_no_limit(void **state)
{
    __attribute__((cleanup(rate_end))) struct rate *rate = rate_new();
    static const struct rate_rule none = { 0 };

    (void)state;
    for (int i = 0; i < 100000; i++)
        assert_int_equal(rate_take(rate, "a", &none, 0), 0);
}

/* Far more callers than places: each still gets its first ones, and nothing grows. */
static void test_many(void **state)
{
    __attribute__((cleanup(rate_end))) struct rate *rate = rate_new();
    char key[RATE_KEY];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        snprintf(key, sizeof key, "caller %d", i);
        assert_int_equal(rate_take(rate, key, &slow, i), 0);
    }
}

static void test_keys(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        { "192.0.2.1", "192.0.2.1", true },
        { "192.0.2.1", "192.0.2.2", false },
        { "2001:db8::1", "2001:db8::ffff:1", true },
        { "2001:db8::1", "2001:db8:0:1::1", false },
        { "", "", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char a[RATE_KEY], b[RATE_KEY];

        rate_address_key(a, "login", rows[i].a);
        rate_address_key(b, "login", rows[i].b);
        if ((strcmp(a, b) == 0) != rows[i].same)
            fail_msg("%s and %s", a, b);
        rate_address_key(b, "anonymous", rows[i].a);
        assert_string_not_equal(a, b);
    }
}

static void test_refusals(void **state)
{
    static struct refusals r;
    struct refusal due;

    (void)state;
    assert_true(refusals_note(&r, "anna", "GET /a", 1000));
    for (int i = 0; i < 5; i++)
        assert_false(refusals_note(&r, "anna", "GET /a", 1010));
    assert_true(refusals_note(&r, "anna", "GET /b", 1010));
    assert_true(refusals_note(&r, "bob", "GET /a", 1010));
    assert_false(refusals_due(&r, 1059, &due));
    assert_true(refusals_due(&r, 1060, &due));
    assert_string_equal(due.principal, "anna");
    assert_string_equal(due.action, "GET /a");
    assert_int_equal(due.more, 5);
    assert_false(refusals_due(&r, 2000, &due));
    assert_true(refusals_note(&r, "anna", "GET /a", 2000));
}

/* Of more sorts than there is room for, all are counted. */
static void test_flood(void **state)
{
    static struct refusals r;
    struct refusal due;
    int64_t written = 0, counted = 0;
    char name[32];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "caller %d", i);
        written += refusals_note(&r, name, "GET /a", 1000);
    }
    assert_int_equal(written, REFUSAL_SLOTS);
    while (refusals_due(&r, INT64_MAX, &due))
        counted += due.more;
    assert_int_equal(written + counted, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bucket),   cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_many),     cmocka_unit_test(test_keys),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_flood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
