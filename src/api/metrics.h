#ifndef API_METRICS_H
#define API_METRICS_H

#include "api/route.h"

/*
 * What this process has answered. Each thread counts into a block of its own, without a lock; a
 * reader sums the blocks up. Printed as OpenMetrics text.
 */
void metrics_request(const struct route *route, int status, int64_t microseconds); /* NULL: none */
void metrics_render(struct buf *out);

/* Lines of OpenMetrics: a family, then its samples. labels: "a=\"b\"" as printed, or "". */
void metrics_family(struct buf *out, const char *name, const char *type, const char *help);
void metrics_sample(struct buf *out, const char *name, const char *labels, double value);
/* Appends name="value", a comma before it unless it is the first; the value escaped. */
void metrics_label(struct buf *labels, const char *name, const char *value);

/* What the store says: expiry of every authority and class of leaves, agents by state; computed
 * again only when something was written. What was issued is counted from the first call on. */
int metrics_inventory(struct pki *pki, struct buf *out, struct err *e) MUST_CHECK;

#endif
