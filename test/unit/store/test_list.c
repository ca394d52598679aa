#include "store/helper.h"

/* 3 kinds in 5 scopes, 7 records each; times repeat, so that order needs the uid too. */
static const char *const kinds[] = { "a", "certificate", "z" };
static const char *const scopes[] = { "/", "/default", "/default/a", "/default/b", "/other/a" };
enum { NAMES = 7 };

static int fill(struct store_tx *tx, void *ctx, struct err *e)
{
    (void)ctx;
    for (int i = NAMES - 1; i >= 0; i--)
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
            for (size_t s = 0; s < ARRAY_LEN(scopes); s++) {
                CLEANUP(freep) char *name = xasprintf("n%d", i);
                struct record r = { .kind = (char *)(uintptr_t)kinds[k],
                                    .scope = (char *)(uintptr_t)scopes[s],
                                    .name = name,
                                    .created = 100 + i / 2,
                                    .expires = i == 3 ? 0 : 1000 + i / 2,
                                    .body = "{}" };

                if (store_insert(tx, &r, 5, e))
                    return -1;
            }
    return 0;
}

struct walk {
    struct store_query query;
    struct record last;
    int seen, pages;
    bool sorted;
};

static int64_t never_last(int64_t expires)
{
    return expires ? expires : INT64_MAX;
}

static int compare(const struct walk *w, const struct record *a, const struct record *b)
{
    int64_t key_a = 0, key_b = 0;
    int order = w->query.order == STORE_BY_EXPIRES ? 0 : strcmp(a->scope, b->scope);

    if (order)
        return order;
    if (w->query.order == STORE_BY_NAME)
        return strcmp(a->name, b->name);
    key_a = w->query.order == STORE_BY_EXPIRES ? never_last(a->expires) : a->created;
    key_b = w->query.order == STORE_BY_EXPIRES ? never_last(b->expires) : b->created;
    return key_a != key_b ? (key_a < key_b ? -1 : 1) : strcmp(a->uid, b->uid);
}

static int look(const struct record *r, void *ctx, struct err *e)
{
    struct walk *w = ctx;

    (void)e;
    assert_string_equal(r->kind, w->query.kind);
    if (w->query.scope)
        assert_string_equal(r->scope, w->query.scope);
    if (w->query.scope_under)
        assert_int_equal(strncmp(r->scope, w->query.scope_under, strlen(w->query.scope_under)), 0);
    w->sorted = w->sorted && (w->seen == 0 || compare(w, &w->last, r) < 0);
    w->seen++;
    record_clear(&w->last);
    record_copy(&w->last, r);
    return 0;
}

static int walk_all(struct store_tx *tx, void *ctx, struct err *e)
{
    struct walk *w = ctx;
    char cursor[STORE_CURSOR] = "";

    w->sorted = true;
    w->query.cursor = cursor;
    do {
        if (store_list(tx, &w->query, look, w, cursor, e))
            return -1;
        w->pages++;
    } while (cursor[0]);
    record_clear(&w->last);
    return 0;
}

static int list_all(struct store_tx *tx, void *ctx, struct err *e)
{
    struct walk *w = ctx;

    w->sorted = true;
    return store_list_all(tx, &w->query, look, w, e);
}

static const struct {
    const char *scope, *under;
    int64_t from, until;
    int want;
} spans[] = {
    { NULL, NULL, 0, 0, 35 },       { "/default/a", NULL, 0, 0, 7 },
    { "/none", NULL, 0, 0, 0 },     { NULL, "/default/", 0, 0, 14 },
    { NULL, "/default", 0, 0, 21 }, { NULL, "/", 0, 0, 35 },
    { NULL, NULL, 0, 1001, 10 },    { NULL, NULL, 1003, 0, 5 },
    { "/", NULL, 1001, 1002, 1 },   { NULL, "/default/", 1000, 1004, 12 },
    { NULL, NULL, 0, 1000, 0 },     { NULL, NULL, 1, 0, 30 },
    { NULL, "/zzz", 0, 0, 0 },
};

static void test_pages(void **state)
{
    const int limits[] = { 1, 2, 3, 5, 7, 35, 1000 };
    struct store *store = open_store_in(state);
    struct err e = { 0 };

    assert_ok(store_write(store, fill, NULL, &e));
    for (int order = STORE_BY_NAME; order <= STORE_BY_CREATED; order++)
        for (size_t s = 0; s < ARRAY_LEN(spans); s++)
            for (size_t l = 0; l < ARRAY_LEN(limits); l++) {
                struct walk w = { .query = { .kind = "certificate",
                                             .scope = spans[s].scope,
                                             .scope_under = spans[s].under,
                                             .expires_from = spans[s].from,
                                             .expires_until = spans[s].until,
                                             .order = (enum store_order)order,
                                             .limit = limits[l] } };
                int pages = spans[s].want ? (spans[s].want + limits[l] - 1) / limits[l] : 1;

                assert_ok(store_read(store, walk_all, &w, &e));
                if (w.seen != spans[s].want || w.pages != pages || !w.sorted)
                    fail_msg("order %d span %zu limit %d: %d records on %d pages%s", order, s,
                             limits[l], w.seen, w.pages, w.sorted ? "" : ", not sorted");
            }
    store_close(store);
}

struct page {
    struct store_query query;
    char next[STORE_CURSOR];
};

static int ignore(const struct record *r, void *ctx, struct err *e)
{
    (void)r;
    (void)ctx;
    (void)e;
    return 0;
}

static int one_page(struct store_tx *tx, void *ctx, struct err *e)
{
    struct page *p = ctx;

    return store_list(tx, &p->query, ignore, NULL, p->next, e);
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "x", "!!!!", "AAAA", "AQAAAAAAAAAAAAAAAAAAAAAA",
        "AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    };
    struct store *store = open_store_in(state);
    struct page good = { .query = { .kind = "certificate",
                                    .scope_under = "/default/",
                                    .limit = 2 } },
                p;
    char longest[STORE_CURSOR + 1];
    struct err e = { 0 };

    assert_ok(store_write(store, fill, NULL, &e));
    assert_ok(store_read(store, one_page, &good, &e));
    assert_true(good.next[0]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        p = good;
        p.query.cursor = bad[i];
        assert_err(store_read(store, one_page, &p, &e), ERR_INVALID);
        assert_string_equal(p.next, good.next);
    }
    memset(longest, 'A', STORE_CURSOR);
    longest[STORE_CURSOR] = '\0';
    p = good;
    p.query.cursor = longest;
    assert_err(store_read(store, one_page, &p, &e), ERR_INVALID);
    p.query.cursor = good.next; /* of another kind, order, scope */
    p.query.kind = "a";
    assert_err(store_read(store, one_page, &p, &e), ERR_INVALID);
    p.query = good.query;
    p.query.cursor = good.next;
    p.query.order = STORE_BY_CREATED;
    assert_err(store_read(store, one_page, &p, &e), ERR_INVALID);
    p.query = good.query;
    p.query.cursor = good.next;
    p.query.scope_under = "/";
    assert_err(store_read(store, one_page, &p, &e), ERR_INVALID);
    p.query = good.query;
    p.query.cursor = good.next;
    p.query.expires_until = 1002; /* bounds may move */
    assert_ok(store_read(store, one_page, &p, &e));
    store_close(store);
}

static void test_limits(void **state)
{
    struct store *store = open_store_in(state);
    struct page p = { .query = { .kind = "certificate", .limit = 0 } };
    struct err e = { 0 };

    assert_err(store_read(store, one_page, &p, &e), ERR_INVALID);
    p.query.limit = STORE_MAX_PAGE + 1;
    assert_err(store_read(store, one_page, &p, &e), ERR_INVALID);
    p.query.limit = STORE_MAX_PAGE;
    assert_ok(store_read(store, one_page, &p, &e));
    assert_string_equal(p.next, "");
    p.query.order = (enum store_order)9;
    assert_err(store_read(store, one_page, &p, &e), ERR_INVALID);
    p.query.order = STORE_BY_NAME;
    p.query.scope_under = "";
    assert_err(store_read(store, one_page, &p, &e), ERR_INVALID);
    p.query.kind = NULL;
    assert_err(store_read(store, one_page, &p, &e), ERR_INTERNAL);
    store_close(store);
}

/* The longest scope and name that may be stored fit into a cursor. */
static void test_longest_cursor(void **state)
{
    CLEANUP(freep) char *scope = xcalloc(1, STORE_MAX_SCOPE + 1);
    CLEANUP(freep) char *name = xcalloc(1, STORE_MAX_NAME + 1);
    struct store *store = open_store_in(state);
    struct page p = { .query = { .kind = "k", .limit = 1 } };
    struct walk w = { .query = { .kind = "k", .limit = 1 } };
    struct err e = { 0 };

    memset(scope, 's', STORE_MAX_SCOPE);
    memset(name, 'n', STORE_MAX_NAME);
    for (int i = 0; i < 3; i++) {
        struct step s = { .r = { .kind = "k", .scope = scope, .name = name } };

        name[STORE_MAX_NAME - 1] = (char)('a' + i);
        put(store, &s);
    }
    assert_ok(store_read(store, one_page, &p, &e));
    assert_true(strlen(p.next) > STORE_MAX_SCOPE + STORE_MAX_NAME);
    assert_ok(store_read(store, walk_all, &w, &e));
    assert_int_equal(w.seen, 3);
    store_close(store);
}

static int fill_page(struct store_tx *tx, void *ctx, struct err *e)
{
    (void)ctx;
    for (int i = 0; i <= STORE_MAX_PAGE; i++) {
        CLEANUP(freep) char *name = xasprintf("n%04d", i);
        struct record r = { .kind = "many", .scope = "/", .name = name, .body = "{}" };

        if (store_insert(tx, &r, 5, e))
            return -1;
    }
    return 0;
}

static void test_all(void **state)
{
    struct store *store = open_store_in(state);
    struct walk w = { .query = { .kind = "many" } };
    struct err e = { 0 };

    assert_ok(store_write(store, fill_page, NULL, &e));
    assert_ok(store_read(store, list_all, &w, &e));
    assert_int_equal(w.seen, STORE_MAX_PAGE + 1);
    assert_true(w.sorted);
    record_clear(&w.last);
    store_close(store);
}

/* A visitor may ask the store in turn, the same question too, and stop. */
static int nested(const struct record *r, void *ctx, struct err *e)
{
    struct store_tx *tx = ctx;
    struct record again = { 0 };
    char next[STORE_CURSOR];
    struct store_query query = { .kind = "a", .limit = 3 };
    int rc = store_get(tx, r->uid, &again, e);

    if (!rc)
        rc = store_list(tx, &query, ignore, NULL, next, e);
    record_clear(&again);
    return rc ? rc : err_set(e, ERR_REFUSED, "enough at '%s'", r->name);
}

static int list_nested(struct store_tx *tx, void *ctx, struct err *e)
{
    struct store_query query = { .kind = "a", .limit = 3 };
    char next[STORE_CURSOR] = "unset";
    int rc = store_list(tx, &query, nested, tx, next, e);

    (void)ctx;
    assert_string_equal(next, "unset");
    return rc;
}

static void test_nested(void **state)
{
    struct store *store = open_store_in(state);
    struct err e = { 0 };

    assert_ok(store_write(store, fill, NULL, &e));
    assert_err(store_read(store, list_nested, NULL, &e), ERR_REFUSED);
    assert_string_equal(e.msg, "enough at 'n0'");
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(test_pages),          folder_test(test_refused), folder_test(test_limits),
        folder_test(test_longest_cursor), folder_test(test_nested),  folder_test(test_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
