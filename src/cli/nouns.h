#ifndef CLI_NOUNS_H
#define CLI_NOUNS_H

#include "cli/command.h"

/* The rows of the command table, a file a noun; the nouns themselves are in commands.c. */
extern const struct command cluster_commands[], node_commands[], authority_commands[],
    kubeconfig_commands[], cert_commands[], profile_commands[], audit_commands[], key_commands[],
    state_commands[], serve_commands[], agent_commands[];
extern const struct command operator_commands[], role_commands[], installation_commands[];
extern const struct command context_commands[], login_commands[]; /* context.c */
extern const struct command api_commands[], help_commands[], man_commands[], completion_commands[],
    version_commands[], complete_commands[]; /* program.c */

/* What the rows of several nouns share. */
extern const struct positional cluster_positional[]; /* CLUSTER */

/* Builtins. */
builtin_fn builtin_help, builtin_man, builtin_completion, builtin_complete, builtin_version,
    builtin_describe;

#endif
