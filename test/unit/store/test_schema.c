#include "store/helper.h"

#include "store/engine.h"
#include "store/file.h"

/*
 * test/data/store-vN.db was written by the first program of schema N, and every later one opens it.
 * POTERNE_MAKE_STORE=PATH makes the file of the present schema, once, when there is a new one.
 */
static const struct {
    const char *uid, *kind, *scope, *name;
    int64_t created, expires;
    const char *issuer_serial, *fingerprint, *body;
} rows[] = {
    { "01jd5k3v9q8w7e6r5t4y3z2x1a", "cluster", "/default", "demo", 1700000000, 0, NULL, NULL,
      "{\"endpoint\":\"api.demo:6443\"}" },
    { "01jd5k3v9q8w7e6r5t4y3z2x1b", "authority", "/default/demo", "etcd", 1700000001, 0, NULL, NULL,
      "{\"generation\":1}" },
    { "01jd5k3v9q8w7e6r5t4y3z2x1c", "certificate", "/default/demo", "etcd-server", 1700000002,
      1731536002, "0a1b2c3d4e5f/00112233445566778899aabbccddeeff00112233",
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "{\"subject\":\"CN=\xc3\xa9tcd\"}" },
    { "01jd5k3v9q8w7e6r5t4y3z2x1d", "certificate", "/default/demo", "superseded", 1700000003,
      1731536003, NULL, NULL, "{}" },
};

static int write_all(struct store_tx *tx, void *ctx, struct err *e)
{
    struct store_audit_row record = { STORE_AUDIT_RECORD,       "local",    1, 1700000000,
                                      slice_str("{\"seq\":1}"), { NULL, 0 } };
    struct store_audit_row checkpoint = {
        STORE_AUDIT_CHECKPOINT, "local", 1, 1700000000, slice_str("{\"type\":\"checkpoint\"}"),
        slice_of("\0\xff", 2)
    };
    struct record r = { 0 };

    (void)ctx;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        r = (struct record){ .kind = (char *)(uintptr_t)rows[i].kind,
                             .scope = (char *)(uintptr_t)rows[i].scope,
                             .name = (char *)(uintptr_t)rows[i].name,
                             .schema = 1,
                             .created = rows[i].created,
                             .expires = rows[i].expires,
                             .issuer_serial = (char *)(uintptr_t)rows[i].issuer_serial,
                             .fingerprint = (char *)(uintptr_t)rows[i].fingerprint,
                             .body = (char *)(uintptr_t)rows[i].body };
        memcpy(r.uid, rows[i].uid, UID_TEXT);
        if (store_insert(tx, &r, rows[i].created, e) ||
            (i == 1 && store_update(tx, &r, r.revision, 1700000009, e)))
            return -1;
    }
    return store_delete(tx, r.uid, r.revision, 1700000010, e) ||
           store_setting_put(tx, "installation", slice_str("01jd5k3v9q8w7e6r5t4y3z2x00"), e) ||
           store_audit_append(tx, &record, e) || store_audit_append(tx, &checkpoint, e);
}

static int make(const char *path)
{
    struct store *store = open_store(path);
    struct err e = { 0 };

    assert_ok(store_write(store, write_all, NULL, &e));
    assert_ok(store_scrub(store, &e));
    store_close(store);
    return 0;
}

static int read_records(struct store_tx *tx, struct err *e)
{
    static const int64_t revisions[] = { 1, 3, 4 };

    for (size_t i = 0; i < 3; i++) {
        CLEANUP(record_clear) struct record r = { 0 };

        if (store_find(tx, rows[i].kind, rows[i].scope, rows[i].name, &r, e))
            return -1;
        assert_string_equal(r.uid, rows[i].uid);
        assert_string_equal(r.body, rows[i].body);
        assert_int_equal(r.revision, revisions[i]);
        assert_int_equal(r.schema, 1);
        assert_int_equal(r.created, rows[i].created);
        assert_int_equal(r.updated, i == 1 ? 1700000009 : rows[i].created);
        assert_int_equal(r.expires, rows[i].expires);
        assert_int_equal(r.fingerprint != NULL, i == 2);
    }
    return 0;
}

static int add_change(const struct store_change *c, void *ctx, struct err *e)
{
    (void)e;
    buf_addf(ctx, "%lld %.1s ", (long long)c->sequence, c->operation);
    return 0;
}

static int read_all(struct store_tx *tx, void *ctx, struct err *e)
{
    CLEANUP(buf_clear) struct buf value = { 0 }, changes = { 0 };
    CLEANUP(store_audit_last_clear) struct store_audit_last last = { 0 };
    CLEANUP(record_clear) struct record r = { 0 };
    int64_t count;

    (void)ctx;
    if (read_records(tx, e) || store_find_fingerprint(tx, rows[2].fingerprint, &r, e) ||
        store_setting_get(tx, "installation", &value, e) ||
        store_changes(tx, 0, 0, add_change, &changes, e) ||
        store_count(tx, "certificate", NULL, &count, e) ||
        store_audit_last(tx, STORE_AUDIT_CHECKPOINT, "local", &last, e))
        return -1;
    assert_string_equal(r.uid, rows[2].uid);
    assert_string_equal(buf_str(&value), "01jd5k3v9q8w7e6r5t4y3z2x00");
    assert_string_equal(buf_str(&changes), "1 i 2 i 3 u 4 i 5 i 6 d ");
    assert_int_equal(count, 1);
    assert_true(last.found && last.sequence == 1 && last.time == 1700000000);
    assert_string_equal(buf_str(&last.bytes), "{\"type\":\"checkpoint\"}");
    assert_true(slice_eq(buf_slice(&last.signature), slice_of("\0\xff", 2)));
    return 0;
}

static void test_old_stores(void **state)
{
    for (int version = 1; version <= STORE_SCHEMA; version++) {
        CLEANUP(freep) char *kept = xasprintf("test/data/store-v%d.db", version);
        CLEANUP(freep) char *copy = xasprintf("%s/store-v%d.db", (const char *)*state, version);
        CLEANUP(buf_clear) struct buf bytes = { 0 };
        struct step s = { .r = { .kind = "k", .scope = "/", .name = "n" } };
        struct store *store;
        struct err e = { 0 };

        assert_ok(file_read(&bytes, kept, BUF_MAX, &e));
        write_bytes(copy, bytes.ptr, bytes.len);
        store = open_store(copy);
        assert_ok(store_read(store, read_all, NULL, &e));
        assert_int_equal(faults_of(store), 0);
        put(store, &s);
        assert_int_equal(s.r.revision, 7);
        store_close(store);
    }
}

static int add_object(void *ctx, int columns, char **values, char **names)
{
    (void)names;
    for (int i = 0; i < columns; i++)
        buf_addf(ctx, "%s\n", values[i] ? values[i] : "");
    return 0;
}

static void read_schema(const char *path, struct buf *out)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT name, sql FROM sqlite_schema ORDER BY name",
                                  add_object, out, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
}

/* Whoever changes the schema has to make it another number, a step that leads there, and a file. */
static void test_schema_is_kept(void **state)
{
    CLEANUP(freep) char *kept = xasprintf("test/data/store-v%d.db", STORE_SCHEMA);
    CLEANUP(freep) char *copy = path_in(state, "kept.db"), *path = path_in(state, "store.db");
    CLEANUP(buf_clear) struct buf bytes = { 0 }, then = { 0 }, now = { 0 };
    struct err e = { 0 };

    assert_ok(file_read(&bytes, kept, BUF_MAX, &e));
    write_bytes(copy, bytes.ptr, bytes.len);
    store_close(open_store(path));
    read_schema(copy, &then);
    read_schema(path, &now);
    assert_string_equal(buf_str(&now), buf_str(&then));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(test_old_stores),
        folder_test(test_schema_is_kept),
    };

    if (getenv("POTERNE_MAKE_STORE"))
        return make(getenv("POTERNE_MAKE_STORE"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
