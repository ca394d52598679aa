#ifndef UNIT_H
#define UNIT_H

/*
 * What cmocka.h wants before it, and cmocka.h: a unit test includes this instead. Don't use skip():
 * cmocka 1.1.5 prints it as "not ok", which Meson counts as a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
