#ifndef CRYPTO_JOSE_H
#define CRYPTO_JOSE_H

#include "base/buf.h"
#include "crypto/key.h"

/*
 * JWK (RFC 7517, 7638) and JWS in compact form (RFC 7515): RS256, ES256, ES384, EdDSA (RFC 8037).
 * No "none", no HMAC, no ES512, no PS*, no "b64": false, no "crit", no JWE, no embedded jwk/x5c/jku
 * is ever believed: the caller brings the key. An ES256 key must be P-256 and so on: the algorithm
 * follows from the key, the header only agrees.
 */
enum {
    JOSE_MAX_TOKEN = 64 << 10, /* bytes, the same three for reading and writing */
    JOSE_MAX_JWK = 16 << 10,
    JOSE_MAX_HEADER = 8 << 10, /* of decoded JSON */
    JOSE_MAX_LABEL = 128,      /* kid and typ, with a NUL */
};

enum jws_alg { JWS_RS256, JWS_ES256, JWS_ES384, JWS_EDDSA, JWS_ALGS };
const char *jws_alg_name(enum jws_alg alg); /* "RS256" ... */
/* The one algorithm of a key; ERR_INVALID when it has none: P-521, RSA outside 2048 to 8192 bits.
 */
int jws_alg_of_key(enum jws_alg *alg, const struct key *key, struct err *e) MUST_CHECK;

/*
 * The public part of a signature key; private members are not looked at. ERR_INVALID when kty, crv,
 * alg, use and key_ops do not agree on one of our algorithms, for a point off the curve, numbers
 * not in their shortest form, RSA outside 2048 to 8192 bits or with the ROCA weakness, and a public
 * exponent that is even, 1 or above 2^32.
 */
int jwk_read(struct key **ret, struct slice json, struct err *e) MUST_CHECK;
/* Appends {"kty" ..., "alg", "use": "sig", "kid"}, the public part alone; kid NULL or "": none. */
int jwk_write(struct buf *out, const struct key *key, const char *kid, struct err *e) MUST_CHECK;
/* Appends the SHA-256 thumbprint (RFC 7638, RFC 8037 appendix A.3), base64url: 43 characters. */
int jwk_thumbprint(struct buf *out, const struct key *key, struct err *e) MUST_CHECK;

struct jws {
    enum jws_alg alg;
    char kid[JOSE_MAX_LABEL]; /* "" when absent */
    struct buf header;        /* decoded JSON */
    struct buf payload;       /* decoded */
    struct slice signed_part; /* view into the token */
    struct buf sig;
};
void jws_clear(struct jws *jws);
/* Splits and checks form; nothing is believed before jws_verify says 0. The token must outlive
 * *ret. ERR_INVALID for what is not a JWS of ours (a JWE, "none", "crit"), ERR_LIMIT for one too
 * long. */
int jws_read(struct jws *ret, struct slice token, struct err *e) MUST_CHECK;
/* ERR_INVALID when the header's algorithm is not the key's, or the signature does not verify. */
int jws_verify(const struct jws *jws, const struct key *key, struct err *e) MUST_CHECK;
/* Appends header.payload.signature; kid and typ may be NULL. */
int jws_sign(struct buf *token, const struct key *key, const char *kid, const char *typ,
             struct slice payload, struct err *e) MUST_CHECK;

#endif
