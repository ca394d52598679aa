#include "crypto/init.h"
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_once_t init_once = PTHREAD_ONCE_INIT;
static pthread_once_t digests_once = PTHREAD_ONCE_INIT;
static pthread_once_t cipher_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha1_md, *sha256_md, *sha384_md, *sha512_md;
static EVP_CIPHER *aes_256_gcm;

static void init(void)
{
    if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT |
                                 OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
                                 OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
                             NULL))
        abort();
}

void crypto_init(void)
{
    (void)pthread_once(&init_once, init);
}

static void fetch_digests(void)
{
    crypto_init();
    sha1_md = EVP_MD_fetch(NULL, "SHA1", NULL);
    sha256_md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    sha384_md = EVP_MD_fetch(NULL, "SHA2-384", NULL);
    sha512_md = EVP_MD_fetch(NULL, "SHA2-512", NULL);
    if (!sha1_md || !sha256_md || !sha384_md || !sha512_md)
        abort(); /* an OpenSSL without SHA-2: nothing of ours can work */
}

static void fetch_cipher(void)
{
    crypto_init();
    aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (!aes_256_gcm)
        abort();
}

const EVP_MD *crypto_sha1(void)
{
    (void)pthread_once(&digests_once, fetch_digests);
    return sha1_md;
}

const EVP_MD *crypto_sha256(void)
{
    (void)pthread_once(&digests_once, fetch_digests);
    return sha256_md;
}

const EVP_MD *crypto_sha384(void)
{
    (void)pthread_once(&digests_once, fetch_digests);
    return sha384_md;
}

const EVP_MD *crypto_sha512(void)
{
    (void)pthread_once(&digests_once, fetch_digests);
    return sha512_md;
}

const EVP_CIPHER *crypto_aes_256_gcm(void)
{
    (void)pthread_once(&cipher_once, fetch_cipher);
    return aes_256_gcm;
}

int crypto_fail(struct err *e, enum err_code code, const char *format, ...)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    char text[320];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    err_set(e, code, "%s%s%s", text, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return -1;
}
