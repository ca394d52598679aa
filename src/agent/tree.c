#include "agent/tree.h"

#include "base/alloc.h"
#include "base/encode.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char journal_name[] = "journal.json";
static const char previous_name[] = "previous.json";
enum { MAX_HOME_FILE = 64 << 20 };

/* ---- paths ---- */

int tree_path_check(const char *path, struct err *e)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._-/";
    struct slice rest = slice_str(path), segment;
    bool more = true;

    if (strlen(path) > TREE_MAX_PATH || path[strspn(path, allowed)])
        return err_set(e, ERR_REFUSED, "a path holds what none of ours does, or more than %d bytes",
                       TREE_MAX_PATH);
    while (more) {
        more = slice_cut(&rest, '/', &segment);
        if (!more)
            segment = rest;
        if (!segment.len || segment.ptr[0] == '.')
            return err_set(e, ERR_REFUSED, "path '%s' is absolute, leads upwards or is hidden",
                           path);
    }
    return 0;
}

static int open_beneath(int root, const char *path, int flags, mode_t mode)
{
    struct open_how how = { .flags = (unsigned)flags | O_CLOEXEC,
                            .mode = flags & O_CREAT ? mode : 0,
                            .resolve =
                                RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* ELOOP: a symbolic link; EXDEV: it would have left the folder. */
static int refuse_open(const char *path, struct err *e)
{
    if (errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "there is no '%s'", path);
    if (errno == ELOOP || errno == EXDEV || errno == ENOTDIR)
        return err_set(e, ERR_REFUSED,
                       "'%s': a symbolic link or something else than a folder is in the way", path);
    return err_errno(e, "open '%s'", path);
}

/* The folder of a path, opened; *name is its last segment. make: what is missing is made. */
static int open_folder(const struct tree *tree, const char *path, bool make, const char **name,
                       int *ret, struct err *e)
{
    const char *slash = strrchr(path, '/');
    CLEANUP(freep) char *folder = slash ? slice_dup(slice_of(path, (size_t)(slash - path))) : NULL;
    CLEANUP(fd_closep) int fd = fcntl(tree->root, F_DUPFD_CLOEXEC, 3);
    struct slice rest = slice_str(folder), segment;
    bool more = folder != NULL;

    *name = slash ? slash + 1 : path;
    while (more && fd >= 0) {
        CLEANUP(fd_closep) int above = fd;
        CLEANUP(freep) char *step = NULL;

        more = slice_cut(&rest, '/', &segment);
        step = slice_dup(more ? segment : rest);
        if (make && mkdirat(above, step, 0755) && errno != EEXIST)
            return err_errno(e, "make the folder of '%s'", path);
        fd = open_beneath(above, step, O_RDONLY | O_DIRECTORY, 0);
    }
    if (fd < 0)
        return refuse_open(path, e);
    *ret = fd;
    fd = -1;
    return 0;
}

int tree_open(struct tree *ret, const char *root, const char *home, struct err *e)
{
    struct tree tree = { .root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                         .home = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                         .path = root };

    if (tree.root < 0 || tree.home < 0) {
        err_errno(e, "open the folder '%s'", tree.root < 0 ? root : home);
        tree_close(&tree);
        return -1;
    }
    *ret = tree;
    return 0;
}

void tree_close(struct tree *tree)
{
    fd_closep(&tree->root);
    fd_closep(&tree->home);
    tree->root = tree->home = -1;
}

/* ---- reading ---- */

static int read_all(int fd, size_t limit, struct buf *out, struct err *e)
{
    uint8_t chunk[16 << 10];

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "read");
        if (n == 0)
            break;
        buf_add(out, chunk, (size_t)n);
        if (out->len > limit)
            return err_set(e, ERR_LIMIT, "a file is larger than %zu bytes", limit);
    }
    explicit_bzero(chunk, sizeof chunk);
    return buf_check(out, e);
}

int tree_read(const struct tree *tree, const char *path, struct buf *bytes, mode_t *mode,
              int64_t *mtime, struct err *e)
{
    CLEANUP(fd_closep) int fd = open_beneath(tree->root, path, O_RDONLY | O_NONBLOCK, 0);
    struct stat st;

    buf_reset(bytes);
    if (fd < 0)
        return refuse_open(path, e);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return err_set(e, ERR_REFUSED, "'%s' is something else than a file", path);
    *mode = st.st_mode & 07777;
    *mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return read_all(fd, TREE_MAX_FILE, bytes, e) ? err_wrap(e, "'%s'", path) : 0;
}

/* ---- writing ---- */

static void temporary_of(char out[256], const char *name)
{
    (void)snprintf(out, 256, ".%.200s.poterne-new", name);
}

static int write_all(int fd, struct slice left, struct err *e)
{
    while (left.len > 0) {
        ssize_t n = write(fd, left.ptr, left.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "write");
        left = slice_of(left.ptr + n, left.len - (size_t)n);
    }
    return 0;
}

static int write_temporary(int folder, const char *name, struct slice bytes, mode_t mode,
                           struct err *e)
{
    char temporary[256];

    temporary_of(temporary, name);
    if (unlinkat(folder, temporary, 0) && errno != ENOENT) /* of a run that was cut short */
        return err_errno(e, "remove '%s'", temporary);

    CLEANUP(fd_closep)
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_errno(e, "write '%s'", name);
    if (write_all(fd, bytes, e))
        return err_wrap(e, "'%s'", name);
    if (fchmod(fd, mode) || fsync(fd))
        return err_errno(e, "write '%s'", name);
    return 0;
}

int home_read(int home, const char *name, struct buf *bytes, struct err *e)
{
    CLEANUP(fd_closep) int fd = openat(home, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    buf_reset(bytes);
    if (fd < 0)
        return err_errno(e, "open '%s'", name);
    return read_all(fd, MAX_HOME_FILE, bytes, e);
}

int home_write(int home, const char *name, struct slice bytes, struct err *e)
{
    char temporary[256];

    temporary_of(temporary, name);
    if (write_temporary(home, name, bytes, 0600, e))
        return -1;
    if (renameat(home, temporary, home, name) || fsync(home))
        return err_errno(e, "write '%s'", name);
    return 0;
}

static int remove_home(int home, const char *name, struct err *e)
{
    if ((unlinkat(home, name, 0) && errno != ENOENT) || fsync(home))
        return err_errno(e, "remove '%s'", name);
    return 0;
}

/* Nothing but a file is replaced. */
static int check_place(int folder, const char *name, const char *path, struct err *e)
{
    struct stat st;

    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0 : err_errno(e, "look at '%s'", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_REFUSED,
                       "in the place of '%s' is a symbolic link or something else than a file",
                       path);
    return 0;
}

/* Every place is looked at before anything is made. */
static int check_places(const struct tree *tree, const struct tree_file *files, size_t count,
                        struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(fd_closep) int folder = -1;
        const char *name;
        struct err why = { 0 };

        if (tree_path_check(files[i].path, e))
            return -1;
        if (open_folder(tree, files[i].path, false, &name, &folder, &why)) {
            if (why.code != ERR_NOT_FOUND)
                return err_pass(e, &why);
            continue;
        }
        if (check_place(folder, name, files[i].path, e))
            return -1;
    }
    return 0;
}

/* ---- the journal, and what was there before ---- */

static int write_journal(const struct tree *tree, const struct tree_file *files, size_t count,
                         struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct json_writer w;

    json_writer_init(&w, &text, false);
    json_put_object(&w, NULL);
    json_put_array(&w, "files");
    for (size_t i = 0; i < count; i++) {
        json_put_object(&w, NULL);
        json_put_text(&w, "path", files[i].path);
        json_put_bool(&w, "remove", files[i].remove);
        json_put_end(&w);
    }
    json_put_end(&w);
    json_put_end(&w);
    if (buf_check(&text, e))
        return -1;
    return home_write(tree->home, journal_name, buf_slice(&text), e);
}

static int put_previous(const struct tree *tree, const char *path, struct json_writer *w,
                        struct err *e)
{
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    struct err why = { 0 };
    int64_t mtime;
    mode_t mode = 0;
    int rc = tree_read(tree, path, &bytes, &mode, &mtime, &why);

    if (rc && why.code != ERR_NOT_FOUND)
        return err_pass(e, &why);
    json_put_object(w, NULL);
    json_put_text(w, "path", path);
    if (!rc) {
        json_put_int(w, "mode", mode);
        json_put_base64(w, "bytes", buf_slice(&bytes));
    }
    json_put_end(w);
    return 0;
}

static int keep_previous(const struct tree *tree, const struct tree_file *files, size_t count,
                         struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct json_writer w;

    json_writer_init(&w, &text, false);
    json_put_object(&w, NULL);
    json_put_array(&w, "files");
    for (size_t i = 0; i < count; i++)
        if (put_previous(tree, files[i].path, &w, e))
            return -1;
    json_put_end(&w);
    json_put_end(&w);
    if (buf_check(&text, e))
        return -1;
    return home_write(tree->home, previous_name, buf_slice(&text), e);
}

static int read_list(const struct tree *tree, const char *name, struct json **doc, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    if (home_read(tree->home, name, &text, e))
        return -1;
    return json_parse(doc, buf_slice(&text), &(struct json_limits){ .bytes = MAX_HOME_FILE }, e);
}

/* ---- the renames ---- */

/* A temporary that is gone was renamed before the crash. */
static int take_place(const struct tree *tree, const char *path, bool remove, struct err *e)
{
    CLEANUP(fd_closep) int folder = -1;
    char temporary[256];
    const char *name;
    struct err why = { 0 };

    if (tree_path_check(path, e))
        return -1;
    if (open_folder(tree, path, false, &name, &folder, &why))
        return remove && why.code == ERR_NOT_FOUND ? 0 : err_pass(e, &why);
    temporary_of(temporary, name);
    if (remove ? unlinkat(folder, name, 0) : renameat(folder, temporary, folder, name))
        if (errno != ENOENT)
            return err_errno(e, "write '%s'", path);
    if (fsync(folder))
        return err_errno(e, "make the folder of '%s' durable", path);
    return 0;
}

int tree_recover(const struct tree *tree, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *row;
    struct err why = { 0 };
    struct json_iter it;
    const char *key;

    if (read_list(tree, journal_name, &doc, &why)) {
        if (why.code == ERR_NOT_FOUND)
            return 0;
        err_pass(e, &why);
        return err_wrap(e, "the agent's journal");
    }
    it = json_iter(json_get(json_root(doc), "files"));
    while (json_next(&it, &key, &row)) {
        const char *path = json_text(json_get(row, "path"));

        if (path && take_place(tree, path, json_bool(json_get(row, "remove"), false), e))
            return -1;
    }
    return remove_home(tree->home, journal_name, e);
}

static int write_temporaries(const struct tree *tree, const struct tree_file *files, size_t count,
                             struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(fd_closep) int folder = -1;
        const char *name;

        if (files[i].remove)
            continue;
        if (open_folder(tree, files[i].path, true, &name, &folder, e) ||
            write_temporary(folder, name, files[i].bytes, files[i].mode, e))
            return -1;
    }
    return 0;
}

static int replace(const struct tree *tree, const struct tree_file *files, size_t count,
                   struct err *e)
{
    if (write_temporaries(tree, files, count, e) || write_journal(tree, files, count, e))
        return -1;
    return tree_recover(tree, e);
}

int tree_install(const struct tree *tree, const struct tree_file *files, size_t count,
                 struct err *e)
{
    if (!count)
        return 0;
    if (check_places(tree, files, count, e) || keep_previous(tree, files, count, e))
        return -1;
    return replace(tree, files, count, e);
}

/* ---- back ---- */

static int read_previous(struct tree_file *files, struct buf *bytes, size_t *count,
                         const struct json_value *list, struct err *e)
{
    struct json_iter it = json_iter(list);
    const struct json_value *row;
    const char *key;

    while (json_next(&it, &key, &row)) {
        struct tree_file *f = &files[*count];
        struct buf *b = &bytes[*count];

        if (*count == TREE_MAX_FILES || !json_text(json_get(row, "path")))
            return err_set(e, ERR_CORRUPT, "the agent's list of previous files is damaged");
        ++*count;
        f->path = json_text(json_get(row, "path"));
        f->mode = (mode_t)json_int(json_get(row, "mode"), 0600) & 07777;
        f->remove = json_get(row, "bytes") == NULL;
        if (!f->remove && base64_decode(b, json_slice(json_get(row, "bytes")), e))
            return -1;
        f->bytes = buf_slice(b);
    }
    return 0;
}

int tree_roll_back(const struct tree *tree, struct err *e)
{
    struct tree_file *files = xcalloc(TREE_MAX_FILES, sizeof *files);
    struct buf *bytes = xcalloc(TREE_MAX_FILES, sizeof *bytes);
    struct json *doc = NULL;
    size_t count = 0;
    int rc = read_list(tree, previous_name, &doc, e);

    if (!rc)
        rc = read_previous(files, bytes, &count, json_get(json_root(doc), "files"), e);
    if (!rc)
        rc = check_places(tree, files, count, e) || replace(tree, files, count, e) ? -1 : 0;
    for (size_t i = 0; i < TREE_MAX_FILES; i++)
        buf_clear(&bytes[i]);
    free(bytes);
    free(files);
    json_free(doc);
    return rc;
}
