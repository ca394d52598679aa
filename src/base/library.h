#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include "base/err.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A shared library that is loaded when it is first needed: linked, each would cost every start of
 * the program a fifth of a millisecond and more. Its functions go into a struct of pointers, one
 * for each name, in that order; headers such as net/libssl.h make both from one list.
 */
struct library {
    const char *file;    /* "libssl.so.3" */
    const char *package; /* what to install when it is missing */
    const char *const *names;
    size_t count;
    void *functions; /* the struct, of `count` pointers */
    const char *(*start)(
        void); /* once it is loaded: what failed of it, NULL for nothing; may be NULL */
    /* filled by library_need */
    atomic_bool tried;
    const char *missing; /* NULL when all is there */
};
/* Loads it the first time, on whichever thread that is. ERR_INTERNAL: it is not installed, not the
 * version that we were built with, or does not start. */
int library_need(struct library *library, struct err *e) MUST_CHECK;

#endif
