#include "unit.h"

#include "base/random.h"
#include "crypto/cms.h"
#include "crypto/cms_password.h"
#include "crypto/der.h"
#include "expect.h"
#include "files.h"
#include <assert.h>
#include <fcntl.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Somebody with a certificate of their own making. */
struct person {
    const char *label, *key_type; /* as OpenSSL names them */
    const char *parameter;        /* bits or curve */
    const char *usage;            /* key usage; NULL: none in the certificate */
    enum err_code want;
    struct buf cert, cert_pem, key_pem;
};

static struct person people[] = {
    { .label = "P-256", .key_type = "EC", .parameter = "P-256" },
    { .label = "P-384", .key_type = "EC", .parameter = "P-384", .usage = "keyAgreement" },
    { .label = "P-521", .key_type = "EC", .parameter = "P-521" },
    { .label = "RSA 2048", .key_type = "RSA", .parameter = "2048" },
    { .label = "RSA 3072", .key_type = "RSA", .parameter = "3072", .usage = "keyEncipherment" },
    { .label = "RSA 1024", .key_type = "RSA", .parameter = "1024", .want = ERR_INVALID },
    { .label = "Ed25519", .key_type = "ED25519", .want = ERR_INVALID },
    { .label = "secp256k1", .key_type = "EC", .parameter = "secp256k1", .want = ERR_INVALID },
    { .label = "RSA for signatures",
      .key_type = "RSA",
      .parameter = "2048",
      .usage = "digitalSignature",
      .want = ERR_REFUSED },
    { .label = "EC for signatures",
      .key_type = "EC",
      .parameter = "P-256",
      .usage = "digitalSignature",
      .want = ERR_REFUSED },
};
enum { FITTING = 5, ALICE = 0, BOB = 3 }; /* the first ones fit */

static void take_bio(struct buf *out, BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);

    buf_add(out, data, (size_t)len);
    BIO_free(bio);
}

static EVP_PKEY *make_key(const struct person *p)
{
    if (strcmp(p->key_type, "RSA") == 0)
        return EVP_RSA_gen((unsigned)strtoul(p->parameter, NULL, 10));
    if (strcmp(p->key_type, "EC") == 0)
        return EVP_EC_gen(p->parameter);
    return EVP_PKEY_Q_keygen(NULL, NULL, p->key_type);
}

static void make_person(struct person *p)
{
    EVP_PKEY *key = make_key(p);
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    BIO *bio;

    assert(key && cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set_int64(X509_get_serialNumber(cert), 0x7fff0000 + (p - people));
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)p->label, -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    if (p->usage) {
        X509_EXTENSION *usage = X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, p->usage);

        X509_add_ext(cert, usage, -1);
        X509_EXTENSION_free(usage);
    }
    assert(X509_sign(cert, key, strcmp(p->key_type, "ED25519") ? EVP_sha256() : NULL));
    bio = BIO_new(BIO_s_mem());
    i2d_X509_bio(bio, cert);
    take_bio(&p->cert, bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, cert);
    take_bio(&p->cert_pem, bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    take_bio(&p->key_pem, bio);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static struct secret passphrase, wrong_passphrase;

static char folder[] = "/tmp/test-cms-XXXXXX"; /* where openssl works */

static int make_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(people); i++)
        make_person(&people[i]);
    if (!mkdtemp(folder) || chdir(folder))
        return -1;
    return secret_copy(&passphrase, slice_str("correct horse battery staple"), NULL) ||
                   secret_copy(&wrong_passphrase, slice_str("correct horse battery"), NULL)
               ? -1
               : 0;
}

static int free_all(void **state)
{
    static const char *const names[] = { "said", "backup.cms", "plain", "key.pem", "cert.pem" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        buf_clear(&people[i].cert);
        buf_clear(&people[i].cert_pem);
        buf_clear(&people[i].key_pem);
    }
    secret_clear(&passphrase);
    secret_clear(&wrong_passphrase);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)unlink(names[i]);
    return chdir("/") || rmdir(folder) ? -1 : 0;
}

static const struct slice nobody;

static int encrypt_to(struct buf *out, struct slice plain, const struct person *p, struct err *e)
{
    return cms_encrypt(out, plain, NULL, buf_slice(&p->cert), e);
}

static int decrypt_by(struct secret *plain, struct slice cms, const struct person *p, struct err *e)
{
    return cms_decrypt(plain, cms, NULL, buf_slice(&p->cert), buf_slice(&p->key_pem), e);
}

static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 4096, 70000, (3 << 20) + 5 };

static void test_recipients(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct err e = { 0 };

        expect(people[i].label, encrypt_to(&out, slice_str("x"), &people[i], &e), &e,
               people[i].want, NULL);
        if (people[i].want != ERR_NONE && out.len)
            fail_msg("%s: output on failure", people[i].label);
    }
    for (size_t i = 0; i < FITTING * ARRAY_LEN(sizes); i++) {
        const struct person *p = &people[i % FITTING];
        CLEANUP(secret_clear) struct secret plain = { 0 }, again = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct err e = { 0 };

        assert_int_equal(secret_alloc(&plain, sizes[i / FITTING], &e), 0);
        random_bytes(plain.ptr, plain.len);
        if (encrypt_to(&out, secret_slice(&plain), p, &e) ||
            decrypt_by(&again, buf_slice(&out), p, &e) ||
            !slice_eq(secret_slice(&again), secret_slice(&plain)))
            fail_msg("%s, %zu bytes: %s", p->label, plain.len, err_text(&e));
    }
}

static void test_passphrase(void **state)
{
    static const uint8_t rounds[] = { DER_INTEGER, 3, 0x09, 0x27, 0xc0 }; /* 600000 */
    CLEANUP(secret_clear) struct secret again = { 0 }, empty = { 0 };
    CLEANUP(buf_clear) struct buf out = { 0 }, none = { 0 };
    struct slice plain = slice_str("a backup");
    struct err e = { 0 };

    (void)state;
    buf_add_str(&out, "in front: "); /* it is appended */
    assert_int_equal(cms_encrypt(&out, plain, &passphrase, nobody, &e), 0);
    memmove(out.ptr, out.ptr + 10, out.len -= 10);
    assert_non_null(memmem(out.ptr, out.len, rounds, sizeof rounds));
    assert_int_equal(cms_decrypt(&again, buf_slice(&out), &passphrase, nobody, nobody, &e), 0);
    assert_true(slice_eq(secret_slice(&again), plain));
    secret_clear(&again);
    expect("wrong passphrase",
           cms_decrypt(&again, buf_slice(&out), &wrong_passphrase, nobody, nobody, &e), &e,
           ERR_REFUSED, "wrong passphrase");
    e = (struct err){ 0 };
    expect("a certificate instead", decrypt_by(&again, buf_slice(&out), &people[ALICE], &e), &e,
           ERR_REFUSED, "not made for this certificate");
    assert_null(again.ptr);
    e = (struct err){ 0 };
    expect("neither", cms_encrypt(&none, plain, NULL, nobody, &e), &e, ERR_INVALID, "either");
    expect("neither, empty", cms_encrypt(&none, plain, &empty, nobody, &e), &e, ERR_INVALID,
           "either");
    expect("both", cms_encrypt(&none, plain, &passphrase, buf_slice(&people[ALICE].cert), &e), &e,
           ERR_INVALID, "either");
    assert_int_equal(secret_alloc(&empty, 0, NULL), 0);
    expect("an empty passphrase", cms_encrypt(&none, plain, &empty, nobody, &e), &e, ERR_INVALID,
           "empty");
    assert_int_equal(none.len, 0);
}

static void test_wrong_key(void **state)
{
    CLEANUP(secret_clear) struct secret again = { 0 };
    CLEANUP(buf_clear) struct buf to_alice = { 0 };
    const struct person *alice = &people[ALICE], *bob = &people[BOB];
    struct slice cms;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(encrypt_to(&to_alice, slice_str("x"), alice, &e), 0);
    cms = buf_slice(&to_alice);
    expect("to somebody else", decrypt_by(&again, cms, bob, &e), &e, ERR_REFUSED, "not made for");
    e = (struct err){ 0 };
    expect("somebody else's key",
           cms_decrypt(&again, cms, NULL, buf_slice(&alice->cert), buf_slice(&bob->key_pem), &e),
           &e, ERR_REFUSED, "not the certificate's");
    e = (struct err){ 0 };
    expect("a passphrase", cms_decrypt(&again, cms, &passphrase, nobody, nobody, &e), &e,
           ERR_REFUSED, "for a certificate");
    e = (struct err){ 0 };
    expect("no key", cms_decrypt(&again, cms, NULL, buf_slice(&alice->cert), nobody, &e), &e,
           ERR_INVALID, "key file");
    e = (struct err){ 0 };
    expect("a certificate as key",
           cms_decrypt(&again, cms, NULL, buf_slice(&alice->cert), buf_slice(&alice->cert_pem), &e),
           &e, ERR_INVALID, "no private key");
    e = (struct err){ 0 };
    expect(
        "a certificate in PEM",
        cms_decrypt(&again, cms, NULL, buf_slice(&alice->cert_pem), buf_slice(&alice->key_pem), &e),
        &e, ERR_INVALID, "certificate");
    assert_null(again.ptr);
}

static void test_encrypted_key(void **state)
{
    CLEANUP(secret_clear) struct secret again = { 0 };
    CLEANUP(buf_clear) struct buf out = { 0 }, pem = { 0 };
    BIO *in = BIO_new_mem_buf(people[ALICE].key_pem.ptr, (int)people[ALICE].key_pem.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    struct err e = { 0 };

    (void)state;
    PEM_write_bio_PrivateKey(bio, key, EVP_aes_128_cbc(), (const uint8_t *)"x", 1, NULL, NULL);
    take_bio(&pem, bio);
    BIO_free(in);
    EVP_PKEY_free(key);
    assert_int_equal(encrypt_to(&out, slice_str("x"), &people[ALICE], &e), 0);
    expect("an encrypted key",
           cms_decrypt(&again, buf_slice(&out), NULL, buf_slice(&people[ALICE].cert),
                       buf_slice(&pem), &e),
           &e, ERR_INVALID, "decrypt it first");
}

/* Whatever bit is turned, nothing comes out. */
static void test_damage(void **state)
{
    const struct person *who[] = { &people[ALICE], &people[BOB] };

    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(who); k++) {
        CLEANUP(buf_clear) struct buf out = { 0 };
        CLEANUP(secret_clear) struct secret again = { 0 };
        struct err e = { 0 };

        assert_int_equal(encrypt_to(&out, slice_str("attack at dawn"), who[k], &e), 0);
        for (size_t bit = 0; bit < out.len * 8; bit += 3) {
            out.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
            e = (struct err){ 0 };
            if (decrypt_by(&again, buf_slice(&out), who[k], &e) == 0 || again.ptr)
                fail_msg("%s: bit %zu may be turned", who[k]->label, bit);
            if (e.code != ERR_CORRUPT && e.code != ERR_INVALID && e.code != ERR_REFUSED)
                fail_msg("%s: bit %zu: %s", who[k]->label, bit, err_text(&e));
            out.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t len = 0; len < out.len; len++)
            if (decrypt_by(&again, slice_of(out.ptr, len), who[k], &e) == 0 || again.ptr)
                fail_msg("%s: may end at byte %zu", who[k]->label, len);
        e = (struct err){ 0 };
        expect("cut short", decrypt_by(&again, slice_of(out.ptr, out.len - 1), who[k], &e), &e,
               ERR_CORRUPT, "cut short");
        out.ptr[out.len - 20] ^= 1; /* behind it: two bytes of header and the tag */
        e = (struct err){ 0 };
        expect("ciphertext changed", decrypt_by(&again, buf_slice(&out), who[k], &e), &e,
               ERR_CORRUPT, "changed");
        out.ptr[out.len - 20] ^= 1;
        buf_add_byte(&out, 0);
        e = (struct err){ 0 };
        expect("a byte behind it", decrypt_by(&again, buf_slice(&out), who[k], &e), &e, ERR_CORRUPT,
               "behind its end");
    }
}

/* An AuthEnvelopedData to Alice with one thing not as it should be. */
struct forgery {
    const char *label;
    enum err_code want;
    const char *says;
    size_t tag_len, claimed_tag_len; /* 0: 16 */
    bool other_type, other_content, other_cipher, originator, auth_attrs, unauth_attrs, in_pieces,
        no_recipient, bad_version, short_nonce;
};
static const struct forgery forgeries[] = {
    { "a faithful copy", .want = ERR_NONE },
    { "a tag of one byte", ERR_CORRUPT, "a tag of 1 bytes", .tag_len = 1 },
    { "a tag of 12 bytes, and said so", ERR_INVALID, "tag of 16", .tag_len = 12,
      .claimed_tag_len = 12 },
    { "a tag of 17 bytes", ERR_CORRUPT, "a tag of 17 bytes", .tag_len = 17 },
    { "a short tag claimed", ERR_INVALID, "tag of 16", .claimed_tag_len = 4 },
    { "a short nonce", ERR_INVALID, "nonce", .short_nonce = true },
    { "EnvelopedData", ERR_INVALID, "not a CMS AuthEnvelopedData", .other_type = true },
    { "signed data inside", ERR_CORRUPT, "EncryptedContentInfo", .other_content = true },
    { "AES-256-CBC", ERR_INVALID, "not under AES-256-GCM", .other_cipher = true },
    { "an originator", ERR_INVALID, "originator", .originator = true },
    { "authenticated attributes", ERR_INVALID, "attributes", .auth_attrs = true },
    { "other attributes", ERR_INVALID, "attributes", .unauth_attrs = true },
    { "content in pieces", ERR_CORRUPT, "in pieces", .in_pieces = true },
    { "no recipient", ERR_REFUSED, "not made for", .no_recipient = true },
    { "version 2", ERR_CORRUPT, "AuthEnvelopedData", .bad_version = true },
};

/* The parts of a sound one, as its DER has them. */
struct parts {
    struct slice type, recipients, content_type, cipher, nonce, sealed, tag;
};

static void take_parts(struct parts *p, struct slice cms)
{
    struct slice info, outer, body, content, alg, params;
    uint32_t n;

    assert_true(
        der_take(&cms, DER_SEQUENCE, &info) && der_take(&info, DER_OID, &p->type) &&
        der_take(&info, 0xa0, &outer) && der_take(&outer, DER_SEQUENCE, &body) &&
        der_take_small_uint(&body, &n) && der_take(&body, DER_SET, &p->recipients) &&
        der_take(&body, DER_SEQUENCE, &content) && der_take(&content, DER_OID, &p->content_type) &&
        der_take(&content, DER_SEQUENCE, &alg) && der_take(&alg, DER_OID, &p->cipher) &&
        der_take(&alg, DER_SEQUENCE, &params) && der_take(&params, DER_OCTET_STRING, &p->nonce) &&
        der_take(&content, 0x80, &p->sealed) && der_take(&body, DER_OCTET_STRING, &p->tag));
}

/* The OID with another last byte. */
static void put_oid(struct buf *out, struct slice oid, bool other, uint8_t last)
{
    size_t mark = der_begin(out, DER_OID);

    buf_add_slice(out, oid);
    if (other)
        out->ptr[out->len - 1] = last;
    der_end(out, mark);
}

static void put_content(struct buf *out, const struct forgery *f, const struct parts *p)
{
    size_t content = der_begin(out, DER_SEQUENCE), alg, params;

    put_oid(out, p->content_type, f->other_content, 2);
    alg = der_begin(out, DER_SEQUENCE);
    put_oid(out, p->cipher, f->other_cipher, 0x2a);
    params = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OCTET_STRING, slice_of(p->nonce.ptr, f->short_nonce ? 11 : 12));
    der_put_small_uint(out, f->claimed_tag_len ? (uint32_t)f->claimed_tag_len : 16);
    der_end(out, params);
    der_end(out, alg);
    if (f->in_pieces) {
        params = der_begin(out, 0xa0);
        der_put(out, DER_OCTET_STRING, p->sealed);
        der_end(out, params);
    } else {
        der_put(out, 0x80, p->sealed);
    }
    der_end(out, content);
}

static void put_forgery(struct buf *out, const struct forgery *f, const struct parts *p)
{
    size_t info = der_begin(out, DER_SEQUENCE), outer, body;
    uint8_t tag[17] = { 0 };

    memcpy(tag, p->tag.ptr, 16);
    put_oid(out, p->type, f->other_type, 0x03);
    outer = der_begin(out, 0xa0);
    body = der_begin(out, DER_SEQUENCE);
    der_put_small_uint(out, f->bad_version ? 2 : 0);
    if (f->originator)
        der_put(out, 0xa0, nobody);
    der_put(out, DER_SET, f->no_recipient ? nobody : p->recipients);
    put_content(out, f, p);
    if (f->auth_attrs)
        der_put(out, 0xa1, nobody);
    der_put(out, DER_OCTET_STRING, slice_of(tag, f->tag_len ? f->tag_len : 16));
    if (f->unauth_attrs)
        der_put(out, 0xa2, nobody);
    der_end(out, body);
    der_end(out, outer);
    der_end(out, info);
}

static void test_forgeries(void **state)
{
    CLEANUP(buf_clear) struct buf good = { 0 };
    struct parts parts;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(encrypt_to(&good, slice_str("attack at dawn"), &people[ALICE], &e), 0);
    take_parts(&parts, buf_slice(&good));
    for (size_t i = 0; i < ARRAY_LEN(forgeries); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };
        CLEANUP(secret_clear) struct secret again = { 0 };
        int rc;

        put_forgery(&out, &forgeries[i], &parts);
        e = (struct err){ 0 };
        rc = decrypt_by(&again, buf_slice(&out), &people[ALICE], &e);
        expect(forgeries[i].label, rc, &e, forgeries[i].want, forgeries[i].says);
        if ((rc == 0) != (again.ptr != NULL))
            fail_msg("%s: output on failure", forgeries[i].label);
    }
    e = (struct err){ 0 };
    expect("not CMS",
           cms_decrypt(&(struct secret){ 0 }, slice_str("-----BEGIN CMS-----"), &passphrase, nobody,
                       nobody, &e),
           &e, ERR_INVALID, "not a CMS file");
}

/* A PasswordRecipientInfo with one thing not as it should be; it is refused before it costs time.
 */
#define RSADSI "\x2a\x86\x48\x86\xf7\x0d"
struct pwri {
    const char *label;
    enum err_code want;
    const char *says;
    uint32_t rounds, version, key_len;     /* rounds 0: 1 */
    size_t salt_len, iv_len, wrapped_len;  /* 0: 16, 16, 48 */
    const char *kdf, *prf, *wrap, *cipher; /* OIDs; NULL: what we write */
    bool no_rounds, more;
};
static const struct pwri pwris[] = {
    { "sound, of another passphrase", ERR_REFUSED, "wrong passphrase", .rounds = 1 },
    { "SHA-1 by leaving it out", ERR_REFUSED, "wrong passphrase", .prf = "" },
    { "SHA-512", ERR_REFUSED, "wrong passphrase", .prf = RSADSI "\x02\x0b" },
    { "MD5", ERR_INVALID, "function", .prf = RSADSI "\x02\x06" },
    { "ten million rounds", ERR_LIMIT, "rounds", .rounds = CMS_PBKDF2_MAX_ROUNDS + 1 },
    { "four thousand million rounds", ERR_LIMIT, "rounds", .rounds = UINT32_MAX },
    { "no rounds", ERR_LIMIT, "rounds", .no_rounds = true },
    { "a salt of 7 bytes", ERR_INVALID, "salt", .salt_len = 7 },
    { "a salt of 65 bytes", ERR_INVALID, "salt", .salt_len = 65 },
    { "a key of 16 bytes", ERR_INVALID, "key of 16", .key_len = 16 },
    { "a key of 32 bytes", ERR_REFUSED, "wrong passphrase", .key_len = 32 },
    { "version 1", ERR_INVALID, "PBKDF2 and AES-256", .version = 1 },
    { "scrypt", ERR_INVALID, "PBKDF2 and AES-256", .kdf = "\x2b\x06\x01\x04\x01\xda\x47\x04\x0b" },
    { "another wrap", ERR_INVALID, "PBKDF2 and AES-256", .wrap = RSADSI "\x01\x09\x10\x03\x06" },
    { "3DES", ERR_INVALID, "PBKDF2 and AES-256", .cipher = RSADSI "\x03\x07" },
    { "an IV of 15 bytes", ERR_CORRUPT, "PasswordRecipientInfo", .iv_len = 15 },
    { "32 wrapped bytes", ERR_CORRUPT, "PasswordRecipientInfo", .wrapped_len = 32 },
    { "4800 wrapped bytes", ERR_CORRUPT, "PasswordRecipientInfo", .wrapped_len = 4800 },
    { "something behind it", ERR_CORRUPT, "PasswordRecipientInfo", .more = true },
};

static void put_text_oid(struct buf *out, const char *oid, const char *otherwise)
{
    der_put(out, DER_OID, slice_str(oid ? oid : otherwise));
}

static void put_pwri(struct buf *out, const struct pwri *p)
{
    static const uint8_t zeros[4800];
    size_t info = der_begin(out, DER_CONTEXT_CONSTRUCTED(3)), outer, inner, prf;

    der_put_small_uint(out, p->version);
    outer = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    put_text_oid(out, p->kdf, RSADSI "\x01\x05\x0c");
    inner = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OCTET_STRING, slice_of(zeros, p->salt_len ? p->salt_len : 16));
    der_put_small_uint(out, p->no_rounds ? 0 : p->rounds ? p->rounds : 1);
    if (p->key_len)
        der_put_small_uint(out, p->key_len);
    if (!p->prf || *p->prf) {
        prf = der_begin(out, DER_SEQUENCE);
        put_text_oid(out, p->prf, RSADSI "\x02\x09");
        der_put(out, DER_NULL, nobody);
        der_end(out, prf);
    }
    der_end(out, inner);
    der_end(out, outer);
    outer = der_begin(out, DER_SEQUENCE);
    put_text_oid(out, p->wrap, RSADSI "\x01\x09\x10\x03\x09");
    inner = der_begin(out, DER_SEQUENCE);
    put_text_oid(out, p->cipher, "\x60\x86\x48\x01\x65\x03\x04\x01\x2a");
    der_put(out, DER_OCTET_STRING, slice_of(zeros, p->iv_len ? p->iv_len : 16));
    der_end(out, inner);
    der_end(out, outer);
    der_put(out, DER_OCTET_STRING, slice_of(zeros, p->wrapped_len ? p->wrapped_len : 48));
    if (p->more)
        der_put(out, DER_NULL, nobody);
    der_end(out, info);
}

static void test_password_info(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pwris); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };
        CLEANUP(secret_clear) struct secret key = { 0 };
        struct err e = { 0 };

        put_pwri(&out, &pwris[i]);
        expect(pwris[i].label, cms_password_unwrap(&key, buf_slice(&out), &passphrase, &e), &e,
               pwris[i].want, pwris[i].says);
        assert_null(key.ptr);
    }
}

/* What OpenSSL's own CMS writes for a passphrase; its command cannot (3.0 wants AES-GCM for a key).
 */
static void test_passphrase_of_openssl(void **state)
{
    struct slice plain = slice_str("written by somebody else");
    CLEANUP(secret_clear) struct secret again = { 0 };
    CLEANUP(buf_clear) struct buf der = { 0 };
    CMS_ContentInfo *cms = CMS_AuthEnvelopedData_create(EVP_aes_256_gcm());
    uint8_t *password = OPENSSL_memdup(passphrase.ptr, passphrase.len); /* becomes cms's */
    BIO *in = BIO_new_mem_buf(plain.ptr, (int)plain.len), *bio = BIO_new(BIO_s_mem());
    struct err e = { 0 };

    (void)state;
    assert_true(CMS_set_detached(cms, 0)); /* else it drops the ciphertext */
    assert_non_null(CMS_add0_recipient_password(cms, 5000, NID_id_alg_PWRI_KEK, -1, password,
                                                (ossl_ssize_t)passphrase.len, EVP_aes_256_cbc()));
    assert_true(CMS_final(cms, in, NULL, CMS_BINARY));
    assert_true(i2d_CMS_bio(bio, cms));
    take_bio(&der, bio);
    BIO_free(in);
    CMS_ContentInfo_free(cms);
    if (cms_decrypt(&again, buf_slice(&der), &passphrase, nobody, nobody, &e))
        fail_msg("%s", err_text(&e));
    assert_true(slice_eq(secret_slice(&again), plain));
}

/* ---- the openssl command ---- */

/* Exit code of `openssl WORDS...`, -1 when there is no such program; what it says goes to "said".
 */
static int run_openssl(const char *const words[])
{
    posix_spawn_file_actions_t actions;
    char *argv[24] = { (char *)(uintptr_t) "openssl" };
    int status, rc;
    pid_t pid;

    for (size_t i = 0; words[i]; i++) {
        assert_true(i + 2 < ARRAY_LEN(argv));
        argv[i + 1] = (char *)(uintptr_t)words[i];
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "said", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    rc = posix_spawnp(&pid, "openssl", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc)
        return -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256;
}

static bool has_openssl(void)
{
    if (run_openssl((const char *const[]){ "version", NULL }) == 0)
        return true;
    not_here("there is no openssl command");
    return false;
}

static void expect_plain(const char *label, int rc, struct slice plain)
{
    CLEANUP(buf_clear) struct buf got = { 0 };

    if (rc) {
        read_bytes(&got, "said");
        fail_msg("%s: openssl exits with %d: %s", label, rc, buf_str(&got));
    }
    read_bytes(&got, "plain");
    if (!slice_eq(buf_slice(&got), plain))
        fail_msg("%s: openssl finds %zu bytes, not %zu", label, got.len, plain.len);
    (void)unlink("plain");
}

static void test_openssl_opens_passphrase(void **state)
{
    const char *const right[] = { "cms",
                                  "-decrypt",
                                  "-inform",
                                  "DER",
                                  "-in",
                                  "backup.cms",
                                  "-out",
                                  "plain",
                                  "-pwri_password",
                                  "correct horse battery staple",
                                  NULL };
    const char *const wrong[] = { "cms",
                                  "-decrypt",
                                  "-inform",
                                  "DER",
                                  "-in",
                                  "backup.cms",
                                  "-out",
                                  "plain",
                                  "-pwri_password",
                                  "correct horse battery",
                                  NULL };

    (void)state;
    if (!has_openssl())
        return;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i += 4) { /* 0, 17, 3 MiB */
        CLEANUP(secret_clear) struct secret plain = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };

        assert_int_equal(secret_alloc(&plain, sizes[i], NULL), 0);
        random_bytes(plain.ptr, plain.len);
        assert_int_equal(cms_encrypt(&out, secret_slice(&plain), &passphrase, nobody, NULL), 0);
        write_bytes("backup.cms", out.ptr, out.len);
        expect_plain("passphrase", run_openssl(right), secret_slice(&plain));
        assert_int_not_equal(run_openssl(wrong), 0);
    }
}

static void test_openssl_opens_recipient(void **state)
{
    const char *const words[] = { "cms",        "-decrypt", "-inform", "DER",    "-in",
                                  "backup.cms", "-out",     "plain",   "-inkey", "key.pem",
                                  "-recip",     "cert.pem", NULL };

    (void)state;
    if (!has_openssl())
        return;
    for (size_t i = 0; i < FITTING; i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct slice plain = slice_str("attack at dawn");

        assert_int_equal(encrypt_to(&out, plain, &people[i], NULL), 0);
        write_bytes("backup.cms", out.ptr, out.len);
        write_bytes("key.pem", people[i].key_pem.ptr, people[i].key_pem.len);
        write_bytes("cert.pem", people[i].cert_pem.ptr, people[i].cert_pem.len);
        expect_plain(people[i].label, run_openssl(words), plain);
    }
}

static void test_openssl_writes(void **state)
{
    /* RSA: the options are for one recipient, and an EC one would not know them. */
    const char *const ec[] = { "cms",    "-encrypt", "-binary", "-aes-256-gcm", "-outform",
                               "DER",    "-in",      "plain",   "-out",         "backup.cms",
                               "-recip", "cert.pem", NULL };
    const char *const rsa[] = { "cms",      "-encrypt",
                                "-binary",  "-aes-256-gcm",
                                "-outform", "DER",
                                "-in",      "plain",
                                "-out",     "backup.cms",
                                "-recip",   "cert.pem",
                                "-keyopt",  "rsa_padding_mode:oaep",
                                NULL };
    struct slice plain = slice_str("attack at dusk");

    (void)state;
    if (!has_openssl())
        return;
    for (size_t i = 0; i < FITTING + 1; i++) {
        const struct person *p = &people[i < FITTING ? i : BOB];
        bool oaep = strcmp(p->key_type, "RSA") == 0 && i < FITTING;
        CLEANUP(secret_clear) struct secret again = { 0 };
        CLEANUP(buf_clear) struct buf cms = { 0 };
        struct err e = { 0 };
        int rc;

        write_bytes("plain", plain.ptr, plain.len);
        write_bytes("cert.pem", p->cert_pem.ptr, p->cert_pem.len);
        if (run_openssl(oaep ? rsa : ec))
            fail_msg("openssl cms -encrypt to %s", p->label);
        read_bytes(&cms, "backup.cms");
        rc = decrypt_by(&again, buf_slice(&cms), p, &e);
        if (i == FITTING) { /* RSA again, with the padding that OpenSSL takes by itself */
            expect("PKCS #1 v1.5", rc, &e, ERR_INVALID, "RSA-OAEP");
            continue;
        }
        if (rc || !slice_eq(secret_slice(&again), plain))
            fail_msg("%s: %s", p->label, err_text(&e));
    }
}

static void test_limit(void **state)
{
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct err e = { 0 };

    (void)state;
    expect("256 MiB", encrypt_to(&out, slice_of("", (size_t)CMS_MAX_PLAIN + 1), &people[ALICE], &e),
           &e, ERR_LIMIT, "more than");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recipients),
        cmocka_unit_test(test_passphrase),
        cmocka_unit_test(test_wrong_key),
        cmocka_unit_test(test_encrypted_key),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_forgeries),
        cmocka_unit_test(test_password_info),
        cmocka_unit_test(test_passphrase_of_openssl),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_openssl_opens_passphrase),
        cmocka_unit_test(test_openssl_opens_recipient),
        cmocka_unit_test(test_openssl_writes),
    };

    return cmocka_run_group_tests(tests, make_all, free_all);
}
