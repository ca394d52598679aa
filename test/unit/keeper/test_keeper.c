#include "authority.h"
#include "base/clock.h"
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

DEFINE_FREEP(EVP_PKEY *, EVP_PKEY_free)

/* ---- authorities ---- */

static void test_authority(void **state)
{
    static const enum key_type types[] = { KEY_P256, KEY_P384, KEY_ED25519, KEY_RSA2048 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(world_clear) struct world w = { 0 };
        CLEANUP(key_freep) struct key *key = NULL;
        const struct x509_cert *ca = &w.issuer;
        uint8_t id[20];

        world_open(&w, types[i]);
        assert_int_equal(w.dk.seals, 1);
        GOOD(key_read_public(&key, ca->spki, e));
        assert_int_equal(key_type(key), types[i]);
        GOOD(key_verify(key, ca->sig_alg, ca->sig_params, ca->tbs, ca->sig, e));
        key_id_sha1(key, id);
        assert_true(slice_eq(ca->ext.skid, slice_of(id, sizeof id)));
        assert_true(slice_eq(ca->subject, buf_slice(&w.name)) && slice_eq(ca->issuer, ca->subject));
        assert_true(ca->ext.ca && ca->ext.basic_critical && ca->ext.ku_critical &&
                    ca->ext.eku_critical);
        assert_int_equal(ca->ext.path_len, 0);
        assert_int_equal(ca->ext.ku, KU_CERT_SIGN | KU_CRL_SIGN);
        assert_int_equal(ca->ext.eku, EKU_CLIENT);
        assert_int_equal(ca->not_before, LEAF_NOW - 300);
        assert_int_equal(ca->not_after, LEAF_NOW + 200000);
        assert_int_equal(ca->serial.len, 16);
    }
}

static void test_authority_spec(void **state)
{
    CLEANUP(world_clear) struct world w = { 0 };
    struct authority_spec good, s;
    struct slice before;
    struct data_key kind;

#define SPEC(code, text, ...)                                                                      \
    s = good;                                                                                      \
    __VA_ARGS__;                                                                                   \
    BAD(code, text, keeper_authority_new(w.keeper, AT(&w.dk), &s, &w.sealed, &w.cert, e))
    (void)state;
    world_open(&w, KEY_P256);
    good = good_spec(&w, KEY_P256);
    before = buf_slice(&w.sealed);
    SPEC(ERR_INVALID, "not made here", s.key_type = KEY_P521);
    SPEC(ERR_INVALID, "not made here", s.key_type = KEY_OTHER);
    SPEC(ERR_INVALID, "bounded", s.eku = 0);
    SPEC(ERR_INVALID, "bounded", s.eku = EKU_CLIENT | EKU_ANY);
    SPEC(ERR_INVALID, "life", s.not_after = s.not_before);
    SPEC(ERR_INVALID, "life", s.not_before = -1);
    SPEC(ERR_INVALID, "life", s.not_after = TIME_MAX + 1);
    SPEC(ERR_INVALID, "of cluster 'c2'", s.fence = slice_str(FENCE("c2", "3")));
    SPEC(ERR_INVALID, "fence", s.fence = slice_str("{}"));
    SPEC(ERR_INVALID, "fence", s.fence = slice_str(FENCE("c1", "0")));
    kind = w.dk;
    kind.purpose = DATA_KEY_KIND;
    BAD(ERR_REFUSED, "not for an authority's key",
        keeper_authority_new(w.keeper, AT(&kind), &good, &w.sealed, &w.cert, e));
    assert_ptr_equal(before.ptr, w.sealed.ptr); /* no failure touched the outputs */
    assert_int_equal(w.dk.seals, 1);
#undef SPEC
}

/* What is sealed of an authority opens for signing, never as bytes. */
static void test_authority_stays(void **state)
{
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(data_key_clear)
    struct data_key next = { .purpose = DATA_KEY_AUTHORITY, .subject = "s1" };
    CLEANUP(data_key_clear) struct data_key kind = { 0 };
    CLEANUP(buf_clear) struct buf resealed = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };
    CLEANUP(signer_closep) struct signer *signer = NULL;
    struct slice sealed;
    struct data_key lie;

    (void)state;
    world_open(&w, KEY_P256);
    sealed = buf_slice(&w.sealed);
    kind = new_data_key(w.keeper, DATA_KEY_KIND);
    lie = w.dk;
    lie.purpose = DATA_KEY_KIND;
    BAD(ERR_REFUSED, "", keeper_unseal(w.keeper, AT(&w.dk), sealed, &plain, e));
    BAD(ERR_REFUSED, "", keeper_unseal(w.keeper, AT(&lie), sealed, &plain, e));
    BAD(ERR_REFUSED, "", keeper_key_release(w.keeper, AT(&w.dk), sealed, &plain, e));
    BAD(ERR_REFUSED, "", keeper_reseal(w.keeper, AT(&w.dk), &kind, sealed, &resealed, e));
    BAD(ERR_REFUSED, "", keeper_reseal(w.keeper, AT(&lie), &kind, sealed, &resealed, e));
    BAD(ERR_REFUSED, "for an authority's key alone",
        keeper_seal(w.keeper, AT(&w.dk), slice_str("x"), &resealed, e));
    w.sealed.ptr[1] = 1; /* as if it were a plain value */
    BAD(ERR_REFUSED, "for an authority's key alone",
        keeper_unseal(w.keeper, AT(&w.dk), sealed, &plain, e));
    BAD(ERR_CORRUPT, "", keeper_unseal(w.keeper, AT(&lie), sealed, &plain, e));
    w.sealed.ptr[1] = 2;
    assert_null(plain.ptr);
    GOOD(keeper_data_key_new(w.keeper, &next, 2, e));
    GOOD(keeper_reseal(w.keeper, AT(&w.dk), &next, sealed, &resealed, e));
    BAD(ERR_REFUSED, "", keeper_unseal(w.keeper, AT(&next), buf_slice(&resealed), &plain, e));
    GOOD(keeper_signer_open(&signer, w.keeper, AT(&next), buf_slice(&resealed), buf_slice(&w.cert),
                            e));
}

static void test_signer_open(void **state)
{
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(world_clear) struct world v = { 0 };
    CLEANUP(data_key_clear) struct data_key kind = { 0 };
    CLEANUP(buf_clear) struct buf value = { 0 };
    struct seal_place other = { &w.dk, { "generation", "u2", "key" } };
    struct signer *none = NULL;

    (void)state;
    world_open(&w, KEY_P256);
    world_open(&v, KEY_P256);
#define OPEN(place, sealed, cert)                                                                  \
    keeper_signer_open(&none, w.keeper, place, buf_slice(sealed), cert, e)
    BAD(ERR_CORRUPT, "key and certificate differ", OPEN(AT(&w.dk), &w.sealed, buf_slice(&v.cert)));
    BAD(ERR_CORRUPT, "generation 'u1', key", OPEN(AT(&w.dk), &w.sealed, slice_str("x")));
    BAD(ERR_CORRUPT, "generation 'u2', key", OPEN(&other, &w.sealed, buf_slice(&w.cert)));
    BAD(ERR_CORRUPT, "", OPEN(AT(&v.dk), &w.sealed, buf_slice(&w.cert)));
    BAD(ERR_CORRUPT, "", OPEN(AT(&w.dk), &v.sealed, buf_slice(&w.cert)));
    kind = new_data_key(w.keeper, DATA_KEY_KIND);
    GOOD(keeper_seal(w.keeper, AT(&kind), slice_str("x"), &value, e));
    BAD(ERR_REFUSED, "", OPEN(AT(&kind), &value, buf_slice(&w.cert)));
    BAD(ERR_REFUSED, "", OPEN(AT(&kind), &w.sealed, buf_slice(&w.cert)));
    w.sealed.ptr[w.sealed.len - 1] ^= 1;
    BAD(ERR_CORRUPT, "", OPEN(AT(&w.dk), &w.sealed, buf_slice(&w.cert)));
    assert_null(none);
#undef OPEN
}

static void test_sign(void **state)
{
    static const enum key_type types[] = { KEY_P256, KEY_ED25519 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(world_clear) struct world w = { 0 };
        CLEANUP(signer_closep) struct signer *signer = NULL;
        CLEANUP(key_freep) struct key *key = NULL;
        CLEANUP(buf_clear) struct buf tbs = { 0 };
        struct sign_result result = { 0 };
        struct x509_cert leaf;

        world_open(&w, types[i]);
        signer = open_signer(&w);
        GOOD(key_read_public(&key, w.issuer.spki, e));
        for (int64_t n = 1; n <= 3; n++) {
            write_leaf(&tbs, &w, signer, n == 2 ? "O=system:masters\nCN=bob" : "CN=alice");
            GOOD(sign_at(signer, &tbs, n == 2, LEAF_NOW, &result, e));
            assert_string_equal(result.profile, n == 2 ? "admin" : "person");
            assert_int_equal(result.number, n);
            assert_int_equal(keeper_signatures(w.keeper), n);
            GOOD(x509_cert_read(&leaf, buf_slice(&result.cert), e));
            assert_true(slice_eq(leaf.tbs, buf_slice(&tbs)));
            GOOD(key_verify(key, leaf.sig_alg, leaf.sig_params, leaf.tbs, leaf.sig, e));
        }
        buf_clear(&result.cert);
    }
}

/* A refusal gives nothing out, counts nothing, and leaves no earlier certificate in the result. */
static void test_sign_refused(void **state)
{
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(signer_closep) struct signer *signer = NULL;
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    struct sign_result result = { 0 };
    struct sign_request request;

    (void)state;
    world_open(&w, KEY_P256);
    signer = open_signer(&w);
    write_leaf(&tbs, &w, signer, "CN=alice");
    GOOD(sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    request = (struct sign_request){ "c2", false, LEAF_NOW, buf_slice(&tbs) };
    BAD(ERR_REFUSED, "cluster 'c2'", keeper_sign(signer, &request, &result, e));
    assert_int_equal(result.cert.len, 0);
    BAD(ERR_REFUSED, "over an hour back",
        sign_at(signer, &tbs, false, LEAF_NOW + 3590, &result, e));
    buf_add_byte(&tbs, 0);
    BAD(ERR_INVALID, "certificate to be signed",
        sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    BAD(ERR_INVALID, "certificate to be signed",
        sign_at(signer, &w.cert, false, LEAF_NOW, &result, e));
    write_leaf(&tbs, &w, signer, "O=system:masters\nCN=alice");
    BAD(ERR_REFUSED, "outside the fence of the operators authority",
        sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    assert_int_equal(keeper_signatures(w.keeper), 1);
    buf_clear(&result.cert);
}

/* Three an hour. The hour rolls in steps of a minute, and a clock that jumps back gives nothing. */
static void test_rate(void **state)
{
    static const struct {
        int64_t at;
        bool good;
    } steps[] = { { 0, true },     { 0, true },    { 59, true },     { 60, false },
                  { 3299, false }, { 0, false },   { 3659, false },  { 3660, true },
                  { 3660, true },  { 3660, true }, { 3661, false },  { 0, false },
                  { 7259, false }, { 7320, true }, { 9999999, true } };
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(signer_closep) struct signer *signer = NULL;
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    struct sign_result result = { 0 };

    (void)state;
    world_open(&w, KEY_P256);
    signer = open_signer(&w);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct leaf_spec leaf = { .issuer = w.issuer.subject,
                                  .akid = w.issuer.ext.skid,
                                  .eku = EKU_CLIENT,
                                  .subject = "CN=alice" };

        leaf.not_before = steps[i].at ? steps[i].at : -1;
        leaf.not_after = steps[i].at + 60;
        buf_reset(&tbs);
        leaf_write(&tbs, &leaf);
        if (steps[i].at > 200000) /* beyond the authority's life: moves the clock, signs nothing */
            BAD(ERR_REFUSED, "beyond",
                sign_at(signer, &tbs, false, LEAF_NOW + steps[i].at, &result, e));
        else if (steps[i].good)
            GOOD(sign_at(signer, &tbs, false, LEAF_NOW + steps[i].at, &result, e));
        else
            BAD(ERR_LIMIT, "has made 3 signatures",
                sign_at(signer, &tbs, false, LEAF_NOW + steps[i].at, &result, e));
    }
    buf_clear(&result.cert);
}

static void write_ca(struct buf *cert, const struct key *key, bool ca, unsigned ku)
{
    CLEANUP(buf_clear) struct buf name = { 0 };
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    CLEANUP(buf_clear) struct buf sig = { 0 };
    uint8_t serial[16];
    struct x509_template t = { .serial = slice_of(serial, sizeof serial),
                               .not_after = LEAF_NOW,
                               .spki = key_spki(key),
                               .ca = ca,
                               .path_len = -1,
                               .ku = ku };

    x509_serial_new(serial);
    leaf_name(&name, "CN=kubernetes", 0, false);
    t.issuer = t.subject = buf_slice(&name);
    GOOD(x509_tbs_write(&tbs, &t, key_sig_alg(key), e));
    GOOD(key_sign(key, buf_slice(&tbs), &sig, e));
    buf_reset(cert);
    x509_assemble(cert, buf_slice(&tbs), key_sig_alg(key), buf_slice(&sig));
}

static void test_import(void **state)
{
    static const struct slice fence = { (const uint8_t *)FENCE("c1", "3"),
                                        sizeof FENCE("c1", "3") - 1 };
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(key_freep) struct key *other = NULL;
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(buf_clear) struct buf other_pem = { 0 };
    CLEANUP(signer_closep) struct signer *signer = NULL;

#define IMPORT(pem, fence)                                                                         \
    keeper_authority_import(                                                                       \
        w.keeper, AT(&w.dk),                                                                       \
        &(struct authority_import){ buf_slice(pem), buf_slice(&w.cert), fence }, &w.sealed, e)
    (void)state;
    world_open(&w, KEY_P256);
    GOOD(key_generate(&key, KEY_RSA2048, e));
    GOOD(key_generate(&other, KEY_P256, e));
    GOOD(key_write_private_pem(key, &pem, e));
    GOOD(key_write_private_pem(other, &other_pem, e));
    write_ca(&w.cert, key, true, KU_CERT_SIGN | KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
    GOOD(IMPORT(&pem, fence));
    signer = open_signer(&w);
    assert_int_equal(signer_alg(signer), SIG_RSA_SHA256);
    BAD(ERR_INVALID, "not the certificate's", IMPORT(&other_pem, fence));
    BAD(ERR_INVALID, "", IMPORT(&w.cert, fence));
    BAD(ERR_INVALID, "fence", IMPORT(&pem, slice_str("{}")));
    write_ca(&w.cert, key, false, KU_CERT_SIGN);
    BAD(ERR_INVALID, "CA:TRUE", IMPORT(&pem, fence));
    write_ca(&w.cert, key, true, KU_DIGITAL_SIGNATURE);
    BAD(ERR_INVALID, "keyCertSign", IMPORT(&pem, fence));
    buf_reset(&w.cert);
    BAD(ERR_INVALID, "certificate", IMPORT(&pem, fence));
#undef IMPORT
}

static void test_import_weak(void **state)
{
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(EVP_PKEY_freep) EVP_PKEY *rsa = EVP_RSA_gen(1024);
    CLEANUP(key_freep) struct key *key = NULL;
    uint8_t *der = NULL;
    int len = i2d_PrivateKey(rsa, &der);
    struct authority_import import;

    (void)state;
    world_open(&w, KEY_P256);
    GOOD(key_read_private(&key, slice_of(der, (size_t)len), e));
    write_ca(&w.cert, key, true, KU_CERT_SIGN);
    import.private_key = slice_of(der, (size_t)len);
    import.cert = buf_slice(&w.cert);
    import.fence = slice_str(FENCE("c1", "3"));
    BAD(ERR_REFUSED, "2048 are the least",
        keeper_authority_import(w.keeper, AT(&w.dk), &import, &w.sealed, e));
    OPENSSL_free(der);
}

/* Signatures made before the identity is open are not lost. */
static void test_signature_count(void **state)
{
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(signer_closep) struct signer *signer = NULL;
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    struct sign_result result = { 0 };

    (void)state;
    world_open(&w, KEY_P256);
    signer = open_signer(&w);
    write_leaf(&tbs, &w, signer, "CN=alice");
    GOOD(sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    GOOD(keeper_identity_new(w.keeper, AT(&w.dk), &sealed, &pem, e));
    GOOD(keeper_identity_open(w.keeper, AT(&w.dk), buf_slice(&sealed), 1000, e));
    GOOD(sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    assert_int_equal(result.number, 1002);
    assert_int_equal(keeper_signatures(w.keeper), 1002);
    keeper_count_from(w.keeper, 1001); /* the larger one counts */
    assert_int_equal(keeper_signatures(w.keeper), 1002);
    keeper_count_from(w.keeper, 2000);
    keeper_count_from(w.keeper, INT64_MAX);
    assert_int_equal(keeper_signatures(w.keeper), 2000);
    buf_clear(&result.cert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_authority),
        BOTH(test_authority_spec),
        BOTH(test_authority_stays),
        BOTH(test_signer_open),
        BOTH(test_sign),
        BOTH(test_sign_refused),
        BOTH(test_rate),
        BOTH(test_import),
        BOTH(test_import_weak),
        BOTH(test_signature_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
