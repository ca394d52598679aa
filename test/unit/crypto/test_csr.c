#include "asm.h"
#include "corpora.h"
#include "crypto/name.h"
#include "crypto/pem.h"
#include "crypto/x509.h"
#include <openssl/evp.h>
#include <openssl/x509.h>

enum part { VERSION, SUBJECT, SPKI, ATTRIBUTES, AFTER, ALG, SIG, TAIL, PARTS };

#define POINT                                                                                      \
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"                           \
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define KEY "30( 30( 06072a8648ce3d0201 06082a8648ce3d030107 ) 03( 00" POINT ") )"
#define REQUEST "06092a864886f70d01090e"
#define CHALLENGE "30( 06092a864886f70d010907 31( 0c('secret') ) )"
#define EXT(id, value) "30( 0603551d" id " 04( " value " ) )"
#define SANS EXT("11", "30( 82('a.example') )")
#define EXTENSIONS(list) "30( " REQUEST " 31( 30( " list " ) ) )"
#define ATTRS(list) "a0( " list " )"

// clang-format off
static const char *const good[PARTS] = {
    [VERSION] = "020100", [SUBJECT] = "30( 31(30( 0603550403 0c('node'))) )", [SPKI] = KEY,
    [ATTRIBUTES] = ATTRS(EXTENSIONS(SANS)), [AFTER] = "", [ALG] = "30( 06082a8648ce3d040302 )",
    [SIG] = "03( 00 3006 020101 020101 )", [TAIL] = "",
};

static const struct {
    const char *label;
    enum part part;
    const char *text;
    enum err_code want;
} rows[] = {
    { "as it is",                    TAIL, "", ERR_NONE },
    { "version 2",                   VERSION, "020101", ERR_INVALID },
    { "version missing",             VERSION, "", ERR_INVALID },
    { "version negative",            VERSION, "0201ff", ERR_INVALID },
    { "subject empty",               SUBJECT, "3000", ERR_NONE },
    { "subject broken",              SUBJECT, "30( 3000 )", ERR_INVALID },
    { "key missing",                 SPKI, "", ERR_INVALID },
    { "attributes empty",            ATTRIBUTES, "a000", ERR_NONE },
    { "attributes missing",          ATTRIBUTES, "", ERR_INVALID },
    { "attributes as a set",         ATTRIBUTES, "3100", ERR_INVALID },
    { "a challenge password",        ATTRIBUTES, ATTRS(CHALLENGE), ERR_NONE },
    { "a challenge and extensions",  ATTRIBUTES, ATTRS(CHALLENGE EXTENSIONS(SANS)), ERR_NONE },
    { "the same attribute twice",    ATTRIBUTES, ATTRS(CHALLENGE CHALLENGE), ERR_INVALID },
    { "extensions asked for twice",  ATTRIBUTES, ATTRS(EXTENSIONS(SANS) EXTENSIONS(EXT("13", "3000"))), ERR_INVALID },
    { "two lists of extensions",     ATTRIBUTES, ATTRS("30( " REQUEST " 31( 30( " SANS " ) 30( " SANS " ) ) )"), ERR_INVALID },
    { "no list of extensions",       ATTRIBUTES, ATTRS("30( " REQUEST " 3100 )"), ERR_INVALID },
    { "an empty list of extensions", ATTRIBUTES, ATTRS(EXTENSIONS("")), ERR_INVALID },
    { "the same extension twice",    ATTRIBUTES, ATTRS(EXTENSIONS(SANS SANS)), ERR_INVALID },
    { "SANs empty",                  ATTRIBUTES, ATTRS(EXTENSIONS(EXT("11", "3000"))), ERR_INVALID },
    { "an address of 5 bytes",       ATTRIBUTES, ATTRS(EXTENSIONS(EXT("11", "30( 87( 0102030405 ) )"))), ERR_INVALID },
    { "an unknown critical extension", ATTRIBUTES, ATTRS(EXTENSIONS("30( 0603551d63 0101ff 04( 0500 ) )")), ERR_NONE },
    { "an attribute without values", ATTRIBUTES, ATTRS("30( 06092a864886f70d010907 3100 )"), ERR_INVALID },
    { "an attribute without a set",  ATTRIBUTES, ATTRS("30( 06092a864886f70d010907 )"), ERR_INVALID },
    { "an attribute with a broken value", ATTRIBUTES, ATTRS("30( 06092a864886f70d010907 31( 0c05 61 ) )"), ERR_INVALID },
    { "an attribute with more",      ATTRIBUTES, ATTRS("30( 06092a864886f70d010907 31( 0500 ) 0500 )"), ERR_INVALID },
    { "an attribute without type",   ATTRIBUTES, ATTRS("30( 0600 31( 0500 ) )"), ERR_INVALID },
    { "bytes behind the attributes", AFTER, "0500", ERR_INVALID },
    { "algorithm broken",            ALG, "3000", ERR_INVALID },
    { "algorithm with NULL",         ALG, "30( 06082a8648ce3d040302 0500 )", ERR_INVALID },
    { "signature missing",           SIG, "", ERR_INVALID },
    { "signature empty",             SIG, "03( 00 )", ERR_INVALID },
    { "a fourth element",            TAIL, "0500", ERR_INVALID },
};
// clang-format on

static void put_csr(struct buf *out, const char *const part[PARTS])
{
    size_t csr = der_begin(out, DER_SEQUENCE), info = der_begin(out, DER_SEQUENCE);

    for (int i = VERSION; i <= AFTER; i++)
        asm_add(out, part[i]);
    der_end(out, info);
    for (int i = ALG; i <= TAIL; i++)
        asm_add(out, part[i]);
    der_end(out, csr);
}

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct x509_csr csr = { 0 };
        const char *part[PARTS];
        struct err e = { 0 };
        int rc;

        memcpy(part, good, sizeof part);
        part[rows[i].part] = rows[i].text;
        put_csr(&der, part);
        rc = x509_csr_read(&csr, buf_slice(&der), &e);
        if ((rc == 0) != (rows[i].want == ERR_NONE) || e.code != rows[i].want)
            fail_msg("%s: got %s", rows[i].label, err_text(&e));
        if (rc && csr.der.ptr)
            fail_msg("%s: refused, and the output was touched", rows[i].label);
    }
}

static bool reads(struct slice der)
{
    struct x509_csr csr;

    return x509_csr_read(&csr, der, NULL) == 0;
}

static void test_cut(void **state)
{
    CLEANUP(buf_clear) struct buf der = { 0 };

    (void)state;
    put_csr(&der, good);
    asm_check_cuts(buf_slice(&der), reads);
}

static void test_limits(void **state)
{
    static const struct {
        size_t sans, attributes;
        enum err_code want;
    } limits[] = {
        { CSR_MAX_SANS, 1, ERR_NONE }, { CSR_MAX_SANS + 1, 1, ERR_LIMIT },
        { 10000, 1, ERR_LIMIT },       { 1, 16, ERR_NONE },
        { 1, 17, ERR_LIMIT },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        CLEANUP(buf_clear) struct buf der = { 0 }, attributes = { 0 };
        const char *part[PARTS];
        struct x509_csr csr;
        struct err e = { 0 };
        int rc;

        buf_add_str(&attributes, "a0( 30( " REQUEST " 31( 30( 30( 0603551d11 04( 30( ");
        for (size_t k = 0; k < limits[i].sans; k++)
            buf_add_str(&attributes, "82('a') ");
        buf_add_str(&attributes, ") ) ) ) ) ) ");
        for (size_t k = 1; k < limits[i].attributes; k++)
            buf_addf(&attributes, "30( 06032a03%02x 31( 0500 ) )", (unsigned)k);
        buf_add_str(&attributes, ")");
        memcpy(part, good, sizeof part);
        part[ATTRIBUTES] = buf_str(&attributes);
        put_csr(&der, part);
        rc = x509_csr_read(&csr, buf_slice(&der), &e);
        assert_int_equal(rc == 0, limits[i].want == ERR_NONE);
        assert_int_equal(e.code, limits[i].want);
    }
}

/* ---- proof of possession ---- */

static void make_csr(struct buf *out, struct key **key, enum key_type type)
{
    CLEANUP(buf_clear) struct buf name = { 0 };
    const struct san san = { SAN_DNS, { (const uint8_t *)"a.example", 9 } };
    size_t mark = name_begin(&name);
    struct err e = { 0 };

    name_add(&name, NAME_O, slice_str("system:nodes"));
    name_add(&name, NAME_CN, slice_str("system:node:a"));
    name_end(&name, mark);
    if (key_generate(key, type, &e) || x509_csr_write(out, *key, buf_slice(&name), &san, 1, &e))
        fail_msg("%s", err_text(&e));
}

DEFINE_FREEP(X509_REQ *, X509_REQ_free)
DEFINE_FREEP(EVP_PKEY *, EVP_PKEY_free)

static void test_write(void **state)
{
    static const enum key_type types[] = { KEY_P256, KEY_P384, KEY_ED25519, KEY_RSA2048 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(key_freep) struct key *key = NULL;
        CLEANUP(key_freep) struct key *public = NULL;
        CLEANUP(X509_REQ_freep) X509_REQ *theirs = NULL;
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
        CLEANUP(buf_clear) struct buf der = { 0 }, text = { 0 };
        struct x509_csr csr;
        const uint8_t *at;

        make_csr(&der, &key, types[i]);
        assert_int_equal(x509_csr_read(&csr, buf_slice(&der), NULL), 0);
        assert_int_equal(x509_csr_verify(&csr, &public, NULL), 0);
        assert_true(key_same_public(key, public));
        assert_int_equal(csr.ext.san_count, 1);
        name_format(&text, csr.subject);
        assert_string_equal(buf_str(&text), "O=system:nodes, CN=system:node:a");
        at = der.ptr;
        theirs = d2i_X509_REQ(NULL, &at, (long)der.len); /* and OpenSSL's opinion */
        assert_non_null(theirs);
        pkey = X509_REQ_get_pubkey(theirs);
        assert_int_equal(X509_REQ_verify(theirs, pkey), 1);
    }
}

/* A changed bit anywhere: either it no longer reads, or it does not verify. */
static void test_changed_bits(void **state)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(buf_clear) struct buf der = { 0 };

    (void)state;
    make_csr(&der, &key, KEY_P256);
    for (size_t i = 0; i < der.len; i++) {
        struct x509_csr csr;
        struct key *public = NULL;

        der.ptr[i] ^= (uint8_t)(1u << i % 8);
        if (x509_csr_read(&csr, buf_slice(&der), NULL) == 0)
            assert_int_equal(x509_csr_verify(&csr, &public, NULL), -1);
        assert_null(public);
        der.ptr[i] ^= (uint8_t)(1u << i % 8);
    }
}

/* CSRs of keys and digests that OpenSSL makes and we refuse. */
static void test_weak(void **state)
{
    static const struct {
        const char *label, *alg, *group;
        size_t bits;
        const EVP_MD *(*md)(void);
        enum err_code want;
    } weak[] = {
        { "RSA-2048 with SHA-256", "RSA", NULL, 2048, EVP_sha256, ERR_NONE },
        { "RSA-2048 with SHA-1", "RSA", NULL, 2048, EVP_sha1, ERR_REFUSED },
        { "RSA-2048 with SHA-224", "RSA", NULL, 2048, EVP_sha224, ERR_REFUSED },
        { "RSA-2048 with MD5", "RSA", NULL, 2048, EVP_md5, ERR_REFUSED },
        { "RSA-1024", "RSA", NULL, 1024, EVP_sha256, ERR_REFUSED },
        { "RSA-512", "RSA", NULL, 512, EVP_sha256, ERR_INVALID },
        { "P-256 with SHA-1", "EC", "P-256", 0, EVP_sha1, ERR_REFUSED },
        { "P-521", "EC", "P-521", 0, EVP_sha512, ERR_NONE },
        { "P-224", "EC", "P-224", 0, EVP_sha256, ERR_REFUSED },
        { "secp256k1", "EC", "secp256k1", 0, EVP_sha256, ERR_REFUSED },
        { "brainpool", "EC", "brainpoolP256r1", 0, EVP_sha256, ERR_REFUSED },
        { "Ed448", "ED448", NULL, 0, NULL, ERR_REFUSED },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(weak); i++) {
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
        CLEANUP(X509_REQ_freep) X509_REQ *req = X509_REQ_new();
        CLEANUP(key_freep) struct key *key = NULL;
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct x509_csr csr;
        struct err e = { 0 };
        uint8_t *at;
        int rc;

        if (weak[i].bits)
            pkey = EVP_PKEY_Q_keygen(NULL, NULL, weak[i].alg, weak[i].bits);
        else if (weak[i].group)
            pkey = EVP_PKEY_Q_keygen(NULL, NULL, weak[i].alg, weak[i].group);
        else
            pkey = EVP_PKEY_Q_keygen(NULL, NULL, weak[i].alg);
        assert_non_null(pkey);
        assert_int_equal(X509_REQ_set_pubkey(req, pkey), 1);
        assert_true(X509_REQ_sign(req, pkey, weak[i].md ? weak[i].md() : NULL) > 0);
        at = buf_room(&der, 8192);
        der.len = (size_t)i2d_X509_REQ(req, &at);
        assert_int_equal(x509_csr_read(&csr, buf_slice(&der), &e), 0);
        rc = x509_csr_verify(&csr, &key, &e);
        if (e.code != weak[i].want || (rc == 0) != (weak[i].want == ERR_NONE))
            fail_msg("%s: got %s", weak[i].label, err_text(&e));
    }
}

static void test_write_refuses(void **state)
{
    static const uint8_t empty_name[] = { 0x30, 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct san many[CSR_MAX_SANS + 1];
    struct slice name = slice_of(empty_name, sizeof empty_name);
    const struct san bad = { SAN_IP, { (const uint8_t *)"123", 3 } };

    (void)state;
    assert_int_equal(key_generate(&key, KEY_P256, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = (struct san){ SAN_DNS, slice_str("a") };
    assert_int_equal(x509_csr_write(&out, key, name, many, ARRAY_LEN(many), NULL), -1);
    assert_int_equal(x509_csr_write(&out, key, name, &bad, 1, NULL), -1);
    assert_int_equal(x509_csr_write(&out, key, slice_str("x"), NULL, 0, NULL), -1);
    assert_int_equal(out.len, 0);
    assert_int_equal(x509_csr_write(&out, key, name, NULL, 0, NULL), 0);
}

/* ---- cryptography's requests ---- */

// clang-format off
static const struct {
    const char *file;
    bool reads, verifies;
    const char *words; /* of the refusal */
} requests[] = {
    { "bad-version.pem",                    false, false, "version" },
    { "basic_constraints.pem",              true,  false, "SHA-1" },
    { "challenge-invalid.der",              true,  false, "not verify" },
    { "challenge-multi-valued.der",         true,  false, "not verify" },
    { "challenge-unstructured.pem",         true,  true,  NULL },
    { "challenge.pem",                      true,  true,  NULL },
    { "dsa_sha1.der",                       true,  false, "SHA-1" },
    { "dsa_sha1.pem",                       true,  false, "SHA-1" },
    { "ec_sha256.der",                      true,  true,  NULL },
    { "ec_sha256.pem",                      true,  true,  NULL },
    { "ec_sha256_old_header.pem",           true,  true,  NULL },
    { "freeipa-bad-critical.pem",           false, false, "critical" },
    { "invalid_signature.pem",              true,  false, "1024 bits" },
    { "long-form-attribute.pem",            false, false, "well-formed" },
    { "rsa_md4.der",                        true,  false, "unknown or weak" },
    { "rsa_md4.pem",                        true,  false, "unknown or weak" },
    { "rsa_sha1.der",                       true,  false, "SHA-1" },
    { "rsa_sha1.pem",                       true,  false, "SHA-1" },
    { "rsa_sha256.der",                     true,  true,  NULL },
    { "rsa_sha256.pem",                     true,  true,  NULL },
    { "san_rsa_sha1.der",                   true,  false, "SHA-1" },
    { "san_rsa_sha1.pem",                   true,  false, "SHA-1" },
    { "two_basic_constraints.pem",          false, false, "twice" },
    { "unsupported_extension.pem",          true,  false, "SHA-1" },
    { "unsupported_extension_critical.pem", true,  false, "SHA-1" },
    { "zero-element-attribute.pem",         false, false, "without a value" },
};
// clang-format on

static void test_requests(void **state)
{
    size_t seen = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        CLEANUP(buf_clear) struct buf file = { 0 }, der = { 0 };
        char name[128];
        struct x509_csr csr;
        struct err e = { 0 };
        bool reads, verifies = false;

        snprintf(name, sizeof name, "x509/cryptography/requests/%s", requests[i].file);
        if (!corpus_read(&file, name))
            continue;
        seen++;
        if (pem_or_der(&der, buf_slice(&file), "CERTIFICATE REQUEST", &e))
            fail_msg("%s: %s", requests[i].file, err_text(&e));
        reads = x509_csr_read(&csr, buf_slice(&der), &e) == 0;
        if (reads)
            verifies = x509_csr_verify(&csr, NULL, &e) == 0;
        if (reads != requests[i].reads || verifies != requests[i].verifies ||
            (requests[i].words && !strstr(e.msg, requests[i].words)))
            fail_msg("%s: reads %d, verifies %d: %s", requests[i].file, reads, verifies,
                     err_text(&e));
    }
    if (seen == 0)
        corpus_absent("x509/cryptography/requests");
    else
        printf("# cryptography: %zu requests\n", seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),          cmocka_unit_test(test_cut),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_write),
        cmocka_unit_test(test_changed_bits),  cmocka_unit_test(test_weak),
        cmocka_unit_test(test_write_refuses), cmocka_unit_test(test_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
