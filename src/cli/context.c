#include "cli/nouns.h"

/* clang-format off */
static const struct positional name[] = {
    { .name = "NAME", .json = "name", .complete = "context", .help = "name of the context; 'local' is this machine" },
    { 0 },
};
static const struct positional maybe_name[] = {
    { .name = "NAME", .json = "name", .optional = true, .complete = "context", .help = "which one, if not the current one" },
    { 0 },
};
static const struct positional new_name[] = {
    { .name = "NAME", .json = "name", .help = "name of the new context" },
    { 0 },
};

static const struct option add_options[] = {
    { .name = "server", .json = "server", .type = OPTION_TEXT, .required = true, .value = "URL",
      .help = "https://HOST:PORT" },
    { .name = "ca", .json = "ca", .type = OPTION_FILE, .required = true, .value = "FILE|sha256:HEX",
      .help = "what proves the server: certificates in PEM, or the hash of an authority's public key" },
    { .name = "certificate", .json = "certificate", .type = OPTION_FILE, .value = "FILE",
      .help = "your certificate, in PEM" },
    { .name = "key", .json = "key", .type = OPTION_FILE, .value = "FILE", .help = "its key, in PEM" },
    { 0 },
};
static const struct option login_options[] = {
    { .name = "server", .json = "server", .type = OPTION_TEXT, .required = true, .value = "URL",
      .help = "https://HOST:PORT of the daemon" },
    { .name = "ca-hash", .json = "ca_hash", .type = OPTION_TEXT, .value = "sha256:HEX",
      .help = "hash of the public key of the daemon's authority, as 'operator invite' prints it" },
    { .name = "ca", .json = "ca", .type = OPTION_FILE, .value = "FILE",
      .help = "or the authority itself, in PEM" },
    { .name = "code-file", .json = "code_file", .type = OPTION_FILE, .value = "FILE",
      .otherwise = "stdin, or asked for on the terminal", .help = "where the one-time code stands; '-' is stdin" },
    { .name = "name", .json = "name", .type = OPTION_TEXT, .value = "NAME", .otherwise = "the host of URL",
      .help = "name of the context that is made" },
    { 0 },
};

static const struct column list_columns[] = {
    { "NAME",        "name",        COLUMN_TEXT,      false },
    { "CURRENT",     "current",     COLUMN_BOOL,      false },
    { "SERVER",      "server",      COLUMN_TEXT,      false },
    { "EXPIRES",     "expires",     COLUMN_TIME_LEFT, false },
    { "IDENTITY",    "identity",    COLUMN_TEXT,      true  },
    { "CA",          "ca",          COLUMN_TEXT,      true  },
    { "CERTIFICATE", "certificate", COLUMN_TEXT,      true  },
    { 0 },
};
static const struct column fields[] = {
    { "Name",        "name",        COLUMN_TEXT, false },
    { "Current",     "current",     COLUMN_BOOL, false },
    { "Server",      "server",      COLUMN_TEXT, false },
    { "CA",          "ca",          COLUMN_TEXT, false },
    { "Certificate", "certificate", COLUMN_TEXT, false },
    { "Key",         "key",         COLUMN_TEXT, false },
    { "Identity",    "identity",    COLUMN_TEXT, false },
    { "Expires",     "expires",     COLUMN_TIME, false },
    { 0 },
};
static const struct column no_fields[] = { { 0 } };

const struct command context_commands[] = {
    { .noun = "context", .verb = "list", .summary = "the servers that you can use",
      .local = client_context_list, .kind = "ContextList", .offline = true,
      .fields = no_fields, .items = "items", .columns = list_columns },
    { .noun = "context", .verb = "show", .summary = "one of them, or the current one",
      .positional = maybe_name, .local = client_context_show, .kind = "Context", .offline = true, .fields = fields },
    { .noun = "context", .verb = "use", .summary = "where commands go from now on",
      .details =
          "Commands without --context, --server or --state go there. 'poterne context use local' goes back to this "
          "machine.",
      .positional = name, .local = client_context_use, .kind = "Context", .offline = true, .fields = no_fields,
      .done = "commands go to {name} now" },
    { .noun = "context", .verb = "add", .summary = "name a server, with what proves it and a certificate",
      .details =
          "For certificates that you have already; 'poterne login' makes a context with a certificate of its own.",
      .example = "poterne context add prod --server https://poterne.example.com:8443 --ca ca.pem \\\n"
                 "    --certificate me.pem --key me.key",
      .positional = new_name, .options = add_options, .local = client_context_add, .kind = "Context", .offline = true,
      .fields = no_fields, .done = "context {name} added" },
    { .noun = "context", .verb = "remove", .summary = "forget a server, and the key and certificate of its login",
      .positional = name, .local = client_context_remove, .kind = "Context", .offline = true, .fields = no_fields,
      .done = "context {name} removed" },
    { 0 },
};

const struct command login_commands[] = {
    { .noun = "login", .summary = "redeem a one-time code for a certificate of a server",
      .details =
          "'poterne operator invite' prints the code and the whole command. The key is made here and stays here, for "
          "you alone (mode 0600). The certificate is short-lived, and renews itself while it is in use. The code is "
          "sent to nobody but the server that --ca-hash or --ca proves.",
      .example = "poterne login --server https://poterne.example.com:8443 \\\n"
                 "    --ca-hash sha256:3f1c... --code-file code.txt",
      .options = login_options, .local = client_login, .kind = "Login", .offline = true, .identity = "context",
      .fields = no_fields, .done = "logged in to {server} until {expires}: context {context}" },
    { 0 },
};
/* clang-format on */
