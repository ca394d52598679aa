#include "corpora.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

static const uint8_t key_bytes[AEAD_KEY_LEN] = "an AES-256 key of thirty-two byt";

static struct slice key(void)
{
    return slice_of(key_bytes, sizeof key_bytes);
}

static void test_round_trip(void **state)
{
    static const size_t lengths[] = { 0, 1, 15, 16, 17, 4096, 100000 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        CLEANUP(buf_clear) struct buf plain = { 0 }, sealed = { 0 };
        CLEANUP(secret_clear) struct secret opened = { 0 };
        struct err e = { 0 };

        for (size_t k = 0; k < lengths[i]; k++)
            buf_add_byte(&plain, (uint8_t)k);
        buf_add_str(&sealed, "kept"); /* seal appends */
        assert_int_equal(aead_seal(&sealed, key(), slice_str("aad"), buf_slice(&plain), &e), 0);
        assert_int_equal(sealed.len, 4 + AEAD_NONCE_LEN + lengths[i] + AEAD_TAG_LEN);
        assert_int_equal(aead_open(&opened, key(), slice_str("aad"),
                                   slice_of(sealed.ptr + 4, sealed.len - 4), &e),
                         0);
        assert_true(slice_eq(secret_slice(&opened), buf_slice(&plain)));
    }
}

/* A row changes one thing between seal and open. */
static void test_refuses(void **state)
{
    static const struct {
        const char *label, *aad;
        size_t flip, cut; /* byte of the sealed value; bytes off its end */
        bool other_key;
    } rows[] = {
        { "other associated data", "aae", SIZE_MAX, 0, false },
        { "no associated data", "", SIZE_MAX, 0, false },
        { "another key", "aad", SIZE_MAX, 0, true },
        { "a changed nonce", "aad", 0, 0, false },
        { "a changed byte", "aad", 13, 0, false },
        { "a changed tag", "aad", AEAD_NONCE_LEN + 5, 0, false },
        { "cut by one byte", "aad", SIZE_MAX, 1, false },
        { "cut inside the tag", "aad", SIZE_MAX, 10, false },
        { "cut to less than a nonce and a tag", "aad", SIZE_MAX, 6, false },
        { "nothing left", "aad", SIZE_MAX, AEAD_NONCE_LEN + 5 + AEAD_TAG_LEN, false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_clear) struct buf sealed = { 0 };
        CLEANUP(secret_clear) struct secret opened = { 0 };
        uint8_t other[AEAD_KEY_LEN];
        struct err e = { 0 };
        int rc;

        memcpy(other, key_bytes, sizeof other);
        other[31] ^= 1;
        assert_int_equal(aead_seal(&sealed, key(), slice_str("aad"), slice_str("plain"), NULL), 0);
        if (rows[i].flip != SIZE_MAX)
            sealed.ptr[rows[i].flip] ^= 1;
        rc = aead_open(&opened, rows[i].other_key ? slice_of(other, sizeof other) : key(),
                       slice_str(rows[i].aad), slice_of(sealed.ptr, sealed.len - rows[i].cut), &e);
        if (rc != -1 || e.code != ERR_CORRUPT || opened.ptr)
            fail_msg("%s: got %s", rows[i].label, err_text(&e));
    }
}

static void test_key_length(void **state)
{
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(secret_clear) struct secret opened = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(aead_seal(&sealed, slice_of(key_bytes, 16), slice_str(""), slice_str(""), &e),
                     -1);
    assert_int_equal(e.code, ERR_INTERNAL);
    assert_int_equal(sealed.len, 0);
    assert_int_equal(aead_open(&opened, slice_of(key_bytes, 16), slice_str(""), key(), &e), -1);
}

static void test_nonces_differ(void **state)
{
    CLEANUP(buf_clear) struct buf one = { 0 }, two = { 0 };

    (void)state;
    assert_int_equal(aead_seal(&one, key(), slice_str(""), slice_str("same"), NULL), 0);
    assert_int_equal(aead_seal(&two, key(), slice_str(""), slice_str("same"), NULL), 0);
    assert_memory_not_equal(one.ptr, two.ptr, AEAD_NONCE_LEN);
    assert_memory_not_equal(one.ptr + AEAD_NONCE_LEN, two.ptr + AEAD_NONCE_LEN, 4);
}

/* FIPS 180-2 appendix B.1, RFC 4231 case 2. */
static void test_hash(void **state)
{
    CLEANUP(buf_clear) struct buf hex = { 0 };
    uint8_t mac[SHA256_LEN];

    (void)state;
    sha256_hex(&hex, slice_str("abc"));
    assert_string_equal(buf_str(&hex),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    buf_reset(&hex);
    sha256_hex(&hex, slice_of(NULL, 0));
    assert_string_equal(buf_str(&hex),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(
        hmac_sha256(mac, slice_str("Jefe"), slice_str("what do ya want for nothing?"), NULL), 0);
    buf_reset(&hex);
    hex_encode(&hex, slice_of(mac, sizeof mac));
    assert_string_equal(buf_str(&hex),
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_int_equal(hmac_sha256(mac, slice_of(NULL, 0), slice_of(NULL, 0), NULL), 0);
    buf_reset(&hex);
    hex_encode(&hex, slice_of(mac, sizeof mac));
    assert_string_equal(buf_str(&hex),
                        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_hkdf_limits(void **state)
{
    CLEANUP(secret_clear) struct secret out = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(hkdf_sha256(&out, 8160, key(), slice_str(""), slice_str(""), &e), 0);
    assert_int_equal(hkdf_sha256(&out, 8161, key(), slice_str(""), slice_str(""), &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_int_equal(hkdf_sha256(&out, 0, key(), slice_str(""), slice_str(""), &e), -1);
    assert_int_equal(out.len, 8160); /* untouched by a failure */
}

/* ---- Wycheproof ---- */

typedef bool verdict(const struct json_value *group, const struct json_value *test, struct err *e);

/* Runs each test of the groups that `applies` to; how many were left out is said. */
static void run(const char *file, bool (*applies)(const struct json_value *group), verdict *check)
{
    CLEANUP(json_freep) struct json *doc = corpus_json(file);
    const struct json_value *groups = json_get(doc ? json_root(doc) : NULL, "testGroups");
    size_t ran = 0, left_out = 0;
    unsigned wrong = 0;

    for (size_t i = 0; i < json_len(groups); i++) {
        const struct json_value *group = json_at(groups, i), *tests = json_get(group, "tests");

        if (!applies(group)) {
            left_out += json_len(tests);
            continue;
        }
        for (size_t k = 0; k < json_len(tests); k++) {
            const struct json_value *test = json_at(tests, k);
            bool want = strcmp(json_text(json_get(test, "result")), "valid") == 0;
            struct err e = { 0 };
            char id[32];

            snprintf(id, sizeof id, "%lld", (long long)json_int(json_get(test, "tcId"), -1));
            wrong += deviation_count(NULL, id, want, check(group, test, &e), &e);
            ran++;
        }
    }
    printf("# %s: %zu tests, %zu of other sizes\n", file, ran, left_out);
    assert_int_equal(wrong, 0);
}

static bool gcm_applies(const struct json_value *group)
{
    return json_int(json_get(group, "keySize"), 0) == 256 &&
           json_int(json_get(group, "ivSize"), 0) == 96 &&
           json_int(json_get(group, "tagSize"), 0) == 128;
}

static bool gcm_check(const struct json_value *group, const struct json_value *test, struct err *e)
{
    CLEANUP(buf_clear) struct buf k = { 0 }, sealed = { 0 }, part = { 0 }, aad = { 0 };
    CLEANUP(secret_clear) struct secret opened = { 0 };
    static const char *const parts[] = { "iv", "ct", "tag" };

    (void)group;
    corpus_hex(&k, test, "key");
    corpus_hex(&aad, test, "aad");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        corpus_hex(&part, test, parts[i]);
        buf_add_slice(&sealed, buf_slice(&part));
    }
    if (aead_open(&opened, buf_slice(&k), buf_slice(&aad), buf_slice(&sealed), e))
        return false;
    corpus_hex(&part, test, "msg");
    assert_true(slice_eq(secret_slice(&opened), buf_slice(&part)));
    return true;
}

static bool always(const struct json_value *group)
{
    (void)group;
    return true;
}

/* Truncated tags are compared as far as they go: we make whole ones. */
static bool hmac_check(const struct json_value *group, const struct json_value *test, struct err *e)
{
    CLEANUP(buf_clear) struct buf k = { 0 }, msg = { 0 }, tag = { 0 };
    size_t len = (size_t)json_int(json_get(group, "tagSize"), 0) / 8;
    uint8_t mac[SHA256_LEN];

    corpus_hex(&k, test, "key");
    corpus_hex(&msg, test, "msg");
    corpus_hex(&tag, test, "tag");
    assert_int_equal(hmac_sha256(mac, buf_slice(&k), buf_slice(&msg), e), 0);
    return len <= sizeof mac && slice_eq_secret(slice_of(mac, len), buf_slice(&tag));
}

static bool hkdf_check(const struct json_value *group, const struct json_value *test, struct err *e)
{
    CLEANUP(buf_clear) struct buf ikm = { 0 }, salt = { 0 }, info = { 0 }, okm = { 0 };
    CLEANUP(secret_clear) struct secret out = { 0 };
    size_t size = (size_t)json_int(json_get(test, "size"), 0);

    (void)group;
    corpus_hex(&ikm, test, "ikm");
    corpus_hex(&salt, test, "salt");
    corpus_hex(&info, test, "info");
    corpus_hex(&okm, test, "okm");
    if (hkdf_sha256(&out, size, buf_slice(&ikm), buf_slice(&salt), buf_slice(&info), e))
        return false;
    return slice_eq(secret_slice(&out), buf_slice(&okm));
}

static void test_wycheproof(void **state)
{
    (void)state;
    run("jose/wycheproof/aes_gcm_test.json", gcm_applies, gcm_check);
    run("jose/wycheproof/hmac_sha256_test.json", always, hmac_check);
    run("jose/wycheproof/hkdf_sha256_test.json", always, hkdf_check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_key_length), cmocka_unit_test(test_nonces_differ),
        cmocka_unit_test(test_hash),       cmocka_unit_test(test_hkdf_limits),
        cmocka_unit_test(test_wycheproof),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
