#ifndef API_ANSWER_H
#define API_ANSWER_H

#include "api/route.h"

/* What an answer is beside its body: status, conditions (RFC 9110 section 13), types, gzip. */

void answer_begin(struct api_response *response); /* 200, JSON, no body yet */
void answer_problem(struct api_response *response, const struct err *e, const char *request);
void answer_options(struct api_response *response); /* 204 */
/* The body is packed when it is long enough; without zlib it stays as it is. */
void answer_gzip(struct api_response *response);

/* What If-Match names: a revision, 0 for "*", and one that no record ever has for a tag that is not
 * ours. ERR_STALE on a route that writes no single record. */
int condition_expected(int64_t *revision, struct slice if_match, const struct route *route,
                       struct err *e) MUST_CHECK;
/* Content-Type and Accept: ERR_TYPE, ERR_ACCEPT. */
int condition_types(const struct api_request *request, struct err *e) MUST_CHECK;
/* Of a GET: 304 when If-None-Match names the revision; ERR_STALE when If-Match names another. */
int condition_check(const struct api_request *request, struct api_response *response, struct err *e)
    MUST_CHECK;

#endif
