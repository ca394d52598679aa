#include "unit.h"

#include "wire/yaml.h"

static void print(const struct json *doc, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out, false);
    json_put_value(&w, NULL, json_root(doc));
    assert_false(out->failed);
}

/* Writes JSON as YAML, and reads that back to the same tree. */
static void write_and_reread(struct buf *out, struct slice json)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(json_freep) struct json *reread = NULL;
    CLEANUP(buf_clear) struct buf before = { 0 }, after = { 0 };
    struct err e = { 0 };

    if (json_parse(&doc, json, NULL, &e))
        fail_msg(SLICE_FMT ": %s", SLICE_ARG(json), err_text(&e));
    yaml_write(out, json_root(doc));
    assert_false(out->failed);
    if (yaml_parse(&reread, buf_slice(out), NULL, &e))
        fail_msg("%s: %s", buf_str(out), err_text(&e));
    print(doc, &before);
    print(reread, &after);
    assert_string_equal(buf_str(&before), buf_str(&after));
}

/* clang-format off */
static const struct { const char *json, *yaml; } trees[] = {
    { "{}", "{}\n" }, { "[]", "[]\n" }, { "null", "null\n" }, { "12", "12\n" }, { "-1.5", "-1.5\n" }, { "\"a\"", "a\n" },
    { "{\"a\":1,\"b\":{\"c\":true,\"d\":null},\"e\":\"x\"}", "a: 1\nb:\n  c: true\n  d: null\ne: x\n" },
    { "{\"a\":[1,{\"b\":2,\"c\":[3]},[]],\"d\":{}}",
      "a:\n- 1\n- b: 2\n  c:\n  - 3\n- []\nd: {}\n" },
    { "[[1,[2]],[{\"a\":[{\"b\":1}]}]]", "- - 1\n  - - 2\n- - a:\n    - b: 1\n" },
    { "{\"a\":{\"b\":[{\"c\":{\"d\":1}}]}}", "a:\n  b:\n  - c:\n      d: 1\n" },
    { "[{\"a\":{\"b\":1}}]", "- a:\n    b: 1\n" },
    { "{\"text\":\"one\\ntwo\\n\",\"more\":\"one\\n  two\\n\\nthree\"}",
      "text: |\n  one\n  two\nmore: |-\n  one\n    two\n\n  three\n" },
    { "[\"a\\nb\",[\"c\\nd\\n\"]]", "- |-\n  a\n  b\n- - |\n    c\n    d\n" },
    { "\"a\\nb\\n\"", "|\n  a\n  b\n" },
    { "{\"\":1,\"true\":2,\"a b\":3,\"a: b\":4,\"x\\ny\":5,\"12\":6}",
      "\"\": 1\n\"true\": 2\na b: 3\n\"a: b\": 4\n\"x\\ny\": 5\n\"12\": 6\n" },
};

/* As they stand, plain or quoted. */
static const char *const plain[] = {
    "a", "demo", "system:node:web-1", "https://10.0.0.1:6443", "/etc/kubernetes/pki/ca.crt", "v1", "10.0.0.1/24", "8h", "1h30m",
    "client.authentication.k8s.io/v1", "hello world", "a,b", "x@y.z", "LS0tLS1CRUdJTg==", "a  b", "_x", ".hidden/x", "1st", "a-",
};
static const char *const quoted[] = {
    "", "~", "null", "Null", "TRUE", "yes", "No", "on", "OFF", "y", "N", "12", "-1", "+1", "0x1F", "0o17", "0644", "1e3", ".5", "5.", "1_000",
    "1:30", "190:20:30", "2026-11-23", "2026-11-23T01:32:00Z", "10.0.0.1", "1.36.3", ".inf", "-.INF", ".NaN", "=", "<<", "-", "--", "---", "...", "- a",
    "a: b", "a:", ":a", "a #b", "a#b", "#a", " a", "a ", "\\ta", "a\\tb", "'a", "\\\"a", "[a]", "{a}", "*a", "&a", "!a", "%a", "@a", "`a", "|", ">", "?", "? a",
    "a\\\\b", "h\xc3\xa9", "\\u0085", "\\u2028x", "\\ufeff", "\\ufffe", "\\u007f", "\\u0001", "\\n", "a\\n\\n", " a\\nb", "a \\nb", "a\\n b ", "a\\r\\nb", "\xf0\x9f\x98\x80",
};
/* clang-format on */

static void test_trees(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };

        write_and_reread(&out, slice_str(trees[i].json));
        assert_string_equal(buf_str(&out), trees[i].yaml);
    }
}

/* Each string, as it stands in JSON, is value, key and element. */
static void check_string(const char *text, bool is_plain)
{
    CLEANUP(buf_clear) struct buf json = { 0 }, out = { 0 };

    buf_addf(&json, "[\"%s\"]", text);
    write_and_reread(&out, buf_slice(&json));
    if ((out.ptr[2] != '"') != is_plain)
        fail_msg("'%s' is written %s", text, buf_str(&out));
    buf_reset(&json);
    buf_reset(&out);
    buf_addf(&json, "{\"%s\":[{\"%s\":{\"%s\":\"%s\"}}]}", text, text, text, text);
    write_and_reread(&out, buf_slice(&json));
    buf_reset(&json);
    buf_reset(&out);
    buf_addf(&json, "\"%s\"", text);
    write_and_reread(&out, buf_slice(&json));
}

static void test_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        check_string(plain[i], true);
    for (size_t i = 0; i < ARRAY_LEN(quoted); i++)
        check_string(quoted[i], false);
}

/* YAML limits a key before its ':' to 1024 characters: a longer one is marked by '?'. */
static void test_long_keys(void **state)
{
    (void)state;
    for (size_t len = 995; len < 1030; len++) {
        CLEANUP(buf_clear) struct buf json = { 0 }, out = { 0 };
        char key[1100];

        memset(key, 'k', len);
        key[len] = '\0';
        buf_addf(&json, "[{\"%s\":[1],\"%s.\":{\"a\":\"%s\"},\"x\":{\"%s\":{\"b\":1}}}]", key, key,
                 key, key);
        write_and_reread(&out, buf_slice(&json));
        assert_int_equal(strstr(buf_str(&out), "? kkk") != NULL, len >= 1000);
    }
}

static void test_depth(void **state)
{
    CLEANUP(buf_clear) struct buf text = { 0 }, out = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct err e = { 0 };

    (void)state;
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&text, '[');
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&text, ']');
    assert_int_equal(
        json_parse(&doc, buf_slice(&text), &(struct json_limits){ .depth = 100000 }, &e), 0);
    yaml_write(&out, json_root(doc));
    assert_true(out.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_long_keys),
        cmocka_unit_test(test_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
