#ifndef FLEET_STATUS_H
#define FLEET_STATUS_H

#include "pki/cluster.h"

/*
 * What an agent says about its machine: one record each (kind "agent-status", scope: the cluster's,
 * name: the machine's), written only when it says something new. An agent's text is a stranger's:
 * every member is checked, cut to a length and made safe to print before it is kept.
 *   {"revision","boot","error","skew":SECONDS,"items":[{"component","path","state","wanted",
 *    "installed","loaded","since","renews","error"}]}
 * state: "current", "waiting" (installed, not yet seen loaded), "stale" (wanted and not
 * installed), "failed". wanted, installed, loaded: a serial, or the start of a content's hash.
 */
#define KIND_STATUS "agent-status"
enum { STATUS_MAX_ITEMS = 128, STATUS_MAX_TEXT = 256, STATUS_SKEW = 30 };

/* Appends the record's body. clock: `now` of this side. A member that is missing is "". ERR_INVALID
 * names what is wrong. */
int status_read(struct buf *body, const struct json_value *report, int64_t now, struct err *e)
    MUST_CHECK;
/* *changed: false when the record says so already. */
int status_save(struct pki_write *w, const struct cluster *c, const char *machine,
                const struct buf *body, bool *changed, struct err *e) MUST_CHECK;
/* *doc NULL: it has said nothing yet. */
int status_load(struct store_tx *tx, const struct cluster *c, const char *machine,
                struct json **doc, int64_t *updated, struct err *e) MUST_CHECK;

#endif
