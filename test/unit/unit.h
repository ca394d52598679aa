#ifndef UNIT_H
#define UNIT_H

/* What cmocka.h wants before it, and cmocka.h. A unit test includes this instead of the four. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
