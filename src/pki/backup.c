#include "pki/backup.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/cms.h"
#include "crypto/hash.h"
#include "pki/pki_internal.h"
#include "pki/record_body.h"
#include "pki/tar.h"
#include "store/file.h"
#include "wire/json.h"
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a reply can hold in base64 (BUF_MAX), and a little. */
enum { MAX_KEY_FILE = 4096, MAX_STORE = BUF_MAX / 4 * 3 - (8 << 20) };

/* ---- the manifest, read from the copy itself: so it says what is in it, and that it opens ---- */

struct listing {
    struct json_writer *w;
    const struct pki *pki;
};

static int put_generation(const struct record *r, void *ctx, struct err *e)
{
    static const char *const copied[] = { "cluster", "authority", "skid", "not_after", "custody" };
    struct listing *l = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *body;

    if (record_json(&doc, r, e))
        return -1;
    body = json_root(doc);
    json_put_object(l->w, NULL);
    for (size_t i = 0; i < ARRAY_LEN(copied); i++)
        json_put_value(l->w, copied[i], json_get(body, copied[i]));
    json_put_int(l->w, "number", json_int(json_get(body, "generation"), 0));
    json_put_end(l->w);
    return 0;
}

static int put_generations(struct listing *l, struct store_tx *tx, struct err *e)
{
    struct store_query query = { .kind = KIND_GENERATION };

    json_put_array(l->w, "generations");
    if (store_list_all(tx, &query, put_generation, l, e))
        return -1;
    json_put_end(l->w);
    return 0;
}

static int put_head(struct json_writer *w, struct store_tx *tx, struct err *e)
{
    CLEANUP(buf_clear) struct buf head = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct err why = { 0 };

    if (audit_head(tx, AUDIT_CHAIN, &head, &why)) {
        json_put_null(w, "audit_head");
        return why.code == ERR_NOT_FOUND ? 0 : err_pass(e, &why);
    }
    if (json_parse(&doc, buf_slice(&head), NULL, e))
        return -1;
    json_put_value(w, "audit_head", json_root(doc));
    return 0;
}

static int write_manifest(struct store_tx *tx, void *ctx, struct err *e)
{
    struct listing *l = ctx;
    CLEANUP(buf_clear) struct buf root_key = { 0 };
    int64_t clusters;

    if (store_setting_get(tx, SETTING_ROOT_KEY, &root_key, e) ||
        store_count(tx, KIND_CLUSTER, SCOPE_TENANT, &clusters, e))
        return -1;
    json_put_object(l->w, NULL);
    json_put_int(l->w, "v", 1);
    json_put_text(l->w, "installation", l->pki->installation);
    json_put_time(l->w, "created", l->pki->now);
    json_put_int(l->w, "schema", STORE_SCHEMA);
    json_put_slice(l->w, "root_key_id", buf_slice(&root_key));
    if (put_head(l->w, tx, e))
        return -1;
    json_put_int(l->w, "clusters", clusters);
    if (put_generations(l, tx, e))
        return -1;
    json_put_end(l->w);
    return buf_check(l->w->out, e);
}

/* A copy of the copy, for as long as it is being read. */
struct temporary {
    char *path;
};

static void temporary_clear(struct temporary *t)
{
    static const char *const behind[] = { "", "-wal", "-shm" };

    for (size_t i = 0; t->path && i < ARRAY_LEN(behind); i++) {
        CLEANUP(freep) char *path = xasprintf("%s%s", t->path, behind[i]);

        (void)unlink(path);
    }
    free(t->path);
}

/* What a killed backup left behind; one that is under way is younger. */
static void remove_stale(const char *folder)
{
    enum { STALE_SECONDS = 3600 };
    CLEANUP(freep) char *pattern = xasprintf("%s/backup-*.db*", folder);
    glob_t found = { .gl_pathc = 0 };
    struct stat st;

    if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            if (lstat(found.gl_pathv[i], &st) == 0 && st.st_mtime < clock_wall() - STALE_SECONDS)
                (void)unlink(found.gl_pathv[i]);
    globfree(&found);
}

static int read_manifest_of(struct pki *pki, struct slice db, struct buf *manifest, struct err *e)
{
    CLEANUP(temporary_clear) struct temporary copy = { NULL };
    CLEANUP(store_closep) struct store *store = NULL;
    struct store_options options = { .busy_ms = 1000 };
    struct json_writer w;
    struct listing l = { &w, pki };
    char uid[UID_TEXT];

    remove_stale(state_dir_path(pki->dir));
    uid_new(uid);
    copy.path = xasprintf("%s/backup-%s.db", state_dir_path(pki->dir), uid);
    options.path = copy.path;
    json_writer_init(&w, manifest, false);
    if (file_create(copy.path, db, 0600, e) || store_open(&store, &options, e) ||
        store_read(store, write_manifest, &l, e))
        return err_wrap(e, "the copy of the store");
    return 0;
}

/* ---- making ---- */

static int record_backup(struct pki_write *w, void *ctx, struct err *e)
{
    const struct backup_target *target = ctx;
    CLEANUP(buf_clear) struct buf detail = { 0 };

    buf_add_str(&detail, "{\"to\":\"");
    if (target->passphrase)
        buf_add_str(&detail, "passphrase");
    else
        sha256_hex(&detail, target->recipient);
    buf_add_str(&detail, "\"}");
    pki_deciding(w, "state.backup", "installation/%s", w->request->pki->installation);
    return pki_granted(w, buf_str(&detail), e);
}

static int read_root_key(const struct pki *pki, struct buf *text, struct err *e)
{
    CLEANUP(fd_closep) int fd = -1;

    if (state_dir_key_open(pki->dir, ROOT_KEY_FILE, &fd, e))
        return -1;
    return file_read_fd(text, fd, ROOT_KEY_FILE, MAX_KEY_FILE, e);
}

/* Asked before it is recorded; the log is not counted, and seldom matters. */
static int check_size(const struct pki *pki, struct err *e)
{
    const char *path = state_dir_store(pki->dir);
    struct stat st;

    if (stat(path, &st))
        return err_errno(e, "'%s'", path);
    if (st.st_size <= MAX_STORE)
        return 0;
    return err_set(
        e, ERR_LIMIT,
        "the store has %lld MiB, and a backup holds %d at most: prune the audit trail, or "
        "copy the state directory while no command runs, onto an encrypted disk",
        (long long)st.st_size >> 20, MAX_STORE >> 20);
}

/* The record of it comes first, so that it is inside; then nothing is held up: a copy is of one
 * moment, and a root key changes only when nobody else has the directory open. */
int backup_make(struct request *request, const struct backup_target *target, struct buf *out,
                struct buf *manifest, struct err *e)
{
    struct pki *pki = request->pki;
    CLEANUP(buf_clear) struct buf db = { 0 };
    CLEANUP(buf_clear) struct buf key = { 0 };
    CLEANUP(buf_clear) struct buf tar = { 0 };

    if (check_size(pki, e) || pki_write(request, record_backup, (void *)(uintptr_t)target, e) ||
        store_snapshot(pki->store, &db, e) || read_manifest_of(pki, buf_slice(&db), manifest, e) ||
        read_root_key(pki, &key, e))
        return err_wrap(e, "backup");
    tar_add(&tar, BACKUP_MANIFEST, buf_slice(manifest), pki->now);
    tar_add(&tar, BACKUP_STORE, buf_slice(&db), pki->now);
    tar_add(&tar, BACKUP_ROOT_KEY, buf_slice(&key), pki->now);
    tar_end(&tar);
    if (buf_check(&tar, e) ||
        cms_encrypt(out, buf_slice(&tar), target->passphrase, target->recipient, e))
        return err_wrap(e, "backup");
    return 0;
}
