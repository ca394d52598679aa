#include "base/alloc.h"
#include "crypto/der.h"
#include "crypto/init.h"
#include "crypto/key_internal.h"
#include "crypto/key_openssl.h"
#include <openssl/core_names.h>

static const uint8_t oid_rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 };
static const uint8_t oid_ec[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };

/* A public EC key; OpenSSL checks that the point is on the curve. */
static EVP_PKEY *pkey_of_point(const struct key_shape *shape, struct slice point)
{
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)shape->group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (uint8_t *)point.ptr, point.len),
        OSSL_PARAM_construct_end(),
    };

    crypto_init();
    ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        return NULL;
    return pkey;
}

/* Ed25519 points are checked when a signature is: RFC 8032 has no other use for them. */
static int read_shaped(struct key *key, const struct key_shape *shape, struct slice point,
                       struct err *e)
{
    bool good;

    if (shape->type == KEY_P256) {
        good = p256_load(point);
    } else if (shape->group) {
        key->pkey = point.ptr[0] == 4 ? pkey_of_point(shape, point) : NULL;
        good = key->pkey != NULL;
    } else {
        crypto_init();
        key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, point.ptr, point.len);
        good = key->pkey != NULL;
    }
    if (!good)
        return crypto_fail(e, ERR_INVALID, "the public key is not a point of the curve %s",
                           key_type_name(shape->type));
    key->type = shape->type;
    key->bits = shape->bits;
    return 0;
}

static int read_rsa(struct key *key, struct slice params, struct slice bits, struct err *e)
{
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
    CLEANUP(buf_clear) struct buf native = { 0 };
    struct slice body, n, exponent;
    OSSL_PARAM list[3];

    if (params.len != 2 || params.ptr[0] != DER_NULL || params.ptr[1] != 0) /* RFC 3279 2.3.1 */
        return err_set(e, ERR_INVALID, "the RSA public key's parameters are not NULL");
    if (!der_take(&bits, DER_SEQUENCE, &body) || bits.len || !der_take_uint(&body, &n) ||
        !der_take_uint(&body, &exponent) || body.len)
        return err_set(e, ERR_INVALID, "the RSA public key is not well-formed DER");
    if (key_check_rsa(n, exponent, &key->bits, e))
        return -1;
    crypto_init();
    key_add_native(&native, n);
    key_add_native(&native, exponent);
    if (buf_check(&native, e))
        return -1;
    list[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, native.ptr, n.len);
    list[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, native.ptr + n.len, exponent.len);
    list[2] = OSSL_PARAM_construct_end();
    ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &key->pkey, EVP_PKEY_PUBLIC_KEY, list) <= 0)
        return crypto_fail(e, ERR_INVALID, "the RSA public key is not usable");
    key->type = key_type_of_rsa(key->bits);
    return 0;
}

/* Anything that is not one of the known shapes byte for byte. */
static int read_unshaped(struct key *key, struct slice spki, struct err *e)
{
    struct slice body, whole, rest, alg, oid, bits;
    unsigned unused;

    if (!der_take(&spki, DER_SEQUENCE, &body) || spki.len ||
        !der_take_whole(&body, DER_SEQUENCE, &whole) || !der_take_bits(&body, &bits, &unused) ||
        body.len || unused)
        return err_set(e, ERR_INVALID, "the public key is not well-formed DER");
    rest = whole;
    if (!der_check(whole) || !der_take(&rest, DER_SEQUENCE, &alg) || !der_take(&alg, DER_OID, &oid))
        return err_set(e, ERR_INVALID, "the public key is not well-formed DER");
    if (slice_eq(oid, slice_of(oid_rsa, sizeof oid_rsa)))
        return read_rsa(key, alg, bits, e);
    if (slice_eq(oid, slice_of(oid_ec, sizeof oid_ec)) && !der_next_is(alg, DER_OID))
        return err_set(e, ERR_INVALID, "an EC key with explicit parameters (RFC 5480 2.1.1)");
    for (int i = 0; i < KEY_OTHER; i++) {
        const struct key_shape *shape = key_shape((enum key_type)i);

        /* A shape's algorithm and curve, yet not its length: compressed, cut or padded. */
        if (shape && memmem(shape->prefix, shape->prefix_len, whole.ptr, whole.len))
            return err_set(e, ERR_INVALID, "the %s public key is compressed or of a wrong length",
                           key_type_name(shape->type));
    }
    key->type = KEY_OTHER;
    return 0;
}

static int read_spki(struct key *key, struct slice spki, struct err *e)
{
    for (int i = 0; i < KEY_OTHER; i++) {
        const struct key_shape *shape = key_shape((enum key_type)i);

        if (!shape || spki.len != shape->prefix_len + shape->point_len ||
            memcmp(spki.ptr, shape->prefix, shape->prefix_len) != 0)
            continue;
        return read_shaped(key, shape, slice_of(spki.ptr + shape->prefix_len, shape->point_len), e);
    }
    return read_unshaped(key, spki, e);
}

int key_read_public(struct key **ret, struct slice spki, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;

    if (spki.len > RSA_MAX_SPKI)
        return err_set(e, ERR_LIMIT, "a public key of %zu bytes", spki.len);
    key = xcalloc(1, sizeof *key);
    if (read_spki(key, spki, e))
        return -1;
    buf_add_slice(&key->spki, spki);
    if (buf_check(&key->spki, e))
        return -1;
    *ret = key;
    key = NULL;
    return 0;
}

int key_openssl(EVP_PKEY **ret, const struct key *key, struct err *e)
{
    if (key->pkey && EVP_PKEY_up_ref(key->pkey)) {
        *ret = key->pkey;
        return 0;
    }
    if (key->type == KEY_P256)
        *ret = pkey_of_point(key_shape(KEY_P256), key_point(key));
    return key->type == KEY_P256 && *ret
               ? 0
               : crypto_fail(e, ERR_INVALID, "a %s key cannot be used", key_type_name(key->type));
}
