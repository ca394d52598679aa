#include "crypto/aead.h"
#include "base/random.h"
#include "crypto/init.h"
#include <limits.h>
#include <openssl/evp.h>

DEFINE_FREEP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

static int check_sizes(struct slice key, struct slice aad, size_t len, struct err *e)
{
    if (key.len != AEAD_KEY_LEN)
        return err_set(e, ERR_INTERNAL, "an AES-256 key has 32 bytes, not %zu", key.len);
    if (aad.len > INT_MAX || len > BUF_MAX)
        return err_set(e, ERR_LIMIT, "%zu bytes are too many to seal at once", len);
    return 0;
}

int aead_seal(struct buf *out, struct slice key, struct slice aad, struct slice plain,
              struct err *e)
{
    CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
    size_t len = AEAD_NONCE_LEN + plain.len + AEAD_TAG_LEN;
    uint8_t *nonce, *body;
    int n = 0;

    if (check_sizes(key, aad, plain.len, e))
        return -1;
    nonce = buf_room(out, len);
    if (!nonce)
        return buf_check(out, e);
    body = nonce + AEAD_NONCE_LEN;
    random_bytes(nonce, AEAD_NONCE_LEN);
    ctx = EVP_CIPHER_CTX_new();
    if (!ctx || !EVP_EncryptInit_ex2(ctx, crypto_aes_256_gcm(), key.ptr, nonce, NULL) ||
        (aad.len && !EVP_EncryptUpdate(ctx, NULL, &n, aad.ptr, (int)aad.len)) ||
        (plain.len && !EVP_EncryptUpdate(ctx, body, &n, plain.ptr, (int)plain.len)) ||
        !EVP_EncryptFinal_ex(ctx, body + plain.len, &n) ||
        !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, body + plain.len))
        return crypto_fail(e, ERR_INTERNAL, "seal");
    out->len += len;
    return 0;
}

int aead_open(struct secret *plain, struct slice key, struct slice aad, struct slice sealed,
              struct err *e)
{
    CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
    CLEANUP(secret_clear) struct secret opened = { 0 };
    uint8_t tag[AEAD_TAG_LEN];
    const uint8_t *body;
    size_t len;
    int n = 0;

    if (check_sizes(key, aad, sealed.len, e))
        return -1;
    if (sealed.len < AEAD_NONCE_LEN + AEAD_TAG_LEN)
        return err_set(e, ERR_CORRUPT, "a sealed value of %zu bytes is cut short", sealed.len);
    len = sealed.len - AEAD_NONCE_LEN - AEAD_TAG_LEN;
    body = sealed.ptr + AEAD_NONCE_LEN;
    memcpy(tag, body + len, sizeof tag);
    if (secret_alloc(&opened, len, e))
        return -1;
    ctx = EVP_CIPHER_CTX_new();
    if (!ctx || !EVP_DecryptInit_ex2(ctx, crypto_aes_256_gcm(), key.ptr, sealed.ptr, NULL) ||
        (aad.len && !EVP_DecryptUpdate(ctx, NULL, &n, aad.ptr, (int)aad.len)) ||
        (len && !EVP_DecryptUpdate(ctx, opened.ptr, &n, body, (int)len)) ||
        !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, tag))
        return crypto_fail(e, ERR_INTERNAL, "open a sealed value");
    if (EVP_DecryptFinal_ex(ctx, opened.ptr + len, &n) != 1) {
        crypto_fail(NULL, ERR_CORRUPT, "tag"); /* empties the error queue */
        return err_set(e, ERR_CORRUPT,
                       "a sealed value does not open: another key, or it was changed or moved");
    }
    secret_clear(plain);
    *plain = opened;
    opened = (struct secret){ 0 };
    return 0;
}
