#include "cli/nouns.h"

/* clang-format off */
static const struct positional added[] = {
    { .name = "CLUSTER", .json = "cluster", .complete = "cluster", .help = "name of the cluster" },
    { .name = "MACHINE", .json = "machine", .help = "MACHINE=ADDR[,ADDR|NAME...] for a new one; the name alone for one of the cluster" },
    { 0 },
};
static const struct positional one[] = {
    { .name = "CLUSTER", .json = "cluster", .complete = "cluster", .help = "name of the cluster" },
    { .name = "MACHINE", .json = "machine", .complete = "machine", .help = "name of the machine" },
    { 0 },
};
static const struct option add_options[] = {
    { .name = "role", .json = "role", .type = OPTION_CHOICE, .required = true, .value = "ROLE",
      .choices = "control-plane|etcd|worker", .help = "what it is for" },
    { .name = "ttl", .json = "ttl", .type = OPTION_DURATION, .value = "DURATION", .otherwise = "1h",
      .help = "how long it may take to join" },
    { .name = "join-url", .json = "server", .type = OPTION_TEXT, .value = "URL",
      .help = "where the machine reaches the daemon: https://HOST:PORT" },
    { 0 },
};
static const struct column invitation_fields[] = {
    { "Run there", "command", COLUMN_TEXT,      false },
    { "Until",     "expires", COLUMN_TIME,      false },
    { "CA hash",   "ca_hash", COLUMN_TEXT,      true  },
    { 0 },
};
static const struct column list_columns[] = {
    { "NAME",        "name",       COLUMN_TEXT,      false },
    { "STATE",       "state",      COLUMN_TEXT,      false },
    { "CORDONED",    "cordoned",   COLUMN_BOOL,      false },
    { "ROLES",       "roles",      COLUMN_LIST,      false },
    { "ADDRESSES",   "addresses",  COLUMN_LIST,      false },
    { "COMPONENTS",  "components", COLUMN_TEXT,      false },
    { "CERTIFICATE", "not_after",  COLUMN_TIME_LEFT, false },
    { "REPORTED",    "reported",   COLUMN_TIME,      true  },
    { "CLOCK",       "skew",       COLUMN_TEXT,      true  },
    { "SERIAL",      "serial",     COLUMN_TEXT,      true  },
    { "REASON",      "reason",     COLUMN_TEXT,      true  },
    { 0 },
};
static const struct column fields[] = {
    { "Cluster",       "cluster",       COLUMN_TEXT, false },
    { "Machine",       "name",          COLUMN_TEXT, false },
    { "State",         "state",         COLUMN_TEXT, false },
    { "Because",       "reason",        COLUMN_TEXT, false },
    { "Cordoned",      "cordoned",      COLUMN_BOOL, false },
    { "Roles",         "roles",         COLUMN_LIST, false },
    { "Addresses",     "addresses",     COLUMN_LIST, false },
    { "Invited until", "invited_until", COLUMN_TIME, false },
    { "Joined",        "joined",        COLUMN_TIME, false },
    { "Certificate",   "not_after",     COLUMN_TIME_LEFT, false },
    { "Reported",      "reported",      COLUMN_TIME, false },
    { "Clock is off by", "skew",        COLUMN_TEXT, false },
    { "Error",         "error",         COLUMN_TEXT, false },
    { "Folder",        "prefix",        COLUMN_TEXT, true  },
    { "Layout",        "layout",        COLUMN_TEXT, true  },
    { 0 },
};
static const struct column item_columns[] = {
    { "COMPONENT", "component", COLUMN_TEXT, false },
    { "FILE",      "path",      COLUMN_TEXT, false },
    { "STATE",     "state",     COLUMN_TEXT, false },
    { "SINCE",     "since",     COLUMN_TIME, false },
    { "RENEWS",    "renews",    COLUMN_TIME_LEFT, false },
    { "ERROR",     "error",     COLUMN_TEXT, false },
    { "WANTED",    "wanted",    COLUMN_TEXT, true  },
    { "INSTALLED", "installed", COLUMN_TEXT, true  },
    { "LOADED",    "loaded",    COLUMN_TEXT, true  },
    { 0 },
};
static const struct column no_fields[] = { { 0 } };

#define NODE "/v1/clusters/{cluster}/nodes/{machine}"

const struct command node_commands[] = {
    { .noun = "node", .verb = "add", .summary = "invite a machine: prints the one command to run there",
      .details =
          "The names and addresses that the machine's certificates will carry are those given here, or those of the "
          "cluster's record; nothing that the machine says adds to them. The token works once, for this machine, until "
          "the time that is shown, and is kept as a hash alone. For a machine that joined before it means a new key: "
          "what it has is refused as soon as the new one is made.",
      .example = "poterne node add demo w1=10.0.0.11 --role worker --join-url https://10.0.0.1:7443\n"
                 "# a machine that 'cluster create' named\n"
                 "poterne node add demo cp1 --role control-plane",
      .positional = added, .options = add_options, .method = HTTP_POST, .path = "/v1/clusters/{cluster}/nodes",
      .identity = "command", .fields = invitation_fields, .done = "machine {name} is invited" },
    { .noun = "node", .verb = "list", .summary = "the machines of a cluster and their agents",
      .positional = cluster_positional, .method = HTTP_GET, .path = "/v1/clusters/{cluster}/nodes",
      .items = "items", .columns = list_columns, .empty = "no machines" },
    { .noun = "node", .verb = "show", .summary = "one machine, and what its agent says",
      .positional = one, .method = HTTP_GET, .path = NODE, .fields = fields, .items = "items", .columns = item_columns },
    { .noun = "node", .verb = "remove", .summary = "take a machine out of the cluster",
      .details = "Its agent is refused at once and nothing is issued for it any more. What was issued stays valid until "
                 "it expires; the files on the machine stay.",
      .positional = one, .method = HTTP_DELETE, .path = NODE, .fields = no_fields,
      .destroys = "machine '{machine}' of cluster '{cluster}': its place and its agent's access",
      .done = "machine {name} removed" },
    { .noun = "node", .verb = "cordon", .summary = "no changes on a machine for now",
      .positional = one, .method = HTTP_POST, .path = NODE "/cordon", .fields = no_fields, .done = "machine {name} cordoned" },
    { .noun = "node", .verb = "uncordon", .summary = "changes again; a rollout that it stopped goes on",
      .positional = one, .method = HTTP_POST, .path = NODE "/uncordon", .fields = no_fields, .done = "machine {name} uncordoned" },
    { .noun = "node", .verb = "approve", .summary = "let a machine go on that was blocked as cloned",
      .details = "The first agent to come with the machine's certificate is taken for the machine. Stop the clone first, "
                 "or join the machine again, with 'poterne node add' and a new key.",
      .positional = one, .method = HTTP_POST, .path = NODE "/approval", .fields = no_fields, .done = "machine {name} approved" },
    { .noun = "node", .verb = "renew", .summary = "have a machine renew every certificate now",
      .positional = one, .method = HTTP_POST, .path = NODE "/renewal", .fields = no_fields,
      .done = "machine {name} will renew its certificates" },
    { 0 },
};
/* clang-format on */
