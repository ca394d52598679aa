#include "crypto/der.h"
#include "crypto/init.h"
#include "crypto/key_internal.h"
#include "crypto/pem.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>

enum { MAX_NUMBER = 2048 };

static const uint8_t oid_rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 };

DEFINE_FREEP(BIGNUM *, BN_clear_free)

/* One private or public number, as an INTEGER, or as an OCTET STRING of `fixed` bytes. */
static void put_number(struct buf *out, const EVP_PKEY *pkey, const char *param, size_t fixed)
{
    CLEANUP(BN_clear_freep) BIGNUM *n = NULL;
    uint8_t bytes[MAX_NUMBER];
    size_t len = 0;

    if (EVP_PKEY_get_bn_param(pkey, param, &n) && BN_num_bytes(n) <= MAX_NUMBER)
        len = fixed ? fixed : (size_t)BN_num_bytes(n);
    if (len == 0 || BN_bn2binpad(n, bytes, (int)len) < 0)
        out->failed = true;
    else if (fixed)
        der_put(out, DER_OCTET_STRING, slice_of(bytes, len));
    else
        der_put_uint(out, slice_of(bytes, len));
    explicit_bzero(bytes, len);
}

/* RSAPrivateKey, RFC 8017 A.1.2. */
static void put_rsa(struct buf *out, const struct key *key)
{
    static const char *const params[] = {
        OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
    };
    size_t mark = der_begin(out, DER_SEQUENCE);

    der_put_small_uint(out, 0);
    for (size_t i = 0; i < ARRAY_LEN(params); i++)
        put_number(out, key->pkey, params[i], 0);
    der_end(out, mark);
}

/* The AlgorithmIdentifier inside the constant beginning of a SubjectPublicKeyInfo. */
static struct slice shape_alg(const struct key_shape *shape)
{
    size_t header = shape->prefix[1] & 0x80 ? 3 : 2;

    return slice_of(shape->prefix + header, (size_t)shape->prefix[header + 1] + 2);
}

/* Of { id-ecPublicKey, curve } the curve, with its tag. */
static struct slice shape_curve(const struct key_shape *shape)
{
    struct slice whole = shape_alg(shape), alg, skipped;

    if (!der_take(&whole, DER_SEQUENCE, &alg) || !der_take(&alg, DER_OID, &skipped))
        return slice_of(NULL, 0);
    return alg;
}

/* ECPrivateKey, RFC 5915; inside PKCS#8 the curve stands outside. */
static void put_ec(struct buf *out, const struct key *key, bool with_curve)
{
    const struct key_shape *shape = key_shape(key->type);
    size_t mark = der_begin(out, DER_SEQUENCE), part, bits;

    der_put_small_uint(out, 1);
    put_number(out, key->pkey, OSSL_PKEY_PARAM_PRIV_KEY, shape->scalar_len);
    if (with_curve)
        der_put(out, DER_CONTEXT_CONSTRUCTED(0), shape_curve(shape));
    part = der_begin(out, DER_CONTEXT_CONSTRUCTED(1));
    bits = der_begin(out, DER_BIT_STRING);
    buf_add_byte(out, 0);
    buf_add_slice(out, key_point(key));
    der_end(out, bits);
    der_end(out, part);
    der_end(out, mark);
}

static void put_ed25519(struct buf *out, const struct key *key)
{
    uint8_t seed[32];
    size_t len = sizeof seed;

    if (!EVP_PKEY_get_raw_private_key(key->pkey, seed, &len) || len != sizeof seed)
        out->failed = true;
    else
        der_put(out, DER_OCTET_STRING, slice_of(seed, len));
    explicit_bzero(seed, sizeof seed);
}

static void put_alg(struct buf *out, const struct key *key)
{
    const struct key_shape *shape = key_shape(key->type);
    size_t mark;

    if (shape) {
        buf_add_slice(out, shape_alg(shape));
        return;
    }
    mark = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, slice_of(oid_rsa, sizeof oid_rsa));
    der_put(out, DER_NULL, slice_of(NULL, 0));
    der_end(out, mark);
}

/* OneAsymmetricKey version 0, RFC 5958. */
static void put_pkcs8(struct buf *out, const struct key *key)
{
    size_t mark = der_begin(out, DER_SEQUENCE), inner;

    der_put_small_uint(out, 0);
    put_alg(out, key);
    inner = der_begin(out, DER_OCTET_STRING);
    if (key->type == KEY_ED25519)
        put_ed25519(out, key);
    else if (key_shape(key->type))
        put_ec(out, key, false);
    else
        put_rsa(out, key);
    der_end(out, inner);
    der_end(out, mark);
}

static int check_written(const struct key *key, const struct buf *der, struct err *e)
{
    if (der->failed)
        return crypto_fail(e, ERR_INTERNAL, "write a %s private key", key_type_name(key->type));
    return 0;
}

static int check_private(const struct key *key, struct err *e)
{
    return key->is_private ? 0 : err_set(e, ERR_INTERNAL, "a public key has no private part");
}

int key_write_private_der(const struct key *key, struct secret *pkcs8, struct err *e)
{
    CLEANUP(buf_clear) struct buf der = { 0 };

    if (check_private(key, e))
        return -1;
    put_pkcs8(&der, key);
    if (check_written(key, &der, e))
        return -1;
    return secret_copy(pkcs8, buf_slice(&der), e);
}

int key_write_private_pem(const struct key *key, struct buf *out, struct err *e)
{
    CLEANUP(buf_clear) struct buf der = { 0 };
    const char *label = "PRIVATE KEY";

    if (check_private(key, e))
        return -1;
    if (key->type == KEY_ED25519) {
        put_pkcs8(&der, key);
    } else if (key_shape(key->type)) {
        label = "EC PRIVATE KEY";
        put_ec(&der, key, true);
    } else {
        label = "RSA PRIVATE KEY";
        put_rsa(&der, key);
    }
    if (check_written(key, &der, e))
        return -1;
    pem_write(out, label, buf_slice(&der));
    return buf_check(out, e);
}

int key_write_public_pem(const struct key *key, struct buf *out, struct err *e)
{
    pem_write(out, "PUBLIC KEY", key_spki(key));
    return buf_check(out, e);
}
