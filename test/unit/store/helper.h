#ifndef TEST_STORE_HELPER_H
#define TEST_STORE_HELPER_H

#include "unit.h"

#include "base/alloc.h"
#include "files.h"
#include "store/store.h"

/* Both want a `struct err e` in sight and name what failed. */
#define assert_ok(expr)                                                                            \
    do {                                                                                           \
        if (expr)                                                                                  \
            fail_msg("%s: %s", #expr, err_text(&e));                                               \
    } while (0)
#define assert_err(expr, want)                                                                     \
    do {                                                                                           \
        e = (struct err){ 0 };                                                                     \
        if (!(expr))                                                                               \
            fail_msg("%s: no error", #expr);                                                       \
        if (e.code != (want))                                                                      \
            fail_msg("%s: %s: %s", #expr, err_kind(e.code)->name, err_text(&e));                   \
    } while (0)

/* A folder of its own for each test, as its state: cmocka_unit_test_setup_teardown(f, in, out). */
static inline int folder_in(void **state)
{
    const char *root = getenv("TMPDIR");
    char *path = xasprintf("%s/poterne-test-XXXXXX", root ? root : "/tmp");

    *state = path;
    return mkdtemp(path) ? 0 : -1;
}

static inline int folder_out(void **state)
{
    int rc = remove_tree(*state);

    free(*state);
    return rc;
}

#define folder_test(f) cmocka_unit_test_setup_teardown(f, folder_in, folder_out)

static inline char *path_in(void **state, const char *name)
{
    return xasprintf("%s/%s", (const char *)*state, name);
}

static inline struct store *open_store(const char *path)
{
    struct store_options options = { .path = path, .create = true, .busy_ms = 20000 };
    struct store *store = NULL;
    struct err e = { 0 };

    assert_ok(store_open(&store, &options, &e));
    return store;
}

static inline struct store *open_store_in(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "store.db");

    return open_store(path);
}

/* Single steps as transactions of their own. */
struct step {
    struct record r;
    int64_t expected, now, count;
    const char *scope;
    struct buf text;
};

static inline int step_insert(struct store_tx *tx, void *ctx, struct err *e)
{
    struct step *s = ctx;

    return store_insert(tx, &s->r, s->now, e);
}

static inline int step_update(struct store_tx *tx, void *ctx, struct err *e)
{
    struct step *s = ctx;

    return store_update(tx, &s->r, s->expected, s->now, e);
}

static inline int step_delete(struct store_tx *tx, void *ctx, struct err *e)
{
    struct step *s = ctx;

    return store_delete(tx, s->r.uid, s->expected, s->now, e);
}

static inline int step_count(struct store_tx *tx, void *ctx, struct err *e)
{
    struct step *s = ctx;

    return store_count(tx, s->r.kind, s->scope, &s->count, e);
}

static inline int64_t count_of(struct store *store, char *kind, const char *scope)
{
    struct step s = { .r = { .kind = kind }, .scope = scope };
    struct err e = { 0 };

    assert_ok(store_read(store, step_count, &s, &e));
    return s.count;
}

/* Inserts a record; its uid and revision stand in *s. */
static inline void put(struct store *store, struct step *s)
{
    struct err e = { 0 };

    if (!s->r.body)
        s->r.body = "{}";
    assert_ok(store_write(store, step_insert, s, &e));
}

static inline void count_fault(const char *what, void *ctx)
{
    int *count = ctx;

    (void)what;
    ++*count;
}

static inline int faults_of(struct store *store)
{
    struct err e = { 0 };
    int count = 0;

    assert_ok(store_verify(store, count_fault, &count, &e));
    return count;
}

#endif
