#include "access/rate.h"

#include "base/alloc.h"
#include "base/random.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Sets of a few: a key lies in one of the places of its set, wherever the others are. */
enum { SETS = 512, WAYS = 4 };
#define TOKEN INT64_C(60000) /* credit is counted in per_minute x milliseconds */

struct bucket {
    uint64_t key; /* 0: free */
    int64_t credit, touched;
};
struct rate {
    pthread_mutex_t lock;
    uint64_t seed; /* nobody can choose keys that fall together */
    struct bucket bucket[SETS][WAYS];
};

const struct rate_limits rate_default_limits = {
    .login = { 100, 120 },
    .anonymous = { 100, 600 },
    .operator= { 12000, 360000 },
    .machine = { 200, 1200 },
};

struct rate *rate_new(void)
{
    struct rate *rate = xcalloc(1, sizeof *rate);

    pthread_mutex_init(&rate->lock, NULL);
    random_bytes(&rate->seed, sizeof rate->seed);
    return rate;
}

void rate_free(struct rate *rate)
{
    if (!rate)
        return;
    pthread_mutex_destroy(&rate->lock);
    free(rate);
}

/* FNV-1a over a secret, and a last mix (Stafford's 13th) for the bits that choose the set. */
static uint64_t hash_key(const struct rate *rate, const char *key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ rate->seed;

    for (; *key; key++)
        h = (h ^ (uint8_t)*key) * UINT64_C(0x100000001b3);
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    h ^= h >> 31;
    return h ? h : 1;
}

/* Its bucket, or in its set a free one or the one that was idle for longest, filled. */
static struct bucket *find_bucket(struct rate *rate, uint64_t key, const struct rate_rule *rule,
                                  int64_t now)
{
    struct bucket *set = rate->bucket[key % SETS], *oldest = set;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (!set[i].key || (oldest->key && set[i].touched < oldest->touched))
            oldest = &set[i];
    }
    *oldest = (struct bucket){ key, rule->burst * TOKEN, now };
    return oldest;
}

static int64_t take(struct bucket *b, const struct rate_rule *rule, int64_t now)
{
    int64_t most = rule->burst * TOKEN, idle = now > b->touched ? now - b->touched : 0;

    if (idle > most / rule->per_minute) /* full by now, and no overflow */
        b->credit = most;
    else
        b->credit += idle * rule->per_minute;
    if (b->credit > most)
        b->credit = most;
    b->touched = now;
    if (b->credit < TOKEN)
        return (TOKEN - b->credit + rule->per_minute - 1) / rule->per_minute;
    b->credit -= TOKEN;
    return 0;
}

int64_t rate_take(struct rate *rate, const char *key, const struct rate_rule *rule, int64_t now_ms)
{
    int64_t wait;

    if (rule->per_minute <= 0 || rule->burst <= 0)
        return 0;
    pthread_mutex_lock(&rate->lock);
    wait = take(find_bucket(rate, hash_key(rate, key), rule, now_ms), rule, now_ms);
    pthread_mutex_unlock(&rate->lock);
    return wait;
}

void rate_address_key(char key[RATE_KEY], const char *what, const char *address)
{
    uint8_t v6[16];

    if (inet_pton(AF_INET6, address, v6) == 1)
        (void)snprintf(key, RATE_KEY, "%.12s %02x%02x:%02x%02x:%02x%02x:%02x%02x", what, v6[0],
                       v6[1], v6[2], v6[3], v6[4], v6[5], v6[6], v6[7]);
    else
        (void)snprintf(key, RATE_KEY, "%.12s %.60s", what, address);
}
