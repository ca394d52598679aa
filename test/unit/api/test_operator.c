#include "stage.h"

#include "access/rate.h"

/* Operators, from their invitation to their removal, through the door. */

static int call(struct stage *s, const struct api_caller *who, enum http_method method,
                const char *path, const char *body)
{
    return stage_call(s, who, method, path, body);
}

static void want(struct stage *s, int status, int wanted, const char *says)
{
    if (status != wanted || (says && !strstr(buf_str(&s->response.body), says)))
        fail_msg("%d '%s' wanted: %s", wanted, says ? says : "", buf_str(&s->response.body));
}

static int refusals(struct stage *s, const char *action)
{
    struct world_audit audit = { .action = action, .outcome = "refused" };

    return world_audited(&s->w, &audit);
}

static void test_login(void **state)
{
    CLEANUP(stage_end) struct stage s;
    CLEANUP(buf_clear) struct buf der = { 0 };
    struct world_audit granted = { .action = "operator.login", .outcome = "granted" };
    char code[OPERATOR_CODE], other[OPERATOR_CODE];
    struct api_caller anna;

    (void)state;
    stage_start(&s);
    want(&s, stage_invite(&s, &stage_process, "anna", "operator", "demo", code), 200, "poti_");
    want(&s, stage_redeem(&s, "poti_nobody-knows-this-one"), 403, "not known here");
    want(&s, stage_redeem(&s, ""), 403, "not known here");
    want(&s, stage_redeem(&s, code), 200, "BEGIN CERTIFICATE");
    assert_string_equal(stage_text(&s, "operator.name"), "anna");
    assert_string_equal(stage_text(&s, "expires"), "2026-09-21T22:13:20Z");
    assert_non_null(strstr(stage_text(&s, "ca"), "BEGIN CERTIFICATE"));
    stage_certificate(&s, &der);
    assert_int_equal(world_audited(&s.w, &granted), 1);
    assert_non_null(strstr(granted.last, "\"actor\":\"operator:anna\",\"via\":\"tls\",\"uid\":\""));
    assert_non_null(strstr(granted.last, "\"address\":\"192.0.2.9\""));

    /* once */
    want(&s, stage_redeem(&s, code), 403, "used already");
    assert_int_equal(refusals(&s, "operator.login"), 1);

    anna = (struct api_caller){ .via = API_VIA_TLS, .cert = buf_slice(&der) };
    want(&s, call(&s, &anna, HTTP_GET, "/v1/login", NULL), 200, "operator:anna");
    assert_string_equal(stage_text(&s, "roles.0.role"), "operator");
    assert_string_equal(stage_text(&s, "roles.0.scope"), "demo");

    /* a new code makes the one before void; it gives the same person another certificate */
    want(&s, stage_invite(&s, &stage_process, "anna", NULL, NULL, code), 200, NULL);
    want(&s, stage_invite(&s, &stage_process, "anna", NULL, NULL, other), 200, NULL);
    want(&s, stage_redeem(&s, code), 403, "newer code");
    want(&s, stage_redeem(&s, other), 200, NULL);
    want(&s, call(&s, &anna, HTTP_GET, "/v1/login", NULL), 200, NULL);
}

static void test_late_code(void **state)
{
    CLEANUP(stage_end) struct stage s;
    char code[OPERATOR_CODE];

    (void)state;
    stage_start(&s);
    want(&s, stage_invite(&s, &stage_process, "anna", "operator", "demo", code), 200, NULL);
    s.now += HOURS(1);
    stage_open_api(&s);
    want(&s, stage_redeem(&s, code), 403, "has expired");
    assert_int_equal(refusals(&s, "operator.login"), 1);
}

static void test_renewal(void **state)
{
    CLEANUP(stage_end) struct stage s;
    CLEANUP(buf_clear) struct buf first = { 0 };
    CLEANUP(buf_clear) struct buf second = { 0 };
    CLEANUP(buf_clear) struct buf node = { 0 };
    CLEANUP(buf_clear) struct buf csr = { 0 };
    struct api_caller anna, later, machine;

    (void)state;
    stage_start(&s);
    stage_csr(&csr, NULL);
    anna = stage_operator(&s, "anna", "operator", "demo", &first);
    machine = stage_node(&s, &s.demo, "w1", &node);
    want(&s, call(&s, &machine, HTTP_POST, "/v1/login/renewal", buf_str(&csr)), 403,
         "nothing to renew");
    want(&s, call(&s, &stage_process, HTTP_POST, "/v1/login/renewal", buf_str(&csr)), 403,
         "nothing to renew");
    s.now += HOURS(7);
    stage_open_api(&s);
    want(&s, call(&s, &anna, HTTP_POST, "/v1/login/renewal", buf_str(&csr)), 200, NULL);
    stage_certificate(&s, &second);
    later = (struct api_caller){ .via = API_VIA_TLS, .cert = buf_slice(&second) };
    s.now += HOURS(2);
    stage_open_api(&s);
    want(&s, call(&s, &anna, HTTP_POST, "/v1/login/renewal", buf_str(&csr)), 401, "has ended");
    want(&s, call(&s, &later, HTTP_GET, "/v1/clusters/demo", NULL), 200, NULL);
    want(&s, call(&s, &stage_process, HTTP_DELETE, "/v1/operators/anna", NULL), 200, NULL);
    want(&s, call(&s, &later, HTTP_GET, "/v1/clusters/demo", NULL), 401, "was removed");
    want(&s, call(&s, &later, HTTP_POST, "/v1/login/renewal", buf_str(&csr)), 401, "was removed");
}

/* A list shows what is the caller's; what is not its own is as if it were not there. */
static void test_scope(void **state)
{
    CLEANUP(stage_end) struct stage s;
    CLEANUP(buf_clear) struct buf der = { 0 };
    struct api_caller anna;

    (void)state;
    stage_start(&s);
    anna = stage_operator(&s, "anna", "auditor", "demo", &der);
    want(&s, call(&s, &stage_process, HTTP_GET, "/v1/clusters", NULL), 200, "\"there\"");
    want(&s, call(&s, &anna, HTTP_GET, "/v1/clusters", NULL), 200, "\"demo\"");
    assert_null(strstr(buf_str(&s.response.body), "\"there\""));
    want(&s, call(&s, &anna, HTTP_GET, "/v1/clusters/demo", NULL), 200, NULL);
    want(&s, call(&s, &anna, HTTP_GET, "/v1/clusters/there", NULL), 403, NULL);
    want(&s, call(&s, &anna, HTTP_GET, "/v1/clusters/nowhere", NULL), 403, NULL);
    want(&s, call(&s, &anna, HTTP_GET, "/v1/certificates", NULL), 200, "\"demo\"");
    assert_null(strstr(buf_str(&s.response.body), "\"there\""));
    assert_null(strstr(buf_str(&s.response.body), "poterne-client"));
    want(&s, call(&s, &anna, HTTP_GET, "/v1/certificates?cluster=there", NULL), 404, NULL);
    want(&s, call(&s, &stage_process, HTTP_GET, "/v1/certificates?cluster=there", NULL), 200, NULL);
    {
        CLEANUP(buf_clear) struct buf path = { 0 };

        buf_addf(&path, "/v1/certificates/%s", stage_text(&s, "items.0.serial"));
        want(&s, call(&s, &anna, HTTP_GET, buf_str(&path), NULL), 404, "on record");
        want(&s, call(&s, &stage_process, HTTP_GET, buf_str(&path), NULL), 200, NULL);
    }
    want(&s, call(&s, &anna, HTTP_GET, "/v1/roles/assignments", NULL), 200, "\"anna\"");
}

static const char grant_to[] = "{\"operator\":\"%s\",\"role\":\"%s\",\"scope\":\"%s\"}";

static int grant(struct stage *s, const struct api_caller *who, const char *operator,
                 const char * role, const char *scope)
{
    CLEANUP(buf_clear) struct buf body = { 0 };

    buf_addf(&body, grant_to, operator, role, scope);
    return call(s, who, HTTP_POST, "/v1/roles/assignments", buf_str(&body));
}

static int take(struct stage *s, const struct api_caller *who, const char *operator,
                const char * role, const char *scope)
{
    CLEANUP(buf_clear) struct buf path = { 0 };

    buf_addf(&path, "/v1/roles/assignments?operator=%s&role=%s&scope=%s", operator, role, scope);
    return call(s, who, HTTP_DELETE, buf_str(&path), NULL);
}

/* Who owns a cluster gives what is in it, and no code for those who may more. */
static void test_escalation(void **state)
{
    CLEANUP(stage_end) struct stage s;
    CLEANUP(buf_clear) struct buf boss = { 0 };
    CLEANUP(buf_clear) struct buf local = { 0 };
    CLEANUP(buf_clear) struct buf clerk = { 0 };
    struct api_caller owner, here, anna;
    char code[OPERATOR_CODE];

    (void)state;
    stage_start(&s);
    owner = stage_operator(&s, "boss", "owner", "/", &boss);
    here = stage_operator(&s, "local", "owner", "demo", &local);
    anna = stage_operator(&s, "anna", "operator", "/", &clerk);
    want(&s, stage_invite(&s, &here, "new", "operator", "demo", code), 200, NULL);
    want(&s, stage_invite(&s, &here, "new", "owner", "demo/cp1", code), 200, NULL);
    want(&s, stage_invite(&s, &here, "new", "auditor", "/", code), 403, "'grant' in '/'");
    want(&s, stage_invite(&s, &here, "newer", "auditor", "there", code), 403, NULL);
    want(&s, stage_invite(&s, &here, "boss", "auditor", "demo", code), 403, NULL);
    want(&s, stage_invite(&s, &here, "boss", NULL, NULL, code), 403, NULL);
    want(&s, stage_invite(&s, &anna, "new", "auditor", "demo", code), 403, NULL);
    want(&s, grant(&s, &here, "anna", "owner", "/"), 403, NULL);
    want(&s, grant(&s, &here, "anna", "owner", "demo"), 200, "\"changed\":true");
    want(&s, grant(&s, &here, "anna", "owner", "demo"), 200, "\"changed\":false");
    want(&s, take(&s, &here, "anna", "operator", "/"), 403, NULL);
    want(&s, take(&s, &here, "anna", "owner", "demo"), 200, "\"changed\":true");
    want(&s, take(&s, &here, "anna", "owner", "demo"), 200, "\"changed\":false");
    assert_int_equal(refusals(&s, "role.grant") + refusals(&s, "role.revoke") > 0, 1);
    assert_int_equal(call(&s, &stage_process, HTTP_GET, "/v1/operators/newer", NULL), 404);

    /* the last owner of all */
    want(&s, take(&s, &owner, "boss", "owner", "/"), 403, "last owner");
    want(&s, call(&s, &owner, HTTP_DELETE, "/v1/operators/boss", NULL), 403, "last owner");
    want(&s, grant(&s, &owner, "anna", "owner", "/"), 200, NULL);
    want(&s, take(&s, &owner, "boss", "owner", "/"), 200, NULL);
    want(&s, call(&s, &owner, HTTP_GET, "/v1/clusters", NULL), 403, NULL);
    want(&s, take(&s, &stage_process, "anna", "owner", "/"), 200, NULL);
}

static void test_bad_words(void **state)
{
    static const struct {
        const char *name, *role, *scope;
        int status;
        const char *says;
    } rows[] = {
        { "", "operator", "demo", 400, "letters" },
        { "-x", "operator", "demo", 400, "letters" },
        { "a b", "operator", "demo", 400, "letters" },
        { "system:admin", "operator", "demo", 400, "letters" },
        { "kube-apiserver-kubelet-client", "operator", "demo", 400, "reserved" },
        { "anna", "admin", "demo", 400, "no role" },
        { "anna", "node", "demo/w1", 400, "comes with" },
        { "anna", "operator", "nowhere", 404, "cluster 'nowhere'" },
        { "anna", "operator", "demo/nobody", 404, "machine 'nobody'" },
        { "anna", "operator", "", 400, "scope" },
        { "anna", "operator", "demo/", 400, "scope" },
        { "anna", "operator", "demo/w1/x", 404, "machine 'w1/x'" },
        { "anna", NULL, NULL, 404, "no operator 'anna'" },
        { "anna", "operator", "/default/demo/w1", 200, NULL },
    };
    CLEANUP(stage_end) struct stage s;
    char code[OPERATOR_CODE];

    (void)state;
    stage_start(&s);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        want(&s, stage_invite(&s, &stage_process, rows[i].name, rows[i].role, rows[i].scope, code),
             rows[i].status, rows[i].says);
}

static void test_explain(void **state)
{
    static const struct {
        const char *query, *says;
    } rows[] = {
        { "principal=anna&action=issue&scope=demo/w1", "the role operator in 'demo'" },
        { "principal=operator:anna&action=grant&scope=demo", "comes with: owner" },
        { "principal=anna&action=read&scope=there", "\"allowed\":false" },
        { "principal=root&action=own&scope=/", "\"allowed\":true" },
        { "principal=local:bob&action=read&scope=/", "\"allowed\":false" },
        { "principal=anonymous&action=read&scope=/", "\"allowed\":false" },
        { "principal=machine:demo/w1&action=node&scope=demo/w1", "\"allowed\":true" },
        { "principal=machine:demo/w1&action=node&scope=demo/cp1", "\"allowed\":false" },
        { "principal=machine:w1&action=node&scope=demo", "CLUSTER/MACHINE" },
        { "principal=nobody&action=read&scope=/", "no operator" },
        { "principal=anna&action=fly&scope=/", "no right" },
        { "principal=anna&action=read", "scope" },
    };
    CLEANUP(stage_end) struct stage s;
    char code[OPERATOR_CODE];

    (void)state;
    stage_start(&s);
    want(&s, stage_invite(&s, &stage_process, "anna", "operator", "demo", code), 200, NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_clear) struct buf path = { 0 };

        buf_addf(&path, "/v1/roles/explanation?%s", rows[i].query);
        (void)call(&s, &stage_process, HTTP_GET, buf_str(&path), NULL);
        if (!strstr(buf_str(&s.response.body), rows[i].says))
            fail_msg("%s: %s", rows[i].query, buf_str(&s.response.body));
    }
}

/* Roles in a cluster go with it: none comes back with another one of its name. */
static void test_deleted_cluster(void **state)
{
    CLEANUP(stage_end) struct stage s;
    CLEANUP(buf_clear) struct buf der = { 0 };
    struct api_caller anna;

    (void)state;
    stage_start(&s);
    anna = stage_operator(&s, "anna", "operator", "demo/w1", &der);
    want(&s, grant(&s, &stage_process, "anna", "auditor", "there"), 200, NULL);
    want(&s, call(&s, &stage_process, HTTP_DELETE, "/v1/clusters/demo", NULL), 200, NULL);
    want(&s, call(&s, &anna, HTTP_GET, "/v1/login", NULL), 200, "there");
    assert_null(strstr(buf_str(&s.response.body), "operator\",\"scope"));
    want(&s, call(&s, &stage_process, HTTP_POST, "/v1/state/check", NULL), 200, "\"good\":true");
}

/* Who guesses at codes is slowed down; who is refused again and again is written once a minute. */
static void test_guard(void **state)
{
    CLEANUP(stage_end) struct stage s;
    CLEANUP(buf_clear) struct buf der = { 0 };
    struct api_caller anna, elsewhere = { .via = API_VIA_TLS, .address = "192.0.2.77" };
    int64_t allowed = rate_default_limits.login.burst, before;

    (void)state;
    stage_start(&s);
    anna = stage_operator(&s, "anna", "auditor", "demo", &der); /* one of the logins */
    for (int64_t i = 1; i < allowed; i++)
        want(&s, stage_redeem(&s, "poti_guess"), 403, NULL);
    want(&s, stage_redeem(&s, "poti_guess"), 429, "too often");
    assert_true(s.response.retry_after > 0 && s.response.retry_after <= 60);
    want(&s, call(&s, &elsewhere, HTTP_POST, "/v1/login", "{\"code\":\"x\",\"csr\":\"y\"}"), 400,
         NULL);
    assert_int_equal(refusals(&s, "access.refuse"), 1);

    before = refusals(&s, NULL);
    for (int i = 0; i < 20; i++)
        want(&s, call(&s, &anna, HTTP_DELETE, "/v1/clusters/demo", NULL), 403, "'own'");
    assert_int_equal(refusals(&s, NULL), before + 1);
    stage_open_api(&s); /* the one that ends writes what it has counted */
    {
        struct world_audit counted = { .action = "access.refuse" };

        (void)world_audited(&s.w, &counted);
        assert_non_null(strstr(counted.last, "\"actor\":\"operator:anna\""));
        assert_non_null(strstr(counted.last, "{\"count\":19}"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login),           cmocka_unit_test(test_late_code),
        cmocka_unit_test(test_renewal),         cmocka_unit_test(test_scope),
        cmocka_unit_test(test_escalation),      cmocka_unit_test(test_bad_words),
        cmocka_unit_test(test_guard),           cmocka_unit_test(test_explain),
        cmocka_unit_test(test_deleted_cluster),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
