#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stddef.h>
#include <stdlib.h>

/*
 * Release is written once, beside the acquisition: `CLEANUP(fn) T *x = ...;` calls fn(&x) on every
 * way out of the block. A local that was handed over is set to NULL.
 */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((__format__(__printf__, text, first)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Makes fn##p(type *) for CLEANUP out of a release function that takes the pointer itself. */
#define DEFINE_FREEP(type, fn)                                                                     \
    static inline void fn##p(type *p)                                                              \
    {                                                                                              \
        if (*p)                                                                                    \
            fn(*p);                                                                                \
    }

DEFINE_FREEP(char *, free)

/* Closes a descriptor that is at least 0; descriptors start at -1. */
void fd_closep(int *fd);

#endif
