#include "crypto/alg.h"
#include "crypto/init.h"
#include "crypto/key_internal.h"
#include <openssl/rsa.h>

enum { MAX_SIG = 2048 }; /* RSA-16384 */

DEFINE_FREEP(EVP_MD_CTX *, EVP_MD_CTX_free)

enum family { FAMILY_ECDSA, FAMILY_RSA, FAMILY_ED25519, FAMILY_NONE };

static enum family family_of_key(const struct key *key)
{
    switch (key->type) {
    case KEY_P256:
    case KEY_P384:
    case KEY_P521:
        return FAMILY_ECDSA;
    case KEY_ED25519:
        return FAMILY_ED25519;
    case KEY_OTHER:
        return FAMILY_NONE;
    default:
        return FAMILY_RSA;
    }
}

static enum family family_of_alg(enum sig_alg alg, const EVP_MD **md)
{
    *md = NULL;
    switch (alg) {
    case SIG_ECDSA_SHA256:
    case SIG_RSA_SHA256:
        *md = crypto_sha256();
        break;
    case SIG_ECDSA_SHA384:
    case SIG_RSA_SHA384:
        *md = crypto_sha384();
        break;
    case SIG_ECDSA_SHA512:
    case SIG_RSA_SHA512:
        *md = crypto_sha512();
        break;
    case SIG_ED25519:
        return FAMILY_ED25519;
    case SIG_RSA_PSS:
        return FAMILY_RSA;
    default:
        return FAMILY_NONE;
    }
    return alg <= SIG_ECDSA_SHA512 ? FAMILY_ECDSA : FAMILY_RSA;
}

enum sig_alg key_sig_alg(const struct key *key)
{
    switch (key->type) {
    case KEY_P256:
        return SIG_ECDSA_SHA256;
    case KEY_P384:
        return SIG_ECDSA_SHA384;
    case KEY_P521:
        return SIG_ECDSA_SHA512;
    case KEY_ED25519:
        return SIG_ED25519;
    case KEY_OTHER:
        return SIG_OTHER;
    default:
        return SIG_RSA_SHA256;
    }
}

static int sign_ed25519(const struct key *key, struct slice message, uint8_t *to, size_t *len)
{
    CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    return ctx && EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL) > 0 &&
           EVP_DigestSign(ctx, to, len, message.ptr, message.len) > 0;
}

static int sign_digest(const struct key *key, struct slice message, uint8_t *to, size_t *len)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    const EVP_MD *md;

    (void)family_of_alg(key_sig_alg(key), &md);
    return EVP_Digest(message.ptr, message.len, digest, &digest_len, md, NULL) > 0 &&
           EVP_PKEY_sign(key->signer, to, len, digest, digest_len) > 0;
}

int key_sign(const struct key *key, struct slice message, struct buf *sig, struct err *e)
{
    uint8_t *to;
    size_t len = MAX_SIG;
    int done;

    if (!key->is_private)
        return err_set(e, ERR_INTERNAL, "a public key cannot sign");
    to = buf_room(sig, len);
    if (!to)
        return buf_check(sig, e);
    done = key->type == KEY_ED25519 ? sign_ed25519(key, message, to, &len)
                                    : sign_digest(key, message, to, &len);
    if (!done)
        return crypto_fail(e, ERR_INTERNAL, "sign with a %s key", key_type_name(key->type));
    sig->len += len;
    return 0;
}

static bool set_rsa_padding(EVP_PKEY_CTX *ctx, const EVP_MD *md, const struct pss_params *pss)
{
    if (EVP_PKEY_CTX_set_rsa_padding(ctx, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_signature_md(ctx, md) <= 0)
        return false;
    return !pss || (EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) > 0 &&
                    EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, pss->salt_len) > 0);
}

static bool verify_digest(const struct key *key, const EVP_MD *md, const struct pss_params *pss,
                          struct slice message, struct slice sig)
{
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *own = NULL;
    EVP_PKEY_CTX *ctx;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;

    if (EVP_Digest(message.ptr, message.len, digest, &digest_len, md, NULL) <= 0)
        return false;
    if (key->type == KEY_P256) {
        ctx = p256_load(key_point(key)) ? p256_verifier() : NULL;
    } else {
        ctx = own = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
        if (!ctx || EVP_PKEY_verify_init(ctx) <= 0)
            return false;
        if (family_of_key(key) == FAMILY_RSA && !set_rsa_padding(ctx, md, pss))
            return false;
    }
    return ctx && EVP_PKEY_verify(ctx, sig.ptr, sig.len, digest, digest_len) == 1;
}

static bool verify_ed25519(const struct key *key, struct slice message, struct slice sig)
{
    CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    return ctx && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL) > 0 &&
           EVP_DigestVerify(ctx, sig.ptr, sig.len, message.ptr, message.len) == 1;
}

static const EVP_MD *md_of_bits(int bits)
{
    return bits == 256 ? crypto_sha256() : bits == 384 ? crypto_sha384() : crypto_sha512();
}

int key_verify(const struct key *key, enum sig_alg alg, struct slice alg_params,
               struct slice message, struct slice sig, struct err *e)
{
    const EVP_MD *md;
    enum family family = family_of_alg(alg, &md);
    struct pss_params pss;
    bool good;

    if (family == FAMILY_NONE || family != family_of_key(key))
        return err_set(e, ERR_INVALID, "a signature %s does not fit a %s key", sig_alg_name(alg),
                       key_type_name(key->type));
    if (alg == SIG_RSA_PSS) {
        if (!pss_params_read(&pss, alg_params))
            return err_set(e, ERR_INVALID, "RSA-PSS parameters other than SHA-2 with its own MGF1");
        md = md_of_bits(pss.hash_bits);
    }
    if (family == FAMILY_ED25519)
        good = verify_ed25519(key, message, sig);
    else
        good = verify_digest(key, md, alg == SIG_RSA_PSS ? &pss : NULL, message, sig);
    if (!good) {
        crypto_fail(NULL, ERR_INVALID, "signature"); /* empties the error queue */
        return err_set(e, ERR_INVALID, "the signature does not verify");
    }
    return 0;
}
