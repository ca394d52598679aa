#ifndef AGENT_PAIR_H
#define AGENT_PAIR_H

#include "agent/desired.h"
#include "agent/tree.h"
#include "crypto/x509.h"

/* One leaf of this machine: the pair that is there, whether it serves on, and a new one. Keys are
 * made here and never leave. */
struct pair {
    const struct wanted_leaf *wanted;
    struct buf cert, key; /* PEM: what was found, then what is to be there */
    struct buf csr;       /* PEM, of a new key */
    const char *reason;   /* why a new one is needed: "missing", "due" ...; NULL: it serves on */
    char serial[41];      /* of the one that is there, "": none */
    int64_t renews;       /* when it is due */
};
void pair_clear(struct pair *pair);
/* Reads what is there; absent or unreadable is not an error, a link in the way is. */
int pair_find(struct pair *pair, const struct tree *tree, const struct desired *d, struct err *e)
    MUST_CHECK;
/* jitter: 0 to 1000, of this machine and leaf, the same each time. */
void pair_judge(struct pair *pair, int64_t now);
/* A new key and its CSR. */
int pair_renew(struct pair *pair, struct err *e) MUST_CHECK;
/* The certificate that came for the CSR: it has to be for this key and as the plan says. */
int pair_accept(struct pair *pair, struct slice pem, int64_t now, struct err *e) MUST_CHECK;
/* A kubeconfig's text with the pair in the place of the plan's marks. */
void pair_fill(const struct pair *pair, struct slice text, struct buf *out);

/* When a certificate is renewed: as fleet/component.h has it, by the agent's own clock, so that it
 * holds while the daemon is away. A test compares the two. */
int64_t renewal_time(int64_t not_before, int64_t not_after, unsigned reload, unsigned jitter);

#endif
