#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include "base/buf.h"
#include "base/secret.h"

/* AES-256-GCM, NIST SP 800-38D. Layout: 12 bytes random nonce, ciphertext, 16 bytes tag. At most
 * 2^32 seals a key: the caller counts. */
enum { AEAD_KEY_LEN = 32, AEAD_NONCE_LEN = 12, AEAD_TAG_LEN = 16 };

int aead_seal(struct buf *out, struct slice key, struct slice aad, struct slice plain,
              struct err *e) MUST_CHECK;
/* ERR_CORRUPT when the tag does not fit: another key, other associated data, changed bytes. */
int aead_open(struct secret *plain, struct slice key, struct slice aad, struct slice sealed,
              struct err *e) MUST_CHECK;

#endif
