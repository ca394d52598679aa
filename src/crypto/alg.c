#include "crypto/alg.h"
#include "crypto/der.h"

/* What the parameters of an algorithm must be. */
enum params { PARAMS_NONE, PARAMS_NULL, PARAMS_ANY };

struct alg_row {
    const char *name;
    uint8_t oid_len, oid[10];
    enum params params;
};

// clang-format off
static const struct alg_row algs[] = {
    [SIG_ECDSA_SHA256] = { "ecdsa-sha256", 8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 },           PARAMS_NONE },
    [SIG_ECDSA_SHA384] = { "ecdsa-sha384", 8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3 },           PARAMS_NONE },
    [SIG_ECDSA_SHA512] = { "ecdsa-sha512", 8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4 },           PARAMS_NONE },
    [SIG_RSA_SHA256]   = { "rsa-sha256",   9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11 },    PARAMS_NULL },
    [SIG_RSA_SHA384]   = { "rsa-sha384",   9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12 },    PARAMS_NULL },
    [SIG_RSA_SHA512]   = { "rsa-sha512",   9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13 },    PARAMS_NULL },
    [SIG_RSA_PSS]      = { "rsa-pss",      9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10 },    PARAMS_ANY },
    [SIG_ED25519]      = { "ed25519",      3, { 0x2b, 0x65, 0x70 },                                PARAMS_NONE },
    [SIG_SHA1]         = { "sha1",         0, { 0 },                                               PARAMS_ANY },
    [SIG_OTHER]        = { "other",        0, { 0 },                                               PARAMS_ANY },
};

/* rsa, ecdsa and dsa with SHA-1, and the OIW's sha1WithRSASignature. */
static const struct { uint8_t oid_len, oid[9]; } sha1_oids[] = {
    { 9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5 } },
    { 7, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1 } },
    { 7, { 0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3 } },
    { 5, { 0x2b, 0x0e, 3, 2, 29 } },
};
// clang-format on

const char *sig_alg_name(enum sig_alg alg)
{
    return (size_t)alg < ARRAY_LEN(algs) ? algs[alg].name : "other";
}

static enum sig_alg alg_of_oid(struct slice oid)
{
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        if (algs[i].oid_len && slice_eq(oid, slice_of(algs[i].oid, algs[i].oid_len)))
            return (enum sig_alg)i;
    }
    for (size_t i = 0; i < ARRAY_LEN(sha1_oids); i++) {
        if (slice_eq(oid, slice_of(sha1_oids[i].oid, sha1_oids[i].oid_len)))
            return SIG_SHA1;
    }
    return SIG_OTHER;
}

static bool is_null(struct slice params)
{
    return params.len == 2 && params.ptr[0] == DER_NULL && params.ptr[1] == 0;
}

static bool params_fit(enum params want, struct slice params)
{
    switch (want) {
    case PARAMS_NONE: /* RFC 5758 3.2, RFC 8410 3: absent */
        return params.len == 0;
    case PARAMS_NULL: /* RFC 4055 5: NULL, absent must be accepted */
        return params.len == 0 || is_null(params);
    default:
        return true;
    }
}

bool sig_alg_take(struct slice *in, enum sig_alg *alg, struct slice *params)
{
    struct slice rest = *in, body, oid, value;
    enum sig_alg found;
    uint8_t tag;

    if (!der_take(&rest, DER_SEQUENCE, &body) || !der_take(&body, DER_OID, &oid) || oid.len == 0)
        return false;
    found = alg_of_oid(oid);
    *params = body;
    if (body.len && (!der_take_any(&body, &tag, &value) || body.len))
        return false;
    if (!params_fit(algs[found].params, *params))
        return false;
    *alg = found;
    *in = rest;
    return true;
}

void sig_alg_put(struct buf *out, enum sig_alg alg)
{
    size_t mark;

    if ((size_t)alg >= ARRAY_LEN(algs) || algs[alg].params == PARAMS_ANY) {
        out->failed = true;
        return;
    }
    mark = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, slice_of(algs[alg].oid, algs[alg].oid_len));
    if (algs[alg].params == PARAMS_NULL)
        der_put(out, DER_NULL, slice_of(NULL, 0));
    der_end(out, mark);
}

/* id-sha256, -384, -512 (2.16.840.1.101.3.4.2.1 to .3), parameters NULL or absent. */
static bool take_hash(struct slice *in, int *bits)
{
    static const uint8_t stem[] = { 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2 };
    static const int sizes[] = { 256, 384, 512 };
    struct slice body, oid;

    if (!der_take(in, DER_SEQUENCE, &body) || !der_take(&body, DER_OID, &oid))
        return false;
    if (oid.len != sizeof stem + 1 || memcmp(oid.ptr, stem, sizeof stem) != 0)
        return false;
    if (oid.ptr[8] < 1 || oid.ptr[8] > 3 || (body.len && !is_null(body)))
        return false;
    *bits = sizes[oid.ptr[8] - 1];
    return true;
}

static bool take_mgf1(struct slice *in, int *bits)
{
    static const uint8_t mgf1[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8 };
    struct slice body, oid;

    return der_take(in, DER_SEQUENCE, &body) && der_take(&body, DER_OID, &oid) &&
           slice_eq(oid, slice_of(mgf1, sizeof mgf1)) && take_hash(&body, bits) && body.len == 0;
}

/* The defaults are SHA-1 and 20: a field left out (but the trailer) means an algorithm we refuse.
 */
bool pss_params_read(struct pss_params *ret, struct slice der)
{
    struct slice body, hash, mgf, salt, trailer;
    struct pss_params found;
    int mgf_bits;
    uint32_t n;
    bool has_trailer;

    if (!der_take(&der, DER_SEQUENCE, &body) || der.len)
        return false;
    if (!der_take(&body, DER_CONTEXT_CONSTRUCTED(0), &hash) ||
        !take_hash(&hash, &found.hash_bits) || hash.len)
        return false;
    if (!der_take(&body, DER_CONTEXT_CONSTRUCTED(1), &mgf) || !take_mgf1(&mgf, &mgf_bits) ||
        mgf.len || mgf_bits != found.hash_bits)
        return false;
    if (!der_take(&body, DER_CONTEXT_CONSTRUCTED(2), &salt) || !der_take_small_uint(&salt, &n) ||
        salt.len || n > 512)
        return false;
    found.salt_len = (int)n;
    if (!der_take_optional(&body, DER_CONTEXT_CONSTRUCTED(3), &trailer, &has_trailer) || body.len)
        return false;
    /* DER leaves the default trailer out; some write it: value 1 only. */
    if (has_trailer && (!der_take_small_uint(&trailer, &n) || trailer.len || n != 1))
        return false;
    *ret = found;
    return true;
}
