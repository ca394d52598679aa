#include "cli/nouns.h"

struct option serve_options[SERVE_OPTIONS + 1];

/* clang-format off */
const struct command serve_commands[] = {
    { .noun = "serve", .summary = "run the daemon: serve this installation to people and machines",
      .details = "Three processes: a supervisor without input, a front that holds the sockets and no long-lived "
                 "key, and a keeper that holds the keys and has no network. While it runs, commands on the same "
                 "state directory go to it through its unix socket.\n\n"
                 "Every option is also a key of the configuration file. SIGHUP reads the file again, SIGTERM lets "
                 "requests under way end and stops.",
      .example = "# on this machine only, through the unix socket\n"
                 "poterne serve\n"
                 "# over HTTPS too\n"
                 "poterne serve --listen 10.0.0.1:8443 --names poterne.example.org\n"
                 "# is this file right?\n"
                 "poterne serve --config /etc/poterne/poterne.yaml --check",
      .options = serve_options, .program = true },
    { 0 },
};
/* clang-format on */
