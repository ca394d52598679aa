#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/err.h"
#include "base/slice.h"

/*
 * Key material: own pages, locked when the limit allows, never in a core dump, wiped in a forked
 * child and when cleared. Start with `= { 0 }` and CLEANUP(secret_clear).
 */
struct secret {
    uint8_t *ptr;
    size_t len;
    size_t mapped; /* bytes of the mapping */
};

int secret_alloc(struct secret *s, size_t len, struct err *e) MUST_CHECK;
int secret_copy(struct secret *s, struct slice from, struct err *e) MUST_CHECK;
void secret_clear(struct secret *s);
struct slice secret_slice(const struct secret *s);

#endif
