#include "crypto/der.h"
#include "crypto/init.h"
#include "crypto/key_internal.h"
#include "crypto/pem.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>

enum { MAX_PRIVATE = 16 << 10, MAX_POINT = 133 };

static const uint8_t oid_rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 };
static const uint8_t oid_ec[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };
static const uint8_t oid_ed25519[] = { 0x2b, 0x65, 0x70 };

DEFINE_FREEP(BIGNUM *, BN_clear_free)
DEFINE_FREEP(EC_GROUP *, EC_GROUP_free)
DEFINE_FREEP(EC_POINT *, EC_POINT_clear_free)

static const struct key_shape *shape_of_curve(struct slice curve_oid)
{
    for (int i = 0; i < KEY_OTHER; i++) {
        const struct key_shape *shape = key_shape((enum key_type)i);
        CLEANUP(buf_clear) struct buf curve = { 0 };

        if (!shape || !shape->group)
            continue;
        der_put(&curve, DER_OID, curve_oid);
        if (!curve.failed && memmem(shape->prefix, shape->prefix_len, curve.ptr, curve.len))
            return shape;
    }
    return NULL;
}

/* scalar * G, computed and not believed: a file whose public half is another key's would make
 * certificates that nobody can use. False when the scalar is not in 1..n-1. */
static bool derive_point(uint8_t point[MAX_POINT], const struct key_shape *shape,
                         struct slice scalar)
{
    CLEANUP(BN_clear_freep) BIGNUM *d = BN_bin2bn(scalar.ptr, (int)scalar.len, NULL);
    CLEANUP(EC_GROUP_freep) EC_GROUP *group = EC_GROUP_new_by_curve_name(shape->nid);
    CLEANUP(EC_POINT_clear_freep) EC_POINT *q = group ? EC_POINT_new(group) : NULL;

    if (!d || !q || BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(group)) >= 0)
        return false;
    BN_set_flags(d, BN_FLG_CONSTTIME);
    return EC_POINT_mul(group, q, d, NULL, NULL, NULL) &&
           EC_POINT_point2oct(group, q, POINT_CONVERSION_UNCOMPRESSED, point, shape->point_len,
                              NULL) == shape->point_len;
}

static EVP_PKEY *pkey_of_scalar(const struct key_shape *shape, struct slice scalar,
                                struct slice point)
{
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    CLEANUP(buf_clear) struct buf native = { 0 };
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM params[4];

    key_add_native(&native, scalar);
    params[0] =
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)shape->group, 0);
    params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native.ptr, native.len);
    params[2] =
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (uint8_t *)point.ptr, point.len);
    params[3] = OSSL_PARAM_construct_end();
    if (native.failed || !ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) <= 0)
        return NULL;
    return pkey;
}

static int adopt_shaped(struct key **ret, const struct key_shape *shape, EVP_PKEY *pkey,
                        struct slice point, struct err *e)
{
    CLEANUP(buf_clear) struct buf spki = { 0 };

    key_put_spki(&spki, shape, point);
    return key_adopt(ret, shape->type, pkey, buf_slice(&spki), e);
}

/* The public part as the file states it, which may be compressed (SEC 1 2.3.3). */
static bool point_is(struct slice stated, const struct key_shape *shape, const uint8_t *point)
{
    if (stated.len == shape->point_len)
        return memcmp(stated.ptr, point, shape->point_len) == 0;
    return stated.len == shape->scalar_len + 1 &&
           stated.ptr[0] == (2 | (point[shape->point_len - 1] & 1)) &&
           memcmp(stated.ptr + 1, point + 1, shape->scalar_len) == 0;
}

/* ECPrivateKey, RFC 5915; `curve` is from the PKCS#8 algorithm, or empty for a SEC 1 file. */
static int read_ec(struct key **ret, struct slice der, struct slice curve, struct err *e)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    struct slice body, scalar, params, own_curve = curve, bits, stated = { 0 };
    const struct key_shape *shape;
    uint8_t point[MAX_POINT];
    uint32_t version;
    unsigned unused = 0;
    bool has_params, has_public;

    if (!der_take(&der, DER_SEQUENCE, &body) || der.len || !der_take_small_uint(&body, &version) ||
        version != 1 || !der_take(&body, DER_OCTET_STRING, &scalar) ||
        !der_take_optional(&body, DER_CONTEXT_CONSTRUCTED(0), &params, &has_params) ||
        !der_take_optional(&body, DER_CONTEXT_CONSTRUCTED(1), &bits, &has_public) || body.len)
        return err_set(e, ERR_INVALID, "the EC private key is not well-formed DER");
    if (has_params && (!der_take(&params, DER_OID, &own_curve) || params.len))
        return err_set(e, ERR_INVALID, "the EC private key has explicit parameters");
    if (curve.len && !slice_eq(curve, own_curve))
        return err_set(e, ERR_INVALID, "the EC private key names two curves");
    if (has_public && (!der_take_bits(&bits, &stated, &unused) || bits.len || unused))
        return err_set(e, ERR_INVALID, "the EC private key's public part is not well-formed DER");
    shape = own_curve.len ? shape_of_curve(own_curve) : NULL;
    if (!shape)
        return err_set(e, ERR_INVALID, "the EC private key's curve is not P-256, P-384 or P-521");
    if (scalar.len == 0 || scalar.len > shape->scalar_len || !derive_point(point, shape, scalar))
        return crypto_fail(e, ERR_INVALID, "the EC private key is not a number of its curve");
    if (has_public && !point_is(stated, shape, point))
        return err_set(e, ERR_INVALID, "the EC private key does not fit its own public part");
    pkey = pkey_of_scalar(shape, scalar, slice_of(point, shape->point_len));
    if (!pkey)
        return crypto_fail(e, ERR_INVALID, "the EC private key is not usable");
    if (adopt_shaped(ret, shape, pkey, slice_of(point, shape->point_len), e))
        return -1;
    pkey = NULL;
    return 0;
}

/* CurvePrivateKey, RFC 8410 section 7: an OCTET STRING in an OCTET STRING. */
static int read_ed25519(struct key **ret, struct slice der, struct slice stated, struct err *e)
{
    const struct key_shape *shape = key_shape(KEY_ED25519);
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    struct slice seed;
    uint8_t point[32];
    size_t len = sizeof point;

    if (!der_take(&der, DER_OCTET_STRING, &seed) || der.len || seed.len != 32)
        return err_set(e, ERR_INVALID, "the Ed25519 private key is not 32 bytes");
    pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed.ptr, seed.len);
    if (!pkey || !EVP_PKEY_get_raw_public_key(pkey, point, &len) || len != sizeof point)
        return crypto_fail(e, ERR_INVALID, "the Ed25519 private key is not usable");
    if (stated.len && !slice_eq(stated, slice_of(point, sizeof point)))
        return err_set(e, ERR_INVALID, "the Ed25519 key does not fit its own public part");
    if (adopt_shaped(ret, shape, pkey, slice_of(point, sizeof point), e))
        return -1;
    pkey = NULL;
    return 0;
}

/* The numbers of RSAPrivateKey (RFC 8017 A.1.2) in file order. */
enum { RSA_N, RSA_E, RSA_D, RSA_P, RSA_Q, RSA_DP, RSA_DQ, RSA_QI, RSA_NUMBERS };
static const char *const rsa_params[RSA_NUMBERS] = {
    OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
    OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
    OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

static EVP_PKEY *pkey_of_rsa(const struct slice number[RSA_NUMBERS])
{
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    CLEANUP(buf_clear) struct buf native = { 0 };
    OSSL_PARAM params[RSA_NUMBERS + 1];
    EVP_PKEY *pkey = NULL;
    size_t at = 0;

    for (size_t i = 0; i < RSA_NUMBERS; i++)
        key_add_native(&native, number[i]);
    if (native.failed || !ctx)
        return NULL;
    for (size_t i = 0; i < RSA_NUMBERS; i++) { /* now that the buffer does not move any more */
        params[i] = OSSL_PARAM_construct_BN(rsa_params[i], native.ptr + at, number[i].len);
        at += number[i].len;
    }
    params[RSA_NUMBERS] = OSSL_PARAM_construct_end();
    if (EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) <= 0)
        return NULL;
    return pkey;
}

/* d fits e modulo one prime less one, and so does the prime's own exponent. */
static bool prime_fits(const BIGNUM *prime, const BIGNUM *part, const BIGNUM *d, const BIGNUM *e,
                       BN_CTX *ctx)
{
    CLEANUP(BN_clear_freep) BIGNUM *less = BN_dup(prime);
    CLEANUP(BN_clear_freep) BIGNUM *x = BN_new();

    return less && x && BN_sub_word(less, 1) && !BN_is_zero(less) && BN_mod(x, d, less, ctx) &&
           BN_cmp(x, part) == 0 && BN_mod_mul(x, x, e, less, ctx) && BN_is_one(x);
}

DEFINE_FREEP(BN_CTX *, BN_CTX_free)

/* Cheap checks that the numbers belong together; primality is the maker's business. */
static bool rsa_consistent(const struct slice number[RSA_NUMBERS])
{
    CLEANUP(BN_CTX_freep) BN_CTX *ctx = BN_CTX_secure_new();
    BIGNUM *bn[RSA_NUMBERS] = { NULL };
    CLEANUP(BN_clear_freep) BIGNUM *x = BN_new();
    bool good = ctx && x;

    for (size_t i = 0; i < RSA_NUMBERS; i++) {
        bn[i] = BN_bin2bn(number[i].ptr, (int)number[i].len, NULL);
        good = good && bn[i];
        if (bn[i] && i >= RSA_D)
            BN_set_flags(bn[i], BN_FLG_CONSTTIME);
    }
    good = good && BN_mul(x, bn[RSA_P], bn[RSA_Q], ctx) && BN_cmp(x, bn[RSA_N]) == 0 &&
           prime_fits(bn[RSA_P], bn[RSA_DP], bn[RSA_D], bn[RSA_E], ctx) &&
           prime_fits(bn[RSA_Q], bn[RSA_DQ], bn[RSA_D], bn[RSA_E], ctx) &&
           BN_mod_mul(x, bn[RSA_Q], bn[RSA_QI], bn[RSA_P], ctx) && BN_is_one(x);
    for (size_t i = 0; i < RSA_NUMBERS; i++)
        BN_clear_free(bn[i]);
    return good;
}

static int read_rsa(struct key **ret, struct slice der, struct err *e)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    CLEANUP(buf_clear) struct buf spki = { 0 };
    struct slice body, number[RSA_NUMBERS];
    uint32_t version;
    int bits = 0;

    if (!der_take(&der, DER_SEQUENCE, &body) || der.len || !der_take_small_uint(&body, &version))
        return err_set(e, ERR_INVALID, "the RSA private key is not well-formed DER");
    if (version != 0)
        return err_set(e, ERR_INVALID, "the RSA private key has more than two primes");
    for (size_t i = 0; i < RSA_NUMBERS; i++) {
        if (!der_take_uint(&body, &number[i]))
            return err_set(e, ERR_INVALID, "the RSA private key is not well-formed DER");
    }
    if (body.len)
        return err_set(e, ERR_INVALID, "the RSA private key has bytes behind its end");
    if (key_check_rsa(number[RSA_N], number[RSA_E], &bits, e))
        return -1;
    if (!rsa_consistent(number))
        return crypto_fail(e, ERR_INVALID, "the RSA private key's numbers do not fit each other");
    pkey = pkey_of_rsa(number);
    if (!pkey)
        return crypto_fail(e, ERR_INVALID, "the RSA private key is not usable");
    key_put_rsa_spki(&spki, number[RSA_N], number[RSA_E]);
    if (key_adopt(ret, key_type_of_rsa(bits), pkey, buf_slice(&spki), e))
        return -1;
    pkey = NULL;
    return 0;
}

/* OneAsymmetricKey, RFC 5958: version 0, or 1 with the public key. Attributes are passed over. */
static int read_pkcs8(struct key **ret, struct slice der, struct err *e)
{
    struct slice body, alg, oid, private, skipped, curve = { 0 }, bits, stated = { 0 };
    uint32_t version;
    bool has_attrs, has_public;
    unsigned unused = 0;

    if (!der_take(&der, DER_SEQUENCE, &body) || der.len || !der_take_small_uint(&body, &version) ||
        version > 1 || !der_take(&body, DER_SEQUENCE, &alg) || !der_take(&alg, DER_OID, &oid) ||
        !der_take(&body, DER_OCTET_STRING, &private) ||
        !der_take_optional(&body, DER_CONTEXT_CONSTRUCTED(0), &skipped, &has_attrs) ||
        !der_take_optional(&body, DER_CONTEXT(1), &bits, &has_public) || body.len)
        return err_set(e, ERR_INVALID, "the PKCS#8 private key is not well-formed DER");
    if (has_public && (version != 1 || !der_bits(bits, &stated, &unused) || unused))
        return err_set(e, ERR_INVALID, "the PKCS#8 private key's public part is broken");
    if (slice_eq(oid, slice_of(oid_rsa, sizeof oid_rsa)))
        return read_rsa(ret, private, e);
    if (slice_eq(oid, slice_of(oid_ec, sizeof oid_ec))) {
        if (!der_take(&alg, DER_OID, &curve) || alg.len)
            return err_set(e, ERR_INVALID, "the EC private key has explicit parameters");
        return read_ec(ret, private, curve, e);
    }
    if (slice_eq(oid, slice_of(oid_ed25519, sizeof oid_ed25519)) && alg.len == 0)
        return read_ed25519(ret, private, stated, e);
    return err_set(e, ERR_INVALID, "the private key is neither RSA nor EC nor Ed25519");
}

/* Told apart by what follows the outer SEQUENCE: a version, then an algorithm, an octet string or a
 * number; EncryptedPrivateKeyInfo and SubjectPublicKeyInfo begin with a SEQUENCE. */
static int read_der(struct key **ret, struct slice der, struct err *e)
{
    struct slice in = der, body;
    uint32_t version;

    if (!der_take(&in, DER_SEQUENCE, &body) || in.len)
        return err_set(e, ERR_INVALID, "a private key is expected: neither PEM nor whole DER");
    if (der_next_is(body, DER_SEQUENCE))
        return err_set(e, ERR_INVALID,
                       "an encrypted private key, a public key or a certificate where a private "
                       "key is expected");
    if (!der_take_small_uint(&body, &version))
        return err_set(e, ERR_INVALID, "an unknown kind of private key");
    crypto_init();
    if (der_next_is(body, DER_SEQUENCE))
        return read_pkcs8(ret, der, e);
    if (der_next_is(body, DER_OCTET_STRING))
        return read_ec(ret, der, slice_of(NULL, 0), e);
    if (der_next_is(body, DER_INTEGER))
        return read_rsa(ret, der, e);
    return err_set(e, ERR_INVALID, "an unknown kind of private key");
}

/* What may stand beside the key in its file: `openssl ecparam`, and kubelet's certificate + key. */
static bool may_pass_over(struct slice label)
{
    return slice_eq_str(label, "EC PARAMETERS") || slice_eq_str(label, "CERTIFICATE");
}

static int check_label(struct slice label, struct err *e)
{
    if (slice_eq_str(label, "PRIVATE KEY") || slice_eq_str(label, "EC PRIVATE KEY") ||
        slice_eq_str(label, "RSA PRIVATE KEY"))
        return 0;
    if (slice_eq_str(label, "ENCRYPTED PRIVATE KEY"))
        return err_set(e, ERR_INVALID,
                       "the private key is encrypted: decrypt it first (openssl pkey)");
    return err_set(e, ERR_INVALID, "PEM block '" SLICE_FMT "' where a private key is expected",
                   SLICE_ARG(label));
}

int key_read_private(struct key **ret, struct slice bytes, struct err *e)
{
    CLEANUP(pem_block_clear) struct pem_block block = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    int rc;

    if (bytes.len > MAX_PRIVATE * 4)
        return err_set(e, ERR_LIMIT, "a private key of %zu bytes", bytes.len);
    if (der_next_is(bytes, DER_SEQUENCE))
        return read_der(ret, bytes, e);
    while ((rc = pem_next(&bytes, &block, e)) > 0) {
        if (may_pass_over(block.label))
            continue;
        if (check_label(block.label, e))
            return -1;
        if (key)
            return err_set(e, ERR_INVALID, "more than one private key in one file");
        if (read_der(&key, buf_slice(&block.der), e))
            return -1;
    }
    if (rc < 0)
        return -1;
    if (!key)
        return err_set(e, ERR_INVALID, "no private key in PEM or DER");
    *ret = key;
    key = NULL;
    return 0;
}
