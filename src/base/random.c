#include "base/random.h"
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

void random_bytes(void *out, size_t len)
{
    uint8_t *at = out;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            abort();
        at += n;
        len -= (size_t)n;
    }
}

static uint64_t wall_ms(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now))
        abort();
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * Later uids sort behind earlier ones within a process: in the same millisecond, and when the clock
 * jumps back, the last one is raised by a random step. The step is large, so that two processes
 * forked from one state go separate ways.
 */
static void uid_next(uint64_t *high, uint64_t *low)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t last_high, last_low;
    uint64_t ms = wall_ms() & UINT64_C(0xffffffffffff);
    uint64_t noise[2];

    random_bytes(noise, sizeof noise);
    (void)pthread_mutex_lock(&lock);
    if (ms > last_high >> 16) {
        last_high = ms << 16 | (noise[0] & 0xffff);
        last_low = noise[1];
    } else {
        uint64_t raised = last_low + 1 + (noise[1] >> 1);

        last_high += raised < last_low;
        last_low = raised;
    }
    *high = last_high;
    *low = last_low;
    (void)pthread_mutex_unlock(&lock);
}

void uid_new(char out[UID_TEXT])
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint64_t high, low;

    uid_next(&high, &low);
    for (int i = UID_TEXT - 2; i >= 0; i--) { /* from the last five bits to the first three */
        out[i] = alphabet[low & 31];
        low = low >> 5 | high << 59;
        high >>= 5;
    }
    out[UID_TEXT - 1] = '\0';
}
