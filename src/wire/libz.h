#ifndef WIRE_LIBZ_H
#define WIRE_LIBZ_H

#include "base/err.h"
#include <zlib.h>

/* zlib, loaded on first use. deflateInit2 is a macro over deflateInit2_. */
#define LIBZ_FUNCTIONS(X)                                                                          \
    X(deflate)                                                                                     \
    X(deflateBound)                                                                                \
    X(deflateEnd)                                                                                  \
    X(deflateInit2_)

struct libz {
#define LIBZ_MEMBER(name) __typeof__(&name) name;
    LIBZ_FUNCTIONS(LIBZ_MEMBER)
#undef LIBZ_MEMBER
};

/* ERR_INTERNAL: it is not installed. */
int libz_load(const struct libz **ret, struct err *e) MUST_CHECK;

#endif
