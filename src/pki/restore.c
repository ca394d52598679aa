#include "pki/backup.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/cms.h"
#include "pki/pki_internal.h"
#include "pki/tar.h"
#include "store/file.h"
#include "wire/json.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading a backup ---- */

struct content {
    struct secret tar;
    struct slice manifest, store, root_key; /* views into tar */
    char installation[UID_TEXT];
};

static void content_clear(struct content *c)
{
    secret_clear(&c->tar);
}

static int check_manifest(struct content *c, struct err *e)
{
    static const struct json_limits limits = { .bytes = 64 << 20, .depth = 8 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const char *installation;

    if (json_parse(&doc, c->manifest, &limits, e))
        return err_wrap(e, "the backup's manifest");
    if (json_int(json_get(json_root(doc), "v"), 0) != 1)
        return err_set(e, ERR_INVALID, "the backup's manifest is of a newer poterne");
    if (json_want_text(json_root(doc), "installation", &installation, e))
        return err_wrap(e, "the backup's manifest");
    (void)snprintf(c->installation, sizeof c->installation, "%s", installation);
    return 0;
}

static int read_content(struct content *c, const struct backup_source *source, struct err *e)
{
    if (cms_decrypt(&c->tar, source->cms, source->passphrase, source->recipient,
                    source->recipient_key, e))
        return -1;
    if (tar_find(secret_slice(&c->tar), BACKUP_MANIFEST, &c->manifest, e) ||
        tar_find(secret_slice(&c->tar), BACKUP_STORE, &c->store, e) ||
        tar_find(secret_slice(&c->tar), BACKUP_ROOT_KEY, &c->root_key, e))
        return err_wrap(e, "it opens, but is not a backup of poterne");
    return check_manifest(c, e);
}

int backup_read_manifest(const struct backup_source *source, struct buf *manifest, struct err *e)
{
    CLEANUP(content_clear) struct content c = { 0 };

    if (read_content(&c, source, e))
        return -1;
    buf_add_slice(manifest, c.manifest);
    return buf_check(manifest, e);
}

/* ---- trying it, in a folder of its own inside of the state directory ---- */

struct stage {
    char *path;
};

static void stage_empty(const struct stage *s)
{
    static const char *const names[] = { "store.db", "store.db-wal",  "store.db-shm",
                                         "root.key", "root.key.next", "lock" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(freep) char *path = xasprintf("%s/%s", s->path, names[i]);

        (void)unlink(path);
    }
}

static void stage_clear(struct stage *s)
{
    if (!s->path)
        return;
    stage_empty(s);
    (void)rmdir(s->path);
    free(s->path);
}

static int fill_stage(const struct stage *s, const struct content *c, struct err *e)
{
    CLEANUP(freep) char *store = xasprintf("%s/store.db", s->path);
    CLEANUP(freep) char *key = xasprintf("%s/" ROOT_KEY_FILE, s->path);
    struct file_item items[] = { { store, c->store, 0600 }, { key, c->root_key, 0600 } };

    if (mkdir(s->path, 0700) && errno != EEXIST)
        return err_errno(e, "make the folder '%s'", s->path);
    stage_empty(s); /* a log that was left there would be read into the new store */
    return file_replace_all(items, ARRAY_LEN(items), e);
}

static void first_fault(const char *what, void *ctx)
{
    struct err *e = ctx;

    if (e->code == ERR_NONE)
        err_set(e, ERR_CORRUPT, "the backup's store is damaged: %s", what);
}

static int record_restore(struct pki_write *w, void *ctx, struct err *e)
{
    (void)ctx;
    pki_deciding(w, "state.restore", "installation/%s", w->request->pki->installation);
    return pki_granted(w, NULL, e);
}

/* Opens it as any command would: the store reads, its root key is the one beside it, the keeper's
 * own key opens. The record of the restoration goes in here, before anything is replaced. */
static int try_stage(const struct stage *s, const struct content *c, struct err *e)
{
    CLEANUP(pki_closep) struct pki *pki = NULL;
    struct pki_options options = { .dir = { .path = s->path, .lock = STATE_EXCLUSIVE },
                                   .now = clock_wall() };
    struct principal who;
    struct request request = { .who = &who, .accept_clock = true };
    struct err fault = { 0 };

    if (pki_open(&pki, &options, e))
        return err_wrap(e, "the backup does not open");
    if (strcmp(pki_installation(pki), c->installation) != 0)
        return err_set(e, ERR_CORRUPT, "the backup's store is not the one that its manifest names");
    if (store_verify(pki_store(pki), first_fault, &fault, e))
        return -1;
    if (fault.code != ERR_NONE)
        return err_pass(e, &fault);
    principal_local(&who);
    request.pki = pki;
    if (pki_write(&request, record_restore, NULL, e))
        return -1;
    return store_scrub(pki_store(pki), e); /* one file again, with nothing left in the log */
}

/* ---- putting it in place ---- */

struct place {
    const char *state;
    bool replace;
};

static bool there(const char *folder, const char *name)
{
    CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);
    struct stat st;

    return lstat(path, &st) == 0;
}

static int move(const char *from_folder, const char *from, const char *to_folder, const char *to,
                struct err *e)
{
    CLEANUP(freep) char *old = xasprintf("%s/%s", from_folder, from);
    CLEANUP(freep) char *new = xasprintf("%s/%s", to_folder, to);

    return rename(old, new) ? err_errno(e, "rename '%s' to '%s'", old, new) : 0;
}

/* A restoration that was cut short has moved the old store away, or has left our own root key. */
static bool root_key_is_ours(const char *state, const struct content *c)
{
    CLEANUP(freep) char *path = xasprintf("%s/" ROOT_KEY_FILE, state);
    CLEANUP(buf_clear) struct buf have = { 0 };

    return file_read(&have, path, 4096, NULL) == 0 && slice_eq(buf_slice(&have), c->root_key);
}

static int check_place(const struct place *p, const struct content *c, struct err *e)
{
    bool store = there(p->state, "store.db"), key = there(p->state, ROOT_KEY_FILE);

    if (!p->replace) {
        if (store || (key && !root_key_is_ours(p->state, c)))
            return err_set(e, ERR_CONFLICT,
                           "there is a state in '%s' already: name another directory with --state, "
                           "or replace this one with --replace",
                           p->state);
        return 0;
    }
    if (store && (there(p->state, "store.db.before-restore") ||
                  there(p->state, ROOT_KEY_FILE ".before-restore")))
        return err_set(e, ERR_CONFLICT,
                       "'%s' still holds store.db.before-restore of an earlier restoration: move "
                       "it and root.key.before-restore away first",
                       p->state);
    return 0;
}

/* The store first: as long as it is away, the same command goes on here. */
static int move_old_away(const struct place *p, struct err *e)
{
    static const char *const names[][2] = {
        { "store.db", "store.db.before-restore" },
        { "store.db-wal", "store.db.before-restore-wal" },
        { ROOT_KEY_FILE, ROOT_KEY_FILE ".before-restore" },
        { ROOT_KEY_NEXT, ROOT_KEY_NEXT ".before-restore" },
    };
    CLEANUP(freep) char *shared = xasprintf("%s/store.db-shm", p->state);

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (there(p->state, names[i][0]) && !there(p->state, names[i][1]) &&
            move(p->state, names[i][0], p->state, names[i][1], e))
            return -1;
    return unlink(shared) && errno != ENOENT ? err_errno(e, "remove '%s'", shared) : 0;
}

/* The old log goes into the old store where it can, so that the two stay one file. */
static void settle_old(const struct place *p)
{
    CLEANUP(store_closep) struct store *store = NULL;
    CLEANUP(freep) char *path = xasprintf("%s/store.db", p->state);
    struct store_options options = { .path = path, .busy_ms = 1000 };

    if (store_open(&store, &options, NULL) == 0)
        (void)!store_scrub(store, NULL);
}

/* store.db last: it is what makes a directory one with a state. */
static int put_in_place(const struct place *p, const struct stage *s, struct err *e)
{
    CLEANUP(freep) char *log = xasprintf("%s/store.db-wal", s->path);
    struct stat st;

    if (lstat(log, &st) == 0 && st.st_size > 0)
        return err_set(e, ERR_IO, "the restored store could not be closed cleanly");
    if (there(p->state, "store.db"))
        settle_old(p);
    if (p->replace && move_old_away(p, e))
        return -1;
    /* a log without its store would be read into the new one */
    if (there(p->state, "store.db-wal") &&
        move(p->state, "store.db-wal", p->state, "store.db-wal.before-restore", e))
        return -1;
    if (file_sync_folder(p->state, e))
        return -1;
    if (move(s->path, ROOT_KEY_FILE, p->state, ROOT_KEY_FILE, e) ||
        move(s->path, "store.db", p->state, "store.db", e))
        return -1;
    return file_sync_folder(p->state, e);
}

int backup_restore(const char *state, bool replace, const struct backup_source *source,
                   struct buf *manifest, struct err *e)
{
    CLEANUP(content_clear) struct content c = { 0 };
    CLEANUP(state_dir_closep) struct state_dir *dir = NULL;
    CLEANUP(stage_clear) struct stage stage = { NULL };
    struct state_dir_options options = {
        .path = state, .create = true, .lock = STATE_EXCLUSIVE, .wait_ms = 10000
    };
    struct place place = { state, replace };

    if (read_content(&c, source, e) || state_dir_open(&dir, &options, e) ||
        check_place(&place, &c, e))
        return -1;
    stage.path = xasprintf("%s/restore", state);
    if (fill_stage(&stage, &c, e) || try_stage(&stage, &c, e) || put_in_place(&place, &stage, e))
        return -1;
    buf_add_slice(manifest, c.manifest);
    return buf_check(manifest, e);
}
