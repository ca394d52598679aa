#include "daemon/supervisor.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/hooks.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum phase {
    PHASE_PREPARING,
    PHASE_STARTING, /* keeper and front */
    PHASE_SERVING,
    PHASE_CLEARING, /* one of them ended: the other has to, too */
    PHASE_PAUSING,
    PHASE_DRAINING,
    PHASE_STOPPED,
};
enum { GRACE_MS = 2000, PREPARED_FDS = 2 };

struct supervisor {
    const struct supervisor_options *options;
    enum phase phase;
    int signals;
    struct process process[PROCESSES];
    char *installation;
    struct channel_fds prepared; /* root key, keeper's log */
    struct pause pause;
    int64_t started_ms; /* this life of the daemon */
    int64_t due_ms;     /* of PAUSING: start; of DRAINING: no more patience */
    int64_t watchdog_ms;
    bool answered;  /* the front, since the last sign of life */
    bool was_ready; /* at least once */
    struct err fatal;
    struct buf levels; /* "keeper: seccomp, ...; front: ..." */
};

static void set_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    (void)sigaddset(set, SIGCHLD);
}

static void supervisor_clear(struct supervisor *s)
{
    for (int i = 0; i < PROCESSES; i++) {
        struct process *p = &s->process[i];

        process_kill(p);
        if (p->pid > 0)
            (void)waitpid(p->pid, NULL, 0);
        fd_closep(&p->channel);
    }
    channel_fds_clear(&s->prepared);
    free(s->installation);
    buf_clear(&s->levels);
    fd_closep(&s->signals);
}

int64_t pause_next_ms(struct pause *p, int64_t lived_ms)
{
    if (lived_ms >= PAUSE_LIFE_MS)
        p->seconds = 0;
    p->seconds = p->seconds ? p->seconds * 2 : 1;
    if (p->seconds > PAUSE_MOST)
        p->seconds = PAUSE_MOST;
    return (int64_t)p->seconds * 1000;
}

/* ---- starting ---- */

static void write_begin(const struct supervisor *s, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out, false);
    json_put_object(&w, NULL);
    settings_write(s->options->settings, &w, "settings");
    json_put_int(&w, "uid", s->options->uid == (uid_t)-1 ? -1 : (int64_t)s->options->uid);
    json_put_int(&w, "gid", s->options->gid == (gid_t)-1 ? -1 : (int64_t)s->options->gid);
    json_put_int(&w, "supervisor", getpid());
    json_put_int(&w, "landlock", daemon_hooks.landlock_abi);
    if (daemon_hooks.script)
        json_put_text(&w, "script", daemon_hooks.script);
    if (s->installation)
        json_put_text(&w, "installation", s->installation);
    json_put_end(&w);
}

static int start(struct supervisor *s, enum process_role role, const struct channel_fds *fds,
                 struct err *e)
{
    CLEANUP(buf_clear) struct buf message = { 0 };

    write_begin(s, &message);
    if (process_start(&s->process[role], role, e))
        return -1;
    return channel_send(s->process[role].channel, buf_slice(&message), fds, e);
}

static int start_prepare(struct supervisor *s, struct err *e)
{
    CLEANUP(channel_fds_clear) struct channel_fds key = { 0 };
    const char *path = s->options->root_key;

    s->phase = PHASE_PREPARING;
    s->started_ms = clock_monotonic_ms();
    s->fatal = (struct err){ 0 };
    buf_reset(&s->levels);
    if (path) {
        key.fd[0] = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (key.fd[0] < 0)
            return err_errno(e, "open the credential '%s'", path);
        key.count = 1;
    }
    return start(s, PROCESS_PREPARE, &key, e);
}

/* A pair for each of the front's threads, and one for the front itself. */
static int make_pairs(const struct supervisor *s, struct channel_fds *keeper,
                      struct channel_fds *front, struct err *e)
{
    for (int64_t i = 0; i <= s->options->settings->threads; i++) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
            return err_errno(e, "make a socket pair");
        keeper->fd[keeper->count++] = pair[0];
        front->fd[front->count++] = pair[1];
    }
    return 0;
}

static int start_both(struct supervisor *s, struct err *e)
{
    CLEANUP(channel_fds_clear) struct channel_fds keeper = s->prepared;
    CLEANUP(channel_fds_clear) struct channel_fds front = { 0 };

    s->prepared.count = 0;
    s->phase = PHASE_STARTING;
    if (make_pairs(s, &keeper, &front, e) || start(s, PROCESS_KEEPER, &keeper, e) ||
        start(s, PROCESS_FRONT, &front, e) ||
        listeners_send(s->options->listeners, &s->process[PROCESS_FRONT], e))
        return -1;
    return process_tell(&s->process[PROCESS_FRONT], "start", e);
}

/* ---- all is ready ---- */

static void tell_ready(const struct supervisor *s)
{
    CLEANUP(buf_clear) struct buf status = { 0 };

    buf_add_str(&status, "serving on ");
    listeners_describe(s->options->listeners, &status);
    buf_addf(&status, "; %s", s->levels.len ? (const char *)s->levels.ptr : "");
    notify_ready(s->options->notify, buf_str(&status));
}

static void on_ready(struct supervisor *s, struct process *p, const char *text)
{
    CLEANUP(buf_clear) struct buf where = { 0 };

    if (p->ready || s->phase != PHASE_STARTING)
        return;
    p->ready = true;
    buf_addf(&s->levels, "%s%s: %s", s->levels.len ? "; " : "", process_names[p->role], text);
    (void)buf_str(&s->levels);
    if (!s->process[PROCESS_KEEPER].ready || !s->process[PROCESS_FRONT].ready)
        return;
    s->phase = PHASE_SERVING;
    s->was_ready = true;
    s->answered = true;
    s->watchdog_ms = clock_monotonic_ms();
    listeners_describe(s->options->listeners, &where);
    log_line(LOG_LEVEL_INFO, "serving %s on %s", s->options->settings->state, buf_str(&where));
    log_line(LOG_LEVEL_INFO, "%s", buf_str(&s->levels));
    tell_ready(s);
}

/* ---- what the processes say ---- */

static int on_prepared(struct supervisor *s, const struct json_value *m, struct channel_fds *fds,
                       struct err *e)
{
    const char *installation = json_text(json_get(m, "installation"));

    if (!installation || fds->count != PREPARED_FDS)
        return err_set(e, ERR_INTERNAL, "what was prepared is not what was wanted");
    channel_fds_clear(&s->prepared);
    s->prepared = *fds;
    fds->count = 0;
    free(s->installation);
    s->installation = xstrdup(installation);
    return 0;
}

static int on_message(struct supervisor *s, struct process *p, const struct json_value *m,
                      struct channel_fds *fds, struct err *e)
{
    const char *fatal = json_text(json_get(m, "fatal"));

    if (fatal) {
        if (s->fatal.code == ERR_NONE)
            err_set(&s->fatal, err_code_of_name(json_text(json_get(m, "code"))), "%s", fatal);
        return 0;
    }
    if (p->role == PROCESS_PREPARE)
        return on_prepared(s, m, fds, e);
    if (json_bool(json_get(m, "ready"), false)) {
        const char *text = json_text(json_get(m, "text"));

        on_ready(s, p, text ? text : "");
    }
    if (json_bool(json_get(m, "alive"), false))
        s->answered = true;
    return 0;
}

/* What it says wrong ends it. */
static void read_channel(struct supervisor *s, struct process *p)
{
    CLEANUP(json_freep) struct json *message = NULL;
    CLEANUP(channel_fds_clear) struct channel_fds fds = { 0 };
    struct err e = { 0 };
    int rc = channel_receive(p->channel, &message, p->role == PROCESS_PREPARE ? &fds : NULL, &e);

    if (!rc && message)
        rc = on_message(s, p, json_root(message), &fds, &e);
    if (rc) {
        log_line(LOG_LEVEL_ERROR, "%s: %s", process_names[p->role], err_text(&e));
        process_kill(p);
    }
    if (rc || !message)
        fd_closep(&p->channel);
}

/* ---- the end of a process ---- */

static bool any_runs(const struct supervisor *s)
{
    for (int i = 0; i < PROCESSES; i++)
        if (s->process[i].pid > 0)
            return true;
    return false;
}

static void describe_end(const struct process *p, int status, struct err *why)
{
    const char *name = process_names[p->role];

    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        err_set(why, ERR_INTERNAL,
                "the %s made a system call that it may not make, and was ended for it", name);
    else if (WIFSIGNALED(status))
        err_set(why, ERR_INTERNAL, "the %s was ended by signal %d (%s)", name, WTERMSIG(status),
                sigdescr_np(WTERMSIG(status)));
    else
        err_set(why, ERR_INTERNAL, "the %s ended by itself (exit %d)", name, WEXITSTATUS(status));
}

/* The first one that ended without being told to is the reason for all that follows. */
static void on_failure(struct supervisor *s, const struct process *p, int status)
{
    if (s->phase == PHASE_CLEARING || s->phase == PHASE_PAUSING || s->phase == PHASE_STOPPED)
        return;
    if (s->fatal.code == ERR_NONE)
        describe_end(p, status, &s->fatal);
    s->phase = PHASE_CLEARING;
    for (int i = 0; i < PROCESSES; i++)
        process_kill(&s->process[i]);
}

static void on_end(struct supervisor *s, struct process *p, int status)
{
    /* its last words */
    while (p->channel >= 0 && recv(p->channel, NULL, 0, MSG_PEEK | MSG_DONTWAIT) >= 0)
        read_channel(s, p);
    fd_closep(&p->channel);
    p->pid = 0;
    p->ready = false;
    if (s->phase == PHASE_DRAINING) {
        /* The front is done: the keeper ends with its channel. */
        if (p->role == PROCESS_FRONT)
            fd_closep(&s->process[PROCESS_KEEPER].channel);
        return;
    }
    if (p->role == PROCESS_PREPARE && status == 0 && s->prepared.count &&
        s->phase == PHASE_PREPARING)
        return;
    on_failure(s, p, status);
}

static void reap(struct supervisor *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < PROCESSES; i++)
            if (s->process[i].pid == pid)
                on_end(s, &s->process[i], status);
}

/* ---- signals ---- */

static void drain(struct supervisor *s)
{
    if (s->phase == PHASE_DRAINING || s->phase == PHASE_CLEARING || s->phase == PHASE_PAUSING ||
        s->phase == PHASE_PREPARING || s->phase == PHASE_STARTING ||
        process_tell(&s->process[PROCESS_FRONT], "drain", NULL)) {
        s->phase = PHASE_STOPPED; /* nothing to wait for, or nobody wants to */
        return;
    }
    log_line(LOG_LEVEL_INFO, "stopping: requests under way have %lld s",
             (long long)s->options->settings->drain_timeout);
    notify_stopping(s->options->notify, "requests under way come to their end");
    s->phase = PHASE_DRAINING;
    s->due_ms =
        clock_monotonic_ms() + s->options->settings->drain_timeout * 1000 + (int64_t)GRACE_MS;
}

static void tell_settings(const struct supervisor *s)
{
    CLEANUP(buf_clear) struct buf message = { 0 };
    struct json_writer w;
    struct err e = { 0 };

    json_writer_init(&w, &message, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "do", "reload");
    settings_write(s->options->settings, &w, "settings");
    json_put_end(&w);
    if (s->process[PROCESS_FRONT].channel >= 0 &&
        channel_send(s->process[PROCESS_FRONT].channel, buf_slice(&message), NULL, &e))
        log_line(LOG_LEVEL_WARN, "reload: %s", err_text(&e));
}

static void reload(struct supervisor *s)
{
    CLEANUP(settings_clear) struct settings next = { 0 };
    CLEANUP(buf_clear) struct buf taken = { 0 };
    CLEANUP(buf_clear) struct buf waiting = { 0 };
    struct err e = { 0 };

    notify_reloading(s->options->notify);
    if (settings_read(&next, s->options->args, s->options->state, &e)) {
        log_line(LOG_LEVEL_ERROR, "reload: %s; everything stays as it was", err_text(&e));
    } else {
        settings_reload(s->options->settings, &next, &taken, &waiting);
        tell_settings(s);
        log_line(LOG_LEVEL_INFO, "reloaded: %s", taken.len ? buf_str(&taken) : "nothing changed");
        if (waiting.len)
            log_line(LOG_LEVEL_WARN, "changed in the configuration, but waits for a restart: %s",
                     buf_str(&waiting));
        log_set_level((enum log_level)s->options->settings->log_level);
        log_set_json(s->options->settings->log_format == LOG_FORMAT_JSON, "supervisor");
    }
    if (s->phase == PHASE_SERVING)
        tell_ready(s);
}

static void read_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(s);
        else if (info.ssi_signo == SIGHUP)
            reload(s);
        else
            drain(s);
    }
}

/* ---- time ---- */

/* The front's answer to the last question is what the service manager waits for. */
static void watch(struct supervisor *s, int64_t now)
{
    if (s->answered)
        notify_watchdog(s->options->notify);
    s->answered = false;
    s->watchdog_ms = now + s->options->notify->watchdog_ms;
    (void)!process_tell(&s->process[PROCESS_FRONT], "ping", NULL);
}

static bool watches(const struct supervisor *s)
{
    return s->phase == PHASE_SERVING && s->options->notify->watchdog_ms > 0;
}

static int wait_ms(const struct supervisor *s)
{
    int64_t due = s->phase == PHASE_PAUSING || s->phase == PHASE_DRAINING ? s->due_ms
                  : watches(s)                                            ? s->watchdog_ms
                                                                          : -1;
    int64_t left = due - clock_monotonic_ms();

    return due < 0 ? -1 : left < 0 ? 0 : (int)left;
}

/* ---- from phase to phase ---- */

static int after_failure(struct supervisor *s, struct err *e)
{
    int64_t now = clock_monotonic_ms(), pause;

    if (!s->was_ready)
        return err_pass(e, &s->fatal);
    pause = pause_next_ms(&s->pause, now - s->started_ms);
    log_line(LOG_LEVEL_ERROR, "%s; starting again in %lld s", err_text(&s->fatal),
             (long long)pause / 1000);
    notify_status(s->options->notify, "keeper and front are being started again");
    s->phase = PHASE_PAUSING;
    s->due_ms = now + pause;
    return 0;
}

static int next_step(struct supervisor *s, struct err *e)
{
    int64_t now = clock_monotonic_ms();

    switch (s->phase) {
    case PHASE_PREPARING:
        return any_runs(s) ? 0 : start_both(s, e);
    case PHASE_CLEARING:
        return any_runs(s) ? 0 : after_failure(s, e);
    case PHASE_PAUSING:
        return now < s->due_ms ? 0 : start_prepare(s, e);
    case PHASE_SERVING:
        if (watches(s) && now >= s->watchdog_ms)
            watch(s, now);
        return 0;
    case PHASE_DRAINING:
        if (now >= s->due_ms)
            log_line(LOG_LEVEL_WARN, "not all requests came to their end in time");
        if (now >= s->due_ms || !any_runs(s))
            s->phase = PHASE_STOPPED;
        return 0;
    default:
        return 0;
    }
}

static int wait_once(struct supervisor *s, struct err *e)
{
    struct pollfd watched[PROCESSES + 1];

    for (int i = 0; i < PROCESSES; i++)
        watched[i] = (struct pollfd){ .fd = s->process[i].channel, .events = POLLIN };
    watched[PROCESSES] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
    if (poll(watched, PROCESSES + 1, wait_ms(s)) < 0)
        return errno == EINTR ? 0 : err_errno(e, "wait for the daemon's processes");
    for (int i = 0; i < PROCESSES; i++)
        if (watched[i].revents && s->process[i].channel >= 0)
            read_channel(s, &s->process[i]);
    if (watched[PROCESSES].revents)
        read_signals(s);
    return 0;
}

int supervise(const struct supervisor_options *options, struct err *e)
{
    CLEANUP(supervisor_clear) struct supervisor s = { .options = options, .signals = -1 };
    sigset_t set;

    for (int i = 0; i < PROCESSES; i++)
        s.process[i].channel = -1;
    set_signals(&set);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return err_errno(e, "block signals");
    s.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s.signals < 0)
        return err_errno(e, "wait for signals");
    if (start_prepare(&s, e))
        return -1;
    while (s.phase != PHASE_STOPPED)
        if (wait_once(&s, e) || next_step(&s, e))
            return -1;
    log_line(LOG_LEVEL_INFO, "stopped");
    return 0;
}
