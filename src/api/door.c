#include "api/door.h"

#include "api/identity.h"
#include "api/match.h"
#include "base/alloc.h"
#include "store/file.h"
#include "store/state_dir.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_DAEMON_FILE = 8192 };

struct door {
    struct api *api;        /* NULL when all goes elsewhere */
    struct net_client *net; /* NULL in-process */
    enum door_way way;
};

/* ---- is there a daemon? ---- */

/* ERR_NOT_FOUND when nobody listens there: what a daemon that was killed has left behind. */
static int try_socket(const char *path, struct err *e)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return err_errno(e, "make a socket");
    if (strlen(path) >= sizeof address.sun_path)
        return err_set(e, ERR_INVALID, "the socket's path '%.200s' is too long", path);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return 0;
    if (errno == ECONNREFUSED || errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "nobody listens on '%s'", path);
    if (errno == EACCES)
        return err_set(e, ERR_REFUSED,
                       "a daemon serves this state directory, and you may not connect to '%s': "
                       "that is for root and the daemon's group",
                       path);
    return err_errno(e, "connect to '%s'", path);
}

/* What the daemon of this state directory wrote; "" when there is none. */
static void read_daemon_file(struct buf *path, const char *state)
{
    CLEANUP(freep) char *file = xasprintf("%s/" STATE_DAEMON, state);
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;

    if (file_read(&text, file, MAX_DAEMON_FILE, NULL) ||
        json_parse(&doc, buf_slice(&text), NULL, NULL))
        return;
    buf_add_slice(path, json_slice(json_get(json_root(doc), "socket")));
}

static int find_daemon(const struct door_options *options, struct buf *socket, struct err *e)
{
    struct err why = { 0 };

    read_daemon_file(socket, options->api.state);
    if (!socket->len && options->any_daemon && access(options->api.state, F_OK) &&
        access(DOOR_SYSTEM_SOCKET, W_OK) == 0)
        buf_add_str(socket, DOOR_SYSTEM_SOCKET);
    if (!socket->len || try_socket(buf_str(socket), &why) == 0)
        return 0;
    buf_reset(socket);
    return why.code == ERR_NOT_FOUND ? 0 : err_pass(e, &why);
}

/* ---- open and close ---- */

int door_open(struct door **ret, const struct door_options *options, struct err *e)
{
    CLEANUP(door_closep) struct door *door = xcalloc(1, sizeof *door);
    CLEANUP(buf_clear) struct buf socket = { 0 };
    struct net_client_options local = { 0 };

    if (options->server) {
        door->way = DOOR_SERVER;
        if (net_client_open(&door->net, options->server, e))
            return -1;
    } else {
        if (find_daemon(options, &socket, e) || api_open(&door->api, &options->api, e))
            return -1;
        local.socket = buf_str(&socket);
        if (socket.len && net_client_open(&door->net, &local, e))
            return -1;
        door->way = socket.len ? DOOR_SOCKET : DOOR_PROCESS;
    }
    *ret = door;
    door = NULL;
    return 0;
}

void door_close(struct door *door)
{
    if (!door)
        return;
    net_client_close(door->net);
    api_close(door->api);
    free(door);
}

enum door_way door_way(const struct door *door)
{
    return door->way;
}

const char *door_name(const struct door *door)
{
    return door->net ? net_client_name(door->net) : "";
}

/* ---- a call ---- */

/* What reads the root key's file runs beside a daemon, which does not read it. */
static bool is_ours(const struct door *door, const struct api_request *request)
{
    CLEANUP(match_clear) struct match m = { 0 };
    struct slice target = slice_str(request->path), path;

    if (!door->net)
        return true;
    if (!door->api)
        return false;
    if (!slice_cut(&target, '?', &path))
        path = target;
    return match_find(&m, request->method, path, NULL) == 0 && m.route &&
           m.route->flags & ROUTE_KEY_FILE;
}

enum { FIELDS = 4 };

static size_t put_fields(struct http_field field[FIELDS], const struct api_request *request)
{
    const struct http_field all[FIELDS] = {
        { slice_str("If-Match"), request->if_match },
        { slice_str("If-None-Match"), request->if_none_match },
        { slice_str("Idempotency-Key"), request->idempotency_key },
        { slice_str("Poterne-Accept-Clock"),
          request->accept_clock ? slice_str("yes") : slice_of(NULL, 0) },
    };
    size_t count = 0;

    for (size_t i = 0; i < FIELDS; i++)
        if (all[i].value.ptr)
            field[count++] = all[i];
    return count;
}

static int send_it(struct door *door, const struct api_request *request,
                   const struct door_watching *watching, struct api_response *response,
                   struct err *e)
{
    CLEANUP(net_answer_clear) struct net_answer answer = { 0 };
    struct http_field field[FIELDS];
    struct net_request sent = { .method = request->method,
                                .target = request->path,
                                .body = request->body,
                                .field = field,
                                .field_count = put_fields(field, request) };

    if (watching) {
        sent.part = watching->part;
        sent.ctx = watching->ctx;
    }
    if (net_client_send(door->net, &sent, &answer, e))
        return -1;
    api_response_clear(response);
    *response = (struct api_response){ .status = answer.status, .body = answer.body };
    answer.body = (struct buf){ 0 };
    if (strstr(answer.type, "json"))
        response->type = "application/json";
    if (answer.etag[0] == '"')
        response->revision = strtoll(answer.etag + 1, NULL, 10);
    response->retry_after = (int)answer.retry_after;
    return 0;
}

int door_call(struct door *door, const struct api_request *request, struct api_response *response,
              struct err *e)
{
    if (!is_ours(door, request))
        return send_it(door, request, NULL, response, e);
    api_call(door->api, request, response);
    return 0;
}

static int pull(struct api_response *response, const struct door_watching *watching, struct err *e)
{
    enum { PAUSE_US = 100000 };
    bool end = false;

    while (!end) {
        CLEANUP(buf_clear) struct buf part = { 0 };

        if (response->stream.more(response->stream.src, &part, &end, e))
            return -1;
        if (part.len ? watching->part(buf_slice(&part), watching->ctx, e) : 0)
            return -1;
        if (!part.len && !end)
            (void)usleep(PAUSE_US);
    }
    return 0;
}

int door_watch(struct door *door, const struct api_request *request,
               const struct door_watching *watching, struct api_response *response, struct err *e)
{
    if (!is_ours(door, request))
        return send_it(door, request, watching, response, e);
    api_call(door->api, request, response);
    return response->stream.src ? pull(response, watching, e) : 0;
}
