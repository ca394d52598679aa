#include "door.h"

static struct json *events[64]; /* of the last pull */
static size_t event_count;

static void drop_events(void)
{
    while (event_count)
        json_free(events[--event_count]);
}

/* One call of `more`. */
static bool pull(struct door *d)
{
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct slice rest, line;
    struct err e = { 0 };
    bool end = false;

    drop_events();
    assert_non_null(d->answer.stream.src);
    if (d->answer.stream.more(d->answer.stream.src, &out, &end, &e))
        fail_msg("%s", err_text(&e));
    rest = buf_slice(&out);
    while (slice_cut(&rest, '\n', &line))
        assert_int_equal(json_parse(&events[event_count++], line, NULL, NULL), 0);
    assert_int_equal(rest.len, 0);
    return end;
}

static void want_event(size_t i, const char *type, const char *name)
{
    const char *got, *called;

    if (i >= event_count)
        fail_msg("there are %zu events, %s is missing", event_count, type);
    got = json_text(json_get(json_root(events[i]), "type"));
    called = json_text(json_path(json_root(events[i]), "object.name"));
    if (strcmp(got, type) != 0 || strcmp(called ? called : "", name) != 0)
        fail_msg("event %zu is %s of '%s', not %s of '%s'", i, got, called ? called : "", type,
                 name);
}

static int64_t sequence_of(size_t i)
{
    return json_int(json_get(json_root(events[i]), "sequence"), -1);
}

static void test_list_then_changes(void **state)
{
    struct door d, other;
    int64_t after;
    char path[80];

    (void)state;
    door_start(&d);
    other = (struct door){ 0 };
    memcpy(other.state, d.state, sizeof other.state);
    door_open_at(&other, DOOR_NOW);
    door_cluster(&other);

    assert_int_equal(door_ask(&d, HTTP_GET, "/v1/clusters?watch=1", NULL), 200);
    assert_string_equal(d.answer.type, "application/x-ndjson");
    assert_false(pull(&d));
    want_event(0, "ADDED", "demo");
    want_event(1, "BOOKMARK", "");
    assert_int_equal(sequence_of(0), 0);
    after = sequence_of(1);
    assert_false(pull(&d));
    assert_int_equal(event_count, 0);

    assert_int_equal(door_ask(&other, HTTP_POST, "/v1/clusters", DOOR_CLUSTER("second")), 201);
    assert_false(pull(&d));
    assert_int_equal(event_count, 1);
    want_event(0, "ADDED", "second");
    assert_int_equal(door_ask(&other, HTTP_DELETE, "/v1/clusters/demo", NULL), 200);
    assert_false(pull(&d));
    assert_int_equal(event_count, 1);
    want_event(0, "DELETED", "");

    /* Whoever was cut off after the bookmark misses nothing. */
    snprintf(path, sizeof path, "/v1/clusters?watch=1&since=%lld", (long long)after);
    assert_int_equal(door_ask(&d, HTTP_GET, path, NULL), 200);
    assert_false(pull(&d));
    assert_int_equal(event_count, 2);
    want_event(0, "ADDED", "second");
    want_event(1, "DELETED", "");
    drop_events();
    api_close(other.api);
    api_response_clear(&other.answer);
    json_free(other.body);
    door_end(&d);
}

/* clang-format off */
static const struct {
    const char *path;
    int status;
    const char *code;
} refused[] = {
    { "/v1/clusters?watch=1&since=999999999", 410, "gone" },
    { "/v1/clusters?watch=1&since=-1",        400, "invalid" },
    { "/v1/clusters?watch=1&since=x",         400, "invalid" },
    { "/v1/clusters?watch=1&since=",          400, "invalid" },
    { "/v1/profiles?watch=1",                 400, "invalid" },
    { "/v1/clusters/demo?watch=1",            400, "invalid" },
    { "/v1/changes?since=999999999",          410, "gone" },
    { "/v1/certificates?watch=1&cluster=demo", 400, "invalid" },
};
/* clang-format on */

static void test_refused(void **state)
{
    struct door d;

    (void)state;
    door_start(&d);
    door_cluster(&d);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        (void)door_ask(&d, HTTP_GET, refused[i].path, NULL);
        door_want(&d, refused[i].path, refused[i].status, refused[i].code);
        assert_null(d.answer.stream.src);
    }
    assert_int_equal(door_ask(&d, HTTP_GET, "/v1/clusters?watch=0", NULL), 200);
    assert_null(d.answer.stream.src);
    assert_int_equal(door_ask(&d, HTTP_HEAD, "/v1/clusters?watch=1", NULL), 200);
    assert_null(d.answer.stream.src);
    door_end(&d);
}

static void test_changes(void **state)
{
    struct door d;

    (void)state;
    door_start(&d);
    door_cluster(&d);
    assert_int_equal(door_ask(&d, HTTP_GET, "/v1/changes?limit=1000", NULL), 200);
    assert_true(door_int(&d, "sequence") > 5);
    for (size_t i = 0; i < json_len(json_path(json_root(d.body), "items")); i++) {
        const char *kind =
            json_text(json_get(json_at(json_path(json_root(d.body), "items"), i), "kind"));

        assert_string_not_equal(kind, "data-key");
        assert_string_not_equal(kind, "keeper");
    }
    assert_int_equal(door_ask(&d, HTTP_GET, "/v1/changes?watch=1&since=0", NULL), 200);
    assert_false(pull(&d));
    assert_true(event_count > 5);
    drop_events();
    door_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_then_changes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
