#include "crypto/cms_cert.h"
#include "crypto/cms_password.h"
#include "crypto/der.h"
#include "crypto/init.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

enum { WRAPPED_LEN = CMS_KEY_LEN + 8, MAX_POINT = 1 + 2 * 66, MAX_SECRET = 66 };
enum { MAX_CERT = 64 << 10, MAX_KEY_PEM = 64 << 10 }; /* bytes */

DEFINE_FREEP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)
DEFINE_FREEP(EVP_CIPHER *, EVP_CIPHER_free)
DEFINE_FREEP(EVP_KDF *, EVP_KDF_free)
DEFINE_FREEP(EVP_KDF_CTX *, EVP_KDF_CTX_free)
DEFINE_FREEP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_FREEP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
DEFINE_FREEP(BIO *, BIO_free_all)

/* AlgorithmIdentifiers in DER: RSAES-OAEP with SHA-256 twice (RFC 4055 6), and with its defaults.
 */
#define OID_OAEP 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07
#define OID_MGF1 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08
#define ID_SHA256                                                                                  \
    0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00
static const uint8_t oaep_sha256[] = { 0x30,      0x3c, OID_OAEP, 0x30, 0x2f, 0xa0,     0x0f,
                                       ID_SHA256, 0xa1, 0x1c,     0x30, 0x1a, OID_MGF1, ID_SHA256 };
static const uint8_t oaep_sha1[] = { 0x30, 0x0d, OID_OAEP, 0x30, 0x00 };
/* id-aes256-wrap without parameters, RFC 3565 2.3.2. */
static const uint8_t id_aes_wrap[] = { 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
                                       0x01, 0x65, 0x03, 0x04, 0x01, 0x2d };
/* Content bytes. */
static const uint8_t oid_ec[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
static const uint8_t oid_sha1_kdf[] = { 0x2b, 0x81, 0x05, 0x10, 0x86, 0x48, 0x3f, 0x00, 0x02 };
static const uint8_t oid_sha256_kdf[] = { 0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01 };
static const uint8_t oid_sha384_kdf[] = { 0x2b, 0x81, 0x04, 0x01, 0x0b, 0x02 };
static const uint8_t oid_sha512_kdf[] = { 0x2b, 0x81, 0x04, 0x01, 0x0b, 0x03 };

/* dhSinglePass-stdDH schemes, RFC 5753 7.1.4; OpenSSL writes the first. */
static const struct {
    struct slice oid;
    const EVP_MD *(*md)(void);
} schemes[] = {
    { { oid_sha1_kdf, sizeof oid_sha1_kdf }, crypto_sha1 },
    { { oid_sha256_kdf, sizeof oid_sha256_kdf }, crypto_sha256 },
    { { oid_sha384_kdf, sizeof oid_sha384_kdf }, crypto_sha384 },
    { { oid_sha512_kdf, sizeof oid_sha512_kdf }, crypto_sha512 },
};

static const struct {
    const char *name; /* OpenSSL's */
    size_t coordinate;
} curves[] = { { "prime256v1", 32 }, { "secp384r1", 48 }, { "secp521r1", 66 } };

/* Whom a backup is for: what the certificate says. */
struct recipient {
    X509 *cert;
    EVP_PKEY *key;     /* borrowed from cert */
    EVP_PKEY *private; /* NULL for encrypting */
    struct buf id;     /* IssuerAndSerialNumber */
    bool rsa;
    size_t coordinate; /* bytes, of an EC key */
};

static void recipient_clear(struct recipient *r)
{
    X509_free(r->cert);
    EVP_PKEY_free(r->private);
    buf_clear(&r->id);
    *r = (struct recipient){ 0 };
}

static int check_key(struct recipient *r, struct err *e)
{
    uint32_t usage = X509_get_key_usage(r->cert); /* all bits when the certificate has none */
    char name[32] = "";

    r->rsa = EVP_PKEY_get_base_id(r->key) == EVP_PKEY_RSA;
    if (r->rsa) {
        if (EVP_PKEY_get_bits(r->key) < 2048 || EVP_PKEY_get_bits(r->key) > 16384)
            return err_set(e, ERR_INVALID, "an RSA key of %d bits: at least 2048 are wanted",
                           EVP_PKEY_get_bits(r->key));
        return usage & KU_KEY_ENCIPHERMENT
                   ? 0
                   : err_set(e, ERR_REFUSED, "its key usage lacks keyEncipherment");
    }
    if (EVP_PKEY_get_base_id(r->key) == EVP_PKEY_EC)
        (void)EVP_PKEY_get_group_name(r->key, name, sizeof name, NULL);
    for (size_t i = 0; i < ARRAY_LEN(curves); i++)
        if (strcmp(name, curves[i].name) == 0)
            r->coordinate = curves[i].coordinate;
    if (!r->coordinate)
        return err_set(e, ERR_INVALID, "its key is neither RSA nor on P-256, P-384 or P-521");
    if (!(usage & KU_KEY_AGREEMENT))
        return err_set(e, ERR_REFUSED, "its key usage lacks keyAgreement");
    return 0;
}

static int add_id(struct recipient *r, struct err *e)
{
    unsigned char *name = NULL, *serial = NULL;
    int name_len = i2d_X509_NAME(X509_get_issuer_name(r->cert), &name);
    int serial_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(r->cert), &serial);
    size_t mark = der_begin(&r->id, DER_SEQUENCE);

    if (name_len > 0 && serial_len > 0) {
        buf_add(&r->id, name, (size_t)name_len);
        buf_add(&r->id, serial, (size_t)serial_len);
    }
    der_end(&r->id, mark);
    OPENSSL_free(name);
    OPENSSL_free(serial);
    if (name_len <= 0 || serial_len <= 0)
        return crypto_fail(e, ERR_INVALID, "issuer and serial number");
    return buf_check(&r->id, e);
}

static int read_recipient(struct recipient *r, struct slice cert_der, struct err *e)
{
    const unsigned char *at = cert_der.ptr;

    crypto_init();
    if (cert_der.len > MAX_CERT)
        return err_set(e, ERR_LIMIT, "a certificate of %zu bytes", cert_der.len);
    r->cert = d2i_X509(NULL, &at, (long)cert_der.len);
    if (!r->cert || at != cert_der.ptr + cert_der.len)
        return crypto_fail(e, ERR_INVALID, "not one certificate in DER");
    r->key = X509_get0_pubkey(r->cert);
    if (!r->key)
        return crypto_fail(e, ERR_INVALID, "its public key cannot be read");
    return check_key(r, e) || add_id(r, e) ? -1 : 0;
}

static int set_oaep(EVP_PKEY_CTX *ctx, const EVP_MD *md, struct err *e)
{
    if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) <= 0 || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) <= 0)
        return crypto_fail(e, ERR_INTERNAL, "RSA-OAEP");
    return 0;
}

static int wrap_rsa(struct buf *out, struct slice content_key, const struct recipient *r,
                    struct err *e)
{
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(r->key, NULL);
    uint8_t wrapped[2048];
    size_t len = sizeof wrapped;
    size_t info;

    if (!ctx || EVP_PKEY_encrypt_init(ctx) <= 0)
        return crypto_fail(e, ERR_INTERNAL, "RSA-OAEP");
    if (set_oaep(ctx, crypto_sha256(), e))
        return -1;
    if (EVP_PKEY_encrypt(ctx, wrapped, &len, content_key.ptr, content_key.len) <= 0)
        return crypto_fail(e, ERR_INVALID, "encrypt to its key");
    info = der_begin(out, DER_SEQUENCE);
    der_put_small_uint(out, 0);
    buf_add_slice(out, buf_slice(&r->id));
    buf_add(out, oaep_sha256, sizeof oaep_sha256);
    der_put(out, DER_OCTET_STRING, slice_of(wrapped, len));
    der_end(out, info);
    return 0;
}

static int unwrap_rsa(struct secret *content_key, struct slice info, EVP_PKEY *key, struct err *e)
{
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
    CLEANUP(secret_clear) struct secret plain = { 0 };
    struct slice alg, wrapped;
    const EVP_MD *md = NULL;
    size_t len;

    if (!der_take_whole(&info, DER_SEQUENCE, &alg) ||
        !der_take(&info, DER_OCTET_STRING, &wrapped) || info.len)
        return err_set(e, ERR_CORRUPT, "broken KeyTransRecipientInfo");
    if (slice_eq(alg, slice_of(oaep_sha256, sizeof oaep_sha256)))
        md = crypto_sha256();
    if (slice_eq(alg, slice_of(oaep_sha1, sizeof oaep_sha1)))
        md = crypto_sha1();
    if (!md)
        return err_set(e, ERR_INVALID, "the key is not under RSA-OAEP with SHA-256 or SHA-1");
    ctx = EVP_PKEY_CTX_new(key, NULL);
    if (!ctx || EVP_PKEY_decrypt_init(ctx) <= 0)
        return crypto_fail(e, ERR_INTERNAL, "RSA-OAEP");
    len = (size_t)EVP_PKEY_get_size(key);
    if (set_oaep(ctx, md, e) || secret_alloc(&plain, len, e))
        return -1;
    if (EVP_PKEY_decrypt(ctx, plain.ptr, &len, wrapped.ptr, wrapped.len) <= 0)
        return crypto_fail(e, ERR_CORRUPT, "the content key does not open");
    if (len != CMS_KEY_LEN)
        return err_set(e, ERR_CORRUPT, "a content key of %zu bytes", len);
    return secret_copy(content_key, slice_of(plain.ptr, len), e);
}

/* ECC-CMS-SharedInfo, RFC 5753 7.2: the wrap algorithm and its key length in bits. */
static void write_shared_info(struct buf *out)
{
    static const uint8_t bits[] = { 0, 0, 1, 0 };
    size_t info = der_begin(out, DER_SEQUENCE);
    size_t length;

    buf_add(out, id_aes_wrap, sizeof id_aes_wrap);
    length = der_begin(out, DER_CONTEXT_CONSTRUCTED(2));
    der_put(out, DER_OCTET_STRING, slice_of(bits, sizeof bits));
    der_end(out, length);
    der_end(out, info);
}

/* X9.63 KDF (SEC 1 3.6.1) over what both sides agree on. */
static int derive(struct secret *kek, EVP_PKEY *own, EVP_PKEY *peer, const EVP_MD *md,
                  struct err *e)
{
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
    CLEANUP(EVP_KDF_freep) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "X963KDF", NULL);
    CLEANUP(EVP_KDF_CTX_freep) EVP_KDF_CTX *kdf_ctx = NULL;
    CLEANUP(secret_clear) struct secret z = { 0 };
    CLEANUP(buf_clear) struct buf info = { 0 };
    size_t len = MAX_SECRET;
    OSSL_PARAM params[4];

    if (secret_alloc(&z, len, e) || secret_alloc(kek, 32, e))
        return -1;
    if (!ctx || EVP_PKEY_derive_init(ctx) <= 0 || EVP_PKEY_derive_set_peer(ctx, peer) <= 0 ||
        EVP_PKEY_derive(ctx, z.ptr, &len) <= 0)
        return crypto_fail(e, ERR_CORRUPT, "ECDH");
    write_shared_info(&info);
    if (buf_check(&info, e))
        return -1;
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                                 (char *)(uintptr_t)EVP_MD_get0_name(md), 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, z.ptr, len);
    params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.ptr, info.len);
    params[3] = OSSL_PARAM_construct_end();
    kdf_ctx = EVP_KDF_CTX_new(kdf);
    if (!kdf_ctx || EVP_KDF_derive(kdf_ctx, kek->ptr, kek->len, params) <= 0)
        return crypto_fail(e, ERR_INTERNAL, "X9.63 KDF");
    return 0;
}

/* AES key wrap, RFC 3394. False with a key block that does not open, and for nothing else that a
 * caller could mend. */
static bool aes_wrap(uint8_t *out, const struct secret *kek, struct slice in, bool wrap)
{
    CLEANUP(EVP_CIPHER_freep) EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL);
    CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int want = wrap ? WRAPPED_LEN : CMS_KEY_LEN;
    int n = 0;

    return cipher && ctx && EVP_CipherInit_ex2(ctx, cipher, kek->ptr, NULL, wrap, NULL) &&
           EVP_CipherUpdate(ctx, out, &n, in.ptr, (int)in.len) && n == want;
}

static void write_originator(struct buf *out, struct slice point)
{
    size_t outer = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    size_t originator_key = der_begin(out, DER_CONTEXT_CONSTRUCTED(1));
    size_t mark = der_begin(out, DER_SEQUENCE);

    der_put(out, DER_OID, slice_of(oid_ec, sizeof oid_ec)); /* the curve is the recipient's */
    der_end(out, mark);
    mark = der_begin(out, DER_BIT_STRING);
    buf_add_byte(out, 0);
    buf_add_slice(out, point);
    der_end(out, mark);
    der_end(out, originator_key);
    der_end(out, outer);
}

static void write_kari(struct buf *out, struct slice point, struct slice id, struct slice wrapped)
{
    size_t info = der_begin(out, DER_CONTEXT_CONSTRUCTED(1));
    size_t alg, keys, one;

    der_put_small_uint(out, 3);
    write_originator(out, point);
    alg = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, slice_of(oid_sha256_kdf, sizeof oid_sha256_kdf));
    buf_add(out, id_aes_wrap, sizeof id_aes_wrap);
    der_end(out, alg);
    keys = der_begin(out, DER_SEQUENCE);
    one = der_begin(out, DER_SEQUENCE);
    buf_add_slice(out, id);
    der_put(out, DER_OCTET_STRING, wrapped);
    der_end(out, one);
    der_end(out, keys);
    der_end(out, info);
}

static int wrap_ec(struct buf *out, struct slice content_key, const struct recipient *r,
                   struct err *e)
{
    CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(r->key, NULL);
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *ephemeral = NULL;
    CLEANUP(secret_clear) struct secret kek = { 0 };
    uint8_t wrapped[WRAPPED_LEN], point[MAX_POINT];
    size_t len = 0;

    if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 || EVP_PKEY_keygen(ctx, &ephemeral) <= 0 ||
        !EVP_PKEY_get_octet_string_param(ephemeral, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
                                         sizeof point, &len))
        return crypto_fail(e, ERR_INTERNAL, "make an ephemeral key");
    if (derive(&kek, ephemeral, r->key, crypto_sha256(), e))
        return -1;
    if (!aes_wrap(wrapped, &kek, content_key, true))
        return crypto_fail(e, ERR_INTERNAL, "wrap the content key");
    write_kari(out, slice_of(point, len), buf_slice(&r->id), slice_of(wrapped, sizeof wrapped));
    return 0;
}

/* What we need of a KeyAgreeRecipientInfo. */
struct kari {
    struct slice point, alg, keys;
    struct slice wrapped; /* of the recipient that we are */
};

static bool read_kari(struct kari *kari, struct slice info)
{
    struct slice outer, originator, id, oid;
    uint32_t version;
    unsigned unused;

    return der_take_small_uint(&info, &version) && version == 3 &&
           der_take(&info, DER_CONTEXT_CONSTRUCTED(0), &outer) &&
           der_take(&outer, DER_CONTEXT_CONSTRUCTED(1), &originator) && outer.len == 0 &&
           der_take(&originator, DER_SEQUENCE, &id) && der_take(&id, DER_OID, &oid) &&
           slice_eq(oid, slice_of(oid_ec, sizeof oid_ec)) &&
           der_take_bits(&originator, &kari->point, &unused) && unused == 0 &&
           originator.len == 0 && der_take(&info, DER_SEQUENCE, &kari->alg) &&
           der_take(&info, DER_SEQUENCE, &kari->keys) && info.len == 0;
}

/* The KDF's digest; NULL for another scheme, or another wrap than AES-256. */
static const EVP_MD *read_scheme(struct slice alg)
{
    struct slice oid;

    if (!der_take(&alg, DER_OID, &oid) || !slice_eq(alg, slice_of(id_aes_wrap, sizeof id_aes_wrap)))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (slice_eq(oid, schemes[i].oid))
            return schemes[i].md();
    return NULL;
}

static int read_point(EVP_PKEY **ret, struct slice point, const struct recipient *r, struct err *e)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKEY_new();

    if (point.len != 1 + 2 * r->coordinate || point.ptr[0] != 4)
        return err_set(e, ERR_CORRUPT, "an ephemeral key of %zu bytes", point.len);
    if (!key || !EVP_PKEY_copy_parameters(key, r->key) ||
        !EVP_PKEY_set1_encoded_public_key(key, point.ptr, point.len))
        return crypto_fail(e, ERR_CORRUPT, "the ephemeral key is not on its curve");
    *ret = key;
    key = NULL;
    return 0;
}

static int unwrap_ec(struct secret *content_key, const struct kari *kari, const struct recipient *r,
                     struct err *e)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *ephemeral = NULL;
    CLEANUP(secret_clear) struct secret kek = { 0 }, plain = { 0 };
    const EVP_MD *md = read_scheme(kari->alg);

    if (!md)
        return err_set(e, ERR_INVALID, "the key is not under ECDH and AES-256 key wrap");
    if (kari->wrapped.len != WRAPPED_LEN)
        return err_set(e, ERR_CORRUPT, "a wrapped key of %zu bytes", kari->wrapped.len);
    if (read_point(&ephemeral, kari->point, r, e) || derive(&kek, r->private, ephemeral, md, e) ||
        secret_alloc(&plain, WRAPPED_LEN, e))
        return -1;
    if (!aes_wrap(plain.ptr, &kek, kari->wrapped, false))
        return crypto_fail(e, ERR_CORRUPT, "the content key does not open");
    return secret_copy(content_key, slice_of(plain.ptr, CMS_KEY_LEN), e);
}

int cms_cert_wrap(struct buf *out, struct slice content_key, struct slice cert_der, struct err *e)
{
    CLEANUP(recipient_clear) struct recipient r = { 0 };

    if (read_recipient(&r, cert_der, e))
        return err_wrap(e, "the recipient's certificate");
    return r.rsa ? wrap_rsa(out, content_key, &r, e) : wrap_ec(out, content_key, &r, e);
}

static int no_passphrase(char *text, int size, int writing, void *context)
{
    (void)text;
    (void)size;
    (void)writing;
    *(bool *)context = true;
    return -1;
}

static int read_key(struct recipient *r, struct slice pem, struct err *e)
{
    CLEANUP(BIO_free_allp) BIO *bio = NULL;
    bool encrypted = false;

    if (pem.len == 0 || pem.len > MAX_KEY_PEM)
        return err_set(e, ERR_INVALID, "a key file of %zu bytes", pem.len);
    bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    r->private = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted) : NULL;
    if (encrypted)
        return crypto_fail(e, ERR_INVALID, "the private key is encrypted: decrypt it first");
    if (!r->private)
        return crypto_fail(e, ERR_INVALID, "no private key in PEM");
    if (X509_check_private_key(r->cert, r->private) != 1)
        return crypto_fail(e, ERR_REFUSED, "the private key is not the certificate's");
    ERR_clear_error(); /* decoders that were tried in vain */
    return 0;
}

/* 1: it is for us, and the content key is out; 0: for somebody else; -1: broken. */
static int try_ktri(struct secret *content_key, struct slice info, const struct recipient *r,
                    struct err *e)
{
    struct slice id;
    uint32_t version;

    if (!der_take_small_uint(&info, &version))
        return err_set(e, ERR_CORRUPT, "broken KeyTransRecipientInfo");
    /* Version 2 has a key identifier instead, which nobody writes without being asked to. */
    if (version != 0 || !der_take_whole(&info, DER_SEQUENCE, &id) ||
        !slice_eq(id, buf_slice(&r->id)) || !r->rsa)
        return 0;
    return unwrap_rsa(content_key, info, r->private, e) ? -1 : 1;
}

static int try_kari(struct secret *content_key, struct slice info, const struct recipient *r,
                    struct err *e)
{
    struct kari kari;
    struct slice one, id;

    if (!read_kari(&kari, info))
        return err_set(e, ERR_CORRUPT, "broken KeyAgreeRecipientInfo, or one of an unknown kind");
    while (kari.keys.len) {
        if (!der_take(&kari.keys, DER_SEQUENCE, &one))
            return err_set(e, ERR_CORRUPT, "broken RecipientEncryptedKey");
        if (!der_take_whole(&one, DER_SEQUENCE, &id) || !slice_eq(id, buf_slice(&r->id)) || r->rsa)
            continue;
        if (!der_take(&one, DER_OCTET_STRING, &kari.wrapped) || one.len)
            return err_set(e, ERR_CORRUPT, "broken RecipientEncryptedKey");
        return unwrap_ec(content_key, &kari, r, e) ? -1 : 1;
    }
    return 0;
}

int cms_cert_unwrap(struct secret *content_key, struct slice recipients, struct slice cert_der,
                    struct slice key_pem, struct err *e)
{
    CLEANUP(recipient_clear) struct recipient r = { 0 };

    if (read_recipient(&r, cert_der, e))
        return err_wrap(e, "the recipient's certificate");
    if (read_key(&r, key_pem, e))
        return -1;
    while (recipients.len) {
        struct slice info;
        uint8_t tag;
        int rc = 0;

        if (!der_take_any(&recipients, &tag, &info))
            return err_set(e, ERR_CORRUPT, "broken RecipientInfo");
        if (tag == DER_SEQUENCE)
            rc = try_ktri(content_key, info, &r, e);
        else if (tag == DER_CONTEXT_CONSTRUCTED(1))
            rc = try_kari(content_key, info, &r, e);
        if (rc)
            return rc < 0 ? -1 : 0;
    }
    return err_set(e, ERR_REFUSED, "it was not made for this certificate");
}
