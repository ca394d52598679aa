#include "unit.h"

#include "base/clock.h"
#include "cli/render.h"
#include "cli/request.h"
#include "cli/text.h"
#include "wire/yaml.h"

/* clang-format off */
static const struct column columns[] = {
    { "NAME",  "name",  COLUMN_TEXT,      false },
    { "ENDS",  "ends",  COLUMN_TIME_LEFT, false },
    { "LIST",  "list",  COLUMN_LIST,      false },
    { "WIDE",  "a.b",   COLUMN_TEXT,      true  },
    { "GOOD",  "good",  COLUMN_BOOL,      false },
    { "COUNT", "list",  COLUMN_COUNT,     false },
    { 0 },
};
static const struct column fields[] = {
    { "Name",   "name", COLUMN_TEXT, false },
    { "Absent", "none", COLUMN_TEXT, false },
    { "Longer", "a.b",  COLUMN_TEXT, false },
    { 0 },
};
static const struct command list_command = { .noun = "thing", .items = "items", .columns = columns };
static const struct command object_command = { .noun = "thing", .fields = fields, .items = "rows", .columns = columns, .skip = "name=usual" };

/* Pages of one list: 0 ends them. */
static const char *const two_pages[] = {
    "{\"kind\":\"L\",\"items\":[{\"name\":\"a\",\"ends\":\"2001-01-02T00:00:00Z\",\"list\":[\"x\",\"y\"],\"good\":true},"
    "{\"name\":\"bb\",\"ends\":\"2000-12-30T00:00:00Z\",\"list\":[],\"a\":{\"b\":7}}],\"next\":\"N\",\"tail\":1}",
    "{\"kind\":\"L\",\"items\":[{\"name\":\"a-longer-one\",\"good\":false}],\"tail\":2}",
    NULL,
};
static const char *const no_items[] = { "{\"kind\":\"L\",\"items\":[]}", NULL };
static const char *const empty_first[] = {
    "{\"kind\":\"L\",\"items\":[],\"next\":\"N\"}", "{\"kind\":\"L\",\"items\":[{\"name\":\"a\"}]}", NULL,
};
static const char *const never_any[] = { "{\"items\":[],\"next\":\"N\"}", "{\"items\":[],\"next\":\"M\"}", "{\"items\":[]}", NULL };
static const char *const nasty[] = {
    "{\"items\":[{\"name\":\"\\u001b[31mred\\u202e\",\"text\":\"two\\nlines\\n\"},{\"name\":\"h\xc3\xa9\",\"list\":[1,null,true]}]}", NULL,
};

static const struct { const char *label; const char *const *pages; enum format format; const char *want; } lists[] = {
    { "a table over two pages", two_pages, FORMAT_TABLE,
      "NAME  ENDS            LIST  GOOD  COUNT\n"
      "a     1d              x,y   yes   2\n"
      "bb    expired 2d ago  -     -     0\n"
      "a-longer-one  -               -     no    0\n" },
    { "with the wide columns", two_pages, FORMAT_WIDE,
      "NAME  ENDS            LIST  WIDE  GOOD  COUNT\n"
      "a     1d              x,y   -     yes   2\n"
      "bb    expired 2d ago  -     7     -     0\n"
      "a-longer-one  -               -     -     no    0\n" },
    { "names", two_pages, FORMAT_NAME, "a\nbb\na-longer-one\n" },
    { "one document of JSON", two_pages, FORMAT_JSON,
      "{\n  \"kind\": \"L\",\n  \"items\": [\n    {\n      \"name\": \"a\",\n      \"ends\": \"2001-01-02T00:00:00Z\",\n"
      "      \"list\": [\n        \"x\",\n        \"y\"\n      ],\n      \"good\": true\n    },\n    {\n      \"name\": \"bb\",\n"
      "      \"ends\": \"2000-12-30T00:00:00Z\",\n      \"list\": [],\n      \"a\": {\n        \"b\": 7\n      }\n    },\n"
      "    {\n      \"name\": \"a-longer-one\",\n      \"good\": false\n    }\n  ],\n  \"tail\": 2\n}\n" },
    { "nothing as a table",      no_items,    FORMAT_TABLE, "" },
    { "nothing as JSON",         no_items,    FORMAT_JSON,  "{\n  \"kind\": \"L\",\n  \"items\": []\n}\n" },
    { "nothing as YAML",         no_items,    FORMAT_YAML,  "kind: L\nitems: []\n" },
    { "nothing as names",        no_items,    FORMAT_NAME,  "" },
    { "an empty first page",     empty_first, FORMAT_TABLE, "NAME  ENDS  LIST  GOOD  COUNT\na     -     -     -     0\n" },
    { "an empty first page",     empty_first, FORMAT_YAML,  "kind: L\nitems:\n- name: a\n" },
    { "empty pages",             never_any,   FORMAT_YAML,  "items: []\n" },
    { "empty pages",             never_any,   FORMAT_JSON,  "{\n  \"items\": []\n}\n" },
    { "controls, wide letters",  nasty,       FORMAT_TABLE,
      "NAME       ENDS  LIST    GOOD  COUNT\n"
      "?[31mred?  -     -       -     0\n"
      "h\xc3\xa9         -     1,,yes  -     3\n" },
};

static const struct { const char *label, *json; enum format format; const char *want; } objects[] = {
    { "fields alone",         "{\"name\":\"x\",\"none\":null}", FORMAT_TABLE, "Name:    x\n" },
    { "fields and rows",      "{\"name\":\"x\",\"a\":{\"b\":\"y\"},\"rows\":[{\"name\":\"r\"}]}", FORMAT_TABLE,
      "Name:    x\nLonger:  y\n\nNAME  ENDS  LIST  GOOD  COUNT\nr     -     -     -     0\n" },
    { "rows alone",           "{\"rows\":[{\"name\":\"r\"}]}", FORMAT_TABLE, "NAME  ENDS  LIST  GOOD  COUNT\nr     -     -     -     0\n" },
    { "the usual row is left out", "{\"name\":\"x\",\"rows\":[{\"name\":\"usual\"},{\"name\":\"r\"}]}", FORMAT_TABLE,
      "Name:    x\n\nNAME  ENDS  LIST  GOOD  COUNT\nr     -     -     -     0\n" },
    { "nothing but usual rows", "{\"name\":\"x\",\"rows\":[{\"name\":\"usual\"}]}", FORMAT_TABLE, "Name:    x\n" },
    { "wide leaves nothing out", "{\"rows\":[{\"name\":\"usual\"}]}", FORMAT_WIDE,
      "NAME   ENDS  LIST  WIDE  GOOD  COUNT\nusual  -     -     -     -     0\n" },
    { "its name",             "{\"name\":\"x\",\"rows\":[{\"name\":\"r\"}]}", FORMAT_NAME, "x\n" },
    { "no name",              "{}", FORMAT_NAME, "" },
    { "YAML",                 "{\"name\":\"x\",\"rows\":[{\"name\":\"r\"}]}", FORMAT_YAML, "name: x\nrows:\n- name: r\n" },
};
/* clang-format on */

static int fetch(const char *cursor, struct json **page, void *ctx, struct err *e)
{
    const char *const **next = ctx;

    (void)cursor;
    assert_non_null(**next);
    return json_parse(page, slice_str(*(*next)++), NULL, e);
}

static struct renderer renderer_of(const struct command *command, enum format format)
{
    struct renderer r = { .command = command, .format = format };
    struct err e = { 0 };

    assert_int_equal(time_parse(&r.now, slice_str("2001-01-01T00:00:00Z"), &e), 0);
    return r;
}

static void render_pages(struct renderer *r, const char *const *pages)
{
    const char *const *next = pages;
    struct err e = { 0 };

    if (render_list(r, fetch, &next, &e))
        fail_msg("%s", err_text(&e));
    assert_null(*next);
}

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        CLEANUP(renderer_clear) struct renderer r = renderer_of(&list_command, lists[i].format);

        render_pages(&r, lists[i].pages);
        if (strcmp(buf_str(&r.out), lists[i].want) != 0)
            fail_msg("%s:\n%s", lists[i].label, buf_str(&r.out));
    }
}

/* The pieces of a list read as one document, the same in both languages. */
static void test_documents(void **state)
{
    static const char *const *const all[] = { two_pages, no_items, empty_first, never_any, nasty };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        CLEANUP(renderer_clear) struct renderer json = renderer_of(&list_command, FORMAT_JSON);
        CLEANUP(renderer_clear) struct renderer yaml = renderer_of(&list_command, FORMAT_YAML);
        CLEANUP(json_freep) struct json *a = NULL, *b = NULL;
        CLEANUP(buf_clear) struct buf first = { 0 }, second = { 0 };
        struct err e = { 0 };

        render_pages(&json, all[i]);
        render_pages(&yaml, all[i]);
        if (json_parse(&a, buf_slice(&json.out), NULL, &e) ||
            yaml_parse(&b, buf_slice(&yaml.out), NULL, &e))
            fail_msg("%zu: %s", i, err_text(&e));
        yaml_write(&first, json_root(a));
        yaml_write(&second, json_root(b));
        assert_string_equal(buf_str(&first), buf_str(&second));
        assert_string_equal(buf_str(&first), buf_str(&yaml.out));
    }
}

static void test_objects(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        CLEANUP(renderer_clear) struct renderer r = renderer_of(&object_command, objects[i].format);
        CLEANUP(json_freep) struct json *doc = NULL;
        struct err e = { 0 };

        assert_int_equal(json_parse(&doc, slice_str(objects[i].json), NULL, &e), 0);
        assert_int_equal(render_object(&r, json_root(doc), &e), 0);
        if (strcmp(buf_str(&r.out), objects[i].want) != 0)
            fail_msg("%s:\n%s", objects[i].label, buf_str(&r.out));
    }
}

static void test_color(void **state)
{
    static const char *const pages[] = {
        "{\"items\":[{\"name\":\"a\",\"ends\":\"2000-01-01T00:00:00Z\"},"
        "{\"name\":\"b\",\"ends\":\"2001-01-02T00:00:00Z\"},"
        "{\"name\":\"c\",\"ends\":\"2002-01-02T00:00:00Z\"}]}",
        NULL,
    };
    CLEANUP(renderer_clear) struct renderer r = renderer_of(&list_command, FORMAT_TABLE);

    (void)state;
    r.color = true;
    render_pages(&r, pages);
    assert_non_null(strstr(buf_str(&r.out), "\033[1mNAME\033[0m"));
    assert_non_null(strstr(buf_str(&r.out), "\033[31mexpired"));
    assert_non_null(strstr(buf_str(&r.out), "\033[33m1d\033[0m"));
    assert_non_null(strstr(buf_str(&r.out), "c     1y1d"));
}

/* What is kept is one page, whatever the length of the list. */
struct flow {
    int left;
    size_t most;
};

static int fetch_many(const char *cursor, struct json **page, void *ctx, struct err *e)
{
    struct flow *f = ctx;

    (void)cursor;
    return json_parse(page,
                      slice_str(--f->left ? "{\"items\":[{\"name\":\"a\"}],\"next\":\"N\"}"
                                          : "{\"items\":[{\"name\":\"b\"}]}"),
                      NULL, e);
}

static int drain(struct buf *out, void *ctx, struct err *e)
{
    struct flow *f = ctx;

    (void)e;
    if (out->len > f->most)
        f->most = out->len;
    buf_reset(out);
    return 0;
}

static void test_constant_memory(void **state)
{
    (void)state;
    for (enum format format = FORMAT_TABLE; format <= FORMAT_NAME; format++) {
        CLEANUP(renderer_clear) struct renderer r = renderer_of(&list_command, format);
        struct flow f = { .left = 10000 };
        struct err e = { 0 };

        r.flush = drain;
        r.ctx = &f;
        assert_int_equal(render_list(&r, fetch_many, &f, &e), 0);
        assert_true(f.most > 0 && f.most < 300);
        assert_true(r.out.cap < 4096);
    }
}

/* ---- requests ---- */

/* clang-format off */
static const struct { const char *label; struct command command; const char *args, *cursor, *path, *body; } requests[] = {
    { "a list",            { .method = HTTP_GET, .path = "/v1/things" }, "{}", NULL, "/v1/things", "" },
    { "the next page",     { .method = HTTP_GET, .path = "/v1/things" }, "{}", "a/b=", "/v1/things?cursor=a%2Fb%3D", "" },
    { "into path, query",  { .method = HTTP_GET, .path = "/v1/things/{thing}/parts" },
      "{\"thing\":\"a b/..\",\"q\":\"x&y\",\"flag\":true,\"n\":7}", "c",
      "/v1/things/a%20b%2F../parts?q=x%26y&flag=true&n=7&cursor=c", "" },
    { "into path, body",   { .method = HTTP_POST, .path = "/v1/things/{thing}" },
      "{\"thing\":\"\xc3\xa9\",\"list\":[\"a\"],\"flag\":true}", NULL, "/v1/things/%C3%A9", "{\"list\":[\"a\"],\"flag\":true}" },
    { "no body",           { .method = HTTP_POST, .path = "/v1/things/{thing}" }, "{\"thing\":\"x\"}", NULL, "/v1/things/x", "" },
    { "a name in a name",  { .method = HTTP_POST, .path = "/v1/{things}" }, "{\"thing\":\"x\",\"things\":\"y\"}", NULL, "/v1/y", "{\"thing\":\"x\"}" },
    { "deletion",          { .method = HTTP_DELETE, .path = "/v1/{thing}" }, "{\"thing\":\"x\",\"revision\":3}", NULL, "/v1/x?revision=3", "" },
};
/* clang-format on */

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        CLEANUP(buf_clear) struct buf path = { 0 }, body = { 0 };
        CLEANUP(json_freep) struct json *args = NULL;
        struct err e = { 0 };

        assert_int_equal(json_parse(&args, slice_str(requests[i].args), NULL, &e), 0);
        request_path(&path, &requests[i].command, json_root(args), requests[i].cursor);
        request_body(&body, &requests[i].command, json_root(args));
        if (strcmp(buf_str(&path), requests[i].path) != 0 ||
            strcmp(buf_str(&body), requests[i].body) != 0)
            fail_msg("%s: %s %s", requests[i].label, buf_str(&path), buf_str(&body));
    }
}

/* ---- texts ---- */

static void test_expand(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *want; } cases[] = {
        { "plain",                  "plain" },
        { "{name} and {arg}",       "from reply and from args" },
        { "{list}|{a.b}|{none}|",   "x,y|7||" },
        { "unclosed {name",         "unclosed " },
        { "{yes}{no}",              "yesno" },
    };
    /* clang-format on */
    CLEANUP(json_freep) struct json *reply = NULL, *args = NULL;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(json_parse(&reply,
                                slice_str("{\"name\":\"from reply\",\"list\":[\"x\",\"y\"],"
                                          "\"a\":{\"b\":7},\"yes\":true,\"no\":false}"),
                                NULL, &e),
                     0);
    assert_int_equal(
        json_parse(&args, slice_str("{\"name\":\"no\",\"arg\":\"from args\"}"), NULL, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };

        text_expand(&out, cases[i].text, json_root(reply), json_root(args));
        assert_string_equal(buf_str(&out), cases[i].want);
    }
}

static void test_fill(void **state)
{
    /* clang-format off */
    static const struct { const char *text; struct fill fill; const char *want; } cases[] = {
        { "",                     { 0, 10, 0 }, "\n" },
        { "one",                  { 0, 10, 0 }, "one\n" },
        { "one two three",        { 0, 8, 0 },  "one two\nthree\n" },
        { "one two three",        { 2, 8, 4 },  "one\n  two\n  three\n" },
        { "a-very-long-word x",   { 0, 8, 0 },  "a-very-long-word\nx\n" },
        { "one\n\ntwo  three",    { 0, 20, 0 }, "one\n\ntwo three\n" },
        { "\xc3\xa9\xc3\xa9 \xc3\xa9\xc3\xa9", { 0, 5, 0 }, "\xc3\xa9\xc3\xa9 \xc3\xa9\xc3\xa9\n" },
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };

        text_fill(&out, cases[i].text, &cases[i].fill);
        assert_string_equal(buf_str(&out), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),    cmocka_unit_test(test_documents),
        cmocka_unit_test(test_objects),  cmocka_unit_test(test_color),
        cmocka_unit_test(test_requests), cmocka_unit_test(test_constant_memory),
        cmocka_unit_test(test_expand),   cmocka_unit_test(test_fill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
