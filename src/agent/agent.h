#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "wire/json.h"

/* `poterne agent join` and `poterne agent run`: arguments as the command table (cli/agent.c) names
 * them; return the exit code. */
int agent_join_main(const struct json_value *args, const char *state);
int agent_run_main(const struct json_value *args, const char *state);

#endif
