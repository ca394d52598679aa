#include "api/client_files.h"

#include "base/alloc.h"
#include "store/file.h"
#include <sys/stat.h>

enum { MAX_EXISTING = 1 << 20 };

const char *file_action_name(enum file_action action)
{
    static const char *const names[] = { "created", "updated", "unchanged" };

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
    return 0;
}

static int make_folders(const struct file_set *set, struct err *e)
{
    CLEANUP(buf_clear) struct buf last = { 0 };

    for (size_t i = 0; i < set->count; i++) {
        CLEANUP(buf_clear) struct buf folder = { 0 };
        const char *path = set->file[i].path, *slash = strrchr(path, '/');

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

static int write_manifest(const struct file_set *set, const char *cluster, const char *machine,
                          const char *layout, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(buf_clear) struct buf path = { 0 };
    struct json_writer w;

    manifest_begin(&w, &text, cluster, machine, layout);
    for (size_t i = 0; i < set->count; i++)
        manifest_row(&w, set->file[i].path, buf_slice(&set->file[i].before),
                     buf_slice(&set->file[i].bytes));
    manifest_end(&w);
    buf_addf(&path, "%s/%s", set->folder, manifest_name);
    return file_replace(buf_str(&path), buf_slice(&text), 0600, e);
}

int file_set_write(struct file_set *set, const char *cluster, const char *machine,
                   const char *layout, struct err *e)
{
    struct file_item items[FILE_SET_MAX];
    char *paths[FILE_SET_MAX];
    size_t count = 0;
    int rc;

    for (size_t i = 0; i < set->count; i++) {
        const struct export_file *f = &set->file[i];

        if (f->action == FILE_UNCHANGED)
            continue;
        paths[count] = xasprintf("%s/%s", set->folder, f->path);
        items[count] = (struct file_item){ paths[count], buf_slice(&f->bytes), f->mode };
        count++;
    }
    if (!count)
        return 0;
    rc = make_folders(set, e);
    if (!rc)
        rc = write_manifest(set, cluster, machine, layout, e);
    if (!rc)
        rc = file_replace_all(items, count, e);
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    return rc;
}
