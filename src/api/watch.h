#ifndef API_WATCH_H
#define API_WATCH_H

#include "api/route.h"

/*
 * GET LIST?watch=1&since=SEQUENCE: what changes, as it changes, a line of JSON each:
 *   {"type":"ADDED|MODIFIED|DELETED|BOOKMARK","sequence":N,"object":{...}}
 * Without `since` all that is there comes first, as ADDED, then a BOOKMARK. Whoever is cut off goes
 * on with the last sequence seen; one that is not known any more is answered 410. A line may come
 * twice, none is left out. DELETED has the uid alone, a BOOKMARK no object. After ten minutes a
 * stream ends by itself, so that nobody looks on for longer than a right that was taken away.
 */
enum { WATCH_BATCH = 200, WATCH_BOOKMARK_MS = 15000, WATCH_LIFE_MS = 600000 };

/* Whether this list can be watched: then its query takes `watch` and `since`. */
bool watch_is_offered(const struct route *route);
bool watch_is_wanted(const struct api_args *args);
/* The answer becomes a stream. ERR_GONE, ERR_INVALID: of `since`. */
int watch_start(const struct api_args *args, struct err *e) MUST_CHECK;

#endif
