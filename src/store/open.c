#include "base/alloc.h"
#include "store/engine.h"
#include <errno.h>
#include <sys/stat.h>

/* Length of the log, in pages, above which the last one to leave folds it into the file: the next
 * process reads the whole log when it opens the store. */
enum { WAL_LEAVE = 128 };

/*
 * The file is looked at by its name only: to open and close it here would drop the locks that
 * another connection of this process holds on it (fcntl(2)), and then two writers could meet.
 */
static int look_at(const struct store_options *options, bool *exists, struct err *e)
{
    struct stat info;

    *exists = lstat(options->path, &info) == 0;
    if (!*exists)
        return errno == ENOENT ? 0 : err_errno(e, "look at the store '%s'", options->path);
    if (!S_ISREG(info.st_mode))
        return err_set(e, ERR_INVALID, "the store '%s' is not a regular file", options->path);
    /* SQLite would take an empty file for a new database, and throw its log away. */
    if (info.st_size == 0)
        return err_set(
            e, ERR_CORRUPT,
            "the store '%s' is damaged (it is empty, as no store ever is): restore a backup "
            "with 'poterne state restore FILE'",
            options->path);
    return 0;
}

static int open_file(struct store *store, const struct store_options *options, struct err *e)
{
    /* Threads that make the same store at once: one closes the file it made, see look_at. */
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    CLEANUP(conn_closep) struct conn *conn = NULL;
    bool exists = false;
    int rc;

    pthread_mutex_lock(&one_at_a_time);
    rc = look_at(options, &exists, e);
    if (!rc && !exists)
        rc = options->create ? schema_create(options->path, e)
                             : err_set(e, ERR_NOT_FOUND, "there is no store '%s'", options->path);
    if (!rc)
        rc = conn_open(&conn, store, e);
    if (!rc)
        rc = schema_check(conn, &schema_steps, e);
    pthread_mutex_unlock(&one_at_a_time);
    if (rc)
        return -1;
    store->idle = conn;
    store->conns = 1;
    conn = NULL;
    return 0;
}

int store_open(struct store **ret, const struct store_options *options, struct err *e)
{
    CLEANUP(store_closep) struct store *store = xcalloc(1, sizeof *store);

    store->path = xstrdup(options->path);
    store->busy_ms = options->busy_ms;
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->idle_again, NULL);
    pthread_cond_init(&store->turn, NULL);
    if (open_file(store, options, e))
        return -1;
    *ret = store;
    store = NULL;
    return 0;
}

void store_close(struct store *store)
{
    struct conn *next;

    if (!store)
        return;
    for (struct conn *conn = store->idle; conn; conn = next) {
        next = conn->next;
        if (!next && atomic_load(&store->wal_frames) > WAL_LEAVE) {
            sqlite3_busy_handler(conn->db, NULL, NULL); /* somebody else is there: theirs to do */
            sqlite3_wal_checkpoint_v2(conn->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        }
        conn_close(conn);
    }
    pthread_cond_destroy(&store->turn);
    pthread_cond_destroy(&store->idle_again);
    pthread_mutex_destroy(&store->lock);
    free(store->path);
    free(store);
}
