#ifndef CRYPTO_KEY_H
#define CRYPTO_KEY_H

#include "base/buf.h"
#include "base/secret.h"

/* Key types we make (the first six, in the order of --key-type), and those we only read. */
enum key_type {
    KEY_P256,
    KEY_P384,
    KEY_ED25519,
    KEY_RSA2048,
    KEY_RSA3072,
    KEY_RSA4096,
    KEY_MADE_BY_US, /* below this: types that we generate */
    KEY_P521 = KEY_MADE_BY_US,
    KEY_RSA_OTHER, /* 1024 to 16384 bits */
    KEY_OTHER
};
const char *key_type_name(enum key_type type); /* "p256" ... "rsa4096", "p521", "rsa", "other" */
bool key_type_is_rsa(enum key_type type);
int key_type_parse(enum key_type *type, struct slice name, struct err *e) MUST_CHECK;

/* How a signature was made (RFC 5280 AlgorithmIdentifier); OTHER is anything that we refuse. */
enum sig_alg {
    SIG_ECDSA_SHA256,
    SIG_ECDSA_SHA384,
    SIG_ECDSA_SHA512,
    SIG_RSA_SHA256,
    SIG_RSA_SHA384,
    SIG_RSA_SHA512,
    SIG_RSA_PSS, /* read and verified, never made in certificates */
    SIG_ED25519,
    SIG_SHA1, /* any key with SHA-1: named, never accepted from outside */
    SIG_OTHER
};
const char *sig_alg_name(enum sig_alg alg);

struct key; /* a key pair or a public key; immutable, not shared between threads */

int key_generate(struct key **ret, enum key_type type, struct err *e) MUST_CHECK;
/* PKCS#8, SEC 1 or PKCS#1, DER or PEM. ERR_INVALID names an encrypted, public or unknown one. */
int key_read_private(struct key **ret, struct slice bytes, struct err *e) MUST_CHECK;
/* SubjectPublicKeyInfo DER (RFC 5480, 8017, 8410). P-256 takes a fast path over the known shape.
 * Points off the curve, compressed points of certificates and RSA below 1024 bits are ERR_INVALID.
 */
int key_read_public(struct key **ret, struct slice spki, struct err *e) MUST_CHECK;
void key_free(struct key *key);
DEFINE_FREEP(struct key *, key_free)

enum key_type key_type(const struct key *key);
int key_bits(const struct key *key); /* strength as certificates name it: 256, 2048 ... */
/* Of a type that we know, RSA of at least 2048 bits and with a public exponent of at least 65537;
 * ERR_REFUSED says what it lacks. */
int key_check_strength(const struct key *key, struct err *e) MUST_CHECK;
bool key_is_strong(const struct key *key);
bool key_is_private(const struct key *key);
struct slice key_spki(const struct key *key); /* borrowed SubjectPublicKeyInfo DER */
bool key_same_public(const struct key *a, const struct key *b);
void key_id_sha1(const struct key *key, uint8_t out[20]); /* RFC 5280 4.2.1.2 method 1 */
void spki_id_sha1(struct slice spki, uint8_t out[20]); /* the same, of DER that was read before */

int key_write_private_der(const struct key *key, struct secret *pkcs8, struct err *e) MUST_CHECK;
/* What kubeadm and openssl write: EC PRIVATE KEY, RSA PRIVATE KEY, PRIVATE KEY for Ed25519. */
int key_write_private_pem(const struct key *key, struct buf *out, struct err *e) MUST_CHECK;
int key_write_public_pem(const struct key *key, struct buf *out, struct err *e) MUST_CHECK;

/* The algorithm that key_sign uses: SHA-256, P-384 SHA-384, Ed25519 as it is. */
enum sig_alg key_sig_alg(const struct key *key);
/* Signs the message (hashing included) and appends the signature as X.509 carries it. */
int key_sign(const struct key *key, struct slice message, struct buf *sig, struct err *e)
    MUST_CHECK;
/* ERR_INVALID for a signature that does not verify, or an algorithm that does not fit the key.
 * alg_params: DER parameters of the AlgorithmIdentifier (needed for PSS), else empty. */
int key_verify(const struct key *key, enum sig_alg alg, struct slice alg_params,
               struct slice message, struct slice sig, struct err *e) MUST_CHECK;

#endif
