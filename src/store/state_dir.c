#include "store/state_dir.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "store/file.h"
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TELL_AFTER_MS = 1000 };

struct state_dir {
    char *path, *store;
    int fd, lock;
};

/* An owner we trust: ourselves. */
static int check_owner(const char *what, const char *path, const struct stat *info, struct err *e)
{
    if (info->st_uid == geteuid())
        return 0;
    return err_set(
        e, ERR_REFUSED,
        "%s '%s' belongs to user %u, not to the user of this process (%u): run the command "
        "as its owner, or name another one with --state",
        what, path, (unsigned)info->st_uid, (unsigned)geteuid());
}

static int check_mode(const char *what, const char *path, const struct stat *info, struct err *e)
{
    unsigned mode = (unsigned)info->st_mode & 07777;

    if (!(mode & 077))
        return 0;
    return err_set(
        e, ERR_REFUSED,
        "%s '%s' is open to others (mode %04o): it holds keys; run \"chmod %04o '%s'\" after "
        "thinking about who may have read it",
        what, path, mode, mode & 0700, path);
}

static int check_files(const struct state_dir *dir, struct err *e)
{
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int rc = 0;

    if (!list) {
        if (fd >= 0)
            close(fd);
        return err_errno(e, "list the state directory '%s'", dir->path);
    }
    while (!rc && (entry = readdir(list))) {
        CLEANUP(freep) char *path = xasprintf("%s/%s", dir->path, entry->d_name);
        struct stat info;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (fstatat(dir->fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW))
            continue; /* a temporary of another command, gone meanwhile */
        rc = check_owner("the file", path, &info, e);
        if (!rc && S_ISREG(info.st_mode))
            rc = check_mode("the file", path, &info, e);
    }
    closedir(list);
    return rc;
}

static int open_folder(struct state_dir *dir, bool create, struct err *e)
{
    struct stat info;

    if (lstat(dir->path, &info)) {
        if (errno != ENOENT)
            return err_errno(e, "open the state directory '%s'", dir->path);
        if (!create)
            return err_set(e, ERR_NOT_FOUND, "there is no state directory '%s' yet", dir->path);
        if (file_make_folders(dir->path, 0700, e))
            return err_wrap(e, "make the state directory");
        if (lstat(dir->path, &info))
            return err_errno(e, "open the state directory '%s'", dir->path);
    }
    /* A link of root's is the administrator's choice of a disk. */
    if (S_ISLNK(info.st_mode) && info.st_uid != 0 && check_owner("the link", dir->path, &info, e))
        return -1;
    dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->fd < 0 || fstat(dir->fd, &info))
        return err_errno(e, "open the state directory '%s'", dir->path);
    if (check_owner("the state directory", dir->path, &info, e))
        return -1;
    return check_mode("the state directory", dir->path, &info, e);
}

/* What is beside a daemon needs no lock: it holds off what must have the directory for itself. */
static bool is_beside_daemon(const struct state_dir *dir, const struct state_dir_options *options)
{
    return options->lock == STATE_BESIDE && !faccessat(dir->fd, STATE_DAEMON, F_OK, 0);
}

static int wait_for_lock(const struct state_dir *dir, const struct state_dir_options *options,
                         struct err *e)
{
    int how = (options->lock == STATE_EXCLUSIVE ? LOCK_EX : LOCK_SH) | LOCK_NB;
    int64_t start = clock_monotonic_ms();
    struct timespec nap = { .tv_nsec = 2000000 };
    bool told = false;

    while (flock(dir->lock, how)) {
        int64_t waited = clock_monotonic_ms() - start;

        if (errno != EWOULDBLOCK && errno != EINTR)
            return err_errno(e, "lock the state directory '%s'", dir->path);
        if (is_beside_daemon(dir, options))
            return 0;
        if (waited >= options->wait_ms)
            return err_set(
                e, ERR_BUSY,
                "the state directory '%s' is in use by another poterne: wait for it to end, "
                "or see who it is with 'fuser %s/lock'",
                dir->path, dir->path);
        if (waited >= TELL_AFTER_MS && !told && options->waiting)
            options->waiting(options->ctx);
        told = waited >= TELL_AFTER_MS;
        nanosleep(&nap, NULL);
        if (nap.tv_nsec < 20000000)
            nap.tv_nsec += 1000000;
    }
    /* One that a daemon left when it was killed: nobody else can be serving now. */
    if (options->lock == STATE_EXCLUSIVE)
        (void)unlinkat(dir->fd, STATE_DAEMON, 0);
    return 0;
}

static int open_lock(struct state_dir *dir, struct err *e)
{
    const int flags = O_NOFOLLOW | O_CLOEXEC;

    dir->lock = openat(dir->fd, "lock", flags | O_RDWR | O_CREAT, 0600);
    if (dir->lock < 0 && errno == EROFS)
        dir->lock = openat(dir->fd, "lock", flags | O_RDONLY);
    return dir->lock < 0 ? err_errno(e, "open '%s/lock'", dir->path) : 0;
}

int state_dir_open(struct state_dir **ret, const struct state_dir_options *options, struct err *e)
{
    CLEANUP(state_dir_closep) struct state_dir *dir = xcalloc(1, sizeof *dir);

    dir->fd = dir->lock = -1;
    dir->path = xstrdup(options->path);
    dir->store = xasprintf("%s/store.db", options->path);
    if (open_folder(dir, options->create, e) || open_lock(dir, e) ||
        wait_for_lock(dir, options, e) || check_files(dir, e))
        return -1;
    *ret = dir;
    dir = NULL;
    return 0;
}

void state_dir_close(struct state_dir *dir)
{
    if (!dir)
        return;
    fd_closep(&dir->lock); /* and with it the lock goes */
    fd_closep(&dir->fd);
    free(dir->path);
    free(dir->store);
    free(dir);
}

const char *state_dir_path(const struct state_dir *dir)
{
    return dir->path;
}

const char *state_dir_store(const struct state_dir *dir)
{
    return dir->store;
}

int state_dir_key_open(const struct state_dir *dir, const char *name, int *fd, struct err *e)
{
    CLEANUP(fd_closep) int key = -1;
    struct stat info;

    assert(!strchr(name, '/'));
    key = openat(dir->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (key < 0 || fstat(key, &info))
        return err_errno(e, "open the key file '%s/%s'", dir->path, name);
    if (!S_ISREG(info.st_mode))
        return err_set(e, ERR_INVALID, "the key file '%s/%s' is not a regular file", dir->path,
                       name);
    *fd = key;
    key = -1;
    return 0;
}

int state_dir_key_write(const struct state_dir *dir, const char *name, struct slice text,
                        struct err *e)
{
    CLEANUP(freep) char *path = xasprintf("%s/%s", dir->path, name);

    assert(!strchr(name, '/'));
    return file_replace(path, text, 0600, e);
}

static int sync_dir(const struct state_dir *dir, struct err *e)
{
    return fsync(dir->fd) ? err_errno(e, "make the folder '%s' durable", dir->path) : 0;
}

int state_dir_key_promote(const struct state_dir *dir, const char *from, const char *to,
                          struct err *e)
{
    assert(!strchr(from, '/') && !strchr(to, '/'));
    if (renameat(dir->fd, from, dir->fd, to))
        return err_errno(e, "rename the key file '%s/%s' to '%s'", dir->path, from, to);
    return sync_dir(dir, e);
}

int state_dir_default(char **path, struct err *e)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (geteuid() == 0)
        *path = xstrdup("/var/lib/poterne");
    else if (state && state[0] == '/') /* the XDG specification: relative ones are to be ignored */
        *path = xasprintf("%s/poterne", state);
    else if (home && home[0] == '/')
        *path = xasprintf("%s/.local/state/poterne", home);
    else
        return err_set(
            e, ERR_INVALID,
            "no state directory: HOME is not set; name one with --state or POTERNE_STATE");
    return 0;
}
