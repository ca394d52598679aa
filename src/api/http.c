#include "api/http.h"

#include "api/match.h"
#include <strings.h>

/* "gzip", "x-gzip" or "*" in the list, and not refused by q=0 (RFC 9110 12.5.3). */
static bool takes_gzip(struct slice list)
{
    struct slice coding;
    bool more = list.len > 0;

    while (more) {
        more = slice_cut(&list, ',', &coding);
        coding = slice_trim(more ? coding : list);
        if (coding.len >= 4 && strncasecmp((const char *)coding.ptr, "gzip", 4) == 0)
            return !slice_ends(coding, "q=0") && !slice_ends(coding, "q=0.0") &&
                   !slice_ends(coding, "q=0.00") && !slice_ends(coding, "q=0.000");
    }
    return false;
}

/* What is answered to one is nobody else's, and what shows a record may be asked again by its tag.
 */
static void put_caching(const struct api_response *response, struct http_response *out)
{
    http_response_add(out, "cache-control", "%s",
                      response->revision ? "private, no-cache" : "no-store");
    if (response->revision)
        http_response_add(out, "etag", "\"%lld\"", (long long)response->revision);
}

static void put_fields(const struct api_response *response, struct http_response *out)
{
    put_caching(response, out);
    if (response->allow[0])
        http_response_add(out, "allow", "%s", response->allow);
    if (response->location[0])
        http_response_add(out, "location", "%s", response->location);
    if (response->retry_after)
        http_response_add(out, "retry-after", "%d", response->retry_after);
    if (response->request[0])
        http_response_add(out, "poterne-request", "%s", response->request);
    if (response->gzip)
        http_response_add(out, "content-encoding", "gzip");
    if (response->type) {
        http_response_add(out, "vary", "accept-encoding");
        http_response_add(out, "x-content-type-options", "nosniff");
    }
}

static void give(struct api_response *response, struct api_exchange *x)
{
    x->out->status = response->status;
    x->out->type = response->type;
    put_fields(response, x->out);
    x->out->body = response->body;
    response->body = (struct buf){ 0 };
    x->out->stream = response->stream.src != NULL;
    x->stream = response->stream;
    response->stream = (struct api_stream){ 0 };
    x->route = response->route;
    memcpy(x->request, response->request, sizeof x->request);
    memcpy(x->who, response->who, sizeof x->who);
}

void api_http(struct api *api, struct api_exchange *x)
{
    CLEANUP(buf_clear) struct buf path = { 0 };
    CLEANUP(api_response_clear) struct api_response response = { 0 };
    struct api_request request = {
        .method = x->in->method,
        .body = x->in->body,
        .caller = x->caller,
        .content_type = http_request_field(x->in, "content-type"),
        .accept = http_request_field(x->in, "accept"),
        .if_match = http_request_field(x->in, "if-match"),
        .if_none_match = http_request_field(x->in, "if-none-match"),
        .idempotency_key = http_request_field(x->in, "idempotency-key"),
        .gzip = takes_gzip(http_request_field(x->in, "accept-encoding")),
        .accept_clock = slice_eq_str(http_request_field(x->in, "poterne-accept-clock"), "yes"),
    };

    buf_add_slice(&path, x->in->target);
    request.path = buf_str(&path);
    api_call(api, &request, &response);
    give(&response, x);
}

size_t api_http_max_body(const struct http_request *head)
{
    CLEANUP(match_clear) struct match m = { 0 };
    struct slice target = head->target, path;

    if (!slice_cut(&target, '?', &path))
        path = target;
    if (match_find(&m, head->method, path, NULL) || !m.route)
        return 0;
    return m.route->max_body;
}
