#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

/* getrandom(2); aborts when the kernel has none to give, which it does not on a running system. */
void random_bytes(void *out, size_t len);

enum { UID_TEXT = 27 }; /* 26 characters and the NUL */

/*
 * A uid: 128 bits in Crockford's base32, lower case, never reused. The first 48 bits are the time
 * in milliseconds, so that rows made together lie together in an index.
 */
void uid_new(char out[UID_TEXT]);

#endif
