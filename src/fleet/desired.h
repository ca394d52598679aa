#ifndef FLEET_DESIRED_H
#define FLEET_DESIRED_H

#include "fleet/machine.h"

/*
 * What a machine is to have, for its agent: the plan of an export (pki/plan.h) with, beside each
 * file and leaf, who uses it and how it is taken up. As JSON (kind AgentDesired):
 *   {"protocol":1,"cluster","machine","layout","prefix","address","local_address","api_port",
 *    "cordoned","renew":COUNT,
 *    "files":[{"path","mode","text","uses":[USE]}],
 *    "secrets":[{"path","mode","public","uses":[USE]}],
 *    "leaves":[{.. of the plan ..,"reload":SECONDS,"uses":[USE]}],
 *    "kubeconfigs":[{"path","mode","slot","text","uses":[USE]}]}
 *   USE: {"component","take":"live|restart","seconds","confirm":"handshake|start|peer|trust",
 *         "port"}
 * Only ever gains members; an agent ignores those it does not know, and refuses a `take` or
 * `confirm` it does not know.
 */
enum { AGENT_PROTOCOL = 1 };

int desired_write(struct request *request, struct store_tx *tx, const struct cluster *c,
                  const struct enrolment *n, struct buf *out, struct err *e) MUST_CHECK;

/* "SEQUENCE-HASH": the sequence number it was computed at, and its content. */
enum { DESIRED_REVISION = 64 };
void desired_revision(char out[DESIRED_REVISION], int64_t sequence, struct slice desired);
/* Whether anything that desired_write reads has changed in the cluster since that revision; true
 * when it cannot be told. Costs what was written since, not what there is. */
bool desired_may_differ(struct store_tx *tx, const char *scope, const char *revision);
/* Same content, whatever the sequence number. */
bool desired_same(const char *a, const char *b);

#endif
