#include "base/encode.h"
#include "pki/root_key.h"
#include "store/file.h"
#include "world.h"
#include <sys/stat.h>

/* ---- files ---- */

static char *path_of(const struct world *w, const char *name)
{
    static char paths[4][128];
    static int next;

    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", w->dir, name);
    return paths[next];
}

static void read_key(const struct world *w, const char *name, struct buf *out)
{
    struct err e = { 0 };

    buf_reset(out);
    if (file_read(out, path_of(w, name), 4096, &e))
        fail_msg("%s", e.msg);
}

static void write_key(const struct world *w, const char *name, struct slice text)
{
    struct err e = { 0 };

    if (file_replace(path_of(w, name), text, 0600, &e))
        fail_msg("%s", e.msg);
}

static bool is_there(const struct world *w, const char *name)
{
    struct stat info;

    return stat(path_of(w, name), &info) == 0;
}

/* ---- that everything still opens: each authority signs, the service-account key comes out ---- */

static int use_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct cluster *c = ctx;

    for (int role = 0; role < AUTHORITY_ROLES; role++) {
        CLEANUP(authority_clear) struct authority a = { 0 };
        CLEANUP(signer_closep) struct signer *signer = NULL;

        if (authority_load(w->tx, c, (enum authority_role)role, &a, e) ||
            authority_signer(w, &a, &signer, e))
            return -1;
    }
    return 0;
}

static int release_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct world *w = ctx;
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    CLEANUP(secret_clear) struct secret key = { 0 };
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    struct cluster c = { 0 };
    char scope[64];
    struct seal_place place = { &dk, { KIND_SERVICE_ACCOUNT_KEY, r.uid, "key" } };
    int rc;

    if (cluster_load(tx, "demo", &c, e))
        return -1;
    cluster_scope(&c, scope);
    cluster_clear(&c);
    rc = store_find(tx, KIND_SERVICE_ACCOUNT_KEY, scope, "1", &r, e) ||
         pki_data_key_load(tx, DATA_KEY_KIND, KIND_SERVICE_ACCOUNT_KEY, &dk, e) ||
         json_parse(&doc, slice_str(r.body), NULL, e) ||
         base64_decode(&sealed, json_slice(json_get(json_root(doc), "sealed")), e) ||
         keeper_key_release(pki_keeper(w->pki), &place, buf_slice(&sealed), &key, e);
    return rc ? -1 : 0;
}

static void check_usable(struct world *w, struct cluster *c)
{
    struct err e = { 0 };

    if (world_write(w, use_in, c, &e) || store_read(pki_store(w->pki), release_in, w, &e))
        fail_msg("%s", e.msg);
}

static void rotate(struct world *w, bool reseal, struct root_key_report *report)
{
    struct err e = { 0 };

    w->request.id[0] = '\0';
    if (root_key_rotate(&w->request, reseal, report, &e))
        fail_msg("%s", e.msg);
}

/* ---- rotation ---- */

static void test_rotate(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    struct root_key_report report;
    struct world_audit audit = { .action = "root-key.rotate" };
    CLEANUP(buf_clear) struct buf before = { 0 };
    CLEANUP(buf_clear) struct buf after = { 0 };

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    world_again(&w, WORLD_NOW, STATE_EXCLUSIVE);
    read_key(&w, "root.key", &before);
    rotate(&w, false, &report);
    assert_int_equal(report.rewrapped, 7);
    assert_int_equal(report.resealed, 0);
    assert_false(report.resumed);
    assert_string_not_equal(report.old_id, report.new_id);
    assert_int_equal(world_audited(&w, &audit), 1);
    check_usable(&w, &c); /* in the same process */
    read_key(&w, "root.key", &after);
    assert_non_null(strstr(buf_str(&after), report.new_id));
    assert_false(slice_eq(buf_slice(&before), buf_slice(&after)));
    assert_false(is_there(&w, "root.key.next"));
    world_again(&w, WORLD_NOW, STATE_SHARED);
    check_usable(&w, &c);
    cluster_clear(&c);
    world_end(&w);
}

static void test_reseal(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    struct root_key_report report;
    struct world_audit audit = { .action = "root-key.reseal" };

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    world_again(&w, WORLD_NOW, STATE_EXCLUSIVE);
    for (int i = 0; i < 2; i++) {
        rotate(&w, true, &report);
        assert_int_equal(report.rewrapped, 7);
        assert_int_equal(report.resealed, 5 + 1 + 1);
        assert_false(report.resumed);
        check_usable(&w, &c);
    }
    assert_int_equal(world_audited(&w, &audit), 2);
    world_again(&w, WORLD_NOW, STATE_SHARED);
    check_usable(&w, &c);
    cluster_clear(&c);
    world_end(&w);
}

static int start_reseal_in(struct store_tx *tx, void *ctx, struct err *e)
{
    (void)ctx;
    return store_setting_put(tx, "reseal", slice_str("start"), e);
}

/* Cut short behind the rotation: the same command goes on, without another root key. */
static void test_reseal_resumed(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    struct root_key_report report;
    struct err e = { 0 };

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    world_again(&w, WORLD_NOW, STATE_EXCLUSIVE);
    assert_int_equal(store_write(pki_store(w.pki), start_reseal_in, NULL, &e), 0);
    rotate(&w, true, &report);
    assert_true(report.resumed);
    assert_string_equal(report.old_id, report.new_id);
    assert_int_equal(report.resealed, 7);
    assert_int_equal(store_write(pki_store(w.pki), start_reseal_in, NULL, &e), 0);
    rotate(&w, false, &report); /* a new root key, and what was begun is finished */
    assert_true(report.resumed);
    assert_int_equal(report.rewrapped, 7);
    assert_int_equal(report.resealed, 7);
    rotate(&w, false, &report);
    assert_false(report.resumed);
    check_usable(&w, &c);
    cluster_clear(&c);
    world_end(&w);
}

/* ---- cut short ---- */

static void test_next_is_taken(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    struct root_key_report report;
    CLEANUP(buf_clear) struct buf old = { 0 };
    CLEANUP(buf_clear) struct buf new = { 0 };

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    world_again(&w, WORLD_NOW, STATE_EXCLUSIVE);
    read_key(&w, "root.key", &old);
    rotate(&w, false, &report);
    read_key(&w, "root.key", &new);
    /* as it is between commit and rename */
    write_key(&w, "root.key.next", buf_slice(&new));
    write_key(&w, "root.key", buf_slice(&old));
    world_again(&w, WORLD_NOW, STATE_SHARED);
    check_usable(&w, &c);
    assert_false(is_there(&w, "root.key.next"));
    read_key(&w, "root.key", &old);
    assert_true(slice_eq(buf_slice(&old), buf_slice(&new)));
    /* before the commit: the next one is nobody's, and a new rotation replaces it */
    write_key(&w, "root.key.next", slice_str("garbage"));
    world_again(&w, WORLD_NOW, STATE_EXCLUSIVE);
    check_usable(&w, &c);
    assert_true(is_there(&w, "root.key.next"));
    rotate(&w, false, &report);
    assert_false(is_there(&w, "root.key.next"));
    check_usable(&w, &c);
    cluster_clear(&c);
    world_end(&w);
}

/* ---- missing, corrupt, swapped ---- */

static void refuses(struct world *w, const char *says)
{
    struct err e = { 0 };

    world_stop(w);
    if (!world_try(w, WORLD_NOW, STATE_SHARED, &e))
        fail_msg("it opened");
    if (e.code != ERR_CORRUPT || !strstr(e.msg, says) || !strstr(e.msg, "restore a backup"))
        fail_msg("%d, \"%s\"", e.code, e.msg);
}

static void test_damaged_key(void **state)
{
    struct world w, other;
    struct cluster c = { 0 };
    CLEANUP(buf_clear) struct buf good = { 0 };
    CLEANUP(buf_clear) struct buf bad = { 0 };
    struct err e = { 0 };

    (void)state;
    world_start(&w);
    world_start(&other);
    world_cluster(&w, WORLD_CLUSTER, &c);
    read_key(&w, "root.key", &good);

    unlink(path_of(&w, "root.key"));
    refuses(&w, "root.key' is missing");
    assert_false(is_there(&w, "root.key")); /* none is made in its place */
    write_key(&w, "root.key", slice_str(""));
    refuses(&w, "root.key");
    write_key(&w, "root.key", slice_str("hello"));
    refuses(&w, "root.key");
    for (size_t i = 0; i < good.len; i += 5) {
        buf_reset(&bad);
        buf_add_slice(&bad, buf_slice(&good));
        bad.ptr[i] ^= 1;
        write_key(&w, "root.key", buf_slice(&bad));
        refuses(&w, "root.key");
    }
    read_key(&other, "root.key", &bad);
    write_key(&w, "root.key", buf_slice(&bad));
    refuses(&w, "the store is sealed under");
    write_key(&w, "root.key", buf_slice(&good));
    if (world_try(&w, WORLD_NOW, STATE_SHARED, &e))
        fail_msg("%s", e.msg);
    check_usable(&w, &c);
    cluster_clear(&c);
    world_end(&w);
    world_end(&other);
}

/* A store that was lost is not made anew over the key that its backups need. */
static void test_store_lost(void **state)
{
    struct world w;
    struct err e = { 0 };

    (void)state;
    world_start(&w);
    world_stop(&w);
    unlink(path_of(&w, "store.db"));
    unlink(path_of(&w, "store.db-wal"));
    unlink(path_of(&w, "store.db-shm"));
    assert_int_equal(world_try(&w, WORLD_NOW, STATE_SHARED, &e), 0);
    assert_int_equal(world_write(&w, world_nothing, NULL, &e), -1);
    assert_int_equal(e.code, ERR_CORRUPT);
    assert_non_null(strstr(e.msg, "empty store"));
    assert_true(is_there(&w, "root.key"));
    assert_false(is_there(&w, "root.key.next"));
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotate),         cmocka_unit_test(test_reseal),
        cmocka_unit_test(test_reseal_resumed), cmocka_unit_test(test_next_is_taken),
        cmocka_unit_test(test_damaged_key),    cmocka_unit_test(test_store_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
