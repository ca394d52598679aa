#ifndef AGENT_TRANSPORT_H
#define AGENT_TRANSPORT_H

#include "base/buf.h"
#include "wire/json.h"

/* How requests reach the daemon: over HTTPS, and in tests by a function call. */
struct agent_request {
    bool post;        /* else GET */
    const char *path; /* with its query */
    struct slice body;
};
struct agent_transport {
    /* A problem body is an answer like any other. -1: no answer (ERR_UNREACHABLE). */
    int (*call)(void *ctx, const struct agent_request *request, int *status, struct buf *reply,
                struct err *e);
    void *ctx;
};
/* A problem (RFC 9457) becomes `e` with its code. *reply is the caller's. */
int agent_get(const struct agent_transport *transport, const char *path, struct json **reply,
              struct err *e) MUST_CHECK;
int agent_post(const struct agent_transport *transport, const char *path, struct slice body,
               struct json **reply, struct err *e) MUST_CHECK;

#endif
