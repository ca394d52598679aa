#include "../store/helper.h"

#include "access/decide.h"

/* clang-format off */
static const struct {
    const char *have, *want;
    bool covers;
} scopes[] = {
    { "/", "/", true },
    { "/", "/default/a/b", true },
    { "/default/a", "/default/a", true },
    { "/default/a", "/default/a/b", true },
    { "/default/a", "/default/ab", false },
    { "/default/a", "/default", false },
    { "/default/a", "/", false },
    { "/default/a/b", "/default/a", false },
    { "/default/a/b", "/default/a/c", false },
    { "", "/", false },
    { "/", "", false },
};

static const struct {
    const char *label;
    enum principal_kind kind;
    enum role role;
    const char *scope;
    enum right right;
    const char *target;
    enum err_code want;
} cases[] = {
    { "owner owns",                   PRINCIPAL_OPERATOR,  ROLE_OWNER,    "/",          RIGHT_OWN,    "/",            ERR_NONE },
    { "owner grants",                 PRINCIPAL_OPERATOR,  ROLE_OWNER,    "/",          RIGHT_GRANT,  "/default/a",   ERR_NONE },
    { "owner is no node",             PRINCIPAL_OPERATOR,  ROLE_OWNER,    "/",          RIGHT_NODE,   "/default/a/b", ERR_REFUSED },
    { "owner of a cluster, no more",  PRINCIPAL_OPERATOR,  ROLE_OWNER,    "/default/a", RIGHT_OWN,    "/",            ERR_REFUSED },
    { "operator issues",              PRINCIPAL_OPERATOR,  ROLE_OPERATOR, "/default/a", RIGHT_ISSUE,  "/default/a",   ERR_NONE },
    { "operator manages a machine",   PRINCIPAL_OPERATOR,  ROLE_OPERATOR, "/default/a", RIGHT_MANAGE, "/default/a/b", ERR_NONE },
    { "operator elsewhere",           PRINCIPAL_OPERATOR,  ROLE_OPERATOR, "/default/a", RIGHT_READ,   "/default/b",   ERR_REFUSED },
    { "operator grants nothing",      PRINCIPAL_OPERATOR,  ROLE_OPERATOR, "/",          RIGHT_GRANT,  "/default/a",   ERR_REFUSED },
    { "operator reads no trail",      PRINCIPAL_OPERATOR,  ROLE_OPERATOR, "/",          RIGHT_AUDIT,  "/",            ERR_REFUSED },
    { "auditor reads",                PRINCIPAL_OPERATOR,  ROLE_AUDITOR,  "/",          RIGHT_AUDIT,  "/",            ERR_NONE },
    { "auditor issues nothing",       PRINCIPAL_OPERATOR,  ROLE_AUDITOR,  "/",          RIGHT_ISSUE,  "/default/a",   ERR_REFUSED },
    { "node at its own machine",      PRINCIPAL_MACHINE,   ROLE_NODE,     "/default/a/b", RIGHT_NODE, "/default/a/b", ERR_NONE },
    { "node at another",              PRINCIPAL_MACHINE,   ROLE_NODE,     "/default/a/b", RIGHT_NODE, "/default/a/c", ERR_REFUSED },
    { "node at its cluster",          PRINCIPAL_MACHINE,   ROLE_NODE,     "/default/a/b", RIGHT_READ, "/default/a",   ERR_REFUSED },
    { "known: its own matters",       PRINCIPAL_MACHINE,   ROLE_NODE,     "/default/a/b", RIGHT_SELF, "/",            ERR_NONE },
    { "no right at all",              PRINCIPAL_OPERATOR,  ROLE_OWNER,    "/",          RIGHT_NONE,   "/",            ERR_REFUSED },
    { "a right that is none",         PRINCIPAL_OPERATOR,  ROLE_OWNER,    "/",          RIGHTS,       "/",            ERR_REFUSED },
    /* a grant by mistake makes nobody somebody */
    { "nobody: for everyone",         PRINCIPAL_ANONYMOUS, ROLE_OWNER,    "/",          RIGHT_ANY,    "/",            ERR_NONE },
    { "nobody: reads",                PRINCIPAL_ANONYMOUS, ROLE_OWNER,    "/",          RIGHT_READ,   "/",            ERR_ANONYMOUS },
    { "nobody: its own matters",      PRINCIPAL_ANONYMOUS, ROLE_OWNER,    "/",          RIGHT_SELF,   "/",            ERR_ANONYMOUS },
};
/* clang-format on */

static void test_scopes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
        if (scope_covers(scopes[i].have, scopes[i].want) != scopes[i].covers)
            fail_msg("'%s' and '%s'", scopes[i].have, scopes[i].want);
}

static void test_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct principal p = { .kind = cases[i].kind, .name = "operator:anna" };
        struct err e = { 0 };
        int rc;

        assert_true(principal_add(&p, cases[i].role, cases[i].scope));
        rc = access_decide(&p, cases[i].right, cases[i].target, &e);
        if (e.code != cases[i].want || (rc == 0) != (cases[i].want == ERR_NONE))
            fail_msg("%s: got %s", cases[i].label, err_text(&e));
    }
}

/* Deny by default: what nobody has filled in may nothing. */
static void test_empty(void **state)
{
    struct principal p = { 0 }, known = { .kind = PRINCIPAL_LOCAL };

    (void)state;
    for (int right = RIGHT_NONE; right < RIGHT_ANY; right++) {
        assert_int_equal(access_decide(&p, (enum right)right, "/", NULL), -1);
        assert_int_equal(access_decide(&known, (enum right)right, "/", NULL),
                         right == RIGHT_SELF ? 0 : -1);
    }
}

static void test_grants(void **state)
{
    struct principal p = { .kind = PRINCIPAL_OPERATOR };
    char scope[ACCESS_SCOPE + 8];

    (void)state;
    assert_true(principal_add(&p, ROLE_AUDITOR, "/"));
    assert_false(principal_add(&p, ROLE_AUDITOR, "/"));
    memset(scope, 'x', sizeof scope);
    scope[0] = '/';
    scope[ACCESS_SCOPE] = '\0';
    assert_false(principal_add(&p, ROLE_OWNER, scope));
    for (size_t i = 1; i < PRINCIPAL_GRANTS; i++) {
        snprintf(scope, sizeof scope, "/default/%zu", i);
        assert_true(principal_add(&p, ROLE_AUDITOR, scope));
    }
    assert_false(principal_add(&p, ROLE_OWNER, "/"));
    assert_null(access_find(&p, RIGHT_OWN, "/"));
}

static void test_names(void **state)
{
    enum role role;
    enum right right;
    struct err e = { 0 };

    (void)state;
    for (int i = 0; i < ROLES; i++) {
        assert_ok(role_parse(&role, role_name((enum role)i), &e));
        assert_int_equal(role, i);
        assert_int_equal(role_rights(role) & (1U << RIGHT_NONE | 1U << RIGHT_ANY), 0);
    }
    for (int i = RIGHT_READ; i < RIGHT_SELF; i++) {
        assert_ok(right_parse(&right, right_name((enum right)i), &e));
        assert_int_equal(right, i);
    }
    assert_err(role_parse(&role, "admin", &e), ERR_INVALID);
    assert_err(right_parse(&right, "any", &e), ERR_INVALID);
    assert_err(right_parse(&right, "none", &e), ERR_INVALID);
    assert_false(role_is_given(ROLE_NODE));
    assert_true(role_is_given(ROLE_OWNER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scopes), cmocka_unit_test(test_decide), cmocka_unit_test(test_empty),
        cmocka_unit_test(test_grants), cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
