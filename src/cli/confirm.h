#ifndef CLI_CONFIRM_H
#define CLI_CONFIRM_H

#include "cli/parse.h"

/* Whether a command that destroys may go on: with --yes, or asked on a terminal. ERR_INVALID names
 * what it would destroy, ERR_REFUSED that the answer was no. */
int confirm(const struct line *line, const struct json_value *args, struct err *e) MUST_CHECK;

#endif
