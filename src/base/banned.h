#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/*
 * Calls that nobody may make: unbounded, locale-bound or with hidden state. Included by the build
 * (-include) in front of every file of ours, after the system's own headers below.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Macros of some C libraries and options; a macro cannot be poisoned. */
#undef alloca
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy strncat stpcpy sprintf vsprintf strtok strtok_r gets
#pragma GCC poison atoi atol atoll atof gmtime localtime ctime asctime mktime timegm
#pragma GCC poison tmpnam tempnam mktemp popen alloca

/* Poison would hit the headers of others, where these words name a parameter or a member. */
#define BANNED __attribute__((__deprecated__("banned: see base/banned.h")))
int rand(void) BANNED;
void srand(unsigned seed) BANNED;
long random(void) BANNED;
void srandom(unsigned seed) BANNED;
int system(const char *command) BANNED;
#undef BANNED

#endif
