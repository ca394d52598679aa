#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include <stdint.h>

/* Times are UTC seconds since 1970; certificates follow the wall clock, time-outs the monotonic
 * one. */
int64_t clock_wall(void);
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);

/* The last second a certificate can name: 9999-12-31T23:59:59Z. */
#define TIME_MAX INT64_C(253402300799)

#define MINUTES(n) ((int64_t)(n)*60)
#define HOURS(n) ((int64_t)(n)*3600)
#define DAYS(n) ((int64_t)(n)*86400)
#define YEARS(n) ((int64_t)(n)*31536000) /* 365 days, as kubeadm counts */

/* Broken-down UTC, proleptic Gregorian, years 0 to 9999 (a time outside is taken as the nearest
 * inside); no libc time zone is involved. */
struct civil {
    int year, month, day, hour, minute, second; /* month and day from 1 */
};
void civil_of_time(struct civil *c, int64_t t);
/* ERR_INVALID for a date that does not exist (a leap second neither). */
int time_of_civil(int64_t *t, const struct civil *c, struct err *e) MUST_CHECK;

/* RFC 3339 in UTC with seconds: 2026-11-23T01:32:00Z. */
void time_format(struct buf *out, int64_t t);
int time_parse(int64_t *t, struct slice text, struct err *e) MUST_CHECK;

/*
 * A duration is one or more of NUMBER UNIT with unit s m h d w y (y is 365 days): 8h, 90m, 1h30m,
 * 10y. Positive, at most 10000 years; ERR_INVALID otherwise (0 and a sign too).
 */
int duration_parse(int64_t *seconds, struct slice text, struct err *e) MUST_CHECK;
/* The largest units first, without weeks: 28800 -> 8h, 31536000 -> 1y, 5400 -> 1h30m. */
void duration_format(struct buf *out, int64_t seconds);
/* For people, rounded down to two units, hours only below 10 days: 364d, 9y364d, 7h59m, expired 3d
 * ago. */
void duration_round(struct buf *out, int64_t seconds);

#endif
