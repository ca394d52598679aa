#include "../expect.h"
#include "csr.h"
#include "pki/installation.h"
#include "pki/operator.h"
#include "pki/record_body.h"
#include "pki/root_key.h"
#include "pki/state_check.h"
#include "world.h"

/* An installation with one cluster, and an operator's record as the store has it. */
struct stage {
    struct world w;
    struct cluster c;
    char anna[UID_TEXT];
};

static int put_anna(struct pki_write *w, void *ctx, struct err *e)
{
    struct stage *s = ctx;
    struct record r = { .kind = lend(KIND_OPERATOR),
                        .scope = lend("/"),
                        .name = lend("anna"),
                        .schema = 1,
                        .body = lend("{}") };

    if (store_insert(w->tx, &r, w->now, e))
        return -1;
    memcpy(s->anna, r.uid, sizeof s->anna);
    return 0;
}

static void stage_start(struct stage *s)
{
    struct err e = { 0 };

    *s = (struct stage){ 0 };
    world_start(&s->w);
    world_cluster(&s->w, WORLD_CLUSTER, &s->c);
    expect("anna", world_write(&s->w, put_anna, s, &e), &e, ERR_NONE, NULL);
}

static void stage_end(struct stage *s)
{
    cluster_clear(&s->c);
    world_end(&s->w);
}

struct issuing {
    struct installation_order order;
    struct issued issued;
};

static int issue_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct issuing *i = ctx;

    return installation_issue(w, &i->order, &i->issued, e);
}

static int issue(struct stage *s, struct issuing *i, const struct csr_spec *spec, struct err *e)
{
    CLEANUP(buf_clear) struct buf csr = { 0 };

    csr_make(&csr, spec);
    i->order.csr = buf_slice(&csr);
    return world_write(&s->w, issue_in, i, e);
}

static const struct csr_spec plain = { .key = "p256" };

static struct issuing operators(const struct stage *s)
{
    return (struct issuing){
        .order = { .profile = INSTALLATION_OPERATOR, .name = "anna", .uid = s->anna }
    };
}

static struct issuing machines(const struct stage *s, const char *name)
{
    return (struct issuing){ .order = { .profile = INSTALLATION_MACHINE,
                                        .name = name,
                                        .uid = cluster_machine(&s->c, name)->uid,
                                        .cluster = s->c.uid } };
}

/* ---- who it is ---- */

struct asking {
    struct world *w;
    struct slice cert;
    int64_t now;
    struct holder holder;
};

static int ask(struct store_tx *tx, void *ctx, struct err *e)
{
    struct asking *a = ctx;

    return installation_holder(tx, a->w->pki, a->cert, a->now, &a->holder, e);
}

static int who(struct stage *s, const struct issued *issued, struct holder *holder, struct err *e)
{
    struct asking a = { .w = &s->w, .cert = buf_slice(&issued->cert), .now = WORLD_NOW };
    int rc;

    *e = (struct err){ 0 };
    rc = store_read(pki_store(s->w.pki), ask, &a, e);
    *holder = a.holder;
    return rc;
}

struct merging {
    const char *uid, *members;
    bool remove;
};

static int merge_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct merging *m = ctx;
    CLEANUP(buf_clear) struct buf members = { 0 };

    if (m->remove)
        return store_delete(w->tx, m->uid, STORE_ANY_REVISION, w->now, e);
    buf_add_str(&members, m->members);
    return record_merge(w, m->uid, &members, e);
}

static void change(struct stage *s, const char *uid, const char *members)
{
    struct merging m = { uid, members, !members };
    struct err e = { 0 };

    expect("change", world_write(&s->w, merge_in, &m, &e), &e, ERR_NONE, NULL);
}

static void test_operator(void **state)
{
    CLEANUP(stage_end) struct stage s;
    struct holder h;
    struct err e = { 0 };
    struct issuing first, second;

    (void)state;
    stage_start(&s);
    first = operators(&s);
    second = operators(&s);
    expect("issue", issue(&s, &first, &plain, &e), &e, ERR_NONE, NULL);
    assert_int_equal(first.issued.not_after, WORLD_NOW + HOURS(8));
    expect("who", who(&s, &first.issued, &h, &e), &e, ERR_NONE, NULL);
    assert_false(h.machine);
    assert_string_equal(h.name, "anna");
    assert_string_equal(h.uid, s.anna);
    assert_string_equal(h.certificate, first.issued.uid);

    second.order.supersedes = first.issued.uid;
    expect("issue again", issue(&s, &second, &plain, &e), &e, ERR_NONE, NULL);
    expect("the one before", who(&s, &first.issued, &h, &e), &e, ERR_REFUSED, "replaced");
    expect("the new one", who(&s, &second.issued, &h, &e), &e, ERR_NONE, NULL);

    change(&s, s.anna, "{\"blocked\":true}");
    expect("blocked", who(&s, &second.issued, &h, &e), &e, ERR_REFUSED, "blocked");
    change(&s, s.anna, "{\"blocked\":false}");
    expect("approved", who(&s, &second.issued, &h, &e), &e, ERR_NONE, NULL);
    change(&s, s.anna, NULL);
    expect("removed", who(&s, &second.issued, &h, &e), &e, ERR_REFUSED, "removed");
    issued_clear(&first.issued);
    issued_clear(&second.issued);
}

static void test_machine(void **state)
{
    CLEANUP(stage_end) struct stage s;
    struct holder h;
    struct err e = { 0 };
    struct issuing one;

    (void)state;
    stage_start(&s);
    one = machines(&s, "w1");
    expect("issue", issue(&s, &one, &plain, &e), &e, ERR_NONE, NULL);
    assert_int_equal(one.issued.not_after, WORLD_NOW + DAYS(30));
    expect("who", who(&s, &one.issued, &h, &e), &e, ERR_NONE, NULL);
    assert_true(h.machine);
    assert_string_equal(h.name, "demo/w1");
    assert_string_equal(h.cluster, s.c.uid);
    change(&s, h.uid, "{\"blocked\":true}");
    expect("blocked", who(&s, &one.issued, &h, &e), &e, ERR_REFUSED, "'w1' is blocked");
    issued_clear(&one.issued);
}

/* Its time, a forged URI, a certificate of a cluster, one that nobody recorded. */
static void test_strangers(void **state)
{
    CLEANUP(stage_end) struct stage s;
    CLEANUP(buf_clear) struct buf csr = { 0 };
    struct world_issue person = { .order = { .profile = "operator", .user = "anna" } };
    struct asking late = { .now = WORLD_NOW + HOURS(8) };
    struct issuing one;
    struct holder h;
    struct err e = { 0 };

    (void)state;
    stage_start(&s);
    one = operators(&s);
    expect("issue", issue(&s, &one, &plain, &e), &e, ERR_NONE, NULL);
    late.w = &s.w;
    late.cert = buf_slice(&one.issued.cert);
    expect("late", store_read(pki_store(s.w.pki), ask, &late, &e), &e, ERR_REFUSED, "ended");

    csr_make(&csr, &plain);
    person.c = &s.c;
    person.order.csr = buf_slice(&csr);
    e = (struct err){ 0 };
    expect("a person", world_write(&s.w, world_issue_in, &person, &e), &e, ERR_NONE, NULL);
    expect("of a cluster", who(&s, &person.issued, &h, &e), &e, ERR_REFUSED, "names nobody");
    change(&s, one.issued.uid, NULL);
    expect("not on record", who(&s, &one.issued, &h, &e), &e, ERR_REFUSED, "not on record");
    issued_clear(&one.issued);
    issued_clear(&person.issued);
}

/* ---- what is refused ---- */

static void test_refused(void **state)
{
    static const struct {
        const char *label;
        struct csr_spec csr;
        int64_t ttl;
        const char *name, *uid;
        const char *want;
    } rows[] = {
        { "a name of its own",
          { .key = "p256", .sans = "DNS:a.example" },
          0,
          NULL,
          NULL,
          "a key alone" },
        { "an authority", { .key = "p256", .basic = "critical,CA:TRUE" }, 0, NULL, NULL, "" },
        { "too long", { .key = "p256" }, HOURS(25), NULL, NULL, "1d at most" },
        { "longer than ever", { .key = "p256" }, -1, NULL, NULL, "at most" },
        /* the keeper's fence */
        { "a reserved name", { .key = "p256" }, 0, "system:admin", NULL, "reserved" },
        { "a uid that is a path", { .key = "p256" }, 0, NULL, "a/b", "must carry one SAN" },
        { "no uid", { .key = "p256" }, 0, NULL, "", "must carry one SAN" },
    };
    CLEANUP(stage_end) struct stage s;

    (void)state;
    stage_start(&s);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct issuing one = operators(&s);
        struct err e = { 0 };

        one.order.ttl = rows[i].ttl;
        if (rows[i].name)
            one.order.name = rows[i].name;
        if (rows[i].uid)
            one.order.uid = rows[i].uid;
        expect(rows[i].label, issue(&s, &one, &rows[i].csr, &e), &e, ERR_REFUSED, rows[i].want);
        issued_clear(&one.issued);
    }
}

static void test_server(void **state)
{
    static const char *const names[] = { "poterne.example", "192.0.2.1", "fd00::1" };
    CLEANUP(stage_end) struct stage s;
    struct issuing one = {
        .order = { .profile = INSTALLATION_SERVER, .names = names, .name_count = ARRAY_LEN(names) }
    };
    struct x509_cert cert;
    struct holder h;
    struct err e = { 0 };

    (void)state;
    stage_start(&s);
    expect("issue", issue(&s, &one, &plain, &e), &e, ERR_NONE, NULL);
    expect("read", x509_cert_read(&cert, buf_slice(&one.issued.cert), &e), &e, ERR_NONE, NULL);
    assert_int_equal(cert.ext.eku, EKU_SERVER);
    assert_int_equal(cert.ext.san_count, 3);
    expect("no client", who(&s, &one.issued, &h, &e), &e, ERR_REFUSED, "names nobody");
    issued_clear(&one.issued);
    e = (struct err){ 0 };
    one.order.name_count = 0;
    expect("no name", issue(&s, &one, &plain, &e), &e, ERR_INVALID, "needs a name");
}

/* ---- the authorities themselves ---- */

struct pins {
    struct world *w;
    char pin[INSTALLATION_PIN];
    unsigned eku[2];
    size_t generations;
};

static int pins_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct pins *p = ctx;

    for (int i = 0; i < 2; i++) {
        CLEANUP(authority_clear) struct authority a = { 0 };

        if (installation_authority(tx, p->w->pki, (enum authority_role)(AUTHORITY_ROLES + i), &a,
                                   e) ||
            (i == 0 && installation_pin(&a, p->pin, e)))
            return -1;
        p->eku[i] = a.generation[0].view.ext.eku;
        p->generations += a.generation_count;
    }
    return 0;
}

static void no_fault(const struct state_fault *fault, void *ctx)
{
    (void)ctx;
    fail_msg("%s: %s: %s", fault->check, fault->subject, fault->text);
}

/* Made once, when they are first needed; checked, resealed and deleted with nothing else. */
static void test_authorities(void **state)
{
    CLEANUP(stage_end) struct stage s;
    struct world_audit made = { .action = "authority.create" };
    struct pins pins = { .w = &s.w };
    struct state_report report;
    struct root_key_report rotated;
    struct issuing one;
    struct holder h;
    int64_t records;
    struct err e = { 0 };

    (void)state;
    stage_start(&s);
    expect("before", store_read(pki_store(s.w.pki), pins_in, &pins, &e), &e, ERR_NOT_FOUND,
           "has no poterne-server authority yet");
    e = (struct err){ 0 };
    expect("ready", installation_ready(&s.w.request, &e), &e, ERR_NONE, NULL);
    expect("again", installation_ready(&s.w.request, &e), &e, ERR_NONE, NULL);
    assert_int_equal(world_audited(&s.w, &made), AUTHORITY_ROLES + 2);
    expect("after", store_read(pki_store(s.w.pki), pins_in, &pins, &e), &e, ERR_NONE, NULL);
    assert_int_equal(pins.eku[0], EKU_SERVER);
    assert_int_equal(pins.eku[1], EKU_CLIENT);
    assert_int_equal(pins.generations, 2);
    assert_int_equal(strlen(pins.pin), 71);
    assert_int_equal(strncmp(pins.pin, "sha256:", 7), 0);

    one = operators(&s);
    expect("issue", issue(&s, &one, &plain, &e), &e, ERR_NONE, NULL);
    world_again(&s.w, WORLD_NOW, STATE_EXCLUSIVE);
    expect("reseal", root_key_rotate(&s.w.request, true, &rotated, &e), &e, ERR_NONE, NULL);
    expect("check", state_check(&s.w.request, no_fault, NULL, &report, &e), &e, ERR_NONE, NULL);
    expect("delete", cluster_delete(&s.w.request, "demo", &records, &e), &e, ERR_NONE, NULL);
    expect("check", state_check(&s.w.request, no_fault, NULL, &report, &e), &e, ERR_NONE, NULL);
    expect("still", who(&s, &one.issued, &h, &e), &e, ERR_NONE, NULL);
    issued_clear(&one.issued);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operator),  cmocka_unit_test(test_machine),
        cmocka_unit_test(test_strangers), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_server),    cmocka_unit_test(test_authorities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
