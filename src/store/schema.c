#include "base/alloc.h"
#include "store/engine.h"
#include "store/file.h"
#include <fcntl.h>

/*
 * Bodies are long, so rows live under a number and the indexes stay narrow. The body is the last
 * column: those before it are read without its overflow pages. An expiry of "never" is the last
 * time.
 */
/* clang-format off */
static const char schema_1[] =
    "CREATE TABLE record (id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
    " scope TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, schema INTEGER NOT NULL,"
    " created INTEGER NOT NULL, updated INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " issuer_serial TEXT, fingerprint TEXT, body TEXT NOT NULL);"
    "CREATE UNIQUE INDEX record_name ON record (kind, scope, name);"
    "CREATE INDEX record_expires ON record (kind, expires, uid);"
    "CREATE INDEX record_scope_expires ON record (kind, scope, expires, uid);"
    "CREATE INDEX record_created ON record (kind, scope, created, uid);"
    "CREATE INDEX record_issuer_serial ON record (issuer_serial) WHERE issuer_serial IS NOT NULL;"
    "CREATE INDEX record_fingerprint ON record (fingerprint) WHERE fingerprint IS NOT NULL;"
    "CREATE TABLE change (sequence INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL, kind TEXT NOT NULL,"
    " scope TEXT NOT NULL, operation INTEGER NOT NULL, time INTEGER NOT NULL);"
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE audit (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, chain TEXT NOT NULL,"
    " sequence INTEGER NOT NULL, time INTEGER NOT NULL, bytes BLOB NOT NULL, signature BLOB);"
    "CREATE UNIQUE INDEX audit_sequence ON audit (kind, chain, sequence);";
/* clang-format on */

static const char *const steps_sql[] = { NULL, schema_1 };
_Static_assert(ARRAY_LEN(steps_sql) == STORE_SCHEMA + 1, "a step for each schema");
const struct schema_steps schema_steps = { steps_sql, STORE_SCHEMA };

DEFINE_FREEP(sqlite3 *, sqlite3_close)
DEFINE_FREEP(uint8_t *, sqlite3_free)

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

static int run_steps(sqlite3 *db)
{
    char numbers[96];
    int rc = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);

    for (int step = 1; !rc && step <= schema_steps.last; step++)
        rc = sqlite3_exec(db, schema_steps.sql[step], NULL, NULL, NULL);
    (void)snprintf(numbers, sizeof numbers, "PRAGMA user_version=%d; PRAGMA application_id=%d",
                   STORE_SCHEMA, STORE_APPLICATION_ID);
    if (!rc)
        rc = sqlite3_exec(db, numbers, NULL, NULL, NULL);
    return rc ? rc : sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
}

/*
 * Made in memory, then written as any file of ours: it is there whole or not at all, with one wait
 * for the disk where CREATE through a rollback journal and into WAL mode takes five.
 */
int schema_create(const char *path, struct err *e)
{
    /* Bytes 18 and 19, the file format's versions to write and to read: 2 is WAL.
     * https://www.sqlite.org/fileformat2.html#file_format_version_numbers */
    enum { WRITE_VERSION = 18, READ_VERSION = 19, WAL = 2 };
    CLEANUP(sqlite3_closep) sqlite3 *db = NULL;
    CLEANUP(sqlite3_freep) uint8_t *bytes = NULL;
    sqlite3_int64 len = 0;
    int rc = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    struct err why = { 0 };

    if (!rc)
        rc = run_steps(db);
    if (!rc)
        bytes = sqlite3_serialize(db, "main", &len, 0);
    if (!bytes)
        return store_engine_error(path, rc ? rc : SQLITE_NOMEM, sqlite3_errmsg(db), "make", e);
    bytes[WRITE_VERSION] = bytes[READ_VERSION] = WAL;
    if (file_create(path, slice_of(bytes, (size_t)len), 0600, &why) == 0)
        return 0;
    if (why.code == ERR_CONFLICT) /* another process was faster: theirs is as good */
        return 0;
    return err_pass(e, &why);
}
