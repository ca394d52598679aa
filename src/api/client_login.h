#ifndef API_CLIENT_LOGIN_H
#define API_CLIENT_LOGIN_H

#include "api/client.h"
#include "api/context.h"

/* A person's certificate for a server: made here, kept in the folder of the context, renewed while
 * it is in use. Key and certificate are one file, so that both are replaced in one step. */
#define LOGIN_PAIR "client.pem"
#define LOGIN_CA "ca.pem"

int client_contexts(struct contexts *ret, struct err *e) MUST_CHECK; /* of this person */

struct identity_view {
    char uri[256]; /* the SAN URI that says who it is; "" */
    int64_t not_before, not_after;
};
/* Of the first certificate of a PEM file. */
int identity_view_read(struct identity_view *view, const char *path, struct err *e) MUST_CHECK;

/* Before a command goes to that context: renews a certificate of a login of which less than half
 * is left; that it cannot is a warning, as long as it is still good. ERR_REFUSED: it has ended. */
int client_login_renew(struct client *client, const struct contexts *contexts,
                       const struct context *context, int64_t now, struct err *e) MUST_CHECK;

#endif
