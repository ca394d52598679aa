#include "door.h"

#include "api/http.h"
#include "base/clock.h"
#include <zlib.h>

/* ---- methods ---- */

/* clang-format off */
static const struct {
    enum http_method method;
    const char *path;
    int status;
    const char *code, *allow;
} methods[] = {
    { HTTP_GET,     "/v1/clusters",      200, "",          "" },
    { HTTP_HEAD,    "/v1/clusters",      200, "",          "" },
    { HTTP_OPTIONS, "/v1/clusters",      204, "",          "GET, HEAD, POST, OPTIONS" },
    { HTTP_OPTIONS, "/v1/clusters/demo", 204, "",          "GET, HEAD, DELETE, OPTIONS" },
    { HTTP_PUT,     "/v1/clusters",      405, "method",    "GET, HEAD, POST, OPTIONS" },
    { HTTP_PATCH,   "/v1/clusters/demo", 405, "method",    "GET, HEAD, DELETE, OPTIONS" },
    { HTTP_HEAD,    "/v1/state/check",   405, "method",    "POST, OPTIONS" },
    { HTTP_GET,     "/v1/nothing",       404, "not-found", "" },
    { HTTP_OPTIONS, "/v1/nothing",       404, "not-found", "" },
    { HTTP_GET,     "/v1/clusters/",     404, "not-found", "" },
    { HTTP_GET,     "/",                 404, "not-found", "" },
    { HTTP_GET,     "*",                 404, "not-found", "" },
    { HTTP_GET,     "/v1/clusters/%zz",  400, "invalid",   "" },
    { HTTP_GET,     "/v1/clusters/%00",  400, "invalid",   "" },
    { HTTP_GET,     "/v1/clusters?x=1",  400, "invalid",   "" },
};
/* clang-format on */

static void test_methods(void **state)
{
    struct door d;

    (void)state;
    door_start(&d);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        (void)door_ask(&d, methods[i].method, methods[i].path, NULL);
        door_want(&d, methods[i].path, methods[i].status, methods[i].code);
        assert_string_equal(d.answer.allow, methods[i].allow);
        if (methods[i].status == 204)
            assert_int_equal(d.answer.body.len, 0);
    }
    door_end(&d);
}

/* ---- types ---- */

/* clang-format off */
static const struct {
    const char *content_type, *accept, *body;
    int status;
    const char *code;
} types[] = {
    { "application/json",                 NULL,                        "{}",  400, "invalid" }, /* read */
    { "Application/JSON; charset=utf-8",  NULL,                        "{}",  400, "invalid" },
    { "application/x-www-form-urlencoded", NULL,                       "{}",  415, "type" },
    { "text/plain",                       NULL,                        "{}",  415, "type" },
    { "application/jsonx",                NULL,                        "{}",  415, "type" },
    { NULL,                               "text/html",                 "{}",  406, "accept" },
    { NULL,                               "application/json;q=0",      "{}",  406, "accept" },
    { NULL,                               "application/json; q=0.000", "{}",  406, "accept" },
    { NULL,                               "application/json;q=0.5",    "{}",  400, "invalid" },
    { NULL,                               "text/html, */*;q=0.1",      "{}",  400, "invalid" },
    { NULL,                               "application/*",             "{}",  400, "invalid" },
    { NULL,                               NULL,                        "[]",  400, "invalid" },
    { NULL,                               NULL,                        "\"x\"", 400, "invalid" },
    { NULL,                               NULL,                        "{",   400, "invalid" },
};
/* clang-format on */

static void test_types(void **state)
{
    struct door d;

    (void)state;
    door_start(&d);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct api_request request = { .method = HTTP_POST,
                                       .path = "/v1/clusters",
                                       .body = slice_str(types[i].body),
                                       .content_type = slice_str(types[i].content_type),
                                       .accept = slice_str(types[i].accept) };
        char label[16];

        (void)door_send(&d, &request);
        snprintf(label, sizeof label, "types %zu", i);
        door_want(&d, label, types[i].status, types[i].code);
        assert_string_equal(d.answer.type, "application/problem+json");
    }
    door_end(&d);
}

static void test_named_field(void **state)
{
    struct door d;

    (void)state;
    door_start(&d);
    door_cluster(&d);
    (void)door_ask(&d, HTTP_GET, "/v1/clusters?limit=0", NULL);
    door_want(&d, "limit", 400, "invalid");
    assert_string_equal(door_text(&d, "errors.0.field"), "limit");
    (void)door_ask(&d, HTTP_POST, "/v1/clusters/demo/certificates",
                   "{\"profile\":\"operator\",\"csr\":\"x\"}");
    door_want(&d, "csr", 400, "invalid");
    assert_string_equal(door_text(&d, "errors.0.field"), "csr");
    assert_string_equal(door_text(&d, "errors.0.detail"), door_text(&d, "detail"));
    (void)door_ask(&d, HTTP_POST, "/v1/clusters/demo/certificates", "{\"surplus\":1}");
    assert_string_equal(door_text(&d, "errors.0.field"), "surplus");
    door_end(&d);
}

/* ---- entity tags ---- */

static int with_tag(struct door *d, enum http_method method, const char *path, const char *if_match,
                    const char *if_none_match)
{
    return door_send(d, &(struct api_request){ .method = method,
                                               .path = path,
                                               .if_match = slice_str(if_match),
                                               .if_none_match = slice_str(if_none_match) });
}

static void test_entity_tags(void **state)
{
    struct door d;
    char now[32], weak[48], list[64], path[64];
    int64_t revision;

    (void)state;
    door_start(&d);
    assert_int_equal(door_ask(&d, HTTP_POST, "/v1/clusters", DOOR_CLUSTER("demo")), 201);
    assert_string_equal(d.answer.location, "/v1/clusters/demo");
    revision = d.answer.revision;
    assert_int_equal(door_ask(&d, HTTP_POST, "/v1/clusters", DOOR_CLUSTER("demo")), 200);
    assert_string_equal(d.answer.location, "");
    assert_int_equal(door_ask(&d, HTTP_GET, "/v1/clusters/demo", NULL), 200);
    assert_true(revision > 0 && d.answer.revision == revision);
    assert_int_equal(door_int(&d, "revision"), revision);
    snprintf(now, sizeof now, "\"%lld\"", (long long)revision);
    snprintf(weak, sizeof weak, "W/%s", now);
    snprintf(list, sizeof list, "\"abc\" , %s", now);

    assert_int_equal(with_tag(&d, HTTP_GET, "/v1/clusters/demo", NULL, now), 304);
    assert_true(d.answer.body.len == 0 && d.answer.revision == revision && !d.answer.type);
    assert_int_equal(with_tag(&d, HTTP_HEAD, "/v1/clusters/demo", NULL, weak), 304);
    assert_int_equal(with_tag(&d, HTTP_GET, "/v1/clusters/demo", NULL, list), 304);
    assert_int_equal(with_tag(&d, HTTP_GET, "/v1/clusters/demo", NULL, "*"), 304);
    assert_int_equal(with_tag(&d, HTTP_GET, "/v1/clusters/demo", NULL, "\"1\""), 200);
    assert_int_equal(with_tag(&d, HTTP_GET, "/v1/clusters", NULL, now), 200);
    assert_int_equal(with_tag(&d, HTTP_GET, "/v1/clusters/demo", now, NULL), 200);
    assert_int_equal(with_tag(&d, HTTP_GET, "/v1/clusters/demo", "\"1\"", NULL), 412);

    assert_int_equal(with_tag(&d, HTTP_DELETE, "/v1/clusters/demo", "\"1\"", NULL), 412);
    door_want(&d, "an old tag", 412, "stale");
    assert_int_equal(with_tag(&d, HTTP_DELETE, "/v1/clusters/demo", weak, NULL), 412);
    assert_int_equal(with_tag(&d, HTTP_DELETE, "/v1/clusters/demo", "demo", NULL), 412);
    assert_int_equal(with_tag(&d, HTTP_DELETE, "/v1/clusters/demo", list, NULL), 400);
    assert_int_equal(with_tag(&d, HTTP_POST, "/v1/state/check", now, NULL), 412);
    assert_int_equal(door_ask(&d, HTTP_DELETE, "/v1/clusters/demo?revision=1", NULL), 409);
    assert_int_equal(door_ask(&d, HTTP_DELETE, "/v1/clusters/demo?revision=x", NULL), 400);
    assert_int_equal(door_ask(&d, HTTP_GET, "/v1/clusters/demo?revision=1", NULL), 400);
    assert_int_equal(door_ask(&d, HTTP_GET, "/v1/clusters/demo", NULL), 200); /* still there */

    snprintf(path, sizeof path, "/v1/clusters/demo?revision=%lld", (long long)revision);
    assert_int_equal(door_ask(&d, HTTP_DELETE, path, NULL), 200);
    assert_int_equal(door_ask(&d, HTTP_POST, "/v1/clusters", DOOR_CLUSTER("demo")), 201);
    snprintf(now, sizeof now, "\"%lld\"", (long long)d.answer.revision);
    assert_int_equal(with_tag(&d, HTTP_DELETE, "/v1/clusters/demo", now, NULL), 200);
    door_end(&d);
}

/* ---- Idempotency-Key ---- */

static int with_key(struct door *d, const char *path, const char *key, const char *body)
{
    return door_send(d, &(struct api_request){ .method = HTTP_POST,
                                               .path = path,
                                               .body = slice_str(body),
                                               .idempotency_key = slice_str(key) });
}

static void test_repeated(void **state)
{
    CLEANUP(buf_clear) struct buf first = { 0 };
    struct door d;
    char request[27];

    (void)state;
    door_start(&d);
    assert_int_equal(with_key(&d, "/v1/clusters", "one", DOOR_CLUSTER("demo")), 201);
    buf_add_slice(&first, buf_slice(&d.answer.body));
    assert_int_equal(with_key(&d, "/v1/clusters", "one", DOOR_CLUSTER("demo")), 201);
    assert_true(slice_eq(buf_slice(&first), buf_slice(&d.answer.body)));
    assert_string_equal(d.answer.location, "/v1/clusters/demo");
    assert_true(d.answer.revision > 0);

    assert_int_equal(with_key(&d, "/v1/clusters", "one", DOOR_CLUSTER("other")), 422);
    door_want(&d, "another body", 422, "reused");
    assert_int_equal(with_key(&d, "/v1/clusters/demo/adoption", "one", "{\"layout\":\"k3s\"}"),
                     422);
    assert_int_equal(door_ask(&d, HTTP_GET, "/v1/clusters/other", NULL), 404);

    /* What failed leaves its key free. */
    assert_int_equal(with_key(&d, "/v1/clusters", "two", "{\"name\":\"x\"}"), 400);
    assert_int_equal(with_key(&d, "/v1/clusters", "two", DOOR_CLUSTER("second")), 201);

    /* A day later it is forgotten: the cluster is there already. */
    door_open_at(&d, DOOR_NOW + DAYS(1));
    memcpy(request, d.answer.request, sizeof request);
    assert_int_equal(with_key(&d, "/v1/clusters", "one", DOOR_CLUSTER("demo")), 200);
    assert_false(json_bool(json_path(json_root(d.body), "changed"), true));
    assert_string_not_equal(d.answer.request, request);
    door_end(&d);
}

static void test_keys_refused(void **state)
{
    char longest[300];
    struct door d;

    (void)state;
    door_start(&d);
    memset(longest, 'k', sizeof longest);
    longest[256] = '\0';
    assert_int_equal(with_key(&d, "/v1/clusters", longest, DOOR_CLUSTER("demo")), 400);
    assert_int_equal(with_key(&d, "/v1/clusters", "", DOOR_CLUSTER("demo")), 400);
    assert_int_equal(with_key(&d, "/v1/clusters", "a b", DOOR_CLUSTER("demo")), 400);
    assert_int_equal(with_key(&d, "/v1/state/check", "key", NULL), 400);
    longest[255] = '\0';
    assert_int_equal(with_key(&d, "/v1/clusters", longest, DOOR_CLUSTER("demo")), 201);
    door_end(&d);
}

/* ---- HTTP ---- */

static const char *field_of(const struct http_response *response, const char *name)
{
    for (size_t i = 0; i < response->field_count; i++)
        if (strcmp(response->field[i].name, name) == 0)
            return response->field[i].value;
    return "";
}

static void unpack(struct buf *out, struct slice packed)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)packed.ptr, .avail_in = (uInt)packed.len };
    enum { ROOM = 1 << 20 };

    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_out = buf_room(out, ROOM);
    z.avail_out = ROOM;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    inflateEnd(&z);
}

/* clang-format off */
static const struct {
    const char *target, *encodings;
    bool packed;
} packings[] = {
    { "/v1/profiles", "gzip",                 true },
    { "/v1/profiles", "br, GZIP;q=0.5",       true },
    { "/v1/profiles", "gzip;q=0",             false },
    { "/v1/profiles", "identity",             false },
    { "/v1/profiles", "",                     false },
    { "/v1/clusters", "gzip",                 false }, /* too short to be worth it */
};
/* clang-format on */

static void test_gzip(void **state)
{
    struct door d;

    (void)state;
    door_start(&d);
    for (size_t i = 0; i < ARRAY_LEN(packings); i++) {
        CLEANUP(http_response_clear) struct http_response out = { 0 };
        CLEANUP(buf_clear) struct buf plain = { 0 };
        struct http_field field = { slice_str("accept-encoding"),
                                    slice_str(packings[i].encodings) };
        struct http_request in = { .method = HTTP_GET,
                                   .target = slice_str(packings[i].target),
                                   .field = &field,
                                   .field_count = 1 };
        struct api_exchange x = { .caller = { .via = API_VIA_PROCESS }, .in = &in, .out = &out };

        api_http(d.api, &x);
        assert_int_equal(out.status, 200);
        assert_string_equal(x.route, packings[i].target);
        assert_null(x.stream.src);
        assert_string_equal(field_of(&out, "content-encoding"), packings[i].packed ? "gzip" : "");
        if (packings[i].packed)
            unpack(&plain, buf_slice(&out.body));
        else
            buf_add_slice(&plain, buf_slice(&out.body));
        (void)door_ask(&d, HTTP_GET, packings[i].target, NULL);
        assert_true(slice_eq(buf_slice(&plain), buf_slice(&d.answer.body)));
    }
    door_end(&d);
}

static void test_fields(void **state)
{
    CLEANUP(http_response_clear) struct http_response out = { 0 };
    struct http_field type = { slice_str("content-type"), slice_str("application/json") };
    struct http_request in = { .method = HTTP_POST,
                               .target = slice_str("/v1/clusters"),
                               .field = &type,
                               .field_count = 1,
                               .body = slice_str(DOOR_CLUSTER("demo")) };
    struct api_exchange x = { .caller = { .via = API_VIA_PROCESS }, .in = &in, .out = &out };
    struct door d;

    (void)state;
    door_start(&d);
    api_http(d.api, &x);
    assert_int_equal(out.status, 201);
    assert_string_equal(field_of(&out, "location"), "/v1/clusters/demo");
    assert_int_equal(field_of(&out, "etag")[0], '"');
    http_response_clear(&out);
    in.method = HTTP_PUT;
    api_http(d.api, &x);
    assert_int_equal(out.status, 405);
    assert_string_equal(field_of(&out, "allow"), "GET, HEAD, POST, OPTIONS");
    assert_string_equal(field_of(&out, "cache-control"), "no-store");

    in.method = HTTP_POST;
    assert_int_equal(api_http_max_body(&in), 1 << 20);
    in.target = slice_str("/v1/state/check?x=y");
    assert_int_equal(api_http_max_body(&in), 0);
    in.target = slice_str("/v1/nothing");
    assert_int_equal(api_http_max_body(&in), 0);
    door_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),     cmocka_unit_test(test_types),
        cmocka_unit_test(test_named_field), cmocka_unit_test(test_entity_tags),
        cmocka_unit_test(test_repeated),    cmocka_unit_test(test_keys_refused),
        cmocka_unit_test(test_gzip),        cmocka_unit_test(test_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
