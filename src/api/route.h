#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "access/decide.h"
#include "api/api.h"
#include "pki/pki.h"
#include "wire/json.h"

/* What a handler sees: parameters of path and query decoded, body parsed; never a socket, never an
 * HTTP version. */
struct api_args {
    struct request *request; /* pki/pki.h: installation, principal, id */
    const struct route *route;
    const char *param[3];           /* {..} of the path, in order */
    const struct json_value *body;  /* NULL when the route takes none */
    struct json_value const *query; /* an object of strings */
    struct api_answer *answer;      /* what the handler says beside the body */
};
/* Starts as { .status = 200 }: most handlers leave it alone. */
struct api_answer {
    int status;         /* 201: something was made */
    int64_t revision;   /* of the one record that the reply shows: its entity tag */
    char location[256]; /* where what was made is: "/v1/clusters/demo" */
    const char *type;   /* of a ROUTE_RAW body; NULL: JSON */
    struct api_stream stream;
};
/* Writes the members of the reply's object (apiVersion and kind are written by the caller of the
 * handler). */
typedef int api_handler(const struct api_args *args, struct json_writer *reply, struct err *e);

enum route_flags {
    ROUTE_CREATES = 1 << 0,   /* makes the state directory when there is none */
    ROUTE_EMPTY = 1 << 1,     /* without a state directory: an empty list, not an error */
    ROUTE_EXCLUSIVE = 1 << 2, /* needs the state directory for itself */
    ROUTE_STATELESS = 1 << 3, /* says what the program knows: opens none */
    ROUTE_KEY_FILE = 1 << 4,  /* reads the root key's file, as no daemon does; may run beside one */
    ROUTE_REVISION = 1 << 5,  /* writes one record: takes If-Match and ?revision= */
    ROUTE_REPEAT = 1 << 6,    /* makes something, and tells no secret: takes Idempotency-Key */
    ROUTE_RAW = 1 << 7,       /* the handler writes the whole body, of the type it says */
};
/* Where the right must be held (access/role.h): how the scope of a route's target is found. */
enum route_where {
    WHERE_NOT_SAID, /* does not compile */
    WHERE_ALL,      /* "/" */
    WHERE_CLUSTER,  /* the cluster that the first {..} names */
    WHERE_MACHINE,  /* the machine that the second {..} names, of the cluster of the first */
    WHERE_ITEM,     /* somewhere at all: the handler asks handle_may for each thing that it shows or
                       changes, and leaves out or refuses the others */
    WHERE_NOWHERE,  /* of no scope: rights that whoever is known, or everyone, has */
};
struct route {
    enum http_method method;
    const char *path; /* "/v1/clusters/{cluster}" */
    enum right right; /* RIGHT_NONE does not compile: see ROUTE() in route.c */
    enum route_where where;
    size_t max_body; /* bytes; 0: takes none */
    unsigned flags;
    const char *kind; /* of the reply; of a ROUTE_RAW its media type */
    api_handler *handler;
    const char *query; /* names it takes, space separated: "limit cursor expiring" */
    const char *summary;
};
extern const struct route routes[];
extern const size_t route_count;

/* Query helpers. */
const char *api_query(const struct api_args *args, const char *name); /* NULL: absent */
int api_query_limit(const struct api_args *args, int otherwise, int *limit, struct err *e)
    MUST_CHECK;
int api_query_seconds(const struct api_args *args, const char *name, int64_t *seconds,
                      struct err *e) MUST_CHECK; /* a duration; 0: absent */

#endif
