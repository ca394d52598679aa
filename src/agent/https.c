#include "agent/https.h"

static int call(void *ctx, const struct agent_request *request, int *status, struct buf *reply,
                struct err *e)
{
    const struct https *h = ctx;
    struct net_answer answer = { .status = 0 };
    struct net_request out = { .method = request->post ? HTTP_POST : HTTP_GET,
                               .target = request->path,
                               .body = request->body };
    int rc = net_client_send(h->client, &out, &answer, e);

    if (!rc) {
        *status = answer.status;
        buf_add_slice(reply, buf_slice(&answer.body));
    }
    net_answer_clear(&answer);
    return rc ? -1 : buf_check(reply, e);
}

int https_open(struct https *h, const struct net_client_options *options, struct err *e)
{
    h->transport = (struct agent_transport){ .call = call, .ctx = h };
    return net_client_open(&h->client, options, e);
}

void https_close(struct https *h)
{
    net_client_close(h->client);
    h->client = NULL;
}
