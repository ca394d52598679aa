#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stddef.h>

/* What somebody may have meant: the candidate that is nearest by typing errors (Damerau and
 * Levenshtein: a letter more, less, other, two swapped), if it is near enough. */
struct suggestion {
    const char *typed;
    const char *best; /* NULL: nothing near */
    size_t distance;
};
void suggest(struct suggestion *s, const char *candidate);

size_t edit_distance(const char *a, const char *b); /* of at most 63 bytes each; more: SIZE_MAX */

#endif
