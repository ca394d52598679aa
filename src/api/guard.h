#ifndef API_GUARD_H
#define API_GUARD_H

#include "access/rate.h"
#include "access/refusal.h"
#include "api/match.h"

/* What stands between a caller and a handler beside the right: how often it may ask, and the record
 * of what was refused. One of each api; the table of rates is shared by all on a directory. */
struct guard {
    const struct rate_limits *limits;
    struct rate *rate; /* of the installation, once it is open; NULL: nothing is limited */
    struct refusals refusals;
};
void guard_init(struct guard *g, const struct api_options *options);

/* ERR_RATE, and in how many seconds to come again. */
int guard_rate(struct guard *g, const struct principal *who, const struct route *route,
               int *retry_after, struct err *e) MUST_CHECK;
/* Records a refusal that the trail does not have yet, or counts it; and what was counted before and
 * is due. A trail that cannot be written is no reason to answer anything else. */
void guard_refused(struct guard *g, struct request *request, const struct route *route,
                   const char *path, const struct err *why);
/* What is due at the end of a minute, or (last) whatever was counted. */
void guard_flush(struct guard *g, struct pki *pki, bool last);

#endif
