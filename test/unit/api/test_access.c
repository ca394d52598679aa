#include "stage.h"

#include "api/authorize.h"
#include "golden.h"

/* Every route as every sort of caller: what is allowed is a golden file. */

enum { GROUP = 4242, OTHER = 64999 };
static const struct caller_rules rules = { .group = GROUP, .has_group = true };

enum { COLUMNS = 18 };
struct column {
    const char *label;
    struct api_caller caller;
    struct buf der;
};

/* The target is machine cp1 of cluster demo. */
static size_t make_columns(struct stage *s, struct column c[COLUMNS])
{
    static const struct {
        const char *label, *role, *scope;
    } people[] = {
        { "owner", "owner", "/" },
        { "operator", "operator", "/" },
        { "auditor", "auditor", "/" },
        { "owner-here", "owner", "demo" },
        { "operator-here", "operator", "demo" },
        { "operator-there", "operator", "there" },
        { "auditor-cp1", "auditor", "demo/cp1" },
        { "operator-w1", "operator", "demo/w1" },
        { "removed", "owner", "/" },
        { "blocked", "owner", "/" },
    };
    size_t n = 0;

    c[n++] = (struct column){ "process", { .via = API_VIA_PROCESS }, { 0 } };
    c[n++] = (struct column){ "root", { .via = API_VIA_SOCKET }, { 0 } };
    c[n++] =
        (struct column){ "group", { .via = API_VIA_SOCKET, .uid = OTHER, .gid = GROUP }, { 0 } };
    c[n++] = (struct column){ "user", { .via = API_VIA_SOCKET, .uid = OTHER, .gid = 7 }, { 0 } };
    for (size_t i = 0; i < ARRAY_LEN(people); i++, n++) {
        c[n] = (struct column){ .label = people[i].label };
        c[n].caller =
            stage_operator(s, people[i].label, people[i].role, people[i].scope, &c[n].der);
    }
    c[n] = (struct column){ .label = "node-cp1" };
    c[n].caller = stage_node(s, &s->demo, "cp1", &c[n].der);
    n++;
    c[n] = (struct column){ .label = "node-w1" };
    c[n].caller = stage_node(s, &s->demo, "w1", &c[n].der);
    n++;
    c[n] = (struct column){ .label = "node-there" };
    c[n].caller = stage_node(s, &s->there, "t1", &c[n].der);
    n++;
    c[n++] = (struct column){ "anonymous", { .via = API_VIA_TLS }, { 0 } };
    return n;
}

static int block_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct operator o;
    struct record r = { .schema = 1, .body = "{\"blocked\":true}" };

    (void)ctx;
    if (operator_load(w->tx, "blocked", &o, e))
        return -1;
    memcpy(r.uid, o.uid, sizeof r.uid);
    return store_update(w->tx, &r, STORE_ANY_REVISION, w->now, e);
}

static void lock_out(struct stage *s)
{
    struct err e = { 0 };

    assert_int_equal(stage_call(s, &stage_process, HTTP_DELETE, "/v1/operators/removed", NULL),
                     200);
    expect("block", world_write(&s->w, block_in, NULL, &e), &e, ERR_NONE, NULL);
}

static char decide(struct stage *s, const struct column *c, const struct route *route)
{
    static char demo[] = "demo", cp1[] = "cp1", other[] = "x";
    struct match match = { .route = route };
    struct slice path = slice_str(route->path), head, name;
    struct principal who;
    struct err e = { 0 };

    for (size_t i = 0; slice_cut(&path, '{', &head) && slice_cut(&path, '}', &name); i++)
        match.param[i] = slice_eq_str(name, "cluster")   ? demo
                         : slice_eq_str(name, "machine") ? cp1
                                                         : other;
    if (caller_resolve(&who, &c->caller, &rules, s->w.pki, &e))
        fail_msg("%s: %s", c->label, e.msg);
    if (!authorize(&who, &match, s->w.pki, &e))
        return '+';
    if (e.code == ERR_ANONYMOUS)
        return '1';
    if (e.code != ERR_REFUSED)
        fail_msg("%s: %s", c->label, e.msg);
    return '3';
}

static void put_legend(struct buf *out, const struct column *c, size_t count)
{
    static const char *const lines[] = {
        "Who may take which route, when it is about machine cp1 of cluster demo.",
        ("+ allowed, 3 refused (403), 1 refused (401); + of a list or of a change within a scope: "
         "the"),
        "handler leaves out, or refuses, what is outside of the caller's own. In each line:",
    };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        buf_addf(out, "# %s\n", lines[i]);
    for (size_t i = 0; i < count; i++)
        buf_addf(out, "# %2zu %s\n", i + 1, c[i].label);
}

static void test_table(void **state)
{
    CLEANUP(stage_end) struct stage s;
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct column c[COLUMNS];
    size_t count;

    (void)state;
    stage_start(&s);
    count = make_columns(&s, c);
    lock_out(&s);
    put_legend(&text, c, count);
    for (size_t i = 0; i < route_count; i++) {
        for (size_t k = 0; k < count; k++)
            buf_addf(&text, "%s%c", k && k % 5 == 0 ? " " : "", decide(&s, &c[k], &routes[i]));
        buf_addf(&text, "  %-6s %s\n", http_method_name(routes[i].method), routes[i].path);
    }
    for (size_t k = 0; k < count; k++)
        buf_clear(&c[k].der);
    golden_compare("access.txt", &text);
}

/* The same answer through the door, for those who may nothing: so it is safe to try everything. */
static void test_door(void **state)
{
    CLEANUP(stage_end) struct stage s;
    CLEANUP(buf_clear) struct buf removed = { 0 };
    struct api_caller callers[] = {
        { .via = API_VIA_NONE },
        { .via = API_VIA_TLS },
        { .via = API_VIA_SOCKET, .uid = OTHER, .gid = OTHER },
        { .via = API_VIA_TLS }, /* the removed one */
    };

    (void)state;
    stage_start(&s);
    callers[3] = stage_operator(&s, "removed", "owner", "/", &removed);
    assert_int_equal(stage_call(&s, &stage_process, HTTP_DELETE, "/v1/operators/removed", NULL),
                     200);
    for (size_t i = 0; i < route_count; i++) {
        CLEANUP(buf_clear) struct buf path = { 0 };

        if (i % 20 == 0) /* nor is it about how often they ask */
            stage_open_api(&s);
        for (const char *p = routes[i].path; *p; p++)
            if (*p != '{' && *p != '}')
                buf_add_byte(&path, (uint8_t)*p);
        /* a certificate opens the directory, and this one wants it for itself */
        if (routes[i].flags & ROUTE_EXCLUSIVE)
            continue;
        for (size_t k = 0; k < ARRAY_LEN(callers); k++) {
            int want = callers[k].via == API_VIA_SOCKET ? 403 : 401;
            int status = stage_call(&s, &callers[k], routes[i].method, buf_str(&path), NULL);

            if (routes[i].right == RIGHT_ANY ||
                (routes[i].right == RIGHT_SELF && callers[k].via == API_VIA_SOCKET))
                want = 0;
            if (want ? status != want : status == 401 || status >= 500)
                fail_msg("%zu: %s %s: %d", k, http_method_name(routes[i].method), routes[i].path,
                         status);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_table), cmocka_unit_test(test_door) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
