#ifndef CRYPTO_KEY_OPENSSL_H
#define CRYPTO_KEY_OPENSSL_H

#include "crypto/key.h"
#include <openssl/types.h>

/* For TLS and CMS: a reference that the caller frees with EVP_PKEY_free. */
int key_openssl(EVP_PKEY **ret, const struct key *key, struct err *e) MUST_CHECK;

#endif
