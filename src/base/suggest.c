#include "base/suggest.h"

#include <stdint.h>

enum { LONGEST = 63 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The "optimal string alignment" form: no part is edited twice. */
size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    size_t m = strlen(a), n = strlen(b);

    if (m > LONGEST || n > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        above[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *spare = before;

        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t changed = above[j - 1] + (a[i - 1] != b[j - 1]);

            row[j] = least(changed, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = above;
        above = row;
        row = spare;
    }
    return above[n];
}

/* A third of what was typed may be wrong, and what is there counts when it is cut short. */
void suggest(struct suggestion *s, const char *candidate)
{
    size_t typed = strlen(s->typed), distance = edit_distance(s->typed, candidate);

    if (typed >= 3 && strncmp(candidate, s->typed, typed) == 0)
        distance = 1;
    if (distance > (typed + 2) / 3 || (s->best && distance >= s->distance))
        return;
    s->best = candidate;
    s->distance = distance;
}
