#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "wire/json.h"

/*
 * `poterne serve`. args: the flags as one object, an option a member; state: --state or NULL.
 * Returns the exit code, after saying on stderr what failed.
 */
int daemon_main(const struct json_value *args, const char *state);
/* Whether main() runs as a process of a daemon, which its supervisor named so in argv[0]. It then
 * did so to its end, and *exit_code is what to return. */
bool daemon_child(int argc, char *const *argv, int *exit_code);

#endif
