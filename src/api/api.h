#ifndef API_API_H
#define API_API_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/http.h"
#include <sys/types.h>

/*
 * The one door. A request is what travels over a socket: method, path with query, JSON body; the
 * answer is a status and a JSON body, or a problem body (RFC 9457). Without a daemon the transport
 * is a function call; api/http.h is the way from HTTP to here.
 *
 * Every body carries "apiVersion":"poterne/v1" and "kind". Lists: {"items":[..],"next":"CURSOR"},
 * next absent at the end; query ?limit=1..1000&cursor=. Records carry "uid" and "revision"; a write
 * may carry ?revision=N and is answered 409 when that is not current, or If-Match: "N" and is
 * answered 412. Problem:
 * {"apiVersion","kind":"Problem","type":"about:blank","title","status","detail","code":"not-found","request":ID,
 *  "errors":[{"field","detail"}]}.
 */
struct pki_base;
struct rate_limits;
struct keeper;
struct api_options {
    const char *state; /* state directory */
    bool accept_clock;
    int64_t now;                      /* 0: the wall clock */
    const struct rate_limits *limits; /* how often callers may ask; NULL: rate_default_limits */
    const char *group;          /* its members are owners through the socket; NULL: "poterne" */
    void (*waiting)(void *ctx); /* somebody else holds the lock: called once after a second */
    void *ctx;
    /* A daemon's thread: the directory is open already, exclusively, and the keeper is another
     * process. base is borrowed; the keeper is taken. What needs the root key's file is refused. */
    struct pki_base *base;
    struct keeper *keeper;
};
struct api;
/* Opens nothing yet: each call opens what its route needs (lock shared or exclusive, made or not)
 * and keeps it open for the next one. When root runs it on a directory of another user, the
 * effective user is that one's during a call. */
int api_open(struct api **ret, const struct api_options *options, struct err *e) MUST_CHECK;
void api_close(struct api *api);
DEFINE_FREEP(struct api *, api_close)

/* Who calls, as the transport knows it. What is left zero is nobody that is known. */
enum api_via {
    API_VIA_NONE,    /* anonymous */
    API_VIA_PROCESS, /* this process: whoever can open the state directory */
    API_VIA_SOCKET,  /* the unix socket: the kernel's credentials of the peer */
    API_VIA_TLS,     /* TLS; with a certificate when the peer showed one */
};
struct api_caller {
    enum api_via via;
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* SO_PEERGROUPS; NULL: looked up by the user's name */
    size_t group_count;
    struct slice cert;   /* the leaf, DER, verified in the handshake against poterne-client */
    const char *address; /* of the peer, without its port; NULL: none */
};

struct api_request {
    enum http_method method;
    const char *path;  /* "/v1/clusters/demo?limit=10", percent-encoded */
    struct slice body; /* JSON or empty */
    struct api_caller caller;
    /* What matters of the fields of an HTTP request; ptr NULL: it was not sent. */
    struct slice content_type, accept, if_match, if_none_match, idempotency_key;
    bool gzip;         /* the answer may be */
    bool accept_clock; /* --accept-clock: for owners */
};

/* An answer that goes on: pulled when something changed, and at least once a second. */
struct api_stream {
    /* Appends what there is by now, perhaps nothing. -1: it broke off, with nothing more to say. */
    int (*more)(void *src, struct buf *out, bool *end, struct err *e);
    void (*free)(void *src);
    void *src; /* NULL: the body is the whole answer */
};
void api_stream_clear(struct api_stream *stream);

enum { API_MAX_PATH = 8192 };  /* bytes, with the query */
enum { API_GZIP_FROM = 1024 }; /* bytes of a body from which on it is worth it */
struct api_response {
    int status;
    const char *type; /* of the body; NULL: there is none */
    struct buf body;
    bool gzip;          /* the body is */
    int64_t revision;   /* the entity tag; 0: none */
    char allow[64];     /* of 405 and OPTIONS; "" otherwise */
    char location[256]; /* of 201; "" otherwise */
    int retry_after;    /* seconds; 0: not said */
    char request[27];   /* its id, as in the audit trail; "" when it did not get so far */
    char who[96];       /* as the audit trail names who asked; "" when it did not get so far */
    const char *route;  /* the pattern that it matched, for logs and counters; NULL: none */
    struct api_stream stream;
};
void api_response_clear(struct api_response *response);
/* Always answers: failures are problem bodies. */
void api_call(struct api *api, const struct api_request *request, struct api_response *response);

/* The body of a failure; request: its id, "" when there is none. */
void api_problem(struct buf *out, const struct err *e, const char *request, bool pretty);

/* The description of the API, made from the route table: OpenAPI 3.1 as JSON. */
void api_describe(struct buf *out);

#endif
