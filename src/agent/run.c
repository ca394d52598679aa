#include "agent/work.h"

#include "base/alloc.h"
#include "base/encode.h"
#include "crypto/hash.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DESIRED_FILE "desired.json"
enum { POLL_LEAST = 2, POLL_MOST = 900, POLL_USUAL = 30 };

/* ---- start and stop ---- */

static int open_tree(struct agent *a, const char *home, struct err *e)
{
    CLEANUP(fd_closep) int fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_errno(e, "open the agent's folder '%s'", home);
    if (local_load(&a->local, fd, e))
        return -1;
    if (mkdir(a->local.root, 0755) && errno != EEXIST)
        return err_errno(e, "make the folder '%s'", a->local.root);
    return tree_open(&a->tree, a->local.root, home, e);
}

/* Whoever may write here may have the agent trust another daemon. */
static int check_home(const struct agent *a, const char *home, struct err *e)
{
    struct stat st, key;

    if (fstat(a->tree.home, &st))
        return err_errno(e, "look at the agent's folder '%s'", home);
    if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022))
        return err_set(e, ERR_REFUSED, "others may write to '%s': chown and chmod 0700 it", home);
    if (fstatat(a->tree.home, AGENT_KEY, &key, AT_SYMLINK_NOFOLLOW) == 0 && (key.st_mode & 077))
        return err_set(e, ERR_REFUSED,
                       "others may read '%s/" AGENT_KEY "': have the machine join again, with a "
                       "new key ('poterne node add')",
                       home);
    return 0;
}

/*
 * Who uses this certificate: this folder of this machine since it was started. The same at each
 * run, so that a copy, which lies elsewhere or was started by itself, is another, however briefly
 * it runs.
 */
static int name_instance(struct agent *a, struct err *e)
{
    CLEANUP(fd_closep) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(buf_clear) struct buf hex = { 0 };
    uint8_t digest[32];
    char boot[64];
    struct stat st;
    ssize_t len = fd < 0 ? -1 : read(fd, boot, sizeof boot);

    if (len <= 0 || fstat(a->tree.home, &st))
        return err_errno(e, "tell this start of the machine from others");
    buf_add(&text, boot, (size_t)len);
    buf_addf(&text, " %llu %llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    sha256(digest, buf_slice(&text));
    hex_encode(&hex, slice_of(digest, 16));
    (void)snprintf(a->instance, sizeof a->instance, "%s", buf_str(&hex));
    return 0;
}

/* Two agents in one folder would undo each other's files. */
static int lock_home(const struct agent *a, struct err *e)
{
    if (flock(a->tree.home, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? err_set(e, ERR_BUSY, "another agent runs on this machine")
                                : err_errno(e, "lock the agent's folder");
}

int agent_start(struct agent *a, const char *home, struct err *e)
{
    a->tree = (struct tree){ .root = -1, .home = -1 };
    if (open_tree(a, home, e) || check_home(a, home, e) || lock_home(a, e) || name_instance(a, e)) {
        agent_stop(a);
        return -1;
    }
    return 0;
}

void agent_stop(struct agent *a)
{
    tree_close(&a->tree);
    desired_clear(&a->desired);
    local_clear(&a->local);
    buf_clear(&a->said);
}

/* ---- what is wanted ---- */

static int take_desired(struct agent *a, struct slice text, struct err *e)
{
    struct desired *d = xcalloc(1, sizeof *d);

    if (desired_parse(d, text, &a->local, e)) {
        free(d);
        return -1;
    }
    desired_clear(&a->desired);
    a->desired = *d;
    free(d);
    a->has_desired = true;
    if (a->desired.cordoned) /* the daemon knows: what follows is its word */
        a->halted[0] = '\0';
    return 0;
}

static int take_answer(struct agent *a, const struct json_value *reply, int64_t *poll,
                       struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    const char *revision = json_text(json_get(reply, "revision"));
    int64_t asked = json_int(json_get(reply, "poll"), POLL_USUAL);
    struct json_writer w;

    *poll = asked < POLL_LEAST ? POLL_LEAST : asked > POLL_MOST ? POLL_MOST : asked;
    if (!revision || strlen(revision) >= sizeof a->revision)
        return err_set(e, ERR_INVALID, "the daemon's answer has no revision");
    if (!json_bool(json_get(reply, "same"), false)) {
        json_writer_init(&w, &text, false);
        json_put_value(&w, NULL, json_get(reply, "desired"));
        if (buf_check(&text, e) || take_desired(a, buf_slice(&text), e) ||
            (!a->dry_run && home_write(a->tree.home, DESIRED_FILE, buf_slice(&text), e)))
            return -1;
    }
    (void)snprintf(a->revision, sizeof a->revision, "%s", revision);
    return 0;
}

/* While the daemon is away the machine goes on with what it was told last. */
static void take_known(struct agent *a)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    if (!a->has_desired && !home_read(a->tree.home, DESIRED_FILE, &text, NULL))
        (void)take_desired(a, buf_slice(&text), NULL);
}

static int ask(struct agent *a, int64_t *poll, struct err *e)
{
    CLEANUP(json_freep) struct json *reply = NULL;
    char path[256];

    (void)snprintf(path, sizeof path, "/v1/agent/desired?instance=%s%s%s", a->instance,
                   a->revision[0] && a->has_desired ? "&known=" : "",
                   a->has_desired ? a->revision : "");
    if (agent_get(a->transport, path, &reply, e)) {
        take_known(a);
        return -1;
    }
    return take_answer(a, json_root(reply), poll, e);
}

/* ---- a round ---- */

static int change(struct work *w, struct err *e)
{
    struct agent *a = w->a;
    bool differs = work_differs(w);
    struct err late = { 0 };
    int rc = 0;

    if (a->dry_run) {
        work_explain(w);
        return 0;
    }
    if (a->desired.cordoned || (a->halted[0] && strcmp(a->halted, a->revision) == 0))
        return 0;
    if (differs)
        rc = rollout_begin(w, e);
    if (!rc && differs && !w->others_turn)
        rc = work_install(w, e);
    if (!rc && !w->others_turn)
        rc = rollout_take_up(w, e);
    if (rollout_end(w, &late) && !rc)
        rc = err_pass(e, &late);
    return rc;
}

/* The first failure is the one that is told. */
static void keep_error(struct agent *a, const struct err *e)
{
    if (a->error[0])
        return;
    (void)snprintf(a->error, sizeof a->error, "%s", e->msg);
}

static void do_round(struct agent *a, struct work *w, int64_t *poll, struct err *first)
{
    struct err e = { 0 };
    bool looked = false;

    if (agent_renew_self(a, &e)) {
        *first = e;
        keep_error(a, &e);
    }
    e = (struct err){ 0 };
    if (ask(a, poll, &e)) {
        if (!first->code)
            *first = e;
        keep_error(a, &e);
    }
    e = (struct err){ 0 };
    if (a->has_desired) {
        looked = work_look(w, &e) == 0;
        if ((!looked || change(w, &e)) && !first->code)
            *first = e;
        if (e.code)
            keep_error(a, &e);
        /* after a failure the machine is looked at again: files may have gone back */
        if (looked && e.code) {
            struct agent *self = w->a;

            work_clear(w);
            *w = (struct work){ .a = self };
            looked = work_look(w, NULL) == 0;
        }
    }
    e = (struct err){ 0 };
    if (!a->dry_run && report_send(a, looked ? w : NULL, &e) && !first->code)
        *first = e;
}

int agent_round(struct agent *a, int64_t *poll, struct err *e)
{
    struct work *w = xcalloc(1, sizeof *w);
    struct err first = { 0 };

    w->a = a;
    *poll = POLL_USUAL;
    a->error[0] = '\0';
    if (tree_recover(&a->tree, &first))
        keep_error(a, &first);
    else
        do_round(a, w, poll, &first);
    work_clear(w);
    free(w);
    return first.code ? err_pass(e, &first) : 0;
}
