#include "store/engine.h"

DEFINE_FREEP(void *, sqlite3_free)
DEFINE_FREEP(struct conn *, conn_give)

/* SQLite reads the pages one by one: a transaction around it makes them all of one moment. */
static int serialize(struct store_tx *tx, void *ctx, struct err *e)
{
    CLEANUP(sqlite3_freep) void *bytes = NULL;
    struct buf *out = ctx;
    struct conn *conn = tx->conn;
    sqlite3_int64 len = 0;

    (void)store_sequence(tx); /* the first read fixes the moment */
    bytes = sqlite3_serialize(conn->db, "main", &len, 0);
    if (!bytes)
        return err_set(e, ERR_IO, "copy the store '%s': %s", tx->store->path,
                       sqlite3_errcode(conn->db) ? sqlite3_errmsg(conn->db) : "out of memory");
    buf_add(out, bytes, (size_t)len);
    return buf_check(out, e);
}

int store_snapshot(struct store *store, struct buf *out, struct err *e)
{
    return store_read(store, serialize, out, e);
}

struct verify {
    store_fault *fault;
    void *ctx;
};

static int verify(struct store_tx *tx, void *ctx, struct err *e)
{
    static const char sql[] = "PRAGMA integrity_check(100)";
    const struct verify *v = ctx;
    CLEANUP(query_close) struct query q = { 0 };
    bool row;

    if (query_open(&q, tx, sql, e))
        return -1;
    for (;;) {
        const char *text;

        if (query_step(&q, &row, e))
            return -1;
        text = row ? query_column_text(&q, 0) : NULL;
        if (!row)
            return 0;
        if (text && strcmp(text, "ok") != 0)
            v->fault(text, v->ctx);
    }
}

int store_verify(struct store *store, store_fault *fault, void *ctx, struct err *e)
{
    struct verify v = { fault, ctx };
    struct err why = { 0 };

    if (store_read(store, verify, &v, &why) == 0)
        return 0;
    if (why.code != ERR_CORRUPT)
        return err_pass(e, &why);
    fault(why.msg, ctx); /* too damaged for the check itself: that is its finding */
    return 0;
}

int store_scrub(struct store *store, struct err *e)
{
    CLEANUP(conn_givep) struct conn *conn = NULL;
    int rc;

    if (conn_take(store, &conn, e))
        return -1;
    rc = sqlite3_wal_checkpoint_v2(conn->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc)
        return conn_error(conn, rc, "scrub", e);
    atomic_store(&store->wal_frames, 0);
    return 0;
}
