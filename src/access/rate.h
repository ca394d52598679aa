#ifndef ACCESS_RATE_H
#define ACCESS_RATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How often somebody may ask: token buckets in a table of fixed size, shared by all threads. A key
 * is what is limited: a principal, an address, an address at one route. When the table is full the
 * bucket that was idle for longest is given away, so that many callers cost no memory; one whose
 * bucket was given away begins anew.
 */
struct rate;
struct rate *rate_new(void);
void rate_free(struct rate *rate); /* NULL is fine */

struct rate_rule {
    int64_t burst;      /* so many at once */
    int64_t per_minute; /* and so many a minute in the long run; 0: no limit at all */
};
/* Takes one: 0, or the milliseconds after which there is one again. Times are monotonic. */
int64_t rate_take(struct rate *rate, const char *key, const struct rate_rule *rule, int64_t now_ms);

/* What is limited in the API. Who holds the state directory or the socket is not. */
struct rate_limits {
    struct rate_rule login;     /* codes and tokens, by address */
    struct rate_rule anonymous; /* all else that nobody known asks, by address */
    struct rate_rule operator, machine;
};
extern const struct rate_limits rate_default_limits;

enum { RATE_KEY = 80 };
/* An address as a key: of IPv6 the network of 64 bits, since whoever has one has all of it. */
void rate_address_key(char key[RATE_KEY], const char *what, const char *address);

#endif
