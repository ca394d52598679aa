#include "daemon/front.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/hooks.h"
#include "keeper/keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { LOCK_MS = 5000 };

static void front_clear(struct front *f)
{
    server_free(f->server);
    tls_server_free(f->tls);
    for (unsigned i = 0; i < THREADS_MOST; i++)
        api_close(f->api[i]);
    share_installation_close(f->pki);
    share_close(f->base);
}

/* ---- setting up ---- */

static int take_sockets(struct front *f, const struct json_value *threads, struct channel_fds *fds,
                        struct err *e)
{
    if (json_len(threads) != fds->count)
        return err_set(e, ERR_INTERNAL, "the supervisor sent %zu sockets for %zu threads",
                       fds->count, json_len(threads));
    for (size_t i = 0; i < fds->count; i++) {
        int64_t thread = json_int(json_at(threads, i), -1);
        struct listener *listener;
        int fd = fds->fd[i];

        fds->fd[i] = -1;
        if (listener_adopt(&listener, fd, e))
            return -1;
        if (thread >= 0)
            listener_assign(listener, (unsigned)thread);
        f->has_tls = f->has_tls || !listener_local(listener);
        server_listen(f->server, listener, true);
    }
    return 0;
}

/* Sockets, in as many messages as it takes, and then "start". */
static int receive_sockets(struct front *f, struct err *e)
{
    for (;;) {
        CLEANUP(json_freep) struct json *message = NULL;
        CLEANUP(channel_fds_clear) struct channel_fds fds = { 0 };

        if (channel_receive(f->child->channel, &message, &fds, e))
            return -1;
        if (!message)
            return err_set(e, ERR_UNREACHABLE, "the supervisor is gone");
        if (json_get(json_root(message), "do"))
            return 0;
        if (take_sockets(f, json_get(json_root(message), "sockets"), &fds, e))
            return -1;
    }
}

static int open_installation(struct front *f, struct err *e)
{
    CLEANUP(keeper_closep) struct keeper *keeper = NULL;
    struct share_options options = { .state = f->child->settings.state,
                                     .wait_ms = LOCK_MS,
                                     .root_key = -1 };
    int fd = f->child->fds.fd[0];

    f->child->fds.fd[0] = -1;
    if (share_open(&f->base, &options, e) ||
        keeper_connect(&keeper, fd, f->child->installation, e) ||
        share_installation(&f->pki, f->base, keeper, e))
        return -1;
    keeper = NULL;
    for (unsigned i = 0; i < (unsigned)f->child->settings.threads; i++)
        if (front_open_api(f, i, e))
            return -1;
    return share_announce(&options, f->child->settings.socket, e)
               ? -1
               : share_warm(f->pki, (unsigned)f->child->settings.threads + 2, e);
}

static int make_server(struct front *f, struct err *e)
{
    const struct settings *s = &f->child->settings;
    struct server_config config = { .threads = (unsigned)s->threads,
                                    .limits = server_default_limits,
                                    .handle = front_handle,
                                    .max_body = front_max_body,
                                    .thread_open = front_thread_open,
                                    .refused = front_refused,
                                    .ctx = f };

    config.limits.connections = (unsigned)s->max_connections;
    return server_new(&f->server, &config, e);
}

/* The store's three files may be opened again, and nothing else. */
static int open_paths(const struct front *f, struct sandbox_options *options, struct err *e)
{
    static const char *const endings[] = { "", "-wal", "-shm" };

    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        CLEANUP(freep)
        char *path = xasprintf("%s/store.db%s", f->child->settings.state, endings[i]);
        int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0)
            return err_errno(e, "open '%s'", path);
        options->file[options->file_count++] = fd;
    }
    return 0;
}

static int shut_in(struct front *f, struct err *e)
{
    struct sandbox_options options = { .process = SANDBOX_FRONT,
                                       .log_only = f->child->settings.sandbox == SANDBOX_MODE_LOG,
                                       .landlock_abi = f->child->landlock_abi };
    int rc = open_paths(f, &options, e);

    f->level.network = true;
    if (!rc)
        rc = sandbox_enter(&options, &f->level, e);
    for (size_t i = 0; i < options.file_count; i++)
        (void)close(options.file[i]);
    return rc;
}

static int set_up(struct front *f, struct err *e)
{
    if (child_drop(f->child, e) || make_server(f, e) || receive_sockets(f, e) ||
        open_installation(f, e) || (f->has_tls && front_tls_renew(f, e)) || shut_in(f, e))
        return -1;
    if (daemon_hooks.run && f->child->script)
        daemon_hooks.run(f->child->script, f);
    return server_start(f->server, e);
}

/* ---- what the supervisor says ---- */

static void reload(struct front *f, const struct json_value *settings)
{
    struct settings *s = &f->child->settings;
    struct err e = { 0 };

    if (settings_apply(s, settings, &e)) {
        log_line(LOG_LEVEL_ERROR, "reload: %s", err_text(&e));
        return;
    }
    log_set_level((enum log_level)s->log_level);
    log_set_json(s->log_format == LOG_FORMAT_JSON, process_names[PROCESS_FRONT]);
    if (f->has_tls)
        front_tls_duty(f);
}

/* 1: it is over. */
static int obey(struct front *f, const struct json_value *message, struct err *e)
{
    const char *what = json_text(json_get(message, "do"));
    unsigned broken;

    if (!what)
        return 0;
    if (strcmp(what, "ping") == 0)
        return channel_send(f->child->channel, slice_str("{\"alive\":true}"), NULL, e);
    if (strcmp(what, "reload") == 0)
        reload(f, json_get(message, "settings"));
    if (strcmp(what, "drain") != 0)
        return 0;
    broken = server_drain(f->server, (int)f->child->settings.drain_timeout * 1000);
    if (broken)
        log_line(LOG_LEVEL_WARN, "%u connections were broken off", broken);
    return 1;
}

static int wait_ms(const struct front *f)
{
    int64_t left = f->renew_at - clock_wall();

    if (!f->renew_at)
        return -1;
    /* The wall clock may be set meanwhile: looked at once an hour. */
    return left < 0 ? 0 : left > 3600 ? 3600 * 1000 : (int)left * 1000;
}

static int serve(struct front *f, struct err *e)
{
    int rc = 0;

    while (!rc) {
        CLEANUP(json_freep) struct json *message = NULL;
        struct pollfd watched = { .fd = f->child->channel, .events = POLLIN };

        if (poll(&watched, 1, wait_ms(f)) < 0 && errno != EINTR)
            return err_errno(e, "wait for the supervisor");
        if (f->renew_at && clock_wall() >= f->renew_at)
            front_tls_duty(f);
        if (!watched.revents)
            continue;
        if (channel_receive(f->child->channel, &message, NULL, e))
            return -1;
        rc = message ? obey(f, json_root(message), e) : 1;
    }
    return rc < 0 ? -1 : 0;
}

int front_main(struct child *c, struct err *e)
{
    CLEANUP(front_clear) struct front f = { .child = c };
    CLEANUP(buf_clear) struct buf text = { 0 };

    if (set_up(&f, e))
        return -1;
    sandbox_describe(&text, &f.level);
    if (child_ready(c, buf_str(&text), e))
        return -1;
    return serve(&f, e);
}
