#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A view of bytes: never owns, never NUL-ended. */
struct slice {
    const uint8_t *ptr;
    size_t len;
};

static inline struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){ ptr, len };
}

static inline struct slice slice_str(const char *text)
{
    return (struct slice){ (const uint8_t *)text, text ? strlen(text) : 0 };
}

bool slice_eq(struct slice a, struct slice b);
bool slice_eq_str(struct slice a, const char *text);
/* In constant time for equal lengths: for every comparison of secrets and MACs. */
bool slice_eq_secret(struct slice a, struct slice b);
bool slice_starts(struct slice s, const char *prefix);
bool slice_ends(struct slice s, const char *suffix);
bool slice_is_zero(struct slice s); /* no byte but 0 */
bool slice_has_nul(struct slice s);
/* Cuts s at the first `c`: *head gets what is before it, s what is behind; false if there is none.
 */
bool slice_cut(struct slice *s, uint8_t c, struct slice *head);
struct slice slice_trim(struct slice s); /* ASCII white space at both ends */
/* A NUL-ended copy that the caller frees. A NUL inside ends the copy early: check first. */
char *slice_dup(struct slice s);

#define SLICE_FMT "%.*s"
#define SLICE_ARG(s) (int)(s).len, (const char *)(s).ptr

#endif
