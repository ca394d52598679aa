#include "unit.h"

#include "base/clock.h"
#include "wire/json.h"
#include <float.h>

/* clang-format off */
static const struct { const char *label, *text; enum err_code want; } cases[] = {
    { "an object",              "{\"a\":1}",                ERR_NONE    },
    { "a scalar",               " 1 ",                      ERR_NONE    },
    { "the same key elsewhere", "{\"a\":{\"a\":1},\"b\":{\"a\":1}}", ERR_NONE },
    { "a key as value",         "{\"a\":\"b\",\"b\":\"a\"}", ERR_NONE   },
    { "nothing",                "",                         ERR_INVALID },
    { "white space",            " \n",                      ERR_INVALID },
    { "two values",             "1 2",                      ERR_INVALID },
    { "cut",                    "{\"a\":",                  ERR_INVALID },
    { "a trailing comma",       "[1,]",                     ERR_INVALID },
    { "a comment",              "[1] // one",               ERR_INVALID },
    { "NaN",                    "[NaN]",                    ERR_INVALID },
    { "a number too large",     "1e999",                    ERR_INVALID },
    { "a byte order mark",      "\xef\xbb\xbf{}",           ERR_INVALID },
    { "no UTF-8",               "\"\xff\"",                 ERR_INVALID },
    { "overlong UTF-8",         "\"\xc0\xaf\"",             ERR_INVALID },
    { "a lone surrogate",       "\"\\ud800\"",              ERR_INVALID },
    { "NUL in a string",        "\"a\\u0000b\"",            ERR_INVALID },
    { "NUL in a key",           "{\"a\\u0000b\":1}",        ERR_INVALID },
    { "a repeated key",         "{\"a\":1,\"a\":2}",        ERR_INVALID },
    { "a repeated, escaped key", "{\"a\":1,\"\\u0061\":2}", ERR_INVALID },
    { "repeated below",         "[{\"x\":{\"b\":1,\"a\":1,\"b\":2}}]", ERR_INVALID },
    { "an empty key twice",     "{\"\":1,\"\":2}",          ERR_INVALID },
};
/* clang-format on */

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(json_freep) struct json *doc = NULL;
        struct err e = { 0 };
        int rc = json_parse(&doc, slice_str(cases[i].text), NULL, &e);

        if (e.code != cases[i].want || (rc == 0) != (doc != NULL) || (rc == 0) != (e.code == 0))
            fail_msg("%s: got %s", cases[i].label, err_text(&e));
    }
}

static int parse_nested(size_t depth, const char *core, const struct json_limits *limits)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct err e = { 0 };

    for (size_t i = 0; i < depth; i++)
        buf_add_str(&text, i % 2 ? "{\"a\":" : "[");
    buf_add_str(&text, core);
    for (size_t i = depth; i-- > 0;)
        buf_add_byte(&text, i % 2 ? '}' : ']');
    (void)!json_parse(&doc, buf_slice(&text), limits, &e);
    return (int)e.code;
}

static void test_depth(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(31, "1", NULL), ERR_NONE); /* a scalar counts as a level */
    assert_int_equal(parse_nested(32, "1", NULL), ERR_LIMIT);
    assert_int_equal(parse_nested(31, "{}", NULL), ERR_NONE);
    assert_int_equal(parse_nested(32, "{}", NULL), ERR_LIMIT);
    assert_int_equal(parse_nested(0, "1", &(struct json_limits){ .depth = 1 }), ERR_NONE);
    assert_int_equal(parse_nested(0, "[]", &(struct json_limits){ .depth = 1 }), ERR_NONE);
    assert_int_equal(parse_nested(0, "[1]", &(struct json_limits){ .depth = 1 }), ERR_LIMIT);
    assert_int_equal(parse_nested(0, "[[],[[]],[]]", &(struct json_limits){ .depth = 3 }),
                     ERR_NONE);
    assert_int_equal(parse_nested(0, "[[],[[1]],[]]", &(struct json_limits){ .depth = 3 }),
                     ERR_LIMIT);
    assert_int_equal(parse_nested(500000, "1", &(struct json_limits){ .depth = 600000 }), ERR_NONE);
    assert_int_equal(parse_nested(500000, "1", NULL), ERR_LIMIT);
    assert_int_equal(parse_nested(10, "1", &(struct json_limits){ .depth = UINT32_MAX }), ERR_NONE);
}

static void test_size(void **state)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(json_freep) struct json *none = NULL;
    struct json_limits limits = { .bytes = 9 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(json_parse(&doc, slice_str("[1,2,3,4]"), &limits, &e), 0);
    limits.bytes = 8;
    assert_int_equal(json_parse(&none, slice_str("[1,2,3,4]"), &limits, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_null(none);
    /* Refused by its length alone, before it is read: the pointer leads nowhere. */
    assert_int_equal(json_parse(&none, slice_of("[", (4 << 20) + 1), NULL, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
}

/* Many keys in one object cost no square: this takes minutes when they do. */
static void test_many_keys(void **state)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct err e = { 0 };
    int64_t start = clock_monotonic_ms();

    (void)state;
    for (int i = 0; i < 300000; i++)
        buf_addf(&text, "%s\"%d\":0", i ? "," : "{", 1000000 + i);
    buf_add_byte(&text, '}');
    assert_int_equal(json_parse(&doc, buf_slice(&text), NULL, &e), 0);
    assert_int_equal(json_len(json_root(doc)), 300000);
    text.len--;
    buf_add_str(&text, ",\"1000000\":1}");
    json_free(doc);
    doc = NULL;
    assert_int_equal(json_parse(&doc, buf_slice(&text), NULL, &e), -1);
    assert_string_equal(err_text(&e), "the key '1000000' appears twice in one object");
    assert_true(clock_monotonic_ms() - start < 20000);
}

static void test_kept_duplicates(void **state)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    struct json_limits limits = { .keep_duplicates = true };
    const struct json_value *value;
    struct json_iter it;
    struct err e = { 0 };
    const char *key;
    int64_t sum = 0;

    (void)state;
    assert_int_equal(json_parse(&doc, slice_str("{\"a\":1,\"a\":2}"), &limits, &e), 0);
    assert_int_equal(json_int(json_get(json_root(doc), "a"), 0), 1);
    it = json_iter(json_root(doc));
    while (json_next(&it, &key, &value))
        sum = sum * 10 + json_int(value, 0);
    assert_int_equal(sum, 12);
}

/* clang-format off */
static const char document[] =
    "{\"text\":\"h\\u00e9\",\"empty\":\"\",\"int\":-7,\"max\":9223372036854775807,"
    "\"more\":9223372036854775808,\"real\":1.5,\"yes\":true,\"null\":null,"
    "\"list\":[10,[],{\"x\":\"deep\"}],\"a.b\":1,\"object\":{\"1\":\"one\",\"\":\"none\"}}";

static const struct { const char *key; enum json_type type; size_t len; } members[] = {
    { "text",   JSON_STRING, 3 }, { "empty", JSON_STRING, 0 }, { "int",    JSON_INT,    0 },
    { "max",    JSON_INT,    0 }, { "more",  JSON_REAL,   0 }, { "real",   JSON_REAL,   0 },
    { "yes",    JSON_BOOL,   0 }, { "null",  JSON_NULL,   0 }, { "list",   JSON_ARRAY,  3 },
    { "a.b",    JSON_INT,    0 }, { "object", JSON_OBJECT, 2 }, { "absent", JSON_NULL,  0 },
};

static const struct { const char *path, *text; } paths[] = {
    { "text", "h\xc3\xa9" }, { "list.2.x", "deep" }, { "object.1", "one" }, { "object.", "none" },
    { "list.3", NULL }, { "list.-1", NULL }, { "list.", NULL }, { "list.02.x", "deep" }, { "list.x", NULL },
    { "list.99999999999999999999", NULL }, { "a.b", NULL }, { "text.x", NULL }, { "", NULL }, { "absent.x", NULL },
};
/* clang-format on */

static void test_access(void **state)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *root;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(json_parse(&doc, slice_str(document), NULL, &e), 0);
    root = json_root(doc);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const struct json_value *v = json_get(root, members[i].key);

        if (json_type(v) != members[i].type || json_len(v) != members[i].len)
            fail_msg("%s", members[i].key);
    }
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const char *text = json_text(json_path(root, paths[i].path));

        if (paths[i].text ? !text || strcmp(text, paths[i].text) != 0 : text != NULL)
            fail_msg("%s", paths[i].path);
    }
    assert_int_equal(json_int(json_get(root, "int"), 5), -7);
    assert_int_equal(json_int(json_get(root, "max"), 5), INT64_MAX);
    assert_int_equal(json_int(json_get(root, "more"), 5), 5);
    assert_int_equal(json_int(json_get(root, "real"), 5), 5);
    assert_int_equal(json_int(json_get(root, "text"), 5), 5);
    assert_true(json_real(json_get(root, "real"), 0) > 1.4);
    assert_true(json_real(json_get(root, "int"), 0) < -6.9);
    assert_true(json_real(json_get(root, "more"), 0) > 9e18);
    assert_true(json_bool(json_get(root, "yes"), false) && json_bool(json_get(root, "int"), true));
    assert_int_equal(json_int(json_at(json_get(root, "list"), 0), 0), 10);
    assert_true(slice_eq_str(json_slice(json_get(root, "text")), "h\xc3\xa9"));
    assert_null(json_at(root, 0));
}

static void test_nothing(void **state)
{
    struct json_iter it = json_iter(NULL);
    const struct json_value *value;
    const char *key;

    (void)state;
    assert_int_equal(json_type(NULL), JSON_NULL);
    assert_null(json_get(NULL, "a"));
    assert_null(json_path(NULL, "a.b"));
    assert_null(json_at(NULL, 0));
    assert_null(json_text(NULL));
    assert_int_equal(json_len(NULL), 0);
    assert_int_equal(json_slice(NULL).len, 0);
    assert_int_equal(json_int(NULL, 3), 3);
    assert_true(json_real(NULL, 2) > 1.9 && json_bool(NULL, true));
    assert_false(json_next(&it, &key, &value));
    json_free(NULL);
}

static void test_iterate(void **state)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(buf_clear) struct buf seen = { 0 };
    const struct json_value *value;
    struct json_iter it;
    struct err e = { 0 };
    const char *key;

    (void)state;
    assert_int_equal(
        json_parse(&doc, slice_str("[{\"a\":[1,2],\"b\":{},\"c\":3},[],4,{}]"), NULL, &e), 0);
    it = json_iter(json_root(doc));
    while (json_next(&it, &key, &value)) {
        struct json_iter inner = json_iter(value);

        buf_addf(&seen, "%s:%d(", key, (int)json_type(value));
        while (json_next(&inner, &key, &value))
            buf_addf(&seen, "%s:%d ", key, (int)json_type(value));
        buf_add_byte(&seen, ')');
    }
    assert_string_equal(buf_str(&seen), ":6(a:5 b:6 c:2 ):5():2():6()");
}

static void test_wants(void **state)
{
    static const char *const known[] = { "a", "b", NULL };
    CLEANUP(json_freep) struct json *doc = NULL;
    const char *text = "before";
    int64_t n = 77;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(json_parse(&doc, slice_str("{\"a\":\"x\",\"b\":2}"), NULL, &e), 0);
    assert_int_equal(json_want_text(json_root(doc), "b", &text, &e), -1);
    assert_string_equal(err_text(&e), "member 'b' must be a string");
    assert_int_equal(json_want_text(json_root(doc), "c", &text, &e), -1);
    assert_string_equal(err_text(&e), "member 'c' is missing");
    assert_int_equal(json_want_text(NULL, "c", &text, &e), -1);
    assert_string_equal(text, "before");
    assert_int_equal(json_want_text(json_root(doc), "a", &text, &e), 0);
    assert_string_equal(text, "x");
    assert_int_equal(json_want_int(json_root(doc), "a", &n, &e), -1);
    assert_int_equal(n, 77);
    assert_int_equal(json_want_int(json_root(doc), "b", &n, &e), 0);
    assert_int_equal(n, 2);
    assert_int_equal(json_only(json_root(doc), known, &e), 0);
    assert_int_equal(json_only(json_root(doc), known + 1, &e), -1);
    assert_string_equal(err_text(&e), "member 'a' is not known");
    assert_int_equal(json_only(json_get(json_root(doc), "a"), known, &e), -1);
    assert_int_equal(e.code, ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_kept_duplicates),
        cmocka_unit_test(test_access),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_iterate),
        cmocka_unit_test(test_wants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
