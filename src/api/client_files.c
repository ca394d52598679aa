#include "api/client_files.h"

#include "base/alloc.h"
#include "store/file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_EXISTING = 1 << 20 };

const char *file_action_name(enum file_action action)
{
    static const char *const names[] = { "created", "updated", "unchanged", "removed" };

    return names[action];
}

void file_set_clear(struct file_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        buf_clear(&set->file[i].bytes);
        buf_clear(&set->file[i].before);
    }
    manifest_clear(&set->manifest);
}

/* ---- what is wanted ---- */

int file_place_check(const char *folder, const char *path, struct err *e)
{
    CLEANUP(buf_clear) struct buf whole = { 0 };
    struct stat st;

    buf_addf(&whole, "%s/%s", folder, path);
    if (stat(buf_str(&whole), &st) == 0 ? S_ISREG(st.st_mode) : errno != ENOTDIR)
        return 0;
    return err_set(e, ERR_CONFLICT,
                   "a file is to be written to '%s', and there or above it is something else than "
                   "a file in folders: move it away; nothing was touched",
                   buf_str(&whole));
}

struct export_file *file_set_add(struct file_set *set, const char *path, mode_t mode, struct err *e)
{
    CLEANUP(buf_clear) struct buf whole = { 0 };
    struct export_file *f = &set->file[set->count];
    struct err why = { 0 };
    struct stat st;

    if (set->count == FILE_SET_MAX || !path || path[0] == '/' || strstr(path, "..")) {
        err_set(e, ERR_INTERNAL, "the plan has too many files, or one outside of the folder");
        return NULL;
    }
    if (file_place_check(set->folder, path, e))
        return NULL;
    set->count++;
    f->path = path;
    f->mode = mode;
    buf_addf(&whole, "%s/%s", set->folder, path);
    f->exists = lstat(buf_str(&whole), &st) == 0;
    f->same_mode = f->exists && (st.st_mode & 07777) == mode;
    if (f->exists && file_read(&f->before, buf_str(&whole), MAX_EXISTING, &why) && !set->force) {
        *e = why;
        return NULL;
    }
    return f;
}

struct export_file *file_set_find(struct file_set *set, const char *path)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->file[i].path, path) == 0)
            return &set->file[i];
    return NULL;
}

/* ---- what an earlier export left ---- */

/* Of our own writing: below the folder, and spelled as the plan spells it. */
static bool is_plain_path(const char *path)
{
    struct slice rest = slice_str(path), part;
    bool more = true;

    while (more) {
        more = slice_cut(&rest, '/', &part);
        if (!more)
            part = rest;
        if (part.len == 0 || slice_eq_str(part, ".") || slice_eq_str(part, ".."))
            return false;
    }
    return true;
}

/* A path of the manifest that the plan does not name: to be removed, to be left, or gone. */
static int look_at_stale(struct file_set *set, const char *path, struct err *e)
{
    struct export_file *f = &set->file[set->count];
    CLEANUP(buf_clear) struct buf whole = { 0 };
    struct stat st;

    if (set->count == FILE_SET_MAX || set->left_count == FILE_SET_MAX)
        return err_set(e, ERR_LIMIT, "'%s' of '%s' names too many files", manifest_name,
                       set->folder);
    buf_addf(&whole, "%s/%s", set->folder, path);
    if (!is_plain_path(path) || lstat(buf_str(&whole), &st)) {
        set->forget = true;
        return 0;
    }
    if (!S_ISREG(st.st_mode) || file_read(&f->before, buf_str(&whole), MAX_EXISTING, NULL) ||
        !manifest_knows(&set->manifest, path, buf_slice(&f->before))) {
        buf_clear(&f->before);
        set->left[set->left_count++] = path;
        return 0;
    }
    f->path = path;
    f->mode = st.st_mode & 07777;
    f->exists = true;
    f->action = FILE_REMOVED;
    f->reason = "not of this export";
    set->count++;
    return 0;
}

static int add_stale(struct file_set *set, struct err *e)
{
    struct json_iter it = json_iter(json_get(json_root(set->manifest.doc), "files"));
    const struct json_value *row;
    const char *path;

    while (json_next(&it, &path, &row))
        if (!file_set_find(set, path) && look_at_stale(set, path, e))
            return -1;
    return 0;
}

/* ---- what will happen ---- */

static bool differs(const struct export_file *f)
{
    return f->pending || !slice_eq(buf_slice(&f->bytes), buf_slice(&f->before));
}

static bool is_foreign(const struct file_set *set, const struct export_file *f)
{
    return f->exists && differs(f) &&
           !manifest_knows(&set->manifest, f->path, buf_slice(&f->before));
}

static int refuse_foreign(const struct file_set *set, struct err *e)
{
    CLEANUP(buf_clear) struct buf names = { 0 };
    unsigned count = 0;

    for (size_t i = 0; i < set->count; i++)
        if (is_foreign(set, &set->file[i]) && count++ < 5)
            buf_addf(&names, "%s%s", names.len ? ", " : "", set->file[i].path);
    if (!count || set->force)
        return 0;
    return err_set(e, ERR_CONFLICT,
                   "%u file%s in '%s' not written by poterne, or changed since: %s%s; nothing was "
                   "touched: move "
                   "them away, or overwrite them with --force",
                   count, count == 1 ? " is" : "s are", set->folder, buf_str(&names),
                   count > 5 ? ", ..." : "");
}

int file_set_decide(struct file_set *set, struct err *e)
{
    if (refuse_foreign(set, e))
        return -1;
    for (size_t i = 0; i < set->count; i++) {
        struct export_file *f = &set->file[i];

        if (!f->exists)
            f->action = FILE_CREATED;
        else
            f->action = differs(f) || !f->same_mode ? FILE_UPDATED : FILE_UNCHANGED;
    }
    return add_stale(set, e);
}

/* ---- writing ---- */

static int make_folders(const struct file_set *set, struct err *e)
{
    CLEANUP(buf_clear) struct buf last = { 0 };

    for (size_t i = 0; i < set->count; i++) {
        CLEANUP(buf_clear) struct buf folder = { 0 };
        const char *path = set->file[i].path, *slash = strrchr(path, '/');

        if (set->file[i].action == FILE_REMOVED)
            continue;
        buf_add_str(&folder, set->folder);
        if (slash)
            buf_addf(&folder, "/%.*s", (int)(slash - path), path);
        if (slice_eq(buf_slice(&folder), buf_slice(&last)))
            continue;
        if (file_make_folders(buf_str(&folder), 0755, e))
            return -1;
        buf_reset(&last);
        buf_add_slice(&last, buf_slice(&folder));
    }
    return 0;
}

/* `stale`: with what is yet to be removed. */
static int write_manifest(const struct file_set *set, const char *const owner[3], bool stale,
                          struct err *e)
{
    const struct json_value *known = json_get(json_root(set->manifest.doc), "files");
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(buf_clear) struct buf path = { 0 };
    struct json_writer w;

    manifest_begin(&w, &text, owner[0], owner[1], owner[2]);
    for (size_t i = 0; i < set->count; i++) {
        const struct export_file *f = &set->file[i];

        if (f->action != FILE_REMOVED)
            manifest_row(&w, f->path, buf_slice(&f->before), buf_slice(&f->bytes));
        else if (stale)
            json_put_value(&w, f->path, json_get(known, f->path));
    }
    for (size_t i = 0; i < set->left_count; i++)
        json_put_value(&w, set->left[i], json_get(known, set->left[i]));
    manifest_end(&w);
    buf_addf(&path, "%s/%s", set->folder, manifest_name);
    return file_replace(buf_str(&path), buf_slice(&text), 0600, e);
}

/* The file, the folders that it leaves empty; durable before the manifest forgets it. */
static int remove_file(const char *folder, const char *path, struct err *e)
{
    CLEANUP(buf_clear) struct buf whole = { 0 };
    size_t top = strlen(folder);

    buf_addf(&whole, "%s/%s", folder, path);
    if (unlink(buf_str(&whole)) && errno != ENOENT)
        return err_errno(e, "remove '%s'", buf_str(&whole));
    do {
        while (whole.len > top && whole.ptr[whole.len - 1] != '/')
            whole.len--;
        whole.len = whole.len > top ? whole.len - 1 : top;
    } while (whole.len > top && rmdir(buf_str(&whole)) == 0);

    CLEANUP(fd_closep) int fd = open(buf_str(&whole), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd))
        return err_errno(e, "make the folder '%s' durable", buf_str(&whole));
    return 0;
}

static int remove_stale(const struct file_set *set, const char *const owner[3], struct err *e)
{
    bool any = set->forget;

    for (size_t i = 0; i < set->count; i++) {
        if (set->file[i].action != FILE_REMOVED)
            continue;
        any = true;
        if (remove_file(set->folder, set->file[i].path, e))
            return -1;
    }
    return any ? write_manifest(set, owner, false, e) : 0;
}

static int replace_files(const struct file_set *set, const char *const owner[3],
                         const struct file_item *items, size_t count, struct err *e)
{
    if (count && (make_folders(set, e) || write_manifest(set, owner, true, e) ||
                  file_replace_all(items, count, e)))
        return -1;
    return remove_stale(set, owner, e);
}

int file_set_write(struct file_set *set, const char *cluster, const char *machine,
                   const char *layout, struct err *e)
{
    const char *const owner[] = { cluster, machine, layout };
    struct file_item items[FILE_SET_MAX];
    char *paths[FILE_SET_MAX];
    size_t count = 0;
    int rc;

    for (size_t i = 0; i < set->count; i++) {
        const struct export_file *f = &set->file[i];

        if (f->action == FILE_UNCHANGED || f->action == FILE_REMOVED)
            continue;
        paths[count] = xasprintf("%s/%s", set->folder, f->path);
        items[count] = (struct file_item){ paths[count], buf_slice(&f->bytes), f->mode };
        count++;
    }
    rc = replace_files(set, owner, items, count, e);
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    return rc;
}

/* ---- one file, or stdout ---- */

int out_file(const struct json_value *args, const char **out, struct err *e)
{
    const char *path = json_text(json_get(args, "out"));
    struct stat st;

    if (path && strcmp(path, "-") == 0)
        path = NULL;
    /* lstat: /dev/stdout is a link, to a file even when stdout goes to one */
    if (path && lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, "'%s' is not a file%s: leave out --out for stdout", path,
                       S_ISLNK(st.st_mode) ? " but a link" : "");
    *out = path;
    return 0;
}
