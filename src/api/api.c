#include "api/caller.h"
#include "api/identity.h"
#include "api/route.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/encode.h"
#include <unistd.h>

struct api {
    struct api_options options;
    char *state;
    struct pki *pki; /* open since the first call that needed it */
    bool exclusive;
    struct caller_rules rules;
};

int api_open(struct api **ret, const struct api_options *options, struct err *e)
{
    CLEANUP(api_closep) struct api *api = NULL;

    if (!options->state || options->state[0] != '/')
        return err_set(e, ERR_INVALID, "the state directory must be an absolute path");
    api = xcalloc(1, sizeof *api);
    api->options = *options;
    api->state = xstrdup(options->state);
    if (options->base) /* a command in-process has no peer to look up */
        caller_rules_init(&api->rules, options->group ? options->group : "poterne");
    if (options->base && pki_share(&api->pki, options->base, options->keeper, e))
        return -1;
    *ret = api;
    api = NULL;
    return 0;
}

void api_close(struct api *api)
{
    if (!api)
        return;
    pki_close(api->pki);
    free(api->state);
    free(api);
}

void api_response_clear(struct api_response *response)
{
    buf_clear(&response->body);
}

/* ---- the request's parts ---- */

struct call {
    struct api *api;
    const struct route *route;
    char *param[3];
    struct json *query, *body;
    const struct api_caller *caller;
    struct principal who;
    struct request request;
};

static void call_clear(struct call *c)
{
    for (size_t i = 0; i < ARRAY_LEN(c->param); i++)
        free(c->param[i]);
    json_free(c->query);
    json_free(c->body);
}

/* RFC 3986 2.1; a NUL, and bytes that are not UTF-8, are refused. */
static int percent_decode(struct buf *out, struct slice text, struct err *e)
{
    for (size_t i = 0; i < text.len; i++) {
        CLEANUP(buf_clear) struct buf byte = { 0 };

        if (text.ptr[i] != '%') {
            buf_add_byte(out, text.ptr[i]);
            continue;
        }
        if (i + 2 >= text.len || hex_decode(&byte, slice_of(text.ptr + i + 1, 2), NULL))
            return err_set(e, ERR_INVALID, "broken percent-encoding in the path");
        buf_add_slice(out, buf_slice(&byte));
        i += 2;
    }
    if (slice_has_nul(buf_slice(out)) || !utf8_valid(buf_slice(out)))
        return err_set(e, ERR_INVALID, "the path holds a NUL or is not UTF-8");
    return 0;
}

/* Segment by segment; {name} takes any segment that is not empty. */
static bool path_matches(const char *pattern, struct slice path, struct slice params[3],
                         size_t *count)
{
    struct slice want = slice_str(pattern), w, p;
    bool more_w = true, more_p = true;

    *count = 0;
    while (more_w && more_p) {
        more_w = slice_cut(&want, '/', &w);
        more_p = slice_cut(&path, '/', &p);
        if (!more_w)
            w = want;
        if (!more_p)
            p = path;
        if (slice_starts(w, "{")) {
            if (!p.len || *count == 3)
                return false;
            params[(*count)++] = p;
        } else if (!slice_eq(w, p)) {
            return false;
        }
    }
    return !more_w && !more_p;
}

static int find_route(struct call *c, enum http_method method, struct slice path, struct err *e)
{
    struct slice params[3];
    size_t count;
    bool other = false;

    for (size_t i = 0; i < route_count; i++) {
        if (!path_matches(routes[i].path, path, params, &count))
            continue;
        other = true;
        if (routes[i].method != method)
            continue;
        c->route = &routes[i];
        for (size_t j = 0; j < count; j++) {
            CLEANUP(buf_clear) struct buf text = { 0 };

            if (percent_decode(&text, params[j], e))
                return -1;
            c->param[j] = xstrdup(buf_str(&text));
        }
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND,
                   other ? "no %s on '" SLICE_FMT "'" : "no route %s '" SLICE_FMT "'",
                   http_method_name(method), SLICE_ARG(path));
}

static bool query_takes(const struct route *route, struct slice name)
{
    struct slice names = slice_str(route->query), one;

    while (slice_cut(&names, ' ', &one))
        if (slice_eq(one, name))
            return true;
    return name.len && slice_eq(names, name);
}

static int parse_query(struct call *c, struct slice query, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct json_writer w;

    json_writer_init(&w, &text, false);
    json_put_object(&w, NULL);
    while (query.len) {
        CLEANUP(buf_clear) struct buf value = { 0 };
        struct slice pair, name;
        char key[32];

        if (!slice_cut(&query, '&', &pair)) {
            pair = query;
            query.len = 0;
        }
        if (!slice_cut(&pair, '=', &name))
            return err_set(e, ERR_INVALID, "a query parameter has no value");
        if (!query_takes(c->route, name) || name.len >= sizeof key)
            return err_set(e, ERR_INVALID, "query parameter '%.32s' is unknown here; it takes: %s",
                           (const char *)name.ptr, c->route->query[0] ? c->route->query : "none");
        if (percent_decode(&value, pair, e))
            return -1;
        snprintf(key, sizeof key, SLICE_FMT, SLICE_ARG(name));
        json_put_slice(&w, key, buf_slice(&value));
    }
    json_put_end(&w);
    return json_parse(&c->query, buf_slice(&text), NULL, e);
}

static int parse_request(struct call *c, const struct api_request *request, struct err *e)
{
    struct slice path, query = slice_str(request->path);

    if (query.len > 8192)
        return err_set(e, ERR_LIMIT, "the path is longer than 8192 bytes");
    if (!slice_cut(&query, '?', &path)) {
        path = query;
        query = slice_of(NULL, 0);
    }
    if (find_route(c, request->method, path, e) || parse_query(c, query, e))
        return -1;
    if (request->body.len > c->route->max_body)
        return err_set(e, ERR_LIMIT, "the body of %zu bytes is over the limit of %zu",
                       request->body.len, c->route->max_body);
    if (request->body.len) {
        struct json_limits limits = json_default_limits;

        limits.bytes = c->route->max_body;
        if (json_parse(&c->body, request->body, &limits, e))
            return err_wrap(e, "body");
    }
    return 0;
}

/* ---- opening ---- */

/* Shared with a daemon's other threads: open since api_open. */
static int use_shared(struct call *c, struct err *e)
{
    struct api *api = c->api;

    if (c->route->flags & (ROUTE_EXCLUSIVE | ROUTE_KEY_FILE))
        return err_set(
            e, ERR_CONFLICT,
            "this needs the root key's file, which a daemon does not read: run it on its "
            "machine%s",
            c->route->flags & ROUTE_EXCLUSIVE ? " while the daemon is stopped" : "");
    pki_set_now(api->pki, api->options.now ? api->options.now : clock_wall());
    return 0;
}

static enum state_lock lock_of(const struct route *route)
{
    if (route->flags & ROUTE_EXCLUSIVE)
        return STATE_EXCLUSIVE;
    return route->flags & ROUTE_KEY_FILE ? STATE_BESIDE : STATE_SHARED;
}

static int open_pki(struct call *c, struct err *e)
{
    struct api *api = c->api;
    bool exclusive = (c->route->flags & ROUTE_EXCLUSIVE) != 0;
    struct pki_options options = {
        .dir = { .path = api->state,
                 .create = (c->route->flags & ROUTE_CREATES) != 0,
                 .lock = lock_of(c->route),
                 .wait_ms = 60000,
                 .waiting = api->options.waiting,
                 .ctx = api->options.ctx },
        .now = api->options.now ? api->options.now : clock_wall(),
    };

    if (api->options.base)
        return use_shared(c, e);
    if (api->pki && exclusive &&
        !api->exclusive) { /* no upgrade of a lock: two of us would wait for each other */
        pki_close(api->pki);
        api->pki = NULL;
    }
    if (!api->pki && pki_open(&api->pki, &options, e))
        return -1;
    api->exclusive = exclusive;
    return 0;
}

/* A right and a clean state directory first; then the handler's own matter. */
static int run(struct call *c, struct json_writer *reply, struct err *e)
{
    struct api_args args = { .request = &c->request,
                             .param = { c->param[0], c->param[1], c->param[2] },
                             .body = json_root(c->body),
                             .query = json_root(c->query) };
    struct err open = { 0 };

    if (caller_resolve(&c->who, c->caller, &c->api->rules, c->api->pki, e) ||
        access_decide(&c->who, c->route->right, "/", e))
        return -1;
    uid_new(c->request.id);
    c->request.who = &c->who;
    c->request.accept_clock = c->api->options.accept_clock;
    if (c->route->flags & ROUTE_STATELESS)
        return c->route->handler(&args, reply, e);
    if (open_pki(c, &open)) {
        if (open.code == ERR_NOT_FOUND && (c->route->flags & ROUTE_EMPTY) &&
            access(c->api->state, F_OK)) {
            json_put_array(reply, "items");
            json_put_end(reply);
            return 0;
        }
        return err_pass(e, &open);
    }
    c->request.pki = c->api->pki;
    return c->route->handler(&args, reply, e);
}

/* RFC 9457. */
void api_problem(struct buf *out, const struct err *e, const char *request, bool pretty)
{
    const struct err_kind *kind = err_kind(e->code);
    struct json_writer w;

    json_writer_init(&w, out, pretty);
    json_put_object(&w, NULL);
    json_put_text(&w, "apiVersion", "poterne/v1");
    json_put_text(&w, "kind", "Problem");
    json_put_text(&w, "type", "about:blank");
    json_put_text(&w, "title", kind->title);
    json_put_int(&w, "status", kind->http_status);
    json_put_text(&w, "detail", err_text(e));
    json_put_text(&w, "code", kind->name);
    if (request[0])
        json_put_text(&w, "request", request);
    json_put_end(&w);
}

static void write_problem(const struct call *c, struct api_response *response, const struct err *e)
{
    buf_reset(&response->body);
    response->status = err_kind(e->code)->http_status;
    api_problem(&response->body, e, c->request.id, false);
}

void api_call(struct api *api, const struct api_request *request, struct api_response *response)
{
    CLEANUP(call_clear) struct call c = { .api = api, .caller = &request->caller };
    CLEANUP(identity_leave) struct identity id = { 0 };
    struct err e = { 0 };
    struct json_writer reply;

    buf_reset(&response->body);
    if (parse_request(&c, request, &e) ||
        (!api->options.base && identity_enter(&id, api->state, &e))) {
        write_problem(&c, response, &e);
        return;
    }
    json_writer_init(&reply, &response->body, false);
    json_put_object(&reply, NULL);
    json_put_text(&reply, "apiVersion", "poterne/v1");
    json_put_text(&reply, "kind", c.route->kind);
    if (run(&c, &reply, &e)) {
        write_problem(&c, response, &e);
        return;
    }
    json_put_end(&reply);
    response->status = 200;
    if (buf_check(&response->body, &e))
        write_problem(&c, response, &e);
}

/* ---- queries ---- */

const char *api_query(const struct api_args *args, const char *name)
{
    return json_text(json_get(args->query, name));
}

int api_query_limit(const struct api_args *args, int otherwise, int *limit, struct err *e)
{
    const char *text = api_query(args, "limit");
    char *end;
    long n;

    *limit = otherwise;
    if (!text)
        return 0;
    n = strtol(text, &end, 10);
    if (*end || n < 1 || n > STORE_MAX_PAGE)
        return err_set(e, ERR_INVALID, "limit '%.16s' must be a number from 1 to %d", text,
                       STORE_MAX_PAGE);
    *limit = (int)n;
    return 0;
}

int api_query_seconds(const struct api_args *args, const char *name, int64_t *seconds,
                      struct err *e)
{
    const char *text = api_query(args, name);

    *seconds = 0;
    return text ? duration_parse(seconds, slice_str(text), e) : 0;
}
