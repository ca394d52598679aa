#include "access/refusal.h"

#include <stdio.h>
#include <string.h>

static bool is_over(const struct refusal *r, int64_t now)
{
    return now - r->since >= REFUSAL_SECONDS || now < r->since;
}

static void drop(struct refusals *r, size_t i)
{
    r->slot[i] = r->slot[--r->used];
}

static struct refusal *find(struct refusals *r, const char *principal, const char *action)
{
    for (size_t i = 0; i < r->used; i++)
        if (strncmp(r->slot[i].principal, principal, sizeof r->slot[i].principal - 1) == 0 &&
            strncmp(r->slot[i].action, action, sizeof r->slot[i].action - 1) == 0)
            return &r->slot[i];
    return NULL;
}

/* The last slot is for all that no other has room for. */
static struct refusal *add(struct refusals *r, const char *principal, const char *action,
                           int64_t now)
{
    bool last = r->used == REFUSAL_SLOTS - 1;
    struct refusal *slot = &r->slot[r->used++];

    *slot = (struct refusal){ .since = now };
    (void)snprintf(slot->principal, sizeof slot->principal, "%s", last ? "others" : principal);
    (void)snprintf(slot->action, sizeof slot->action, "%s", last ? "others" : action);
    return slot;
}

/* What is over and stands for nothing more makes room. */
static void make_room(struct refusals *r, int64_t now)
{
    for (size_t i = r->used; i > 0; i--)
        if (is_over(&r->slot[i - 1], now) && r->slot[i - 1].more == 0)
            drop(r, i - 1);
}

bool refusals_note(struct refusals *r, const char *principal, const char *action, int64_t now)
{
    struct refusal *slot;

    make_room(r, now);
    slot = find(r, principal, action);
    if (!slot && r->used == REFUSAL_SLOTS)
        slot = find(r, "others", "others");
    if (!slot && r->used < REFUSAL_SLOTS) {
        (void)add(r, principal, action, now);
        return true;
    }
    if (!slot)
        slot = &r->slot[REFUSAL_SLOTS - 1]; /* its count is over: it goes with the next record */
    slot->more++;
    return false;
}

bool refusals_due(struct refusals *r, int64_t now, struct refusal *due)
{
    for (size_t i = 0; i < r->used; i++) {
        if (!is_over(&r->slot[i], now) || r->slot[i].more == 0)
            continue;
        *due = r->slot[i];
        drop(r, i);
        return true;
    }
    return false;
}
