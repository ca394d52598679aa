#ifndef CRYPTO_INIT_H
#define CRYPTO_INIT_H

#include "base/err.h"
#include <openssl/types.h>

/*
 * OpenSSL's start, in one place: no openssl.cnf (0.4 ms, and a file outside our control would
 * choose the providers), no work at exit. Every entry of ours into OpenSSL comes after
 * crypto_init(), which is cheap to call again; the functions below call it themselves.
 */
void crypto_init(void);

/* Fetched once for the process: an implicit fetch costs more than hashing a certificate. */
const EVP_MD *crypto_sha1(void);
const EVP_MD *crypto_sha256(void);
const EVP_MD *crypto_sha384(void);
const EVP_MD *crypto_sha512(void);
const EVP_CIPHER *crypto_aes_256_gcm(void);

/* Sets the error with OpenSSL's last reason behind the text, and empties OpenSSL's error queue,
 * which TLS would otherwise stumble over. Returns -1. */
int crypto_fail(struct err *e, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
