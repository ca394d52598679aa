#ifndef API_HANDLE_AGENT_H
#define API_HANDLE_AGENT_H

#include "api/handlers.h"
#include "fleet/machine.h"
#include "pki/record_body.h"

/* What handle_agent.c and handle_join.c share. */

/* One request of an agent: which machine it is, and that its certificate is the one that counts.
 * Nothing that it says names a machine; its certificate does. */
struct agent_call {
    const struct api_args *args;
    struct json_writer *reply;
    const char *instance;
    char machine[64], cluster[64], scope[STORE_MAX_SCOPE];
    struct cluster id; /* its uid alone: for records of the cluster's scope */
    struct enrolment n;
    struct err refused; /* a clone was found, and blocked */
};
int agent_open(struct agent_call *a, const struct api_args *args, struct json_writer *reply,
               struct err *e) MUST_CHECK;
/* A certificate that counts no longer; "" and one that is gone are nothing. */
int agent_supersede(struct pki_write *w, const char *uid, struct err *e) MUST_CHECK;

#endif
