#ifndef API_DOOR_H
#define API_DOOR_H

#include "api/api.h"
#include "net/client.h"

/*
 * The way of a command's requests: to a server elsewhere, to the daemon of this machine through its
 * unix socket, or to the same handlers in this process when no daemon runs.
 */
struct door;
struct door_options {
    struct api_options api; /* state and what goes with it */
    /* Nobody named the state directory: when it is not there, the machine's own daemon will do. */
    bool any_daemon;
    const struct net_client_options *server; /* NULL: this machine */
};
/* Opens no connection and no directory yet, but looks whether a daemon listens. */
int door_open(struct door **ret, const struct door_options *options, struct err *e) MUST_CHECK;
void door_close(struct door *door);
DEFINE_FREEP(struct door *, door_close)

enum door_way { DOOR_PROCESS, DOOR_SOCKET, DOOR_SERVER };
enum door_way door_way(const struct door *door);
const char *door_name(const struct door *door); /* the URL or path, "" in-process */

/* ERR_UNREACHABLE and the like of net/client.h; any answer is a success. The caller clears it. */
int door_call(struct door *door, const struct api_request *request, struct api_response *response,
              struct err *e) MUST_CHECK;

/* The same for an answer that goes on: `part` takes it as it comes, its -1 ends it. A problem is in
 * `response` as ever. In-process it is asked again ten times a second. */
typedef int door_part(struct slice part, void *ctx, struct err *e);
struct door_watching {
    door_part *part;
    void *ctx;
};
int door_watch(struct door *door, const struct api_request *request,
               const struct door_watching *watching, struct api_response *response, struct err *e)
    MUST_CHECK;

#define DOOR_SYSTEM_SOCKET "/run/poterne/poterne.sock"

#endif
