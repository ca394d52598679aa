#include "door.h"

#include "api/form.h"

/* Every route that takes a body says what is in it, and no table is of a route that is gone. */
static void test_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_count; i++)
        if ((routes[i].max_body > 0) != (form_of(&routes[i]) != NULL))
            fail_msg("%s %s takes %zu bytes, and its table is %s",
                     http_method_name(routes[i].method), routes[i].path, routes[i].max_body,
                     form_of(&routes[i]) ? "there" : "missing");
    for (size_t i = 0; i < form_count; i++) {
        bool found = false;

        for (size_t k = 0; k < route_count; k++)
            found = found || form_of(&routes[k]) == &forms[i];
        if (!found)
            fail_msg("there is no route %s", forms[i].path);
    }
}

/* What the table does not name is refused and named; so a typing error is never ignored. */
static void test_unknown_members(void **state)
{
    struct door d;

    (void)state;
    door_start(&d);
    door_cluster(&d);
    for (size_t i = 0; i < form_count; i++) {
        CLEANUP(buf_clear) struct buf path = { 0 };
        struct slice rest = slice_str(forms[i].path), head, name;

        if (forms[i].open)
            continue;
        while (slice_cut(&rest, '{', &head) && slice_cut(&rest, '}', &name)) {
            buf_add_slice(&path, head);
            buf_add_str(&path, slice_eq_str(name, "cluster") ? "demo" : "cp1");
        }
        buf_add_slice(&path, rest);
        (void)door_ask(&d, forms[i].method, buf_str(&path), "{\"surplus\":1}");
        door_want(&d, forms[i].path, 400, "invalid");
        assert_string_equal(door_text(&d, "errors.0.field"), "surplus");
    }
    door_end(&d);
}

/* Each reference of the description leads somewhere, each operation has one id. */
static void test_description(void **state)
{
    struct door d;
    struct json_iter it, ops;
    const struct json_value *path, *op, *schemas;
    const char *name, *method;
    size_t seen = 0;

    (void)state;
    door_start(&d);
    assert_int_equal(door_ask(&d, HTTP_GET, "/openapi.json", NULL), 200);
    schemas = json_get(json_get(json_root(d.body), "components"), "schemas");
    for (it = json_iter(json_get(json_root(d.body), "paths")); json_next(&it, &name, &path);)
        for (ops = json_iter(path); json_next(&ops, &method, &op); seen++) {
            const char *reference =
                json_text(json_get(json_path(json_get(json_path(op, "responses.default.content"),
                                                      "application/problem+json"),
                                             "schema"),
                                   "$ref"));

            assert_string_equal(reference, "#/components/schemas/Problem");
            assert_non_null(json_text(json_get(op, "operationId")));
        }
    assert_int_equal(seen, route_count);
    assert_non_null(json_get(schemas, "Problem"));
    assert_non_null(json_get(schemas, "ClusterList"));
    assert_null(json_get(schemas, "text/plain"));
    door_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_unknown_members),
        cmocka_unit_test(test_description),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
