#include "base/alloc.h"
#include "store/engine.h"

enum operation { INSERT = 1, UPDATE, DELETE };
static const char *const operation_names[] = { "unknown", "insert", "update", "delete" };

#define SELECT_RECORD "SELECT " RECORD_COLUMNS " FROM record "

void record_clear(struct record *r)
{
    free(r->kind);
    free(r->scope);
    free(r->name);
    free(r->issuer_serial);
    free(r->fingerprint);
    free(r->body);
    *r = (struct record){ 0 };
}

static char *copy(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

void record_copy(struct record *copied, const struct record *r)
{
    *copied = *r;
    copied->kind = copy(r->kind);
    copied->scope = copy(r->scope);
    copied->name = copy(r->name);
    copied->issuer_serial = copy(r->issuer_serial);
    copied->fingerprint = copy(r->fingerprint);
    copied->body = copy(r->body);
}

void record_of_row(struct record *r, const struct query *q)
{
    const char *uid = query_column_text(q, 0);
    size_t len = uid ? strnlen(uid, UID_TEXT - 1) : 0;

    *r = (struct record){ 0 };
    memcpy(r->uid, uid ? uid : "", len);
    /* struct record owns its text elsewhere; here it only lends it, as a const record. */
    r->kind = (char *)(uintptr_t)query_column_text(q, 1);
    r->scope = (char *)(uintptr_t)query_column_text(q, 2);
    r->name = (char *)(uintptr_t)query_column_text(q, 3);
    r->revision = query_column_int(q, 4);
    r->schema = (int)query_column_int(q, 5);
    r->created = query_column_int(q, 6);
    r->updated = query_column_int(q, 7);
    r->expires = query_column_int(q, 8);
    if (r->expires == RECORD_NEVER)
        r->expires = 0;
    r->issuer_serial = (char *)(uintptr_t)query_column_text(q, 9);
    r->fingerprint = (char *)(uintptr_t)query_column_text(q, 10);
    r->body = (char *)(uintptr_t)query_column_text(q, 11);
}

/* The one row of a look-up; -1 without an error when there is none. */
static int take_record(struct query *q, struct record *out, bool *found, struct err *e)
{
    struct record row;

    if (query_step(q, found, e))
        return -1;
    if (!*found)
        return 0;
    record_of_row(&row, q);
    record_copy(out, &row);
    return 0;
}

static int find_by(struct store_tx *tx, const char *sql, const char *what, const char *key,
                   struct record *out, struct err *e)
{
    CLEANUP(query_close) struct query q = { 0 };
    bool found;

    if (query_open(&q, tx, sql, e))
        return -1;
    query_text(&q, key);
    if (take_record(&q, out, &found, e))
        return -1;
    return found ? 0 : err_set(e, ERR_NOT_FOUND, "there is no record with %s '%s'", what, key);
}

int store_get(struct store_tx *tx, const char *uid, struct record *out, struct err *e)
{
    static const char sql[] = SELECT_RECORD "WHERE uid=?";

    return find_by(tx, sql, "uid", uid, out, e);
}

int store_find_fingerprint(struct store_tx *tx, const char *fingerprint, struct record *out,
                           struct err *e)
{
    static const char sql[] = SELECT_RECORD "WHERE fingerprint=? ORDER BY id LIMIT 1";

    return find_by(tx, sql, "fingerprint", fingerprint, out, e);
}

int store_find_serial(struct store_tx *tx, const char *serial, struct record *out, struct err *e)
{
    static const char sql[] =
        SELECT_RECORD "WHERE issuer_serial>=?1||'/' AND issuer_serial<?1||'0' "
                      "ORDER BY issuer_serial LIMIT 2";
    CLEANUP(query_close) struct query q = { 0 };
    CLEANUP(record_clear) struct record first = { 0 };
    bool found, more;

    if (query_open(&q, tx, sql, e))
        return -1;
    query_text(&q, serial);
    if (take_record(&q, &first, &found, e))
        return -1;
    if (!found)
        return err_set(e, ERR_NOT_FOUND, "there is no record with serial number '%s'", serial);
    if (query_step(&q, &more, e))
        return -1;
    if (more)
        return err_set(e, ERR_CONFLICT,
                       "several certificates have the serial number '%s': use the fingerprint",
                       serial);
    *out = first;
    first = (struct record){ 0 };
    return 0;
}

int store_find(struct store_tx *tx, const char *kind, const char *scope, const char *name,
               struct record *out, struct err *e)
{
    static const char sql[] = SELECT_RECORD "WHERE kind=? AND scope=? AND name=?";
    CLEANUP(query_close) struct query q = { 0 };
    bool found;

    if (query_open(&q, tx, sql, e))
        return -1;
    query_text(&q, kind);
    query_text(&q, scope);
    query_text(&q, name);
    if (take_record(&q, out, &found, e))
        return -1;
    return found ? 0 : err_set(e, ERR_NOT_FOUND, "there is no %s '%s' in '%s'", kind, name, scope);
}

int tx_wants_write(const struct store_tx *tx, struct err *e)
{
    return tx->writable ? 0
                        : err_set(e, ERR_INTERNAL, "a write inside a transaction that only reads");
}

/* We are the only writer until the commit, so the next sequence is the last one and one. */
static int next_sequence(struct store_tx *tx, int64_t *next, struct err *e)
{
    static const char sql[] = "SELECT seq FROM sqlite_sequence WHERE name='change'";
    CLEANUP(query_close) struct query q = { 0 };
    bool found;

    if (tx->sequence < 0) {
        if (query_open(&q, tx, sql, e) || query_step(&q, &found, e))
            return -1;
        tx->sequence = found ? query_column_int(&q, 0) : 0;
    }
    *next = tx->sequence + 1;
    return 0;
}

static int add_change(struct store_tx *tx, const struct record *r, enum operation operation,
                      int64_t now, struct err *e)
{
    static const char sql[] = "INSERT INTO change (sequence, uid, kind, scope, operation, time) "
                              "VALUES (?, ?, ?, ?, ?, ?)";
    CLEANUP(query_close) struct query q = { 0 };
    int64_t sequence;

    if (next_sequence(tx, &sequence, e) || query_open(&q, tx, sql, e))
        return -1;
    query_int(&q, sequence);
    query_text(&q, r->uid);
    query_text(&q, r->kind);
    query_text(&q, r->scope);
    query_int(&q, operation);
    query_int(&q, now);
    if (query_run(&q, e))
        return -1;
    tx->sequence = sequence;
    return 0;
}

static int check_text(const char *what, const char *text, size_t limit, struct err *e)
{
    size_t len = text ? strlen(text) : 0;

    if (len == 0)
        return err_set(e, ERR_INVALID, "a record without %s", what);
    if (len > limit)
        return err_set(e, ERR_LIMIT, "%s of a record is %zu bytes long, at most %zu are allowed",
                       what, len, limit);
    return 0;
}

static int check_expires(const struct record *r, struct err *e)
{
    return r->expires < 0 ? err_set(e, ERR_INVALID, "a record that expires before 1970") : 0;
}

static int check_record(const struct record *r, struct err *e)
{
    if (check_text("kind", r->kind, STORE_MAX_KIND, e) ||
        check_text("scope", r->scope, STORE_MAX_SCOPE, e) ||
        check_text("name", r->name, STORE_MAX_NAME, e) ||
        check_text("body", r->body, STORE_MAX_BODY, e))
        return -1;
    return check_expires(r, e);
}

static int64_t expires_column(const struct record *r)
{
    return r->expires ? r->expires : RECORD_NEVER;
}

static int insert_row(struct store_tx *tx, const struct record *r, struct err *e)
{
    static const char sql[] = "INSERT INTO record (" RECORD_COLUMNS ") "
                              "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    CLEANUP(query_close) struct query q = { 0 };

    if (query_open(&q, tx, sql, e))
        return -1;
    query_text(&q, r->uid);
    query_text(&q, r->kind);
    query_text(&q, r->scope);
    query_text(&q, r->name);
    query_int(&q, r->revision);
    query_int(&q, r->schema);
    query_int(&q, r->created);
    query_int(&q, r->updated);
    query_int(&q, expires_column(r));
    query_text(&q, r->issuer_serial);
    query_text(&q, r->fingerprint);
    query_text(&q, r->body);
    return query_run(&q, e);
}

int store_insert(struct store_tx *tx, struct record *r, int64_t now, struct err *e)
{
    struct record row = *r;
    struct err why = { 0 };

    if (tx_wants_write(tx, e) || check_record(r, e) || next_sequence(tx, &row.revision, e))
        return -1;
    if (!row.uid[0])
        uid_new(row.uid);
    if (!row.created)
        row.created = now;
    row.updated = now;
    if (insert_row(tx, &row, &why)) {
        if (why.code == ERR_CONFLICT && strstr(why.msg, "record.uid"))
            return err_set(e, ERR_CONFLICT, "the uid '%s' is in use already", row.uid);
        if (why.code == ERR_CONFLICT)
            return err_set(e, ERR_CONFLICT, "there is a %s '%s' in '%s' already", r->kind, r->name,
                           r->scope);
        return err_pass(e, &why);
    }
    if (add_change(tx, &row, INSERT, now, e))
        return -1;
    *r = row;
    return 0;
}

/* The row's number, and a copy of what stays. */
struct present {
    int64_t id;
    struct record r;
};

static void present_clear(struct present *p)
{
    record_clear(&p->r);
}

/* ERR_CONFLICT when the revision is another than expected. */
static int find_present(struct store_tx *tx, const char *uid, int64_t expected, struct present *ret,
                        struct err *e)
{
    static const char sql[] = "SELECT id, revision, kind, scope, name FROM record WHERE uid=?";
    CLEANUP(query_close) struct query q = { 0 };
    bool found;

    if (tx_wants_write(tx, e) || query_open(&q, tx, sql, e))
        return -1;
    query_text(&q, uid);
    if (query_step(&q, &found, e))
        return -1;
    if (!found)
        return err_set(e, ERR_NOT_FOUND, "there is no record with uid '%s'", uid);
    if (expected != STORE_ANY_REVISION && query_column_int(&q, 1) != expected)
        return err_set(
            e, ERR_CONFLICT,
            "%s '%s' has changed meanwhile (revision %lld, expected %lld): read it again",
            query_column_text(&q, 2), query_column_text(&q, 4), (long long)query_column_int(&q, 1),
            (long long)expected);
    ret->id = query_column_int(&q, 0);
    memcpy(ret->r.uid, uid, strnlen(uid, UID_TEXT - 1));
    ret->r.kind = copy(query_column_text(&q, 2));
    ret->r.scope = copy(query_column_text(&q, 3));
    return 0;
}

int store_update(struct store_tx *tx, struct record *r, int64_t expected, int64_t now,
                 struct err *e)
{
    static const char sql[] = "UPDATE record SET revision=?, schema=?, updated=?, expires=?, "
                              "issuer_serial=?, fingerprint=?, body=? WHERE id=?";
    CLEANUP(present_clear) struct present present = { 0 };
    CLEANUP(query_close) struct query q = { 0 };
    int64_t revision;

    if (check_text("body", r->body, STORE_MAX_BODY, e) || check_expires(r, e) ||
        find_present(tx, r->uid, expected, &present, e) || next_sequence(tx, &revision, e) ||
        query_open(&q, tx, sql, e))
        return -1;
    query_int(&q, revision);
    query_int(&q, r->schema);
    query_int(&q, now);
    query_int(&q, expires_column(r));
    query_text(&q, r->issuer_serial);
    query_text(&q, r->fingerprint);
    query_text(&q, r->body);
    query_int(&q, present.id);
    if (query_run(&q, e) || add_change(tx, &present.r, UPDATE, now, e))
        return -1;
    r->revision = revision;
    r->updated = now;
    return 0;
}

int store_delete(struct store_tx *tx, const char *uid, int64_t expected, int64_t now, struct err *e)
{
    static const char sql[] = "DELETE FROM record WHERE id=?";
    CLEANUP(present_clear) struct present present = { 0 };
    CLEANUP(query_close) struct query q = { 0 };

    if (find_present(tx, uid, expected, &present, e) || query_open(&q, tx, sql, e))
        return -1;
    query_int(&q, present.id);
    if (query_run(&q, e))
        return -1;
    return add_change(tx, &present.r, DELETE, now, e);
}

/* The next kind behind `kind`, a seek in the index; *next is freed and set, NULL at the end. */
static int next_kind(struct store_tx *tx, char **kind, struct err *e)
{
    static const char sql[] = "SELECT min(kind) FROM record INDEXED BY record_name WHERE kind>?";
    CLEANUP(query_close) struct query q = { 0 };
    char *next;
    bool found;

    if (query_open(&q, tx, sql, e))
        return -1;
    query_text(&q, *kind);
    if (query_step(&q, &found, e))
        return -1;
    next = found ? copy(query_column_text(&q, 0)) : NULL;
    free(*kind);
    *kind = next;
    return 0;
}

static int delete_kind(struct store_tx *tx, const char *kind, const char *scope, int64_t now,
                       int64_t *count, struct err *e)
{
    static const char log[] = "INSERT INTO change (uid, kind, scope, operation, time) "
                              "SELECT uid, kind, scope, 3, ?3 FROM record INDEXED BY record_name "
                              "WHERE kind=?1 AND scope=?2 ORDER BY name";
    static const char sql[] = "DELETE FROM record WHERE kind=? AND scope=?";
    CLEANUP(query_close) struct query changes = { 0 }, rows = { 0 };

    if (query_open(&changes, tx, log, e) || query_open(&rows, tx, sql, e))
        return -1;
    query_text(&changes, kind);
    query_text(&changes, scope);
    query_int(&changes, now);
    query_text(&rows, kind);
    query_text(&rows, scope);
    if (query_run(&changes, e) || query_run(&rows, e))
        return -1;
    *count += sqlite3_changes64(tx->conn->db);
    return 0;
}

int store_delete_scope(struct store_tx *tx, const char *scope, int64_t now, int64_t *count,
                       struct err *e)
{
    CLEANUP(freep) char *kind = xstrdup("");
    int64_t total = 0;

    if (tx_wants_write(tx, e))
        return -1;
    /* No index begins with the scope; there are few kinds, and a seek finds each. */
    while (next_kind(tx, &kind, e) == 0) {
        if (!kind) {
            tx->sequence = -1;
            *count = total;
            return 0;
        }
        if (delete_kind(tx, kind, scope, now, &total, e))
            return -1;
    }
    return -1;
}

int store_changes(struct store_tx *tx, int64_t since, int limit, store_change_visit *visit,
                  void *ctx, struct err *e)
{
    static const char sql[] = "SELECT sequence, uid, kind, scope, operation, time FROM change "
                              "WHERE sequence>? ORDER BY sequence LIMIT ?";
    CLEANUP(query_close) struct query q = { 0 };
    bool row;

    if (query_open(&q, tx, sql, e))
        return -1;
    query_int(&q, since);
    query_int(&q, limit > 0 ? limit : -1);
    for (;;) {
        struct store_change change;
        int64_t operation;

        if (query_step(&q, &row, e))
            return -1;
        if (!row)
            return 0;
        operation = query_column_int(&q, 4);
        if (operation < INSERT || operation > DELETE)
            operation = 0;
        change = (struct store_change){
            .sequence = query_column_int(&q, 0),
            .uid = query_column_text(&q, 1),
            .kind = query_column_text(&q, 2),
            .scope = query_column_text(&q, 3),
            .operation = operation_names[operation],
            .time = query_column_int(&q, 5),
        };
        if (visit(&change, ctx, e))
            return -1;
    }
}

int64_t store_sequence(struct store_tx *tx)
{
    struct err ignored;
    int64_t next;

    return next_sequence(tx, &next, &ignored) ? 0 : next - 1;
}
