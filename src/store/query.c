#include "store/engine.h"

/* A used slot cannot serve twice: a visitor may ask the same question while its list is open. */
static struct cached *find_slot(struct conn *conn, const char *sql)
{
    for (size_t i = 0; i < ARRAY_LEN(conn->cached); i++) {
        struct cached *slot = &conn->cached[i];

        if (!slot->sql || (slot->sql == sql && !slot->used))
            return slot;
    }
    return NULL;
}

/* Errors of the engine, other than a unique index that says no, spoil the transaction. */
static int query_error(struct query *q, const char *what, struct err *e)
{
    struct store_tx *tx = q->tx;

    if ((q->rc & 0xff) == SQLITE_CONSTRAINT)
        return err_set(e, ERR_CONFLICT, "%s", sqlite3_errmsg(tx->conn->db));
    if (!tx->broken)
        conn_error(tx->conn, q->rc, what, &tx->first);
    tx->broken = true;
    return err_pass(e, &tx->first);
}

int query_open(struct query *q, struct store_tx *tx, const char *sql, struct err *e)
{
    struct cached *slot = find_slot(tx->conn, sql);

    *q = (struct query){ .tx = tx, .home = slot };
    if (slot && slot->stmt) {
        q->stmt = slot->stmt;
    } else {
        q->rc = sqlite3_prepare_v3(tx->conn->db, sql, -1, slot ? SQLITE_PREPARE_PERSISTENT : 0,
                                   &q->stmt, NULL);
        if (q->rc) {
            q->home = NULL;
            return query_error(q, "read", e);
        }
        if (slot)
            *slot = (struct cached){ .sql = sql, .stmt = q->stmt };
    }
    if (slot)
        slot->used = true;
    return 0;
}

void query_close(struct query *q)
{
    if (!q->stmt)
        return;
    if (q->home) {
        sqlite3_reset(q->stmt);
        sqlite3_clear_bindings(q->stmt); /* they borrow memory that may go now */
        q->home->used = false;
    } else {
        sqlite3_finalize(q->stmt);
    }
    q->stmt = NULL;
}

static void bound(struct query *q, int rc)
{
    if (rc && !q->rc)
        q->rc = rc;
}

void query_text(struct query *q, const char *text)
{
    bound(q, sqlite3_bind_text(q->stmt, ++q->bound, text, -1, SQLITE_STATIC));
}

void query_int(struct query *q, int64_t n)
{
    bound(q, sqlite3_bind_int64(q->stmt, ++q->bound, n));
}

void query_bytes(struct query *q, struct slice bytes)
{
    if (!bytes.ptr) /* a NULL would be bound as null */
        bytes.ptr = (const uint8_t *)"";
    bound(q, sqlite3_bind_blob64(q->stmt, ++q->bound, bytes.ptr, bytes.len, SQLITE_STATIC));
}

int query_step(struct query *q, bool *row, struct err *e)
{
    if (!q->rc)
        q->rc = sqlite3_step(q->stmt);
    if (q->rc != SQLITE_ROW && q->rc != SQLITE_DONE)
        return query_error(q, q->tx->writable ? "write to" : "read", e);
    *row = q->rc == SQLITE_ROW;
    q->rc = SQLITE_OK;
    return 0;
}

int query_run(struct query *q, struct err *e)
{
    bool row;

    return query_step(q, &row, e);
}

const char *query_column_text(const struct query *q, int column)
{
    return (const char *)sqlite3_column_text(q->stmt, column);
}

int64_t query_column_int(const struct query *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

struct slice query_column_bytes(const struct query *q, int column)
{
    const void *ptr = sqlite3_column_blob(q->stmt, column);

    return slice_of(ptr, (size_t)sqlite3_column_bytes(q->stmt, column));
}
