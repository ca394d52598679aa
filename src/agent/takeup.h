#ifndef AGENT_TAKEUP_H
#define AGENT_TAKEUP_H

#include "agent/local.h"

/* How a component takes up new files, and how it is seen that it did. */

/* When its process began, in nanoseconds of the wall clock: the oldest one of that name (and
 * match). ERR_NOT_FOUND: none runs. */
int takeup_started(const struct local_component *c, int64_t *began, struct err *e) MUST_CHECK;
/* Restarts it as the local list says; it need not be healthy yet. ERR_REFUSED: the list gives no
 * way. */
int takeup_restart(const struct local_component *c, struct err *e) MUST_CHECK;
/* Waits until it is healthy and its process is younger than `after` (nanoseconds), at most for its
 * patience. */
int takeup_wait(const struct local_component *c, int64_t after, struct err *e) MUST_CHECK;
/* The serial (hex) that a TLS handshake shows. */
int takeup_serial(const struct local_component *c, unsigned port, char serial[41], struct err *e)
    MUST_CHECK;
/* Runs a program without a shell, its output on ours; ERR_IO when it does not end with 0 in time.
 */
int takeup_run(const char *const *argv, unsigned seconds, struct err *e) MUST_CHECK;

/* The manifest of a static pod with an annotation that says `stamp`, so that the kubelet sees a new
 * pod; comments and all else stay. ERR_INVALID: no metadata. */
int manifest_stamp(struct buf *out, struct slice text, const char *stamp, struct err *e) MUST_CHECK;

#endif
