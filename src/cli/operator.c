#include "cli/nouns.h"

/* clang-format off */
static const struct positional new_operator[] = {
    { .name = "NAME", .json = "name", .complete = "operator", .help = "what the person is called here: anna, anna@example.com" },
    { 0 },
};
static const struct positional one[] = {
    { .name = "NAME", .json = "operator", .complete = "operator", .help = "name of the operator" },
    { 0 },
};
static const struct option invite_options[] = {
    { .name = "role", .json = "role", .type = OPTION_CHOICE, .value = "ROLE", .choices = "owner|operator|auditor",
      .help = "what the operator may do; needed for a new one: see 'poterne role roles'" },
    { .name = "scope", .json = "scope", .type = OPTION_TEXT, .value = "SCOPE", .complete = "cluster",
      .help = "where: / for everything, CLUSTER, or CLUSTER/MACHINE" },
    { .name = "ttl", .json = "ttl", .type = OPTION_DURATION, .value = "DURATION", .otherwise = "1h",
      .help = "how long the code works, 7d at most" },
    { 0 },
};
static const struct column invited_fields[] = {
    { "Operator",     "name",    COLUMN_TEXT, false },
    { "Role",         "role",    COLUMN_TEXT, false },
    { "Scope",        "scope",   COLUMN_TEXT, false },
    { "Code",         "code",    COLUMN_TEXT, false },
    { "Works until",  "expires", COLUMN_TIME, false },
    { 0 },
};
static const struct column list_columns[] = {
    { "NAME",       "name",       COLUMN_TEXT,  false },
    { "ROLES",      "roles",      COLUMN_COUNT, false },
    { "LAST LOGIN", "last_login", COLUMN_TIME,  false },
    { "BLOCKED",    "blocked",    COLUMN_BOOL,  true  },
    { "CREATED",    "created",    COLUMN_TIME,  true  },
    { "UID",        "uid",        COLUMN_TEXT,  true  },
    { 0 },
};
static const struct column fields[] = {
    { "Operator",   "name",       COLUMN_TEXT, false },
    { "UID",        "uid",        COLUMN_TEXT, false },
    { "Created",    "created",    COLUMN_TIME, false },
    { "Last login", "last_login", COLUMN_TIME, false },
    { "Blocked",    "blocked",    COLUMN_BOOL, false },
    { 0 },
};
static const struct column role_columns[] = {
    { "ROLE",  "role",    COLUMN_TEXT, false },
    { "SCOPE", "scope",   COLUMN_TEXT, false },
    { "SINCE", "created", COLUMN_TIME, false },
    { 0 },
};
static const struct column no_fields[] = { { 0 } };

const struct command operator_commands[] = {
    { .noun = "operator", .verb = "invite", .summary = "let a person in: a code that works once",
      .details =
          "Makes the operator if there is none of that name, gives the role in the scope, and prints a code. Send it to "
          "the person over a channel you trust: whoever redeems it first, with 'poterne login', is that operator. Only "
          "its hash is kept; it works once, for --ttl.\n\n"
          "Again for an operator that is there, it prints a new code and makes those of before void; without --role "
          "the roles stay as they are.",
      .example = "poterne operator invite anna --role operator --scope prod\n"
                 "# a second machine of hers, or a certificate that has ended\n"
                 "poterne operator invite anna",
      .positional = new_operator, .options = invite_options, .method = HTTP_POST, .path = "/v1/operators",
      .fields = invited_fields },
    { .noun = "operator", .verb = "list", .summary = "who was let in",
      .method = HTTP_GET, .path = "/v1/operators", .items = "items", .columns = list_columns, .empty = "no operators" },
    { .noun = "operator", .verb = "show", .summary = "one operator and its roles",
      .positional = one, .method = HTTP_GET, .path = "/v1/operators/{operator}", .fields = fields,
      .items = "roles", .columns = role_columns },
    { .noun = "operator", .verb = "remove", .summary = "shut a person out, at once",
      .details = "Its certificates count no longer from this moment on, its roles are gone, its open code is void. "
                 "What it did stays in the audit trail.",
      .positional = one, .method = HTTP_DELETE, .path = "/v1/operators/{operator}", .fields = no_fields,
      .destroys = "operator '{operator}' and its roles", .done = "operator {name} removed" },
    { 0 },
};
/* clang-format on */
