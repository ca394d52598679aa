#include "asm.h"
#include "base/clock.h"
#include "corpora.h"
#include "crypto/name.h"
#include "crypto/pem.h"
#include "crypto/x509.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

DEFINE_FREEP(X509 *, X509_free)
DEFINE_FREEP(EVP_PKEY *, EVP_PKEY_free)

#define NOW INT64_C(1800000000)
static const uint8_t serial[16] = { 0x71, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
static const uint8_t key_id[20] = "twenty bytes as a ke";
static const struct san sans[] = {
    { SAN_DNS, { (const uint8_t *)"kubernetes.default.svc", 22 } },
    { SAN_IP, { (const uint8_t *)"\x0a\x60\x00\x01", 4 } },
    { SAN_IP, { (const uint8_t *)"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16 } },
    { SAN_URI, { (const uint8_t *)"poterne://i/operator/u", 22 } },
    { SAN_EMAIL, { (const uint8_t *)"a@b.example", 11 } },
};

struct fixture {
    struct key *key;
    struct buf name;
    struct x509_template t;
};

static void fixture_init(struct fixture *f, enum key_type type)
{
    size_t mark = name_begin(&f->name);

    name_add(&f->name, NAME_CN, slice_str("kube-apiserver"));
    name_end(&f->name, mark);
    assert_int_equal(key_generate(&f->key, type, NULL), 0);
    f->t = (struct x509_template){
        .serial = slice_of(serial, sizeof serial),
        .issuer = buf_slice(&f->name),
        .subject = buf_slice(&f->name),
        .not_before = NOW - 300,
        .not_after = NOW + DAYS(365),
        .spki = key_spki(f->key),
        .path_len = -1,
        .ku = KU_DIGITAL_SIGNATURE,
        .eku = EKU_SERVER,
        .sans = sans,
        .san_count = ARRAY_LEN(sans),
        .akid = slice_of(key_id, sizeof key_id),
    };
}

static void fixture_clear(struct fixture *f)
{
    key_free(f->key);
    buf_clear(&f->name);
}

static int issue(struct buf *der, const struct fixture *f, struct err *e)
{
    CLEANUP(buf_clear) struct buf tbs = { 0 }, sig = { 0 };
    enum sig_alg alg = key_sig_alg(f->key);

    if (x509_tbs_write(&tbs, &f->t, alg, e) || key_sign(f->key, buf_slice(&tbs), &sig, e))
        return -1;
    x509_assemble(der, buf_slice(&tbs), alg, buf_slice(&sig));
    return buf_check(der, e);
}

/* Ours reads what ours wrote, OpenSSL reads it, verifies it and writes back the same bytes. */
static X509 *check_by_openssl(const struct buf *der, const struct key *key)
{
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    const uint8_t *at = der->ptr;
    X509 *theirs = d2i_X509(NULL, &at, (long)der->len);
    uint8_t *back = NULL;
    int len;

    assert_non_null(theirs);
    assert_true(at == der->ptr + der->len);
    pkey = X509_get_pubkey(theirs);
    assert_int_equal(X509_verify(theirs, pkey), 1);
    len = i2d_X509(theirs, &back);
    assert_int_equal(len, der->len);
    assert_memory_equal(back, der->ptr, der->len);
    OPENSSL_free(back);
    (void)key;
    return theirs;
}

static void test_leaf(void **state)
{
    static const enum key_type types[] = { KEY_P256, KEY_P384, KEY_ED25519, KEY_RSA2048 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(fixture_clear) struct fixture f = { 0 };
        CLEANUP(X509_freep) X509 *theirs = NULL;
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct x509_cert cert;
        uint8_t id[20];

        fixture_init(&f, types[i]);
        assert_int_equal(issue(&der, &f, NULL), 0);
        assert_int_equal(x509_cert_read(&cert, buf_slice(&der), NULL), 0);
        assert_int_equal(cert.version, 3);
        assert_true(slice_eq(cert.serial, f.t.serial));
        assert_true(slice_eq(cert.subject, f.t.subject) && slice_eq(cert.spki, f.t.spki));
        assert_int_equal(cert.not_before, f.t.not_before);
        assert_int_equal(cert.not_after, f.t.not_after);
        assert_true(cert.ext.has_basic && cert.ext.basic_critical && !cert.ext.ca);
        assert_true(cert.ext.ku_critical && cert.ext.eku_critical && !cert.ext.san_critical);
        assert_int_equal(cert.ext.ku, f.t.ku);
        assert_int_equal(cert.ext.eku, f.t.eku);
        assert_int_equal(cert.ext.san_count, ARRAY_LEN(sans));
        assert_int_equal(cert.ext.unknown, 0);
        key_id_sha1(f.key, id);
        assert_true(slice_eq(cert.ext.skid, slice_of(id, sizeof id)));
        assert_true(slice_eq(cert.ext.akid, f.t.akid));
        theirs = check_by_openssl(&der, f.key);
        assert_int_equal(X509_check_host(theirs, "kubernetes.default.svc", 0, 0, NULL), 1);
        assert_int_equal(X509_check_ip_asc(theirs, "fd00::1", 0), 1);
        assert_int_equal(X509_check_purpose(theirs, X509_PURPOSE_SSL_SERVER, 0), 1);
        assert_int_equal(X509_check_purpose(theirs, X509_PURPOSE_SSL_CLIENT, 0), 0);
        assert_int_equal(X509_check_ca(theirs), 0);
    }
}

static void test_ca(void **state)
{
    static const int path_lens[] = { -1, 0, 1, 255 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(path_lens); i++) {
        CLEANUP(fixture_clear) struct fixture f = { 0 };
        CLEANUP(X509_freep) X509 *theirs = NULL;
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct x509_cert cert;

        fixture_init(&f, KEY_P256);
        f.t.ca = true;
        f.t.path_len = path_lens[i];
        f.t.ku = KU_CERT_SIGN | KU_CRL_SIGN | KU_DIGITAL_SIGNATURE;
        f.t.eku = EKU_SERVER | EKU_CLIENT;
        f.t.san_count = 0;
        f.t.skid = f.t.akid;
        f.t.not_after = NOW + YEARS(30);
        assert_int_equal(issue(&der, &f, NULL), 0);
        assert_int_equal(x509_cert_read(&cert, buf_slice(&der), NULL), 0);
        assert_true(cert.ext.ca && !cert.ext.has_san);
        assert_int_equal(cert.ext.path_len, path_lens[i]);
        assert_true(slice_eq(cert.ext.skid, f.t.akid));
        theirs = check_by_openssl(&der, f.key);
        assert_int_equal(X509_check_ca(theirs), 1);
        assert_int_equal(X509_get_pathlen(theirs), path_lens[i]);
    }
}

/* Each key usage and each extended one alone comes back as it went. */
static void test_usages(void **state)
{
    CLEANUP(fixture_clear) struct fixture f = { 0 };

    (void)state;
    fixture_init(&f, KEY_P256);
    for (unsigned bit = 0; bit < 9; bit++) {
        CLEANUP(buf_clear) struct buf der = { 0 };
        CLEANUP(X509_freep) X509 *theirs = NULL;
        struct x509_cert cert;

        f.t.ku = 1u << bit;
        f.t.eku = 1u << bit;
        if (f.t.eku & (EKU_ANY | EKU_OTHER) || bit > 7)
            f.t.eku = 0;
        assert_int_equal(issue(&der, &f, NULL), 0);
        assert_int_equal(x509_cert_read(&cert, buf_slice(&der), NULL), 0);
        assert_int_equal(cert.ext.ku, f.t.ku);
        assert_int_equal(cert.ext.eku, f.t.eku);
        assert_int_equal(cert.ext.has_eku, f.t.eku != 0);
        theirs = check_by_openssl(&der, f.key);
        assert_int_equal(X509_get_extension_flags(theirs) & EXFLAG_KUSAGE, EXFLAG_KUSAGE);
    }
    f.t.ku = 0;
    {
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct x509_cert cert;

        assert_int_equal(issue(&der, &f, NULL), 0);
        assert_int_equal(x509_cert_read(&cert, buf_slice(&der), NULL), 0);
        assert_false(cert.ext.has_ku);
    }
}

enum change {
    NONE,
    SERIAL_7,
    SERIAL_8,
    SERIAL_20,
    SERIAL_20_HIGH,
    SERIAL_21,
    SERIAL_ZERO,
    BEFORE_1970,
    AFTER_9999,
    UNTIL_9999,
    BACKWARDS,
    LEAF_PAST_2049,
    NAME_BROKEN,
    SUBJECT_EMPTY,
    KEY_BROKEN,
    KEY_TWICE,
    ANY_EKU,
    OTHER_EKU,
    KU_10,
    PATH_256,
    SKID_65,
    AKID_65,
    AKID_32,
    NO_AKID,
    SAN_EMPTY,
    SAN_SPACE,
    SAN_IP_5,
    SAN_KIND,
    SAN_257,
    CHANGES
};

// clang-format off
static const struct { const char *label; enum err_code want; } changes[CHANGES] = {
    [NONE]           = { "as it is",                    ERR_NONE },
    [SERIAL_7]       = { "a serial of 7 bytes",         ERR_INVALID },
    [SERIAL_8]       = { "a serial of 8 bytes",         ERR_NONE },
    [SERIAL_20]      = { "a serial of 20 bytes",        ERR_NONE },
    [SERIAL_20_HIGH] = { "a serial of 20 bytes and a sign byte", ERR_INVALID },
    [SERIAL_21]      = { "a serial of 21 bytes",        ERR_INVALID },
    [SERIAL_ZERO]    = { "a serial that begins with 0", ERR_INVALID },
    [BEFORE_1970]    = { "from before 1970",            ERR_INVALID },
    [AFTER_9999]     = { "until after 9999",            ERR_INVALID },
    [UNTIL_9999]     = { "until the end of 9999",       ERR_NONE },
    [BACKWARDS]      = { "the end before the beginning", ERR_INVALID },
    [LEAF_PAST_2049] = { "over the change of time formats", ERR_NONE },
    [NAME_BROKEN]    = { "a broken issuer",             ERR_INVALID },
    [SUBJECT_EMPTY]  = { "an empty subject, SANs critical", ERR_NONE },
    [KEY_BROKEN]     = { "a broken key",                ERR_INVALID },
    [KEY_TWICE]      = { "bytes behind the key",        ERR_INVALID },
    [ANY_EKU]        = { "the extended key usage any",  ERR_INVALID },
    [OTHER_EKU]      = { "an unknown extended key usage", ERR_INVALID },
    [KU_10]          = { "a tenth key usage",           ERR_INVALID },
    [PATH_256]       = { "a path length of 256",        ERR_INVALID },
    [SKID_65]        = { "a subject key id of 65 bytes", ERR_INVALID },
    [AKID_65]        = { "an authority key id of 65 bytes", ERR_INVALID },
    [AKID_32]        = { "a foreign authority's key id of 32 bytes", ERR_NONE },
    [NO_AKID]        = { "an authority without key id", ERR_NONE },
    [SAN_EMPTY]      = { "an empty name",               ERR_INVALID },
    [SAN_SPACE]      = { "a name with a space",         ERR_INVALID },
    [SAN_IP_5]       = { "an address of 5 bytes",       ERR_INVALID },
    [SAN_KIND]       = { "an unknown kind of name",     ERR_INVALID },
    [SAN_257]        = { "257 names",                   ERR_LIMIT },
};
// clang-format on

static void apply_to_serial(struct x509_template *t, enum change change)
{
    static const uint8_t long_one[21] = { 0x7f, 1 }, high[20] = { 0x80 }, zero[16] = { 0, 1 };

    switch (change) {
    case SERIAL_7:
        t->serial.len = 7;
        return;
    case SERIAL_8:
        t->serial.len = 8;
        return;
    case SERIAL_20:
        t->serial = slice_of(long_one, 20);
        return;
    case SERIAL_20_HIGH:
        t->serial = slice_of(high, 20);
        return;
    case SERIAL_21:
        t->serial = slice_of(long_one, 21);
        return;
    default:
        t->serial = slice_of(zero, 16);
    }
}

static void apply_to_time(struct x509_template *t, enum change change)
{
    t->not_before = change == BEFORE_1970 ? -1 : t->not_before;
    t->not_after = change == AFTER_9999       ? TIME_MAX + 1
                   : change == UNTIL_9999     ? TIME_MAX
                   : change == BACKWARDS      ? t->not_before - 1
                   : change == LEAF_PAST_2049 ? t->not_before + YEARS(40)
                                              : t->not_after;
}

static void apply_to_names(struct x509_template *t, enum change change)
{
    static const struct san bad[] = {
        [SAN_EMPTY - SAN_EMPTY] = { SAN_DNS, { (const uint8_t *)"", 0 } },
        [SAN_SPACE - SAN_EMPTY] = { SAN_DNS, { (const uint8_t *)"a b", 3 } },
        [SAN_IP_5 - SAN_EMPTY] = { SAN_IP, { (const uint8_t *)"12345", 5 } },
        [SAN_KIND - SAN_EMPTY] = { SAN_OTHER, { (const uint8_t *)"x", 1 } },
    };
    static struct san many[257];

    if (change == SAN_257) {
        for (size_t i = 0; i < ARRAY_LEN(many); i++)
            many[i] = sans[0];
        t->sans = many;
        t->san_count = ARRAY_LEN(many);
        return;
    }
    t->sans = &bad[change - SAN_EMPTY];
    t->san_count = 1;
}

static void apply(struct x509_template *t, enum change change)
{
    static const uint8_t empty_name[] = { 0x30, 0 }, id[65] = { 1 };

    if (change >= SERIAL_7 && change <= SERIAL_ZERO)
        apply_to_serial(t, change);
    if (change >= BEFORE_1970 && change <= LEAF_PAST_2049)
        apply_to_time(t, change);
    if (change >= SAN_EMPTY)
        apply_to_names(t, change);
    t->issuer = change == NAME_BROKEN ? slice_str("x") : t->issuer;
    t->subject = change == SUBJECT_EMPTY ? slice_of(empty_name, 2) : t->subject;
    t->san_critical = change == SUBJECT_EMPTY;
    t->spki = change == KEY_BROKEN  ? slice_str("x")
              : change == KEY_TWICE ? slice_of(t->spki.ptr, t->spki.len + 1)
                                    : t->spki;
    t->eku = change == ANY_EKU ? EKU_ANY : change == OTHER_EKU ? EKU_OTHER : t->eku;
    t->ku = change == KU_10 ? 1u << 9 : t->ku;
    t->path_len = change == PATH_256 ? 256 : t->path_len;
    t->skid = change == SKID_65 ? slice_of(id, 65) : t->skid;
    t->akid = change == AKID_65   ? slice_of(id, 65)
              : change == AKID_32 ? slice_of(id, 32)
              : change == NO_AKID ? slice_of(NULL, 0)
                                  : t->akid;
}

static void test_template(void **state)
{
    (void)state;
    for (int i = 0; i < CHANGES; i++) {
        CLEANUP(fixture_clear) struct fixture f = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 }, spki = { 0 };
        CLEANUP(X509_freep) X509 *theirs = NULL;
        struct x509_cert cert;
        struct err e = { 0 };
        int rc;

        fixture_init(&f, KEY_P256);
        buf_add_slice(&spki, f.t.spki); /* with a byte behind it, for KEY_TWICE */
        buf_add_byte(&spki, 0);
        f.t.spki = slice_of(spki.ptr, spki.len - 1);
        apply(&f.t, (enum change)i);
        rc = issue(&der, &f, &e);
        if (e.code != changes[i].want || (rc == 0) != (changes[i].want == ERR_NONE))
            fail_msg("%s: got %s", changes[i].label, err_text(&e));
        if (rc)
            continue;
        if (x509_cert_read(&cert, buf_slice(&der), &e))
            fail_msg("%s: %s", changes[i].label, err_text(&e));
        theirs = check_by_openssl(&der, f.key);
        assert_true(slice_eq(cert.serial, f.t.serial) && slice_eq(cert.ext.akid, f.t.akid));
        assert_int_equal(cert.not_after, f.t.not_after);
        assert_int_equal(cert.ext.san_critical, f.t.san_critical);
    }
}

/* Algorithms that we read and never write. */
static void test_algorithms(void **state)
{
    static const enum sig_alg never[] = { SIG_RSA_PSS, SIG_SHA1, SIG_OTHER };
    CLEANUP(fixture_clear) struct fixture f = { 0 };

    (void)state;
    fixture_init(&f, KEY_P256);
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        CLEANUP(buf_clear) struct buf tbs = { 0 }, cert = { 0 };

        assert_int_equal(x509_tbs_write(&tbs, &f.t, never[i], NULL), -1);
        x509_assemble(&cert, slice_str("x"), never[i], slice_str("y"));
        assert_true(cert.failed);
    }
}

static void test_serial_new(void **state)
{
    uint8_t one[16], two[16];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        x509_serial_new(one);
        x509_serial_new(two);
        assert_true(one[0] >= 1 && one[0] <= 0x7f);
        assert_memory_not_equal(one, two, sizeof one);
    }
}

/* Seeds of OpenSSL's fuzzers: nothing crashes, and what we accept OpenSSL accepts too. */
static unsigned run_seeds(const char *name)
{
    CLEANUP(buf_clear) struct buf file = { 0 }, der = { 0 };
    struct slice rest, line;
    unsigned count = 0, read = 0;

    if (!corpus_read(&file, name)) {
        corpus_absent(name);
        return 0;
    }
    rest = buf_slice(&file);
    while (slice_cut(&rest, '\n', &line)) {
        CLEANUP(pem_block_clear) struct pem_block block = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct x509_cert cert;
        struct x509_csr csr;
        struct slice in, whole;

        buf_reset(&der);
        assert_int_equal(base64_decode(&der, slice_trim(line), NULL), 0);
        count++;
        in = buf_slice(&der);
        while (pem_next(&in, &block, NULL) > 0)
            continue;
        name_format(&text, buf_slice(&der));
        if (x509_csr_read(&csr, buf_slice(&der), NULL) == 0)
            (void)!x509_csr_verify(&csr, NULL, NULL);
        assert_int_equal(ERR_peek_error(), 0);
        in = buf_slice(&der); /* some seeds are several elements */
        if (der_take_whole(&in, DER_SEQUENCE, &whole) && x509_cert_read(&cert, whole, NULL) == 0) {
            const uint8_t *at = whole.ptr;
            CLEANUP(X509_freep) X509 *theirs = d2i_X509(NULL, &at, (long)whole.len);

            assert_non_null(theirs);
            name_format(&text, cert.subject);
            read++;
        }
    }
    printf("# %s: %u seeds, %u read as certificates\n", name, count, read);
    return count;
}

static void test_seeds(void **state)
{
    (void)state;
    run_seeds("x509/fuzz/x509.b64");
    run_seeds("x509/fuzz/crl.b64");
    run_seeds("x509/fuzz/asn1.b64");
    run_seeds("x509/fuzz/pem.b64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaf),       cmocka_unit_test(test_ca),
        cmocka_unit_test(test_usages),     cmocka_unit_test(test_template),
        cmocka_unit_test(test_algorithms), cmocka_unit_test(test_serial_new),
        cmocka_unit_test(test_seeds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
