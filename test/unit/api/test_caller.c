#include "../store/helper.h"

#include "api/caller.h"
#include <grp.h>
#include <unistd.h>

enum { GROUP = 4242, OTHER = 64999 }; /* a group, and a user, that no system has */

static const struct caller_rules rules = { .group = GROUP, .has_group = true };
static const gid_t in[] = { 7, GROUP }, out[] = { 7, 8 };

/* clang-format off */
static const struct {
    const char *label;
    struct api_caller caller;
    bool group; /* the group is there */
    enum principal_kind kind;
    bool owner;
} cases[] = {
    { "this process",        { .via = API_VIA_PROCESS }, true, PRINCIPAL_LOCAL, true },
    { "root",                { .via = API_VIA_SOCKET, .uid = 0 }, true, PRINCIPAL_LOCAL, true },
    { "first group",         { .via = API_VIA_SOCKET, .uid = OTHER, .gid = GROUP }, true, PRINCIPAL_LOCAL, true },
    { "another of its groups", { .via = API_VIA_SOCKET, .uid = OTHER, .gid = 7, .groups = in, .group_count = 2 }, true, PRINCIPAL_LOCAL, true },
    { "not among them",      { .via = API_VIA_SOCKET, .uid = OTHER, .gid = 7, .groups = out, .group_count = 2 }, true, PRINCIPAL_LOCAL, false },
    { "unknown user",        { .via = API_VIA_SOCKET, .uid = OTHER, .gid = 7 }, true, PRINCIPAL_LOCAL, false },
    { "no such group here",  { .via = API_VIA_SOCKET, .uid = OTHER, .gid = GROUP }, false, PRINCIPAL_LOCAL, false },
    { "no certificate",      { .via = API_VIA_TLS }, true, PRINCIPAL_ANONYMOUS, false },
    { "nothing open",        { .via = API_VIA_TLS, .cert = { (const uint8_t *)"x", 1 } }, true, PRINCIPAL_ANONYMOUS, false },
    { "nobody",              { .via = API_VIA_NONE }, true, PRINCIPAL_ANONYMOUS, false },
    /* credentials count on the socket alone */
    { "root's number in TLS", { .via = API_VIA_TLS, .uid = 0, .gid = GROUP }, true, PRINCIPAL_ANONYMOUS, false },
};
/* clang-format on */

static void test_callers(void **state)
{
    static const struct caller_rules none = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct principal who;
        struct err e = { 0 };

        assert_ok(
            caller_resolve(&who, &cases[i].caller, cases[i].group ? &rules : &none, NULL, &e));
        if (who.kind != cases[i].kind ||
            (access_find(&who, RIGHT_OWN, "/") != NULL) != cases[i].owner)
            fail_msg("%s: %s", cases[i].label, who.name);
    }
}

/* Whoever runs the daemon owns the state directory anyway. */
static void test_own_user(void **state)
{
    struct api_caller caller = {
        .via = API_VIA_SOCKET, .uid = geteuid(), .gid = getegid(), .address = "@"
    };
    struct principal who;
    struct err e = { 0 };

    (void)state;
    assert_ok(caller_resolve(&who, &caller, &(struct caller_rules){ 0 }, NULL, &e));
    assert_non_null(access_find(&who, RIGHT_OWN, "/"));
    assert_string_equal(who.via, "unix");
    assert_string_equal(who.address, "@");
    assert_int_equal(strncmp(who.name, "local:", 6), 0);
}

static void test_group(void **state)
{
    struct group *root = getgrgid(0);
    struct caller_rules found;

    (void)state;
    caller_rules_init(&found, "no-such-group-at-all");
    assert_false(found.has_group);
    if (!root)
        return;
    caller_rules_init(&found, root->gr_name);
    assert_true(found.has_group);
    assert_int_equal(found.group, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_callers),
        cmocka_unit_test(test_own_user),
        cmocka_unit_test(test_group),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
