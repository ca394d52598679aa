#include "cli/command.h"
#include "cli/nouns.h"

/* clang-format off */
const struct noun nouns[] = {
    { "cluster",    "clusters: make, take in, export to their machines",  cluster_commands,    false },
    { "node",       "machines and their agents",                          node_commands,       false },
    { "authority",  "the five certificate authorities of a cluster",      authority_commands,  false },
    { "kubeconfig", "access for people",                                  kubeconfig_commands, false },
    { "cert",       "certificates: sign, list, check",                    cert_commands,       false },
    { "profile",    "what certificates may say",                          profile_commands,    false },
    { "audit",      "the audit trail: who did what",                      audit_commands,      false },
    { "key",        "the key that seals all others",                      key_commands,        false },
    { "state",      "the state directory: backup, restore, check",        state_commands,      false },
    { "agent",      "the agent of a machine",                             agent_commands,      false },
    { "serve",      "the daemon",                                         serve_commands,      false },
    { "operator",   "people who may use this installation",               operator_commands,   false },
    { "role",       "who may do what where",                              role_commands,       false },
    { "installation", "the installation itself: its own authorities",     installation_commands, false },
    { "context",    "the servers that commands can go to",                context_commands,    false },
    { "login",      "a certificate for a server, by a code",              login_commands,      false },
    { "api",        "the API behind the commands",                        api_commands,        false },
    { "help",       "help on a command",                                  help_commands,       false },
    { "man",        "manual pages",                                       man_commands,        false },
    { "completion", "completion for a shell",                             completion_commands, false },
    { "version",    "the version of this program",                        version_commands,    false },
    { "__complete", "what can stand here: called by the shells",          complete_commands,   true  },
    { 0 },
};

const struct option global_options[] = {
    { .name = "state", .json = "state", .type = OPTION_FOLDER, .value = "DIR",
      .otherwise = "$POTERNE_STATE; else /var/lib/poterne for root, ~/.local/state/poterne for others",
      .help = "where everything is kept" },
    { .name = "context", .json = "at_context", .type = OPTION_TEXT, .value = "NAME", .complete = "context",
      .otherwise = "the one that 'poterne context use' chose; with --state this machine",
      .help = "which server answers; 'local' is this machine" },
    { .name = "server", .json = "at_server", .type = OPTION_TEXT, .value = "URL",
      .help = "the same by its address, which a context must know" },
    { .name = "output", .letter = 'o', .json = "output", .type = OPTION_CHOICE, .value = "FORMAT",
      .choices = "table|wide|json|yaml|name", .otherwise = "table",
      .help = "how the reply is printed; with json, an error is printed as JSON too, on stderr" },
    { .name = "quiet", .letter = 'q', .json = "quiet", .type = OPTION_FLAG,
      .help = "no word on stderr but warnings and errors" },
    { .name = "no-color", .json = "no_color", .type = OPTION_FLAG,
      .help = "no colour on a terminal either; NO_COLOR in the environment says the same" },
    { .name = "accept-clock", .json = "accept_clock", .type = OPTION_FLAG,
      .help = "go on although the clock is behind the last record; this is recorded" },
    { .name = "help", .letter = 'h', .json = "help", .type = OPTION_FLAG, .help = "this help" },
    { 0 },
};
static const struct option yes_option = { /* of every command that destroys */
    .name = "yes", .json = "yes", .type = OPTION_FLAG, .help = "do not ask: destroy it",
};
static const struct option watch_option = { /* of every list that can be followed */
    .name = "watch", .letter = 'w', .json = "watch", .type = OPTION_FLAG,
    .help = "go on, and print what changes as it changes",
};
/* clang-format on */

const struct noun *noun_find(const char *name)
{
    for (const struct noun *n = nouns; n->name; n++)
        if (strcmp(n->name, name) == 0)
            return n;
    return NULL;
}

bool noun_is_command(const struct noun *noun)
{
    return noun->commands[0].verb == NULL;
}

const struct command *noun_command(const struct noun *noun, const char *verb)
{
    for (const struct command *c = noun->commands; c->noun; c++)
        if (!c->verb || (verb && strcmp(c->verb, verb) == 0))
            return c;
    return NULL;
}

/* `kubeconfig issue --server` is the API server's. */
static bool is_shadowed(const struct command *command, const struct option *global)
{
    for (const struct option *o = command ? command->options : NULL; o && o->name; o++)
        if (strcmp(o->name, global->name) == 0)
            return true;
    return false;
}

const struct option *option_at(const struct command *command, size_t index)
{
    size_t own = 0, global = 0;

    while (command && command->options && command->options[own].name)
        own++;
    if (index < own)
        return &command->options[index];
    index -= own;
    if (command && command->destroys && index-- == 0)
        return &yes_option;
    if (command && command->watched && index-- == 0)
        return &watch_option;
    while (global_options[global].name) {
        if (!is_shadowed(command, &global_options[global]) && index-- == 0)
            return &global_options[global];
        global++;
    }
    return NULL;
}

const struct option *option_find(const struct command *command, struct slice name)
{
    const struct option *o;

    for (size_t i = 0; (o = option_at(command, i)); i++)
        if (slice_eq_str(name, o->name))
            return o;
    return NULL;
}

const struct option *option_of_letter(const struct command *command, char letter)
{
    const struct option *o;

    for (size_t i = 0; (o = option_at(command, i)); i++)
        if (o->letter && o->letter == letter)
            return o;
    return NULL;
}
