#include "base/clock.h"
#include "store/engine.h"

/* Largest group: a bound on how long the first of it waits for the last. */
enum { BATCH = 64 };
/* Length of the log, in pages, at which it is folded into the file. */
enum { WAL_FOLD = 1000 };

int conn_take(struct store *store, struct conn **ret, struct err *e)
{
    struct conn *conn;

    pthread_mutex_lock(&store->lock);
    while (!store->idle && store->conns >= STORE_CONNECTIONS)
        pthread_cond_wait(&store->idle_again, &store->lock);
    conn = store->idle;
    if (conn)
        store->idle = conn->next;
    else
        store->conns++;
    pthread_mutex_unlock(&store->lock);
    if (!conn && conn_open(&conn, store, e)) {
        pthread_mutex_lock(&store->lock);
        store->conns--;
        pthread_cond_signal(&store->idle_again);
        pthread_mutex_unlock(&store->lock);
        return -1;
    }
    *ret = conn;
    return 0;
}

void conn_give(struct conn *conn)
{
    struct store *store = conn->store;

    pthread_mutex_lock(&store->lock);
    conn->next = store->idle;
    store->idle = conn;
    pthread_cond_signal(&store->idle_again);
    pthread_mutex_unlock(&store->lock);
}

DEFINE_FREEP(struct conn *, conn_give)

static int run_sql(struct store_tx *tx, const char *sql, struct err *e)
{
    CLEANUP(query_close) struct query q = { 0 };

    if (query_open(&q, tx, sql, e))
        return -1;
    return query_run(&q, e);
}

static void roll_back(struct store_tx *tx)
{
    struct err ignored;

    if (!sqlite3_get_autocommit(tx->conn->db)) /* SQLite may have done it for a fatal error */
        (void)!run_sql(tx, "ROLLBACK", &ignored);
}

/* A read maps the log's index, which opens its files. */
int store_warm(struct store *store, unsigned uses, struct err *e)
{
    struct conn *taken[STORE_CONNECTIONS];
    unsigned count = 0;
    int rc = 0;

    while (!rc && count < uses && count < STORE_CONNECTIONS) {
        struct store_tx tx = { .store = store, .sequence = -1 };

        rc = conn_take(store, &taken[count], e);
        if (rc)
            break;
        tx.conn = taken[count++];
        rc = run_sql(&tx, "BEGIN", e);
        if (!rc)
            rc = run_sql(&tx, "SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)", e);
        roll_back(&tx);
    }
    while (count)
        conn_give(taken[--count]);
    return rc;
}

/* Relaxed: a number that is a moment old is as good. */
static void tally(atomic_ullong *times, atomic_ullong *microseconds, int64_t began)
{
    atomic_fetch_add_explicit(times, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(microseconds, (uint64_t)(clock_monotonic_us() - began),
                              memory_order_relaxed);
}

void store_stats(struct store *store, struct store_stats *stats)
{
    *stats = (struct store_stats){ .reads = atomic_load(&store->reads),
                                   .read_us = atomic_load(&store->read_us),
                                   .writes = atomic_load(&store->writes),
                                   .write_us = atomic_load(&store->write_us),
                                   .batches = atomic_load(&store->batches) };
    pthread_mutex_lock(&store->lock);
    for (const struct waiting *w = store->first; w; w = w->next)
        stats->waiting++;
    pthread_mutex_unlock(&store->lock);
}

int store_read(struct store *store, store_fn *fn, void *ctx, struct err *e)
{
    int64_t began = clock_monotonic_us();
    CLEANUP(conn_givep) struct conn *conn = NULL;
    struct store_tx tx = { .store = store, .sequence = -1 };
    int rc;

    if (conn_take(store, &conn, e))
        return -1;
    tx.conn = conn;
    if (run_sql(&tx, "BEGIN", e))
        return -1;
    rc = fn(&tx, ctx, e);
    roll_back(&tx);
    tally(&store->reads, &store->read_us, began);
    return rc;
}

/* Runs one transaction of a batch in its own savepoint. -1: the engine failed, all is lost. */
static int run_one(struct conn *conn, struct waiting *w, struct err *fatal)
{
    struct store_tx tx = { .store = conn->store, .conn = conn, .writable = true, .sequence = -1 };

    if (run_sql(&tx, "SAVEPOINT one", fatal))
        return -1;
    w->rc = w->fn(&tx, w->ctx, w->e);
    if (tx.broken) {
        *fatal = tx.first;
        return -1;
    }
    if (w->rc && run_sql(&tx, "ROLLBACK TO one", fatal))
        return -1;
    return run_sql(&tx, "RELEASE one", fatal);
}

static int run_all(struct conn *conn, struct waiting *batch, struct err *fatal)
{
    struct store_tx tx = { .store = conn->store, .conn = conn, .writable = true };
    bool any = false;

    if (run_sql(&tx, "BEGIN IMMEDIATE", fatal))
        return -1;
    for (struct waiting *w = batch; w; w = w->next) {
        if (run_one(conn, w, fatal)) {
            roll_back(&tx);
            return -1;
        }
        any = any || w->rc == 0;
    }
    if (any && run_sql(&tx, "COMMIT", fatal)) {
        roll_back(&tx);
        return -1;
    }
    roll_back(&tx);
    return 0;
}

static void run_batch(struct store *store, struct waiting *batch)
{
    CLEANUP(conn_givep) struct conn *conn = NULL;
    struct err fatal = { 0 };

    for (struct waiting *w = batch; w; w = w->next)
        w->rc = 0;
    if (!conn_take(store, &conn, &fatal) && !run_all(conn, batch, &fatal))
        return;
    for (struct waiting *w = batch; w; w = w->next) {
        if (w->rc == 0 && w->e) /* one that failed by itself keeps its own reason */
            *w->e = fatal;
        w->rc = -1;
    }
}

/* Cuts the batch off the queue; the lock is held. */
static struct waiting *cut_batch(struct store *store)
{
    struct waiting *batch = store->first, *end = batch;

    for (int n = 1; n < BATCH && end->next; n++)
        end = end->next;
    store->first = end->next;
    if (!store->first)
        store->last = NULL;
    end->next = NULL;
    return batch;
}

/*
 * The log goes into the file between two batches. PASSIVE waits for nobody: with a reader in the
 * way it does what it can, and the next batch tries again.
 */
static void fold_log(struct store *store)
{
    struct conn *conn;
    struct err ignored;

    if (atomic_load(&store->wal_frames) < WAL_FOLD || conn_take(store, &conn, &ignored))
        return;
    sqlite3_wal_checkpoint_v2(conn->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    conn_give(conn);
}

/* The lock is held on entry and on return. */
static void lead(struct store *store)
{
    struct waiting *batch = cut_batch(store);

    store->leading = true;
    pthread_mutex_unlock(&store->lock);
    atomic_fetch_add_explicit(&store->batches, 1, memory_order_relaxed);
    run_batch(store, batch);
    pthread_mutex_lock(&store->lock);
    for (struct waiting *w = batch, *next; w; w = next) {
        next = w->next; /* its owner may return, and its memory go, once it is done and we unlock */
        w->done = true;
    }
    pthread_cond_broadcast(&store->turn);
    if (atomic_load(&store->wal_frames) >= WAL_FOLD) {
        pthread_mutex_unlock(&store->lock); /* the others have their answer and need not wait */
        fold_log(store);
        pthread_mutex_lock(&store->lock);
    }
    store->leading = false;
    pthread_cond_broadcast(&store->turn);
}

int store_write(struct store *store, store_fn *fn, void *ctx, struct err *e)
{
    struct waiting self = { .fn = fn, .ctx = ctx, .e = e };
    int64_t began = clock_monotonic_us();

    pthread_mutex_lock(&store->lock);
    if (store->last)
        store->last->next = &self;
    else
        store->first = &self;
    store->last = &self;
    while (!self.done && (store->leading || store->first != &self))
        pthread_cond_wait(&store->turn, &store->lock);
    if (!self.done)
        lead(store);
    pthread_mutex_unlock(&store->lock);
    tally(&store->writes, &store->write_us, began);
    return self.rc;
}
