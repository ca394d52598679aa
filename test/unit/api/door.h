#ifndef UNIT_API_DOOR_H
#define UNIT_API_DOOR_H

#include "api/api.h"
#include "files.h"
#include "unit.h"
#include "wire/json.h"
#include <stdlib.h>

/* The API in-process on a state directory of its own, and one answer at a time. */
enum { DOOR_NOW = 1900000000 };

struct door {
    char folder[64], state[80];
    struct api *api;
    struct api_response answer;
    struct json *body; /* of the answer, when it is JSON */
};

static inline void door_open_at(struct door *d, int64_t now)
{
    struct err e = { 0 };

    api_close(d->api);
    if (api_open(&d->api, &(struct api_options){ .state = d->state, .now = now }, &e))
        fail_msg("%s", err_text(&e));
}

static inline void door_start(struct door *d)
{
    *d = (struct door){ .folder = "/tmp/poterne-api-XXXXXX" };
    assert_non_null(mkdtemp(d->folder));
    snprintf(d->state, sizeof d->state, "%s/state", d->folder);
    door_open_at(d, DOOR_NOW);
}

static inline void door_end(struct door *d)
{
    api_close(d->api);
    api_response_clear(&d->answer);
    json_free(d->body);
    remove_tree(d->folder);
}

/* Returns the status; the body, parsed, is d->body. */
static inline int door_send(struct door *d, const struct api_request *request)
{
    struct api_request whole = *request;

    whole.caller.via = API_VIA_PROCESS;
    json_free(d->body);
    d->body = NULL;
    api_call(d->api, &whole, &d->answer);
    if (d->answer.type && strstr(d->answer.type, "json") && !d->answer.gzip &&
        !d->answer.stream.src)
        assert_int_equal(json_parse(&d->body, buf_slice(&d->answer.body), NULL, NULL), 0);
    return d->answer.status;
}

static inline int door_ask(struct door *d, enum http_method method, const char *path,
                           const char *body)
{
    return door_send(
        d, &(struct api_request){ .method = method, .path = path, .body = slice_str(body) });
}

/* A member of the last answer's body, "" when there is none. */
static inline const char *door_text(const struct door *d, const char *path)
{
    const char *text = json_text(json_path(json_root(d->body), path));

    return text ? text : "";
}

static inline int64_t door_int(const struct door *d, const char *path)
{
    return json_int(json_path(json_root(d->body), path), -1);
}

static inline void door_want(const struct door *d, const char *label, int status, const char *code)
{
    if (d->answer.status != status || strcmp(door_text(d, "code"), code) != 0)
        fail_msg("%s: %d '%s' %s", label, d->answer.status, door_text(d, "code"),
                 door_text(d, "detail"));
}

#define DOOR_CLUSTER(name)                                                                         \
    "{\"name\":\"" name "\",\"endpoint\":\"10.0.0.1:6443\",\"control_plane\":[\"cp1=10.0.0.1\"]}"

static inline void door_cluster(struct door *d)
{
    assert_int_equal(door_ask(d, HTTP_POST, "/v1/clusters", DOOR_CLUSTER("demo")), 201);
}

#endif
