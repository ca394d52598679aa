#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"
#include "base/random.h"

/*
 * One store holds everything: records, the table of changes, the audit trail, settings. Two engines
 * behind this header (SQLite today). All text is UTF-8 without NUL. Times are UTC seconds.
 */
struct store;

enum { STORE_SCHEMA = 1 }; /* of this program; a store of a newer one is refused */
enum { STORE_MAX_BODY = 4 << 20, STORE_MAX_PAGE = 1000, STORE_CURSOR = 768 };
/* Bytes; more is ERR_LIMIT. */
enum { STORE_MAX_KIND = 32, STORE_MAX_SCOPE = 192, STORE_MAX_NAME = 256 };

struct store_options {
    const char *path; /* the SQLite file */
    bool create;      /* make an empty store when there is none */
    int64_t busy_ms;  /* longest wait for another writer */
};
/* ERR_NOT_FOUND: no store and not create. ERR_CORRUPT: not a store, or damaged. ERR_CONFLICT: made
 * by a newer poterne. ERR_IO: disk full, read-only, permission (the message says which). */
int store_open(struct store **ret, const struct store_options *options, struct err *e) MUST_CHECK;
void store_close(struct store *store);
DEFINE_FREEP(struct store *, store_close)

/* Opens now what would be opened when it is first needed, for so many uses at once (16 at most):
 * for a process that is about to lose the right to open files. */
int store_warm(struct store *store, unsigned uses, struct err *e) MUST_CHECK;

/* Since the store was opened; times in microseconds, those of writes with the wait for the disk. */
struct store_stats {
    uint64_t reads, read_us;
    uint64_t writes, write_us; /* transactions, as callers see them */
    uint64_t batches;          /* commits that they shared */
    unsigned waiting;          /* writes that wait for their batch just now */
};
void store_stats(struct store *store, struct store_stats *stats);

/*
 * A record (DESIGN.md section 4). revision is the change sequence of its last write; expires 0
 * means never. issuer_serial ("SERIAL-HEX/SKID-HEX") and fingerprint (SHA-256 hex) are look-up keys
 * of certificates, NULL for other kinds.
 */
struct record {
    char uid[UID_TEXT];
    char *kind, *scope, *name;
    int64_t revision;
    int schema;
    int64_t created, updated, expires;
    char *issuer_serial, *fingerprint;
    char *body; /* JSON */
};
void record_clear(struct record *r);                             /* frees the text, leaves zeros */
void record_copy(struct record *copied, const struct record *r); /* the caller clears the copy */

/* A transaction's view; valid inside the callback only. */
struct store_tx;
typedef int store_fn(struct store_tx *tx, void *ctx, struct err *e);

/* A snapshot for reading. */
int store_read(struct store *store, store_fn *fn, void *ctx, struct err *e) MUST_CHECK;
/*
 * A write transaction: all or nothing, durable when it returns 0 (WAL, synchronous=FULL). Callable
 * from several threads: transactions waiting together share one commit and one fdatasync (group
 * commit), each in its own savepoint, so one that fails takes only itself back (a failing disk
 * takes all). fn may run on the thread of another waiting caller, and must not call store_write or
 * store_read.
 */
int store_write(struct store *store, store_fn *fn, void *ctx, struct err *e) MUST_CHECK;

/* Reading. `out` starts as { 0 }; the caller clears it. ERR_NOT_FOUND. */
int store_get(struct store_tx *tx, const char *uid, struct record *out, struct err *e) MUST_CHECK;
int store_find(struct store_tx *tx, const char *kind, const char *scope, const char *name,
               struct record *out, struct err *e) MUST_CHECK;
int store_find_fingerprint(struct store_tx *tx, const char *fingerprint, struct record *out,
                           struct err *e) MUST_CHECK;
/* By the serial number alone, of whatever issuer; ERR_CONFLICT when several have it. */
int store_find_serial(struct store_tx *tx, const char *serial, struct record *out, struct err *e)
    MUST_CHECK;

/*
 * Writing, in store_write only. store_insert: uid empty -> a new one is made; created/updated
 * default to `now`; ERR_CONFLICT when (kind, scope, name) exists. store_update: expected revision
 * or STORE_ANY_REVISION; ERR_CONFLICT when it is no longer current; kind, scope, name, created
 * stay. Both set r->revision, r->updated. Every one appends to the table of changes.
 */
#define STORE_ANY_REVISION INT64_C(-1)
int store_insert(struct store_tx *tx, struct record *r, int64_t now, struct err *e) MUST_CHECK;
int store_update(struct store_tx *tx, struct record *r, int64_t expected, int64_t now,
                 struct err *e) MUST_CHECK;
int store_delete(struct store_tx *tx, const char *uid, int64_t expected, int64_t now, struct err *e)
    MUST_CHECK;
/* All records of a scope (a deleted cluster); *count gets how many. */
int store_delete_scope(struct store_tx *tx, const char *scope, int64_t now, int64_t *count,
                       struct err *e) MUST_CHECK;

/*
 * A page of a list, in the order of `order`, then uid. Memory does not grow with the store: the
 * visitor gets a record that is valid during the call and returns 0 to go on, -1 to stop with its
 * error. A visitor may read the store meanwhile (store_get, another list).
 */
enum store_order {
    STORE_BY_NAME,    /* by scope, then name */
    STORE_BY_EXPIRES, /* soonest first; what never expires comes last */
    STORE_BY_CREATED, /* by scope, then oldest first */
};
struct store_query {
    const char *kind;        /* required */
    const char *scope;       /* exact; NULL: any */
    const char *scope_under; /* or: everything below this prefix, e.g. "/default/" */
    /* from <= expires < until; 0: no bound. With a bound, what never expires is left out. */
    int64_t expires_from, expires_until;
    enum store_order order;
    const char *cursor; /* what the page before returned; NULL or "": from the start */
    int limit;          /* 1 to STORE_MAX_PAGE */
};
typedef int store_visit(const struct record *r, void *ctx, struct err *e);
/* next: "" at the end. ERR_INVALID for a cursor that is not ours or of another query. */
int store_list(struct store_tx *tx, const struct store_query *query, store_visit *visit, void *ctx,
               char next[STORE_CURSOR], struct err *e) MUST_CHECK;
/* All of its pages; the query's cursor and limit do not count. */
int store_list_all(struct store_tx *tx, const struct store_query *query, store_visit *visit,
                   void *ctx, struct err *e) MUST_CHECK;
int store_count(struct store_tx *tx, const char *kind, const char *scope, int64_t *count,
                struct err *e) MUST_CHECK;

/* Changes since a sequence number, oldest first: caches follow these. limit 0: all of them. */
struct store_change {
    int64_t sequence;
    const char *uid, *kind, *scope, *operation; /* insert, update, delete */
    int64_t time;
};
typedef int store_change_visit(const struct store_change *c, void *ctx, struct err *e);
int store_changes(struct store_tx *tx, int64_t since, int limit, store_change_visit *visit,
                  void *ctx, struct err *e) MUST_CHECK;
int64_t store_sequence(struct store_tx *tx); /* of the last change; 0: none */

/* Settings of the installation: few, small, by name. An absent one gives an empty buffer and 0. */
int store_setting_get(struct store_tx *tx, const char *name, struct buf *value, struct err *e)
    MUST_CHECK;
int store_setting_put(struct store_tx *tx, const char *name, struct slice value, struct err *e)
    MUST_CHECK;

/* The audit trail's rows: what they mean is access/audit.h's business. kind: 0 record, 1
 * checkpoint, 2 tombstone of a pruning. For checkpoints and tombstones sequence is the last record
 * they cover. */
enum store_audit_kind { STORE_AUDIT_RECORD, STORE_AUDIT_CHECKPOINT, STORE_AUDIT_TOMBSTONE };
struct store_audit_row {
    enum store_audit_kind kind;
    const char *chain;
    int64_t sequence, time;
    struct slice bytes;     /* exact bytes of JSON */
    struct slice signature; /* checkpoints and tombstones */
};
int store_audit_append(struct store_tx *tx, const struct store_audit_row *row, struct err *e)
    MUST_CHECK;
typedef int store_audit_visit(const struct store_audit_row *row, void *ctx, struct err *e);
struct store_audit_query {
    enum store_audit_kind kind;
    const char *chain;   /* NULL: all */
    int64_t from, until; /* of the sequence, both included; 0: no bound */
    int limit;           /* 0: all of them */
};
/* Rows of one kind in (chain, sequence) order. */
int store_audit_list(struct store_tx *tx, const struct store_audit_query *query,
                     store_audit_visit *visit, void *ctx, struct err *e) MUST_CHECK;
struct store_audit_last {
    bool found; /* false: there is none, all else is 0 */
    int64_t sequence, time;
    struct buf bytes, signature;
};
void store_audit_last_clear(struct store_audit_last *last);
/* The last row of a kind in a chain; chain NULL: the one written last in any. */
int store_audit_last(struct store_tx *tx, enum store_audit_kind kind, const char *chain,
                     struct store_audit_last *ret, struct err *e) MUST_CHECK;
/* Removes records up to and with `sequence`, and checkpoints below it. */
int store_audit_prune(struct store_tx *tx, const char *chain, int64_t sequence, int64_t *count,
                      struct err *e) MUST_CHECK;

/* A consistent copy of the whole store while others write, as bytes of a SQLite file. */
int store_snapshot(struct store *store, struct buf *out, struct err *e) MUST_CHECK;
/* The engine's own integrity check, one call a fault; 0 also when there were faults. */
typedef void store_fault(const char *what, void *ctx);
int store_verify(struct store *store, store_fault *fault, void *ctx, struct err *e) MUST_CHECK;
/* After a key was destroyed: a truncating checkpoint, so that no copy stays in the log. */
int store_scrub(struct store *store, struct err *e) MUST_CHECK;

#endif
