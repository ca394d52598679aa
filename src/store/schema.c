#include "base/alloc.h"
#include "store/engine.h"
#include <fcntl.h>
#include <unistd.h>

/* There has been one schema so far, and image.c writes it. */
static const char *const steps_sql[] = { NULL, NULL };
_Static_assert(ARRAY_LEN(steps_sql) == STORE_SCHEMA + 1, "a step for each schema");
const struct schema_steps schema_steps = { steps_sql, STORE_SCHEMA };

DEFINE_FREEP(sqlite3 *, sqlite3_close)

static int pragma_int(struct conn *conn, const char *sql, int *value, struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL);

    if (!rc)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        *value = sqlite3_column_int(stmt, 0);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(stmt);
    return rc ? conn_error(conn, rc, "open", e) : 0;
}

/* A whole copy beside the store, for the one who has to go back to the version before. */
static int keep_copy(struct conn *conn, int version, struct err *e)
{
    CLEANUP(freep) char *path = xasprintf("%s.schema-%d", conn->store->path, version);
    CLEANUP(sqlite3_closep) sqlite3 *copy = NULL;
    CLEANUP(fd_closep)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    sqlite3_backup *backup;
    int rc;

    if (fd < 0)
        return err_errno(e, "keep a copy of the store as '%s'", path);
    rc = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    backup = rc ? NULL : sqlite3_backup_init(copy, "main", conn->db, "main");
    if (backup) {
        sqlite3_backup_step(backup, -1);
        rc = sqlite3_backup_finish(backup);
    }
    if (rc || !backup)
        return err_set(e, ERR_IO, "keep a copy of the store as '%s': %s; nothing was changed", path,
                       sqlite3_errmsg(copy));
    return 0;
}

static int upgrade(struct conn *conn, const struct schema_steps *steps, struct err *e)
{
    char number[48];
    int version = 0;
    int rc = sqlite3_exec(conn->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    if (!rc && pragma_int(conn, "PRAGMA user_version", &version, e)) {
        sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
        return -1;
    }
    for (int step = version + 1; !rc && step <= steps->last;
         step++) /* another one may have been here */
        rc = sqlite3_exec(conn->db, steps->sql[step], NULL, NULL, NULL);
    (void)snprintf(number, sizeof number, "PRAGMA user_version=%d", steps->last);
    if (!rc)
        rc = sqlite3_exec(conn->db, number, NULL, NULL, NULL);
    if (!rc)
        rc = sqlite3_exec(conn->db, "COMMIT", NULL, NULL, NULL);
    if (!rc)
        return 0;
    conn_error(conn, rc, "upgrade", e);
    sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

int schema_check(struct conn *conn, const struct schema_steps *steps, struct err *e)
{
    const char *path = conn->store->path;
    int application = 0, version = 0;

    if (pragma_int(conn, "PRAGMA application_id", &application, e) ||
        pragma_int(conn, "PRAGMA user_version", &version, e))
        return -1;
    if (application != STORE_APPLICATION_ID || version < 1)
        return err_set(e, ERR_CORRUPT,
                       "'%s' is an SQLite file, but no store of poterne's: restore a backup with "
                       "'poterne state restore FILE', or name another state directory",
                       path);
    if (version > steps->last)
        return err_set(
            e, ERR_CONFLICT,
            "the store '%s' was written by a newer poterne (schema %d, this one knows %d): "
            "install that version again, or restore a backup from before its upgrade",
            path, version, steps->last);
    if (version == steps->last)
        return 0;
    if (keep_copy(conn, version, e))
        return -1;
    return upgrade(conn, steps, e);
}
