#include "asm.h"
#include "crypto/x509.h"

/* A certificate in parts; a row of a table replaces one of them. */
enum part {
    VERSION,
    SERIAL,
    ALG,
    ISSUER,
    VALIDITY,
    SUBJECT,
    SPKI,
    IDS,
    EXTS,
    AFTER,
    OUTER_ALG,
    SIG,
    TAIL,
    PARTS
};

#define ALG_ECDSA "30( 06082a8648ce3d040302 )"
#define ALG_RSA "30( 06092a864886f70d01010b 0500 )"
#define NAME(cn) "30( 31(30( 0603550403 0c(" cn "))) )"
#define POINT                                                                                      \
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"                           \
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define KEY "30( 30( 06072a8648ce3d0201 06082a8648ce3d030107 ) 03( 00" POINT ") )"
#define EXT(id, critical, value) "30( 0603551d" id critical " 04( " value " ) )"
#define CRITICAL " 0101ff "
#define BASIC(inside) EXT("13", CRITICAL, "30( " inside " )")
#define KU(bits) EXT("0f", CRITICAL, "03(" bits ")")
#define EKU(oids) EXT("25", "", "30( " oids " )")
#define SERVER "06082b06010505070301"
#define SAN(names) EXT("11", "", "30( " names " )")
#define DNS(name) "82('" name "')"
#define EXTENSIONS(list) "a3( 30( " list " ) )"

// clang-format off
static const char *const good[PARTS] = {
    [VERSION] = "a0( 020102 )", [SERIAL] = "02( 11 )", [ALG] = ALG_ECDSA, [ISSUER] = NAME("'ca'"),
    [VALIDITY] = "30( 17('260101000000Z') 17('270101000000Z') )", [SUBJECT] = NAME("'leaf'"), [SPKI] = KEY,
    [IDS] = "", [EXTS] = EXTENSIONS(BASIC("") SAN(DNS("a.example"))), [AFTER] = "", [OUTER_ALG] = ALG_ECDSA,
    [SIG] = "03( 00 3006 020101 020101 )", [TAIL] = "",
};

#define TWENTY "1111111111111111111111111111111111111111"
static const struct {
    const char *label;
    enum part part;
    const char *text;
    enum err_code want;
} rows[] = {
    { "as it is",                       TAIL, "", ERR_NONE },
    { "version 1 written",              VERSION, "a0( 020100 )", ERR_INVALID },
    { "version 4",                      VERSION, "a0( 020103 )", ERR_INVALID },
    { "version 1 with extensions",      VERSION, "", ERR_INVALID },
    { "version 2 with extensions",      VERSION, "a0( 020101 )", ERR_INVALID },
    { "version with more inside",       VERSION, "a0( 020102 0500 )", ERR_INVALID },
    { "version as a string",            VERSION, "a0( 0c('3') )", ERR_INVALID },
    { "serial of 20 bytes",             SERIAL, "02(" TWENTY ")", ERR_NONE },
    { "serial of 20 bytes and a sign byte", SERIAL, "02( 00 81" "11111111111111111111111111111111111111 )", ERR_NONE },
    { "serial of 21 bytes",             SERIAL, "02(" TWENTY "11 )", ERR_INVALID },
    { "serial zero",                    SERIAL, "020100", ERR_INVALID },
    { "serial negative",                SERIAL, "0201ff", ERR_INVALID },
    { "serial empty",                   SERIAL, "0200", ERR_INVALID },
    { "serial with a zero too many",    SERIAL, "020200 11", ERR_INVALID },
    { "serial as bytes",                SERIAL, "0401 11", ERR_INVALID },
    { "inner algorithm another",        ALG, ALG_RSA, ERR_INVALID },
    { "inner algorithm with NULL",      ALG, "30( 06082a8648ce3d040302 0500 )", ERR_INVALID },
    { "inner algorithm empty",          ALG, "3000", ERR_INVALID },
    { "issuer broken",                  ISSUER, "30( 3100 )", ERR_INVALID },
    { "issuer with an empty value",     ISSUER, NAME(""), ERR_INVALID },
    { "issuer as a set",                ISSUER, "3100", ERR_INVALID },
    { "issuer empty",                   ISSUER, "3000", ERR_NONE },
    { "subject empty",                  SUBJECT, "3000", ERR_NONE },
    { "subject that is no UTF-8",       SUBJECT, NAME("ff"), ERR_INVALID },
    { "subject missing",                SUBJECT, "", ERR_INVALID },
    { "GeneralizedTime before 2050",    VALIDITY, "30( 18('20260101000000Z') 18('20270101000000Z') )", ERR_NONE },
    { "until 9999",                     VALIDITY, "30( 17('260101000000Z') 18('99991231235959Z') )", ERR_NONE },
    { "three times",                    VALIDITY, "30( 17('260101000000Z') 17('270101000000Z') 0500 )", ERR_INVALID },
    { "one time",                       VALIDITY, "30( 17('260101000000Z') )", ERR_INVALID },
    { "a time without seconds",         VALIDITY, "30( 17('2601010000Z') 17('270101000000Z') )", ERR_INVALID },
    { "a time with a fraction",         VALIDITY, "30( 17('260101000000Z') 18('20270101000000.5Z') )", ERR_INVALID },
    { "a time that does not exist",     VALIDITY, "30( 17('260101000000Z') 17('270229000000Z') )", ERR_INVALID },
    { "key without bits",               SPKI, "30( 30( 06072a8648ce3d0201 ) )", ERR_INVALID },
    { "key with unused bits",           SPKI, "30( 30( 06072a8648ce3d0201 ) 03( 01 02 ) )", ERR_INVALID },
    { "key with two parameters", SPKI, "30( 30( 06032b6571 0500 0500 ) 03( 00 02 ) )", ERR_INVALID },
    { "key with a padded OID", SPKI, "30( 30( 06042b806571 ) 03( 00 02 ) )", ERR_INVALID },
    { "key missing",                    SPKI, "", ERR_INVALID },
    { "key of an unknown kind",         SPKI, "30( 30( 06032b6571 ) 03( 00 11 ) )", ERR_NONE },
    { "unique identifiers",             IDS, "81( 00 11 ) 82( 00 22 )", ERR_NONE },
    { "a unique identifier that is no bits", IDS, "81( 08 11 )", ERR_INVALID },
    { "an empty unique identifier", IDS, "8200", ERR_INVALID },
    { "unique identifiers the wrong way round", IDS, "82( 00 11 ) 81( 00 22 )", ERR_INVALID },
    { "bytes behind the extensions",    AFTER, "0500", ERR_INVALID },
    { "outer algorithm another",        OUTER_ALG, ALG_RSA, ERR_INVALID },
    { "outer algorithm missing",        OUTER_ALG, "", ERR_INVALID },
    { "signature with unused bits",     SIG, "03( 01 02 )", ERR_INVALID },
    { "signature empty",                SIG, "03( 00 )", ERR_INVALID },
    { "signature as bytes",             SIG, "04( 00 11 )", ERR_INVALID },
    { "a fourth element",               TAIL, "0500", ERR_INVALID },

    { "extensions empty",               EXTS, EXTENSIONS(""), ERR_INVALID },
    { "extensions twice",               EXTS, EXTENSIONS(BASIC("")) EXTENSIONS(BASIC("")), ERR_INVALID },
    { "two lists of extensions",        EXTS, "a3( 30( " BASIC("") " ) 30( " BASIC("") " ) )", ERR_INVALID },
    { "the same extension twice",       EXTS, EXTENSIONS(BASIC("") BASIC("")), ERR_INVALID },
    { "an unknown one twice",           EXTS, EXTENSIONS(EXT("63", "", "0500") EXT("63", "", "0500")), ERR_INVALID },
    { "an extension without value",     EXTS, EXTENSIONS("30( 0603551d13 0101ff )"), ERR_INVALID },
    { "an extension without type",      EXTS, EXTENSIONS("30( 0600 04( 3000 ) )"), ERR_INVALID },
    { "an extension with more",         EXTS, EXTENSIONS("30( 0603551d13 04( 3000 ) 0500 )"), ERR_INVALID },
    { "critical FALSE written",         EXTS, EXTENSIONS("30( 0603551d13 010100 04( 3000 ) )"), ERR_INVALID },
    { "critical 1",                     EXTS, EXTENSIONS("30( 0603551d13 010101 04( 3000 ) )"), ERR_INVALID },
    { "an unknown critical one",        EXTS, EXTENSIONS(EXT("63", CRITICAL, "0500")), ERR_NONE },
    { "basicConstraints of a CA",       EXTS, EXTENSIONS(BASIC("0101ff 020100")), ERR_NONE },
    { "cA FALSE written",               EXTS, EXTENSIONS(BASIC("010100")), ERR_NONE },
    { "path length without CA",         EXTS, EXTENSIONS(BASIC("020100")), ERR_INVALID },
    { "path length negative",           EXTS, EXTENSIONS(BASIC("0101ff 0201ff")), ERR_INVALID },
    { "path length 256",                EXTS, EXTENSIONS(BASIC("0101ff 02020100")), ERR_INVALID },
    { "basicConstraints with more",     EXTS, EXTENSIONS(BASIC("0101ff 020100 0500")), ERR_INVALID },
    { "basicConstraints with bytes behind", EXTS, EXTENSIONS(EXT("13", "", "3000 00")), ERR_INVALID },
    { "keyUsage",                       EXTS, EXTENSIONS(KU("05a0")), ERR_NONE },
    { "keyUsage decipherOnly",          EXTS, EXTENSIONS(KU("070080")), ERR_NONE },
    { "keyUsage without a bit",         EXTS, EXTENSIONS(KU("00")), ERR_INVALID },
    { "keyUsage all zero",              EXTS, EXTENSIONS(KU("0700")), ERR_INVALID },
    { "keyUsage with zero bits behind", EXTS, EXTENSIONS(KU("04a0")), ERR_INVALID },
    { "keyUsage of three bytes",        EXTS, EXTENSIONS(KU("00000001")), ERR_INVALID },
    { "keyUsage with a tenth bit",      EXTS, EXTENSIONS(KU("060040")), ERR_INVALID },
    { "extendedKeyUsage",               EXTS, EXTENSIONS(EKU(SERVER "0604551d2500")), ERR_NONE },
    { "extendedKeyUsage empty",         EXTS, EXTENSIONS(EKU("")), ERR_INVALID },
    { "extendedKeyUsage not of OIDs",   EXTS, EXTENSIONS(EKU("020101")), ERR_INVALID },
    { "extendedKeyUsage with bytes behind", EXTS, EXTENSIONS(EXT("25", "", "30(" SERVER ") 00")), ERR_INVALID },
    { "subjectKeyIdentifier",           EXTS, EXTENSIONS(EXT("0e", "", "04( 1122 )")), ERR_NONE },
    { "subjectKeyIdentifier empty",     EXTS, EXTENSIONS(EXT("0e", "", "0400")), ERR_INVALID },
    { "subjectKeyIdentifier not wrapped", EXTS, EXTENSIONS(EXT("0e", "", "1122")), ERR_INVALID },
    { "authorityKeyIdentifier",         EXTS, EXTENSIONS(EXT("23", "", "30( 80( 1122 ) )")), ERR_NONE },
    { "authorityKeyIdentifier of nothing", EXTS, EXTENSIONS(EXT("23", "", "3000")), ERR_NONE },
    { "authorityKeyIdentifier whole",   EXTS, EXTENSIONS(EXT("23", "", "30( 80( 1122 ) a1( 82('x') ) 82( 05 ) )")), ERR_NONE },
    { "authorityKeyIdentifier with issuer alone", EXTS, EXTENSIONS(EXT("23", "", "30( a1( 82('x') ) )")), ERR_INVALID },
    { "authorityKeyIdentifier empty",   EXTS, EXTENSIONS(EXT("23", "", "30( 8000 )")), ERR_INVALID },
    { "nameConstraints",                EXTS, EXTENSIONS(EXT("1e", CRITICAL, "30( a0( 30( 82('x') ) ) )")), ERR_NONE },
    { "nameConstraints empty",          EXTS, EXTENSIONS(EXT("1e", CRITICAL, "3000")), ERR_INVALID },

    { "SANs of each kind",              EXTS, EXTENSIONS(SAN(DNS("a") "87( 7f000001 ) 86('poterne://x/y') 81('a@b')"
      "87( 00000000000000000000000000000001 ) a0( 06022a03 a0( 0c('x') ) ) a4( 3000 ) 8802 2a03")), ERR_NONE },
    { "SANs empty",                     EXTS, EXTENSIONS(SAN("")), ERR_INVALID },
    { "SANs with bytes behind",         EXTS, EXTENSIONS(EXT("11", "", "30( 82('a') ) 00")), ERR_INVALID },
    { "an empty name",                  EXTS, EXTENSIONS(SAN("8200")), ERR_INVALID },
    { "a name of spaces",               EXTS, EXTENSIONS(SAN("82(' ')")), ERR_INVALID },
    { "a name with NUL",                EXTS, EXTENSIONS(SAN("82('a' 00 '.evil')")), ERR_INVALID },
    { "a name with a line end",         EXTS, EXTENSIONS(SAN("82('a' 0a)")), ERR_INVALID },
    { "a name beyond ASCII",            EXTS, EXTENSIONS(SAN("82('a' c3a9)")), ERR_INVALID },
    { "a URI with a space",             EXTS, EXTENSIONS(SAN("86('a b')")), ERR_INVALID },
    { "an empty URI",                   EXTS, EXTENSIONS(SAN("8600")), ERR_INVALID },
    { "an empty e-mail address",        EXTS, EXTENSIONS(SAN("8100")), ERR_INVALID },
    { "an address of 5 bytes",          EXTS, EXTENSIONS(SAN("87( 7f00000101 )")), ERR_INVALID },
    { "an address with a mask",         EXTS, EXTENSIONS(SAN("87( 0a000000ff000000 )")), ERR_INVALID },
    { "an empty address",               EXTS, EXTENSIONS(SAN("8700")), ERR_INVALID },
    { "an unknown kind of name",        EXTS, EXTENSIONS(SAN("89('x')")), ERR_INVALID },
    { "a name of the wrong form",       EXTS, EXTENSIONS(SAN("a2( 82('x') )")), ERR_INVALID },
    { "a name cut",                     EXTS, EXTENSIONS(SAN("8205 61")), ERR_INVALID },
};
// clang-format on

static void put_tbs(struct buf *out, const char *const part[PARTS])
{
    size_t tbs = der_begin(out, DER_SEQUENCE);

    for (int i = VERSION; i <= AFTER; i++)
        asm_add(out, part[i]);
    der_end(out, tbs);
}

static void put_cert(struct buf *out, const char *const part[PARTS])
{
    size_t cert = der_begin(out, DER_SEQUENCE);

    put_tbs(out, part);
    for (int i = OUTER_ALG; i <= TAIL; i++)
        asm_add(out, part[i]);
    der_end(out, cert);
}

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_clear) struct buf der = { 0 }, tbs = { 0 };
        struct x509_cert cert = { 0 }, alone = { 0 };
        const char *part[PARTS];
        struct err e = { 0 };
        int rc;

        memcpy(part, good, sizeof part);
        part[rows[i].part] = rows[i].text;
        put_cert(&der, part);
        put_tbs(&tbs, part);
        rc = x509_cert_read(&cert, buf_slice(&der), &e);
        if ((rc == 0) != (rows[i].want == ERR_NONE) || e.code != rows[i].want)
            fail_msg("%s: got %s", rows[i].label, err_text(&e));
        if (rc && cert.der.ptr)
            fail_msg("%s: refused, and the output was touched", rows[i].label);
        /* What is to be signed, alone: the same verdict but for what stands outside of it. */
        rc = x509_tbs_read(&alone, buf_slice(&tbs), &e);
        if ((rc == 0) != (rows[i].want == ERR_NONE) && rows[i].part < AFTER && rows[i].part != ALG)
            fail_msg("%s: alone: got %s", rows[i].label, err_text(&e));
    }
}

static bool reads(struct slice der)
{
    struct x509_cert cert;

    return x509_cert_read(&cert, der, NULL) == 0;
}

static void test_cut(void **state)
{
    CLEANUP(buf_clear) struct buf der = { 0 };

    (void)state;
    put_cert(&der, good);
    asm_check_cuts(buf_slice(&der), reads);
}

static void test_fields(void **state)
{
    CLEANUP(buf_clear) struct buf der = { 0 }, text = { 0 };
    const char *part[PARTS];
    struct x509_cert cert;
    struct san_iter it;
    struct san san;

    (void)state;
    memcpy(part, good, sizeof part);
    part[SERIAL] = "02( 00 8a0b )";
    part[EXTS] =
        EXTENSIONS(BASIC("0101ff 020103") KU("070680") EKU(SERVER "06082b06010505070302 06022a03")
                       EXT("0e", "", "04( 1122 )") EXT("23", "", "30( 80( 3344 ) )")
                           EXT("11", CRITICAL, "30( 82('a.example') 87( 0a000001 ) )")
                               EXT("63", CRITICAL, "0500") EXT("64", "", "0500"));
    put_cert(&der, part);
    assert_int_equal(x509_cert_read(&cert, buf_slice(&der), NULL), 0);
    assert_int_equal(cert.version, 3);
    x509_serial_hex(&text, cert.serial);
    assert_string_equal(buf_str(&text), "8a0b");
    assert_int_equal(cert.sig_alg, SIG_ECDSA_SHA256);
    assert_int_equal(cert.not_before, INT64_C(1767225600));
    assert_int_equal(cert.not_after, INT64_C(1798761600));
    assert_true(cert.ext.has_basic && cert.ext.basic_critical && cert.ext.ca);
    assert_int_equal(cert.ext.path_len, 3);
    assert_int_equal(cert.ext.ku, KU_CERT_SIGN | KU_CRL_SIGN | KU_DECIPHER_ONLY);
    assert_true(cert.ext.ku_critical && !cert.ext.eku_critical && cert.ext.san_critical);
    assert_int_equal(cert.ext.eku, EKU_SERVER | EKU_CLIENT | EKU_OTHER);
    assert_true(slice_eq(cert.ext.skid, slice_of("\x11\x22", 2)));
    assert_true(slice_eq(cert.ext.akid, slice_of("\x33\x44", 2)));
    assert_true(slice_eq(cert.ext.unknown_critical, slice_of("\x55\x1d\x63", 3)));
    assert_int_equal(cert.ext.unknown, 2);
    assert_int_equal(cert.ext.san_count, 2);
    it = san_iter(&cert.ext);
    assert_true(san_next(&it, &san) && san.type == SAN_DNS && slice_eq_str(san.value, "a.example"));
    assert_true(san_next(&it, &san) && san.type == SAN_IP && san.value.len == 4);
    assert_false(san_next(&it, &san));
    assert_true(cert.tbs.ptr == cert.der.ptr + 4 && cert.tbs.ptr[0] == DER_SEQUENCE);
}

/* Absent is not the same as zero. */
static void test_no_extensions(void **state)
{
    CLEANUP(buf_clear) struct buf der = { 0 };
    const char *part[PARTS];
    struct x509_cert cert;

    (void)state;
    memcpy(part, good, sizeof part);
    part[VERSION] = part[EXTS] = "";
    put_cert(&der, part);
    assert_int_equal(x509_cert_read(&cert, buf_slice(&der), NULL), 0);
    assert_int_equal(cert.version, 1);
    assert_false(cert.ext.has_basic || cert.ext.has_ku || cert.ext.has_eku || cert.ext.has_san);
    assert_int_equal(cert.ext.path_len, -1);
    part[IDS] = "81( 00 11 )";
    buf_reset(&der);
    put_cert(&der, part);
    assert_int_equal(x509_cert_read(&cert, buf_slice(&der), NULL), -1);
}

static enum err_code read_with_sans(size_t count, const char *tail)
{
    CLEANUP(buf_clear) struct buf der = { 0 };
    size_t cert = der_begin(&der, DER_SEQUENCE), tbs = der_begin(&der, DER_SEQUENCE), mark[5];
    struct x509_cert ret;
    struct err e = { 0 };
    int rc;

    for (int i = VERSION; i <= IDS; i++)
        asm_add(&der, good[i]);
    mark[0] = der_begin(&der, DER_CONTEXT_CONSTRUCTED(3));
    mark[1] = der_begin(&der, DER_SEQUENCE);
    mark[2] = der_begin(&der, DER_SEQUENCE);
    asm_add(&der, "0603551d11");
    mark[3] = der_begin(&der, DER_OCTET_STRING);
    mark[4] = der_begin(&der, DER_SEQUENCE);
    for (size_t i = 0; i < count; i++)
        der_put(&der, DER_CONTEXT(2), slice_str("n"));
    for (int i = 4; i >= 2; i--)
        der_end(&der, mark[i]);
    asm_add(&der, tail);
    der_end(&der, mark[1]);
    der_end(&der, mark[0]);
    der_end(&der, tbs);
    asm_add(&der, good[OUTER_ALG]);
    asm_add(&der, good[SIG]);
    der_end(&der, cert);
    rc = x509_cert_read(&ret, buf_slice(&der), &e);
    assert_int_equal(rc == 0, e.code == ERR_NONE);
    return e.code;
}

static void test_limits(void **state)
{
    CLEANUP(buf_clear) struct buf many = { 0 }, big = { 0 };
    struct x509_cert cert;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(read_with_sans(X509_MAX_SANS, ""), ERR_NONE);
    assert_int_equal(read_with_sans(X509_MAX_SANS + 1, ""), ERR_LIMIT);
    assert_int_equal(read_with_sans(10000, ""), ERR_LIMIT);
    for (unsigned i = 0; i < 63; i++)
        buf_addf(&many, "30( 060488377a%02x 04( 0500 ) ) ", i);
    assert_int_equal(read_with_sans(1, buf_str(&many)), ERR_NONE);
    buf_addf(&many, "30( 060488377a7f 04( 0500 ) ) ");
    assert_int_equal(read_with_sans(1, buf_str(&many)), ERR_LIMIT);
    for (size_t i = 0; i <= X509_MAX_DER; i++)
        buf_add_byte(&big, 0x30);
    assert_int_equal(x509_cert_read(&cert, buf_slice(&big), &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_int_equal(x509_tbs_read(&cert, buf_slice(&big), &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
}

static void test_text(void **state)
{
    static const struct {
        struct san san;
        const char *want;
    } sans[] = {
        { { SAN_DNS, { (const uint8_t *)"a.example", 9 } }, "DNS:a.example" },
        { { SAN_DNS, { (const uint8_t *)"a,b\\\n", 5 } }, "DNS:a\\,b\\\\\\x0a" },
        { { SAN_IP, { (const uint8_t *)"\x0a\x00\x00\x01", 4 } }, "IP:10.0.0.1" },
        { { SAN_IP, { (const uint8_t *)"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16 } }, "IP:::1" },
        { { SAN_IP, { (const uint8_t *)"\0", 1 } }, "IP:?" },
        { { SAN_URI, { (const uint8_t *)"poterne://x", 11 } }, "URI:poterne://x" },
        { { SAN_EMAIL, { (const uint8_t *)"a@b", 3 } }, "email:a@b" },
        { { SAN_OTHER, { (const uint8_t *)"\x06\x01", 2 } }, "other:#0601" },
    };
    CLEANUP(buf_clear) struct buf text = { 0 };
    uint8_t digest[32];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sans); i++) {
        buf_reset(&text);
        san_format(&text, &sans[i].san);
        assert_string_equal(buf_str(&text), sans[i].want);
    }
    buf_reset(&text);
    x509_ku_names(&text, KU_DIGITAL_SIGNATURE | KU_CERT_SIGN | KU_DECIPHER_ONLY);
    assert_string_equal(buf_str(&text), "digitalSignature, keyCertSign, decipherOnly");
    buf_reset(&text);
    x509_eku_names(&text, EKU_SERVER | EKU_CLIENT | EKU_OTHER);
    assert_string_equal(buf_str(&text), "server, client, other");
    buf_reset(&text);
    x509_eku_names(&text, 0);
    assert_string_equal(buf_str(&text), "");
    x509_fingerprint(digest, slice_str("abc"));
    assert_memory_equal(digest, "\xba\x78\x16\xbf", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),   cmocka_unit_test(test_cut),
        cmocka_unit_test(test_fields), cmocka_unit_test(test_no_extensions),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
