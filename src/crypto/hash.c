#include "crypto/hash.h"
#include "base/encode.h"
#include "crypto/init.h"
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

void sha256(uint8_t out[SHA256_LEN], struct slice data)
{
    if (EVP_Digest(data.ptr, data.len, out, NULL, crypto_sha256(), NULL) != 1)
        abort();
}

void sha256_hex(struct buf *out, struct slice data)
{
    uint8_t digest[SHA256_LEN];

    sha256(digest, data);
    hex_encode(out, slice_of(digest, sizeof digest));
}

int hmac_sha256(uint8_t out[SHA256_LEN], struct slice key, struct slice data, struct err *e)
{
    const EVP_MD *md = crypto_sha256();

    if (key.len > INT_MAX)
        return err_set(e, ERR_LIMIT, "a MAC key of %zu bytes is too long", key.len);
    /* A NULL key means "the key of before" to OpenSSL: an empty one needs an address. */
    if (!HMAC(md, key.len ? (const void *)key.ptr : "", (int)key.len, data.ptr, data.len, out,
              NULL))
        return crypto_fail(e, ERR_INTERNAL, "HMAC failed");
    return 0;
}

/* RFC 5869, section 2.3: T(i) = HMAC(PRK, T(i-1) | info | i). */
static int expand(struct secret *out, struct slice prk, struct slice info, struct err *e)
{
    CLEANUP(buf_clear) struct buf block = { 0 };
    CLEANUP(secret_clear) struct secret t = { 0 };
    size_t done = 0;

    if (secret_alloc(&t, SHA256_LEN, e))
        return -1;
    for (uint8_t i = 1; done < out->len; i++) {
        size_t take = out->len - done < SHA256_LEN ? out->len - done : SHA256_LEN;

        buf_reset(&block);
        if (i > 1)
            buf_add_slice(&block, secret_slice(&t));
        buf_add_slice(&block, info);
        buf_add_byte(&block, i);
        if (buf_check(&block, e) || hmac_sha256(t.ptr, prk, buf_slice(&block), e))
            return -1;
        memcpy(out->ptr + done, t.ptr, take);
        done += take;
    }
    return 0;
}

int hkdf_sha256(struct secret *out, size_t len, struct slice key, struct slice salt,
                struct slice info, struct err *e)
{
    static const uint8_t no_salt[SHA256_LEN];
    CLEANUP(secret_clear) struct secret prk = { 0 };
    CLEANUP(secret_clear) struct secret okm = { 0 };

    if (len == 0 || len > (size_t)255 * SHA256_LEN) /* RFC 5869 2.3 */
        return err_set(e, ERR_LIMIT, "HKDF gives 1 to 8160 bytes, not %zu", len);
    if (secret_alloc(&prk, SHA256_LEN, e) || secret_alloc(&okm, len, e))
        return -1;
    if (hmac_sha256(prk.ptr, salt.len ? salt : slice_of(no_salt, sizeof no_salt), key, e))
        return -1;
    if (expand(&okm, secret_slice(&prk), info, e))
        return -1;
    secret_clear(out);
    *out = okm;
    okm = (struct secret){ 0 };
    return 0;
}
