#ifndef API_HEALTH_H
#define API_HEALTH_H

#include "base/buf.h"

/* What a daemon tells the handlers of /readyz and /metrics; one for the process, from any thread.
 */
void health_set_draining(bool yes); /* /readyz fails from now on: no new work, please */
/* Its own families (connections, workers) in the form of api/metrics.h, called at each scrape. */
void health_set_metrics(void (*write)(struct buf *out));

#endif
