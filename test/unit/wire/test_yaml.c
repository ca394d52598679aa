#include "unit.h"

#include "base/clock.h"
#include "wire/yaml.h"

static void print(const struct json *doc, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out, false);
    json_put_value(&w, NULL, json_root(doc));
}

/* clang-format off */
static const struct { const char *label, *yaml, *json; } trees[] = {
    { "a mapping",       "a: 1\nb: [x, {y: z}]\n",      "{\"a\":1,\"b\":[\"x\",{\"y\":\"z\"}]}" },
    { "kubectl's lists", "a:\n- 1\n- b: 2\n  c: 3\n",   "{\"a\":[1,{\"b\":2,\"c\":3}]}" },
    { "an empty value",  "a:\nb: ~\n",                  "{\"a\":null,\"b\":null}" },
    { "nulls",           "[null, Null, NULL, ~, nUll, '', \"\"]", "[null,null,null,null,\"nUll\",\"\",\"\"]" },
    { "booleans",        "[true, True, TRUE, false, False, FALSE, tRUE]", "[true,true,true,false,false,false,\"tRUE\"]" },
    { "words of 1.1",    "[yes, no, on, off, y, n, Yes]", "[\"yes\",\"no\",\"on\",\"off\",\"y\",\"n\",\"Yes\"]" },
    { "integers",        "[0, -0, +7, 007, -12, 0o17, 0x1F, 0xff]", "[0,0,7,7,-12,15,31,255]" },
    { "large integers",  "[9223372036854775807, 18446744073709551615, 0xffffffffffffffff]",
                         "[9223372036854775807,18446744073709551615,18446744073709551615]" },
    { "larger integers", "[18446744073709551616, -9223372036854775809]", "[18446744073709552000.0,-9223372036854776000.0]" },
    { "floats",          "[1.5, .5, 5., -1e3, +1.E2, 00.5, 1e-2, -.5e+1]", "[1.5,0.5,5.0,-1000.0,100.0,0.5,0.01,-5.0]" },
    { "no numbers",      "[1_000, 0b11, 1:30, 2026-11-23, 0o8, 0xg, 0x, 0o, '-', +, ., e1, 1e, 1.2.3, 1a, -0x1]",
                         "[\"1_000\",\"0b11\",\"1:30\",\"2026-11-23\",\"0o8\",\"0xg\",\"0x\",\"0o\",\"-\",\"+\",\".\",\"e1\",\"1e\","
                         "\"1.2.3\",\"1a\",\"-0x1\"]" },
    { "quoted",          "['12', \"true\", '~']",       "[\"12\",\"true\",\"~\"]" },
    { "keys are text",   "1: a\ntrue: b\n~: c\n0x1F: d\n.nan: e\n1e999: f\n",
                         "{\"1\":\"a\",\"true\":\"b\",\"~\":\"c\",\"0x1F\":\"d\",\".nan\":\"e\",\"1e999\":\"f\"}" },
    { "an empty key",    "? \n: a\n",                   "{\"\":\"a\"}" },
    { "core tags",       "[!!str 12, !!int '3', !!float 1, !!bool 'true', !!null '', !!str ~, !!seq [], !!map {}]",
                         "[\"12\",3,1.0,true,null,\"~\",[],{}]" },
    { "the lone tag",    "é: [x, ! 12, !\n 13, ! 'a', 14]\n", "{\"\xc3\xa9\":[\"x\",\"12\",\"13\",\"a\",14]}" },
    { "a tagged key",    "!!str a: 1\n! b: 2\n!!int 3: c\n", "{\"a\":1,\"b\":2,\"3\":\"c\"}" },
    { "block scalars",   "a: |\n  x\n   y\n\nb: >-\n  x\n  y\n", "{\"a\":\"x\\n y\\n\",\"b\":\"x y\"}" },
    { "escapes",         "\"\\x41\\u00e9\\U0001F600\\e\\N\"", "\"A\xc3\xa9\xf0\x9f\x98\x80\\u001b\xc2\x85\"" },
    { "Windows lines",   "a: 1\r\nb: ! 2\r\n",          "{\"a\":1,\"b\":\"2\"}" },
    { "a byte order mark", "\xef\xbb\xbf" "a: ! 1\n",   "{\"a\":\"1\"}" },
    { "JSON",            "{\"a\": [1, 2.5, null, \"\\u00e9\"]}", "{\"a\":[1,2.5,null,\"\xc3\xa9\"]}" },
    { "directive, comment, end", "%YAML 1.2\n--- # comment\na: 1\n...\n", "{\"a\":1}" },
    { "an empty document", "---\n",                     "null" },
    { "a merge key",     "<<: {a: 1}\n",                "{\"<<\":{\"a\":1}}" },
};

static const struct { const char *label, *text; enum err_code want; const char *message; } refused[] = {
    { "nothing",          "",                     ERR_INVALID, "0 YAML documents, exactly one is wanted" },
    { "a comment",        "# a\n",                ERR_INVALID, "0 YAML documents, exactly one is wanted" },
    { "two documents",    "a: 1\n---\nb: 2\n",    ERR_INVALID, "2 YAML documents, exactly one is wanted" },
    { "an anchor",        "a: &x 1\n",            ERR_INVALID, "line 1, column 4: anchors are not allowed" },
    { "on a list",        "a: &x [1]\n",          ERR_INVALID, "line 1, column 4: anchors are not allowed" },
    { "on a mapping",     "- &x {}\n",            ERR_INVALID, "line 1, column 3: anchors are not allowed" },
    { "on a key",         "&x a: 1\n",            ERR_INVALID, "anchors are not allowed" },
    { "an alias",         "a: 1\nb: *x\n",        ERR_INVALID, "line 2, column 4: aliases are not allowed" },
    { "a local tag",      "a: !secret x\n",       ERR_INVALID, "line 1, column 4: this tag is not allowed" },
    { "a foreign tag",    "!!binary aGk=\n",      ERR_INVALID, "this tag is not allowed" },
    { "a verbatim tag",   "!<tag:x,2000:y> a\n",  ERR_INVALID, "this tag is not allowed" },
    { "a tagged list",    "!x [1]\n",             ERR_INVALID, "this tag is not allowed" },
    { "a lone tag there", "! [1]\n",              ERR_INVALID, "this tag is not allowed" },
    { "a map's tag",      "!!map [1]\n",          ERR_INVALID, "this tag is not allowed" },
    { "a list's tag",     "!!seq {}\n",           ERR_INVALID, "this tag is not allowed" },
    { "a scalar's tag",   "!!str [1]\n",          ERR_INVALID, "this tag is not allowed" },
    { "a tagged key",     "!x a: 1\n",            ERR_INVALID, "this tag is not allowed" },
    { "a tag directive",  "%TAG ! tag:x,2000:\n--- a\n", ERR_INVALID, "%TAG is not allowed" },
    { "no integer",       "!!int x\n",            ERR_INVALID, "this scalar is not what its tag or form says" },
    { "a float as int",   "!!int 1.5\n",          ERR_INVALID, "this scalar is not what its tag or form says" },
    { "hex as float",     "!!float 0x1\n",        ERR_INVALID, "this scalar is not what its tag or form says" },
    { "no boolean",       "!!bool yes\n",         ERR_INVALID, "this scalar is not what its tag or form says" },
    { "no null",          "!!null x\n",           ERR_INVALID, "this scalar is not what its tag or form says" },
    { "infinity",         "a: .inf\n",            ERR_INVALID, "this scalar is not what its tag or form says" },
    { "no number",        "a: .NaN\n",            ERR_INVALID, "this scalar is not what its tag or form says" },
    { "beyond a double",  "a: 1e999\n",           ERR_INVALID, "this scalar is not what its tag or form says" },
    { "beyond 64 bits",   "a: 0x10000000000000000\n", ERR_INVALID, "this scalar is not what its tag or form says" },
    { "a repeated key",   "a: 1\nb: 2\na: 3\n",   ERR_INVALID, "the key 'a' appears twice in one object" },
    { "in another form",  "1: a\n\"1\": b\n",     ERR_INVALID, "the key '1' appears twice in one object" },
    { "in flow style",    "x: [{a: 1, a: 2}]\n",  ERR_INVALID, "the key 'a' appears twice in one object" },
    { "a list as key",    "? [a, b]\n: c\n",      ERR_INVALID, "line 1, column 3: a key must be a scalar" },
    { "a mapping as key", "{a: b}: c\n",          ERR_INVALID, "a key must be a scalar" },
    { "NUL by escape",    "a: \"x\\0\"\n",        ERR_INVALID, "a string holds the character U+0000" },
    { "NUL in a key",     "\"x\\0\": a\n",        ERR_INVALID, "a string holds the character U+0000" },
    { "a control",        "a: \x01\n",            ERR_INVALID, "not YAML: " },
    { "no UTF-8",         "a: \xff\n",            ERR_INVALID, "not YAML: it is not UTF-8" },
    { "UTF-16",           "\xff\xfe" "a",         ERR_INVALID, "not YAML: it is not UTF-8" },
    { "a tab",            "a:\n\tb: 1\n",         ERR_INVALID, "not YAML: found character that cannot start any token at line 2, column 1" },
    { "an open list",     "[1, 2",                ERR_INVALID, "not YAML: " },
    { "bad indentation",  "a: 1\n b: 2\n",        ERR_INVALID, "not YAML: mapping values are not allowed in this context at line 2, column 3" },
};
/* clang-format on */

static void test_trees(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
        CLEANUP(json_freep) struct json *doc = NULL;
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct err e = { 0 };

        if (yaml_parse(&doc, slice_str(trees[i].yaml), NULL, &e))
            fail_msg("%s: %s", trees[i].label, err_text(&e));
        print(doc, &out);
        if (!slice_eq_str(buf_slice(&out), trees[i].json))
            fail_msg("%s: %s", trees[i].label, buf_str(&out));
    }
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        CLEANUP(json_freep) struct json *doc = NULL;
        struct err e = { 0 };
        int rc = yaml_parse(&doc, slice_str(refused[i].text), NULL, &e);

        if (rc == 0 || doc || e.code != refused[i].want || !strstr(e.msg, refused[i].message))
            fail_msg("%s: got %s", refused[i].label, err_text(&e));
    }
}

static void test_stream(void **state)
{
    static const char *const streams[][2] = {
        { "", "[]" },
        { "# nothing\n", "[]" },
        { "a: 1\n---\n- 2\n---\n--- x\n...\n", "[{\"a\":1},[2],null,\"x\"]" },
        { "---\n", "[null]" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        CLEANUP(json_freep) struct json *doc = NULL;
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct err e = { 0 };

        assert_int_equal(yaml_parse_stream(&doc, slice_str(streams[i][0]), NULL, &e), 0);
        print(doc, &out);
        assert_string_equal(buf_str(&out), streams[i][1]);
    }
}

static enum err_code parse_nested(size_t depth, const char *core, bool stream, unsigned limit)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct json_limits limits = { .depth = limit };
    struct err e = { 0 };

    for (size_t i = 0; i < depth; i++)
        buf_add_byte(&text, '[');
    buf_add_str(&text, core);
    for (size_t i = 0; i < depth; i++)
        buf_add_byte(&text, ']');
    (void)!(stream ? yaml_parse_stream : yaml_parse)(&doc, buf_slice(&text), &limits, &e);
    return e.code;
}

static void test_limits(void **state)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    struct json_limits limits = { .bytes = 4 };
    struct err e = { 0 };

    (void)state;
    for (int stream = 0; stream < 2; stream++) {
        assert_int_equal(parse_nested(31, "1", stream, 0), ERR_NONE);
        assert_int_equal(parse_nested(32, "1", stream, 0), ERR_LIMIT);
        assert_int_equal(parse_nested(32, "", stream, 0), ERR_NONE);
        assert_int_equal(parse_nested(33, "", stream, 0), ERR_LIMIT);
        assert_int_equal(parse_nested(30, "{a: {}}", stream, 0), ERR_NONE);
        assert_int_equal(parse_nested(30, "{a: {b: 1}}", stream, 0), ERR_LIMIT);
        assert_int_equal(parse_nested(511, "1", stream, 100000), ERR_NONE);
        assert_int_equal(parse_nested(100000, "1", stream, 200000), ERR_LIMIT);
    }
    assert_int_equal(yaml_parse(&doc, slice_str("a: 10"), &limits, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_int_equal(yaml_parse(&doc, slice_str("a: 1"), &limits, &e), 0);
}

static void test_many_values(void **state)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct err e = { 0 };
    int64_t start = clock_monotonic_ms();

    (void)state;
    for (int i = 0; i < 100000; i++)
        buf_addf(&text, "%d: a\n", 1000000 + i);
    assert_int_equal(yaml_parse(&doc, buf_slice(&text), NULL, &e), 0);
    assert_int_equal(json_len(json_root(doc)), 100000);
    buf_reset(&text);
    for (int i = 0; i < 1000000; i++)
        buf_add_str(&text, "-\n");
    json_free(doc);
    doc = NULL;
    assert_int_equal(yaml_parse(&doc, buf_slice(&text), NULL, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_true(clock_monotonic_ms() - start < 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_stream),      cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
