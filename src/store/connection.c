#include "base/alloc.h"
#include "base/clock.h"
#include "store/engine.h"
#include <errno.h>

/* What SQLite's result means for the one who reads it, and what to do about it. */
int store_engine_error(const char *path, int rc, const char *detail, const char *what,
                       struct err *e)
{
    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return err_set(e, ERR_CORRUPT,
                       "the store '%s' is damaged (%s): run 'poterne state check', or restore a "
                       "backup with 'poterne state restore FILE'",
                       path, detail);
    case SQLITE_FULL:
        return err_set(e, ERR_IO, "cannot %s the store '%s': the disk is full; nothing was changed",
                       what, path);
    case SQLITE_READONLY:
        return err_set(e, ERR_IO,
                       "cannot %s the store '%s': the file or its file system is read-only", what,
                       path);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return err_set(e, ERR_IO,
                       "cannot open the store '%s' (%s): it and its folder must be readable and "
                       "writable by this user, on a file system that is not read-only",
                       path, detail);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return err_set(e, ERR_BUSY,
                       "the store '%s' is in use by another process for too long: try again", path);
    case SQLITE_TOOBIG:
    case SQLITE_NOMEM:
        return err_set(e, ERR_LIMIT, "cannot %s the store '%s': %s", what, path, detail);
    case SQLITE_IOERR:
        return err_set(e, ERR_IO, "cannot %s the store '%s': %s; nothing was changed", what, path,
                       detail);
    default:
        return err_set(e, ERR_INTERNAL, "cannot %s the store '%s': %s (%d)", what, path, detail,
                       rc);
    }
}

int conn_error(struct conn *conn, int rc, const char *what, struct err *e)
{
    int code = sqlite3_system_errno(conn->db);

    if ((rc & 0xff) == SQLITE_IOERR && code == ENOSPC)
        rc = SQLITE_FULL;
    if (((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN) && code == EROFS)
        rc = SQLITE_READONLY;
    return store_engine_error(conn->store->path, rc, sqlite3_errmsg(conn->db), what, e);
}

/* Short sleeps of changing length, so that processes in a queue for the lock all get their turn. */
static int wait_for_writer(void *ctx, int tries)
{
    struct conn *conn = ctx;
    int64_t now = clock_monotonic_ms();
    unsigned char noise;
    struct timespec nap = { 0 };

    if (tries == 0)
        conn->busy_since = now;
    if (now - conn->busy_since >= conn->store->busy_ms)
        return 0;
    random_bytes(&noise, sizeof noise);
    nap.tv_nsec = (tries < 4 ? 100000 : 500000) + noise * 4000L;
    nanosleep(&nap, NULL);
    return 1;
}

static int count_commit(void *ctx, sqlite3 *db, const char *name, int frames)
{
    struct conn *conn = ctx;

    (void)db;
    (void)name;
    atomic_store(&conn->store->wal_frames, frames);
    atomic_fetch_add(&conn->store->commits, 1);
    return SQLITE_OK;
}

static int set_up(struct conn *conn)
{
    sqlite3 *db = conn->db;

    /* Closing leaves the log where it is, which saves every short command four waits for the disk;
     * store_close folds it into the file when it has grown. A hook replaces SQLite's own moment. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_busy_handler(db, wait_for_writer, conn);
    sqlite3_wal_hook(db, count_commit, conn);
    /* No file beside the store's: a daemon's front may open none. */
    return sqlite3_exec(db,
                        "PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; "
                        "PRAGMA temp_store=MEMORY",
                        NULL, NULL, NULL);
}

int conn_open(struct conn **ret, struct store *store, struct err *e)
{
    CLEANUP(conn_closep) struct conn *conn = xcalloc(1, sizeof *conn);
    int rc;

    conn->store = store;
    rc = sqlite3_open_v2(store->path, &conn->db,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (!conn->db)
        return store_engine_error(store->path, SQLITE_NOMEM, "out of memory", "open", e);
    if (!rc)
        rc = set_up(conn);
    if (rc)
        return conn_error(conn, rc, "open", e);
    *ret = conn;
    conn = NULL;
    return 0;
}

void conn_close(struct conn *conn)
{
    for (size_t i = 0; i < ARRAY_LEN(conn->cached); i++)
        sqlite3_finalize(conn->cached[i].stmt);
    sqlite3_close(conn->db);
    free(conn);
}
