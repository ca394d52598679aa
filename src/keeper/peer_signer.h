#ifndef KEEPER_PEER_SIGNER_H
#define KEEPER_PEER_SIGNER_H

#include "keeper/peer.h"

/* The signers of one caller; for peer.c. */

struct signer_order {
    const struct seal_place *place;
    struct slice sealed, cert;
    struct slice all; /* the whole request: equal ones share a signer */
};
int peer_signer_open(struct peer *peer, const struct signer_order *order, int64_t *handle,
                     enum sig_alg *alg, struct err *e) MUST_CHECK;
/* NULL: that caller has no signer of that handle. */
struct signer *peer_signer_find(const struct peer *peer, int64_t handle);
bool peer_signer_close(struct peer *peer, int64_t handle);
void peer_signers_close(struct peer *peer);

#endif
