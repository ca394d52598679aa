#ifndef AGENT_RUN_H
#define AGENT_RUN_H

#include "agent/pair.h"
#include "agent/transport.h"

/* One agent: its folder, the machine's folder, what it knows. */
struct agent {
    struct tree tree;
    struct local local;
    const struct agent_transport *transport;
    char instance[64]; /* this folder since this start of the machine; a copy of it is another */
    bool dry_run;
    int64_t most_wait; /* seconds for a live reload; 0: what the table says, and ten more */
    int64_t now;       /* UTC seconds, set by the caller before each round */
    void (*say)(const char *text, void *ctx); /* what it does, a line each */
    void *ctx;
    /* what lasts from round to round */
    char revision[96];
    struct desired desired;
    bool has_desired;
    struct buf said; /* the status as it was reported last */
    int64_t said_at;
    char halted[96]; /* revision whose installing failed here; "": none */
    char error[512]; /* of the last round; "": none */
};
/* Opens the folders, reads the list; home is e.g. /etc/poterne. */
int agent_start(struct agent *a, const char *home, struct err *e) MUST_CHECK;
void agent_stop(struct agent *a);

/*
 * One round: finish what a crash interrupted, ask what is wanted (or go on with what is known),
 * make keys and have them signed, install, have components take it up and see that they did,
 * report. *poll: seconds until the next one. A failure is said, reported where that is possible,
 * and returned.
 */
int agent_round(struct agent *a, int64_t *poll, struct err *e) MUST_CHECK;

/* Its own identity (agent.key, agent.crt): a new certificate when it is due. */
int agent_renew_self(struct agent *a, struct err *e) MUST_CHECK;

#define AGENT_KEY "agent.key"
#define AGENT_CERT "agent.crt"
#define AGENT_CA "server-ca.crt"

struct join_options {
    const char *home, *root, *layout, *server, *token, *machine, *manifests;
    const struct agent_transport *transport;
};
/* Makes the key (kept before it is used, so that a join that was cut short goes on with it), has it
 * certified, and writes the local list unless there is one. */
int agent_join(const struct join_options *options, struct err *e) MUST_CHECK;

#endif
