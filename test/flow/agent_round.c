#include "agent/work.h"
#include "api/api.h"
#include "base/clock.h"
#include "crypto/pem.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/*
 * One act of an agent whose daemon is the API in this very process, for tests that kill it:
 *   agent-round STATE HOME join ROOT TOKEN
 *   agent-round STATE HOME round
 */
struct inside {
    struct api *api;
    const char *home;
};

static void read_cert(const char *home, struct buf *der)
{
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(buf_clear) struct buf path = { 0 };

    buf_addf(&path, "%s/%s", home, AGENT_CERT);
    if (home_read(AT_FDCWD, buf_str(&path), &pem, NULL) ||
        pem_or_der(der, buf_slice(&pem), "CERTIFICATE", NULL))
        buf_reset(der);
}

static int call(void *ctx, const struct agent_request *request, int *status, struct buf *reply,
                struct err *e)
{
    const struct inside *in = ctx;
    CLEANUP(buf_clear) struct buf cert = { 0 };
    struct api_response response = { .status = 0 };
    struct api_request out = { .method = request->post ? HTTP_POST : HTTP_GET,
                               .path = request->path,
                               .body = request->body,
                               .caller = { .via = API_VIA_TLS } };

    read_cert(in->home, &cert);
    out.caller.cert = buf_slice(&cert);
    api_call(in->api, &out, &response);
    *status = response.status;
    buf_add_slice(reply, buf_slice(&response.body));
    api_response_clear(&response);
    return buf_check(reply, e);
}

static void say(const char *text, void *ctx)
{
    (void)ctx;
    fprintf(stderr, "%s\n", text);
}

static int one_round(const struct agent_transport *transport, const char *home, struct err *e)
{
    static struct agent agent;
    int64_t poll;
    int rc;

    agent.transport = transport;
    agent.say = say;
    agent.now = clock_wall();
    rc = agent_start(&agent, home, e);
    if (rc)
        return rc;
    rc = agent_round(&agent, &poll, e);
    agent_stop(&agent);
    return rc;
}

int main(int argc, char **argv)
{
    CLEANUP(api_closep) struct api *api = NULL;
    struct inside inside = { .home = argc > 2 ? argv[2] : "" };
    struct agent_transport transport = { call, &inside };
    struct err e = { 0 };
    int rc;

    if (argc < 4)
        return 2;
    umask(022);
    rc = api_open(&api, &(struct api_options){ .state = argv[1] }, &e);
    inside.api = api;
    if (!rc && argc == 6)
        rc = agent_join(&(struct join_options){ .home = argv[2],
                                                .root = argv[4],
                                                .layout = "systemd",
                                                .server = "https://127.0.0.1:1",
                                                .token = argv[5],
                                                .manifests = "/nonexistent",
                                                .transport = &transport },
                        &e);
    else if (!rc)
        rc = one_round(&transport, argv[2], &e);
    if (rc)
        fprintf(stderr, "agent-round: %s\n", e.msg);
    return rc ? 1 : 0;
}
