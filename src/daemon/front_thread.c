#include "daemon/front.h"

#include "api/http.h"
#include "base/log.h"
#include "keeper/keeper.h"
#include <time.h>

static int64_t now_us(void)
{
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Before the front shuts itself in: an api looks its users and groups up. The first socket to the
 * keeper is the first thread's. */
int front_open_api(struct front *f, unsigned thread, struct err *e)
{
    CLEANUP(keeper_closep) struct keeper *keeper = NULL;
    int *fd = &f->child->fds.fd[thread + 1], taken = *fd;
    struct api_options options = { .state = f->child->settings.state,
                                   .group = f->child->settings.socket_group,
                                   .base = f->base };

    *fd = -1; /* keeper_connect's, on failure too */
    if (keeper_connect(&keeper, taken, f->child->installation, e))
        return -1;
    options.keeper = keeper;
    if (api_open(&f->api[thread], &options, e))
        return -1;
    keeper = NULL;
    return 0;
}

int front_thread_open(void **ret, void *ctx, unsigned thread, struct err *e)
{
    struct front *f = ctx;

    (void)e;
    *ret = f->api[thread];
    return 0;
}

static struct api_caller caller_of(const struct server_peer *peer)
{
    if (peer->local)
        return (struct api_caller){ .via = API_VIA_SOCKET, .uid = peer->uid, .gid = peer->gid };
    return (struct api_caller){ .via = API_VIA_TLS, .cert = peer->cert, .address = peer->address };
}

void front_handle(void *ctx, const struct server_peer *peer, const struct http_request *request,
                  struct server_reply *reply)
{
    struct api *api = ctx;
    int64_t start = now_us();
    struct api_exchange exchange = { .caller = caller_of(peer),
                                     .in = request,
                                     .out = &reply->response };

    api_http(api, &exchange);
    if (reply->response.stream)
        reply->source = (struct server_source){ exchange.stream.more, exchange.stream.free,
                                                exchange.stream.src };
    request_log(&(struct request_log){ .peer = peer,
                                       .request = request,
                                       .response = &reply->response,
                                       .id = exchange.request,
                                       .who = exchange.who,
                                       .microseconds = now_us() - start,
                                       .stream = reply->response.stream });
}

size_t front_max_body(void *ctx, const struct server_peer *peer, const struct http_request *head)
{
    (void)ctx;
    (void)peer;
    return api_http_max_body(head);
}

/* What never became a request. An idle connection's end is no event. */
void front_refused(void *ctx, const struct server_refused *r)
{
    (void)ctx;
    if (r->refusal == SERVER_REFUSED_TIMEOUT && r->phase == SERVER_PHASE_IDLE)
        return;
    log_line(LOG_LEVEL_INFO, "%s: connection refused or broken off (%s): %s",
             r->peer ? r->peer->address : "somebody", server_refusal_name(r->refusal),
             r->reason ? r->reason : "");
}
