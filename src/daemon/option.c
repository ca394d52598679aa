#include "daemon/option.h"

#include "base/clock.h"
#include "base/suggest.h"
#include "daemon/settings.h"

#define AT(member) .offset = offsetof(struct settings, member)

/* clang-format off */
const struct daemon_option daemon_options[] = {
    { .name = "config", .type = DAEMON_PATH, .place = DAEMON_FLAG_ONLY, .value = "FILE", AT(config),
      .derived = "/etc/poterne/poterne.yaml for root, if it is there",
      .help = "the configuration file" },
    { .name = "check", .type = DAEMON_FLAG, .place = DAEMON_FLAG_ONLY, AT(check),
      .help = "read flags and file, say what is wrong with them, and start nothing" },
    { .name = "state", .type = DAEMON_PATH, .place = DAEMON_STATE, .value = "DIR", AT(state),
      .derived = "$POTERNE_STATE; else /var/lib/poterne for root, ~/.local/state/poterne for others",
      .help = "where everything is kept; front and keeper run as its owner" },
    { .name = "user", .type = DAEMON_TEXT, .value = "NAME", .otherwise = "poterne", AT(user),
      .help = "when root starts the daemon: who is to own a state directory that is not there yet" },
    { .name = "listen", .type = DAEMON_LIST, .value = "ADDRESS:PORT", .check = settings_check_listen, AT(listen),
      .derived = "none: the unix socket only",
      .help = "where HTTPS is served: an IP address and a port, as in 10.0.0.1:8443, [fd00::1]:8443 or, for every "
              "address, *:8443" },
    { .name = "socket", .type = DAEMON_PATH, .value = "PATH", AT(socket),
      .derived = "/run/poterne/poterne.sock for root, $XDG_RUNTIME_DIR/poterne.sock for others",
      .help = "the unix socket where commands on this machine find the daemon" },
    { .name = "socket-group", .type = DAEMON_TEXT, .value = "GROUP", .otherwise = "poterne", AT(socket_group),
      .help = "when root starts the daemon: the group that may connect to the unix socket, if there is such a group" },
    { .name = "names", .type = DAEMON_LIST, .reload = true, .value = "NAME", .check = settings_check_name, AT(names),
      .derived = "none beside the host's name and the addresses of listen",
      .help = "more DNS names and IP addresses for the daemon's own certificate" },
    { .name = "certificate-lifetime", .type = DAEMON_DURATION, .reload = true, .value = "DURATION",
      .least = 600, .most = 90 * 86400, .otherwise = "24h", AT(certificate_lifetime),
      .help = "how long the daemon's own certificate lives; it is renewed at two thirds of it" },
    { .name = "threads", .type = DAEMON_NUMBER, .value = "N", .least = 1, .most = THREADS_MOST, AT(threads),
      .derived = "four a processor, from 8 to 16",
      .help = "threads that serve requests; one that writes waits for the disk, and writes that wait together "
              "share one wait" },
    { .name = "max-connections", .type = DAEMON_NUMBER, .value = "N", .least = 1, .most = 1000000,
      .otherwise = "16384", AT(max_connections),
      .help = "connections open at once; more are refused" },
    { .name = "drain-timeout", .type = DAEMON_DURATION, .reload = true, .value = "DURATION",
      .least = 1, .most = 3600, .otherwise = "10s", AT(drain_timeout),
      .help = "how long requests under way may take to end once the daemon is told to stop" },
    { .name = "log-format", .type = DAEMON_CHOICE, .reload = true, .value = "FORMAT", .choices = "text|json",
      .otherwise = "text", AT(log_format),
      .help = "how a line of the log is written, on stderr" },
    { .name = "log-level", .type = DAEMON_CHOICE, .reload = true, .value = "LEVEL", .choices = "error|warn|info",
      .otherwise = "info", AT(log_level),
      .help = "what is logged; requests are of level info" },
    { .name = "sandbox", .type = DAEMON_CHOICE, .value = "MODE", .choices = "enforce|log", .otherwise = "enforce",
      AT(sandbox),
      .help = "a system call outside of a process's list ends that process (enforce), or is only written to the "
              "kernel's log: to find out why a daemon does not run on a new system" },
    { 0 },
};
/* clang-format on */

const struct daemon_option *daemon_option_find(const char *name)
{
    for (const struct daemon_option *o = daemon_options; o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

int daemon_option_unknown(const char *name, struct err *e)
{
    struct suggestion s = { .typed = name };

    for (const struct daemon_option *o = daemon_options; o->name; o++)
        if (o->place != DAEMON_FLAG_ONLY)
            suggest(&s, o->name);
    if (s.best)
        return err_set(e, ERR_INVALID, "unknown option '%.80s'; did you mean '%s'?", name, s.best);
    return err_set(e, ERR_INVALID, "unknown option '%.80s'", name);
}

int daemon_choice(const char *choices, const char *word)
{
    struct slice rest = slice_str(choices), head;
    bool more = true;

    for (int i = 0; more; i++) {
        more = slice_cut(&rest, '|', &head);
        if (slice_eq_str(more ? head : rest, word))
            return i;
    }
    return -1;
}

/* ---- the page of the docs ---- */

static const char page_head[] =
    "# Configuration of the daemon\n"
    "\n"
    "`poterne serve` takes every option as a flag (`--drain-timeout 30s`) or as a key of one YAML "
    "file\n"
    "(`drain-timeout: 30s`). A flag goes before the file, the file before the default. The file is "
    "the\n"
    "one that `--config` names; root's daemon reads `/etc/poterne/poterne.yaml` when it is there "
    "and none\n"
    "is named. A key that is unknown, twice there or of the wrong kind is refused, with its line;\n"
    "`poterne serve --check` looks at flags and file and starts nothing.\n"
    "\n"
    "```yaml\n"
    "listen:\n"
    "  - 10.0.0.1:8443\n"
    "names: [poterne.example.org]\n"
    "log-format: json\n"
    "```\n"
    "\n"
    "Without `listen` the daemon serves its unix socket alone. SIGHUP (`systemctl reload poterne`) "
    "reads\n"
    "file and flags again: what can be taken up is, and the log names what waits for a restart. A "
    "file\n"
    "that is wrong then changes nothing.\n"
    "\n"
    "This page is printed from the option table of the program.\n"
    "\n"
    "| option | value | default | on reload | what it is |\n"
    "|---|---|---|---|---|\n";

static void put_cell(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_addf(out, *text == '|' ? "\\%c" : "%c", *text);
}

static void put_value(struct buf *out, const struct daemon_option *o)
{
    CLEANUP(buf_clear) struct buf least = { 0 };
    CLEANUP(buf_clear) struct buf most = { 0 };

    if (o->type == DAEMON_FLAG) {
        buf_add_str(out, "flag");
    } else if (o->choices) {
        put_cell(out, o->choices);
    } else if (o->type == DAEMON_NUMBER) {
        buf_addf(out, "%lld to %lld", (long long)o->least, (long long)o->most);
    } else if (o->type == DAEMON_DURATION) {
        duration_format(&least, o->least);
        duration_format(&most, o->most);
        buf_addf(out, "%s to %s", buf_str(&least), buf_str(&most));
    } else {
        buf_addf(out, "%s%s", o->value, o->type == DAEMON_LIST ? ", several" : "");
    }
}

void daemon_options_page(struct buf *out)
{
    buf_add_str(out, page_head);
    for (const struct daemon_option *o = daemon_options; o->name; o++) {
        buf_addf(out, o->place == DAEMON_FLAG_ONLY ? "| `--%s` (flag only) | " : "| `%s` | ",
                 o->name);
        put_value(out, o);
        buf_addf(out, " | %s | %s | ",
                 o->otherwise ? o->otherwise
                 : o->derived ? o->derived
                              : "",
                 o->reload ? "taken up" : "");
        put_cell(out, o->help);
        buf_add_str(out, " |\n");
    }
}
