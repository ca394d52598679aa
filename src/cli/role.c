#include "cli/nouns.h"

/* clang-format off */
static const struct positional assignment[] = {
    { .name = "OPERATOR", .json = "operator", .complete = "operator", .help = "name of the operator" },
    { .name = "ROLE", .json = "role", .choices = "owner|operator|auditor", .help = "see 'poterne role roles'" },
    { 0 },
};
static const struct option assignment_options[] = {
    { .name = "scope", .json = "scope", .type = OPTION_TEXT, .required = true, .value = "SCOPE", .complete = "cluster",
      .help = "where: / for everything, CLUSTER, or CLUSTER/MACHINE" },
    { 0 },
};
static const struct option list_options[] = {
    { .name = "operator", .json = "operator", .type = OPTION_TEXT, .value = "NAME", .complete = "operator",
      .help = "only those of this one" },
    { 0 },
};
static const struct positional question[] = {
    { .name = "WHO", .json = "principal", .complete = "operator",
      .help = "an operator's name, machine:CLUSTER/MACHINE, root or anonymous" },
    { .name = "ACTION", .json = "action", .choices = "read|audit|issue|manage|grant|own|node",
      .help = "the right that it needs: see 'poterne role roles'" },
    { .name = "WHERE", .json = "scope", .complete = "cluster", .help = "/, CLUSTER, or CLUSTER/MACHINE" },
    { 0 },
};
static const struct column role_columns[] = {
    { "ROLE",   "name",   COLUMN_TEXT, false },
    { "RIGHTS", "rights", COLUMN_LIST, false },
    { "WHAT",   "help",   COLUMN_TEXT, false },
    { 0 },
};
static const struct column list_columns[] = {
    { "OPERATOR",  "operator",  COLUMN_TEXT, false },
    { "ROLE",      "role",      COLUMN_TEXT, false },
    { "SCOPE",     "scope",     COLUMN_TEXT, false },
    { "SINCE",     "created",   COLUMN_TIME, false },
    { "SCOPE UID", "scope_uid", COLUMN_TEXT, true  },
    { "UID",       "uid",       COLUMN_TEXT, true  },
    { 0 },
};
static const struct column explain_fields[] = {
    { "Who",     "principal", COLUMN_TEXT, false },
    { "Action",  "action",    COLUMN_TEXT, false },
    { "Where",   "scope",     COLUMN_TEXT, false },
    { "Allowed", "allowed",   COLUMN_BOOL, false },
    { "Because", "reason",    COLUMN_TEXT, false },
    { 0 },
};
static const struct column no_fields[] = { { 0 } };

const struct command role_commands[] = {
    { .noun = "role", .verb = "roles", .summary = "which role has which rights",
      .method = HTTP_GET, .path = "/v1/roles", .items = "items", .columns = role_columns },
    { .noun = "role", .verb = "grant", .summary = "give an operator a role in a scope",
      .details = "A role covers its scope and all below it: of a cluster, its machines. It holds from the operator's "
                 "next request on.",
      .example = "poterne role grant anna auditor --scope /",
      .positional = assignment, .options = assignment_options, .method = HTTP_POST, .path = "/v1/roles/assignments",
      .identity = "operator", .fields = no_fields, .done = "{operator} is {role} in '{scope}'",
      .same = "{operator} is {role} in '{scope}' already; nothing changed" },
    { .noun = "role", .verb = "revoke", .summary = "take a role away",
      .details = "It holds from the operator's next request on. The last owner of '/' can be taken away by somebody on "
                 "the daemon's own machine alone, where root is owner whatever happens.",
      .positional = assignment, .options = assignment_options, .method = HTTP_DELETE, .path = "/v1/roles/assignments",
      .identity = "operator", .fields = no_fields, .done = "{operator} is no longer {role} in '{scope}'",
      .same = "{operator} was not {role} in '{scope}'; nothing changed" },
    { .noun = "role", .verb = "list", .summary = "who has which role where",
      .options = list_options, .method = HTTP_GET, .path = "/v1/roles/assignments", .identity = "operator",
      .items = "items", .columns = list_columns, .empty = "no roles were given" },
    { .noun = "role", .verb = "explain", .summary = "may somebody do something somewhere, and why or why not",
      .example = "poterne role explain anna issue prod/cp1",
      .positional = question, .method = HTTP_GET, .path = "/v1/roles/explanation", .identity = "principal",
      .fields = explain_fields },
    { 0 },
};

static const struct column installation_fields[] = {
    { "Installation", "uid", COLUMN_TEXT, false },
    { 0 },
};
static const struct column authority_columns[] = {
    { "AUTHORITY",  "name",       COLUMN_TEXT,      false },
    { "GENERATION", "generation", COLUMN_TEXT,      false },
    { "EXPIRES",    "not_after",  COLUMN_TIME_LEFT, false },
    { "PIN",        "pin",        COLUMN_TEXT,      false },
    { "CUSTODY",    "custody",    COLUMN_TEXT,      true  },
    { "CA",         "ca",         COLUMN_TEXT,      true  },
    { 0 },
};

const struct command installation_commands[] = {
    { .noun = "installation", .verb = "show", .summary = "its own two authorities, and what clients pin",
      .details = "poterne-server signs the daemon's certificate; its pin, the hash of its public key, is what a machine "
                 "or a person is told so that it finds the right daemon. poterne-client signs the certificates of "
                 "operators and agents. Both are made when they are first needed.",
      .method = HTTP_GET, .path = "/v1/installation", .identity = "uid", .fields = installation_fields,
      .items = "authorities", .columns = authority_columns },
    { 0 },
};
/* clang-format on */
