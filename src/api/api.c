#include "api/answer.h"
#include "api/authorize.h"
#include "api/caller.h"
#include "api/form.h"
#include "api/guard.h"
#include "api/identity.h"
#include "api/match.h"
#include "api/metrics.h"
#include "api/replay.h"

#include "api/watch.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "wire/gzip.h"
#include <unistd.h>

struct api {
    struct api_options options;
    char *state;
    struct pki *pki; /* open since the first call that needed it */
    bool exclusive;
    struct caller_rules rules;
    struct guard guard;
};

int api_open(struct api **ret, const struct api_options *options, struct err *e)
{
    CLEANUP(api_closep) struct api *api = NULL;

    if (!options->state || options->state[0] != '/')
        return err_set(e, ERR_INVALID, "the state directory must be an absolute path");
    api = xcalloc(1, sizeof *api);
    api->options = *options;
    api->state = xstrdup(options->state);
    guard_init(&api->guard, options);
    if (options->base) { /* a command in-process has no peer to look up */
        caller_rules_init(&api->rules, options->group ? options->group : "poterne");
        gzip_warm();
    }
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
    if (api->pki)
        guard_flush(&api->guard, api->pki, true);
    pki_close(api->pki);
    free(api->state);
    free(api);
}

/* ---- the request's parts ---- */

struct call {
    struct api *api;
    const struct api_request *in;
    struct match match;
    struct json *query, *body;
    struct principal who;
    struct request request;
    struct api_answer answer;
    struct replay replay;
    int retry_after; /* seconds, of an ERR_RATE */
};

static void call_clear(struct call *c)
{
    match_clear(&c->match);
    json_free(c->query);
    json_free(c->body);
    api_stream_clear(&c->answer.stream);
}

static int parse_body(struct call *c, struct err *e)
{
    struct json_limits limits = json_default_limits;
    size_t most = c->match.route->max_body;

    if (c->in->body.len > most)
        return err_set(e, ERR_LIMIT, "the body of %zu bytes is over the limit of %zu",
                       c->in->body.len, most);
    if (!c->in->body.len)
        return 0;
    limits.bytes = most;
    if (json_parse(&c->body, c->in->body, &limits, e))
        return err_wrap(e, "body");
    if (json_type(json_root(c->body)) != JSON_OBJECT)
        return err_set(e, ERR_INVALID, "body: it must be a JSON object");
    return form_check(c->match.route, json_root(c->body), e);
}

/* What the write expects to find: of If-Match a 412, of ?revision= a 409. */
static int parse_expected(struct call *c, struct err *e)
{
    const char *text = json_text(json_get(json_root(c->query), "revision"));
    char *end;

    if (c->in->if_match.ptr)
        return condition_expected(&c->request.expected, c->in->if_match, c->match.route, e);
    if (!text)
        return 0;
    c->request.expected = strtoll(text, &end, 10);
    if (*end || c->request.expected < 1) {
        (void)err_set(e, ERR_INVALID, "revision '%.24s' must be a number of at least 1", text);
        return err_field(e, "revision");
    }
    return 0;
}

static int parse_request(struct call *c, struct err *e)
{
    struct slice path, query = slice_str(c->in->path);

    if (query.len > API_MAX_PATH)
        return err_set(e, ERR_LIMIT, "the path is longer than %d bytes", API_MAX_PATH);
    if (!slice_cut(&query, '?', &path)) {
        path = query;
        query = slice_of(NULL, 0);
    }
    if (match_find(&c->match, c->in->method, path, e))
        return -1;
    if (!c->match.route) /* OPTIONS */
        return 0;
    return match_query(&c->query, c->match.route, query, e) ? -1 : condition_types(c->in, e);
}

/* ---- opening ---- */

/* Shared with a daemon's other threads: open since api_open. */
static int use_shared(const struct call *c, struct err *e)
{
    if (c->match.route->flags & (ROUTE_EXCLUSIVE | ROUTE_KEY_FILE))
        return err_set(
            e, ERR_CONFLICT,
            "this needs the root key's file, which a daemon does not read: run it on its "
            "machine%s",
            c->match.route->flags & ROUTE_EXCLUSIVE ? " while the daemon is stopped" : "");
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
    bool exclusive = (c->match.route->flags & ROUTE_EXCLUSIVE) != 0;
    struct pki_options options = {
        .dir = { .path = api->state,
                 .create = (c->match.route->flags & ROUTE_CREATES) != 0,
                 .lock = lock_of(c->match.route),
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

/* A certificate means nothing without the store; what comes otherwise needs it not. */
static int identify(struct call *c, struct err *e)
{
    struct api *api = c->api;
    const struct api_caller *caller = &c->in->caller;

    if (api->options.base)
        pki_set_now(api->pki, api->options.now ? api->options.now : clock_wall());
    else if (caller->via == API_VIA_TLS && caller->cert.len && open_pki(c, e))
        return -1;
    if (api->pki) {
        api->guard.rate = pki_rate(api->pki);
        guard_flush(&api->guard, api->pki, false);
    }
    return caller_resolve(&c->who, caller, &api->rules, api->pki, e);
}

/* ---- the handler ---- */

/* Nothing was ever made here: lists are empty. */
static bool is_empty(const struct call *c, const struct err *why)
{
    return why->code == ERR_NOT_FOUND && c->match.route->flags & ROUTE_EMPTY &&
           access(c->api->state, F_OK);
}

static int handle(struct call *c, struct json_writer *reply, struct err *e)
{
    struct api_args args = { .request = &c->request,
                             .route = c->match.route,
                             .param = { c->match.param[0], c->match.param[1], c->match.param[2] },
                             .body = json_root(c->body),
                             .query = json_root(c->query),
                             .answer = &c->answer };
    int rc;

    if (watch_is_wanted(&args) && c->in->method == HTTP_GET)
        return watch_start(&args, e);
    if (c->match.route->flags & ROUTE_RAW)
        return c->match.route->handler(&args, reply, e);
    json_put_object(reply, NULL);
    json_put_text(reply, "apiVersion", "poterne/v1");
    json_put_text(reply, "kind", c->match.route->kind);
    rc = c->match.route->handler(&args, reply, e);
    json_put_end(reply);
    if (rc && e->code == ERR_REFUSED && c->match.route->right >= RIGHT_SELF && c->request.pki)
        guard_refused(&c->api->guard, &c->request, c->match.route, c->in->path, e);
    if (rc && e && e->code == ERR_STALE && !c->in->if_match.ptr)
        e->code = ERR_CONFLICT; /* it came by ?revision= */
    return rc;
}

static void put_nothing(const struct call *c, struct json_writer *reply)
{
    json_put_object(reply, NULL);
    json_put_text(reply, "apiVersion", "poterne/v1");
    json_put_text(reply, "kind", c->match.route->kind);
    json_put_array(reply, "items");
    json_put_end(reply);
    json_put_end(reply);
}

/* A request that has an answer already gets that one, and its handler is not called again. */
static int run_once(struct call *c, struct json_writer *reply, struct api_response *response,
                    struct err *e)
{
    bool answered;

    if (replay_begin(&c->replay, c->in, c->match.route, &c->request, e) ||
        replay_find(&c->replay, &c->request, response, &answered, e))
        return -1;
    if (answered)
        return 0;
    if (handle(c, reply, e))
        return -1;
    response->status = c->answer.status;
    (void)memcpy(response->location, c->answer.location, sizeof response->location);
    response->revision = c->answer.revision;
    return replay_keep(&c->replay, &c->request, response, e);
}

/* Refused here, it is recorded here: no handler has seen it. */
static int permit(struct call *c, struct err *e)
{
    struct pki *pki = c->api->pki;
    struct err why = { 0 };

    uid_new(c->request.id);
    c->request.who = &c->who;
    c->request.pki = pki;
    if (!authorize(&c->who, &c->match, pki, &why))
        return 0;
    if (pki && (why.code == ERR_REFUSED || why.code == ERR_ANONYMOUS))
        guard_refused(&c->api->guard, &c->request, c->match.route, c->in->path, &why);
    return err_pass(e, &why);
}

/* A right first, before the body is read; a clean state directory; then the handler's own matter.
 */
static int run(struct call *c, struct api_response *response, struct err *e)
{
    struct json_writer reply;
    struct err open = { 0 };

    json_writer_init(&reply, &response->body, false);
    if (identify(c, e) || guard_rate(&c->api->guard, &c->who, c->match.route, &c->retry_after, e) ||
        permit(c, e))
        return -1;
    if (parse_expected(c, e) || parse_body(c, e))
        return -1;
    c->request.accept_clock = c->api->options.accept_clock;
    if (c->in->accept_clock) {
        if (access_decide(&c->who, RIGHT_OWN, "/", e))
            return err_wrap(e, "accept the clock");
        c->request.accept_clock = true;
    }
    if (c->match.route->flags & ROUTE_STATELESS)
        return handle(c, &reply, e);
    if (open_pki(c, &open)) {
        if (!is_empty(c, &open))
            return err_pass(e, &open);
        put_nothing(c, &reply);
        return 0;
    }
    c->request.pki = c->api->pki;
    if (c->in->idempotency_key.ptr && c->in->method == HTTP_POST)
        return run_once(c, &reply, response, e);
    return handle(c, &reply, e);
}

/* ---- the answer ---- */

static void answer(struct call *c, struct api_response *response, struct err *e)
{
    const struct api_answer *a = &c->answer;

    if (a->status != 200)
        response->status = a->status;
    if (a->revision)
        response->revision = a->revision;
    if (a->location[0])
        (void)memcpy(response->location, a->location, sizeof response->location);
    if (a->type)
        response->type = a->type;
    response->stream = a->stream;
    c->answer.stream = (struct api_stream){ 0 };
    if (buf_check(&response->body, e) || condition_check(c->in, response, e))
        answer_problem(response, e, c->request.id);
}

static void refuse(const struct call *c, struct api_response *response, const struct err *e)
{
    answer_problem(response, e, c->request.id);
    if (c->retry_after)
        response->retry_after = c->retry_after;
}

void api_call(struct api *api, const struct api_request *request, struct api_response *response)
{
    CLEANUP(call_clear)
    struct call c = { .api = api, .in = request, .answer = { .status = 200 } };
    CLEANUP(identity_leave) struct identity id = { 0 };
    int64_t began = clock_monotonic_us();
    struct err e = { 0 };

    answer_begin(response);
    if (parse_request(&c, &e) || (!api->options.base && identity_enter(&id, api->state, &e)) ||
        (c.match.route && run(&c, response, &e)))
        refuse(&c, response, &e);
    else if (c.match.route)
        answer(&c, response, &e);
    else
        answer_options(response);
    response->route = c.match.route ? c.match.route->path : NULL;
    if (response->status == 405 || !c.match.route)
        (void)memcpy(response->allow, c.match.allow, sizeof response->allow);
    (void)memcpy(response->request, c.request.id, sizeof response->request);
    (void)memcpy(response->who, c.who.name, sizeof response->who);
    if (request->gzip)
        answer_gzip(response);
    metrics_request(c.match.route, response->status, clock_monotonic_us() - began);
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
    if (*end || n < 1 || n > STORE_MAX_PAGE) {
        (void)err_set(e, ERR_INVALID, "limit '%.16s' must be a number from 1 to %d", text,
                      STORE_MAX_PAGE);
        return err_field(e, "limit");
    }
    *limit = (int)n;
    return 0;
}

int api_query_seconds(const struct api_args *args, const char *name, int64_t *seconds,
                      struct err *e)
{
    const char *text = api_query(args, name);

    *seconds = 0;
    return text && duration_parse(seconds, slice_str(text), e) ? err_field(e, name) : 0;
}
