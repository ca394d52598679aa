#include "expect.h"
#include "fleet/component.h"
#include "fleet/desired.h"
#include "fleet/lease.h"
#include "fleet/status.h"

#include "../pki/world.h"

/* ---- desired state ---- */

struct wish {
    struct world *w;
    struct cluster *c;
    struct enrolment n;
    struct buf out;
    char scope[64];
    int64_t sequence;
};

static int wish_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct wish *wish = ctx;

    wish->sequence = store_sequence(tx);
    buf_reset(&wish->out);
    return desired_write(&wish->w->request, tx, wish->c, &wish->n, &wish->out, e);
}

static void read_wish(struct wish *wish, const char *machine, const char *layout, struct json **doc)
{
    struct err e = { 0 };

    snprintf(wish->n.machine, sizeof wish->n.machine, "%s", machine);
    snprintf(wish->n.layout, sizeof wish->n.layout, "%s", layout);
    if (store_read(pki_store(wish->w->pki), wish_in, wish, &e) ||
        json_parse(doc, buf_slice(&wish->out), &(struct json_limits){ .bytes = BUF_MAX }, &e))
        fail_msg("%s %s: %s", machine, layout, e.msg);
}

static const struct json_value *row_of(const struct json *doc, const char *list, const char *key,
                                       const char *value)
{
    struct json_iter it = json_iter(json_get(json_root(doc), list));
    const struct json_value *row;
    const char *name;

    while (json_next(&it, &name, &row))
        if (slice_eq_str(json_slice(json_get(row, key)), value))
            return row;
    return NULL;
}

static void test_desired(void **state)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(json_freep) struct json *files = NULL;
    CLEANUP(json_freep) struct json *embedded = NULL;
    CLEANUP(json_freep) struct json *worker = NULL;
    struct world w;
    struct wish wish = { .w = &w, .c = &c };
    const struct json_value *row;

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    read_wish(&wish, "cp1", "systemd", &files);
    assert_int_equal(json_int(json_get(json_root(files), "protocol"), 0), AGENT_PROTOCOL);
    assert_string_equal(json_text(json_get(json_root(files), "prefix")), "/etc/kubernetes");
    assert_string_equal(json_text(json_get(json_root(files), "address")), "10.0.0.1");
    assert_int_equal(json_int(json_get(json_root(files), "api_port"), 0), 6443);
    row = row_of(files, "leaves", "slot", "apiserver");
    assert_string_equal(json_text(json_path(row, "uses.0.component")), "kube-apiserver");
    assert_string_equal(json_text(json_path(row, "uses.0.take")), "live");
    assert_int_equal(json_int(json_path(row, "uses.0.port"), 0), 6443);
    assert_int_equal(json_int(json_get(row, "reload"), 0), 60);
    row = row_of(files, "leaves", "slot", "scheduler");
    assert_int_equal(json_int(json_get(row, "reload"), 0), 300);
    row = row_of(files, "secrets", "path", "pki/sa.key");
    assert_int_equal(json_len(json_get(row, "uses")), 2);
    assert_null(json_get(row, "text"));

    read_wish(&wish, "cp1", "kubeadm", &embedded); /* the pair is in the kubeconfig: a restart */
    row = row_of(embedded, "leaves", "slot", "scheduler");
    assert_null(json_get(row, "certificate"));
    assert_string_equal(json_text(json_path(row, "uses.0.take")), "restart");

    read_wish(&wish, "w1", "systemd", &worker);
    assert_int_equal(json_len(json_get(json_root(worker), "secrets")), 0);
    assert_int_equal(json_len(json_get(json_root(worker), "leaves")), 2);
    assert_null(memmem(wish.out.ptr, wish.out.len, "PRIVATE KEY", 11));
    buf_clear(&wish.out);
    world_end(&w);
}

static int differ_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct wish *wish = ctx;
    char revision[DESIRED_REVISION];

    (void)e;
    snprintf(revision, sizeof revision, "%lld-x", (long long)wish->sequence);
    return desired_may_differ(tx, wish->scope, revision) ? 1 : 0;
}

static bool differs(struct wish *wish)
{
    return store_read(pki_store(wish->w->pki), differ_in, wish, NULL) != 0;
}

static int save_status(struct pki_write *w, void *ctx, struct err *e)
{
    struct wish *wish = ctx;
    bool changed;

    return status_save(w, wish->c, "w1", &wish->out, &changed, e);
}

static int save_enrolment(struct pki_write *w, void *ctx, struct err *e)
{
    struct wish *wish = ctx;

    return enrolment_save(w, wish->c, &wish->n, e);
}

static void test_revision(void **state)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct world w;
    struct wish wish = { .w = &w, .c = &c };
    char a[DESIRED_REVISION], b[DESIRED_REVISION];

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    cluster_scope(&c, wish.scope);
    read_wish(&wish, "w1", "systemd", &doc);
    assert_false(differs(&wish));
    buf_reset(&wish.out);
    buf_add_str(&wish.out, "{\"items\":[]}");
    assert_int_equal(world_write(&w, save_status, &wish, NULL), 0);
    assert_false(differs(&wish));
    assert_int_equal(world_write(&w, save_enrolment, &wish, NULL), 0);
    assert_true(differs(&wish));
    wish.sequence = 1000000; /* of another store, or restored since */
    assert_true(differs(&wish));

    desired_revision(a, 5, slice_str("x"));
    desired_revision(b, 9, slice_str("x"));
    assert_true(desired_same(a, b));
    desired_revision(b, 5, slice_str("y"));
    assert_false(desired_same(a, b));
    assert_false(desired_same("", ""));
    buf_clear(&wish.out);
    world_end(&w);
}

/* ---- what agents say ---- */

static const struct {
    const char *label, *text;
    enum err_code want;
    const char *says;
} reports[] = {
    { "nothing to say", "{\"items\":[]}", ERR_NONE, "\"skew\":0" },
    { "no list", "{}", ERR_INVALID, "items" },
    { "no object", "[]", ERR_INVALID, "object" },
    { "an item that is none", "{\"items\":[1]}", ERR_INVALID, "objects" },
    { "a state of its own", "{\"items\":[{\"state\":\"great\"}]}", ERR_INVALID, "'state'" },
    { "a text that is none", "{\"items\":[{\"state\":\"stale\",\"path\":1}]}", ERR_INVALID,
      "'path'" },
    { "a clock ahead", "{\"clock\":1100,\"items\":[]}", ERR_NONE, "\"skew\":90" },
    { "a clock behind", "{\"clock\":900,\"items\":[]}", ERR_NONE, "\"skew\":-90" },
    { "a clock nearly right", "{\"clock\":1029,\"items\":[]}", ERR_NONE, "\"skew\":0" },
    { "controls", "{\"error\":\"a\\u001b[31mb\",\"items\":[]}", ERR_NONE, "a?[31mb" },
    { "members of others are dropped", "{\"x\":\"secret\",\"items\":[]}", ERR_NONE, NULL },
};

static void test_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
        CLEANUP(json_freep) struct json *doc = NULL;
        CLEANUP(buf_clear) struct buf body = { 0 };
        struct err e = { 0 };
        int rc;

        assert_int_equal(json_parse(&doc, slice_str(reports[i].text), NULL, &e), 0);
        rc = status_read(&body, json_root(doc), 1000, &e);
        expect(reports[i].label, rc, &e, reports[i].want, rc ? reports[i].says : NULL);
        if (!rc && reports[i].says && !strstr(buf_str(&body), reports[i].says))
            fail_msg("%s: %s", reports[i].label, buf_str(&body));
        if (!rc && strstr(buf_str(&body), "secret"))
            fail_msg("%s: kept", reports[i].label);
    }
}

static void test_status_limits(void **state)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct err e = { 0 };

    (void)state;
    buf_add_str(&text, "{\"items\":[");
    for (int i = 0; i <= STATUS_MAX_ITEMS; i++)
        buf_addf(&text, "%s{\"state\":\"stale\"}", i ? "," : "");
    buf_add_str(&text, "]}");
    assert_int_equal(json_parse(&doc, buf_slice(&text), NULL, &e), 0);
    expect("items", status_read(&body, json_root(doc), 0, &e), &e, ERR_LIMIT, "items");
}

/* ---- leases ---- */

static void test_lease(void **state)
{
    struct lease l = { .uid = "" };

    (void)state;
    assert_true(lease_take(&l, "cp1", 1000));
    assert_true(lease_take(&l, "cp1", 1001));
    assert_false(lease_take(&l, "cp2", 1002));
    lease_release(&l, "cp2");
    assert_false(lease_take(&l, "cp2", 1002));
    assert_true(lease_take(&l, "cp2", 1001 + LEASE_SECONDS)); /* cp1 is gone */
    lease_release(&l, "cp2");
    assert_true(lease_take(&l, "cp3", 1003));
    lease_stop(&l, "cp3", "not ready");
    assert_false(lease_take(&l, "cp3", 9999999));
    assert_false(lease_take(&l, "cp1", 9999999));
    lease_stop(&l, "cp1", "later");
    assert_string_equal(l.stopped, "cp3");
    assert_false(lease_resume(&l, "cp1"));
    assert_true(lease_resume(&l, "cp3"));
    assert_true(lease_take(&l, "cp1", 9999999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_desired), cmocka_unit_test(test_revision),
        cmocka_unit_test(test_status),  cmocka_unit_test(test_status_limits),
        cmocka_unit_test(test_lease),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
