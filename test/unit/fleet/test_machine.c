#include "base/clock.h"
#include "expect.h"
#include "fleet/machine.h"

#include "../pki/world.h"

#define KEY_A "aaaa"
#define KEY_B "bbbb"

/* A machine that was invited, and its token. */
static void invite(struct enrolment *n, struct buf *token)
{
    struct machine m = { .name = "w1" };

    snprintf(m.uid, sizeof m.uid, "01234567890123456789abcdef");
    *n = (struct enrolment){ .state = ENROLMENT_NONE };
    enrolment_invite(n, &m, WORLD_NOW + 3600, token);
}

static struct enrolment_cert cert_of(const char *uid, const char *key)
{
    struct enrolment_cert c = { .not_after = WORLD_NOW + 86400 };

    snprintf(c.uid, sizeof c.uid, "%s", uid);
    snprintf(c.serial, sizeof c.serial, "%s", uid);
    snprintf(c.key, sizeof c.key, "%s", key);
    return c;
}

/* ---- the token ---- */

static void test_token(void **state)
{
    CLEANUP(buf_clear) struct buf token = { 0 };
    CLEANUP(buf_clear) struct buf other = { 0 };
    struct enrolment n, m;
    char uid[UID_TEXT];

    (void)state;
    invite(&n, &token);
    invite(&m, &other);
    assert_int_equal(n.state, ENROLMENT_INVITED);
    assert_false(slice_eq(buf_slice(&token), buf_slice(&other)));
    assert_int_equal(token.len, 26 + 1 + 43);
    assert_int_equal(strlen(n.token), 64);
    assert_null(strstr(buf_str(&token), n.token));
    assert_int_equal(join_token_machine(uid, buf_str(&token), NULL), 0);
    assert_string_equal(uid, n.machine_uid);
}

static const char *const no_tokens[] = {
    "",
    "x",
    "01234567890123456789abcdef",
    "01234567890123456789abcdeF.x",
    "0123456789012345678/abcdef.x",
    "01234567890123456789abcde.xx",
};

static void test_no_token(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(no_tokens); i++) {
        struct err e = { 0 };
        char uid[UID_TEXT];

        expect(no_tokens[i], join_token_machine(uid, no_tokens[i], &e), &e, ERR_REFUSED,
               "no join token");
    }
}

/* What was done before a key comes with a token, and what it is told. */
static void test_admit(void **state)
{
    static const struct {
        const char *label;
        const char *used_by; /* a key that joined with it before */
        bool alive;          /* and was seen with its certificate */
        bool again;          /* invited anew since */
        enum enrolment_state state;
        const char *key;
        int64_t later;
        enum err_code want;
        const char *says;
    } cases[] = {
        { "the first", NULL, false, false, ENROLMENT_INVITED, KEY_A, 0, ERR_NONE, NULL },
        { "the last second", NULL, false, false, ENROLMENT_INVITED, KEY_A, 3599, ERR_NONE, NULL },
        { "too late", NULL, false, false, ENROLMENT_INVITED, KEY_A, 3600, ERR_REFUSED, "expired" },
        { "another key", KEY_A, false, false, ENROLMENT_JOINED, KEY_B, 0, ERR_REFUSED,
          "another key" },
        { "the answer was lost", KEY_A, false, false, ENROLMENT_JOINED, KEY_A, 0, ERR_NONE, NULL },
        { "it was not lost", KEY_A, true, false, ENROLMENT_JOINED, KEY_A, 0, ERR_REFUSED,
          "used already" },
        { "an older token", NULL, false, true, ENROLMENT_INVITED, KEY_A, 0, ERR_REFUSED, "newer" },
        { "removed", NULL, false, false, ENROLMENT_REMOVED, KEY_A, 0, ERR_REFUSED, "removed" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_clear) struct buf token = { 0 };
        CLEANUP(buf_clear) struct buf newer = { 0 };
        struct machine m = { .name = "w1" };
        struct err e = { 0 };
        struct enrolment n;
        bool changed;

        invite(&n, &token);
        if (cases[i].used_by) {
            struct enrolment_cert cert = cert_of("c1", cases[i].used_by);

            enrolment_join(&n, &cert, WORLD_NOW);
        }
        if (cases[i].alive)
            assert_int_equal(enrolment_use(&n, "c1", "i-1", &changed, NULL), 0);
        if (cases[i].again)
            enrolment_invite(&n, &m, WORLD_NOW + 3600, &newer);
        n.state = cases[i].state;
        expect(cases[i].label,
               enrolment_admit(&n, buf_str(&token), cases[i].key, WORLD_NOW + cases[i].later, &e),
               &e, cases[i].want, cases[i].says);
    }
}

/* ---- certificates ---- */

static void use(const char *label, struct enrolment *n, const char *cert, const char *instance,
                enum err_code want, const char *says)
{
    struct err e = { 0 };
    bool changed, settled = enrolment_settled(n, cert, instance);
    int rc = enrolment_use(n, cert, instance, &changed, &e);

    expect(label, rc, &e, want, says);
    if (settled && (rc || changed))
        fail_msg("%s: it was to be settled", label);
}

static void test_certificates(void **state)
{
    CLEANUP(buf_clear) struct buf token = { 0 };
    struct enrolment_cert first = cert_of("c1", KEY_A), second = cert_of("c2", KEY_B),
                          third = cert_of("c3", KEY_B);
    struct enrolment n;

    (void)state;
    invite(&n, &token);
    use("before it joined", &n, "c1", "i-1", ERR_REFUSED, "has not joined");
    use("no certificate", &n, "", "i-1", ERR_REFUSED, "has not joined");
    enrolment_join(&n, &first, WORLD_NOW);
    use("none, when there is one", &n, "", "i-1", ERR_REFUSED, "replaced");
    use("the first", &n, "c1", "i-1", ERR_NONE, NULL);
    use("again", &n, "c1", "i-1", ERR_NONE, NULL);
    assert_true(enrolment_settled(&n, "c1", "i-1"));
    assert_false(enrolment_settled(&n, "c2", "i-1"));
    n.next = second;
    use("renewed, not used", &n, "c1", "i-1", ERR_NONE, NULL);
    use("renewed, used", &n, "c2", "i-1", ERR_NONE, NULL);
    use("the one before", &n, "c1", "i-1", ERR_REFUSED, "replaced");
    enrolment_join(&n, &third, WORLD_NOW);
    use("joined again: the old one is refused at once", &n, "c2", "i-1", ERR_REFUSED, "replaced");
    use("the new one", &n, "c3", "i-9", ERR_NONE, NULL);
    use("a bad name", &n, "c3", "I 9", ERR_INVALID, "instance");
    use("no name", &n, "c3", "", ERR_INVALID, "instance");
}

/* ---- clones ---- */

static void test_clone(void **state)
{
    CLEANUP(buf_clear) struct buf token = { 0 };
    struct enrolment_cert cert = cert_of("c1", KEY_A);
    struct enrolment n;
    struct err e = { 0 };

    (void)state;
    invite(&n, &token);
    enrolment_join(&n, &cert, WORLD_NOW);
    assert_int_equal(enrolment_approve(&n, &e), -1);
    use("the machine", &n, "c1", "i-1", ERR_NONE, NULL);
    use("restarted", &n, "c1", "i-2", ERR_NONE, NULL);
    use("restarted again", &n, "c1", "i-3", ERR_NONE, NULL);
    use("and on", &n, "c1", "i-3", ERR_NONE, NULL);
    use("the one before the last lives", &n, "c1", "i-1", ERR_REFUSED, "cloned");
    assert_int_equal(n.state, ENROLMENT_BLOCKED);
    use("so both are blocked", &n, "c1", "i-3", ERR_REFUSED, "node approve");
    use("both", &n, "c1", "i-1", ERR_REFUSED, "node approve");
    assert_int_equal(enrolment_approve(&n, NULL), 0);
    use("approved: the first to come", &n, "c1", "i-1", ERR_NONE, NULL);
    use("the clone still lives", &n, "c1", "i-3", ERR_NONE, NULL);
    use("and is found again", &n, "c1", "i-1", ERR_REFUSED, "cloned");
}

/* ---- the record ---- */

struct round {
    struct cluster *c;
    struct enrolment n;
};

static int save_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct round *r = ctx;

    return enrolment_save(w, r->c, &r->n, e);
}

static int load_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct round *r = ctx;

    return enrolment_load(tx, r->c, "w1", &r->n, e);
}

static void load(struct world *w, struct round *r)
{
    struct err e = { 0 };

    memset(&r->n, 0, sizeof r->n);
    if (store_read(pki_store(w->pki), load_in, r, &e))
        fail_msg("%s", e.msg);
}

static void test_record(void **state)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(buf_clear) struct buf token = { 0 };
    struct round r = { .c = &c };
    struct enrolment_cert cert = cert_of("c1", KEY_A);
    struct enrolment kept;
    struct world w;
    struct err e = { 0 };
    bool changed;

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    load(&w, &r);
    assert_int_equal(r.n.state, ENROLMENT_NONE);
    enrolment_invite(&r.n, cluster_machine(&c, "w1"), WORLD_NOW + 60, &token);
    enrolment_join(&r.n, &cert, WORLD_NOW);
    assert_int_equal(enrolment_use(&r.n, "c1", "i-1", &changed, NULL), 0);
    assert_int_equal(enrolment_use(&r.n, "c1", "i-2", &changed, NULL), 0);
    r.n.next = cert_of("c2", KEY_B);
    r.n.cordoned = true;
    r.n.renew = 7;
    for (int i = 0; i < 2; i++) { /* inserted, updated */
        if (world_write(&w, save_in, &r, &e))
            fail_msg("%s", e.msg);
        kept = r.n;
        load(&w, &r);
        assert_memory_equal(&kept, &r.n, sizeof kept);
    }
    world_end(&w);
}

static void test_expiry(void **state)
{
    int64_t at;

    (void)state;
    assert_int_equal(enrolment_expiry(100, 3600, &at, NULL), 0);
    assert_int_equal(at, 3700);
    assert_int_equal(enrolment_expiry(100, 59, &at, NULL), -1);
    assert_int_equal(enrolment_expiry(100, DAYS(30) + 1, &at, NULL), -1);
}

/* ---- machines of the specification ---- */

struct change {
    struct cluster *c;
    const char *text;
    unsigned role; /* 0: remove */
    bool made;
};

static int change_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct change *ch = ctx;

    cluster_clear(ch->c);
    if (cluster_load(w->tx, "demo", ch->c, e))
        return -1;
    if (!ch->role)
        return cluster_remove_machine(w, ch->c, ch->text, e);
    return cluster_add_machine(w, ch->c, ch->text, ch->role, &ch->made, e);
}

static void test_machines(void **state)
{
    static const struct {
        const char *text;
        unsigned role;
        enum err_code want;
        const char *says;
        bool made;
        size_t count;
    } steps[] = {
        { "w2=10.0.0.22", MACHINE_WORKER, ERR_NONE, NULL, true, 6 },
        { "w2=10.0.0.22", MACHINE_WORKER, ERR_NONE, NULL, false, 6 },
        { "w2", MACHINE_WORKER, ERR_NONE, NULL, false, 6 },
        { "w2", MACHINE_ETCD, ERR_CONFLICT, "another role", false, 0 },
        { "w2=10.0.0.23", MACHINE_WORKER, ERR_CONFLICT, "10.0.0.23", false, 0 },
        { "w3", MACHINE_WORKER, ERR_NOT_FOUND, "MACHINE=ADDRESS", false, 0 },
        { "w3=10.0.0.22", MACHINE_WORKER, ERR_INVALID, "is given to", false, 0 },
        { "kubernetes=10.0.0.30", MACHINE_WORKER, ERR_INVALID, "reserved", false, 0 },
        { "e3=10.0.0.13", MACHINE_ETCD, ERR_NONE, NULL, true, 7 },
        { "cp1", 0, ERR_NONE, NULL, false, 6 },
        { "cp2", 0, ERR_REFUSED, "the last one of the control plane", false, 0 },
        { "nobody", 0, ERR_NOT_FOUND, "no machine", false, 0 },
        { "w1", 0, ERR_NONE, NULL, false, 5 },
        { "w1=10.0.0.21", MACHINE_WORKER, ERR_NONE, NULL, true, 6 },
    };
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    struct world w;

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        CLEANUP(cluster_clear) struct cluster now = { 0 };
        struct change ch = { .c = &now, .text = steps[i].text, .role = steps[i].role };
        struct err e = { 0 };
        int rc = world_write(&w, change_in, &ch, &e);

        expect(steps[i].text, rc, &e, steps[i].want, steps[i].says);
        if (rc)
            continue;
        if (ch.made != steps[i].made || now.machine_count != steps[i].count)
            fail_msg("step %zu, %s: %zu machines", i, steps[i].text, now.machine_count);
    }
    world_end(&w);
}

/* A machine for etcd alone would end the members of a stacked cluster. */
static void test_stacked(void **state)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(cluster_clear) struct cluster now = { 0 };
    struct change ch = { .c = &now, .text = "e1=10.0.0.9", .role = MACHINE_ETCD };
    struct err e = { 0 };
    struct world w;

    (void)state;
    world_start(&w);
    world_cluster(
        &w,
        "{\"name\":\"demo\",\"endpoint\":\"10.0.0.1:6443\",\"control_plane\":[\"cp1=10.0.0."
        "1\"],\"service_account_key_type\":\"p256\"}",
        &c);
    expect("etcd", world_write(&w, change_in, &ch, &e), &e, ERR_REFUSED, "take it away");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token),   cmocka_unit_test(test_no_token),
        cmocka_unit_test(test_admit),   cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_clone),   cmocka_unit_test(test_record),
        cmocka_unit_test(test_expiry),  cmocka_unit_test(test_machines),
        cmocka_unit_test(test_stacked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
