#ifndef API_HTTP_H
#define API_HTTP_H

#include "api/api.h"

/*
 * From HTTP to api_call and back: which fields count on the way in, which are said on the way out.
 */
struct api_exchange {
    struct api_caller caller;
    const struct http_request *in;
    struct http_response *out;
    /* What comes behind out->body when out->stream is set (src NULL otherwise): the caller pulls
     * from it, and clears it. */
    struct api_stream stream;
    const char *route; /* for logs and counters, as api_response's */
    char request[27], who[96];
};
void api_http(struct api *api, struct api_exchange *exchange);
/* The largest body that the route of this head takes; 0: none, or there is no such route. */
size_t api_http_max_body(const struct http_request *head);

#endif
