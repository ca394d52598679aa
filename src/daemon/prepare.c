#include "daemon/process.h"

#include "api/share.h"

enum { WAIT_MS = 5000 };

/*
 * Before the others: as the owner of the state directory it makes what is missing there, and hands
 * the supervisor what the keeper reads. The supervisor itself opens nothing of it.
 */
int prepare_main(struct child *c, struct err *e)
{
    struct share_options options = { .state = c->settings.state,
                                     .wait_ms = WAIT_MS,
                                     .root_key = c->fds.count ? c->fds.fd[0] : -1 };
    struct share_prepared made = { .root_key = -1, .keeper_log = -1 };
    CLEANUP(channel_fds_clear) struct channel_fds fds = { 0 };
    CLEANUP(buf_clear) struct buf message = { 0 };

    if (child_drop(c, e) || share_prepare(&options, &made, e))
        return -1;
    fds = (struct channel_fds){ { made.root_key, made.keeper_log }, 2 };
    buf_addf(&message, "{\"installation\":\"%s\"}", made.installation);
    return channel_send(c->channel, buf_slice(&message), &fds, e);
}
