#ifndef API_REPLAY_H
#define API_REPLAY_H

#include "api/route.h"

/*
 * Idempotency-Key: a POST that is sent again gets the first one's answer, and is not carried out
 * again. That a key is taken is kept in the transaction of the work itself, the answer right behind
 * it: whatever is killed when, nothing is made twice. A request that failed leaves no trace. Keys
 * are one principal's own, and forgotten after a day.
 */
enum {
    REPLAY_MAX_KEY = 255, /* bytes */
    REPLAY_MAX_ANSWER = 1 << 20,
    REPLAY_MAX_KEYS = 1000, /* of one principal at once */
    REPLAY_SWEEP = 50       /* expired ones that a new one takes away */
};
#define REPLAY_LIFE DAYS(1)

struct replay {
    bool active;
    char scope[48], name[65], digest[65]; /* of the principal, the key, the request */
    char request[UID_TEXT];
};
/* From here on the request's writes keep the key. ERR_INVALID: no key, or not for this route. */
int replay_begin(struct replay *r, const struct api_request *in, const struct route *route,
                 struct request *request, struct err *e) MUST_CHECK;
/* *found: `response` is the first answer. ERR_REUSED: the key came with another request.
 * ERR_CONFLICT: it did its work, but its answer is not there (yet). */
int replay_find(struct replay *r, struct request *request, struct api_response *response,
                bool *found, struct err *e) MUST_CHECK;
/* After the work. */
int replay_keep(struct replay *r, struct request *request, const struct api_response *response,
                struct err *e) MUST_CHECK;

#endif
