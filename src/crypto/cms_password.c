#include "crypto/cms_password.h"
#include "base/random.h"
#include "crypto/der.h"
#include "crypto/init.h"
#include <openssl/evp.h>

enum { SALT_LEN = 16, BLOCK = 16, WRAPPED_LEN = 3 * BLOCK };

DEFINE_FREEP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)
DEFINE_FREEP(EVP_CIPHER *, EVP_CIPHER_free)

/* Content bytes of object identifiers. */
#define RSADSI 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d
static const uint8_t oid_pbkdf2[] = { RSADSI, 0x01, 0x05, 0x0c };
static const uint8_t oid_pwri_kek[] = { RSADSI, 0x01, 0x09, 0x10, 0x03, 0x09 };
static const uint8_t oid_aes_256_cbc[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a };
static const uint8_t oid_hmac_sha256[] = { RSADSI, 0x02, 0x09 };

/* The PRFs that we read (RFC 8018 B.1); OpenSSL writes SHA-1 by leaving it out. */
static const struct {
    uint8_t oid[8];
    const EVP_MD *(*md)(void);
} prfs[] = {
    { { RSADSI, 0x02, 0x07 }, crypto_sha1 },
    { { RSADSI, 0x02, 0x09 }, crypto_sha256 },
    { { RSADSI, 0x02, 0x0a }, crypto_sha384 },
    { { RSADSI, 0x02, 0x0b }, crypto_sha512 },
};

struct pwri {
    struct slice salt, iv, wrapped;
    uint32_t rounds;
    const EVP_MD *prf;
};

static bool is_oid(struct slice oid, const uint8_t *bytes, size_t len)
{
    return slice_eq(oid, slice_of(bytes, len));
}

static int derive(struct secret *kek, const struct pwri *pwri, const struct secret *passphrase,
                  struct err *e)
{
    if (passphrase->len > 4096)
        return err_set(e, ERR_LIMIT, "a passphrase of %zu bytes", passphrase->len);
    if (secret_alloc(kek, 32, e))
        return -1;
    if (!PKCS5_PBKDF2_HMAC((const char *)passphrase->ptr, (int)passphrase->len, pwri->salt.ptr,
                           (int)pwri->salt.len, (int)pwri->rounds, pwri->prf, (int)kek->len,
                           kek->ptr))
        return crypto_fail(e, ERR_INTERNAL, "derive a key from the passphrase");
    return 0;
}

static int cbc_begin(EVP_CIPHER_CTX **ret, const struct secret *kek, const uint8_t *iv,
                     bool encrypt, struct err *e)
{
    CLEANUP(EVP_CIPHER_freep) EVP_CIPHER *cipher = NULL;
    CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;

    crypto_init();
    cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    ctx = EVP_CIPHER_CTX_new();
    if (!cipher || !ctx || !EVP_CipherInit_ex2(ctx, cipher, kek->ptr, iv, encrypt, NULL) ||
        !EVP_CIPHER_CTX_set_padding(ctx, 0))
        return crypto_fail(e, ERR_INTERNAL, "AES-256-CBC");
    *ret = ctx;
    ctx = NULL;
    return 0;
}

/* RFC 3211 2.3.1: length, three check bytes, key and random padding, encrypted twice in a row. */
static int wrap(uint8_t out[WRAPPED_LEN], const struct secret *kek, const uint8_t *iv,
                struct slice content_key, struct err *e)
{
    CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
    CLEANUP(secret_clear) struct secret block = { 0 };
    int n = 0;

    if (secret_alloc(&block, WRAPPED_LEN, e) || cbc_begin(&ctx, kek, iv, true, e))
        return -1;
    random_bytes(block.ptr, block.len);
    block.ptr[0] = CMS_KEY_LEN;
    for (size_t i = 0; i < 3; i++)
        block.ptr[1 + i] = (uint8_t)~content_key.ptr[i];
    memcpy(block.ptr + 4, content_key.ptr, CMS_KEY_LEN);
    /* Without a new IV, the second pass chains on the last block of the first. */
    if (!EVP_CipherUpdate(ctx, block.ptr, &n, block.ptr, WRAPPED_LEN) || n != WRAPPED_LEN ||
        !EVP_CipherUpdate(ctx, out, &n, block.ptr, WRAPPED_LEN) || n != WRAPPED_LEN)
        return crypto_fail(e, ERR_INTERNAL, "wrap the content key");
    return 0;
}

static int cbc_decrypt(uint8_t *out, const struct secret *kek, const uint8_t *iv, struct slice in,
                       struct err *e)
{
    CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
    int n = 0;

    if (cbc_begin(&ctx, kek, iv, false, e))
        return -1;
    if (!EVP_CipherUpdate(ctx, out, &n, in.ptr, (int)in.len) || n != (int)in.len)
        return crypto_fail(e, ERR_INTERNAL, "unwrap the content key");
    return 0;
}

/* RFC 3211 2.3.2. The last block, whose IV is the one before it, is the IV of the outer pass. */
static int unwrap(struct secret *content_key, const struct secret *kek, const struct pwri *pwri,
                  struct err *e)
{
    CLEANUP(secret_clear) struct secret once = { 0 }, block = { 0 };
    const uint8_t *in = pwri->wrapped.ptr;
    const size_t last = WRAPPED_LEN - BLOCK;
    uint8_t check = 0;

    if (secret_alloc(&once, WRAPPED_LEN, e) || secret_alloc(&block, WRAPPED_LEN, e))
        return -1;
    if (cbc_decrypt(once.ptr + last, kek, in + last - BLOCK, slice_of(in + last, BLOCK), e) ||
        cbc_decrypt(once.ptr, kek, once.ptr + last, slice_of(in, last), e) ||
        cbc_decrypt(block.ptr, kek, pwri->iv.ptr, secret_slice(&once), e))
        return -1;
    check = block.ptr[0] ^ CMS_KEY_LEN;
    for (size_t i = 0; i < 3; i++)
        check |= (uint8_t)(block.ptr[1 + i] ^ block.ptr[4 + i] ^ 0xff);
    if (check)
        return err_set(e, ERR_REFUSED, "wrong passphrase");
    return secret_copy(content_key, slice_of(block.ptr + 4, CMS_KEY_LEN), e);
}

static void write_pbkdf2(struct buf *out, const struct pwri *pwri)
{
    size_t kdf = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    size_t params, prf;

    der_put(out, DER_OID, slice_of(oid_pbkdf2, sizeof oid_pbkdf2));
    params = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OCTET_STRING, pwri->salt);
    der_put_small_uint(out, pwri->rounds);
    prf = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, slice_of(oid_hmac_sha256, sizeof oid_hmac_sha256));
    der_put(out, DER_NULL, (struct slice){ 0 });
    der_end(out, prf);
    der_end(out, params);
    der_end(out, kdf);
}

static void write_pwri(struct buf *out, const struct pwri *pwri)
{
    size_t info = der_begin(out, DER_CONTEXT_CONSTRUCTED(3));
    size_t alg, inner;

    der_put_small_uint(out, 0);
    write_pbkdf2(out, pwri);
    alg = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, slice_of(oid_pwri_kek, sizeof oid_pwri_kek));
    inner = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, slice_of(oid_aes_256_cbc, sizeof oid_aes_256_cbc));
    der_put(out, DER_OCTET_STRING, pwri->iv);
    der_end(out, inner);
    der_end(out, alg);
    der_put(out, DER_OCTET_STRING, pwri->wrapped);
    der_end(out, info);
}

int cms_password_wrap(struct buf *out, struct slice content_key, const struct secret *passphrase,
                      struct err *e)
{
    CLEANUP(secret_clear) struct secret kek = { 0 };
    uint8_t salt[SALT_LEN], iv[BLOCK], wrapped[WRAPPED_LEN];
    struct pwri pwri = {
        .salt = slice_of(salt, sizeof salt),
        .iv = slice_of(iv, sizeof iv),
        .wrapped = slice_of(wrapped, sizeof wrapped),
        .rounds = CMS_PBKDF2_ROUNDS,
        .prf = crypto_sha256(),
    };

    random_bytes(salt, sizeof salt);
    random_bytes(iv, sizeof iv);
    if (derive(&kek, &pwri, passphrase, e) || wrap(wrapped, &kek, iv, content_key, e))
        return -1;
    write_pwri(out, &pwri);
    return 0;
}

/* PBKDF2-params, RFC 8018 A.2. */
static int read_pbkdf2(struct pwri *pwri, struct slice params, struct err *e)
{
    struct slice prf, oid;
    uint32_t key_len = 32;
    bool has_prf;

    if (!der_take(&params, DER_OCTET_STRING, &pwri->salt) ||
        !der_take_small_uint(&params, &pwri->rounds) ||
        (der_next_is(params, DER_INTEGER) && !der_take_small_uint(&params, &key_len)) ||
        !der_take_optional(&params, DER_SEQUENCE, &prf, &has_prf) || params.len)
        return err_set(e, ERR_CORRUPT, "broken PBKDF2 parameters");
    /* Before any work is done for them: the rounds are the file's, the time is ours. */
    if (pwri->rounds == 0 || pwri->rounds > CMS_PBKDF2_MAX_ROUNDS)
        return err_set(e, ERR_LIMIT, "%u PBKDF2 rounds: 1 to %d are allowed", pwri->rounds,
                       CMS_PBKDF2_MAX_ROUNDS);
    if (pwri->salt.len < 8 || pwri->salt.len > 64 || key_len != 32)
        return err_set(e, ERR_INVALID, "PBKDF2 with a salt of %zu bytes for a key of %u",
                       pwri->salt.len, key_len);
    pwri->prf = crypto_sha1();
    if (!has_prf)
        return 0;
    if (!der_take(&prf, DER_OID, &oid))
        return err_set(e, ERR_CORRUPT, "broken PBKDF2 parameters");
    for (size_t i = 0; i < ARRAY_LEN(prfs); i++) {
        if (is_oid(oid, prfs[i].oid, sizeof prfs[i].oid)) {
            pwri->prf = prfs[i].md();
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "PBKDF2 with a function that we do not read");
}

static int read_pwri(struct pwri *pwri, struct slice info, struct err *e)
{
    struct slice kdf, kdf_oid, params, alg, alg_oid, inner, inner_oid;
    uint32_t version;

    if (!der_take_small_uint(&info, &version) ||
        !der_take(&info, DER_CONTEXT_CONSTRUCTED(0), &kdf) || !der_take(&kdf, DER_OID, &kdf_oid) ||
        !der_take(&kdf, DER_SEQUENCE, &params) || !der_take(&info, DER_SEQUENCE, &alg) ||
        !der_take(&alg, DER_OID, &alg_oid) || !der_take(&alg, DER_SEQUENCE, &inner) ||
        !der_take(&inner, DER_OID, &inner_oid) ||
        !der_take(&info, DER_OCTET_STRING, &pwri->wrapped) || info.len)
        return err_set(e, ERR_CORRUPT, "broken PasswordRecipientInfo");
    if (version != 0 || !is_oid(kdf_oid, oid_pbkdf2, sizeof oid_pbkdf2) ||
        !is_oid(alg_oid, oid_pwri_kek, sizeof oid_pwri_kek) ||
        !is_oid(inner_oid, oid_aes_256_cbc, sizeof oid_aes_256_cbc))
        return err_set(e, ERR_INVALID, "the passphrase is not under PBKDF2 and AES-256");
    if (!der_take(&inner, DER_OCTET_STRING, &pwri->iv) || pwri->iv.len != BLOCK ||
        pwri->wrapped.len != WRAPPED_LEN)
        return err_set(e, ERR_CORRUPT, "broken PasswordRecipientInfo");
    return read_pbkdf2(pwri, params, e);
}

int cms_password_unwrap(struct secret *content_key, struct slice recipients,
                        const struct secret *passphrase, struct err *e)
{
    CLEANUP(secret_clear) struct secret kek = { 0 };
    struct pwri pwri = { 0 };
    struct slice info;
    uint8_t tag = 0;

    while (tag != DER_CONTEXT_CONSTRUCTED(3)) {
        if (recipients.len == 0)
            return err_set(e, ERR_REFUSED, "it was made for a certificate, not for a passphrase");
        if (!der_take_any(&recipients, &tag, &info))
            return err_set(e, ERR_CORRUPT, "broken RecipientInfo");
    }
    if (read_pwri(&pwri, info, e) || derive(&kek, &pwri, passphrase, e))
        return -1;
    return unwrap(content_key, &kek, &pwri, e);
}
