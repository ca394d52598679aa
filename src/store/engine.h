#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "store/store.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

/* The SQLite engine's inside: for the files of this folder and their tests, nobody else. */

enum { STORE_APPLICATION_ID = 0x706f7465 }; /* "pote", in the file's header */
enum { STORE_CONNECTIONS = 16, STORE_CACHED = 48 };

/* A prepared statement that a connection keeps; found again by the address of its text. */
struct cached {
    const char *sql;
    sqlite3_stmt *stmt;
    bool used;
};

struct conn {
    sqlite3 *db;
    struct store *store;
    struct conn *next;  /* in the store's list of idle ones */
    int64_t busy_since; /* monotonic ms of the first try of the present wait */
    struct cached cached[STORE_CACHED];
};

/* A write that waits for its turn, on its caller's stack. */
struct waiting {
    store_fn *fn;
    void *ctx;
    struct err *e;
    struct waiting *next;
    int rc;
    bool done;
};

struct store {
    char *path;
    int64_t busy_ms;
    pthread_mutex_t lock;
    pthread_cond_t idle_again; /* a connection came back */
    pthread_cond_t turn;       /* a batch of writes is done */
    struct conn *idle;
    int conns;
    struct waiting *first, *last; /* writes in order of arrival */
    bool leading;                 /* a thread runs a batch */
    atomic_int wal_frames;        /* of the log after our last commit */
    atomic_long commits;          /* that reached the disk: tests count them */
    atomic_ullong reads, read_us, writes, write_us, batches; /* struct store_stats */
};

struct store_tx {
    struct store *store;
    struct conn *conn;
    bool writable;
    int64_t sequence; /* of the last change; -1: not asked yet */
    bool broken;      /* the engine failed: nothing of the batch may be committed */
    struct err first; /* and that is why */
};

/* connection.c */
int conn_open(struct conn **ret, struct store *store, struct err *e) MUST_CHECK;
void conn_close(struct conn *conn);
DEFINE_FREEP(struct conn *, conn_close)
/* An error code and a plain sentence for an SQLite result; what: "write to", "open". Returns -1. */
int conn_error(struct conn *conn, int rc, const char *what, struct err *e);
int store_engine_error(const char *path, int rc, const char *detail, const char *what,
                       struct err *e);

/* transaction.c */
int conn_take(struct store *store, struct conn **ret, struct err *e) MUST_CHECK;
void conn_give(struct conn *conn);

/* schema.c */
/* Step N is the SQL that leads from schema N - 1 to N, from nothing for the first. */
struct schema_steps {
    const char *const *sql;
    int last;
};
extern const struct schema_steps schema_steps;
/* Makes the file of an empty store; one that is there already is left alone. */
int schema_create(const char *path, struct err *e) MUST_CHECK;
/* Refuses files of others and newer ones, upgrades older ones behind a backup copy. */
int schema_check(struct conn *conn, const struct schema_steps *steps, struct err *e) MUST_CHECK;

/*
 * One use of a statement: query_open, a query_TYPE for each parameter in order, query_step or
 * query_run, columns by number, query_close (CLEANUP). Text and bytes are borrowed until then.
 */
struct query {
    struct store_tx *tx;
    sqlite3_stmt *stmt;
    struct cached *home; /* NULL: prepared for this use only */
    int bound, rc;
};
int query_open(struct query *q, struct store_tx *tx, const char *sql, struct err *e) MUST_CHECK;
void query_close(struct query *q);
void query_text(struct query *q, const char *text); /* NULL: null */
void query_int(struct query *q, int64_t n);
void query_bytes(struct query *q, struct slice bytes);
/* *row says whether there is a row to look at. */
int query_step(struct query *q, bool *row, struct err *e) MUST_CHECK;
/* For statements without rows. ERR_CONFLICT when a unique index says no. */
int query_run(struct query *q, struct err *e) MUST_CHECK;
const char *query_column_text(const struct query *q, int column); /* NULL for null */
int64_t query_column_int(const struct query *q, int column);
struct slice query_column_bytes(const struct query *q, int column);

/* records.c */
#define RECORD_COLUMNS                                                                             \
    "uid, kind, scope, name, revision, schema, created, updated, expires, issuer_serial, "         \
    "fingerprint, body"
/* Never is the last of all times in the table, so that indexes and bounds need no special case. */
#define RECORD_NEVER INT64_MAX
/* Borrows the text of the present row, which lives until the next step. */
void record_of_row(struct record *r, const struct query *q);
int tx_wants_write(const struct store_tx *tx, struct err *e) MUST_CHECK;

/* cursor.c */
struct cursor {
    enum store_order order;
    int64_t key;       /* expires or created; 0 by name */
    const char *scope; /* borrowed from `bytes`, as is `last`; "" by expiry */
    const char *last;  /* the name, or the uid */
    struct buf bytes;
};
void cursor_clear(struct cursor *c);
/* ERR_INVALID for text that is not a cursor, or one of another query. */
int cursor_parse(struct cursor *c, const char *text, const struct store_query *query, struct err *e)
    MUST_CHECK;
int cursor_format(char out[STORE_CURSOR], const struct store_query *query,
                  const struct record *last, struct err *e) MUST_CHECK;

#endif
