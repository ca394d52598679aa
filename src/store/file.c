#include "store/file.h"
#include "base/alloc.h"
#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TURN_MS = 5000 }; /* longest wait for another one that writes the same file */
enum { AT_ONCE = 200 };  /* files open together */

int file_read_fd(struct buf *out, int fd, const char *path, size_t limit, struct err *e)
{
    size_t start = out->len;

    for (;;) {
        size_t room = limit + 1 - (out->len - start);
        uint8_t *to = buf_room(out, room < 65536 ? room : 65536);
        ssize_t n;

        if (!to)
            return buf_check(out, e);
        n = read(fd, to, room < 65536 ? room : 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "read '%s'", path);
        if (n == 0)
            return 0;
        out->len += (size_t)n;
        if (out->len - start > limit)
            return err_set(e, ERR_LIMIT, "'%s' has more than %zu bytes", path, limit);
    }
}

int file_read(struct buf *out, const char *path, size_t limit, struct err *e)
{
    /* Without O_NONBLOCK a pipe without a writer would hold us here, before we see that it is one.
     */
    CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat info;

    if (fd < 0 || fstat(fd, &info))
        return err_errno(e, "read '%s'", path);
    if (S_ISDIR(info.st_mode))
        return err_set(e, ERR_INVALID, "read '%s': it is a folder", path);
    if (!S_ISREG(info.st_mode) && !S_ISFIFO(info.st_mode)) /* a shell's <(command) is a pipe */
        return err_set(e, ERR_INVALID, "read '%s': it is not a regular file", path);
    if (S_ISREG(info.st_mode) && info.st_size > 0 && (uint64_t)info.st_size > limit)
        return err_set(e, ERR_LIMIT, "'%s' has %lld bytes, at most %zu are allowed", path,
                       (long long)info.st_size, limit);
    if (fcntl(fd, F_SETFL, 0))
        return err_errno(e, "read '%s'", path);
    return file_read_fd(out, fd, path, limit, e);
}

/* The folder of a path, "." when it names none; the caller frees. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : slice_dup(slice_of(path, (size_t)(slash - path)));
}

static char *temporary_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    return xasprintf("%.*s.%s.poterne-new", (int)(name - path), path, name);
}

int file_sync_folder(const char *folder, struct err *e)
{
    CLEANUP(fd_closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd))
        return err_errno(e, "make the folder '%s' durable", folder);
    return 0;
}

/* Is this still the file of that name? */
static bool same_file(int fd, const char *path)
{
    struct stat open_one, named;

    return fstat(fd, &open_one) == 0 && lstat(path, &named) == 0 &&
           open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

/* Removes a temporary that nobody works on any more; false when somebody does. */
static bool remove_stale(const char *temporary)
{
    CLEANUP(fd_closep) int fd = open(temporary, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 && errno == ELOOP) /* a link: nobody of us made it */
        return unlink(temporary) == 0;
    if (fd < 0) /* gone meanwhile: whatever has the name by now is somebody's */
        return errno == ENOENT;
    if (flock(fd, LOCK_EX | LOCK_NB))
        return false;
    return !same_file(fd, temporary) || unlink(temporary) == 0;
}

/*
 * The temporary has a fixed name, so that the next writer of the same file clears away what a crash
 * left, and a lock, so that two writers at once follow one another. Always a new file: an old one
 * may be open in a process that must not see what we write. -1: somebody else is at it, or errno
 * says.
 */
static int make_temporary(const char *temporary)
{
    CLEANUP(fd_closep)
    int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int ret;

    if (fd < 0 && errno == EEXIST) {
        (void)remove_stale(temporary);
        errno = EAGAIN;
        return -1;
    }
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) || !same_file(fd, temporary)) { /* taken for a stale one */
        errno = EAGAIN;
        return -1;
    }
    ret = fd;
    fd = -1;
    return ret;
}

/* One file on its way. */
struct work {
    const struct file_item *item;
    char *temporary; /* NULL once it has its name */
    int fd;
};

static void work_clear(struct work *w)
{
    if (w->temporary)
        unlink(w->temporary);
    free(w->temporary);
    if (w->fd >= 0)
        close(w->fd);
}

static int open_work(struct work *w, const struct file_item *item, struct err *e)
{
    int64_t give_up = clock_monotonic_ms() + TURN_MS;
    CLEANUP(freep) char *temporary = temporary_of(item->path);
    struct timespec nap = { .tv_nsec = 2000000 };

    *w = (struct work){ .item = item, .fd = -1 };
    for (;;) {
        w->fd = make_temporary(temporary);
        if (w->fd >= 0)
            break;
        if (errno != EAGAIN)
            return err_errno(e, "write '%s'", item->path);
        if (clock_monotonic_ms() > give_up)
            return err_set(e, ERR_BUSY, "write '%s': another process has been writing it for %d s",
                           item->path, TURN_MS / 1000);
        nanosleep(&nap, NULL);
    }
    w->temporary = temporary;
    temporary = NULL;
    return 0;
}

static int write_work(struct work *w, struct err *e)
{
    struct slice left = w->item->bytes;

    while (left.len > 0) {
        ssize_t n = write(w->fd, left.ptr, left.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "write '%s'", w->item->path);
        left = slice_of(left.ptr + n, left.len - (size_t)n);
    }
    if (fchmod(w->fd, w->item->mode))
        return err_errno(e, "set the mode of '%s'", w->item->path);
    return 0;
}

/*
 * Durable before any is renamed. The kernel first gets to start on all of them: then the first
 * fsync commits the metadata of the rest too (40 files: 8 ms, one by one 14 ms). syncfs(2) is
 * cheaper still, but waits for everything that others have written to the file system.
 */
static int sync_works(const struct work *works, size_t count, struct err *e)
{
    for (size_t i = 0; count > 1 && i < count; i++)
        (void)sync_file_range(works[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    for (size_t i = 0; i < count; i++)
        if (fsync(works[i].fd))
            return err_errno(e, "write '%s'", works[i].item->path);
    return 0;
}

/* The folders of the files, each once, in the order of the files. */
static int sync_folders(const struct file_item *items, size_t count, struct err *e)
{
    CLEANUP(freep) char *last = xstrdup("");

    for (size_t i = 0; i < count; i++) {
        CLEANUP(freep) char *folder = folder_of(items[i].path);
        bool seen = strcmp(folder, last) == 0;

        for (size_t j = 0; !seen && j < i; j++) {
            CLEANUP(freep) char *before = folder_of(items[j].path);

            seen = strcmp(folder, before) == 0;
        }
        if (!seen && file_sync_folder(folder, e))
            return -1;
        free(last);
        last = folder;
        folder = NULL;
    }
    return 0;
}

static int give_names(struct work *works, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        if (rename(works[i].temporary, works[i].item->path))
            return err_errno(e, "write '%s'", works[i].item->path);
        free(works[i].temporary);
        works[i].temporary = NULL;
    }
    return 0;
}

static int replace_some(struct work *works, const struct file_item *items, size_t count,
                        struct err *e)
{
    for (size_t i = 0; i < count; i++)
        if (open_work(&works[i], &items[i], e) || write_work(&works[i], e))
            return -1;
    if (sync_works(works, count, e) || give_names(works, count, e))
        return -1;
    return sync_folders(items, count, e);
}

int file_replace_all(const struct file_item *items, size_t count, struct err *e)
{
    for (size_t done = 0; done < count; done += AT_ONCE) {
        size_t some = count - done < AT_ONCE ? count - done : AT_ONCE;
        struct work *works = xcalloc(some, sizeof *works);
        int rc;

        for (size_t i = 0; i < some; i++)
            works[i].fd = -1;
        rc = replace_some(works, items + done, some, e);
        for (size_t i = 0; i < some; i++)
            work_clear(&works[i]);
        free(works);
        if (rc)
            return -1;
    }
    return 0;
}

int file_replace(const char *path, struct slice bytes, mode_t mode, struct err *e)
{
    struct file_item item = { path, bytes, mode };

    return file_replace_all(&item, 1, e);
}

int file_create(const char *path, struct slice bytes, mode_t mode, struct err *e)
{
    struct file_item item = { path, bytes, mode };
    CLEANUP(work_clear) struct work w = { .fd = -1 };

    if (open_work(&w, &item, e) || write_work(&w, e) || sync_works(&w, 1, e))
        return -1;
    if (link(w.temporary, path))
        return errno == EEXIST ? err_set(e, ERR_CONFLICT, "there is a file '%s' already", path)
                               : err_errno(e, "write '%s'", path);
    if (unlink(w.temporary))
        return err_errno(e, "remove '%s'", w.temporary);
    free(w.temporary);
    w.temporary = NULL;
    return sync_folders(&item, 1, e);
}

static int make_folder(const char *path, mode_t mode, bool *made, struct err *e)
{
    struct stat info;

    *made = mkdir(path, mode) == 0;
    if (*made && chmod(path, mode)) /* whatever the umask says */
        return err_errno(e, "set the mode of '%s'", path);
    if (*made || (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
        return 0;
    if (errno == EEXIST)
        return err_set(e, ERR_INVALID, "'%s' is in the way: it is not a folder", path);
    return err_errno(e, "make the folder '%s'", path);
}

int file_make_folders(const char *path, mode_t mode, struct err *e)
{
    CLEANUP(freep) char *work = xstrdup(path);
    size_t first = 0; /* length of the first folder that was new */

    if (!path[0])
        return err_set(e, ERR_INVALID, "a folder without a name");
    for (size_t i = 1;; i++) {
        char was = work[i];
        bool made;

        if (was != '/' && was != '\0')
            continue;
        work[i] = '\0';
        if (make_folder(work, mode, &made, e))
            return -1;
        if (made && !first)
            first = i;
        work[i] = was;
        if (was == '\0')
            break;
    }
    /* All are made, then the first sync has little left for the others to do. */
    for (size_t i = first; first && i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        CLEANUP(freep) char *made = slice_dup(slice_of(path, i));
        CLEANUP(freep) char *folder = folder_of(made);

        if (file_sync_folder(folder, e))
            return -1;
    }
    return 0;
}
