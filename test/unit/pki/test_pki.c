#include "base/alloc.h"
#include "csr.h"
#include "pki/root_key.h"
#include "world.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- the clock ---- */

static int nothing_in(struct pki_write *w, void *ctx, struct err *e)
{
    int *calls = ctx;

    pki_deciding(w, "test.act", "thing/%d", 7);
    ++*calls;
    return pki_granted(w, NULL, e);
}

static void test_clock(void **state)
{
    struct world w;
    struct world_audit audit = { 0 };
    struct err e = { 0 };
    int calls = 0, before;

    (void)state;
    world_start(&w);
    world_again(&w, WORLD_NOW - 300, STATE_SHARED); /* within the slack */
    assert_int_equal(world_write(&w, nothing_in, &calls, &e), 0);
    world_again(&w, WORLD_NOW + DAYS(1), STATE_SHARED);
    assert_int_equal(world_write(&w, nothing_in, &calls, &e), 0);

    world_again(&w, WORLD_NOW + DAYS(1) - 301, STATE_SHARED);
    before = world_audited(&w, &audit);
    assert_int_equal(world_write(&w, nothing_in, &calls, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    assert_non_null(strstr(e.msg, "--accept-clock"));
    assert_int_equal(calls, 2);
    /* not recorded: a record would carry the wrong time, and let the next one pass */
    assert_int_equal(world_audited(&w, &audit), before);
    assert_int_equal(world_write(&w, nothing_in, &calls, &e), -1);

    w.request.accept_clock = true;
    assert_int_equal(world_write(&w, nothing_in, &calls, &e), 0);
    audit.action = "clock.accept";
    assert_int_equal(world_audited(&w, &audit), 1);
    assert_non_null(strstr(audit.last, "\"behind\":301"));
    w.request.accept_clock = false;
    assert_int_equal(world_write(&w, nothing_in, &calls, &e), 0); /* accepted is accepted */
    world_end(&w);
}

/* ---- refusals and failures ---- */

static int refusing_in(struct pki_write *w, void *ctx, struct err *e)
{
    enum err_code *code = ctx;

    pki_deciding(w, "test.act", "thing/one");
    if (store_setting_put(w->tx, "test", slice_str("x"), e) || pki_granted(w, NULL, e))
        return -1;
    pki_deciding(w, "test.act", "thing/two");
    return err_set(e, *code, "not this time");
}

static int read_setting(struct store_tx *tx, void *ctx, struct err *e)
{
    return store_setting_get(tx, "test", ctx, e);
}

static void test_refusal(void **state)
{
    static const struct {
        enum err_code code;
        int recorded;
    } rows[] = { { ERR_REFUSED, 1 }, { ERR_INVALID, 0 }, { ERR_NOT_FOUND, 0 }, { ERR_REFUSED, 2 } };
    struct world w;
    struct world_audit refused = { .outcome = "refused" },
                       granted = { .action = "test.act", .outcome = "granted" };
    int want = 0;

    (void)state;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_clear) struct buf setting = { 0 };
        enum err_code code = rows[i].code;
        struct err e = { 0 };

        want = rows[i].recorded ? rows[i].recorded : want;
        assert_int_equal(world_write(&w, refusing_in, &code, &e), -1);
        assert_int_equal(e.code, rows[i].code);
        assert_int_equal(world_audited(&w, &refused), want);
        assert_int_equal(world_audited(&w, &granted),
                         0); /* what was granted on the way is taken back */
        assert_int_equal(store_read(pki_store(w.pki), read_setting, &setting, &e), 0);
        assert_int_equal(setting.len, 0);
    }
    assert_non_null(strstr(refused.last, "\"target\":\"thing/two\""));
    assert_non_null(strstr(refused.last, "\"reason\":\"not this time\""));
    world_end(&w);
}

/* ---- the trail verifies, with checkpoints behind every write ---- */

static int verify_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct world *w = ctx;
    struct audit_verdict verdict;
    struct audit_signer signer;

    pki_audit_signer(w->pki, &signer);
    if (audit_verify(tx, "local", slice_of(NULL, 0), &signer, &verdict, e))
        return -1;
    if (!verdict.good)
        return err_set(e, ERR_CORRUPT, "%s at %lld: %s", verdict.kind, (long long)verdict.at,
                       verdict.text);
    return verdict.checkpoints > 0 ? 0 : err_set(e, ERR_CORRUPT, "no checkpoint");
}

static void verify(struct world *w)
{
    struct err e = { 0 };

    if (store_read(pki_store(w->pki), verify_in, w, &e))
        fail_msg("%s", e.msg);
}

static void test_trail(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    struct err e = { 0 };
    int calls = 0;

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    for (int i = 0; i < 5; i++)
        assert_int_equal(world_write(&w, nothing_in, &calls, &e), 0);
    verify(&w);
    world_again(&w, WORLD_NOW + 1, STATE_SHARED);
    verify(&w);
    assert_int_equal(pki_keeper_public(w.pki, &pem, &e), 0);
    assert_non_null(strstr(buf_str(&pem), "BEGIN PUBLIC KEY"));
    cluster_clear(&c);
    world_end(&w);
}

/* ---- several at once ---- */

enum { PROCESSES = 6, CERTIFICATES = 10 };

/* A process of its own: opens what may not be there yet, makes the cluster or finds it, issues. */
static int child(const char *dir)
{
    struct world w = { 0 };
    struct cluster c = { 0 };
    struct buf warnings = { 0 };
    struct buf csr = { 0 };
    struct world_issue issuing = { .c = &c, .order = { .profile = "operator", .user = "alice" } };
    struct err e = { 0 };
    bool made;
    int rc;

    snprintf(w.dir, sizeof w.dir, "%s", dir);
    csr_make(&csr, &(struct csr_spec){ 0 });
    issuing.order.csr = buf_slice(&csr);
    rc = world_try(&w, WORLD_NOW, STATE_SHARED, &e) ||
         world_parse(&c, WORLD_CLUSTER, &warnings, &e) || cluster_create(&w.request, &c, &made, &e);
    for (int i = 0; i < CERTIFICATES && !rc; i++)
        rc = world_write(&w, world_issue_in, &issuing, &e);
    if (rc)
        fprintf(stderr, "child: %s\n", e.msg);
    pki_close(w.pki);
    cluster_clear(&c);
    issued_clear(&issuing.issued);
    buf_clear(&csr);
    return rc ? 1 : 0;
}

struct numbers {
    bool seen[PROCESSES * CERTIFICATES + 1];
    int count;
};
static int number_row(const struct store_audit_row *row, void *ctx, struct err *e)
{
    struct numbers *numbers = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;
    int64_t n;

    if (json_parse(&doc, row->bytes, NULL, e))
        return -1;
    n = json_int(json_path(json_root(doc), "detail.keeper_number"), 0);
    if (n == 0)
        return 0;
    assert_in_range(n, 1, PROCESSES * CERTIFICATES);
    assert_false(numbers->seen[n]); /* no number twice, whoever signed */
    numbers->seen[n] = true;
    numbers->count++;
    return 0;
}
static int numbers_in(struct store_tx *tx, void *ctx, struct err *e)
{
    return store_audit_list(tx, &(struct store_audit_query){ .kind = STORE_AUDIT_RECORD },
                            number_row, ctx, e);
}

static void test_at_once(void **state)
{
    struct world w = { .dir = "/tmp/poterne-pki-XXXXXX" };
    struct world_audit audit = { .action = "installation.create" };
    struct numbers numbers = { .count = 0 };
    struct stat info;
    char path[128];
    struct err e = { 0 };

    (void)state;
    assert_non_null(mkdtemp(w.dir));
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0)
            _exit(child(w.dir));
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    if (world_try(&w, WORLD_NOW, STATE_SHARED, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(world_audited(&w, &audit), 1);
    audit.action = "cluster.create";
    assert_int_equal(world_audited(&w, &audit), 1);
    audit.action = "certificate.issue";
    assert_int_equal(world_audited(&w, &audit), PROCESSES * CERTIFICATES);
    assert_int_equal(store_read(pki_store(w.pki), numbers_in, &numbers, &e), 0);
    assert_int_equal(numbers.count, PROCESSES * CERTIFICATES);
    verify(&w);
    snprintf(path, sizeof path, "%s/root.key.next", w.dir);
    assert_int_not_equal(stat(path, &info), 0);
    world_end(&w);
}

/* ---- nothing there ---- */

static void test_nothing_there(void **state)
{
    struct world w;
    struct err e = { 0 };
    struct pki *pki = NULL;

    (void)state;
    world_start(&w);
    for (int i = 0; i < 2; i++) {
        char path[128];
        struct pki_options options = { .dir = { .path = path }, .now = WORLD_NOW };

        snprintf(path, sizeof path, "%s/empty", w.dir);
        if (i == 1)
            assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(pki_open(&pki, &options, &e), -1);
        assert_int_equal(e.code, ERR_NOT_FOUND);
        assert_null(pki);
    }
    world_end(&w);
}

/* Opened, and nothing written yet: reading works, and a first write that fails leaves nothing. */
static void test_before_the_first_write(void **state)
{
    struct world w = { .dir = "/tmp/poterne-pki-XXXXXX" };
    struct world_audit audit = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    enum err_code code = ERR_INVALID;
    struct root_key_report report;
    struct err e = { 0 };
    int calls = 0;

    (void)state;
    assert_non_null(mkdtemp(w.dir));
    assert_int_equal(world_try(&w, WORLD_NOW, STATE_EXCLUSIVE, &e), 0);
    assert_string_equal(pki_installation(w.pki), "");
    assert_null(pki_keeper(w.pki));
    assert_int_equal(world_audited(&w, &audit), 0);
    assert_int_equal(pki_keeper_public(w.pki, &pem, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_int_equal(root_key_rotate(&w.request, false, &report, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_int_equal(world_write(&w, refusing_in, &code, &e), -1);
    assert_int_equal(world_audited(&w, &audit), 0);
    assert_string_equal(pki_installation(w.pki), "");
    code = ERR_REFUSED; /* a refusal is recorded, and so makes the installation */
    assert_int_equal(world_write(&w, refusing_in, &code, &e), -1);
    assert_int_equal(world_audited(&w, &audit), 2);
    assert_non_null(strstr(audit.last, "\"action\":\"test.act\""));
    assert_int_equal(world_write(&w, nothing_in, &calls, &e), 0);
    verify(&w);
    world_again(&w, WORLD_NOW, STATE_SHARED);
    verify(&w);
    world_end(&w);
}

/* ---- data keys ---- */

static int data_keys_in(struct pki_write *w, void *ctx, struct err *e)
{
    CLEANUP(data_key_clear) struct data_key first = { 0 };
    CLEANUP(data_key_clear) struct data_key again = { 0 };
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    struct seal_place place = { &first, { "thing", "u1", "key" } };

    (void)ctx;
    if (pki_kind_key(w, "thing", &first, e) ||
        keeper_seal(pki_keeper(w->request->pki), &place, slice_str("x"), &sealed, e) ||
        pki_data_key_update(w, &first, e) || pki_kind_key(w, "thing", &again, e))
        return -1;
    assert_string_equal(first.uid, again.uid);
    assert_int_equal(again.seals, 1);
    data_key_clear(&again);
    assert_int_equal(pki_data_key_delete(w, DATA_KEY_KIND, "thing", e), 0);
    assert_int_equal(pki_data_key_load(w->tx, DATA_KEY_KIND, "thing", &again, e), -1);
    assert_int_equal(e->code, ERR_NOT_FOUND);
    return 0;
}

static void test_data_keys(void **state)
{
    struct world w;
    struct err e = { 0 };

    (void)state;
    world_start(&w);
    if (world_write(&w, data_keys_in, NULL, &e))
        fail_msg("%s", e.msg);
    world_end(&w);
}

/* ---- shared between threads ---- */

enum { THREADS = 4, WRITES = 25 };

struct sharer {
    struct pki_base *base;
    const char *dir, *installation;
    int failures;
};

static int open_shared(struct pki **pki, const struct sharer *s, struct err *e)
{
    CLEANUP(freep) char *path = xasprintf("%s/root.key", s->dir);
    CLEANUP(keeper_closep) struct keeper *keeper = NULL;
    CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (keeper_open(&keeper, fd, s->installation, e) || pki_share(pki, s->base, keeper, e))
        return -1;
    keeper = NULL;
    pki_set_now(*pki, WORLD_NOW + 10);
    return 0;
}

static void *write_shared(void *arg)
{
    CLEANUP(pki_closep) struct pki *pki = NULL;
    struct sharer *s = arg;
    struct principal who;
    struct err e = { 0 };
    int calls = 0;

    principal_local(&who);
    s->failures = open_shared(&pki, s, &e);
    for (int i = 0; pki && i < WRITES; i++) {
        struct request request = { .pki = pki, .who = &who };

        s->failures += pki_write(&request, nothing_in, &calls, &e) != 0;
    }
    return NULL;
}

static void test_share(void **state)
{
    struct world w;
    struct world_audit audit = { .action = "test.act" };
    struct sharer sharer[THREADS];
    pthread_t thread[THREADS];
    char installation[UID_TEXT];
    struct pki_base *base;
    int before, key = -1;
    struct err e = { 0 };

    (void)state;
    world_start(&w);
    before = world_audited(&w, &audit);
    world_stop(&w);
    struct pki_options options = { .dir = { .path = w.dir, .lock = STATE_EXCLUSIVE },
                                   .now = WORLD_NOW + 5 };
    assert_int_equal(pki_prepare(&options, installation, &key, &e), 0);
    fd_closep(&key);
    assert_int_equal(pki_base_open(&base, &options.dir, &e), 0);
    for (int i = 0; i < THREADS; i++) {
        sharer[i] = (struct sharer){ base, w.dir, installation, 0 };
        assert_int_equal(pthread_create(&thread[i], NULL, write_shared, &sharer[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(sharer[i].failures, 0);
    }
    pki_base_close(base);
    assert_int_equal(world_try(&w, WORLD_NOW + 20, STATE_SHARED, &e), 0);
    assert_int_equal(world_audited(&w, &audit), before + THREADS * WRITES);
    world_end(&w);
}

/* A keeper of another installation is not taken, and stays the caller's. */
static void test_share_other(void **state)
{
    CLEANUP(pki_base_closep) struct pki_base *base = NULL;
    CLEANUP(pki_closep) struct pki *pki = NULL;
    struct world one, other;
    struct sharer mixed;
    struct err e = { 0 };

    (void)state;
    world_start(&one);
    world_start(&other);
    world_stop(&one);
    struct state_dir_options dir = { .path = one.dir, .lock = STATE_EXCLUSIVE };
    assert_int_equal(pki_base_open(&base, &dir, &e), 0);
    mixed = (struct sharer){ base, other.dir, pki_installation(other.pki), 0 };
    assert_int_equal(open_shared(&pki, &mixed, &e), -1);
    assert_int_equal(e.code, ERR_CORRUPT);
    assert_null(pki);
    world_end(&other);
    remove_tree(one.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_refusal),
        cmocka_unit_test(test_trail),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_share_other),
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_data_keys),
        cmocka_unit_test(test_before_the_first_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
