#include "base/alloc.h"
#include "crypto/hash.h"
#include "keeper/keeper_data.h"

/* Signatures of the last hour, in buckets of a minute, the present one not yet full. When the clock
 * jumps back, it stands still here. */
enum { RATE_BUCKETS = 61, BUCKET_SECONDS = 60, MAX_RATES = 1024 };
struct rate {
    struct rate *next;
    uint8_t key[SHA256_LEN]; /* of the SubjectPublicKeyInfo */
    size_t signers;          /* open ones */
    int64_t minute, total;
    int64_t made[RATE_BUCKETS];
};

/* Beyond so many the one that has made least in its last hour is forgotten: to get rid of another's
 * count would take a thousand times as many signatures. */
static void forget_one(struct rate **rates)
{
    struct rate **least = NULL, *gone;
    size_t count = 0;

    for (struct rate **at = rates; *at; at = &(*at)->next) {
        count++;
        if ((*at)->signers == 0 && (!least || (*at)->total < (*least)->total))
            least = at;
    }
    if (count < MAX_RATES || !least)
        return;
    gone = *least;
    *least = gone->next;
    free(gone);
}

static struct rate *find_or_add(struct keeper *keeper, const uint8_t *key)
{
    struct rate *rate = keeper->rates;

    while (rate && memcmp(rate->key, key, sizeof rate->key) != 0)
        rate = rate->next;
    if (!rate) {
        forget_one(&keeper->rates);
        rate = xcalloc(1, sizeof *rate);
        memcpy(rate->key, key, sizeof rate->key);
        rate->next = keeper->rates;
        keeper->rates = rate;
    }
    return rate;
}

struct rate *rate_open(struct keeper *keeper, struct slice spki)
{
    uint8_t key[SHA256_LEN];
    struct rate *rate;

    sha256(key, spki);
    rate = find_or_add(keeper, key);
    rate->signers++;
    return rate;
}

const uint8_t *rate_key(const struct rate *rate)
{
    return rate->key;
}

void rate_close(struct rate *rate)
{
    if (rate)
        rate->signers--;
}

void rates_free(struct rate *rates)
{
    while (rates) {
        struct rate *next = rates->next;

        free(rates);
        rates = next;
    }
}

/* The buckets end with the one of `minute`. */
static void move_on(struct rate *rate, int64_t minute)
{

    if (minute > rate->minute + RATE_BUCKETS)
        rate->minute = minute - RATE_BUCKETS;
    while (rate->minute < minute) {
        int64_t *oldest = &rate->made[++rate->minute % RATE_BUCKETS];

        rate->total -= *oldest;
        *oldest = 0;
    }
}

bool rate_allows(struct rate *rate, int64_t limit, int64_t now)
{
    move_on(rate, now / BUCKET_SECONDS);
    return rate->total < limit;
}

void rate_count(struct rate *rate)
{
    rate->made[rate->minute % RATE_BUCKETS]++;
    rate->total++;
}

void rate_restore(struct keeper *keeper, const uint8_t *key, int64_t time)
{
    struct rate *rate = find_or_add(keeper, key);
    int64_t minute = time / BUCKET_SECONDS;

    move_on(rate, minute);
    if (minute <= rate->minute - RATE_BUCKETS)
        return;
    rate->made[minute % RATE_BUCKETS]++;
    rate->total++;
}
