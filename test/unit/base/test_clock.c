#include "unit.h"

#include "base/clock.h"

/* clang-format off */
static const struct { int64_t t; const char *text; } times[] = {
    { 0,                         "1970-01-01T00:00:00Z" },
    { -1,                        "1969-12-31T23:59:59Z" },
    { 951782399,                 "2000-02-28T23:59:59Z" },
    { 951782400,                 "2000-02-29T00:00:00Z" },
    { 951868800,                 "2000-03-01T00:00:00Z" },
    { INT64_C(1795397520),       "2026-11-23T01:32:00Z" },
    { INT64_C(2147483647),       "2038-01-19T03:14:07Z" },
    { INT64_C(2147483648),       "2038-01-19T03:14:08Z" },
    { INT64_C(4107542399),       "2100-02-28T23:59:59Z" },
    { INT64_C(4107542400),       "2100-03-01T00:00:00Z" },
    { INT64_C(-2203891200),      "1900-03-01T00:00:00Z" },
    { INT64_C(-62135596800),     "0001-01-01T00:00:00Z" },
    { INT64_C(-62167219200),     "0000-01-01T00:00:00Z" },
    { INT64_C(-62162035201),     "0000-02-29T23:59:59Z" },
    { TIME_MAX,                  "9999-12-31T23:59:59Z" },
};

static const char *const no_times[] = {
    "", "2026-11-23", "2026-11-23T01:32:00", "2026-11-23T01:32:00z", "2026-11-23t01:32:00Z",
    "2026-11-23 01:32:00Z", "2026-11-23T01:32:00+00:00", "2026-11-23T01:32:00.000Z",
    "2026-11-23T01:32:00Z ", "2026-1a-23T01:32:00Z", "2026-00-23T01:32:00Z", "2026-13-23T01:32:00Z",
    "2026-11-00T01:32:00Z", "2026-11-31T01:32:00Z", "2023-02-29T01:32:00Z", "1900-02-29T01:32:00Z",
    "2026-11-23T24:00:00Z", "2026-11-23T23:60:00Z", "2016-12-31T23:59:60Z", "-026-11-23T01:32:00Z",
};

static const struct { const char *text; int64_t seconds; const char *format, *round; } durations[] = {
    { "1s",       1,                "1s",       "1s"       },
    { "90s",      90,               "1m30s",    "1m30s"    },
    { "90m",      5400,             "1h30m",    "1h30m"    },
    { "1h30m",    5400,             "1h30m",    "1h30m"    },
    { "30m1h",    5400,             "1h30m",    "1h30m"    },
    { "8h",       28800,            "8h",       "8h"       },
    { "1h0m",     3600,             "1h",       "1h"       },
    { "007h",     25200,            "7h",       "7h"       },
    { "28799s",   28799,            "7h59m59s", "7h59m"    },
    { "2w",       1209600,          "14d",      "14d"      },
    { "7d",       604800,           "7d",       "7d"       },
    { "90d",      7776000,          "90d",      "90d"      },
    { "3d5h10m",  277800,           "3d5h10m",  "3d5h"     },
    { "364d23h",  31532400,         "364d23h",  "364d"     },
    { "365d",     31536000,         "1y",       "1y"       },
    { "10y",      315360000,        "10y",      "10y"      },
    { "3649d23h", 315356400,        "9y364d23h", "9y364d"  },
    { "1y1s",     31536001,         "1y1s",     "1y"       },
    { "10000y",   INT64_C(315360000000), "10000y", "10000y" },
};

static const char *const no_durations[] = {
    "", "0", "0s", "0h0m", "1", "h", "-1h", "+1h", "1.5h", "1h ", " 1h", "1 h", "1H", "1ms", "1h30",
    "1M", "10001y", "10000y1s", "5000y5000y1s", "9223372036854775807s", "9223372036854775808s",
    "99999999999999999999y", "18446744073709551617s",
};
/* clang-format on */

static void test_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct err e = { 0 };
        int64_t t;

        time_format(&out, times[i].t);
        assert_string_equal(buf_str(&out), times[i].text);
        if (time_parse(&t, slice_str(times[i].text), &e))
            fail_msg("%s: %s", times[i].text, err_text(&e));
        assert_int_equal(t, times[i].t);
    }
}

static void test_times_beyond(void **state)
{
    CLEANUP(buf_clear) struct buf out = { 0 };

    (void)state;
    time_format(&out, INT64_MAX);
    time_format(&out, INT64_MIN);
    assert_string_equal(buf_str(&out), "9999-12-31T23:59:59Z0000-01-01T00:00:00Z");
}

/* Every day of the calendar: the next one is one day later, and the way back leads home. */
static void test_calendar(void **state)
{
    int64_t t = INT64_C(-62167219200);
    struct civil before = { -1, 12, 31, 0, 0, 0 }, c;
    struct err e = { 0 };

    (void)state;
    for (; t <= TIME_MAX; t += 86400) {
        int64_t back;
        bool next;

        civil_of_time(&c, t);
        next = (c.year == before.year && c.month == before.month && c.day == before.day + 1) ||
               (c.day == 1 && before.day >= 28 &&
                c.year * 12 + c.month == before.year * 12 + before.month + 1);
        if (!next || time_of_civil(&back, &c, &e) || back != t)
            fail_msg("%04d-%02d-%02d", c.year, c.month, c.day);
        before = c;
    }
    assert_int_equal(before.year, 9999);
}

static void test_no_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(no_times); i++) {
        struct err e = { 0 };
        int64_t t = 77;

        if (time_parse(&t, slice_str(no_times[i]), &e) == 0)
            fail_msg("'%s' is taken", no_times[i]);
        assert_int_equal(e.code, ERR_INVALID);
        assert_int_equal(t, 77);
    }
    assert_int_equal(time_of_civil(&(int64_t){ 0 }, &(struct civil){ 10000, 1, 1, 0, 0, 0 }, NULL),
                     -1);
}

static void test_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct err e = { 0 };
        int64_t seconds;

        if (duration_parse(&seconds, slice_str(durations[i].text), &e))
            fail_msg("%s: %s", durations[i].text, err_text(&e));
        assert_int_equal(seconds, durations[i].seconds);
        duration_format(&out, seconds);
        assert_string_equal(buf_str(&out), durations[i].format);
        buf_reset(&out);
        duration_round(&out, seconds);
        assert_string_equal(buf_str(&out), durations[i].round);
    }
}

static void test_no_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(no_durations); i++) {
        struct err e = { 0 };
        int64_t seconds = 77;

        if (duration_parse(&seconds, slice_str(no_durations[i]), &e) == 0)
            fail_msg("'%s' is taken", no_durations[i]);
        assert_int_equal(e.code, ERR_INVALID);
        assert_int_equal(seconds, 77);
    }
}

static void test_past(void **state)
{
    CLEANUP(buf_clear) struct buf out = { 0 };

    (void)state;
    duration_round(&out, -DAYS(3) - HOURS(0));
    buf_add_str(&out, ", ");
    duration_round(&out, -1);
    buf_add_str(&out, ", ");
    duration_round(&out, 0);
    buf_add_str(&out, ", ");
    duration_format(&out, -5400);
    assert_string_equal(buf_str(&out), "expired 3d ago, expired 1s ago, 0s, -1h30m");
    duration_round(&out, INT64_MIN); /* only must not overflow */
    duration_format(&out, INT64_MIN);
    duration_round(&out, INT64_MAX);
    assert_false(out.failed);
}

static void test_clocks(void **state)
{
    int64_t monotonic = clock_monotonic_ms();

    (void)state;
    assert_true(clock_wall() > INT64_C(1700000000) && clock_wall() < TIME_MAX);
    assert_true(clock_monotonic_ms() >= monotonic);
    assert_int_equal(MINUTES(1) + HOURS(1) + DAYS(1) + YEARS(1), 60 + 3600 + 86400 + 31536000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),     cmocka_unit_test(test_times_beyond),
        cmocka_unit_test(test_calendar),  cmocka_unit_test(test_no_times),
        cmocka_unit_test(test_durations), cmocka_unit_test(test_no_durations),
        cmocka_unit_test(test_past),      cmocka_unit_test(test_clocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
