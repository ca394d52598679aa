#ifndef DAEMON_LANDLOCK_H
#define DAEMON_LANDLOCK_H

#include "base/err.h"

/*
 * Landlock by raw system calls: the headers of Debian 12 know less than today's kernels. Every
 * right of the ABI in use is taken away; what is left are the files that are named.
 */
enum { LANDLOCK_KNOWN = 6 }; /* the newest ABI whose rights we know */

/* The kernel's, at most `highest` (-1: no limit) and LANDLOCK_KNOWN; 0: it has none. */
int landlock_abi(int highest);
/* For this thread and those that it will start. files: descriptors that may be read and written
 * again by their paths. Nothing else may be opened, made, removed or executed; with ABI 4 no TCP
 * port bound or connected to, with 6 no process outside of the sandbox signalled. abi 0: does
 * nothing. */
int landlock_enter(int abi, const int *files, size_t count, struct err *e) MUST_CHECK;

#endif
