#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "base/buf.h"
#include "base/secret.h"

enum { SHA256_LEN = 32 };

void sha256(uint8_t out[SHA256_LEN], struct slice data);
void sha256_hex(struct buf *out, struct slice data);
/* RFC 2104, RFC 5869 (SHA-256); `out` is allocated by the caller with the length wanted. */
int hmac_sha256(uint8_t out[SHA256_LEN], struct slice key, struct slice data, struct err *e)
    MUST_CHECK;
int hkdf_sha256(struct secret *out, size_t len, struct slice key, struct slice salt,
                struct slice info, struct err *e) MUST_CHECK;

#endif
