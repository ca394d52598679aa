#include "store/helper.h"

#include "store/engine.h"

/* Many threads write at once; every third transaction fails by its own will. */
enum { THREADS = 8, EACH = 60 };

struct writer {
    struct store *store;
    int number, good, bad;
};

struct one {
    struct writer *writer;
    int turn;
};

static int write_pair(struct store_tx *tx, void *ctx, struct err *e)
{
    const struct one *one = ctx;

    for (int i = 0; i < 2; i++) {
        CLEANUP(freep) char *name = xasprintf("%d-%d-%d", one->writer->number, one->turn, i);
        struct record r = { .kind = "k", .scope = "/", .name = name, .body = "{}" };

        if (store_insert(tx, &r, 1, e))
            return -1;
    }
    return one->turn % 3 == 2 ? err_set(e, ERR_REFUSED, "%d-%d", one->writer->number, one->turn)
                              : 0;
}

static void *write_many(void *ctx)
{
    struct writer *writer = ctx;

    for (int turn = 0; turn < EACH; turn++) {
        struct one one = { writer, turn };
        struct err e = { 0 };
        int rc = store_write(writer->store, write_pair, &one, &e);

        if (rc == 0) {
            writer->good++;
        } else {
            CLEANUP(freep) char *want = xasprintf("%d-%d", writer->number, turn);

            writer->bad += e.code == ERR_REFUSED && strcmp(e.msg, want) == 0;
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct store *store = open_store_in(state);
    struct writer writers[THREADS];
    pthread_t threads[THREADS];
    int good = 0, bad = 0;

    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){ store, i, 0, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        good += writers[i].good;
        bad += writers[i].bad;
    }
    assert_int_equal(good, THREADS * EACH * 2 / 3);
    assert_int_equal(bad, THREADS * EACH / 3);
    assert_int_equal(count_of(store, "k", NULL), good * 2);
    assert_int_equal(faults_of(store), 0);
    print_message("# %d transactions, %ld commits\n", good, atomic_load(&store->commits));
    assert_true(atomic_load(&store->commits) < good);
    store_close(store);
}

/* Readers and writers together: a reader sees a moment, so both of a pair or none. */
static int even(struct store_tx *tx, void *ctx, struct err *e)
{
    int64_t first, second;

    (void)ctx;
    if (store_count(tx, "k", NULL, &first, e))
        return -1;
    usleep(200);
    if (store_count(tx, "k", NULL, &second, e))
        return -1;
    return first % 2 || first != second ? err_set(e, ERR_INTERNAL, "half a transaction") : 0;
}

static void *read_many(void *ctx)
{
    struct writer *reader = ctx;

    for (int i = 0; i < EACH; i++) {
        struct err e = { 0 };

        reader->good += store_read(reader->store, even, NULL, &e) == 0;
    }
    return NULL;
}

static void test_readers(void **state)
{
    enum { READERS = 20 }; /* more than there are connections */
    struct store *store = open_store_in(state);
    struct writer readers[READERS], writer = { store, 0, 0, 0 };
    pthread_t threads[READERS], writing;

    assert_int_equal(pthread_create(&writing, NULL, write_many, &writer), 0);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct writer){ store, i, 0, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, read_many, &readers[i]), 0);
    }
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].good, EACH);
    }
    pthread_join(writing, NULL);
    assert_int_equal(count_of(store, "k", NULL), writer.good * 2);
    assert_true(store->conns <= STORE_CONNECTIONS);
    store_close(store);
}

/* Threads that open the same new store at once all get the one store. */
static void *open_and_write(void *ctx)
{
    struct writer *writer = ctx;
    struct store *store = NULL;
    struct store_options options = { .path = (const char *)writer->store,
                                     .create = true,
                                     .busy_ms = 20000 };
    struct err e = { 0 };
    struct one one = { writer, 0 };

    writer->good =
        store_open(&store, &options, &e) == 0 && store_write(store, write_pair, &one, &e) == 0;
    store_close(store);
    return NULL;
}

static void test_open_at_once(void **state)
{
    CLEANUP(freep) char *path = path_in(state, "store.db");
    struct writer writers[THREADS];
    pthread_t threads[THREADS];
    struct store *store;

    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){ (void *)path, i, 0, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_write, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(writers[i].good);
    }
    store = open_store(path);
    assert_int_equal(count_of(store, "k", NULL), THREADS * 2);
    store_close(store);
}

/* One of a batch whose engine fails takes the others with it, and says why to each. */
static int spoil(struct store_tx *tx, void *ctx, struct err *e)
{
    CLEANUP(query_close) struct query q = { 0 };

    (void)ctx;
    (void)!query_open(&q, tx, "SELECT * FROM no_such_table", e);
    return 0; /* a caller that overlooks the failure */
}

static void test_engine_failure(void **state)
{
    struct store *store = open_store_in(state);
    struct step s = { .r = { .kind = "k", .scope = "/", .name = "n", .body = "{}" } };
    struct err e = { 0 };

    assert_err(store_write(store, spoil, NULL, &e), ERR_INTERNAL);
    assert_non_null(strstr(e.msg, "no_such_table"));
    assert_ok(store_write(store, step_insert, &s, &e));
    assert_int_equal(count_of(store, "k", NULL), 1);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(test_threads),
        folder_test(test_readers),
        folder_test(test_open_at_once),
        folder_test(test_engine_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
