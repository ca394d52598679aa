#include "store/helper.h"

#include "store/engine.h"

/*
 * Every statement of the engine is a walk along an index: none reads a whole table, none sorts. So
 * what an operation costs does not grow with the store, but for the depth of a tree.
 */
static int ignore_record(const struct record *r, void *ctx, struct err *e)
{
    (void)r;
    (void)ctx;
    (void)e;
    return 0;
}

static int ignore_change(const struct store_change *c, void *ctx, struct err *e)
{
    (void)c;
    (void)ctx;
    (void)e;
    return 0;
}

static int ignore_row(const struct store_audit_row *row, void *ctx, struct err *e)
{
    (void)row;
    (void)ctx;
    (void)e;
    return 0;
}

static int use_lists(struct store_tx *tx, struct err *e)
{
    struct store_query query = { .kind = "k", .limit = 1 };
    char next[STORE_CURSOR];

    for (int span = 0; span < 3; span++)
        for (int order = STORE_BY_NAME; order <= STORE_BY_CREATED; order++) {
            query.scope = span == 1 ? "/" : NULL;
            query.scope_under = span == 2 ? "/" : NULL;
            query.order = (enum store_order)order;
            if (store_list(tx, &query, ignore_record, NULL, next, e))
                return -1;
        }
    return 0;
}

static int use_audit(struct store_tx *tx, struct err *e)
{
    struct store_audit_row row = { .chain = "local", .sequence = 1, .bytes = slice_str("{}") };
    CLEANUP(store_audit_last_clear) struct store_audit_last any = { 0 }, one = { 0 };
    int64_t count;

    return store_audit_append(tx, &row, e) ||
           store_audit_list(tx, &(struct store_audit_query){ .kind = STORE_AUDIT_RECORD },
                            ignore_row, NULL, e) ||
           store_audit_list(
               tx, &(struct store_audit_query){ .kind = STORE_AUDIT_RECORD, .chain = "local" },
               ignore_row, NULL, e) ||
           store_audit_last(tx, STORE_AUDIT_RECORD, NULL, &any, e) ||
           store_audit_last(tx, STORE_AUDIT_RECORD, "local", &one, e) ||
           store_audit_prune(tx, "local", 1, &count, e);
}

static int use_look_ups(struct store_tx *tx, const char *uid, struct err *e)
{
    struct record out[4] = { 0 };
    CLEANUP(buf_clear) struct buf value = { 0 };
    int64_t count;
    int rc = store_get(tx, uid, &out[0], e) || store_find(tx, "k", "/", "n", &out[1], e) ||
             store_find_fingerprint(tx, "f", &out[2], e) ||
             store_find_serial(tx, "s", &out[3], e) || store_count(tx, "k", "/", &count, e) ||
             store_count(tx, "k", NULL, &count, e) || store_setting_get(tx, "s", &value, e) ||
             store_changes(tx, 0, 0, ignore_change, NULL, e);

    for (size_t i = 0; i < ARRAY_LEN(out); i++)
        record_clear(&out[i]);
    return rc;
}

static int use_all(struct store_tx *tx, void *ctx, struct err *e)
{
    struct record r = { .kind = "k",
                        .scope = "/",
                        .name = "n",
                        .body = "{}",
                        .fingerprint = "f",
                        .issuer_serial = "s/i" };
    int64_t count;

    (void)ctx;
    if (store_insert(tx, &r, 1, e) || use_look_ups(tx, r.uid, e) || use_lists(tx, e) ||
        use_audit(tx, e) || store_update(tx, &r, r.revision, 1, e) ||
        store_delete(tx, r.uid, r.revision, 1, e))
        return -1;
    r.uid[0] = '\0';
    return store_insert(tx, &r, 1, e) || store_delete_scope(tx, "/", 1, &count, e) ||
           store_setting_put(tx, "s", slice_str("v"), e);
}

static void check_plan(sqlite3 *db, const char *sql)
{
    CLEANUP(freep) char *text = xasprintf("EXPLAIN QUERY PLAN %s", sql);
    sqlite3_stmt *stmt = NULL;

    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(stmt, 3);
        /* One row; and the end of the trail, which the last checkpoint is at most one row behind.
         */
        bool known = strcmp(step, "SCAN sqlite_sequence") == 0 ||
                     (strcmp(step, "SCAN audit") == 0 && strstr(sql, "ORDER BY id DESC LIMIT 1"));

        if ((strstr(step, "SCAN") && !known) || strstr(step, "TEMP B-TREE"))
            fail_msg("%s: %s", sql, step);
    }
    sqlite3_finalize(stmt);
}

static void test_plans(void **state)
{
    struct store *store = open_store_in(state);
    struct err e = { 0 };
    int checked = 0;

    assert_ok(store_write(store, use_all, NULL, &e));
    for (size_t i = 0; i < STORE_CACHED; i++) {
        const char *sql = store->idle->cached[i].sql;

        if (!sql || strncmp(sql, "BEGIN", 5) == 0 || strncmp(sql, "COMMIT", 6) == 0)
            continue;
        check_plan(store->idle->db, sql);
        checked++;
    }
    print_message("# %d statements\n", checked);
    assert_true(checked >= 30);
    assert_null(store->idle->cached[STORE_CACHED - 1].sql); /* all of them fit */
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = { folder_test(test_plans) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
