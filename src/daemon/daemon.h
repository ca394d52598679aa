#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "wire/json.h"

/*
 * `poterne serve`. args: the flags as one object, an option a member; state: --state or NULL.
 * Returns the exit code, after saying on stderr what failed.
 */
int daemon_main(const struct json_value *args, const char *state);

#endif
