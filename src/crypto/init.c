#include "crypto/init.h"
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_once_t init_once = PTHREAD_ONCE_INIT;
static pthread_once_t digests_once = PTHREAD_ONCE_INIT;
static pthread_once_t cipher_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha1_md, *sha256_md, *sha384_md, *sha512_md;
static EVP_CIPHER *aes_256_gcm;

/*
 * OpenSSL's own tables of all algorithms and of error texts take a third of its start (0.5 of 1.6
 * ms). X.509 looks digests up by number and CMS ciphers, so those that we accept are entered by
 * hand. (Providers' algorithms, which TLS and we fetch, do not come from these tables.)
 */
static void add_legacy_names(void)
{
    const EVP_MD *digests[] = { EVP_sha1(), EVP_sha224(), EVP_sha256(), EVP_sha384(),
                                EVP_sha512() };
    const EVP_CIPHER *ciphers[] = {
        EVP_aes_128_cbc(),  EVP_aes_192_cbc(),  EVP_aes_256_cbc(),
        EVP_aes_128_gcm(),  EVP_aes_192_gcm(),  EVP_aes_256_gcm(),
        EVP_aes_128_wrap(), EVP_aes_192_wrap(), EVP_aes_256_wrap(),
    };

    for (size_t i = 0; i < ARRAY_LEN(digests); i++)
        (void)EVP_add_digest(digests[i]);
    for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
        (void)EVP_add_cipher(ciphers[i]);
}

static void init(void)
{
    if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT |
                                 OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
                                 OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
                             NULL))
        abort();
    add_legacy_names();
    /* SP 800-90A's Hash_DRBG in place of the one with AES: the first fetch of any cipher costs 0.6
     * ms, which a command that only makes a key can save. */
    (void)RAND_set_DRBG_type(NULL, "HASH-DRBG", NULL, NULL, "SHA256");
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

/* The texts of reasons are not loaded unless somebody else did: then the number must do, which
 * `openssl errstr` explains. */
int crypto_fail(struct err *e, enum err_code code, const char *format, ...)
{
    unsigned long number = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(number);
    char text[320];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    ERR_clear_error();
    if (reason)
        return err_set(e, code, "%s: %s", text, reason);
    if (number)
        return err_set(e, code, "%s (OpenSSL error %08lX)", text, number);
    return err_set(e, code, "%s", text);
}
