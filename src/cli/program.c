#include "cli/nouns.h"

/* clang-format off */

/* ---- profile ---- */

static const struct column profile_columns[] = {
    { "PROFILE",     "name",        COLUMN_TEXT, false },
    { "AUTHORITY",   "authority",   COLUMN_TEXT, false },
    { "GOOD AS",     "usage",       COLUMN_TEXT, false },
    { "COMMON NAME", "common_name", COLUMN_TEXT, false },
    { "GROUP",       "group",       COLUMN_TEXT, false },
    { "WHAT FOR",    "help",        COLUMN_TEXT, true  },
    { 0 },
};
const struct command profile_commands[] = {
    { .noun = "profile", .verb = "list", .summary = "the profiles, and which authority signs them",
      .method = HTTP_GET, .path = "/v1/profiles", .items = "items", .columns = profile_columns },
    { 0 },
};

/* ---- what this program says about itself ---- */

const struct command api_commands[] = {
    { .noun = "api", .verb = "describe", .summary = "the API behind the commands, as OpenAPI 3.1",
      .example = "poterne api describe > openapi.json", .builtin = builtin_describe },
    { 0 },
};

static const struct positional subject[] = {
    { .name = "NOUN", .json = "noun", .optional = true, .complete = "noun", .help = "cluster, cert, ..." },
    { .name = "VERB", .json = "verb", .optional = true, .complete = "verb", .help = "create, list, ..." },
    { 0 },
};
const struct command help_commands[] = {
    { .noun = "help", .summary = "help on a command",
      .example = "poterne help cluster create", .positional = subject, .builtin = builtin_help },
    { 0 },
};

static const struct option man_options[] = {
    { .name = "all", .json = "all", .type = OPTION_FOLDER, .value = "DIR",
      .help = "write every page to a file in that folder: poterne.1, poterne-cluster.1, ..." },
    { 0 },
};
const struct command man_commands[] = {
    { .noun = "man", .summary = "a manual page",
      .example = "poterne man cluster create | man -l -", .positional = subject, .options = man_options,
      .builtin = builtin_man },
    { 0 },
};

static const struct positional shell[] = {
    { .name = "SHELL", .json = "shell", .choices = "bash|zsh|fish", .help = "which shell" },
    { 0 },
};
const struct command completion_commands[] = {
    { .noun = "completion", .summary = "a script that completes commands, options and names",
      .example = "# bash, in ~/.bashrc\n"
                 "source <(poterne completion bash)\n"
                 "# zsh, to a folder of $fpath\n"
                 "poterne completion zsh > ~/.zfunc/_poterne\n"
                 "# fish\n"
                 "poterne completion fish > ~/.config/fish/completions/poterne.fish",
      .positional = shell, .builtin = builtin_completion },
    { 0 },
};

/* "poterne __complete -- WORD...": the last word is the one under way. */
static const struct positional words[] = {
    { .name = "WORD", .json = "words", .repeated = true, .may_be_empty = true, .help = "the command line so far" },
    { 0 },
};
const struct command complete_commands[] = {
    { .noun = "__complete", .summary = "what can stand here", .positional = words, .builtin = builtin_complete },
    { 0 },
};

const struct command version_commands[] = {
    { .noun = "version", .summary = "the version of this program", .identity = "version", .builtin = builtin_version },
    { 0 },
};
/* clang-format on */
