#include "daemon/process.h"

#include "base/log.h"
#include "daemon/sandbox.h"
#include "keeper/server.h"

/* Descriptors of its first message: the root key, the log, and one socket a caller. */
enum { FD_ROOT_KEY, FD_LOG, FD_CALLERS };

struct keeper_process {
    struct child *child;
    struct sandbox_level level;
};

/* All is open, nothing is read: now it shuts itself in. */
static int shut_in(void *ctx, struct err *e)
{
    struct keeper_process *k = ctx;
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct sandbox_options options = { .process = SANDBOX_KEEPER,
                                       .log_only = k->child->settings.sandbox == SANDBOX_MODE_LOG,
                                       .landlock_abi = k->child->landlock_abi };

    fd_closep(&k->child->fds.fd[FD_ROOT_KEY]);
    if (sandbox_enter(&options, &k->level, e))
        return -1;
    sandbox_describe(&text, &k->level);
    return child_ready(k->child, buf_str(&text), e);
}

static void ended(void *ctx, size_t client, const char *why)
{
    (void)ctx;
    (void)client;
    if (why[0])
        log_line(LOG_LEVEL_ERROR, "the keeper cut the front off: %s", why);
}

int keeper_main(struct child *c, struct err *e)
{
    struct keeper_process k = { .child = c };
    struct keeper_server_options options = { .root_key_fd = c->fds.fd[FD_ROOT_KEY],
                                             .installation = c->installation,
                                             .client_fd = c->fds.fd + FD_CALLERS,
                                             .clients = c->fds.count - FD_CALLERS,
                                             .stop_fd = c->channel,
                                             .log_fd = c->fds.fd[FD_LOG],
                                             .ready = shut_in,
                                             .ended = ended,
                                             .ctx = &k };

    if (c->fds.count <= FD_CALLERS)
        return err_set(e, ERR_INVALID, "the keeper was given no callers");
    k.level.network = !sandbox_leave_network();
    if (child_drop(c, e))
        return -1;
    c->fds.count = FD_CALLERS; /* the sockets are the server's now */
    return keeper_serve(&options, e);
}
