#include "base/encode.h"
#include "crypto/der.h"
#include "crypto/hash.h"
#include "crypto/jose.h"
#include "crypto/jose_json.h"

/* AlgorithmIdentifiers of SubjectPublicKeyInfo: RFC 5480 2.1.1, RFC 8017 A.1, RFC 8410 3. */
#define ID_EC 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01
static const uint8_t id_p256[] = { 0x30, 0x13, ID_EC, 0x06, 0x08, 0x2a, 0x86,
                                   0x48, 0xce, 0x3d,  0x03, 0x01, 0x07 };
static const uint8_t id_p384[] = { 0x30, 0x10, ID_EC, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 };
static const uint8_t id_ed25519[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 };
static const uint8_t id_rsa[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                  0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };

static const struct jwk_kind {
    const char *kty, *crv; /* RFC 7518 6.1, 6.2.1.1; RFC 8037 2 */
    size_t coordinate;     /* bytes of x (and y) */
    struct slice id;
} kinds[JWS_ALGS] = {
    [JWS_RS256] = { "RSA", NULL, 0, { id_rsa, sizeof id_rsa } },
    [JWS_ES256] = { "EC", "P-256", 32, { id_p256, sizeof id_p256 } },
    [JWS_ES384] = { "EC", "P-384", 48, { id_p384, sizeof id_p384 } },
    [JWS_EDDSA] = { "OKP", "Ed25519", 32, { id_ed25519, sizeof id_ed25519 } },
};

/* The public numbers of a key: n and e, x and y, or x alone. */
struct jwk_numbers {
    const char *names[2];
    struct buf values[2];
};

static void numbers_clear(struct jwk_numbers *numbers)
{
    for (size_t i = 0; i < ARRAY_LEN(numbers->values); i++)
        buf_clear(&numbers->values[i]);
}

static struct jwk_numbers numbers_of(enum jws_alg alg)
{
    if (alg == JWS_RS256)
        return (struct jwk_numbers){ .names = { "n", "e" } };
    return (struct jwk_numbers){ .names = { "x", alg == JWS_EDDSA ? NULL : "y" } };
}

static uint32_t modulo(struct slice number, uint32_t m)
{
    uint32_t rest = 0;

    for (size_t i = 0; i < number.len; i++)
        rest = (rest << 8 | number.ptr[i]) % m;
    return rest;
}

/*
 * Moduli made by the flawed library of CVE-2017-15361 (ROCA) are a power of 65537 modulo every
 * small prime. A sound key looks so by chance once in 2^27.
 */
static bool has_roca_weakness(struct slice modulus)
{
    static const uint8_t primes[] = { 11, 13, 17,  19,  37,  53,  61,  71, 73,
                                      79, 97, 103, 107, 109, 127, 151, 157 };

    for (size_t i = 0; i < ARRAY_LEN(primes); i++) {
        uint32_t prime = primes[i];
        uint32_t rest = modulo(modulus, prime);
        uint32_t power = 1;

        do
            power = power * (65537 % prime) % prime;
        while (power != rest && power != 1);
        if (power != rest)
            return false;
    }
    return true;
}

static int check_rsa(struct slice n, struct slice e_number, struct err *e)
{
    uint32_t exponent = 0;

    if (n.len && n.ptr[0] == 0) /* RFC 7518 2, Base64urlUInt: as few bytes as it takes */
        return err_set(e, ERR_INVALID, "member 'n' begins with a zero byte");
    if (n.len < 256 || n.len > 1024 || (n.len == 256 && n.ptr[0] < 0x80))
        return err_set(e, ERR_INVALID, "an RSA modulus of %zu bytes: 2048 to 8192 bits are allowed",
                       n.len);
    if (n.ptr[n.len - 1] % 2 == 0)
        return err_set(e, ERR_INVALID, "member 'n' is even");
    if (e_number.len == 0 || e_number.len > 4 || e_number.ptr[0] == 0)
        return err_set(e, ERR_INVALID, "member 'e' is not a number of 1 to 4 bytes");
    for (size_t i = 0; i < e_number.len; i++)
        exponent = exponent << 8 | e_number.ptr[i];
    if (exponent < 3 || exponent % 2 == 0) /* RFC 8017 3.1 */
        return err_set(e, ERR_INVALID, "the public exponent %u is not odd and at least 3",
                       exponent);
    if (has_roca_weakness(n))
        return err_set(e, ERR_INVALID, "the key has the ROCA weakness (CVE-2017-15361)");
    return 0;
}

static int find_alg(enum jws_alg *ret, yyjson_val *object, struct err *e)
{
    struct slice kty, crv;

    if (jose_text(&kty, object, "kty", e) || jose_text(&crv, object, "crv", e))
        return -1;
    if (!kty.ptr)
        return err_set(e, ERR_INVALID, "member 'kty' is missing");
    for (size_t alg = 0; alg < JWS_ALGS; alg++) {
        const struct jwk_kind *kind = &kinds[alg];

        if (slice_eq_str(kty, kind->kty) && (kind->crv ? slice_eq_str(crv, kind->crv) : !crv.ptr)) {
            *ret = (enum jws_alg)alg;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID,
                   "kty and crv are not RSA, EC with P-256 or P-384, or OKP with Ed25519");
}

static int check_key_ops(yyjson_val *ops, struct err *e)
{
    /* RFC 7517 4.3. A private key may sign; we read the public half, which may then verify. */
    static const char *const fitting[] = { "verify", "sign" };
    bool seen[ARRAY_LEN(fitting)] = { false };
    size_t index, max;
    yyjson_val *op;

    if (!yyjson_is_arr(ops) || yyjson_arr_size(ops) == 0)
        return err_set(e, ERR_INVALID, "member 'key_ops' is not a list of operations");
    yyjson_arr_foreach(ops, index, max, op)
    {
        size_t i = 0;

        while (i < ARRAY_LEN(fitting) && !yyjson_equals_str(op, fitting[i]))
            i++;
        if (i == ARRAY_LEN(fitting))
            return err_set(e, ERR_INVALID, "member 'key_ops' has other operations than signatures");
        if (seen[i])
            return err_set(e, ERR_INVALID, "member 'key_ops' repeats '%s'", fitting[i]);
        seen[i] = true;
    }
    return 0;
}

/* RFC 7517 4.2 to 4.5: what a key says about its purpose must be what we use it for. */
static int check_purpose(yyjson_val *object, enum jws_alg alg, struct err *e)
{
    struct slice use, said, kid;
    yyjson_val *ops = yyjson_obj_get(object, "key_ops");

    if (jose_text(&use, object, "use", e) || jose_text(&said, object, "alg", e) ||
        jose_text(&kid, object, "kid", e))
        return -1;
    if (use.ptr && !slice_eq_str(use, "sig"))
        return err_set(e, ERR_INVALID, "member 'use' is not 'sig'");
    if (said.ptr && !slice_eq_str(said, jws_alg_name(alg)))
        return err_set(e, ERR_INVALID, "member 'alg' is not '%s', as it is for such a key",
                       jws_alg_name(alg));
    if (ops && check_key_ops(ops, e))
        return -1;
    return 0;
}

static int read_numbers(struct jwk_numbers *numbers, yyjson_val *object, enum jws_alg alg,
                        struct err *e)
{
    size_t coordinate = kinds[alg].coordinate;

    for (size_t i = 0; i < ARRAY_LEN(numbers->names) && numbers->names[i]; i++) {
        struct slice text;

        if (jose_text(&text, object, numbers->names[i], e))
            return -1;
        if (!text.ptr)
            return err_set(e, ERR_INVALID, "member '%s' is missing", numbers->names[i]);
        if (base64url_decode(&numbers->values[i], text, e))
            return err_wrap(e, "member '%s'", numbers->names[i]);
        /* RFC 7518 6.2.1.2: the full size of a coordinate, leading zeros included. */
        if (coordinate && numbers->values[i].len != coordinate)
            return err_set(e, ERR_INVALID, "member '%s' has %zu bytes, not %zu", numbers->names[i],
                           numbers->values[i].len, coordinate);
    }
    if (alg == JWS_RS256)
        return check_rsa(buf_slice(&numbers->values[0]), buf_slice(&numbers->values[1]), e);
    return 0;
}

static void write_spki(struct buf *out, enum jws_alg alg, const struct jwk_numbers *numbers)
{
    size_t spki = der_begin(out, DER_SEQUENCE);
    size_t bits, pair;

    buf_add_slice(out, kinds[alg].id);
    bits = der_begin(out, DER_BIT_STRING);
    buf_add_byte(out, 0);
    if (alg == JWS_RS256) {
        pair = der_begin(out, DER_SEQUENCE);
        der_put_uint(out, buf_slice(&numbers->values[0]));
        der_put_uint(out, buf_slice(&numbers->values[1]));
        der_end(out, pair);
    } else {
        if (alg != JWS_EDDSA)
            buf_add_byte(out, 4); /* uncompressed point, SEC 1 2.3.3 */
        buf_add_slice(out, buf_slice(&numbers->values[0]));
        buf_add_slice(out, buf_slice(&numbers->values[1]));
    }
    der_end(out, bits);
    der_end(out, spki);
}

static int read_key(struct key **ret, struct slice json, struct err *e)
{
    CLEANUP(yyjson_doc_freep) yyjson_doc *doc = NULL;
    CLEANUP(numbers_clear) struct jwk_numbers numbers = { 0 };
    CLEANUP(buf_clear) struct buf spki = { 0 };
    enum jws_alg alg = JWS_ALGS;
    yyjson_val *object;

    if (json.len > JOSE_MAX_JWK)
        return err_set(e, ERR_LIMIT, "%zu bytes, more than %d", json.len, JOSE_MAX_JWK);
    if (jose_object(&doc, json, e))
        return -1;
    object = yyjson_doc_get_root(doc);
    if (find_alg(&alg, object, e) || check_purpose(object, alg, e))
        return -1;
    numbers = numbers_of(alg);
    if (read_numbers(&numbers, object, alg, e))
        return -1;
    write_spki(&spki, alg, &numbers);
    if (buf_check(&spki, e))
        return -1;
    return key_read_public(ret, buf_slice(&spki), e); /* checks that the point is on its curve */
}

int jwk_read(struct key **ret, struct slice json, struct err *e)
{
    return read_key(ret, json, e) ? err_wrap(e, "JWK") : 0;
}

/* The same numbers out of the key's SubjectPublicKeyInfo. */
static int numbers_of_key(struct jwk_numbers *numbers, enum jws_alg *alg, const struct key *key,
                          struct err *e)
{
    struct slice spki = key_spki(key);
    struct slice body, id, bits, part[2] = { { 0 } };
    unsigned unused;
    bool ok;

    if (jws_alg_of_key(alg, key, e))
        return -1;
    *numbers = numbers_of(*alg);
    ok = der_take(&spki, DER_SEQUENCE, &body) && der_take_whole(&body, DER_SEQUENCE, &id) &&
         slice_eq(id, kinds[*alg].id) && der_take_bits(&body, &bits, &unused) && unused == 0;
    if (ok && *alg == JWS_RS256) {
        ok = der_take(&bits, DER_SEQUENCE, &body) && der_take_uint(&body, &part[0]) &&
             der_take_uint(&body, &part[1]);
    } else if (ok) {
        size_t length = kinds[*alg].coordinate;
        size_t point = *alg == JWS_EDDSA ? 0 : 1;

        ok = bits.len == (point ? 1 + 2 * length : length);
        part[0] = ok ? slice_of(bits.ptr + point, length) : part[0];
        part[1] = ok && point ? slice_of(bits.ptr + point + length, length) : part[1];
    }
    if (!ok)
        return err_set(e, ERR_INTERNAL, "a public key of unknown shape");
    buf_add_slice(&numbers->values[0], part[0]);
    buf_add_slice(&numbers->values[1], part[1]);
    return 0;
}

static void put_number(struct buf *out, const struct jwk_numbers *numbers, size_t i)
{
    buf_addf(out, "\"%s\":\"", numbers->names[i]);
    base64url_encode(out, buf_slice(&numbers->values[i]));
    buf_add_byte(out, '"');
}

int jwk_write(struct buf *out, const struct key *key, const char *kid, struct err *e)
{
    CLEANUP(numbers_clear) struct jwk_numbers numbers = { 0 };
    enum jws_alg alg = JWS_ALGS;

    if (jose_check_label(slice_str(kid), "kid", e) || numbers_of_key(&numbers, &alg, key, e))
        return err_wrap(e, "write a JWK");
    buf_addf(out, "{\"kty\":\"%s\",", kinds[alg].kty);
    if (kinds[alg].crv)
        buf_addf(out, "\"crv\":\"%s\",", kinds[alg].crv);
    for (size_t i = 0; i < ARRAY_LEN(numbers.names) && numbers.names[i]; i++) {
        put_number(out, &numbers, i);
        buf_add_byte(out, ',');
    }
    buf_addf(out, "\"alg\":\"%s\",\"use\":\"sig\"", jws_alg_name(alg));
    if (kid && *kid)
        jose_put_label(out, ",\"kid\":", kid);
    buf_add_byte(out, '}');
    return buf_check(out, e);
}

/* RFC 7638 3.2 and 3.3: the required members, sorted by name, without white space. */
int jwk_thumbprint(struct buf *out, const struct key *key, struct err *e)
{
    CLEANUP(numbers_clear) struct jwk_numbers numbers = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };
    uint8_t digest[SHA256_LEN];
    enum jws_alg alg = JWS_ALGS;

    if (numbers_of_key(&numbers, &alg, key, e))
        return err_wrap(e, "thumbprint");
    buf_add_byte(&text, '{');
    if (alg == JWS_RS256) {
        put_number(&text, &numbers, 1);
        buf_add_str(&text, ",\"kty\":\"RSA\",");
        put_number(&text, &numbers, 0);
    } else {
        buf_addf(&text, "\"crv\":\"%s\",\"kty\":\"%s\",", kinds[alg].crv, kinds[alg].kty);
        put_number(&text, &numbers, 0);
        if (numbers.names[1]) {
            buf_add_byte(&text, ',');
            put_number(&text, &numbers, 1);
        }
    }
    buf_add_byte(&text, '}');
    if (buf_check(&text, e))
        return -1;
    sha256(digest, buf_slice(&text));
    base64url_encode(out, slice_of(digest, sizeof digest));
    return buf_check(out, e);
}
