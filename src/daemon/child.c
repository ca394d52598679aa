#include "daemon/process.h"

#include "base/alloc.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/hooks.h"
#include "daemon/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { CHANNEL = 3 };

struct daemon_hooks daemon_hooks = { .landlock_abi = SANDBOX_ABI_NEWEST };

void child_clear(struct child *c)
{
    settings_clear(&c->settings);
    channel_fds_clear(&c->fds);
    free(c->script);
    free(c->installation);
    fd_closep(&c->channel);
}

static char *text_of(const struct json_value *message, const char *key)
{
    const char *text = json_text(json_get(message, key));

    return text ? xstrdup(text) : NULL;
}

static int begin(struct child *c, const struct json_value *m, struct err *e)
{
    if (settings_apply(&c->settings, json_get(m, "settings"), e))
        return -1;
    c->uid = (uid_t)json_int(json_get(m, "uid"), -1);
    c->gid = (gid_t)json_int(json_get(m, "gid"), -1);
    c->supervisor = (pid_t)json_int(json_get(m, "supervisor"), 0);
    c->landlock_abi = (int)json_int(json_get(m, "landlock"), SANDBOX_ABI_NEWEST);
    c->script = text_of(m, "script");
    c->installation = text_of(m, "installation");
    log_set_level((enum log_level)c->settings.log_level);
    log_set_json(c->settings.log_format == LOG_FORMAT_JSON, process_names[c->role]);
    return 0;
}

int child_begin(struct child *c, enum process_role role, struct err *e)
{
    CLEANUP(json_freep) struct json *message = NULL;

    *c = (struct child){ .role = role, .channel = CHANNEL };
    if (fcntl(CHANNEL, F_SETFD, FD_CLOEXEC) || channel_receive(CHANNEL, &message, &c->fds, e))
        return err_set(e, ERR_INVALID, "this is a process of 'poterne serve', for nobody to start");
    if (!message)
        return err_set(e, ERR_UNREACHABLE, "the supervisor is gone");
    return begin(c, json_root(message), e);
}

int child_drop(const struct child *c, struct err *e)
{
    if (sandbox_become(c->uid, c->gid, e))
        return -1;
    /* A change of user took it away. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
        return err_errno(e, "ask to end with the supervisor");
    if (getppid() != c->supervisor)
        return err_set(e, ERR_UNREACHABLE, "the supervisor is gone");
    return 0;
}

int child_ready(const struct child *c, const char *text, struct err *e)
{
    CLEANUP(buf_clear) struct buf message = { 0 };
    struct json_writer w;

    json_writer_init(&w, &message, false);
    json_put_object(&w, NULL);
    json_put_bool(&w, "ready", true);
    json_put_text(&w, "text", text);
    json_put_end(&w);
    return channel_send(c->channel, buf_slice(&message), NULL, e);
}

void child_fatal(const struct child *c, const struct err *why)
{
    CLEANUP(buf_clear) struct buf message = { 0 };
    struct json_writer w;

    json_writer_init(&w, &message, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "fatal", err_text(why));
    json_put_text(&w, "code", err_kind(why->code)->name);
    json_put_end(&w);
    if (channel_send(c->channel, buf_slice(&message), NULL, NULL))
        log_line(LOG_LEVEL_ERROR, "%s", err_text(why)); /* nobody else is left to say it */
}

static role_main *const mains[PROCESSES] = {
    [PROCESS_PREPARE] = prepare_main,
    [PROCESS_KEEPER] = keeper_main,
    [PROCESS_FRONT] = front_main,
};

bool daemon_child(int argc, char *const *argv, int *exit_code)
{
    CLEANUP(child_clear) struct child c = { .channel = -1 };
    enum process_role role = child_role(argc, argv);
    struct err e = { 0 };

    if (role == PROCESSES)
        return false;
    *exit_code = 0;
    if (child_begin(&c, role, &e) || mains[role](&c, &e)) {
        child_fatal(&c, &e);
        *exit_code = 1;
    }
    return true;
}
