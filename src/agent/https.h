#ifndef AGENT_HTTPS_H
#define AGENT_HTTPS_H

#include "agent/transport.h"
#include "net/client.h"

/* The transport over HTTPS. The server is checked against a pin (join) or the authority that came
 * with the join; a connection is kept between requests. */
struct https {
    struct net_client *client;
    struct agent_transport transport;
};
int https_open(struct https *h, const struct net_client_options *options, struct err *e) MUST_CHECK;
void https_close(struct https *h);

#endif
