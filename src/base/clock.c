#include "base/clock.h"
#include <stdlib.h>
#include <time.h>

#define TIME_MIN INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */

/* Four centuries, the period of the Gregorian calendar. */
enum { ERA_YEARS = 400, ERA_DAYS = 146097, DAYS_TO_1970 = 719468 /* from 0000-03-01 */ };

int64_t clock_wall(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now))
        abort();
    return now.tv_sec;
}

int64_t clock_monotonic_us(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now))
        abort();
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Years are counted from 1 March, so that the leap day is the last of its year. */
void civil_of_time(struct civil *c, int64_t t)
{
    int64_t days, second, era, day_of_era, year_of_era, day_of_year, month;

    t = t < TIME_MIN ? TIME_MIN : t > TIME_MAX ? TIME_MAX : t;
    days = t / 86400;
    second = t % 86400;
    if (second < 0) {
        second += 86400;
        days--;
    }
    days += DAYS_TO_1970;
    era = (days >= 0 ? days : days - ERA_DAYS + 1) / ERA_DAYS;
    day_of_era = days - era * ERA_DAYS;
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    month = (5 * day_of_year + 2) / 153; /* 0 is March */
    *c = (struct civil){
        .year = (int)(year_of_era + era * ERA_YEARS + (month >= 10)),
        .month = (int)(month < 10 ? month + 3 : month - 9),
        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
        .hour = (int)(second / 3600),
        .minute = (int)(second / 60 % 60),
        .second = (int)(second % 60),
    };
}

static int64_t days_of_civil(const struct civil *c)
{
    int64_t year = c->year - (c->month <= 2);
    int64_t era = (year >= 0 ? year : year - ERA_YEARS + 1) / ERA_YEARS;
    int64_t year_of_era = year - era * ERA_YEARS;
    int64_t month = c->month > 2 ? c->month - 3 : c->month + 9;
    int64_t day_of_year = (153 * month + 2) / 5 + c->day - 1;

    return era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           DAYS_TO_1970;
}

int time_of_civil(int64_t *t, const struct civil *c, struct err *e)
{
    bool date = c->year >= 0 && c->year <= 9999 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
                c->day <= days_in_month(c->year, c->month);
    bool clock = c->hour >= 0 && c->hour <= 23 && c->minute >= 0 && c->minute <= 59 &&
                 c->second >= 0 && c->second <= 59;

    if (!date)
        return err_set(e, ERR_INVALID, "there is no date %04d-%02d-%02d", c->year, c->month,
                       c->day);
    if (!clock)
        return err_set(e, ERR_INVALID, "there is no time of day %02d:%02d:%02d", c->hour, c->minute,
                       c->second);
    *t = days_of_civil(c) * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
    return 0;
}

void time_format(struct buf *out, int64_t t)
{
    struct civil c;

    civil_of_time(&c, t);
    buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour, c.minute,
             c.second);
}

int time_parse(int64_t *t, struct slice text, struct err *e)
{
    static const char shape[] = "0000-00-00T00:00:00Z"; /* 0 stands for a digit */
    int field[6] = { 0 }, at = 0;
    struct civil c;

    if (text.len != sizeof shape - 1)
        return err_set(e, ERR_INVALID, "a time is written like 2026-11-23T01:32:00Z");
    for (size_t i = 0; i < text.len; i++) {
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';

        if (shape[i] == '0' ? !digit : text.ptr[i] != (uint8_t)shape[i])
            return err_set(e, ERR_INVALID, "a time is written like 2026-11-23T01:32:00Z");
        if (digit)
            field[at] = field[at] * 10 + (text.ptr[i] - '0');
        else
            at++;
    }
    c = (struct civil){ field[0], field[1], field[2], field[3], field[4], field[5] };
    return time_of_civil(t, &c, e);
}

/* clang-format off */
static const struct { char letter; int64_t seconds; } units[] = { /* the largest first */
    { 'y', YEARS(1) }, { 'w', DAYS(7) }, { 'd', DAYS(1) }, { 'h', HOURS(1) }, { 'm', MINUTES(1) }, { 's', 1 },
};
/* clang-format on */

static int64_t unit_seconds(uint8_t letter)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (units[i].letter == (char)letter)
            return units[i].seconds;
    return 0;
}

int duration_parse(int64_t *seconds, struct slice text, struct err *e)
{
    static const int64_t longest = YEARS(10000);
    struct slice left = text;
    int64_t total = 0;

    while (left.len) {
        int64_t number = 0, unit;
        size_t digits = 0;

        while (digits < left.len && left.ptr[digits] >= '0' && left.ptr[digits] <= '9') {
            number = number * 10 + (left.ptr[digits++] - '0');
            if (number > longest)
                return err_set(e, ERR_INVALID, "a duration is at most 10000 years");
        }
        unit = digits > 0 && digits < left.len ? unit_seconds(left.ptr[digits]) : 0;
        if (unit == 0)
            return err_set(e, ERR_INVALID, "a duration is written like 8h, 1h30m or 10y");
        if (number > (longest - total) / unit)
            return err_set(e, ERR_INVALID, "a duration is at most 10000 years");
        total += number * unit;
        left = slice_of(left.ptr + digits + 1, left.len - digits - 1);
    }
    if (text.len == 0)
        return err_set(e, ERR_INVALID, "a duration is written like 8h, 1h30m or 10y");
    if (total == 0)
        return err_set(e, ERR_INVALID, "a duration is longer than 0");
    *seconds = total;
    return 0;
}

/* The magnitude, without overflow for the most negative number. */
static uint64_t magnitude(int64_t seconds)
{
    return seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
}

/* Weeks are read, never written: 90d says more than 12w6d. */
void duration_format(struct buf *out, int64_t seconds)
{
    uint64_t left = magnitude(seconds);

    if (seconds < 0)
        buf_add_byte(out, '-');
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        uint64_t unit = (uint64_t)units[i].seconds;

        if (units[i].letter == 'w' || left < unit)
            continue;
        buf_addf(out, "%llu%c", (unsigned long long)(left / unit), units[i].letter);
        left %= unit;
    }
    if (seconds == 0)
        buf_add_str(out, "0s");
}

void duration_round(struct buf *out, int64_t seconds)
{
    static const int64_t pairs[][2] = {
        { YEARS(1), DAYS(1) },    { DAYS(10), DAYS(1) }, { DAYS(1), HOURS(1) },
        { HOURS(1), MINUTES(1) }, { MINUTES(1), 1 },
    };
    uint64_t left = magnitude(seconds), step = 1;

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (left >= (uint64_t)pairs[i][0]) {
            step = (uint64_t)pairs[i][1];
            break;
        }
    left -= left % step;
    if (seconds < 0)
        buf_add_str(out, "expired ");
    duration_format(out, (int64_t)(left & INT64_MAX));
    if (seconds < 0)
        buf_add_str(out, " ago");
}
