#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include "daemon/option.h"
#include "wire/json.h"

/* The options' values: what the daemon runs with. Texts are owned; NULL: none. */
struct settings_list {
    char **text;
    size_t count;
};
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };         /* as in the table */
enum sandbox_mode { SANDBOX_MODE_ENFORCE, SANDBOX_MODE_LOG }; /* as in the table */
struct settings {
    char *config, *state, *socket, *socket_group, *user;
    struct settings_list listen, names;
    int64_t threads, max_connections, drain_timeout, certificate_lifetime;
    int64_t log_format, log_level, sandbox;
    bool check;
};
enum {
    THREADS_MOST = 32,
    SETTINGS_TEXT = 1024,
    SETTINGS_LIST = 64,
    SETTINGS_FILE = 1 << 20
}; /* most bytes, elements */

void settings_clear(struct settings *s);

/* Flags over file over defaults. `flags`: an object {"option": value}; state: --state or NULL;
 * file: option `config`, or /etc/poterne/poterne.yaml for root when it is there. ERR_INVALID names
 * file, line and option. */
int settings_read(struct settings *s, const struct json_value *flags, const char *state,
                  struct err *e) MUST_CHECK;
/* Takes over members by name. */
int settings_apply(struct settings *s, const struct json_value *values, struct err *e) MUST_CHECK;
/* As one object that settings_apply reads back: what is handed to the daemon's processes. */
void settings_write(const struct settings *s, struct json_writer *w, const char *key);

/* Takes over from `next` what a running daemon can take up. Names of options that changed and can,
 * and of those that wait for a restart, with commas; the buffers stay empty when there is none. */
void settings_reload(struct settings *running, struct settings *next, struct buf *taken,
                     struct buf *waiting);

/* Checks of options. */
/* ADDRESS:PORT, [V6]:PORT, *:PORT; port 0: one that is free, which the log names. */
int settings_check_listen(const char *text, struct err *e);
int settings_check_name(const char *text, struct err *e); /* a DNS name or an IP address */

#endif
