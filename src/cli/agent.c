#include "cli/nouns.h"

/* clang-format off */
static const struct option join_options[] = {
    { .name = "server", .json = "server", .type = OPTION_TEXT, .required = true, .value = "URL",
      .help = "the daemon: https://HOST:PORT" },
    { .name = "ca-hash", .json = "ca_hash", .type = OPTION_TEXT, .required = true, .value = "sha256:HEX",
      .help = "hash of the key of the daemon's authority, as 'node add' printed it" },
    { .name = "token", .json = "token", .type = OPTION_TEXT, .value = "TOKEN", .help = "the join token" },
    { .name = "token-file", .json = "token_file", .type = OPTION_FILE, .value = "FILE",
      .help = "a file that holds it, where others can list this machine's processes" },
    { .name = "machine", .json = "machine", .type = OPTION_TEXT, .value = "MACHINE",
      .help = "refuse a token of any other machine" },
    { .name = "root", .json = "root", .type = OPTION_FOLDER, .value = "DIR", .otherwise = "/etc/kubernetes",
      .help = "where files are installed" },
    { .name = "layout", .json = "layout", .type = OPTION_CHOICE, .value = "LAYOUT", .choices = "kubeadm|systemd",
      .otherwise = "systemd",
      .help = "kubeconfigs that hold their certificate (kubeadm), or name files that are read again (systemd)" },
    { .name = "home", .json = "home", .type = OPTION_FOLDER, .value = "DIR", .otherwise = "/etc/poterne",
      .help = "the agent's own folder: its key, its list" },
    { 0 },
};
static const struct option run_options[] = {
    { .name = "once", .json = "once", .type = OPTION_FLAG, .help = "one round, then end" },
    { .name = "dry-run", .json = "dry_run", .type = OPTION_FLAG, .help = "say what would be done, and do nothing" },
    { .name = "home", .json = "home", .type = OPTION_FOLDER, .value = "DIR", .otherwise = "/etc/poterne",
      .help = "the agent's own folder" },
    { 0 },
};

const struct command agent_commands[] = {
    { .noun = "agent", .verb = "join", .summary = "make this machine one of a cluster",
      .details =
          "Makes the machine's key here, has it certified for the token that 'poterne node add' printed, and writes the "
          "list of what the agent may touch: agent.yaml in its folder, root's to change. The daemon chooses from that "
          "list and cannot add to it.",
      .example = "poterne agent join --server https://10.0.0.1:7443 --ca-hash sha256:... --token-file token",
      .options = join_options, .program = true },
    { .noun = "agent", .verb = "run", .summary = "keep this machine's certificates: install, renew, confirm",
      .details =
          "Asks the daemon what is wanted, makes keys here and has them signed, installs files atomically, has "
          "components take them up and sees what they have loaded. While the daemon is away it goes on with what it "
          "knows.",
      .options = run_options, .program = true },
    { 0 },
};
/* clang-format on */
