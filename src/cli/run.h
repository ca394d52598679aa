#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/say.h"

/* Carries out a command that was read whole. Returns the exit code of the work, or -1 with `e`. */
int run_command(const struct line *line, struct voice *voice, struct err *e) MUST_CHECK;
/* The state directory: --state, $POTERNE_STATE or the default, absolute. The caller frees. */
int run_state(const struct line *line, char **path, struct err *e) MUST_CHECK;

#endif
