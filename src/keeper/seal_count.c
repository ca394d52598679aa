#include "base/alloc.h"
#include "keeper/keeper_data.h"

enum { MAX_COUNTS = 1024 };
struct seal_count {
    struct seal_count *next;
    char uid[UID_TEXT];
    int64_t made;
};

void seals_free(struct seal_count *seals)
{
    while (seals) {
        struct seal_count *next = seals->next;

        free(seals);
        seals = next;
    }
}

int64_t seals_made(const struct keeper *keeper, const char *uid)
{
    for (const struct seal_count *c = keeper->seals; c; c = c->next)
        if (strcmp(c->uid, uid) == 0)
            return c->made;
    return 0;
}

/* Beyond MAX_COUNTS the lowest gives its place: to lose a high one a thousand others must be made
 * higher. */
static struct seal_count *new_count(struct keeper *keeper)
{
    struct seal_count *least = keeper->seals, *fresh;
    size_t count = 0;

    for (struct seal_count *c = keeper->seals; c; c = c->next) {
        count++;
        if (c->made < least->made)
            least = c;
    }
    if (count >= MAX_COUNTS)
        return least;
    fresh = xcalloc(1, sizeof *fresh);
    fresh->next = keeper->seals;
    keeper->seals = fresh;
    return fresh;
}

void seals_count(struct keeper *keeper, const char *uid)
{
    struct seal_count *c = keeper->seals;

    while (c && strcmp(c->uid, uid) != 0)
        c = c->next;
    if (!c) {
        c = new_count(keeper);
        c->made = 0;
        memcpy(c->uid, uid, UID_TEXT);
    }
    c->made++;
}
