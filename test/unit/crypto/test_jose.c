#include "unit.h"

#include "base/encode.h"
#include "crypto/jose.h"
#include "expect.h"

/* JSON stands here with ' for ", which set_quotes() mends. */

/* RFC 7517 A.1, RFC 7638 3.1, RFC 8037 A.2. */
#define X "'x':'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4'"
#define Y "'y':'4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM'"
#define EC "'kty':'EC','crv':'P-256'," X "," Y
#define N                                                                                          \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"    \
    "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2"   \
    "QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh"   \
    "6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define RSA "'kty':'RSA','n':'" N "','e':'AQAB'"
#define OKP "'kty':'OKP','crv':'Ed25519','x':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'"
/* Made for this test: 1 modulo each of the primes that the ROCA check looks at. */
#define Z50 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ROCA_N "g" Z50 Z50 Z50 Z50 Z50 Z50 "AAAAAAAAAAAAAAAAAAAAAAAEE3WhcVD48x9NxWmzw"

static const struct {
    const char *label, *json;
    enum err_code want;
    const char *says;
} jwks[] = {
    { "P-256", "{" EC "}", ERR_NONE, NULL },
    { "RSA", "{" RSA "}", ERR_NONE, NULL },
    { "Ed25519", "{" OKP "}", ERR_NONE, NULL },
    { "white space around", " {\n" EC " }\n", ERR_NONE, NULL },
    { "all purposes said", "{" EC ",'use':'sig','alg':'ES256','key_ops':['verify']}", ERR_NONE,
      NULL },
    { "unknown members", "{" RSA ",'x5t':'?','color':{'a':[1]}}", ERR_NONE, NULL },
    { "a private key's public half",
      "{" OKP ",'key_ops':['sign'],'d':'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A'}", ERR_NONE,
      NULL },
    { "nothing", "", ERR_INVALID, "not JSON" },
    { "not JSON", "{" EC, ERR_INVALID, "not JSON" },
    { "a byte order mark", "\xef\xbb\xbf{" EC "}", ERR_INVALID, "not JSON" },
    { "more behind it", "{" EC "}{}", ERR_INVALID, "not JSON" },
    { "not an object", "[]", ERR_INVALID, "not a JSON object" },
    { "a member twice", "{" EC "," X "}", ERR_INVALID, "repeats" },
    { "a member twice, escaped", "{" EC ",'k\\u0074y':'EC'}", ERR_INVALID, "repeats" },
    { "no kty", "{'crv':'P-256'," X "," Y "}", ERR_INVALID, "'kty' is missing" },
    { "kty not text", "{'kty':1,'crv':'P-256'," X "," Y "}", ERR_INVALID, "not a string" },
    { "kty with a NUL", "{'kty':'EC\\u0000','crv':'P-256'," X "," Y "}", ERR_INVALID, "NUL" },
    { "kty in lower case", "{'kty':'ec','crv':'P-256'," X "," Y "}", ERR_INVALID, "kty" },
    { "a shared secret", "{'kty':'oct','k':'AAAA'}", ERR_INVALID, "kty" },
    { "EC without curve", "{'kty':'EC'," X "," Y "}", ERR_INVALID, "crv" },
    { "EC on secp256k1", "{'kty':'EC','crv':'secp256k1'," X "," Y "}", ERR_INVALID, "crv" },
    { "EC on P-521", "{'kty':'EC','crv':'P-521'," X "," Y "}", ERR_INVALID, "crv" },
    { "EC with an OKP curve", "{'kty':'EC','crv':'Ed25519'," X "," Y "}", ERR_INVALID, "crv" },
    { "OKP on X25519",
      "{'kty':'OKP','crv':'X25519','x':'3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08'}", ERR_INVALID,
      "crv" },
    { "RSA with a curve", "{" RSA ",'crv':'P-256'}", ERR_INVALID, "crv" },
    { "no x", "{'kty':'EC','crv':'P-256'," Y "}", ERR_INVALID, "'x' is missing" },
    { "no y", "{'kty':'EC','crv':'P-256'," X "}", ERR_INVALID, "'y' is missing" },
    { "y not text", "{'kty':'EC','crv':'P-256'," X ",'y':null}", ERR_INVALID, "not a string" },
    { "x in plain base64",
      "{'kty':'OKP','crv':'Ed25519','x':'11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo'}",
      ERR_INVALID, "base64" },
    { "x with padding",
      "{'kty':'OKP','crv':'Ed25519','x':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="
      "'}",
      ERR_INVALID, "'x'" },
    { "x with white space",
      "{'kty':'OKP','crv':'Ed25519','x':'11qYAYKxCrfVS_"
      "7TyWQHOg7hcvPap\\nMlrwIaaPcHURo'}",
      ERR_INVALID, "base64" },
    { "x with stray bits",
      "{'kty':'OKP','crv':'Ed25519','x':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp'}",
      ERR_INVALID, "base64" },
    { "x too short", "{'kty':'EC','crv':'P-256','x':'AAAA'," Y "}", ERR_INVALID, "3 bytes" },
    { "x with a zero more",
      "{'kty':'EC','crv':'P-256','x':'ADCgQkzSHClEg4otdckrN-duog2fAIk6O07uijwKr-w-'," Y "}",
      ERR_INVALID, "33 bytes" },
    { "an Ed25519 key too short", "{'kty':'OKP','crv':'Ed25519','x':'11qYAYKxCrc'}", ERR_INVALID,
      "8 bytes" },
    { "a point off the curve",
      "{'kty':'EC','crv':'P-256'," X ",'y':"
      "'4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyI'}",
      ERR_INVALID, NULL },
    { "a point of another curve", "{'kty':'EC','crv':'P-384'," X "," Y "}", ERR_INVALID,
      "32 bytes" },
    { "the point at infinity",
      "{'kty':'EC','crv':'P-256','x':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',"
      "'y':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}",
      ERR_INVALID, NULL },
    { "a coordinate beyond the field",
      "{'kty':'EC','crv':'P-256','x':'__________________________________________8'," Y "}",
      ERR_INVALID, NULL },
    { "no modulus", "{'kty':'RSA','e':'AQAB'}", ERR_INVALID, "'n' is missing" },
    { "no exponent", "{'kty':'RSA','n':'" N "'}", ERR_INVALID, "'e' is missing" },
    { "an empty modulus", "{'kty':'RSA','n':'','e':'AQAB'}", ERR_INVALID, "modulus" },
    { "exponent 1", "{'kty':'RSA','n':'" N "','e':'AQ'}", ERR_INVALID, "exponent" },
    { "exponent 0", "{'kty':'RSA','n':'" N "','e':'AA'}", ERR_INVALID, "'e'" },
    { "exponent 2", "{'kty':'RSA','n':'" N "','e':'Ag'}", ERR_INVALID, "exponent" },
    { "exponent 3", "{'kty':'RSA','n':'" N "','e':'Aw'}", ERR_NONE, NULL },
    { "exponent 65536", "{'kty':'RSA','n':'" N "','e':'AQAA'}", ERR_INVALID, "exponent" },
    { "an exponent with a zero more", "{'kty':'RSA','n':'" N "','e':'AAEAAQ'}", ERR_INVALID,
      "'e'" },
    { "an exponent of five bytes", "{'kty':'RSA','n':'" N "','e':'AQAAAAE'}", ERR_INVALID, "'e'" },
    { "an empty exponent", "{'kty':'RSA','n':'" N "','e':''}", ERR_INVALID, "'e'" },
    { "the ROCA weakness", "{'kty':'RSA','n':'" ROCA_N "','e':'AQAB'}", ERR_INVALID, "ROCA" },
    { "use for encryption", "{" EC ",'use':'enc'}", ERR_INVALID, "'use'" },
    { "use not text", "{" EC ",'use':['sig']}", ERR_INVALID, "not a string" },
    { "another algorithm for RSA", "{" RSA ",'alg':'RS512'}", ERR_INVALID, "'alg'" },
    { "another padding for RSA", "{" RSA ",'alg':'PS256'}", ERR_INVALID, "'alg'" },
    { "another curve's algorithm", "{" EC ",'alg':'ES384'}", ERR_INVALID, "'alg'" },
    { "no algorithm at all", "{" EC ",'alg':'none'}", ERR_INVALID, "'alg'" },
    { "alg not text", "{" EC ",'alg':256}", ERR_INVALID, "not a string" },
    { "key_ops for encryption", "{" RSA ",'key_ops':['encrypt']}", ERR_INVALID, "'key_ops'" },
    { "key_ops with one too many", "{" RSA ",'key_ops':['verify','wrapKey']}", ERR_INVALID,
      "'key_ops'" },
    { "key_ops repeated", "{" RSA ",'key_ops':['verify','verify']}", ERR_INVALID, "repeats" },
    { "key_ops empty", "{" RSA ",'key_ops':[]}", ERR_INVALID, "'key_ops'" },
    { "key_ops not a list", "{" RSA ",'key_ops':'verify'}", ERR_INVALID, "'key_ops'" },
    { "key_ops of numbers", "{" RSA ",'key_ops':[1]}", ERR_INVALID, "'key_ops'" },
    { "kid not text", "{" EC ",'kid':7}", ERR_INVALID, "not a string" },
};

static void set_quotes(struct buf *json)
{
    for (size_t i = 0; i < json->len; i++)
        if (json->ptr[i] == '\'')
            json->ptr[i] = '"';
}

static int read_jwk(struct key **key, const char *text, struct err *e)
{
    CLEANUP(buf_clear) struct buf json = { 0 };

    buf_add_str(&json, text);
    set_quotes(&json);
    return jwk_read(key, buf_slice(&json), e);
}

static void test_jwk_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(jwks); i++) {
        CLEANUP(key_freep) struct key *key = NULL;
        struct err e = { 0 };
        int rc = read_jwk(&key, jwks[i].json, &e);

        expect(jwks[i].label, rc, &e, jwks[i].want, jwks[i].says);
        if ((key != NULL) != (rc == 0) || (key && key_is_private(key)))
            fail_msg("%s: a key on failure, or a private one", jwks[i].label);
    }
}

/* An RSA key whose modulus is 0xc3 ... of so many bytes. */
static void put_rsa(struct buf *out, size_t len, bool leading_zero, uint8_t last)
{
    CLEANUP(buf_clear) struct buf n = { 0 };

    if (leading_zero)
        buf_add_byte(&n, 0);
    for (size_t i = 0; i + 1 < len; i++)
        buf_add_byte(&n, 0xc3);
    buf_add_byte(&n, last);
    buf_add_str(out, "{'kty':'RSA','e':'AQAB','n':'");
    base64url_encode(out, buf_slice(&n));
    buf_add_str(out, "'}");
    set_quotes(out);
}

static void test_jwk_rsa_sizes(void **state)
{
    static const struct {
        const char *label;
        size_t len;
        bool leading_zero;
        uint8_t last;
        enum err_code want;
    } cases[] = {
        { "2048 bits", 256, false, 0xc1, ERR_NONE },
        { "8192 bits", 1024, false, 0xc1, ERR_NONE },
        { "1024 bits", 128, false, 0xc1, ERR_INVALID },
        { "2040 bits", 255, false, 0xc1, ERR_INVALID },
        { "8200 bits", 1025, false, 0xc1, ERR_INVALID },
        { "a zero in front", 256, true, 0xc1, ERR_INVALID },
        { "2040 bits and a zero", 255, true, 0xc1, ERR_INVALID },
        { "an even modulus", 256, false, 0xc2, ERR_INVALID },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_clear) struct buf json = { 0 };
        CLEANUP(key_freep) struct key *key = NULL;
        struct err e = { 0 };

        put_rsa(&json, cases[i].len, cases[i].leading_zero, cases[i].last);
        expect(cases[i].label, jwk_read(&key, buf_slice(&json), &e), &e, cases[i].want, NULL);
    }
}

static void test_jwk_limits(void **state)
{
    CLEANUP(buf_clear) struct buf many = { 0 }, deep = { 0 }, large = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    struct err e = { 0 };

    (void)state;
    buf_add_str(&many, "{" EC);
    for (int i = 0; i < 61; i++)
        buf_addf(&many, ",'m%d':%d", i, i);
    buf_add_str(&many, "}");
    expect("65 members", read_jwk(&key, buf_str(&many), &e), &e, ERR_LIMIT, "members");
    buf_add_str(&large, "{" EC "}");
    while (large.len <= JOSE_MAX_JWK)
        buf_add_byte(&large, ' ');
    e = (struct err){ 0 };
    expect("too large", read_jwk(&key, buf_str(&large), &e), &e, ERR_LIMIT, "16384");
    buf_add_str(&deep, "{" EC ",'deep':");
    for (int i = 0; i < 7000; i++)
        buf_add_byte(&deep, '[');
    for (int i = 0; i < 7000; i++)
        buf_add_byte(&deep, ']');
    buf_add_str(&deep, "}");
    e = (struct err){ 0 };
    expect("deep", read_jwk(&key, buf_str(&deep), &e), &e, ERR_NONE, NULL);
}

static const struct {
    const char *json, *thumbprint, *written;
} known[] = {
    { "{" RSA "}", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", /* RFC 7638 3.1 */
      "{'kty':'RSA','n':'" N "','e':'AQAB','alg':'RS256','use':'sig','kid':'a'}" },
    { "{" OKP "}", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", /* RFC 8037 A.3 */
      "{" OKP ",'alg':'EdDSA','use':'sig','kid':'a'}" },
    { "{" EC "}",
      "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s", /* computed with Python's hashlib */
      "{" EC ",'alg':'ES256','use':'sig','kid':'a'}" },
};

static void test_jwk_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        CLEANUP(key_freep) struct key *key = NULL;
        CLEANUP(buf_clear) struct buf out = { 0 }, want = { 0 };

        assert_int_equal(read_jwk(&key, known[i].json, NULL), 0);
        assert_int_equal(jwk_thumbprint(&out, key, NULL), 0);
        assert_string_equal(buf_str(&out), known[i].thumbprint);
        buf_reset(&out);
        assert_int_equal(jwk_write(&out, key, "a", NULL), 0);
        buf_add_str(&want, known[i].written);
        set_quotes(&want);
        assert_string_equal(buf_str(&out), buf_str(&want));
    }
}

static const struct {
    const char *label, *kid, *json; /* json NULL: refused */
} labels[] = {
    { "none", NULL, "" },
    { "empty", "", "" },
    { "a quote and a backslash", "a\"b\\c", ",\"kid\":\"a\\\"b\\\\c\"" },
    { "UTF-8", "cl\xc3\xa9", ",\"kid\":\"cl\xc3\xa9\"" },
    { "a line feed", "a\nb", NULL },
    { "a bidirectional mark", "a\xe2\x80\xae.", NULL },
    { "not UTF-8", "a\xff", NULL },
};

static void test_labels(void **state)
{
    CLEANUP(key_freep) struct key *key = NULL;

    (void)state;
    assert_int_equal(key_generate(&key, KEY_P256, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        CLEANUP(buf_clear) struct buf jwk = { 0 }, token = { 0 };
        struct slice payload = slice_str("{}");
        bool want = labels[i].json;

        if ((jwk_write(&jwk, key, labels[i].kid, NULL) == 0) != want ||
            (jws_sign(&token, key, labels[i].kid, NULL, payload, NULL) == 0) != want ||
            (jws_sign(&token, key, NULL, labels[i].kid, payload, NULL) == 0) != want)
            fail_msg("%s", labels[i].label);
        if (want && !strstr(buf_str(&jwk), labels[i].json))
            fail_msg("%s: %s", labels[i].label, buf_str(&jwk));
        if (!want && (jwk.len || token.len))
            fail_msg("%s: output on failure", labels[i].label);
    }
}

static const enum key_type types[] = { KEY_P256, KEY_P384, KEY_ED25519, KEY_RSA2048, KEY_RSA3072 };
static const char *const alg_names[] = { "ES256", "ES384", "EdDSA", "RS256", "RS256" };

static struct key *keys[ARRAY_LEN(types)];

static int make_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (key_generate(&keys[i], types[i], NULL))
            return -1;
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        key_free(keys[i]);
    return 0;
}

static int verify(struct slice token, const struct key *key, struct err *e)
{
    CLEANUP(jws_clear) struct jws jws = { 0 };

    return jws_read(&jws, token, e) ? -1 : jws_verify(&jws, key, e);
}

static void test_sign_and_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(buf_clear) struct buf token = { 0 }, jwk = { 0 }, want = { 0 };
        CLEANUP(key_freep) struct key *public = NULL;
        CLEANUP(jws_clear) struct jws jws = { 0 };
        struct err e = { 0 };

        assert_int_equal(jwk_write(&jwk, keys[i], "k1", &e), 0);
        assert_int_equal(jwk_read(&public, buf_slice(&jwk), &e), 0);
        assert_true(key_same_public(public, keys[i]));
        buf_add_str(&token, "Bearer "); /* it is appended */
        assert_int_equal(jws_sign(&token, keys[i], "k1", "JWT", slice_str("claims"), &e), 0);
        memmove(token.ptr, token.ptr + 7, token.len -= 7);
        assert_int_equal(jws_read(&jws, buf_slice(&token), &e), 0);
        assert_string_equal(jws_alg_name(jws.alg), alg_names[i]);
        assert_string_equal(jws.kid, "k1");
        buf_addf(&want, "{'alg':'%s','typ':'JWT','kid':'k1'}", alg_names[i]);
        set_quotes(&want);
        assert_true(slice_eq(buf_slice(&jws.header), buf_slice(&want)));
        assert_true(slice_eq_str(buf_slice(&jws.payload), "claims"));
        if (jws_verify(&jws, public, &e))
            fail_msg("%s: %s", alg_names[i], err_text(&e));
    }
}

static void test_wrong_key(void **state)
{
    struct err e = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(buf_clear) struct buf token = { 0 };

        assert_int_equal(jws_sign(&token, keys[i], NULL, NULL, slice_str(""), NULL), 0);
        for (size_t k = 0; k < ARRAY_LEN(types); k++) {
            e = (struct err){ 0 };
            if ((verify(buf_slice(&token), keys[k], &e) == 0) != (i == k))
                fail_msg("%s under key %zu: %s", alg_names[i], k, err_text(&e));
            if (i != k && e.code != ERR_INVALID)
                fail_msg("%s under key %zu: %s", alg_names[i], k, err_text(&e));
        }
    }
}

/* Each byte of a token matters: another one in its place makes it fail to parse or to verify. */
static void test_changed_byte(void **state)
{
    static const uint8_t others[] = { 'A', 'B', '.', '=', ' ', '\n', '-', 0 };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        CLEANUP(buf_clear) struct buf token = { 0 };

        assert_int_equal(jws_sign(&token, keys[i], "k", NULL, slice_str("{'sub':'a'}"), NULL), 0);
        for (size_t at = 0; at < token.len; at++) {
            uint8_t was = token.ptr[at];

            for (size_t k = 0; k < ARRAY_LEN(others); k++) {
                token.ptr[at] = others[k];
                if (others[k] != was && !verify(buf_slice(&token), keys[i], NULL))
                    fail_msg("%s: byte %zu may be %02x", alg_names[i], at, others[k]);
            }
            token.ptr[at] = was;
            if (!verify(slice_of(token.ptr, at), keys[i], NULL))
                fail_msg("%s: may end at byte %zu", alg_names[i], at);
        }
        assert_int_equal(verify(buf_slice(&token), keys[i], NULL), 0);
    }
}

/* Signatures of other sizes and numbers than r and s of full size. */
static void test_ecdsa_form(void **state)
{
    static const uint8_t order[] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                     0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };
    CLEANUP(buf_clear) struct buf token = { 0 }, der = { 0 };
    CLEANUP(jws_clear) struct jws jws = { 0 };
    uint8_t good[64], sig[65] = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(jws_sign(&token, keys[0], NULL, NULL, slice_str("x"), NULL), 0);
    assert_int_equal(jws_read(&jws, buf_slice(&token), NULL), 0);
    assert_int_equal(jws.sig.len, 64);
    memcpy(good, jws.sig.ptr, 64);
    for (size_t len = 0; len <= 65; len++) {
        memcpy(sig, good, 64);
        buf_reset(&jws.sig);
        buf_add(&jws.sig, sig, len);
        assert_int_equal(jws_verify(&jws, keys[0], NULL) == 0, len == 64);
    }
    for (int which = 0; which < 4; which++) { /* r or s, zero or the group's order */
        memcpy(sig, good, 64);
        if (which < 2)
            memset(sig + 32 * which, 0, 32);
        else
            memcpy(sig + 32 * (which - 2), order, 32);
        buf_reset(&jws.sig);
        buf_add(&jws.sig, sig, 64);
        assert_int_equal(jws_verify(&jws, keys[0], &e), -1);
    }
    assert_int_equal(key_sign(keys[0], jws.signed_part, &der, NULL), 0);
    buf_reset(&jws.sig);
    buf_add_slice(&jws.sig, buf_slice(&der));
    expect("the signature of X.509", jws_verify(&jws, keys[0], &e), &e, ERR_INVALID,
           "signature of");
}

static const struct {
    const char *label, *header;
    enum err_code want;
    const char *says;
} headers[] = {
    { "the least", "{'alg':'ES256'}", ERR_NONE, NULL },
    { "white space", " {\t'alg' :\n'ES256'} ", ERR_NONE, NULL },
    { "an embedded key is ignored", "{'alg':'ES256','jwk':{" EC "},'jku':'https://x'}", ERR_NONE,
      NULL },
    { "certificates are ignored", "{'alg':'RS256','x5c':['MII'],'x5u':1}", ERR_NONE, NULL },
    { "kid of 127 bytes", "{'alg':'RS256','kid':'%127'}", ERR_NONE, NULL },
    { "kid of 128 bytes", "{'alg':'RS256','kid':'%128'}", ERR_LIMIT, "'kid'" },
    { "kid not text", "{'alg':'RS256','kid':1}", ERR_INVALID, "'kid'" },
    { "kid with a NUL", "{'alg':'RS256','kid':'a\\u0000b'}", ERR_INVALID, "NUL" },
    { "kid with an escape sequence", "{'alg':'RS256','kid':'\\u001b[2J'}", ERR_INVALID, "unprint" },
    { "kid with a bidirectional mark", "{'alg':'RS256','kid':'\\u202e'}", ERR_INVALID, "unprint" },
    { "typ not text", "{'alg':'RS256','typ':['JWT']}", ERR_INVALID, "'typ'" },
    { "cty not text", "{'alg':'RS256','cty':{}}", ERR_INVALID, "'cty'" },
    { "no alg", "{'kid':'a'}", ERR_INVALID, "'alg' is missing" },
    { "alg not text", "{'alg':['RS256']}", ERR_INVALID, "not a string" },
    { "alg null", "{'alg':null}", ERR_INVALID, "not a string" },
    { "alg twice", "{'alg':'RS256','alg':'none'}", ERR_INVALID, "repeats" },
    { "alg twice, escaped", "{'alg':'RS256','\\u0061lg':'none'}", ERR_INVALID, "repeats" },
    { "alg none", "{'alg':'none'}", ERR_INVALID, "algorithm" },
    { "alg None", "{'alg':'None'}", ERR_INVALID, "algorithm" },
    { "alg empty", "{'alg':''}", ERR_INVALID, "algorithm" },
    { "alg with a NUL", "{'alg':'RS256\\u0000'}", ERR_INVALID, "NUL" },
    { "alg in lower case", "{'alg':'rs256'}", ERR_INVALID, "algorithm" },
    { "HS256", "{'alg':'HS256'}", ERR_INVALID, "algorithm" },
    { "RS384", "{'alg':'RS384'}", ERR_INVALID, "algorithm" },
    { "PS256", "{'alg':'PS256'}", ERR_INVALID, "algorithm" },
    { "ES512", "{'alg':'ES512'}", ERR_INVALID, "algorithm" },
    { "ES256K", "{'alg':'ES256K'}", ERR_INVALID, "algorithm" },
    { "crit", "{'alg':'RS256','crit':['exp'],'exp':1}", ERR_INVALID, "'crit'" },
    { "crit empty", "{'alg':'RS256','crit':[]}", ERR_INVALID, "'crit'" },
    { "b64 false", "{'alg':'RS256','b64':false}", ERR_INVALID, "'b64'" },
    { "b64 true", "{'alg':'RS256','b64':true}", ERR_INVALID, "'b64'" },
    { "b64 with crit", "{'alg':'RS256','b64':false,'crit':['b64']}", ERR_INVALID, "'crit'" },
    { "a JWE's enc", "{'alg':'RS256','enc':'A256GCM'}", ERR_INVALID, "'enc'" },
    { "not JSON", "alg=RS256", ERR_INVALID, "not JSON" },
    { "a comment", "{'alg':'RS256'/**/}", ERR_INVALID, "not JSON" },
    { "a comma too many", "{'alg':'RS256',}", ERR_INVALID, "not JSON" },
    { "not UTF-8", "{'alg':'RS256','a':'\xff'}", ERR_INVALID, "not JSON" },
    { "not an object", "['RS256']", ERR_INVALID, "not a JSON object" },
    { "8 KiB", "{'alg':'RS256','a':'%8192'}", ERR_LIMIT, "8192" },
};

/* %NUMBER in a header stands for so many letters. */
static void put_header(struct buf *out, const char *header)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    const char *percent = strchr(header, '%');

    buf_add(&text, header, percent ? (size_t)(percent - header) : strlen(header));
    if (percent) {
        char *rest;

        for (unsigned long n = strtoul(percent + 1, &rest, 10); n; n--)
            buf_add_byte(&text, 'a');
        buf_add_str(&text, rest);
    }
    set_quotes(&text);
    base64url_encode(out, buf_slice(&text));
}

static void test_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        CLEANUP(buf_clear) struct buf token = { 0 };
        CLEANUP(jws_clear) struct jws jws = { 0 };
        struct err e = { 0 };

        put_header(&token, headers[i].header);
        buf_add_str(&token, ".e30.AAAA");
        expect(headers[i].label, jws_read(&jws, buf_slice(&token), &e), &e, headers[i].want,
               headers[i].says);
    }
}

#define ES256 "eyJhbGciOiJFUzI1NiJ9"
static const struct {
    const char *label, *token;
    enum err_code want;
    const char *says;
} forms[] = {
    { "three parts", ES256 ".e30.AAAA", ERR_NONE, NULL },
    { "an empty payload", ES256 "..AAAA", ERR_NONE, NULL },
    { "nothing", "", ERR_INVALID, "three parts" },
    { "one part", ES256, ERR_INVALID, "three parts" },
    { "two parts", ES256 ".e30", ERR_INVALID, "three parts" },
    { "four parts", ES256 ".e30.AAAA.", ERR_INVALID, "more than three" },
    { "five parts, a JWE", ES256 ".e30.AAAA.AAAA.AAAA", ERR_INVALID, "encrypted" },
    { "no header", ".e30.AAAA", ERR_INVALID, "header is empty" },
    { "no signature", ES256 ".e30.", ERR_INVALID, "signature is empty" },
    { "dots alone", "..", ERR_INVALID, "header is empty" },
    { "a space before", " " ES256 ".e30.AAAA", ERR_INVALID, "header" },
    { "a line feed behind", ES256 ".e30.AAAA\n", ERR_INVALID, "signature" },
    { "a space in the payload", ES256 ".e3 0.AAAA", ERR_INVALID, "payload" },
    { "padding", ES256 ".e30=.AAAA", ERR_INVALID, "payload" },
    { "plain base64", ES256 ".+/+/.AAAA", ERR_INVALID, "payload" },
    { "an impossible length", ES256 ".e30.AAAAA", ERR_INVALID, "signature" },
    { "stray bits", ES256 ".e31.AAAA", ERR_INVALID, "payload" },
    { "JSON serialization", "{'payload':'e30','protected':'" ES256 "','signature':'AAAA'}",
      ERR_INVALID, "three parts" },
    { "the word Bearer", "Bearer " ES256 ".e30.AAAA", ERR_INVALID, "header" },
};

static void test_form(void **state)
{
    CLEANUP(buf_clear) struct buf token = { 0 };
    CLEANUP(jws_clear) struct jws jws = { 0 };
    struct err e = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        CLEANUP(jws_clear) struct jws read = { 0 };
        int rc;

        e = (struct err){ 0 };
        rc = jws_read(&read, slice_str(forms[i].token), &e);
        expect(forms[i].label, rc, &e, forms[i].want, forms[i].says);
        if (rc && (read.header.ptr || read.payload.ptr || read.sig.ptr))
            fail_msg("%s: output on failure", forms[i].label);
    }
    buf_add_str(&token, ES256 ".");
    while (token.len < JOSE_MAX_TOKEN - 5)
        buf_add_byte(&token, 'A');
    while (token.len % 4 != 1) /* what is left for the payload must be a length of base64 */
        token.len--;
    buf_add_str(&token, ".AAAA");
    e = (struct err){ 0 };
    expect("64 KiB", jws_read(&jws, buf_slice(&token), &e), &e, ERR_NONE, NULL);
    while (token.len <= JOSE_MAX_TOKEN)
        buf_add_byte(&token, 'A');
    jws_clear(&jws);
    expect("more than 64 KiB", jws_read(&jws, buf_slice(&token), &e), &e, ERR_LIMIT, "65536");
}

/* P-521 of RFC 7520 3.1: a key that we can read elsewhere, and that has no token algorithm here. */
static const uint8_t p521_spki[] = {
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
    0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00, 0x04,
};
static const char p521_point[] =
    "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt\0"
    "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1";

static void test_unfit_keys(void **state)
{
    CLEANUP(key_freep) struct key *p521 = NULL, *public = NULL;
    CLEANUP(buf_clear) struct buf spki = { 0 }, out = { 0 };
    uint8_t *large = calloc(1, JOSE_MAX_TOKEN);
    enum jws_alg alg;
    struct err e = { 0 };

    (void)state;
    buf_add(&spki, p521_spki, sizeof p521_spki);
    assert_int_equal(base64url_decode(&spki, slice_str(p521_point), &e), 0);
    assert_int_equal(base64url_decode(&spki, slice_str(p521_point + strlen(p521_point) + 1), &e),
                     0);
    assert_int_equal(key_read_public(&p521, buf_slice(&spki), &e), 0);
    expect("P-521", jws_alg_of_key(&alg, p521, &e), &e, ERR_INVALID, "p521");
    e = (struct err){ 0 };
    expect("P-521 as JWK", jwk_write(&out, p521, NULL, &e), &e, ERR_INVALID, "p521");
    e = (struct err){ 0 };
    expect("thumbprint of P-521", jwk_thumbprint(&out, p521, &e), &e, ERR_INVALID, "p521");
    assert_int_equal(read_jwk(&public, "{" EC "}", NULL), 0);
    assert_int_equal(jws_sign(&out, public, NULL, NULL, slice_str("{}"), &e), -1);
    e = (struct err){ 0 };
    expect("too long",
           jws_sign(&out, keys[0], NULL, NULL, slice_of(large, JOSE_MAX_TOKEN - 100), &e), &e,
           ERR_LIMIT, "65536");
    assert_int_equal(out.len, 0);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jwk_read),   cmocka_unit_test(test_jwk_rsa_sizes),
        cmocka_unit_test(test_jwk_limits), cmocka_unit_test(test_jwk_write),
        cmocka_unit_test(test_labels),     cmocka_unit_test(test_sign_and_verify),
        cmocka_unit_test(test_wrong_key),  cmocka_unit_test(test_changed_byte),
        cmocka_unit_test(test_ecdsa_form), cmocka_unit_test(test_header),
        cmocka_unit_test(test_form),       cmocka_unit_test(test_unfit_keys),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
