#ifndef CRYPTO_KEY_INTERNAL_H
#define CRYPTO_KEY_INTERNAL_H

#include "crypto/key.h"
#include <openssl/evp.h>

/* Shared by key.c, key_private.c and key_sign.c alone; others use key_openssl(). */
struct key {
    enum key_type type;
    int bits;
    bool is_private;
    struct buf spki;      /* what the key is known by */
    EVP_PKEY *pkey;       /* NULL: KEY_OTHER, or a public P-256 key, which the fast path verifies */
    EVP_PKEY_CTX *signer; /* set up once: a fresh context costs a tenth of a P-256 signature */
};

DEFINE_FREEP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_FREEP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)

/* Types whose SubjectPublicKeyInfo is a constant and then the key's own bytes. */
struct key_shape {
    enum key_type type;
    const char *group; /* OpenSSL's name of the curve; NULL for Ed25519 */
    int nid, bits;
    size_t scalar_len, point_len; /* point: with its leading 04 */
    uint8_t prefix_len, prefix[26];
};
const struct key_shape *key_shape(enum key_type type); /* NULL for RSA and others */
struct slice key_point(const struct key *key);         /* the point, or Ed25519's 32 bytes */

/* Takes over pkey (on success only) and sets up the signer. */
int key_adopt(struct key **ret, enum key_type type, EVP_PKEY *pkey, struct slice spki,
              struct err *e);
void key_put_spki(struct buf *out, const struct key_shape *shape, struct slice point);
/* RSAPublicKey's numbers in a SubjectPublicKeyInfo. */
void key_put_rsa_spki(struct buf *out, struct slice n, struct slice e);
enum key_type key_type_of_rsa(int bits);
/* One number as OSSL_PARAM wants it, in the machine's byte order. */
void key_add_native(struct buf *out, struct slice magnitude);
int key_check_rsa(struct slice n, struct slice exponent, int *bits, struct err *e);

enum { RSA_MAX_SPKI = 4096 };

/* One P-256 public key at a time in objects made once per thread: 1 us instead of 20. False when
 * the point is not on the curve. The context's verify operation is started anew for each point. */
bool p256_load(struct slice point);
EVP_PKEY_CTX *p256_verifier(void); /* for the point loaded last; NULL when OpenSSL says no */
EVP_PKEY *p256_generate(void);

#endif
