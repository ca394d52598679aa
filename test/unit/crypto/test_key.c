#include "asm.h"
#include "crypto/init.h"
#include "crypto/key.h"
#include "crypto/key_openssl.h"
#include "crypto/pem.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>

/* The generator of P-256 is the public key of the private key 1 (SEC 2, 2.4.2). */
#define GX "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define GY "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define ONE "00000000000000000000000000000000 00000000000000000000000000000001"
#define ORDER "ffffffff00000000ffffffffffffffff bce6faada7179e84f3b9cac2fc632551"
#define ORDER_LESS_1 "ffffffff00000000ffffffffffffffff bce6faada7179e84f3b9cac2fc632550"
#define ID_EC "06072a8648ce3d0201"
#define P256 "06082a8648ce3d030107"
#define K256 "06052b8104000a"
#define ID_ED25519 "06032b6570"
#define ID_RSA "06092a864886f70d010101"
/* RFC 8410 section 10.3 */
#define ED_SEED "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842"
#define ED_POINT "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"

DEFINE_FREEP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_FREEP(BIO *, BIO_free_all)

static struct slice nothing(void)
{
    return slice_of(NULL, 0);
}

static void test_types(void **state)
{
    static const char *const names[] = { "p256",    "p384", "ed25519", "rsa2048", "rsa3072",
                                         "rsa4096", "p521", "rsa",     "other" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct err e = { 0 };
        enum key_type type;
        int rc = key_type_parse(&type, slice_str(names[i]), &e);

        assert_string_equal(key_type_name((enum key_type)i), names[i]);
        assert_int_equal(key_type_is_rsa((enum key_type)i), strncmp(names[i], "rsa", 3) == 0);
        assert_int_equal(rc, i < KEY_MADE_BY_US ? 0 : -1);
        if (rc == 0)
            assert_int_equal(type, i);
        else
            assert_int_equal(e.code, ERR_INVALID);
    }
    assert_int_equal(key_type_parse(&(enum key_type){ 0 }, slice_str("P256"), NULL), -1);
    assert_int_equal(key_type_parse(&(enum key_type){ 0 }, slice_str(""), NULL), -1);
}

/* What OpenSSL itself makes of our PEM, and we of OpenSSL's PKCS#8. */
static void check_against_openssl(const struct key *key, struct buf *pem)
{
    CLEANUP(BIO_free_allp) BIO *in = BIO_new_mem_buf(pem->ptr, (int)pem->len);
    CLEANUP(BIO_free_allp) BIO *out = BIO_new(BIO_s_mem());
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *theirs = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *ours = NULL;
    CLEANUP(key_freep) struct key *again = NULL;
    char *text;
    long len;

    assert_non_null(theirs);
    assert_int_equal(key_openssl(&ours, key, NULL), 0);
    assert_int_equal(EVP_PKEY_eq(theirs, ours), 1);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, theirs, NULL, NULL, 0, NULL, NULL), 1);
    len = BIO_get_mem_data(out, &text);
    assert_int_equal(key_read_private(&again, slice_of(text, (size_t)len), NULL), 0);
    assert_true(key_same_public(again, key));
}

static void check_signature(const struct key *private, const struct key *public)
{
    CLEANUP(buf_clear) struct buf sig = { 0 };
    struct slice message = slice_str("message");
    struct err e = { 0 };
    enum sig_alg alg = key_sig_alg(private);

    assert_int_equal(key_sign(private, message, &sig, &e), 0);
    assert_int_equal(key_verify(public, alg, nothing(), message, buf_slice(&sig), &e), 0);
    assert_int_equal(key_verify(public, alg, nothing(), slice_str("massage"), buf_slice(&sig), &e),
                     -1);
    assert_int_equal(e.code, ERR_INVALID);
    for (size_t i = 0; i < sig.len; i += 7) {
        sig.ptr[i] ^= 0x20;
        assert_int_equal(key_verify(public, alg, nothing(), message, buf_slice(&sig), NULL), -1);
        sig.ptr[i] ^= 0x20;
    }
    for (size_t len = 0; len < sig.len; len += 5)
        assert_int_equal(key_verify(public, alg, nothing(), message, slice_of(sig.ptr, len), NULL),
                         -1);
    buf_add_byte(&sig, 0);
    assert_int_equal(key_verify(public, alg, nothing(), message, buf_slice(&sig), NULL), -1);
    assert_int_equal(ERR_peek_error(), 0); /* TLS needs an empty queue */
}

static void test_each_type(void **state)
{
    static const struct {
        enum key_type type;
        int bits;
        enum sig_alg alg;
        const char *label;
    } rows[] = {
        { KEY_P256, 256, SIG_ECDSA_SHA256, "-----BEGIN EC PRIVATE KEY-----\n" },
        { KEY_P384, 384, SIG_ECDSA_SHA384, "-----BEGIN EC PRIVATE KEY-----\n" },
        { KEY_ED25519, 256, SIG_ED25519, "-----BEGIN PRIVATE KEY-----\n" },
        { KEY_RSA2048, 2048, SIG_RSA_SHA256, "-----BEGIN RSA PRIVATE KEY-----\n" },
        { KEY_RSA3072, 3072, SIG_RSA_SHA256, "-----BEGIN RSA PRIVATE KEY-----\n" },
        { KEY_RSA4096, 4096, SIG_RSA_SHA256, "-----BEGIN RSA PRIVATE KEY-----\n" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(key_freep) struct key *key = NULL;
        CLEANUP(key_freep) struct key *from_pem = NULL;
        CLEANUP(key_freep) struct key *from_der = NULL;
        CLEANUP(key_freep) struct key *public = NULL;
        CLEANUP(buf_clear) struct buf pem = { 0 };
        CLEANUP(secret_clear) struct secret der = { 0 };
        struct err e = { 0 };

        if (key_generate(&key, rows[i].type, &e))
            fail_msg("%s: %s", key_type_name(rows[i].type), err_text(&e));
        assert_int_equal(key_type(key), rows[i].type);
        assert_int_equal(key_bits(key), rows[i].bits);
        assert_int_equal(key_sig_alg(key), rows[i].alg);
        assert_true(key_is_private(key));
        assert_int_equal(key_write_private_pem(key, &pem, &e), 0);
        assert_true(slice_starts(buf_slice(&pem), rows[i].label));
        assert_int_equal(key_read_private(&from_pem, buf_slice(&pem), &e), 0);
        assert_int_equal(key_write_private_der(key, &der, &e), 0);
        assert_int_equal(key_read_private(&from_der, secret_slice(&der), &e), 0);
        assert_int_equal(key_read_public(&public, key_spki(key), &e), 0);
        assert_int_equal(key_type(public), rows[i].type);
        assert_int_equal(key_bits(public), rows[i].bits);
        assert_false(key_is_private(public));
        assert_true(key_same_public(from_pem, public) && key_same_public(from_der, public));
        check_against_openssl(key, &pem);
        check_signature(from_der, public);
        check_signature(from_pem, from_pem);
    }
}

static void test_not_made_here(void **state)
{
    struct key *key = NULL;
    struct err e = { 0 };

    (void)state;
    for (int type = KEY_MADE_BY_US; type <= KEY_OTHER; type++) {
        assert_int_equal(key_generate(&key, (enum key_type)type, &e), -1);
        assert_int_equal(e.code, ERR_INVALID);
        assert_null(key);
    }
}

static void test_public_only(void **state)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(key_freep) struct key *public = NULL;
    CLEANUP(buf_clear) struct buf out = { 0 };
    CLEANUP(secret_clear) struct secret der = { 0 };

    (void)state;
    assert_int_equal(key_generate(&key, KEY_P256, NULL), 0);
    assert_int_equal(key_read_public(&public, key_spki(key), NULL), 0);
    assert_int_equal(key_sign(public, slice_str("x"), &out, NULL), -1);
    assert_int_equal(key_write_private_pem(public, &out, NULL), -1);
    assert_int_equal(key_write_private_der(public, &der, NULL), -1);
    assert_int_equal(out.len, 0);
    assert_int_equal(key_write_public_pem(public, &out, NULL), 0);
    assert_true(slice_starts(buf_slice(&out), "-----BEGIN PUBLIC KEY-----\n"));
    key_free(NULL);
}

// clang-format off
#define SEC1(inside) "30( 020101 " inside " )"
#define PKCS8(alg, inside) "30( 020100 30(" alg ") 04(" inside ") )"
static const struct {
    const char *label, *der;
    bool good;
    const char *words; /* that the refusal must hold */
} private_keys[] = {
    { "SEC 1, whole",           SEC1("04(" ONE ") a0(" P256 ") a1(03(00 04" GX GY "))"), true, NULL },
    { "SEC 1, no public part",  SEC1("04(" ONE ") a0(" P256 ")"), true, NULL },
    { "SEC 1, compressed public part", SEC1("04(" ONE ") a0(" P256 ") a1(03(00 03" GX "))"), true, NULL },
    { "SEC 1, short number",    SEC1("04(01) a0(" P256 ")"), true, NULL },
    { "SEC 1, the largest number", SEC1("04(" ORDER_LESS_1 ") a0(" P256 ")"), true, NULL },
    { "SEC 1, no curve",        SEC1("04(" ONE ")"), false, "curve" },
    { "SEC 1, zero",            SEC1("04(" "00" ") a0(" P256 ")"), false, "not a number" },
    { "SEC 1, empty number",    SEC1("04() a0(" P256 ")"), false, "not a number" },
    { "SEC 1, the order",       SEC1("04(" ORDER ") a0(" P256 ")"), false, "not a number" },
    { "SEC 1, 33 bytes",        SEC1("04(00" ONE ") a0(" P256 ")"), false, "not a number" },
    { "SEC 1, another's public part", SEC1("04(02) a0(" P256 ") a1(03(00 04" GX GY "))"), false, "does not fit" },
    { "SEC 1, other compressed half", SEC1("04(" ONE ") a0(" P256 ") a1(03(00 02" GX "))"), false, "does not fit" },
    { "SEC 1, public part cut",  SEC1("04(" ONE ") a0(" P256 ") a1(03(00 04" GX "))"), false, "does not fit" },
    { "SEC 1, public part without bits", SEC1("04(" ONE ") a0(" P256 ") a1(04(00 04" GX GY "))"), false, "well-formed" },
    { "SEC 1, secp256k1",       SEC1("04(" ONE ") a0(" K256 ")"), false, "P-256" },
    { "SEC 1, explicit curve",  SEC1("04(" ONE ") a0( 30( 020101 ) )"), false, "explicit" },
    { "SEC 1, version 2",       "30( 020102 04(" ONE ") a0(" P256 ") )", false, "well-formed" },
    { "SEC 1, bytes at the end", SEC1("04(" ONE ") a0(" P256 ") 0500"), false, "well-formed" },
    { "bytes behind it",        SEC1("04(" ONE ") a0(" P256 ")") "00", false, "neither PEM nor whole DER" },
    { "cut",                    "30 22 020101 04 20 0001", false, "neither PEM nor whole DER" },

    { "PKCS#8, EC",             PKCS8(ID_EC P256, SEC1("04(" ONE ")")), true, NULL },
    { "PKCS#8, EC, curve twice", PKCS8(ID_EC P256, SEC1("04(" ONE ") a0(" P256 ")")), true, NULL },
    { "PKCS#8, two curves",     PKCS8(ID_EC P256, SEC1("04(" ONE ") a0(" K256 ")")), false, "two curves" },
    { "PKCS#8, EC without curve", PKCS8(ID_EC, SEC1("04(" ONE ") a0(" P256 ")")), false, "explicit" },
    { "PKCS#8, EC, explicit",   PKCS8(ID_EC "30( 020101 )", SEC1("04(" ONE ")")), false, "explicit" },
    { "PKCS#8, Ed25519",        PKCS8(ID_ED25519, "04(" ED_SEED ")"), true, NULL },
    { "PKCS#8, attributes and public key", "30( 020101 30(" ID_ED25519 ") 04(04(" ED_SEED "))"
      " a0( 301d 060a2a864886f70d01090914 310f0c0d437572646c6520436861697273 ) 81(00" ED_POINT ") )", true, NULL },
    { "PKCS#8, public key in version 0", "30( 020100 30(" ID_ED25519 ") 04(04(" ED_SEED ")) 81(00" ED_POINT ") )", false, "public part" },
    { "PKCS#8, another's public key", "30( 020101 30(" ID_ED25519 ") 04(04(" ED_SEED ")) 81(00" GX ") )", false, "does not fit" },
    { "PKCS#8, Ed25519 of 31 bytes", PKCS8(ID_ED25519, "041f 00 112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"), false, "32 bytes" },
    { "PKCS#8, Ed25519 without wrapping", PKCS8(ID_ED25519, ED_SEED), false, "32 bytes" },
    { "PKCS#8, Ed25519 with parameters", PKCS8(ID_ED25519 "0500", "04(" ED_SEED ")"), false, "neither RSA nor EC" },
    { "PKCS#8, X25519",         PKCS8("06032b656e", "04(" ED_SEED ")"), false, "neither RSA nor EC" },
    { "PKCS#8, version 2",      "30( 020102 30(" ID_ED25519 ") 04(04(" ED_SEED ")) )", false, "well-formed" },
    { "PKCS#8, RSA of nothing", PKCS8(ID_RSA "0500", "30( 020100 )"), false, "well-formed" },
    { "RSA with three primes",  "30( 020101 020103 020103 020103 020103 020103 020103 020103 020103 )", false, "two primes" },
    { "a tiny RSA key",         "30( 020100 020121 020103 020107 020103 02010b 020101 020107 020102 )", false, "bits" },
    { "an encrypted key",       "30( 30( 06092a864886f70d01050d 3000 ) 04(00112233) )", false, "encrypted" },
    { "a public key",           "30( 30( " ID_EC P256 " ) 03(00 04" GX GY ") )", false, "public key" },
    { "an empty sequence",      "3000", false, "unknown" },
    { "a number alone",         "30( 020100 )", false, "unknown" },
    { "a number and a string",  "30( 020100 0c('x') )", false, "unknown" },
};
// clang-format on

static void test_read_private(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(private_keys); i++) {
        CLEANUP(key_freep) struct key *key = NULL;
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct err e = { 0 };
        int rc;

        asm_add(&der, private_keys[i].der);
        rc = key_read_private(&key, buf_slice(&der), &e);
        if ((rc == 0) != private_keys[i].good || (rc && (e.code != ERR_INVALID || key)))
            fail_msg("%s: got %s", private_keys[i].label, err_text(&e));
        if (rc && !strstr(e.msg, private_keys[i].words))
            fail_msg("%s: the reason is '%s'", private_keys[i].label, e.msg);
    }
}

/* Files as people have them: what stands beside the key, and what is not one. */
static void test_read_private_pem(void **state)
{
#define KEY                                                                                        \
    "-----BEGIN EC PRIVATE KEY-----\nMBICAQEEAQGgCgYIKoZIzj0DAQc=\n-----END EC PRIVATE KEY-----\n"
#define OTHER(label) "-----BEGIN " label "-----\nMAA=\n-----END " label "-----\n"
    static const struct {
        const char *label, *text;
        bool good;
        const char *words;
    } rows[] = {
        { "a key", KEY, true, NULL },
        { "parameters before it", OTHER("EC PARAMETERS") KEY, true, NULL },
        { "a certificate before it, as kubelet has it", OTHER("CERTIFICATE") KEY, true, NULL },
        { "text around it", "Key:\n" KEY "end\n", true, NULL },
        { "nothing", "", false, "no private key" },
        { "a certificate alone", OTHER("CERTIFICATE"), false, "no private key" },
        { "two keys", KEY KEY, false, "more than one" },
        { "an encrypted key", OTHER("ENCRYPTED PRIVATE KEY"), false, "encrypted" },
        { "a public key", OTHER("PUBLIC KEY"), false, "'PUBLIC KEY'" },
        { "an OpenSSH key", OTHER("OPENSSH PRIVATE KEY"), false, "'OPENSSH PRIVATE KEY'" },
        { "an old encrypted key",
          "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END EC PRIVATE "
          "KEY-----\n",
          false, "encrypted" },
        { "a key and a broken block", KEY "-----BEGIN X-----\n", false, "no end" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(key_freep) struct key *key = NULL;
        struct err e = { 0 };
        int rc = key_read_private(&key, slice_str(rows[i].text), &e);

        if ((rc == 0) != rows[i].good || (rc && !strstr(e.msg, rows[i].words)))
            fail_msg("%s: got %s", rows[i].label, err_text(&e));
    }
}

/* Each number of an RSA key changed by one: all eight are looked at. */
static void test_rsa_numbers(void **state)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(pem_block_clear) struct pem_block block = { 0 };
    struct slice rest, in, body, number[9];

    (void)state;
    assert_int_equal(key_generate(&key, KEY_RSA2048, NULL), 0);
    assert_int_equal(key_write_private_pem(key, &pem, NULL), 0);
    rest = buf_slice(&pem);
    assert_int_equal(pem_next(&rest, &block, NULL), 1);
    in = buf_slice(&block.der);
    assert_true(der_take(&in, DER_SEQUENCE, &body));
    for (size_t i = 0; i < ARRAY_LEN(number); i++)
        assert_true(der_take_uint(&body, &number[i]));
    for (size_t changed = 1; changed <= ARRAY_LEN(number); changed++) {
        CLEANUP(key_freep) struct key *again = NULL;
        CLEANUP(buf_clear) struct buf der = { 0 }, other = { 0 };
        size_t mark = der_begin(&der, DER_SEQUENCE);
        struct err e = { 0 };
        int rc;

        for (size_t i = 0; i < ARRAY_LEN(number); i++) {
            buf_reset(&other);
            buf_add_slice(&other, number[i]);
            if (i == changed)
                other.ptr[other.len - 1] ^= 2;
            der_put_uint(&der, buf_slice(&other));
        }
        der_end(&der, mark);
        rc = key_read_private(&again, buf_slice(&der), &e);
        if ((rc == 0) != (changed == ARRAY_LEN(number))) /* the last round changes none */
            fail_msg("number %zu: got %s", changed, err_text(&e));
    }
}

static void test_rsa_sizes(void **state)
{
    static const struct {
        int bits;
        bool good;
    } rows[] = { { 512, false }, { 1016, false }, { 1024, true }, { 2047, true }, { 2056, true } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
        CLEANUP(key_freep) struct key *private = NULL;
        CLEANUP(key_freep) struct key *public = NULL;
        CLEANUP(buf_clear) struct buf der = { 0 }, spki = { 0 };
        uint8_t *at;

        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)rows[i].bits);
        assert_non_null(pkey);
        at = buf_room(&der, 4096);
        der.len = (size_t)i2d_PrivateKey(pkey, &at);
        at = buf_room(&spki, 4096);
        spki.len = (size_t)i2d_PUBKEY(pkey, &at);
        assert_int_equal(key_read_private(&private, buf_slice(&der), NULL), rows[i].good ? 0 : -1);
        assert_int_equal(key_read_public(&public, buf_slice(&spki), NULL), rows[i].good ? 0 : -1);
        if (!rows[i].good)
            continue;
        assert_int_equal(key_type(public), KEY_RSA_OTHER);
        assert_int_equal(key_bits(public), rows[i].bits);
        assert_int_equal(key_bits(private), rows[i].bits);
        assert_int_equal(key_is_strong(public), rows[i].bits >= 2048);
        check_signature(private, public);
    }
}

// clang-format off
#define SPKI(alg, bits) "30( 30(" alg ") 03( 00 " bits " ) )"
#define N1024 "00 ffffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffffff" \
    "ffffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffffff" \
    "ffffffffffffffffffffffffffffffff ffffffffffffffffffffffffffffff"
static const struct {
    const char *label, *der;
    enum key_type type; /* of a good one */
    bool good;
} public_keys[] = {
    { "P-256",                 SPKI(ID_EC P256, "04" GX GY), KEY_P256, true },
    { "Ed25519",               SPKI(ID_ED25519, ED_POINT), KEY_ED25519, true },
    { "RSA",                   SPKI(ID_RSA "0500", "30( 02(" N1024 "ff) 0203010001 )"), KEY_RSA_OTHER, true },
    { "secp256k1",             SPKI(ID_EC K256, "04" GX GY), KEY_OTHER, true },
    { "DSA",                   SPKI("06072a8648ce380401", "020105"), KEY_OTHER, true },
    { "X25519",                SPKI("06032b656e", ED_POINT), KEY_OTHER, true },
    { "RSA-PSS",               SPKI("06092a864886f70d01010a", "30( 02(" N1024 "ff) 0203010001 )"), KEY_OTHER, true },

    { "P-256, compressed",     SPKI(ID_EC P256, "03" GX), KEY_OTHER, false },
    { "P-256, hybrid",         SPKI(ID_EC P256, "07" GX GY), KEY_OTHER, false },
    { "P-256, the point at infinity", SPKI(ID_EC P256, "00"), KEY_OTHER, false },
    { "P-256, zeros",          SPKI(ID_EC P256, "04" ONE ONE), KEY_OTHER, false },
    { "P-256, not on the curve", SPKI(ID_EC P256, "04" GY GX), KEY_OTHER, false },
    { "P-256, x beyond the field", SPKI(ID_EC P256, "04" "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" GY), KEY_OTHER, false },
    { "P-256, one byte more",  SPKI(ID_EC P256, "04" GX GY "00"), KEY_OTHER, false },
    { "P-256, one byte less",  "30( 30(" ID_EC P256 ") 0341 00 04" GX "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51 )", KEY_OTHER, false },
    { "P-256, unused bits",    "30( 30(" ID_EC P256 ") 03( 01 04" GX GY " ) )", KEY_OTHER, false },
    { "P-256, bytes behind it", SPKI(ID_EC P256, "04" GX GY) "00", KEY_OTHER, false },
    { "P-256, a third element", "30( 30(" ID_EC P256 ") 03( 00 04" GX GY " ) 0500 )", KEY_OTHER, false },
    { "EC, explicit curve",    SPKI(ID_EC "30( 020101 )", "04" GX GY), KEY_OTHER, false },
    { "EC, implicit curve",    SPKI(ID_EC "0500", "04" GX GY), KEY_OTHER, false },
    { "EC, no curve",          SPKI(ID_EC, "04" GX GY), KEY_OTHER, false },
    { "Ed25519, 31 bytes",     "30( 30(" ID_ED25519 ") 0320 00 19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166 )", KEY_OTHER, false },
    { "RSA, no parameters",    SPKI(ID_RSA, "30( 02(" N1024 "ff) 0203010001 )"), KEY_OTHER, false },
    { "RSA, e = 1",            SPKI(ID_RSA "0500", "30( 02(" N1024 "ff) 020101 )"), KEY_OTHER, false },
    { "RSA, e even",           SPKI(ID_RSA "0500", "30( 02(" N1024 "ff) 020104 )"), KEY_OTHER, false },
    { "RSA, e = 0",            SPKI(ID_RSA "0500", "30( 02(" N1024 "ff) 020100 )"), KEY_OTHER, false },
    { "RSA, e negative",       SPKI(ID_RSA "0500", "30( 02(" N1024 "ff) 020183 )"), KEY_OTHER, false },
    { "RSA, e of nine bytes",  SPKI(ID_RSA "0500", "30( 02(" N1024 "ff) 0209010000000000000001 )"), KEY_OTHER, false },
    { "RSA, n even",           SPKI(ID_RSA "0500", "30( 02(" N1024 "fe) 0203010001 )"), KEY_OTHER, false },
    { "RSA, n negative",       SPKI(ID_RSA "0500", "30( 020183 0203010001 )"), KEY_OTHER, false },
    { "RSA, n of three",       SPKI(ID_RSA "0500", "30( 020103 0203010001 )"), KEY_OTHER, false },
    { "RSA, three numbers",    SPKI(ID_RSA "0500", "30( 02(" N1024 "ff) 0203010001 020103 )"), KEY_OTHER, false },
    { "nothing",               "", KEY_OTHER, false },
    { "no key",                "30( 30(" ID_EC P256 ") )", KEY_OTHER, false },
    { "no algorithm",          "30( 03( 00 04" GX GY " ) )", KEY_OTHER, false },
};
// clang-format on

static void test_read_public(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(public_keys); i++) {
        CLEANUP(key_freep) struct key *key = NULL;
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct err e = { 0 };
        int rc;

        asm_add(&der, public_keys[i].der);
        rc = key_read_public(&key, buf_slice(&der), &e);
        if ((rc == 0) != public_keys[i].good || (rc && (e.code != ERR_INVALID || key)))
            fail_msg("%s: got %s", public_keys[i].label, err_text(&e));
        if (rc == 0 && key_type(key) != public_keys[i].type)
            fail_msg("%s: type %s", public_keys[i].label, key_type_name(key_type(key)));
        if (rc == 0)
            assert_true(slice_eq(key_spki(key), buf_slice(&der)));
    }
    assert_int_equal(ERR_peek_error(), 0);
}

/* An algorithm that does not fit the key, or that we refuse, before any signature is looked at. */
static void test_algorithm_fits(void **state)
{
    static const enum key_type types[] = { KEY_P256, KEY_P384, KEY_ED25519, KEY_RSA2048 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(key_freep) struct key *key = NULL;
        CLEANUP(buf_clear) struct buf sig = { 0 };

        assert_int_equal(key_generate(&key, types[i], NULL), 0);
        assert_int_equal(key_sign(key, slice_str("m"), &sig, NULL), 0);
        for (int alg = 0; alg <= SIG_OTHER; alg++) {
            struct err e = { 0 };
            int rc =
                key_verify(key, (enum sig_alg)alg, nothing(), slice_str("m"), buf_slice(&sig), &e);

            if ((rc == 0) != (alg == (int)key_sig_alg(key)))
                fail_msg("%s with %s: %s", key_type_name(types[i]), sig_alg_name((enum sig_alg)alg),
                         err_text(&e));
        }
    }
}

/* The thread's one slot for P-256 points: keys in turn, and a bad point in between. */
static void *take_turns(void *arg)
{
    struct key *key[3] = { NULL };
    struct buf sig[3] = { { 0 } };
    CLEANUP(buf_clear) struct buf bad = { 0 };
    struct key *none = NULL;
    bool *good = arg;

    *good = true;
    asm_add(&bad, SPKI(ID_EC P256, "04" GY GX));
    for (size_t i = 0; i < 3; i++) {
        CLEANUP(key_freep) struct key *private = NULL;

        *good = *good && !key_generate(&private, KEY_P256, NULL) &&
                !key_sign(private, slice_str("m"), &sig[i], NULL) &&
                !key_read_public(&key[i], key_spki(private), NULL);
    }
    for (size_t round = 0; *good && round < 30; round++) {
        size_t a = round % 3, b = round / 3 % 3;
        int rc;

        if (round % 4 == 0 && key_read_public(&none, buf_slice(&bad), NULL) != -1)
            *good = false;
        rc = key_verify(key[a], SIG_ECDSA_SHA256, nothing(), slice_str("m"), buf_slice(&sig[b]),
                        NULL);
        *good = *good && (rc == 0) == (a == b);
    }
    for (size_t i = 0; i < 3; i++) {
        key_free(key[i]);
        buf_clear(&sig[i]);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    bool good[ARRAY_LEN(threads)];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_turns, &good[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(good[i]);
    }
    take_turns(&good[0]);
    assert_true(good[0]);
}

/* RFC 5280 4.2.1.2 method 1: over the bits alone. */
static void test_key_id(void **state)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(buf_clear) struct buf der = { 0 }, point = { 0 };
    uint8_t got[20], want[20];

    (void)state;
    asm_add(&der, SPKI(ID_EC P256, "04" GX GY));
    asm_add(&point, "04" GX GY);
    assert_int_equal(key_read_public(&key, buf_slice(&der), NULL), 0);
    key_id_sha1(key, got);
    assert_int_equal(EVP_Digest(point.ptr, point.len, want, NULL, crypto_sha1(), NULL), 1);
    assert_memory_equal(got, want, 20);
}

/* For TLS and CMS: also of a public P-256 key, which has none until then; none of a foreign one. */
static void test_openssl(void **state)
{
    CLEANUP(key_freep) struct key *public = NULL;
    CLEANUP(key_freep) struct key *other = NULL;
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    CLEANUP(buf_clear) struct buf der = { 0 }, odd = { 0 };
    uint8_t *back = NULL;

    (void)state;
    asm_add(&der, SPKI(ID_EC P256, "04" GX GY));
    asm_add(&odd, SPKI(ID_EC K256, "04" GX GY));
    assert_int_equal(key_read_public(&public, buf_slice(&der), NULL), 0);
    assert_int_equal(key_openssl(&pkey, public, NULL), 0);
    assert_int_equal(i2d_PUBKEY(pkey, &back), der.len);
    assert_memory_equal(back, der.ptr, der.len);
    OPENSSL_free(back);
    assert_int_equal(key_read_public(&other, buf_slice(&odd), NULL), 0);
    EVP_PKEY_free(pkey);
    pkey = NULL;
    assert_int_equal(key_openssl(&pkey, other, NULL), -1);
    assert_null(pkey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),         cmocka_unit_test(test_each_type),
        cmocka_unit_test(test_not_made_here), cmocka_unit_test(test_public_only),
        cmocka_unit_test(test_read_private),  cmocka_unit_test(test_read_private_pem),
        cmocka_unit_test(test_rsa_numbers),   cmocka_unit_test(test_rsa_sizes),
        cmocka_unit_test(test_read_public),   cmocka_unit_test(test_algorithm_fits),
        cmocka_unit_test(test_threads),       cmocka_unit_test(test_key_id),
        cmocka_unit_test(test_openssl),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
