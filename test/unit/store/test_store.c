#include "store/helper.h"

#include "sql.h"
#include "store/engine.h"
#include "store/file.h"

static int open_at(const char *path, bool create, struct err *e)
{
    CLEANUP(store_closep) struct store *store = NULL;
    struct store_options options = { .path = path, .create = create, .busy_ms = 100 };

    return store_open(&store, &options, e);
}

static void test_open(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "store.db"), *none = path_in(state, "no/store.db");
    struct err e = { 0 };
    struct stat info;

    assert_err(open_at(path, false, &e), ERR_NOT_FOUND);
    assert_ok(open_at(path, true, &e));
    assert_ok(open_at(path, true, &e));
    assert_ok(open_at(path, false, &e));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_err(open_at(none, true, &e), ERR_NOT_FOUND);
    assert_err(open_at(*state, true, &e), ERR_INVALID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_err(open_at(path, true, &e), ERR_INVALID);
}

static void expect_untouched(const char *path, const struct buf *bytes)
{
    CLEANUP(buf_clear) struct buf now = { 0 };
    struct err e = { 0 };

    assert_ok(file_read(&now, path, BUF_MAX, &e));
    assert_true(slice_eq(buf_slice(&now), buf_slice(bytes)));
}

/* A damaged file is named, and neither it nor its log is touched: somebody may still save it. */
static void test_damaged(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "store.db"), *log = path_in(state, "store.db-wal");
    CLEANUP(buf_clear) struct buf whole = { 0 }, wal = { 0 };
    const size_t cuts[] = { 0, 1, 99, 100, 4095, 4096, 4097, 12288 };
    struct err e = { 0 };

    assert_ok(open_at(path, true, &e));
    assert_ok(file_read(&whole, path, BUF_MAX, &e));
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        CLEANUP(buf_clear) struct buf cut = { 0 };

        buf_add(&cut, whole.ptr, cuts[i]);
        write_bytes(path, cut.ptr ? (const void *)cut.ptr : "", cut.len);
        unlink(log);
        assert_err(open_at(path, true, &e), ERR_CORRUPT);
        assert_non_null(strstr(e.msg, "state restore"));
        expect_untouched(path, &cut);
    }
    buf_add_str(&wal, "a log that somebody wants to read");
    write_bytes(path, "", 0);
    write_bytes(log, wal.ptr, wal.len);
    assert_err(open_at(path, true, &e), ERR_CORRUPT);
    expect_untouched(log, &wal);
    unlink(log);
    for (size_t i = 0; i < whole.len; i++)
        whole.ptr[i] = (uint8_t)(i * 7);
    write_bytes(path, whole.ptr, whole.len);
    assert_err(open_at(path, true, &e), ERR_CORRUPT);
    expect_untouched(path, &whole);
}

static void test_foreign(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "store.db"), *newer = path_in(state, "newer.db");
    struct err e = { 0 };

    (void)run_sql(path, "CREATE TABLE theirs (a)");
    assert_err(open_at(path, true, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.msg, "no store of poterne's"));
    assert_ok(open_at(newer, true, &e));
    (void)run_sql(newer, "PRAGMA user_version=2");
    assert_err(open_at(newer, true, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.msg, "newer poterne"));
    (void)run_sql(newer, "PRAGMA user_version=0");
    assert_err(open_at(newer, true, &e), ERR_CORRUPT);
}

static int collect(void *ctx, int columns, char **values, char **names)
{
    (void)names;
    for (int i = 0; i < columns; i++)
        buf_addf(ctx, "%s|", values[i] ? values[i] : "-");
    return 0;
}

/* What opens for the first time is whole, ours, and in WAL mode already. */
static void test_new_file(void **state)
{
    CLEANUP(buf_clear) struct buf got = { 0 };
    CLEANUP(freep) char *path = path_in(state, "store.db"), *want = NULL;
    sqlite3 *db = NULL;
    struct err e = { 0 };

    assert_ok(schema_create(path, &e));
    assert_ok(schema_create(path, &e)); /* as when another process was faster */
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA integrity_check; PRAGMA journal_mode; PRAGMA encoding; "
                                  "PRAGMA page_size; PRAGMA user_version; PRAGMA application_id",
                                  collect, &got, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    want = xasprintf("ok|wal|UTF-8|4096|%d|%d|", STORE_SCHEMA, STORE_APPLICATION_ID);
    assert_string_equal(buf_str(&got), want);
}

/* The real table has one step; a made-up second one shows the way an upgrade goes. */
static void test_upgrade(void **state)
{
    CLEANUP(freep)
    char *path = path_in(state, "store.db"), *kept = path_in(state, "store.db.schema-1");
    const char *good[] = { NULL, NULL, "ALTER TABLE setting ADD COLUMN extra TEXT" };
    const char *bad[] = { NULL, NULL, "CREATE TABLE x (a); nonsense" };
    struct schema_steps good_steps = { good, 2 }, bad_steps = { bad, 2 };
    struct store *store = open_store(path);
    struct step s = { .r = { .kind = "k", .scope = "/", .name = "n" } };
    struct stat info;
    struct err e = { 0 };

    put(store, &s);
    assert_err(schema_check(store->idle, &bad_steps, &e), ERR_INTERNAL);
    assert_int_equal(faults_of(store), 0);
    assert_int_equal(access(kept, F_OK), 0);
    assert_ok(schema_check(store->idle, &good_steps, &e));
    assert_ok(schema_check(store->idle, &good_steps, &e));
    assert_int_equal(count_of(store, "k", NULL), 1);
    assert_err(schema_check(store->idle, &schema_steps, &e), ERR_CONFLICT);
    store_close(store);
    assert_int_equal(stat(kept, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    store = open_store(kept);
    assert_int_equal(count_of(store, "k", NULL), 1);
    store_close(store);
    assert_err(open_at(path, true, &e), ERR_CONFLICT);
}

static int look_up(struct store_tx *tx, void *ctx, struct err *e)
{
    const struct record *want = ctx;
    struct record got = { 0 };
    int rc = 0;

    for (int way = 0; way < 4 && !rc; way++) {
        rc = way == 0   ? store_get(tx, want->uid, &got, e)
             : way == 1 ? store_find(tx, want->kind, want->scope, want->name, &got, e)
             : way == 2 ? store_find_fingerprint(tx, want->fingerprint, &got, e)
                        : store_find_serial(tx, "ab", &got, e);
        if (rc)
            return rc;
        rc = strcmp(got.uid, want->uid) || strcmp(got.kind, want->kind) ||
             strcmp(got.scope, want->scope) || strcmp(got.name, want->name) ||
             strcmp(got.body, want->body) || strcmp(got.fingerprint, want->fingerprint) ||
             strcmp(got.issuer_serial, want->issuer_serial) || got.revision != want->revision ||
             got.schema != want->schema || got.created != want->created ||
             got.updated != want->updated || got.expires != want->expires;
        record_clear(&got);
        if (rc)
            err_set(e, ERR_INTERNAL, "way %d gives another record", way);
    }
    return rc;
}

static int miss(struct store_tx *tx, void *ctx, struct err *e)
{
    struct record got = { 0 };
    bool found = store_get(tx, "00000000000000000000000000", &got, e) == 0 ||
                 store_find(tx, "k", "/", "none", &got, e) == 0 ||
                 store_find_fingerprint(tx, "none", &got, e) == 0 ||
                 store_find_serial(tx, "none", &got, e) == 0;

    (void)ctx;
    assert_false(found);
    return -1;
}

static void test_records(void **state)
{
    struct store *store = open_store_in(state);
    struct step s = { .r = { .kind = "certificate",
                             .scope = "/default/demo",
                             .name = "a",
                             .schema = 3,
                             .expires = 2000,
                             .issuer_serial = "ab/01",
                             .fingerprint = "ff00",
                             .body = "{\"a\":\"\xc3\xa9\"}" },
                      .now = 1000 };
    struct err e = { 0 };

    put(store, &s);
    assert_int_equal(s.r.revision, 1);
    assert_int_equal(strlen(s.r.uid), UID_TEXT - 1);
    assert_int_equal(s.r.created, 1000);
    assert_int_equal(s.r.updated, 1000);
    assert_ok(store_read(store, look_up, &s.r, &e));
    assert_err(store_read(store, miss, NULL, &e), ERR_NOT_FOUND);
    s.now = 1100;
    s.expected = 1;
    s.r.expires = 0;
    s.r.schema = 4;
    s.r.fingerprint = "ff01";
    s.r.body = "{}";
    assert_ok(store_write(store, step_update, &s, &e));
    assert_int_equal(s.r.revision, 2);
    assert_int_equal(s.r.updated, 1100);
    assert_int_equal(s.r.created, 1000);
    assert_ok(store_read(store, look_up, &s.r, &e));
    store_close(store);
    store = open_store_in(state);
    assert_ok(store_read(store, look_up, &s.r, &e));
    s.expected = 2;
    assert_ok(store_write(store, step_delete, &s, &e));
    assert_err(store_read(store, look_up, &s.r, &e), ERR_NOT_FOUND);
    store_close(store);
}

/* One serial number, of one issuer or of two. */
static int find_serial(struct store_tx *tx, void *ctx, struct err *e)
{
    struct step *s = ctx;
    struct record got = { 0 };

    if (store_find_serial(tx, s->scope, &got, e))
        return -1;
    s->count = got.revision;
    record_clear(&got);
    return 0;
}

static void test_serials(void **state)
{
    static const struct {
        const char *name, *issuer_serial;
    } rows[] = {
        { "a", "01ab/ff" }, { "b", "02/aa" }, { "c", "02/bb" }, { "d", "0/ee" }, { "e", "01a/cc" }
    };
    struct store *store = open_store_in(state);
    struct step s = { 0 };
    struct err e = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        s.r = (struct record){ .kind = "k",
                               .scope = "/",
                               .name = (char *)(uintptr_t)rows[i].name,
                               .issuer_serial = (char *)(uintptr_t)rows[i].issuer_serial };
        put(store, &s);
    }
    s.scope = "01ab";
    assert_ok(store_read(store, find_serial, &s, &e));
    assert_int_equal(s.count, 1);
    s.scope = "01a";
    assert_ok(store_read(store, find_serial, &s, &e));
    assert_int_equal(s.count, 5);
    s.scope = "02";
    assert_err(store_read(store, find_serial, &s, &e), ERR_CONFLICT);
    s.scope = "01";
    assert_err(store_read(store, find_serial, &s, &e), ERR_NOT_FOUND);
    s.scope = "";
    assert_err(store_read(store, find_serial, &s, &e), ERR_NOT_FOUND);
    store_close(store);
}

static void test_conflicts(void **state)
{
    struct store *store = open_store_in(state);
    struct step s = { .r = { .kind = "k", .scope = "/", .name = "n" } }, twin, other;
    struct err e = { 0 };

    put(store, &s);
    twin = s;
    twin.r.uid[0] = '\0';
    assert_err(store_write(store, step_insert, &twin, &e), ERR_CONFLICT);
    assert_string_equal(e.msg, "there is a k 'n' in '/' already");
    assert_string_equal(twin.r.uid, "");
    other = s;
    other.r.name = "m";
    assert_err(store_write(store, step_insert, &other, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.msg, s.r.uid));
    s.expected = 7;
    assert_err(store_write(store, step_update, &s, &e), ERR_CONFLICT);
    assert_err(store_write(store, step_delete, &s, &e), ERR_CONFLICT);
    assert_int_equal(s.r.revision, 1);
    s.expected = STORE_ANY_REVISION;
    assert_ok(store_write(store, step_update, &s, &e));
    assert_ok(store_write(store, step_delete, &s, &e));
    assert_err(store_write(store, step_update, &s, &e), ERR_NOT_FOUND);
    assert_err(store_write(store, step_delete, &s, &e), ERR_NOT_FOUND);
    store_close(store);
}

static char *text_of(size_t len)
{
    char *text = xcalloc(1, len + 1);

    memset(text, 'x', len);
    return text;
}

static void test_limits(void **state)
{
    CLEANUP(freep) char *kind = text_of(STORE_MAX_KIND), *scope = text_of(STORE_MAX_SCOPE);
    CLEANUP(freep) char *name = text_of(STORE_MAX_NAME), *body = text_of(STORE_MAX_BODY);
    CLEANUP(freep)
    char *kind1 = text_of(STORE_MAX_KIND + 1), *scope1 = text_of(STORE_MAX_SCOPE + 1);
    CLEANUP(freep) char *name1 = text_of(STORE_MAX_NAME + 1), *body1 = text_of(STORE_MAX_BODY + 1);
    struct record rows[] = {
        { .kind = kind1, .scope = scope, .name = name, .body = body },
        { .kind = kind, .scope = scope1, .name = name, .body = body },
        { .kind = kind, .scope = scope, .name = name1, .body = body },
        { .kind = kind, .scope = scope, .name = name, .body = body1 },
        { .kind = kind, .scope = scope, .name = name, .body = "" },
        { .kind = kind, .scope = scope, .name = "", .body = body },
        { .kind = kind, .scope = NULL, .name = name, .body = body },
        { .kind = kind, .scope = scope, .name = name, .body = body, .expires = -1 },
    };
    struct store *store = open_store_in(state);
    struct step s;
    struct err e = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        s = (struct step){ .r = rows[i] };
        assert_err(store_write(store, step_insert, &s, &e), i < 4 ? ERR_LIMIT : ERR_INVALID);
    }
    s = (struct step){ .r = { .kind = kind, .scope = scope, .name = name, .body = body } };
    put(store, &s);
    s.r.body = body1;
    s.expected = STORE_ANY_REVISION;
    assert_err(store_write(store, step_update, &s, &e), ERR_LIMIT);
    s.r.body = "{}";
    s.r.expires = -1;
    assert_err(store_write(store, step_update, &s, &e), ERR_INVALID);
    assert_int_equal(count_of(store, kind, scope), 1);
    store_close(store);
}

static void test_read_only_transaction(void **state)
{
    struct store *store = open_store_in(state);
    struct step s = { .r = { .kind = "k", .scope = "/", .name = "n", .body = "{}" } };
    struct err e = { 0 };

    assert_err(store_read(store, step_insert, &s, &e), ERR_INTERNAL);
    put(store, &s);
    assert_err(store_read(store, step_update, &s, &e), ERR_INTERNAL);
    assert_err(store_read(store, step_delete, &s, &e), ERR_INTERNAL);
    store_close(store);
}

static int insert_and_fail(struct store_tx *tx, void *ctx, struct err *e)
{
    struct step *s = ctx;

    if (store_insert(tx, &s->r, 1, e))
        return -1;
    return err_set(e, ERR_REFUSED, "thought better of it");
}

/* An insert that meets a conflict leaves no trace, also when its transaction goes on and commits.
 */
static int insert_twice(struct store_tx *tx, void *ctx, struct err *e)
{
    struct step *s = ctx;
    struct err conflict = { 0 };
    struct record again;

    if (store_insert(tx, &s->r, 1, e))
        return -1;
    again = s->r;
    again.uid[0] = '\0';
    assert_int_equal(store_insert(tx, &again, 1, &conflict), -1);
    assert_int_equal(store_sequence(tx), s->r.revision);
    again.name = "second";
    return store_insert(tx, &again, 1, e);
}

static int collect_change(const struct store_change *c, void *ctx, struct err *e)
{
    (void)e;
    buf_addf(ctx, "%lld %s %s %s %s %lld\n", (long long)c->sequence, c->uid, c->kind, c->scope,
             c->operation, (long long)c->time);
    return 0;
}

static int collect_changes(struct store_tx *tx, void *ctx, struct err *e)
{
    struct step *s = ctx;

    s->count = store_sequence(tx);
    return store_changes(tx, s->expected, 0, collect_change, &s->text, e);
}

static void test_rollback(void **state)
{
    struct store *store = open_store_in(state);
    struct step s = { .r = { .kind = "k", .scope = "/", .name = "n", .body = "{}" } };
    struct err e = { 0 };

    assert_err(store_write(store, insert_and_fail, &s, &e), ERR_REFUSED);
    assert_int_equal(count_of(store, "k", NULL), 0);
    s.r.uid[0] = '\0';
    assert_ok(store_write(store, insert_twice, &s, &e));
    assert_int_equal(count_of(store, "k", NULL), 2);
    assert_ok(store_read(store, collect_changes, &s, &e));
    assert_int_equal(s.count, 2);
    assert_int_equal(strncmp(buf_str(&s.text), "1 ", 2), 0);
    assert_non_null(strstr(buf_str(&s.text), "\n2 "));
    assert_null(strstr(buf_str(&s.text), "\n3 "));
    buf_clear(&s.text);
    store_close(store);
}

static int delete_scope(struct store_tx *tx, void *ctx, struct err *e)
{
    struct step *s = ctx;

    return store_delete_scope(tx, s->scope, 50, &s->count, e);
}

static void test_delete_scope(void **state)
{
    struct store *store = open_store_in(state);
    char *kinds[] = { "authority", "certificate", "machine" };
    char *scopes[] = { "/default", "/default/a", "/default/ab", "/other/a" };
    struct step s = { .scope = "/default/a" };
    struct err e = { 0 };

    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (size_t c = 0; c < ARRAY_LEN(scopes); c++)
            for (int i = 0; i < 3; i++) {
                CLEANUP(freep) char *name = xasprintf("n%d", i);
                struct step one = { .r = { .kind = kinds[k], .scope = scopes[c], .name = name } };

                put(store, &one);
            }
    assert_ok(store_write(store, delete_scope, &s, &e));
    assert_int_equal(s.count, 9);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        assert_int_equal(count_of(store, kinds[k], NULL), 9);
        assert_int_equal(count_of(store, kinds[k], "/default/a"), 0);
    }
    assert_ok(store_write(store, delete_scope, &s, &e));
    assert_int_equal(s.count, 0);
    s.expected = 36;
    assert_ok(store_read(store, collect_changes, &s, &e));
    assert_int_equal(s.count, 45);
    assert_int_equal(strncmp(buf_str(&s.text), "37 ", 3), 0);
    assert_non_null(strstr(buf_str(&s.text), "authority /default/a delete 50\n"));
    buf_clear(&s.text);
    store_close(store);
}

static int settings(struct store_tx *tx, void *ctx, struct err *e)
{
    CLEANUP(buf_clear) struct buf value = { 0 };

    (void)ctx;
    if (store_setting_get(tx, "none", &value, e))
        return -1;
    assert_int_equal(value.len, 0);
    if (store_setting_put(tx, "a", slice_of("x\0y", 3), e) ||
        store_setting_put(tx, "b", slice_of(NULL, 0), e) ||
        store_setting_put(tx, "a", slice_of("x\0z", 3), e) ||
        store_setting_get(tx, "b", &value, e) || store_setting_get(tx, "a", &value, e))
        return -1;
    assert_true(slice_eq(buf_slice(&value), slice_of("x\0z", 3)));
    return 0;
}

static void test_settings(void **state)
{
    struct store *store = open_store_in(state);
    struct err e = { 0 };

    assert_ok(store_write(store, settings, NULL, &e));
    assert_err(store_read(store, settings, NULL, &e), ERR_INTERNAL);
    store_close(store);
}

static int collect_audit(const struct store_audit_row *row, void *ctx, struct err *e)
{
    (void)e;
    buf_addf(ctx, "%s%lld ", row->chain, (long long)row->sequence);
    return 0;
}

static int audit_rows(struct store_tx *tx, void *ctx, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(store_audit_last_clear) struct store_audit_last last = { 0 };
    struct store_audit_query part = {
        .kind = STORE_AUDIT_RECORD, .chain = "b", .from = 2, .until = 3, .limit = 1
    };
    struct store_audit_row row = { .time = 7,
                                   .bytes = slice_str("{}"),
                                   .signature = slice_str("s") };
    struct err conflict = { 0 };
    int64_t count;

    (void)ctx;
    for (int i = 0; i < 6; i++) {
        row.chain = i % 2 ? "b" : "a";
        row.sequence = i / 2 + 1;
        if (store_audit_append(tx, &row, e))
            return -1;
    }
    row.kind = STORE_AUDIT_CHECKPOINT;
    if (store_audit_append(tx, &row, e))
        return -1;
    assert_int_equal(store_audit_append(tx, &row, &conflict), -1);
    assert_int_equal(conflict.code, ERR_CONFLICT);
    if (store_audit_list(tx, &(struct store_audit_query){ .kind = STORE_AUDIT_RECORD },
                         collect_audit, &text, e) ||
        store_audit_list(tx, &part, collect_audit, &text, e) ||
        store_audit_list(tx, &(struct store_audit_query){ .kind = STORE_AUDIT_CHECKPOINT },
                         collect_audit, &text, e))
        return -1;
    assert_string_equal(buf_str(&text), "a1 a2 a3 b1 b2 b3 b2 b3 ");
    if (store_audit_last(tx, STORE_AUDIT_CHECKPOINT, "b", &last, e))
        return -1;
    assert_true(last.found && last.sequence == 3 && last.time == 7);
    assert_true(last.bytes.len == 2 && last.signature.len == 1);
    store_audit_last_clear(&last);
    if (store_audit_last(tx, STORE_AUDIT_TOMBSTONE, "b", &last, e))
        return -1;
    assert_false(last.found);
    if (store_audit_prune(tx, "b", 2, &count, e))
        return -1;
    assert_int_equal(count, 2);
    return 0;
}

static void test_audit_rows(void **state)
{
    struct store *store = open_store_in(state);
    struct err e = { 0 };

    assert_ok(store_write(store, audit_rows, NULL, &e));
    assert_err(store_read(store, audit_rows, NULL, &e), ERR_INTERNAL);
    store_close(store);
}

static void test_snapshot(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "copy.db");
    CLEANUP(buf_clear) struct buf copy = { 0 };
    struct store *store = open_store_in(state);
    struct step s = { .r = { .kind = "k", .scope = "/", .name = "n" } };
    struct err e = { 0 };

    put(store, &s);
    assert_ok(store_snapshot(store, &copy, &e));
    s.r.name = "later";
    s.r.uid[0] = '\0';
    put(store, &s);
    store_close(store);
    write_bytes(path, copy.ptr, copy.len);
    store = open_store(path);
    assert_int_equal(count_of(store, "k", NULL), 1);
    assert_int_equal(faults_of(store), 0);
    store_close(store);
}

/* A page of the middle is overwritten: the check names it, and the store survives being asked. */
static void test_verify(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "store.db"), *body = text_of(3000);
    struct store *store = open_store(path);
    struct step s = { .r = { .kind = "k", .scope = "/", .body = body } };
    struct err e = { 0 };
    struct stat info;
    int fd;

    for (int i = 0; i < 50; i++) {
        CLEANUP(freep) char *name = xasprintf("n%d", i);

        s.r.name = name;
        s.r.uid[0] = '\0';
        put(store, &s);
    }
    assert_int_equal(faults_of(store), 0);
    assert_ok(store_scrub(store, &e));
    store_close(store);
    fd = open(path, O_WRONLY);
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(pwrite(fd, body, 3000, info.st_size - 8192), 3000);
    close(fd);
    store = open_store(path);
    assert_true(faults_of(store) > 0);
    store_close(store);
}

static int read_all(struct store_tx *tx, void *ctx, struct err *e)
{
    struct step *s = ctx;

    for (int i = 0; i < 50; i++) {
        CLEANUP(freep) char *name = xasprintf("n%d", i);
        struct record r = { 0 };

        if (store_find(tx, "k", "/", name, &r, e))
            return -1;
        s->count++;
        record_clear(&r);
    }
    return 0;
}

/* Cut in the middle while a log beside it says that all is well: seen at the latest when it is
 * read. */
static void test_cut_behind_log(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "store.db"), *body = text_of(3000);
    struct store *store = open_store(path);
    struct step s = { .r = { .kind = "k", .scope = "/", .body = body } };
    struct store_options options = { .path = path };
    struct stat info;
    struct err e = { 0 };

    for (int i = 0; i < 50; i++) {
        CLEANUP(freep) char *name = xasprintf("n%d", i);

        s.r.name = name;
        s.r.uid[0] = '\0';
        put(store, &s);
        if (i == 48)
            assert_ok(store_scrub(store, &e));
    }
    store_close(store);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(truncate(path, info.st_size / 8192 * 4096), 0);
    e = (struct err){ 0 };
    store = NULL;
    if (store_open(&store, &options, &e) == 0 && store_read(store, read_all, &s, &e) == 0)
        fail_msg("%lld records read", (long long)s.count);
    assert_int_equal(e.code, ERR_CORRUPT);
    assert_non_null(strstr(e.msg, "state restore"));
    if (store)
        assert_true(faults_of(store) > 0);
    store_close(store);
}

static bool holds(const char *path, const char *text)
{
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    struct err e = { 0 };

    assert_ok(file_read(&bytes, path, BUF_MAX, &e));
    return memmem(bytes.ptr, bytes.len, text, strlen(text));
}

static void test_scrub(void **state)
{
    static const char body[] = "{\"sealed\":\"a-blob-that-must-not-survive\"}";
    CLEANUP(freep) char *path = path_in(state, "store.db"), *log = path_in(state, "store.db-wal");
    struct store *store = open_store(path);
    struct step s = {
        .r = { .kind = "k", .scope = "/", .name = "n", .body = (char *)(uintptr_t)body }
    };
    struct err e = { 0 };

    put(store, &s);
    assert_ok(store_scrub(store, &e));
    assert_true(holds(path, "must-not-survive"));
    s.expected = STORE_ANY_REVISION;
    assert_ok(store_write(store, step_delete, &s, &e));
    assert_true(holds(path, "must-not-survive"));
    assert_ok(store_scrub(store, &e));
    assert_false(holds(path, "must-not-survive"));
    assert_false(holds(log, "must-not-survive"));
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(test_open),
        folder_test(test_damaged),
        folder_test(test_foreign),
        folder_test(test_new_file),
        folder_test(test_upgrade),
        folder_test(test_records),
        folder_test(test_conflicts),
        folder_test(test_serials),
        folder_test(test_limits),
        folder_test(test_rollback),
        folder_test(test_read_only_transaction),
        folder_test(test_settings),
        folder_test(test_delete_scope),
        folder_test(test_audit_rows),
        folder_test(test_snapshot),
        folder_test(test_verify),
        folder_test(test_scrub),
        folder_test(test_cut_behind_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
