#include "agent/takeup.h"
#include "agent/work.h"

#include "base/clock.h"

enum { HOOK_SECONDS = 300, NAP_MS = 250 };

/* ---- the lease ---- */

static int ask_lease(struct work *w, const char *action, const char *reason, bool *held,
                     struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(json_freep) struct json *reply = NULL;
    struct json_writer json;
    char path[128];

    json_writer_init(&json, &body, false);
    json_put_object(&json, NULL);
    json_put_text(&json, "action", action);
    if (reason)
        json_put_text(&json, "reason", reason);
    json_put_end(&json);
    (void)snprintf(path, sizeof path, "/v1/agent/lease?instance=%s", w->a->instance);
    if (agent_post(w->a->transport, path, buf_slice(&body), &reply, e))
        return err_wrap(e, "lease");
    *held = json_bool(json_get(json_root(reply), "held"), false);
    return 0;
}

static bool of_control_plane(const struct uses *uses)
{
    for (size_t i = 0; i < uses->count; i++)
        if (uses->use[i].component->control_plane)
            return true;
    return false;
}

/* Changes of files that a control-plane component has in use. */
static bool disturbs(const struct work *w)
{
    const struct desired *d = &w->a->desired;

    for (size_t i = 0; i < d->leaf_count; i++)
        if (w->pair[i].reason && w->pair_mtime[i] && of_control_plane(&d->leaf[i].uses))
            return true;
    for (size_t i = 0; i < d->file_count; i++)
        if (w->file[i].exists && work_file_differs(&w->file[i]) &&
            of_control_plane(&d->file[i].uses))
            return true;
    return false;
}

static int take_lease(struct work *w, struct err *e)
{
    bool held;

    if (w->lease)
        return 0;
    if (ask_lease(w, "take", NULL, &held, e))
        return -1;
    w->lease = held;
    w->others_turn = !held;
    if (!held)
        agent_say(w->a, "waiting: another machine of the control plane is being changed");
    return 0;
}

int rollout_begin(struct work *w, struct err *e)
{
    if (disturbs(w) && take_lease(w, e))
        return -1;
    if (w->others_turn || !w->a->local.before[0])
        return 0;
    return takeup_run(w->a->local.before, HOOK_SECONDS, e) ? err_wrap(e, "hook before") : 0;
}

int rollout_end(struct work *w, struct err *e)
{
    bool held;
    int rc = 0;

    if (w->installed && w->a->local.after[0] && takeup_run(w->a->local.after, HOOK_SECONDS, e))
        rc = err_wrap(e, "hook after");
    if (w->lease && ask_lease(w, "release", NULL, &held, rc ? NULL : e))
        rc = -1;
    w->lease = false;
    return rc;
}

/* ---- restarts ---- */

static int64_t newest(const struct uses *uses, const struct local_component *c, int64_t mtime)
{
    for (size_t i = 0; i < uses->count; i++)
        if (uses->use[i].component == c && uses->use[i].take == TAKE_UP_RESTART)
            return mtime;
    return 0;
}

int64_t rollout_changed(const struct work *w, const struct local_component *c)
{
    const struct desired *d = &w->a->desired;
    int64_t changed = 0, one;

    for (size_t i = 0; i < d->leaf_count; i++)
        if ((one = newest(&d->leaf[i].uses, c, w->pair_mtime[i])) > changed)
            changed = one;
    for (size_t i = 0; i < d->file_count; i++)
        if ((one = newest(&d->file[i].uses, c, w->file[i].mtime)) > changed)
            changed = one;
    return changed;
}

/* Back to the files from before, and everything that was to use the new ones with them. */
static void go_back(struct work *w, const struct local_component *c, const struct err *why)
{
    struct err e = { 0 };
    bool held;

    agent_say(w->a, "%s; going back to the files from before", why->msg);
    if (w->installed && tree_roll_back(&w->a->tree, &e))
        agent_say(w->a, "going back failed: %s", e.msg);
    if (takeup_restart(c, &e))
        agent_say(w->a, "%s", e.msg);
    (void)snprintf(w->a->halted, sizeof w->a->halted, "%s", w->a->revision);
    if (ask_lease(w, "stop", why->msg, &held, &e))
        agent_say(w->a, "%s", e.msg);
    w->lease = false;
}

static int restart(struct work *w, const struct local_component *c, int64_t changed, struct err *e)
{
    struct err why = { 0 };

    if (c->control_plane && (take_lease(w, e) || w->others_turn))
        return w->others_turn ? 0 : -1;
    agent_say(w->a, "restarting %s", c->name);
    if (!takeup_restart(c, &why) && !takeup_wait(c, changed, &why))
        return 0;
    if (why.code != ERR_REFUSED) /* no way to restart it is no failure of its health */
        go_back(w, c, &why);
    return err_pass(e, &why);
}

static int restart_all(struct work *w, struct err *e)
{
    for (size_t i = 0; i < w->a->local.component_count; i++) {
        const struct local_component *c = &w->a->local.component[i];
        int64_t changed = rollout_changed(w, c), began;

        /* one that does not run reads the new files when it starts */
        if (!changed || takeup_started(c, &began, NULL) || began >= changed)
            continue;
        if (restart(w, c, changed, e))
            return -1;
    }
    return 0;
}

/* ---- live reloads ---- */

/* Sees the new certificate shown, or gives up and leaves it to the next report. */
static void wait_shown(const struct work *w, const struct pair *p, const struct use *use)
{
    int64_t wait = w->a->most_wait ? w->a->most_wait : (int64_t)use->seconds + 10;
    int64_t until = clock_monotonic_ms() + wait * 1000, began;
    char seen[41] = "";

    if (takeup_started(use->component, &began, NULL))
        return;
    do {
        if (!takeup_serial(use->component, use->port, seen, NULL) && strcmp(seen, p->serial) == 0)
            return;
        nanosleep(&(struct timespec){ .tv_nsec = NAP_MS * 1000000L }, NULL);
    } while (clock_monotonic_ms() < until);
    agent_say(w->a, "%s does not show the new certificate of %s on port %u yet",
              use->component->name, p->wanted->slot, use->port);
}

static void wait_live(const struct work *w)
{
    for (size_t i = 0; i < w->a->desired.leaf_count; i++) {
        const struct uses *uses = &w->pair[i].wanted->uses;

        for (size_t k = 0; k < uses->count; k++)
            if (uses->use[k].take == TAKE_UP_LIVE && uses->use[k].proof == PROOF_HANDSHAKE)
                wait_shown(w, &w->pair[i], &uses->use[k]);
    }
}

int rollout_take_up(struct work *w, struct err *e)
{
    if (restart_all(w, e))
        return -1;
    if (w->installed)
        wait_live(w);
    return 0;
}
