#include "base/alloc.h"
#include "csr.h"
#include "pki/state_check.h"
#include "sql.h"
#include "world.h"

/* Each class of damage, done to a good installation behind its back, is seen and named. */

/* A cluster and three certificates, of etcd's authority, the control plane's and the operators'. */
static void start(struct world *w)
{
    static const struct issue_order orders[] = {
        { .profile = "etcd-server", .machine = "cp1" },
        { .profile = "apiserver", .machine = "cp1" },
        { .profile = "operator", .user = "ann" },
    };
    CLEANUP(cluster_clear) struct cluster c = { 0 };

    world_start(w);
    world_cluster(w, WORLD_CLUSTER, &c);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        CLEANUP(buf_clear) struct buf csr = { 0 };
        struct world_issue issuing = { .c = &c, .order = orders[i] };
        struct err e = { 0 };

        csr_make(&csr, &(struct csr_spec){ .key = "p256" });
        issuing.order.csr = buf_slice(&csr);
        if (world_write(w, world_issue_in, &issuing, &e))
            fail_msg("%s", e.msg);
        issued_clear(&issuing.issued);
    }
}

static void damage(const char *dir, const char *sql)
{
    CLEANUP(freep) char *path = xasprintf("%s/store.db", dir);

    if (run_sql(path, sql) == 0)
        fail_msg("%s: changed nothing", sql);
}

/* "check: subject: text" of every fault. */
struct faults {
    struct buf text;
};

static void take(const struct state_fault *fault, void *ctx)
{
    struct faults *f = ctx;

    buf_addf(&f->text, "%s: %s: %s\n", fault->check, fault->subject, fault->text);
}

static int check(struct world *w, struct faults *f, struct state_report *report, struct err *e)
{
    *report = (struct state_report){ 0 };
    return state_check(&w->request, take, f, report, e);
}

static void test_good(void **state)
{
    CLEANUP(world_end) struct world w;
    struct faults f = { .text = { 0 } };
    struct state_report report;
    struct err e = { 0 };

    (void)state;
    start(&w);
    if (check(&w, &f, &report, &e))
        fail_msg("%s", e.msg);
    assert_string_equal(buf_str(&f.text), "");
    assert_int_equal(report.faults, 0);
    assert_int_equal(report.certificates, 5 + 3);
    /* five authorities, a service-account key; their data keys and that of the keeper's own */
    assert_int_equal(report.sealed, 6 + 7);
    assert_true(report.audit_records >= 8);
    /* cluster, 5 machines, 5 each of authority, CA, generation, data key; 3 certificates, and
     * the service-account key, the keeper's key and a data key for each */
    assert_int_equal(report.records, 1 + 5 + 4 * 5 + 3 + 4);
    buf_clear(&f.text);
}

#define GENERATION(role)                                                                           \
    "(SELECT body FROM record WHERE kind='generation' AND body->>'authority'='" role "')"
#define OF(role) " WHERE kind='generation' AND body->>'authority'='" role "';"
#define SET(member, value) "UPDATE record SET body=json_set(body,'$." member "'," value ")"

/* clang-format off */
static const struct {
    const char *label, *sql, *want; /* begins a line of the faults */
} cases[] = {
    { "a sealed key of another",     SET("sealed", GENERATION("etcd") "->>'sealed'") OF("kubelet"),
      "sealed: cluster demo, generation " },
    { "a sealed key cut short",      SET("sealed", "substr(body->>'sealed',1,100)") OF("etcd"),
      "sealed: cluster demo, generation " },
    { "a sealed key that is none",   SET("sealed", "'***'") OF("etcd"),
      "store: cluster demo, generation " },
    { "the certificate of another",  SET("der", GENERATION("etcd") "->>'der'") OF("kubelet"),
      "key: cluster demo, generation " },
    { "no data key",                 "DELETE FROM record WHERE kind='data-key' AND name LIKE 'authority/%' AND id=(SELECT max(id) FROM record WHERE kind='data-key');",
      "sealed: cluster demo, generation " },
    { "a data key of another",       SET("wrapped", "(SELECT body->>'wrapped' FROM record WHERE kind='data-key' AND name='kind/keeper')")
                                     " WHERE kind='data-key' AND name LIKE 'authority/%' AND id=(SELECT max(id) FROM record WHERE kind='data-key');",
      "sealed: data key authority/" },
    { "a data key for nothing",      "UPDATE record SET name='authority/x', body=json_set(body,'$.subject','x') WHERE kind='data-key' AND name='kind/service-account-key';",
      "orphan: data key authority/x: " },
    { "a data key for no kind",      "UPDATE record SET name='kind/tea', body=json_set(body,'$.subject','tea') WHERE kind='data-key' AND name='kind/service-account-key';",
      "orphan: data key kind/tea: " },
    { "a data key under a name",     "UPDATE record SET name='kind/other' WHERE kind='data-key' AND name='kind/service-account-key';",
      "store: data key kind/other: " },
    { "a service-account key",       SET("sealed", "'AAAA'") " WHERE kind='service-account-key';",
      "sealed: cluster demo, service-account key 1: " },
    { "another public key",          SET("public", "'x'") " WHERE kind='service-account-key';",
      "key: cluster demo, service-account key 1: " },
    { "no authority",                "DELETE FROM record WHERE kind='authority' AND name='etcd';",
      "orphan: cluster demo, authority etcd: " },
    { "no CA",                       "DELETE FROM record WHERE kind='ca' AND id=(SELECT max(id) FROM record WHERE kind='ca');",
      "orphan: cluster demo, authority " },
    { "a CA of nobody",              "DELETE FROM record WHERE kind='authority' AND name='etcd';",
      "orphan: cluster demo, CA " },
    { "no generation",               "DELETE FROM record" OF("etcd"),
      "orphan: cluster demo, CA " },
    { "no generation of a data key", "DELETE FROM record" OF("etcd"),
      "orphan: data key authority/" },
    { "no generation of a leaf",     "DELETE FROM record" OF("etcd"),
      "orphan: cluster demo, certificate " },
    { "a generation of nobody",      "UPDATE record SET body=json_set(body,'$.generations',json('[]'),'$.issuing',NULL) WHERE kind='ca' AND id=(SELECT max(id) FROM record WHERE kind='ca');",
      "orphan: cluster demo, generation " },
    { "a CA without generation",     "UPDATE record SET body=json_set(body,'$.generations',json('[]'),'$.issuing',NULL) WHERE kind='ca' AND id=(SELECT max(id) FROM record WHERE kind='ca');",
      "store: cluster demo, CA " },
    { "another issuing",             SET("issuing", "'x'") " WHERE kind='ca';",
      "store: cluster demo, CA " },
    { "no cluster",                  "DELETE FROM record WHERE kind='cluster';",
      "orphan: machine cp1: " },
    { "no machine",                  "DELETE FROM record WHERE kind='machine' AND name='cp2';",
      "store: cluster demo, its description: " },
    { "a leaf of another authority", "UPDATE record SET issuer_serial=substr(issuer_serial,1,instr(issuer_serial,'/'))||"
                                     "(SELECT body->>'skid' FROM record WHERE kind='generation' AND body->>'authority'='kubelet') WHERE kind='certificate';",
      "chain: cluster demo, certificate " },
    { "a leaf with another's body",  "UPDATE record SET body=(SELECT r.body FROM record r WHERE r.kind='certificate' AND r.id<>record.id) WHERE kind='certificate';",
      "chain: cluster demo, certificate " },
    { "another fingerprint",         "UPDATE record SET fingerprint='00' WHERE kind='certificate';",
      "store: cluster demo, certificate " },
    { "another serial",              "UPDATE record SET issuer_serial='00'||issuer_serial WHERE kind='certificate';",
      "store: cluster demo, certificate " },
    { "another end",                 "UPDATE record SET expires=expires+1 WHERE kind='certificate';",
      "store: cluster demo, certificate " },
    { "a leaf that is none",         SET("der", "'AAAA'") " WHERE kind='certificate';",
      "store: cluster demo, certificate " },
    { "a body that is no JSON",      "UPDATE record SET body='{' WHERE kind='certificate';",
      "store: cluster demo, certificate " },
    { "no service-account key",      "DELETE FROM record WHERE kind='service-account-key';",
      "orphan: cluster demo, service-account key: the cluster has no service-account key" },
    { "no authority at all",         "DELETE FROM record WHERE kind IN ('authority','ca','generation');",
      "orphan: cluster demo, authority etcd: the cluster has no such authority" },
    { "an authority with all of it", "DELETE FROM record WHERE kind='ca' AND uid=(SELECT body->>'ca' FROM record WHERE kind='authority' AND name='kubelet');"
                                     "DELETE FROM record WHERE kind='data-key' AND name=(SELECT 'authority/'||uid FROM record WHERE kind='generation' AND body->>'authority'='kubelet');"
                                     "DELETE FROM record" OF("kubelet") "DELETE FROM record WHERE kind='authority' AND name='kubelet';",
      "orphan: cluster demo, authority kubelet: the cluster has no such authority" },
    { "no last machine",             "DELETE FROM record WHERE kind='machine' AND name='w1';",
      "orphan: cluster demo, machines: 1 of its 5 machines are missing" },
    { "no machine at all",           "DELETE FROM record WHERE kind='machine';",
      "orphan: cluster demo, machines: 5 of its 5 machines are missing" },
    { "a leaf of a machine of none", SET("machine", "'cp9'") " WHERE kind='certificate';",
      "orphan: cluster demo, certificate " },
    { "another subject",             SET("subject", "'CN=root'") " WHERE kind='certificate';",
      "record: cluster demo, certificate " },
    { "another not_after",           SET("not_after", "'2099-01-01T00:00:00Z'") " WHERE kind='certificate';",
      "record: cluster demo, certificate " },
    { "another not_before",          SET("not_before", "'2020-01-01T00:00:00Z'") " WHERE kind='certificate';",
      "record: cluster demo, certificate " },
    { "other names",                 SET("sans", "json('[]')") " WHERE kind='certificate';",
      "record: cluster demo, certificate " },
    { "another serial in its name",  "UPDATE record SET name=substr(name,1,instr(name,'/'))||'0'||id WHERE kind='certificate';",
      "record: cluster demo, certificate " },
    { "another user",                SET("user", "'bob'") " WHERE kind='certificate' AND body->>'user'='ann';",
      "record: cluster demo, certificate " },
    { "no user",                     "UPDATE record SET body=json_remove(body,'$.user') WHERE kind='certificate' AND body->>'user'='ann';",
      "record: cluster demo, certificate " },
    { "other groups",                SET("groups", "json('[\"developers\"]')") " WHERE kind='certificate' AND body->>'user'='ann';",
      "record: cluster demo, certificate " },
    { "an issuing one withdrawn",    SET("state", "'withdrawn'") OF("etcd"),
      "record: cluster demo, CA " },
    { "an issuing one not so named", "UPDATE record SET body=json_set(body,'$.issuing',NULL) WHERE kind='ca';",
      "record: cluster demo, CA " },
    { "a second one that issues",    SET("generations", "json_array(body->'generations'->>0,(SELECT max(uid) FROM record WHERE kind='generation'))")
                                     " WHERE kind='ca' AND uid=(SELECT body->>'ca' FROM record WHERE kind='authority' AND name='etcd');",
      "record: cluster demo, CA " },
    { "an audit trail wiped",        "DELETE FROM audit;",
      "audit: record 1: cut-off: the trail is empty" },
    { "an audit trail begun anew",   "UPDATE audit SET bytes=CAST(replace(CAST(bytes AS TEXT),'installation.create','cluster.create') AS BLOB) WHERE kind=0 AND sequence=1;",
      "audit: record 1: cut-off: the trail does not begin with installation.create" },
    { "an audit record edited",      "UPDATE audit SET bytes=CAST(replace(CAST(bytes AS TEXT),'granted','refused') AS BLOB) WHERE kind=0 AND sequence=2;",
      "audit: record " },
    { "the last audit record gone",  "DELETE FROM audit WHERE kind=0 AND sequence=(SELECT max(sequence) FROM audit WHERE kind=0);",
      "audit: record " },
    { "an audit record gone",        "DELETE FROM audit WHERE kind=0 AND sequence=3;",
      "audit: record " },
    { "an index that is short",      "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql=replace(sql,'IS NOT NULL','IS NULL') WHERE name='record_fingerprint';",
      "store: store.db: " },
};
/* clang-format on */

static void test_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(world_end) struct world w;
        struct faults f = { .text = { 0 } };
        CLEANUP(freep) char *line = xasprintf("\n%s", cases[i].want);
        struct state_report report;
        struct err e = { 0 };

        buf_add_byte(&f.text, '\n');
        start(&w);
        world_stop(&w);
        damage(w.dir, cases[i].sql);
        if (world_try(&w, WORLD_NOW, STATE_SHARED, &e) || check(&w, &f, &report, &e))
            fail_msg("%s: %s", cases[i].label, e.msg);
        if (!strstr(buf_str(&f.text), line))
            fail_msg("%s: no '%s' among:%s", cases[i].label, cases[i].want, buf_str(&f.text));
        assert_true(report.faults > 0);
        buf_clear(&f.text);
    }
}

static void wiped(struct world *w)
{
    start(w);
    world_stop(w);
    damage(w->dir, "DELETE FROM audit;");
}

/* No new trail begins in silence behind one that was wiped. */
static void test_wiped(void **state)
{
    CLEANUP(world_end) struct world w;
    struct err e = { 0 };

    (void)state;
    wiped(&w);
    assert_int_equal(world_try(&w, WORLD_NOW, STATE_SHARED, &e), 0);
    assert_int_equal(world_write(&w, world_nothing, NULL, &e), -1);
    assert_int_equal(e.code, ERR_CORRUPT);
    assert_non_null(strstr(e.msg, "state restore"));
}

/* One line for what is the same fault of the same authority. */
static void test_grouped(void **state)
{
    CLEANUP(world_end) struct world w;
    struct faults f = { .text = { 0 } };
    struct state_report report;
    struct err e = { 0 };

    (void)state;
    start(&w);
    world_stop(&w);
    damage(w.dir, "UPDATE record SET issuer_serial=substr(issuer_serial,1,instr(issuer_serial,'/'))"
                  "||'00' WHERE kind='certificate';");
    assert_int_equal(world_try(&w, WORLD_NOW, STATE_SHARED, &e), 0);
    assert_int_equal(check(&w, &f, &report, &e), 0);
    if (report.faults != 1 || !strstr(buf_str(&f.text), "its authority is not there (and 2 more)"))
        fail_msg("%s", buf_str(&f.text));
    buf_clear(&f.text);
}

/* ---- what keeps it from opening: pki_open names it ---- */

static void write_key(const char *dir, const char *text)
{
    CLEANUP(freep) char *path = xasprintf("%s/root.key", dir);

    write_bytes(path, text, strlen(text));
}

static void lose_key(const char *dir)
{
    CLEANUP(freep) char *path = xasprintf("%s/root.key", dir);

    assert_int_equal(unlink(path), 0);
}

static void spoil_key(const char *dir)
{
    write_key(dir, "poterne-root-key v1\nid 00\nkey AAAA\n");
}

static void swap_key(const char *dir)
{
    CLEANUP(secret_clear) struct secret file = { 0 };
    CLEANUP(freep) char *text = NULL;
    char id[ROOT_KEY_ID];
    struct err e = { 0 };

    assert_int_equal(keeper_root_key_new(&file, id, &e), 0);
    text = slice_dup(secret_slice(&file));
    write_key(dir, text);
}

static void cut_store(const char *dir)
{
    CLEANUP(freep) char *path = xasprintf("%s/store.db", dir);

    assert_int_equal(truncate(path, 10000), 0);
}

static void lose_identity(const char *dir)
{
    damage(dir, "DELETE FROM record WHERE kind='keeper';");
}

static void spoil_identity(const char *dir)
{
    damage(dir, SET("sealed", "'AAAA'") " WHERE kind='keeper';");
}

static void test_unopened(void **state)
{
    static const struct {
        const char *label;
        void (*damage)(const char *dir);
        const char *want;
    } rows[] = {
        { "no root key", lose_key, "root.key" },
        { "a root key that is none", spoil_key, "root" },
        { "another root key", swap_key, "root key" },
        { "half a store", cut_store, "store" },
        { "no key of the keeper", lose_identity, "keeper" },
        { "a key of the keeper that does not open", spoil_identity, "keeper" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(world_end) struct world w;
        struct err e = { 0 };

        start(&w);
        if (store_scrub(pki_store(w.pki), &e))
            fail_msg("%s", e.msg);
        world_stop(&w);
        rows[i].damage(w.dir);
        if (!world_try(&w, WORLD_NOW, STATE_SHARED, &e))
            fail_msg("%s: opens", rows[i].label);
        if (e.code != ERR_CORRUPT || !strstr(e.msg, rows[i].want))
            fail_msg("%s: code %d, %s", rows[i].label, (int)e.code, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),     cmocka_unit_test(test_damage),
        cmocka_unit_test(test_wiped),    cmocka_unit_test(test_grouped),
        cmocka_unit_test(test_unopened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
