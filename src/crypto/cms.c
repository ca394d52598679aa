#include "crypto/cms.h"
#include "base/random.h"
#include "crypto/aead.h"
#include "crypto/cms_cert.h"
#include "crypto/cms_password.h"
#include "crypto/der.h"
#include "crypto/init.h"
#include <openssl/evp.h>

DEFINE_FREEP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

enum { MAX_RECIPIENTS = 64 << 10 }; /* bytes of all of them */

/* Content bytes of object identifiers: id-ct-authEnvelopedData, id-data, id-aes256-GCM. */
static const uint8_t oid_auth_enveloped[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
                                              0x01, 0x09, 0x10, 0x01, 0x17 };
static const uint8_t oid_data[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01 };
static const uint8_t oid_aes_256_gcm[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e };

/* The parts of an AuthEnvelopedData that matter; views. */
struct envelope {
    struct slice recipients; /* content of the SET */
    struct slice nonce, sealed, tag;
};

static int check_choice(const struct secret *passphrase, struct slice recipient_cert, struct err *e)
{
    bool by_passphrase = passphrase && passphrase->ptr;

    if (by_passphrase == (recipient_cert.len > 0))
        return err_set(e, ERR_INVALID,
                       "either a passphrase or a recipient's certificate is wanted");
    if (by_passphrase && passphrase->len == 0)
        return err_set(e, ERR_INVALID, "the passphrase is empty");
    return 0;
}

/* What stands beside the ciphertext. */
struct gcm {
    uint8_t nonce[AEAD_NONCE_LEN], tag[AEAD_TAG_LEN];
};

/* Appends the ciphertext to `out`; the tag goes behind it in CMS, as a value of its own. */
static int seal(struct buf *out, struct gcm *gcm, struct slice plain, const struct secret *key,
                struct err *e)
{
    CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *to = buf_room(out, plain.len);
    int n = 0;

    if (!to)
        return buf_check(out, e);
    if (!ctx || !EVP_EncryptInit_ex2(ctx, crypto_aes_256_gcm(), key->ptr, gcm->nonce, NULL) ||
        (plain.len && !EVP_EncryptUpdate(ctx, to, &n, plain.ptr, (int)plain.len)) ||
        !EVP_EncryptFinal_ex(ctx, to + plain.len, &n) ||
        !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, gcm->tag))
        return crypto_fail(e, ERR_INTERNAL, "encrypt");
    out->len += plain.len;
    return 0;
}

/* EncryptedContentInfo, RFC 5652 6.1, with GCMParameters of RFC 5084 3.2, and the mac behind it. */
static int write_content(struct buf *out, struct slice plain, const struct secret *key,
                         struct err *e)
{
    struct gcm gcm;
    size_t content = der_begin(out, DER_SEQUENCE);
    size_t alg, params, sealed;

    random_bytes(gcm.nonce, sizeof gcm.nonce);
    der_put(out, DER_OID, slice_of(oid_data, sizeof oid_data));
    alg = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, slice_of(oid_aes_256_gcm, sizeof oid_aes_256_gcm));
    params = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OCTET_STRING, slice_of(gcm.nonce, sizeof gcm.nonce));
    der_put_small_uint(out, sizeof gcm.tag);
    der_end(out, params);
    der_end(out, alg);
    sealed = der_begin(out, DER_CONTEXT(0));
    if (seal(out, &gcm, plain, key, e))
        return -1;
    der_end(out, sealed);
    der_end(out, content);
    der_put(out, DER_OCTET_STRING, slice_of(gcm.tag, sizeof gcm.tag));
    return 0;
}

static int write_envelope(struct buf *out, struct slice plain, const struct secret *passphrase,
                          struct slice recipient_cert, struct err *e)
{
    CLEANUP(secret_clear) struct secret key = { 0 };
    size_t info = der_begin(out, DER_SEQUENCE);
    size_t outer, body, recipients;
    int rc;

    if (secret_alloc(&key, CMS_KEY_LEN, e))
        return -1;
    random_bytes(key.ptr, key.len);
    der_put(out, DER_OID, slice_of(oid_auth_enveloped, sizeof oid_auth_enveloped));
    outer = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    body = der_begin(out, DER_SEQUENCE);
    der_put_small_uint(out, 0);
    recipients = der_begin(out, DER_SET);
    rc = passphrase ? cms_password_wrap(out, secret_slice(&key), passphrase, e)
                    : cms_cert_wrap(out, secret_slice(&key), recipient_cert, e);
    der_end(out, recipients);
    if (rc || write_content(out, plain, &key, e))
        return -1;
    der_end(out, body);
    der_end(out, outer);
    der_end(out, info);
    return buf_check(out, e);
}

int cms_encrypt(struct buf *out, struct slice plain, const struct secret *passphrase,
                struct slice recipient_cert, struct err *e)
{
    CLEANUP(buf_clear) struct buf fresh = { 0 };

    if (check_choice(passphrase, recipient_cert, e))
        return err_wrap(e, "encrypt");
    if (plain.len > CMS_MAX_PLAIN)
        return err_set(e, ERR_LIMIT, "encrypt: %zu bytes, more than %d", plain.len, CMS_MAX_PLAIN);
    /* Room for all of it at once: growing would copy it again and again. */
    (void)buf_room(&fresh, plain.len + (4 << 10));
    if (write_envelope(&fresh, plain, recipient_cert.len ? NULL : passphrase, recipient_cert, e))
        return err_wrap(e, "encrypt");
    if (!out->ptr) {
        *out = fresh;
        fresh = (struct buf){ 0 };
        return 0;
    }
    buf_add_slice(out, buf_slice(&fresh));
    return buf_check(out, e);
}

static bool is_oid(struct slice *in, const uint8_t *bytes, size_t len)
{
    struct slice oid;

    return der_take(in, DER_OID, &oid) && slice_eq(oid, slice_of(bytes, len));
}

static int read_content(struct envelope *envelope, struct slice content, struct err *e)
{
    struct slice alg, params;
    uint32_t tag_len;

    if (!is_oid(&content, oid_data, sizeof oid_data) || !der_take(&content, DER_SEQUENCE, &alg))
        return err_set(e, ERR_CORRUPT, "broken EncryptedContentInfo");
    if (!is_oid(&alg, oid_aes_256_gcm, sizeof oid_aes_256_gcm))
        return err_set(e, ERR_INVALID, "its content is not under AES-256-GCM");
    if (!der_take(&alg, DER_SEQUENCE, &params) || alg.len ||
        !der_take(&params, DER_OCTET_STRING, &envelope->nonce) ||
        !der_take(&content, DER_CONTEXT(0), &envelope->sealed) || content.len)
        return err_set(e, ERR_CORRUPT, "broken EncryptedContentInfo, or one in pieces");
    /* RFC 5084 3.2: left out, it means 12. Shorter tags are easier to forge: we take the full one.
     */
    if (!der_take_small_uint(&params, &tag_len) || params.len || tag_len != AEAD_TAG_LEN ||
        envelope->nonce.len != AEAD_NONCE_LEN)
        return err_set(e, ERR_INVALID, "not a nonce of 12 bytes and a tag of 16");
    return 0;
}

/* RFC 5083 2.1. Attributes, which the tag would cover too, and an originator are not for backups.
 */
static int read_body(struct envelope *envelope, struct slice body, struct err *e)
{
    struct slice content;
    uint32_t version;

    if (!der_take_small_uint(&body, &version) || version != 0)
        return err_set(e, ERR_CORRUPT, "broken AuthEnvelopedData");
    if (der_next_is(body, DER_CONTEXT_CONSTRUCTED(0)))
        return err_set(e, ERR_INVALID, "it has an originator");
    if (!der_take(&body, DER_SET, &envelope->recipients) ||
        !der_take(&body, DER_SEQUENCE, &content))
        return err_set(e, ERR_CORRUPT, "broken AuthEnvelopedData");
    if (envelope->recipients.len > MAX_RECIPIENTS)
        return err_set(e, ERR_LIMIT, "%zu bytes of recipients", envelope->recipients.len);
    if (read_content(envelope, content, e))
        return -1;
    if (der_next_is(body, DER_CONTEXT_CONSTRUCTED(1)))
        return err_set(e, ERR_INVALID, "it has attributes");
    if (!der_take(&body, DER_OCTET_STRING, &envelope->tag))
        return err_set(e, ERR_CORRUPT, "broken AuthEnvelopedData");
    if (body.len)
        return err_set(e, ERR_INVALID, "it has attributes");
    /* Nothing but this line stops a tag of one byte, which one guess in 256 fits. */
    if (envelope->tag.len != AEAD_TAG_LEN)
        return err_set(e, ERR_CORRUPT, "a tag of %zu bytes, not 16", envelope->tag.len);
    return 0;
}

static int read_envelope(struct envelope *envelope, struct slice cms, struct err *e)
{
    struct slice info, outer, body;

    if (!der_next_is(cms, DER_SEQUENCE))
        return err_set(e, ERR_INVALID, "not a CMS file in DER");
    if (!der_take(&cms, DER_SEQUENCE, &info))
        return err_set(e, ERR_CORRUPT, "cut short, or not in DER");
    if (cms.len)
        return err_set(e, ERR_CORRUPT, "%zu bytes behind its end", cms.len);
    if (!is_oid(&info, oid_auth_enveloped, sizeof oid_auth_enveloped))
        return err_set(e, ERR_INVALID, "not a CMS AuthEnvelopedData");
    if (!der_take(&info, DER_CONTEXT_CONSTRUCTED(0), &outer) || info.len ||
        !der_take(&outer, DER_SEQUENCE, &body) || outer.len)
        return err_set(e, ERR_CORRUPT, "broken ContentInfo");
    return read_body(envelope, body, e);
}

static int open_content(struct secret *plain, const struct envelope *envelope,
                        const struct secret *key, struct err *e)
{
    CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    CLEANUP(secret_clear) struct secret opened = { 0 };
    struct slice sealed = envelope->sealed;
    uint8_t tag[AEAD_TAG_LEN];
    int n = 0;

    if (sealed.len > BUF_MAX)
        return err_set(e, ERR_LIMIT, "%zu bytes, more than %d", sealed.len, BUF_MAX);
    if (secret_alloc(&opened, sealed.len, e))
        return -1;
    memcpy(tag, envelope->tag.ptr, sizeof tag);
    if (!ctx ||
        !EVP_DecryptInit_ex2(ctx, crypto_aes_256_gcm(), key->ptr, envelope->nonce.ptr, NULL) ||
        (sealed.len && !EVP_DecryptUpdate(ctx, opened.ptr, &n, sealed.ptr, (int)sealed.len)) ||
        !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, tag))
        return crypto_fail(e, ERR_INTERNAL, "decrypt");
    if (EVP_DecryptFinal_ex(ctx, opened.ptr + sealed.len, &n) != 1) {
        crypto_fail(NULL, ERR_CORRUPT, "tag"); /* empties OpenSSL's error queue */
        return err_set(e, ERR_CORRUPT, "its content was changed: the tag does not fit");
    }
    secret_clear(plain);
    *plain = opened;
    opened = (struct secret){ 0 };
    return 0;
}

int cms_decrypt(struct secret *plain, struct slice cms, const struct secret *passphrase,
                struct slice recipient_cert, struct slice key_pem, struct err *e)
{
    CLEANUP(secret_clear) struct secret key = { 0 };
    struct envelope envelope = { 0 };
    int rc;

    if (check_choice(passphrase, recipient_cert, e) || read_envelope(&envelope, cms, e))
        return err_wrap(e, "decrypt");
    rc = recipient_cert.len ? cms_cert_unwrap(&key, envelope.recipients, recipient_cert, key_pem, e)
                            : cms_password_unwrap(&key, envelope.recipients, passphrase, e);
    if (rc || open_content(plain, &envelope, &key, e))
        return err_wrap(e, "decrypt");
    return 0;
}
