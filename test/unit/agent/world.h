#ifndef AGENT_WORLD_H
#define AGENT_WORLD_H

#include "unit.h"

#include "agent/work.h"
#include "api/api.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/pem.h"
#include "files.h"

/* A daemon and an agent in one process: the agent's requests are calls of the API, with the
 * certificate that lies in its folder. */
struct aworld {
    char dir[64], state[80], home[80], root[80];
    struct api *api;
    struct agent_transport transport;
    struct buf cert;     /* DER, of the caller */
    bool away;           /* the daemon does not answer */
    unsigned calls;      /* of all */
    struct agent *agent; /* started, or NULL */
};

static inline void aworld_read_cert(struct aworld *w)
{
    CLEANUP(buf_clear) struct buf pem = { 0 };
    char path[128];

    snprintf(path, sizeof path, "%s/%s", w->home, AGENT_CERT);
    buf_reset(&w->cert);
    if (access(path, F_OK) == 0) {
        read_bytes(&pem, path);
        assert_int_equal(pem_or_der(&w->cert, buf_slice(&pem), "CERTIFICATE", NULL), 0);
    }
}

static inline int aworld_call(void *ctx, const struct agent_request *request, int *status,
                              struct buf *reply, struct err *e)
{
    struct aworld *w = ctx;
    struct api_response response = { .status = 0 };
    struct api_request out = { .method = request->post ? HTTP_POST : HTTP_GET,
                               .path = request->path,
                               .body = request->body,
                               .caller = { .via = API_VIA_TLS } };

    w->calls++;
    if (w->away)
        return err_set(e, ERR_UNREACHABLE, "nobody is there");
    aworld_read_cert(w);
    out.caller.cert = buf_slice(&w->cert);
    api_call(w->api, &out, &response);
    *status = response.status;
    buf_add_slice(reply, buf_slice(&response.body));
    api_response_clear(&response);
    return 0;
}

/* A request of the installation's owner; the answer must have that status (0: any good one). */
static inline struct json *aworld_owner(struct aworld *w, enum http_method method, const char *path,
                                        const char *body, int want)
{
    struct api_response response = { .status = 0 };
    struct api_request request = { .method = method,
                                   .path = path,
                                   .body = slice_str(body),
                                   .caller = { .via = API_VIA_PROCESS } };
    struct json *doc = NULL;

    api_call(w->api, &request, &response);
    if (want ? response.status != want : response.status >= 300)
        fail_msg("%s: %d %s", path, response.status, buf_str(&response.body));
    if (response.body.len)
        assert_int_equal(json_parse(&doc, buf_slice(&response.body),
                                    &(struct json_limits){ .bytes = BUF_MAX }, NULL),
                         0);
    api_response_clear(&response);
    return doc;
}

static inline void aworld_do(struct aworld *w, enum http_method method, const char *path,
                             const char *body)
{
    json_free(aworld_owner(w, method, path, body, 0));
}

static inline void aworld_open(struct aworld *w)
{
    struct err e = { 0 };

    if (api_open(&w->api, &(struct api_options){ .state = w->state }, &e))
        fail_msg("%s", e.msg);
}

/* A cluster with one control-plane machine and one worker. */
static inline void aworld_start_at(struct aworld *w, const char *address, const char *more)
{
    CLEANUP(buf_clear) struct buf body = { 0 };

    *w = (struct aworld){ .api = NULL };
    snprintf(w->dir, sizeof w->dir, "/tmp/poterne-agent-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->state, sizeof w->state, "%s/state", w->dir);
    snprintf(w->home, sizeof w->home, "%s/home", w->dir);
    snprintf(w->root, sizeof w->root, "%s/kubernetes", w->dir);
    w->transport = (struct agent_transport){ aworld_call, w };
    aworld_open(w);
    buf_addf(&body,
             "{\"name\":\"demo\",\"endpoint\":\"127.0.0.1:6443\",\"control_plane\":[\"cp1=%s\"],"
             "\"workers\":[\"w1=127.0.0.2\"],\"service_account_key_type\":\"p256\"%s}",
             address, more);
    aworld_do(w, HTTP_POST, "/v1/clusters", buf_str(&body));
}

static inline void aworld_start(struct aworld *w, const char *more)
{
    aworld_start_at(w, "127.0.0.1", more);
}

/* The token of a new invitation; the caller frees it. */
static inline char *aworld_invite(struct aworld *w, const char *machine, const char *role)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    struct json *doc;
    char *token;

    buf_addf(&body, "{\"machine\":\"%s\",\"role\":\"%s\"}", machine, role);
    doc = aworld_owner(w, HTTP_POST, "/v1/clusters/demo/nodes", buf_str(&body), 0);
    token = xstrdup(json_text(json_get(json_root(doc), "token")));
    json_free(doc);
    return token;
}

static inline int aworld_join(struct aworld *w, const char *token, const char *layout,
                              struct err *e)
{
    struct join_options options = { .home = w->home,
                                    .root = w->root,
                                    .layout = layout,
                                    .server = "https://127.0.0.1:1",
                                    .token = token,
                                    .manifests = "/nonexistent",
                                    .transport = &w->transport };

    return agent_join(&options, e);
}

/* No process of this machine, which may well run a kubelet, is looked at or restarted. */
static inline void aworld_disarm(struct aworld *w)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(buf_clear) struct buf disarmed = { 0 };
    struct slice rest, line;
    char path[128];

    snprintf(path, sizeof path, "%s/%s", w->home, LOCAL_FILE);
    read_bytes(&text, path);
    rest = buf_slice(&text);
    while (slice_cut(&rest, '\n', &line)) {
        if (slice_starts(line, "  process: "))
            buf_addf(&disarmed, "  process: nobody-%d\n", (int)getpid());
        else if (slice_eq_str(line, "  run: systemd"))
            buf_add_str(&disarmed, "  run: none\n");
        else if (!slice_starts(line, "  unit: "))
            buf_addf(&disarmed, SLICE_FMT "\n", SLICE_ARG(line));
    }
    write_bytes(path, disarmed.ptr, disarmed.len);
}

static inline void aworld_say(const char *text, void *ctx)
{
    (void)ctx;
    printf("# %s\n", text);
}

/* Starts the agent, as a new process would. */
static inline void aworld_agent_as_is(struct aworld *w)
{
    struct err e = { 0 };

    w->agent = xcalloc(1, sizeof *w->agent);
    w->agent->transport = &w->transport;
    w->agent->say = aworld_say;
    if (agent_start(w->agent, w->home, &e))
        fail_msg("%s", e.msg);
}

static inline void aworld_agent(struct aworld *w)
{
    aworld_disarm(w);
    aworld_agent_as_is(w);
}

static inline void aworld_agent_end(struct aworld *w)
{
    if (w->agent)
        agent_stop(w->agent);
    free(w->agent);
    w->agent = NULL;
}

static inline int aworld_round(struct aworld *w, struct err *e)
{
    int64_t poll;

    w->agent->now = clock_wall();
    return agent_round(w->agent, &poll, e);
}

static inline void aworld_end(struct aworld *w)
{
    aworld_agent_end(w);
    api_close(w->api);
    buf_clear(&w->cert);
    remove_tree(w->dir);
}

#endif
