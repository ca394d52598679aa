#include "crypto/key.h"
#include "base/alloc.h"
#include "crypto/der.h"
#include "crypto/init.h"
#include "crypto/key_internal.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>

enum { RSA_MIN_BITS = 1024, RSA_MAX_BITS = 16384 };

// clang-format off
static const struct { const char *name; int rsa_bits; } types[] = {
    [KEY_P256]    = { "p256",    0 },
    [KEY_P384]    = { "p384",    0 },
    [KEY_ED25519] = { "ed25519", 0 },
    [KEY_RSA2048] = { "rsa2048", 2048 },
    [KEY_RSA3072] = { "rsa3072", 3072 },
    [KEY_RSA4096] = { "rsa4096", 4096 },
    [KEY_P521]    = { "p521",    0 },
    [KEY_RSA_OTHER] = { "rsa",   0 },
    [KEY_OTHER]   = { "other",   0 },
};

/* SEQUENCE { SEQUENCE { id-ecPublicKey, curve }, BIT STRING ... }, RFC 5480; Ed25519: RFC 8410 4. */
static const struct key_shape shapes[] = {
    { KEY_P256, "P-256", NID_X9_62_prime256v1, 256, 32, 65, 26,
      { 0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1,
        6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 3, 0x42 } },
    { KEY_P384, "P-384", NID_secp384r1, 384, 48, 97, 23,
      { 0x30, 0x76, 0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1,
        6, 5, 0x2b, 0x81, 4, 0, 0x22, 3, 0x62 } },
    { KEY_P521, "P-521", NID_secp521r1, 521, 66, 133, 25,
      { 0x30, 0x81, 0x9b, 0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1,
        6, 5, 0x2b, 0x81, 4, 0, 0x23, 3, 0x81, 0x86 } },
    { KEY_ED25519, NULL, NID_ED25519, 256, 32, 32, 12,
      { 0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21 } },
};
static const uint8_t oid_rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 };
// clang-format on

const char *key_type_name(enum key_type type)
{
    return (size_t)type < ARRAY_LEN(types) ? types[type].name : "other";
}

bool key_type_is_rsa(enum key_type type)
{
    return type == KEY_RSA2048 || type == KEY_RSA3072 || type == KEY_RSA4096 ||
           type == KEY_RSA_OTHER;
}

int key_type_parse(enum key_type *type, struct slice name, struct err *e)
{
    for (size_t i = 0; i < KEY_MADE_BY_US; i++) {
        if (slice_eq_str(name, types[i].name)) {
            *type = (enum key_type)i;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID,
                   "unknown key type: one of p256, p384, ed25519, rsa2048, rsa3072, rsa4096");
}

const struct key_shape *key_shape(enum key_type type)
{
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        if (shapes[i].type == type)
            return &shapes[i];
    }
    return NULL;
}

struct slice key_point(const struct key *key)
{
    const struct key_shape *shape = key_shape(key->type);

    if (!shape)
        return slice_of(NULL, 0);
    return slice_of(key->spki.ptr + shape->prefix_len, shape->point_len);
}

void key_put_spki(struct buf *out, const struct key_shape *shape, struct slice point)
{
    buf_add(out, shape->prefix, shape->prefix_len);
    buf_add_slice(out, point);
}

void key_put_rsa_spki(struct buf *out, struct slice n, struct slice e)
{
    size_t spki = der_begin(out, DER_SEQUENCE), alg = der_begin(out, DER_SEQUENCE), bits, key;

    der_put(out, DER_OID, slice_of(oid_rsa, sizeof oid_rsa));
    der_put(out, DER_NULL, slice_of(NULL, 0));
    der_end(out, alg);
    bits = der_begin(out, DER_BIT_STRING);
    buf_add_byte(out, 0);
    key = der_begin(out, DER_SEQUENCE);
    der_put_uint(out, n);
    der_put_uint(out, e);
    der_end(out, key);
    der_end(out, bits);
    der_end(out, spki);
}

enum key_type key_type_of_rsa(int bits)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (bits && types[i].rsa_bits == bits)
            return (enum key_type)i;
    }
    return KEY_RSA_OTHER;
}

static int bit_length(struct slice magnitude)
{
    int bits = (int)magnitude.len * 8;

    for (unsigned top = magnitude.ptr[0]; bits && !(top & 0x80); top <<= 1)
        bits--;
    return bits;
}

void key_add_native(struct buf *out, struct slice magnitude)
{
    uint8_t *to = buf_room(out, magnitude.len);
    const uint16_t one = 1;
    bool little = *(const uint8_t *)&one == 1;

    if (!to)
        return;
    for (size_t i = 0; i < magnitude.len; i++)
        to[i] = magnitude.ptr[little ? magnitude.len - 1 - i : i];
    out->len += magnitude.len;
}

int key_check_rsa(struct slice n, struct slice exponent, int *bits, struct err *e)
{
    if (n.len < RSA_MIN_BITS / 8 || n.len > RSA_MAX_BITS / 8)
        return err_set(e, ERR_INVALID, "an RSA key of %zu bits: %d to %d are read", n.len * 8,
                       RSA_MIN_BITS, RSA_MAX_BITS);
    *bits = bit_length(n);
    if (*bits < RSA_MIN_BITS || !(n.ptr[n.len - 1] & 1))
        return err_set(e, ERR_INVALID, "an RSA key whose modulus is even or below %d bits",
                       RSA_MIN_BITS);
    /* e = 1 signs nothing; beyond 64 bits OpenSSL refuses for large keys, and nobody has one. */
    if (exponent.len > 8 || !(exponent.ptr[exponent.len - 1] & 1) ||
        (exponent.len == 1 && exponent.ptr[0] < 3))
        return err_set(e, ERR_INVALID, "an RSA key whose public exponent is even, 1 or huge");
    return 0;
}

int key_adopt(struct key **ret, enum key_type type, EVP_PKEY *pkey, struct slice spki,
              struct err *e)
{
    const struct key_shape *shape = key_shape(type);
    CLEANUP(key_freep) struct key *key = xcalloc(1, sizeof *key);

    key->type = type;
    key->bits = shape ? shape->bits : EVP_PKEY_get_bits(pkey);
    key->is_private = true;
    buf_add_slice(&key->spki, spki);
    if (buf_check(&key->spki, e))
        return -1;
    if (type != KEY_ED25519) { /* Ed25519 has no one-step signature over a digest */
        key->signer = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        if (!key->signer || EVP_PKEY_sign_init(key->signer) <= 0)
            return crypto_fail(e, ERR_INTERNAL, "prepare a %s key", key_type_name(type));
        if (!shape && (EVP_PKEY_CTX_set_rsa_padding(key->signer, RSA_PKCS1_PADDING) <= 0 ||
                       EVP_PKEY_CTX_set_signature_md(key->signer, crypto_sha256()) <= 0))
            return crypto_fail(e, ERR_INTERNAL, "prepare a %s key", key_type_name(type));
    }
    key->pkey = pkey;
    *ret = key;
    key = NULL;
    return 0;
}

static EVP_PKEY *generate_pkey(enum key_type type)
{
    crypto_init();
    switch (type) {
    case KEY_P256:
        return p256_generate();
    case KEY_P384:
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    case KEY_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    case KEY_RSA2048:
    case KEY_RSA3072:
    case KEY_RSA4096:
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)types[type].rsa_bits);
    default:
        return NULL;
    }
}

DEFINE_FREEP(BIGNUM *, BN_free)

static bool put_rsa_spki_of(struct buf *out, const EVP_PKEY *pkey)
{
    CLEANUP(BN_freep) BIGNUM *n = NULL;
    CLEANUP(BN_freep) BIGNUM *e = NULL;
    uint8_t n_bytes[RSA_MAX_BITS / 8], e_bytes[8];

    if (!EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) ||
        !EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) ||
        BN_num_bytes(n) > (int)sizeof n_bytes || BN_num_bytes(e) > (int)sizeof e_bytes)
        return false;
    key_put_rsa_spki(out, slice_of(n_bytes, (size_t)BN_bn2bin(n, n_bytes)),
                     slice_of(e_bytes, (size_t)BN_bn2bin(e, e_bytes)));
    return true;
}

int key_generate(struct key **ret, enum key_type type, struct err *e)
{
    const struct key_shape *shape = key_shape(type);
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    CLEANUP(buf_clear) struct buf spki = { 0 };
    uint8_t point[133];
    size_t len = 0;

    if (type >= KEY_MADE_BY_US)
        return err_set(e, ERR_INVALID, "keys of type %s are not made here", key_type_name(type));
    pkey = generate_pkey(type);
    if (!pkey)
        return crypto_fail(e, ERR_INTERNAL, "generate a %s key", key_type_name(type));
    if (shape) {
        if (!EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
                                             &len) ||
            len != shape->point_len)
            return crypto_fail(e, ERR_INTERNAL, "read a new %s key", key_type_name(type));
        key_put_spki(&spki, shape, slice_of(point, len));
    } else if (!put_rsa_spki_of(&spki, pkey)) {
        return crypto_fail(e, ERR_INTERNAL, "read a new %s key", key_type_name(type));
    }
    if (key_adopt(ret, type, pkey, buf_slice(&spki), e))
        return -1;
    pkey = NULL;
    return 0;
}

void key_free(struct key *key)
{
    if (!key)
        return;
    EVP_PKEY_CTX_free(key->signer);
    EVP_PKEY_free(key->pkey);
    buf_clear(&key->spki);
    free(key);
}

enum key_type key_type(const struct key *key)
{
    return key->type;
}

int key_bits(const struct key *key)
{
    return key->bits;
}

/* FIPS 186-5, appendix A.1.1: odd, above 2^16. */
static bool exponent_is_good(const struct key *key)
{
    CLEANUP(BN_freep) BIGNUM *e = NULL;

    return EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_E, &e) && BN_is_odd(e) &&
           BN_num_bits(e) > 16;
}

int key_check_strength(const struct key *key, struct err *e)
{
    if (key->type == KEY_OTHER)
        return err_set(e, ERR_REFUSED, "the key is not RSA, P-256, P-384, P-521 or Ed25519");
    if (!key_type_is_rsa(key->type))
        return 0;
    if (key_bits(key) < 2048)
        return err_set(e, ERR_REFUSED, "an RSA key of %d bits: 2048 are the least", key_bits(key));
    if (!exponent_is_good(key))
        return err_set(e, ERR_REFUSED, "an RSA key with a public exponent below 65537");
    return 0;
}

bool key_is_strong(const struct key *key)
{
    return !key_check_strength(key, NULL);
}

bool key_is_private(const struct key *key)
{
    return key->is_private;
}

struct slice key_spki(const struct key *key)
{
    return buf_slice(&key->spki);
}

bool key_same_public(const struct key *a, const struct key *b)
{
    return slice_eq(key_spki(a), key_spki(b));
}

void spki_id_sha1(struct slice spki, uint8_t out[20])
{
    struct slice body, skipped, bits = { 0 };
    unsigned unused;

    if (!der_take(&spki, DER_SEQUENCE, &body) || !der_take(&body, DER_SEQUENCE, &skipped) ||
        !der_take_bits(&body, &bits, &unused))
        bits = slice_of(NULL, 0); /* spki was read before */
    if (EVP_Digest(bits.ptr, bits.len, out, NULL, crypto_sha1(), NULL) != 1)
        abort();
}

void key_id_sha1(const struct key *key, uint8_t out[20])
{
    spki_id_sha1(key_spki(key), out);
}
