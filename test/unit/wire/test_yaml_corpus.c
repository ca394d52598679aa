#include "unit.h"

#include "corpora.h"
#include "wire/json_tree.h"
#include "wire/yaml.h"

/*
 * yaml-test-suite, each case with what libyaml 0.2.5 makes of it. What libyaml rejects, we must;
 * what it accepts we refuse for these reasons alone, and so many times.
 */
static struct {
    const char *part; /* of our message */
    size_t want, got;
} reasons[] = {
    { "anchors are not allowed", 26, 0 },
    { "aliases are not allowed", 0, 0 }, /* an anchor comes first */
    { "this tag is not allowed", 10, 0 },
    { "%TAG is not allowed", 7, 0 },
    { "a key must be a scalar", 12, 0 },
    { "appears twice in one object", 0, 0 }, /* the suite has none */
    { "U+0000", 0, 0 },
};

/* Where our tree is another than the suite's, because libyaml reads it so. */
static const struct {
    const char *id, *why;
} differing[] = {
    { "652Z", "'?' without a blank starts a complex key in flow style" },
    { "HM87/01", "'?' without a blank starts a complex key in flow style" },
    { "JEF9/02", "the last line of a block ends without a line break" },
    { "L24T/01", "the last line of a block ends without a line break" },
    { "RR7F", "the suite's JSON has the members in another order" },
};

enum { CASES = 402 };
static size_t accepted, rejected, compared, different;

static bool is_known_to_differ(const char *id)
{
    for (size_t i = 0; i < ARRAY_LEN(differing); i++)
        if (strcmp(differing[i].id, id) == 0)
            return true;
    return false;
}

static void count_reason(const char *id, const struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (strstr(e->msg, reasons[i].part)) {
            reasons[i].got++;
            return;
        }
    fail_msg("%s: libyaml accepts it, we say: %s", id, e->msg);
}

static void print(struct buf *out, const struct json_value *v)
{
    struct json_writer w;

    json_writer_init(&w, out, false);
    json_put_value(&w, NULL, v);
    buf_add_byte(out, '\n');
}

/* The suite writes a stream's documents as JSON values one behind the other. */
static bool same_tree(const struct json *ours, struct slice suite)
{
    CLEANUP(buf_clear) struct buf left = { 0 }, right = { 0 };
    struct json_iter it = json_iter(json_root(ours));
    const struct json_value *value;
    const char *key;

    while (json_next(&it, &key, &value))
        print(&left, value);
    while ((suite = slice_trim(suite)).len) {
        yyjson_doc *doc =
            yyjson_read((const char *)suite.ptr, suite.len, YYJSON_READ_STOP_WHEN_DONE);
        size_t used = yyjson_doc_get_read_size(doc);

        print(&right, json_outside(yyjson_doc_get_root(doc)));
        yyjson_doc_free(doc);
        if (used == 0)
            return false;
        suite = slice_of(suite.ptr + used, suite.len - used);
    }
    return slice_eq(buf_slice(&left), buf_slice(&right));
}

static void check(const struct json_value *row)
{
    const char *id = json_text(json_get(row, "id"));
    const struct json_value *suite = json_get(row, "json");
    bool fine = slice_eq_str(json_slice(json_get(row, "libyaml")), "accepts");
    CLEANUP(json_freep) struct json *doc = NULL;
    struct err e = { 0 };

    if (yaml_parse_stream(&doc, json_slice(json_get(row, "yaml")), NULL, &e)) {
        rejected++;
        if (fine)
            count_reason(id, &e);
        return;
    }
    accepted++;
    if (!fine)
        fail_msg("%s: libyaml rejects it, we accept", id);
    if (!suite || json_bool(json_get(row, "error"), false))
        return;
    compared++;
    if (same_tree(doc, json_slice(suite)))
        return;
    different++;
    if (!is_known_to_differ(id))
        fail_msg("%s: another tree than the suite's", id);
}

/* Of the edition that the numbers were taken from: data-2022-01-17. */
static void check_counts(void)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].got != reasons[i].want)
            fail_msg("%s: %zu times", reasons[i].part, reasons[i].got);
    assert_int_equal(accepted, 218);
    assert_int_equal(different, ARRAY_LEN(differing));
}

static void test_suite(void **state)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct slice left, line;

    (void)state;
    if (!corpus_read(&text, "yaml/cases.jsonl")) {
        corpus_absent("yaml/cases.jsonl");
        return;
    }
    left = buf_slice(&text);
    while (slice_cut(&left, '\n', &line)) {
        CLEANUP(json_freep) struct json *row = NULL;
        struct err e = { 0 };

        assert_int_equal(json_parse(&row, line, NULL, &e), 0);
        check(json_root(row));
    }
    print_message("# accepted %zu, rejected %zu; trees compared %zu, other than the suite's %zu\n",
                  accepted, rejected, compared, different);
    if (accepted + rejected == CASES)
        check_counts();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
