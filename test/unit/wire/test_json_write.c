#include "unit.h"

#include "wire/json.h"

static void write_sample(struct buf *out, bool pretty)
{
    struct json_writer w;

    json_writer_init(&w, out, pretty);
    json_put_object(&w, NULL);
    json_put_text(&w, "name", "demo");
    json_put_text(&w, "none", NULL);
    json_put_int(&w, "count", -3);
    json_put_array(&w, "list");
    json_put_int(&w, NULL, INT64_MIN);
    json_put_object(&w, NULL);
    json_put_bool(&w, "yes", true);
    json_put_end(&w);
    json_put_array(&w, NULL);
    json_put_end(&w);
    json_put_end(&w);
    json_put_object(&w, "empty");
    json_put_end(&w);
    json_put_time(&w, "at", 0);
    json_put_base64(&w, "bytes", slice_of("\0\xff", 2));
    json_put_null(&w, "last");
    json_put_end(&w);
    assert_int_equal(w.depth, 0);
}

static void test_dense(void **state)
{
    CLEANUP(buf_clear) struct buf out = { 0 };

    (void)state;
    write_sample(&out, false);
    assert_string_equal(buf_str(&out),
                        "{\"name\":\"demo\",\"none\":null,\"count\":-3,"
                        "\"list\":[-9223372036854775808,{\"yes\":true},[]],\"empty\":{},"
                        "\"at\":\"1970-01-01T00:00:00Z\",\"bytes\":\"AP8=\",\"last\":null}");
}

static void test_pretty(void **state)
{
    CLEANUP(buf_clear) struct buf out = { 0 };

    (void)state;
    write_sample(&out, true);
    assert_string_equal(buf_str(&out), "{\n"
                                       "  \"name\": \"demo\",\n"
                                       "  \"none\": null,\n"
                                       "  \"count\": -3,\n"
                                       "  \"list\": [\n"
                                       "    -9223372036854775808,\n"
                                       "    {\n"
                                       "      \"yes\": true\n"
                                       "    },\n"
                                       "    []\n"
                                       "  ],\n"
                                       "  \"empty\": {},\n"
                                       "  \"at\": \"1970-01-01T00:00:00Z\",\n"
                                       "  \"bytes\": \"AP8=\",\n"
                                       "  \"last\": null\n"
                                       "}");
}

/* clang-format off */
static const struct { const char *label, *text, *want; } strings[] = {
    { "plain",             "abc/",                    "\"abc/\""                          },
    { "empty",             "",                        "\"\""                              },
    { "quote, backslash",  "\"\\",                    "\"\\\"\\\\\""                      },
    { "short escapes",     "\b\f\n\r\t",              "\"\\b\\f\\n\\r\\t\""               },
    { "other controls",    "\x01\x1f\x7f",            "\"\\u0001\\u001f\x7f\""            },
    { "UTF-8",             "\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\""     },
    { "no UTF-8",          "a\xff\xc3z\xed\xa0\x80",  "\"a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    { "cut UTF-8",         "\xe2\x82",                "\"\xef\xbf\xbd\xef\xbf\xbd\""      },
};

static const struct { const char *text, *want; } copies[] = {
    { "null", "null" }, { "[ true , false ]", "[true,false]" }, { "{ }", "{}" },
    { "-0", "0" }, { "-0.0", "-0.0" }, { "1.0", "1.0" }, { "0.1", "0.1" }, { "1E2", "100.0" },
    { "18446744073709551615", "18446744073709551615" }, { "-9223372036854775808", "-9223372036854775808" },
    { "1.7976931348623157e308", "1.7976931348623157e308" }, { "5e-324", "5e-324" },
    { "{\"a\": {\"b\": [1, {\"c\": \"\\u0001\"}]}, \"\": 2}", "{\"a\":{\"b\":[1,{\"c\":\"\\u0001\"}]},\"\":2}" },
};
/* clang-format on */

static void test_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct json_writer w;

        json_writer_init(&w, &out, false);
        json_put_text(&w, NULL, strings[i].text);
        if (!slice_eq_str(buf_slice(&out), strings[i].want))
            fail_msg("%s: %s", strings[i].label, buf_str(&out));
    }
}

static void test_nul(void **state)
{
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct json_writer w;

    (void)state;
    json_writer_init(&w, &out, false);
    json_put_slice(&w, NULL, slice_of("a\0b", 3));
    assert_string_equal(buf_str(&out), "\"a\\u0000b\"");
}

static void test_copies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(copies); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };
        CLEANUP(json_freep) struct json *doc = NULL;
        struct json_writer w;
        struct err e = { 0 };

        assert_int_equal(json_parse(&doc, slice_str(copies[i].text), NULL, &e), 0);
        json_writer_init(&w, &out, false);
        json_put_value(&w, NULL, json_root(doc));
        assert_string_equal(buf_str(&out), copies[i].want);
    }
}

static void test_depth(void **state)
{
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct json_writer w;

    (void)state;
    json_writer_init(&w, &out, false);
    for (int i = 0; i < JSON_WRITER_DEPTH; i++)
        json_put_array(&w, NULL);
    json_put_int(&w, NULL, 1);
    assert_false(out.failed);
    json_put_object(&w, NULL);
    json_put_int(&w, "key", 1);
    json_put_array(&w, "deeper");
    json_put_end(&w);
    json_put_end(&w);
    for (int i = 0; i < JSON_WRITER_DEPTH; i++)
        json_put_end(&w);
    assert_int_equal(w.depth, 0);
    assert_true(out.failed);
}

/* A tree deeper than the writer fails instead of using the stack up. */
static void test_deep_copy(void **state)
{
    CLEANUP(buf_clear) struct buf text = { 0 }, out = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct json_writer w;
    struct err e = { 0 };

    (void)state;
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&text, '[');
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&text, ']');
    assert_int_equal(
        json_parse(&doc, buf_slice(&text), &(struct json_limits){ .depth = 100000 }, &e), 0);
    json_writer_init(&w, &out, false);
    json_put_value(&w, NULL, json_root(doc));
    assert_true(out.failed && w.depth == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense),     cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_strings),   cmocka_unit_test(test_nul),
        cmocka_unit_test(test_copies),    cmocka_unit_test(test_depth),
        cmocka_unit_test(test_deep_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
