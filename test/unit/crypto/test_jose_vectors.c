#include "corpora.h"

#include "crypto/jose.h"

/*
 * RFC 7520 and Wycheproof through our JWK and JWS readers. A verdict is the vector's, or a row says
 * why it is not: by the algorithm in the token's header.
 */
static struct deviation deviations[] = {
    { "HS*", "a shared key signs no token of ours", 0, 0 },
    { "RS384", "an RSA key has one algorithm, RS256", 0, 0 },
    { "RS512", "the same", 0, 0 },
    { "PS*", "the same", 0, 0 },
    { "ES512", "P-521 is no curve of ours", 0, 0 },
    { "?", "characters outside the alphabet are refused (RFC 7515 2), not skipped", 0, 0 },
};

/* Nothing that is encrypted is read: the vectors for decryption all end here. */
static struct deviation encrypted[] = {
    { "jwe", "no JWE is read", 0, 0 },
};

/* The "alg" of a token, found without our readers; "?" when its header cannot be decoded. */
static void token_alg(char out[16], struct slice token)
{
    CLEANUP(buf_clear) struct buf header = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct slice part;

    snprintf(out, 16, "?");
    if (slice_cut(&token, '.', &part) && base64url_decode(&header, part, NULL) == 0 &&
        json_parse(&doc, buf_slice(&header), NULL, NULL) == 0 &&
        json_text(json_get(json_root(doc), "alg")))
        snprintf(out, 16, "%s", json_text(json_get(json_root(doc), "alg")));
}

static void put_value(struct buf *out, const struct json_value *value)
{
    struct json_writer w;

    json_writer_init(&w, out, false);
    json_put_value(&w, NULL, value);
}

static int verify_under(const struct json_value *jwk, const struct jws *jws, struct err *e)
{
    CLEANUP(buf_clear) struct buf json = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;

    put_value(&json, jwk);
    return jwk_read(&key, buf_slice(&json), e) || jws_verify(jws, key, e) ? -1 : 0;
}

/* As a verifier does: one key, or the only one of a set that has the token's kid. */
static int verify(const struct json_value *keys, struct slice token, struct err *e)
{
    CLEANUP(jws_clear) struct jws jws = { 0 };
    const struct json_value *set = json_get(keys, "keys"), *found = NULL;

    if (jws_read(&jws, token, e))
        return -1;
    if (!set)
        return verify_under(keys, &jws, e);
    for (size_t i = 0; i < json_len(set); i++) {
        const char *kid = json_text(json_get(json_at(set, i), "kid"));

        if (!kid || strcmp(kid, jws.kid) != 0)
            continue;
        if (found)
            return err_set(e, ERR_INVALID, "two keys with kid '%s'", kid);
        found = json_at(set, i);
    }
    return found ? verify_under(found, &jws, e) : err_set(e, ERR_NOT_FOUND, "no such key");
}

static const char *member(const struct json_value *object, const char *name)
{
    const char *text = json_text(json_get(object, name));

    if (!text)
        fail_msg("a vector without '%s'", name);
    return text;
}

static unsigned wrong;

static void check_verdict(const char *file, const struct json_value *test, bool accepted,
                          struct deviation *row, const struct err *e)
{
    char id[160];
    bool valid = strcmp(member(test, "result"), "valid") == 0;

    snprintf(id, sizeof id, "%s %lld (%s)", file, (long long)json_int(json_get(test, "tcId"), 0),
             member(test, "comment"));
    if (accepted && !valid) /* nothing excuses this */
        fail_msg("%s: accepted", id);
    wrong += deviation_count(row, id, valid, accepted, e);
}

/* Runs `one` over all tests of a Wycheproof file. */
static void run_file(const char *name, void (*one)(const char *file, const struct json_value *group,
                                                   const struct json_value *test))
{
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *groups;
    char path[128];
    unsigned count = 0;

    snprintf(path, sizeof path, "jose/wycheproof/%s.json", name);
    doc = corpus_json(path);
    if (!doc)
        return;
    groups = json_get(json_root(doc), "testGroups");
    wrong = 0;
    for (size_t g = 0; g < json_len(groups); g++) {
        const struct json_value *group = json_at(groups, g), *tests = json_get(group, "tests");

        for (size_t t = 0; t < json_len(tests); t++, count++)
            one(name, group, json_at(tests, t));
    }
    printf("# %s: %u tests\n", name, count);
    assert_int_not_equal(count, 0);
    assert_int_equal(wrong, 0);
}

static void token_test(const char *file, const struct json_value *group,
                       const struct json_value *test)
{
    const struct json_value *keys = json_get(group, "public"), *token = json_get(test, "jws");
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct deviation *row = encrypted;
    struct err e = { 0 };
    char alg[16];
    int rc;

    if (!keys)
        keys = json_get(group, "private");
    if (json_text(token))
        buf_add_str(&text, json_text(token));
    else if (token) /* a JSON serialization */
        put_value(&text, token);
    else
        buf_add_slice(&text, json_slice(json_get(test, "jwe")));
    if (token) {
        token_alg(alg, buf_slice(&text));
        row = deviation_of(deviations, ARRAY_LEN(deviations), alg);
    }
    rc = verify(keys, buf_slice(&text), &e);
    check_verdict(file, test, rc == 0, row, &e);
}

static void test_wycheproof_tokens(void **state)
{
    (void)state;
    run_file("json_web_signature_test", token_test);
    run_file("json_web_key_test", token_test);
    run_file("json_web_crypto_test", token_test);
    run_file("json_web_encryption_test", token_test);
    assert_int_equal(deviations_report(deviations, ARRAY_LEN(deviations)), 0);
    assert_int_equal(deviations_report(encrypted, ARRAY_LEN(encrypted)), 0);
}

/* The same keys and signatures as JWK and SubjectPublicKeyInfo, and bare signatures in JWS form. */
static struct key *group_key(const struct json_value *group, int *rc, struct err *e)
{
    const struct json_value *jwk = json_get(group, "publicKeyJwk");
    CLEANUP(buf_clear) struct buf spki = { 0 }, json = { 0 };
    CLEANUP(key_freep) struct key *by_jwk = NULL;
    struct key *key = NULL;

    if (!jwk)
        jwk = json_get(group, "keyJwk");
    corpus_hex(&spki, group, "publicKeyDer");
    if (key_read_public(&key, buf_slice(&spki), e))
        fail_msg("publicKeyDer: %s", err_text(e));
    *rc = 0;
    if (jwk) {
        put_value(&json, jwk);
        *rc = jwk_read(&by_jwk, buf_slice(&json), e);
        if (*rc == 0 && !key_same_public(key, by_jwk))
            fail_msg("JWK and SubjectPublicKeyInfo differ");
    }
    return key;
}

static void signature_test(const char *file, const struct json_value *group,
                           const struct json_value *test)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(buf_clear) struct buf message = { 0 };
    CLEANUP(jws_clear) struct jws jws = { 0 };
    struct err e = { 0 };
    int rc;

    key = group_key(group, &rc, &e);
    assert_int_equal(rc, 0);
    assert_int_equal(jws_alg_of_key(&jws.alg, key, &e), 0);
    corpus_hex(&message, test, "msg");
    corpus_hex(&jws.sig, test, "sig");
    jws.signed_part = buf_slice(&message);
    rc = jws_verify(&jws, key, &e);
    check_verdict(file, test, rc == 0, NULL, &e);
}

static void test_wycheproof_signatures(void **state)
{
    (void)state;
    run_file("ecdsa_secp256r1_sha256_p1363_test", signature_test);
    run_file("ecdsa_secp384r1_sha384_p1363_test", signature_test);
    run_file("ed25519_test", signature_test);
    run_file("rsa_signature_2048_sha256_test", signature_test);
    run_file("rsa_signature_3072_sha256_test", signature_test);
    run_file("rsa_signature_4096_sha256_test", signature_test);
}

static void refused_key_test(const char *file, const struct json_value *group,
                             const struct json_value *test)
{
    CLEANUP(key_freep) struct key *key = NULL;
    struct err e = { 0 };
    enum jws_alg alg;
    int rc;

    (void)test;
    key = group_key(group, &rc, &e);
    if (rc == 0 && (json_get(group, "publicKeyJwk") || json_get(group, "keyJwk")))
        fail_msg("%s: a JWK that is not for us was read", file);
    assert_int_equal(jws_alg_of_key(&alg, key, &e), -1);
}

static void test_wycheproof_p521(void **state)
{
    (void)state;
    run_file("ecdsa_secp521r1_sha512_p1363_test", refused_key_test);
}

static const struct {
    const char *file;
    bool valid;         /* what we say; the vectors are all valid */
    const char *reason; /* why we refuse */
} cookbook[] = {
    { "jws/4_1.rsa_v15_signature", true, NULL },
    { "curve25519/jws", true, NULL },
    { "jws/4_2.rsa-pss_signature", false, "PS384" },
    { "jws/4_3.ecdsa_signature", false, "ES512" },
    { "jws/4_4.hmac-sha2_integrity_protection", false, "HS256" },
    { "jws/4_5.signature_with_detached_content", false, "HS256, detached" },
    { "rfc7797/hmac-sha2_b64_false", false, "HS256, b64 and crit" },
    { "curve25519/ecdh-es", false, "a JWE" },
};

static void test_rfc7520_tokens(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cookbook); i++) {
        CLEANUP(json_freep) struct json *doc = NULL;
        const struct json_value *root;
        struct err e = { 0 };
        const char *token;
        char path[128];
        int rc;

        snprintf(path, sizeof path, "jose/rfc7520/%s.json", cookbook[i].file);
        doc = corpus_json(path);
        if (!doc)
            continue;
        root = json_root(doc);
        token = json_text(json_path(root, "output.compact"));
        if (!token)
            fail_msg("%s: no compact form", path);
        rc = verify(json_path(root, "input.key"), slice_str(token), &e);
        if ((rc == 0) != cookbook[i].valid)
            fail_msg("%s: %s", path, rc ? err_text(&e) : "accepted");
    }
}

/* Files with a JSON serialization alone: none of its texts is a token. */
static void test_rfc7520_json_serialization(void **state)
{
    static const char *const files[] = {
        "jws/4_6.protecting_specific_header_fields",
        "jws/4_7.protecting_content_only",
        "jws/4_8.multiple_signatures",
        "rfc7797/4.2.hmac-sha2_b64_false",
        "jws/4_1.rsa_v15_signature",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(json_freep) struct json *doc = NULL;
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(jws_clear) struct jws jws = { 0 };
        char path[128];

        snprintf(path, sizeof path, "jose/rfc7520/%s.json", files[i]);
        doc = corpus_json(path);
        if (!doc)
            continue;
        put_value(&text, json_path(json_root(doc), "output.json"));
        assert_true(text.len > 4);
        assert_int_equal(jws_read(&jws, buf_slice(&text), NULL), -1);
    }
}

static const struct {
    const char *file;
    enum err_code want;
    const char *reason;
} cookbook_keys[] = {
    { "3_1.ec_public_key", ERR_INVALID, "P-521" },
    { "3_2.ec_private_key", ERR_INVALID, "P-521" },
    { "3_3.rsa_public_key", ERR_NONE, NULL },
    { "3_4.rsa_private_key", ERR_NONE, NULL },
    { "3_5.symmetric_key_mac_computation", ERR_INVALID, "a shared key" },
    { "3_6.symmetric_key_encryption", ERR_INVALID, "a shared key" },
};

static void test_rfc7520_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cookbook_keys); i++) {
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(key_freep) struct key *key = NULL;
        struct err e = { 0 };
        char path[128];

        snprintf(path, sizeof path, "jose/rfc7520/jwk/%s.json", cookbook_keys[i].file);
        if (!corpus_read(&text, path)) {
            corpus_absent(path);
            continue;
        }
        (void)!jwk_read(&key, buf_slice(&text), &e);
        if (e.code != cookbook_keys[i].want)
            fail_msg("%s: %s", path, err_text(&e));
        assert_false(key && key_is_private(key));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wycheproof_tokens),
        cmocka_unit_test(test_wycheproof_signatures),
        cmocka_unit_test(test_wycheproof_p521),
        cmocka_unit_test(test_rfc7520_tokens),
        cmocka_unit_test(test_rfc7520_json_serialization),
        cmocka_unit_test(test_rfc7520_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
