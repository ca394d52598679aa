#ifndef API_MATCH_H
#define API_MATCH_H

#include "api/route.h"

/* Which row of the route table a request means. */
struct match {
    const struct route *route; /* NULL after OPTIONS */
    char *param[3];            /* {..} of the path, decoded, in order */
    char allow[64];            /* what the path takes: "GET, HEAD, OPTIONS" */
};
void match_clear(struct match *m);
/* m starts as { 0 }. ERR_NOT_FOUND: no such path; ERR_METHOD: not with this method, and m->allow
 * says with which. */
int match_find(struct match *m, enum http_method method, struct slice path, struct err *e)
    MUST_CHECK;
/* The query as an object of strings; ERR_INVALID for a name that the route does not take. */
int match_query(struct json **ret, const struct route *route, struct slice query, struct err *e)
    MUST_CHECK;

#endif
