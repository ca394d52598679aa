#ifndef UNIT_H
#define UNIT_H

/*
 * What cmocka.h wants before it, and cmocka.h: a unit test includes this instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

/* A test that cannot run here says so and returns. cmocka 1.1.5 prints skip() as "not ok", which
 * Meson counts as a failure. */
static inline void not_here(const char *reason)
{
    printf("# skipped: %s\n", reason);
}

#endif
