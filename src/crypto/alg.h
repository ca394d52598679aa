#ifndef CRYPTO_ALG_H
#define CRYPTO_ALG_H

#include "base/buf.h"
#include "crypto/key.h"

/* AlgorithmIdentifier of a signature, RFC 5280 4.1.1.2, RFC 4055, RFC 5758, RFC 8410. Takes it off
 * *in; false for bad DER or parameters that the algorithm does not have. *params: their DER. */
bool sig_alg_take(struct slice *in, enum sig_alg *alg, struct slice *params);
/* Only what we make; SIG_RSA_PSS, SIG_SHA1 and SIG_OTHER mark the buffer as failed. */
void sig_alg_put(struct buf *out, enum sig_alg alg);

/* RSASSA-PSS-params (RFC 4055 section 3.1), SHA-2 with MGF1 of the same hash; false for others. */
struct pss_params {
    int hash_bits; /* 256, 384 or 512 */
    int salt_len;
};
bool pss_params_read(struct pss_params *ret, struct slice der);

#endif
