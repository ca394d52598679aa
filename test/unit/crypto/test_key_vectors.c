#include "corpora.h"
#include "crypto/der.h"
#include "crypto/key.h"

/* Wycheproof's signatures over public keys as DER: valid ones verify, invalid ones do not. */

static enum sig_alg alg_of(const char *type, const char *sha)
{
    bool ecdsa = strcmp(type, "EcdsaVerify") == 0;

    if (strcmp(type, "EddsaVerify") == 0)
        return SIG_ED25519;
    if (strcmp(type, "RsassaPssVerify") == 0)
        return SIG_RSA_PSS;
    if (strcmp(sha, "SHA-256") == 0)
        return ecdsa ? SIG_ECDSA_SHA256 : SIG_RSA_SHA256;
    if (strcmp(sha, "SHA-384") == 0)
        return ecdsa ? SIG_ECDSA_SHA384 : SIG_RSA_SHA384;
    if (strcmp(sha, "SHA-512") == 0)
        return ecdsa ? SIG_ECDSA_SHA512 : SIG_RSA_SHA512;
    return SIG_OTHER;
}

static void put_hash(struct buf *out, const char *sha)
{
    uint8_t last = strcmp(sha, "SHA-256") == 0 ? 1 : strcmp(sha, "SHA-384") == 0 ? 2 : 3;
    const uint8_t sha2[] = { 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, last };
    const uint8_t sha1[] = { 0x2b, 0x0e, 3, 2, 0x1a },
                  sha224[] = { 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4 };
    size_t mark = der_begin(out, DER_SEQUENCE);

    if (strcmp(sha, "SHA-1") == 0)
        der_put(out, DER_OID, slice_of(sha1, sizeof sha1));
    else if (strcmp(sha, "SHA-224") == 0 || strncmp(sha, "SHA-512/", 8) == 0)
        der_put(out, DER_OID, slice_of(sha224, sizeof sha224)); /* any that is none of ours */
    else
        der_put(out, DER_OID, slice_of(sha2, sizeof sha2));
    der_put(out, DER_NULL, slice_of(NULL, 0));
    der_end(out, mark);
}

/* RSASSA-PSS-params, RFC 4055 section 3.1. */
static void put_pss(struct buf *out, const struct json_value *group)
{
    static const uint8_t mgf1[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8 };
    size_t all = der_begin(out, DER_SEQUENCE), part = der_begin(out, DER_CONTEXT_CONSTRUCTED(0)),
           mgf;

    put_hash(out, json_text(json_get(group, "sha")));
    der_end(out, part);
    part = der_begin(out, DER_CONTEXT_CONSTRUCTED(1));
    mgf = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, slice_of(mgf1, sizeof mgf1));
    put_hash(out, json_text(json_get(group, "mgfSha")));
    der_end(out, mgf);
    der_end(out, part);
    part = der_begin(out, DER_CONTEXT_CONSTRUCTED(2));
    der_put_small_uint(out, (uint32_t)json_int(json_get(group, "sLen"), 0));
    der_end(out, part);
    der_end(out, all);
}

/* PSS with SHA-1, SHA-224, SHA-512/t or two hashes is refused, so valid ones with it "fail". */
static bool group_applies(const struct json_value *group)
{
    const char *sha = json_text(json_get(group, "sha")),
               *mgf = json_text(json_get(group, "mgfSha"));

    if (!mgf)
        return true;
    return strcmp(sha, mgf) == 0 && (strcmp(sha, "SHA-256") == 0 || strcmp(sha, "SHA-384") == 0 ||
                                     strcmp(sha, "SHA-512") == 0);
}

static unsigned run_group(const struct json_value *group, const char *file, size_t *refused)
{
    CLEANUP(buf_clear) struct buf spki = { 0 }, msg = { 0 }, sig = { 0 }, params = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    const struct json_value *tests = json_get(group, "tests");
    const char *type = json_text(json_get(group, "type"));
    enum sig_alg alg = alg_of(type, json_text(json_get(group, "sha")));
    bool applies = group_applies(group);
    struct err e = { 0 };
    unsigned wrong = 0;

    corpus_hex(&spki, group, "publicKeyDer");
    if (key_read_public(&key, buf_slice(&spki), &e))
        fail_msg("%s: %s", file, err_text(&e));
    if (alg == SIG_RSA_PSS)
        put_pss(&params, group);
    for (size_t i = 0; i < json_len(tests); i++) {
        const struct json_value *test = json_at(tests, i);
        /* acceptable: a digest without its NULL, which RFC 8017 9.2 forbids. We refuse. */
        bool want = strcmp(json_text(json_get(test, "result")), "valid") == 0;
        char id[160];
        bool got;

        corpus_hex(&msg, test, "msg");
        corpus_hex(&sig, test, "sig");
        snprintf(id, sizeof id, "%s %lld", file, (long long)json_int(json_get(test, "tcId"), -1));
        got = key_verify(key, alg, buf_slice(&params), buf_slice(&msg), buf_slice(&sig), &e) == 0;
        *refused += !applies;
        wrong += deviation_count(NULL, id, want && applies, got, &e);
    }
    return wrong;
}

static void run(const char *name)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *groups;
    char file[128];
    size_t refused = 0, count = 0;
    unsigned wrong = 0;

    snprintf(file, sizeof file, "jose/wycheproof/%s_test.json", name);
    doc = corpus_json(file);
    groups = json_get(doc ? json_root(doc) : NULL, "testGroups");
    for (size_t i = 0; i < json_len(groups); i++) {
        wrong += run_group(json_at(groups, i), name, &refused);
        count += json_len(json_get(json_at(groups, i), "tests"));
    }
    if (doc)
        printf("# %s: %zu tests, %zu with hashes that are refused\n", name, count, refused);
    assert_int_equal(wrong, 0);
}

static void test_ecdsa(void **state)
{
    (void)state;
    run("ecdsa_secp256r1_sha256");
    run("ecdsa_secp384r1_sha384");
}

static void test_ed25519(void **state)
{
    (void)state;
    run("ed25519");
}

static void test_rsa_pkcs1(void **state)
{
    (void)state;
    run("rsa_signature_2048_sha256");
    run("rsa_signature_2048_sha384");
    run("rsa_signature_2048_sha512");
    run("rsa_signature_3072_sha256");
    run("rsa_signature_4096_sha256");
    run("rsa_signature_4096_sha512");
}

static void test_rsa_pss(void **state)
{
    (void)state;
    run("rsa_pss_2048_sha256_mgf1_32");
    run("rsa_pss_2048_sha384_mgf1_48");
    run("rsa_pss_3072_sha256_mgf1_32");
    run("rsa_pss_4096_sha512_mgf1_64");
    run("rsa_pss_misc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ecdsa),
        cmocka_unit_test(test_ed25519),
        cmocka_unit_test(test_rsa_pkcs1),
        cmocka_unit_test(test_rsa_pss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
