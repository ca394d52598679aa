#include "base/encode.h"
#include "crypto/der.h"
#include "crypto/jose.h"
#include "crypto/jose_json.h"

static const struct {
    const char *name; /* RFC 7518 3.1, RFC 8037 3.1 */
    enum sig_alg sig_alg;
    size_t coordinate; /* bytes of r and of s; 0: the signature stands as it is */
} algs[JWS_ALGS] = {
    [JWS_RS256] = { "RS256", SIG_RSA_SHA256, 0 },
    [JWS_ES256] = { "ES256", SIG_ECDSA_SHA256, 32 },
    [JWS_ES384] = { "ES384", SIG_ECDSA_SHA384, 48 },
    [JWS_EDDSA] = { "EdDSA", SIG_ED25519, 0 },
};

const char *jws_alg_name(enum jws_alg alg)
{
    return algs[alg].name;
}

int jws_alg_of_key(enum jws_alg *alg, const struct key *key, struct err *e)
{
    switch (key_type(key)) {
    case KEY_P256:
        *alg = JWS_ES256;
        return 0;
    case KEY_P384:
        *alg = JWS_ES384;
        return 0;
    case KEY_ED25519:
        *alg = JWS_EDDSA;
        return 0;
    case KEY_RSA2048:
    case KEY_RSA3072:
    case KEY_RSA4096:
    case KEY_RSA_OTHER:
        if (key_bits(key) < 2048 || key_bits(key) > 8192)
            return err_set(e, ERR_INVALID, "an RSA key of %d bits: 2048 to 8192 are allowed",
                           key_bits(key));
        *alg = JWS_RS256;
        return 0;
    default:
        return err_set(e, ERR_INVALID, "no token algorithm for a key of type %s",
                       key_type_name(key_type(key)));
    }
}

void jws_clear(struct jws *jws)
{
    buf_clear(&jws->header);
    buf_clear(&jws->payload);
    buf_clear(&jws->sig);
    *jws = (struct jws){ 0 };
}

static int read_alg(enum jws_alg *ret, yyjson_val *header, struct err *e)
{
    struct slice name;

    if (jose_text(&name, header, "alg", e))
        return -1;
    if (!name.ptr)
        return err_set(e, ERR_INVALID, "member 'alg' is missing");
    for (size_t alg = 0; alg < JWS_ALGS; alg++) {
        if (slice_eq_str(name, algs[alg].name)) {
            *ret = (enum jws_alg)alg;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "the algorithm is not RS256, ES256, ES384 or EdDSA");
}

/* RFC 7515 4.1. Members that bring a key (jwk, jku, x5c, x5u) and unknown ones are ignored. */
static int read_header(struct jws *jws, struct err *e)
{
    CLEANUP(yyjson_doc_freep) yyjson_doc *doc = NULL;
    struct slice kid, typ, cty;
    yyjson_val *header;

    if (jws->header.len > JOSE_MAX_HEADER)
        return err_set(e, ERR_LIMIT, "%zu bytes, more than %d", jws->header.len, JOSE_MAX_HEADER);
    if (jose_object(&doc, buf_slice(&jws->header), e))
        return -1;
    header = yyjson_doc_get_root(doc);
    /* 4.1.11: whoever does not understand all that is named there must refuse; we understand none.
     */
    if (yyjson_obj_get(header, "crit"))
        return err_set(e, ERR_INVALID, "member 'crit' is not supported");
    if (yyjson_obj_get(header, "b64")) /* RFC 7797: must come with crit */
        return err_set(e, ERR_INVALID, "member 'b64' is not supported");
    if (yyjson_obj_get(header, "enc"))
        return err_set(e, ERR_INVALID, "member 'enc' belongs to an encrypted token");
    if (read_alg(&jws->alg, header, e) || jose_text(&kid, header, "kid", e) ||
        jose_check_label(kid, "kid", e) || jose_text(&typ, header, "typ", e) ||
        jose_text(&cty, header, "cty", e))
        return -1;
    if (kid.len)
        memcpy(jws->kid, kid.ptr, kid.len);
    return 0;
}

/* RFC 7515 3.1 and 5.2: three parts, the payload alone may be empty. */
static int split(struct slice parts[3], struct slice token, struct err *e)
{
    struct slice rest = token;

    if (token.len > JOSE_MAX_TOKEN)
        return err_set(e, ERR_LIMIT, "%zu bytes, more than %d", token.len, JOSE_MAX_TOKEN);
    if (!slice_cut(&rest, '.', &parts[0]) || !slice_cut(&rest, '.', &parts[1]))
        return err_set(e, ERR_INVALID, "not three parts with dots between them");
    parts[2] = rest;
    if (rest.len && memchr(rest.ptr, '.', rest.len))
        return err_set(e, ERR_INVALID, "more than three parts (an encrypted token has five)");
    if (parts[0].len == 0)
        return err_set(e, ERR_INVALID, "the header is empty");
    if (parts[2].len == 0)
        return err_set(e, ERR_INVALID, "the signature is empty");
    return 0;
}

static int read_token(struct jws *jws, struct slice token, struct err *e)
{
    struct slice parts[3];

    if (split(parts, token, e))
        return -1;
    if (base64url_decode(&jws->header, parts[0], e) || read_header(jws, e))
        return err_wrap(e, "header");
    if (base64url_decode(&jws->payload, parts[1], e))
        return err_wrap(e, "payload");
    if (base64url_decode(&jws->sig, parts[2], e))
        return err_wrap(e, "signature");
    jws->signed_part = slice_of(token.ptr, parts[0].len + 1 + parts[1].len);
    return 0;
}

int jws_read(struct jws *ret, struct slice token, struct err *e)
{
    CLEANUP(jws_clear) struct jws jws = { 0 };

    if (read_token(&jws, token, e))
        return err_wrap(e, "token");
    *ret = jws;
    jws = (struct jws){ 0 };
    return 0;
}

/* RFC 7518 3.4: r and s side by side, each of full size; X.509 has them as SEQUENCE of INTEGER. */
static int sig_to_der(struct buf *out, struct slice sig, size_t coordinate, struct err *e)
{
    size_t mark;

    if (sig.len != 2 * coordinate)
        return err_set(e, ERR_INVALID, "a signature of %zu bytes, not %zu", sig.len,
                       2 * coordinate);
    mark = der_begin(out, DER_SEQUENCE);
    der_put_uint(out, slice_of(sig.ptr, coordinate));
    der_put_uint(out, slice_of(sig.ptr + coordinate, coordinate));
    der_end(out, mark);
    return buf_check(out, e);
}

static int sig_from_der(struct buf *out, struct slice der, size_t coordinate, struct err *e)
{
    static const uint8_t zeros[64];
    struct slice pair, numbers[2];

    if (!der_take(&der, DER_SEQUENCE, &pair) || !der_take_uint(&pair, &numbers[0]) ||
        !der_take_uint(&pair, &numbers[1]))
        return err_set(e, ERR_INTERNAL, "an ECDSA signature of unknown shape");
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (numbers[i].len > coordinate)
            return err_set(e, ERR_INTERNAL, "an ECDSA signature that is too long");
        buf_add(out, zeros, coordinate - numbers[i].len);
        buf_add_slice(out, numbers[i]);
    }
    return buf_check(out, e);
}

static int verify(const struct jws *jws, const struct key *key, struct err *e)
{
    CLEANUP(buf_clear) struct buf der = { 0 };
    struct slice sig = buf_slice(&jws->sig);
    enum jws_alg alg = JWS_ALGS;

    if (jws_alg_of_key(&alg, key, e))
        return -1;
    if (alg != jws->alg)
        return err_set(e, ERR_INVALID, "algorithm %s, but the key is for %s",
                       jws_alg_name(jws->alg), jws_alg_name(alg));
    if (algs[alg].coordinate) {
        if (sig_to_der(&der, sig, algs[alg].coordinate, e))
            return -1;
        sig = buf_slice(&der);
    }
    return key_verify(key, algs[alg].sig_alg, (struct slice){ 0 }, jws->signed_part, sig, e);
}

int jws_verify(const struct jws *jws, const struct key *key, struct err *e)
{
    return verify(jws, key, e) ? err_wrap(e, "token") : 0;
}

static void write_signed_part(struct buf *out, enum jws_alg alg, const char *kid, const char *typ,
                              struct slice payload)
{
    CLEANUP(buf_clear) struct buf header = { 0 };

    buf_addf(&header, "{\"alg\":\"%s\"", algs[alg].name);
    if (typ && *typ)
        jose_put_label(&header, ",\"typ\":", typ);
    if (kid && *kid)
        jose_put_label(&header, ",\"kid\":", kid);
    buf_add_byte(&header, '}');
    base64url_encode(out, buf_slice(&header));
    buf_add_byte(out, '.');
    base64url_encode(out, payload);
}

static int add_signature(struct buf *out, enum jws_alg alg, const struct key *key, struct err *e)
{
    CLEANUP(buf_clear) struct buf sig = { 0 };
    CLEANUP(buf_clear) struct buf pair = { 0 };
    struct slice raw;

    if (buf_check(out, e) || key_sign(key, buf_slice(out), &sig, e))
        return -1;
    raw = buf_slice(&sig);
    if (algs[alg].coordinate) {
        if (sig_from_der(&pair, raw, algs[alg].coordinate, e))
            return -1;
        raw = buf_slice(&pair);
    }
    buf_add_byte(out, '.');
    base64url_encode(out, raw);
    if (out->len > JOSE_MAX_TOKEN)
        return err_set(e, ERR_LIMIT, "%zu bytes, more than %d", out->len, JOSE_MAX_TOKEN);
    return buf_check(out, e);
}

int jws_sign(struct buf *token, const struct key *key, const char *kid, const char *typ,
             struct slice payload, struct err *e)
{
    CLEANUP(buf_clear) struct buf out = { 0 };
    enum jws_alg alg = JWS_ALGS;

    if (jws_alg_of_key(&alg, key, e) || jose_check_label(slice_str(kid), "kid", e) ||
        jose_check_label(slice_str(typ), "typ", e))
        return err_wrap(e, "sign a token");
    if (payload.len > JOSE_MAX_TOKEN)
        return err_set(e, ERR_LIMIT, "sign a token: a payload of %zu bytes", payload.len);
    write_signed_part(&out, alg, kid, typ, payload);
    if (add_signature(&out, alg, key, e))
        return err_wrap(e, "sign a token");
    buf_add_slice(token, buf_slice(&out));
    return buf_check(token, e);
}
