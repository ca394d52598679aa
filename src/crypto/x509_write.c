#include "base/clock.h"
#include "base/random.h"
#include "crypto/alg.h"
#include "crypto/der.h"
#include "crypto/name.h"
#include "crypto/x509_internal.h"

enum { MIN_SERIAL = 8, MAX_SERIAL = 20, MAX_KEY_ID = 64 };

static size_t begin_ext(struct buf *out, uint8_t id_ce, bool critical, size_t *outer)
{
    *outer = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, slice_of((const uint8_t[]){ 0x55, 0x1d, id_ce }, 3));
    if (critical)
        der_put_bool(out, true);
    return der_begin(out, DER_OCTET_STRING);
}

static void end_ext(struct buf *out, size_t value, size_t outer)
{
    der_end(out, value);
    der_end(out, outer);
}

/* The BIT STRING without its zero bits at the end (X.690 11.2.2). */
static void put_ku(struct buf *out, unsigned ku)
{
    uint8_t bits[3] = { 0 }; /* unused count, then nine bits */
    size_t outer, value = begin_ext(out, 15, true, &outer), len = 2;
    unsigned last = 0;

    for (unsigned bit = 0; bit < 9; bit++) {
        if (ku & (1u << bit)) {
            bits[1 + bit / 8] = (uint8_t)(bits[1 + bit / 8] | 0x80u >> bit % 8);
            last = bit;
        }
    }
    if (last == 8)
        len = 3;
    bits[0] = (uint8_t)(7 - last % 8);
    der_put(out, DER_BIT_STRING, slice_of(bits, len));
    end_ext(out, value, outer);
}

static void put_eku(struct buf *out, unsigned eku)
{
    static const struct {
        unsigned bit;
        uint8_t last; /* of id-kp, 1.3.6.1.5.5.7.3 */
    } rows[] = {
        { EKU_SERVER, 1 }, { EKU_CLIENT, 2 },        { EKU_CODE_SIGNING, 3 },
        { EKU_EMAIL, 4 },  { EKU_TIME_STAMPING, 8 }, { EKU_OCSP_SIGNING, 9 },
    };
    size_t outer, value = begin_ext(out, 37, true, &outer), list = der_begin(out, DER_SEQUENCE);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const uint8_t oid[] = { 0x2b, 6, 1, 5, 5, 7, 3, rows[i].last };

        if (eku & rows[i].bit)
            der_put(out, DER_OID, slice_of(oid, sizeof oid));
    }
    der_end(out, list);
    end_ext(out, value, outer);
}

/* Critical also in leaves, with CA:FALSE as the empty SEQUENCE. */
static void put_basic(struct buf *out, const struct x509_template *t)
{
    size_t outer, value = begin_ext(out, 19, true, &outer), body = der_begin(out, DER_SEQUENCE);

    if (t->ca)
        der_put_bool(out, true);
    if (t->ca && t->path_len >= 0)
        der_put_small_uint(out, (uint32_t)t->path_len);
    der_end(out, body);
    end_ext(out, value, outer);
}

static void put_key_ids(struct buf *out, const struct x509_template *t)
{
    size_t outer, value = begin_ext(out, 14, false, &outer), body;
    uint8_t own[20];

    spki_id_sha1(t->spki, own);
    der_put(out, DER_OCTET_STRING, t->skid.len ? t->skid : slice_of(own, sizeof own));
    end_ext(out, value, outer);
    if (!t->akid.len)
        return;
    value = begin_ext(out, 35, false, &outer);
    body = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_CONTEXT(0), t->akid);
    der_end(out, body);
    end_ext(out, value, outer);
}

static void put_sans(struct buf *out, const struct san *sans, size_t count, bool critical)
{
    size_t outer, value = begin_ext(out, 17, critical, &outer), list = der_begin(out, DER_SEQUENCE);

    for (size_t i = 0; i < count; i++) {
        uint8_t tag = sans[i].type == SAN_DNS   ? DER_CONTEXT(2)
                      : sans[i].type == SAN_IP  ? DER_CONTEXT(7)
                      : sans[i].type == SAN_URI ? DER_CONTEXT(6)
                                                : DER_CONTEXT(1);

        der_put(out, tag, sans[i].value);
    }
    der_end(out, list);
    end_ext(out, value, outer);
}

static void put_exts(struct buf *out, const struct x509_template *t)
{
    size_t tagged = der_begin(out, DER_CONTEXT_CONSTRUCTED(3)), list = der_begin(out, DER_SEQUENCE);

    if (t->ku)
        put_ku(out, t->ku);
    if (t->eku)
        put_eku(out, t->eku);
    put_basic(out, t);
    put_key_ids(out, t);
    if (t->san_count)
        put_sans(out, t->sans, t->san_count, t->san_critical);
    der_end(out, list);
    der_end(out, tagged);
}

static int check_sans(const struct san *sans, size_t count, size_t max, struct err *e)
{
    if (count > max)
        return err_set(e, ERR_LIMIT, "%zu subject alternative names: %zu are the most", count, max);
    for (size_t i = 0; i < count; i++) {
        if (sans[i].type == SAN_OTHER || !san_check(&sans[i]))
            return err_set(e, ERR_INVALID, "subject alternative name %zu cannot be written", i + 1);
    }
    return 0;
}

static int check_name(struct slice name, const char *what, struct err *e)
{
    return name_check(name, e) ? err_wrap(e, "%s", what) : 0;
}

static int check_template(const struct x509_template *t, struct err *e)
{
    struct slice spki = t->spki, whole;

    if (t->serial.len < MIN_SERIAL || t->serial.len > MAX_SERIAL || t->serial.ptr[0] == 0)
        return err_set(e, ERR_INVALID, "a serial number of %zu bytes, or one that begins with 0",
                       t->serial.len);
    if (t->serial.len == MAX_SERIAL && t->serial.ptr[0] & 0x80) /* RFC 5280 4.1.2.2, sign byte */
        return err_set(e, ERR_INVALID, "a serial number of more than 159 bits");
    if (t->not_before < 0 || t->not_after > TIME_MAX || t->not_after < t->not_before)
        return err_set(e, ERR_INVALID, "not a time span between 1970 and 9999");
    if (check_name(t->issuer, "issuer", e) || check_name(t->subject, "subject", e))
        return -1;
    if (!x509_take_spki(&spki, &whole) || spki.len)
        return err_set(e, ERR_INVALID, "the public key is not well-formed DER");
    if (t->eku & (EKU_ANY | EKU_OTHER) || t->ku > (KU_DECIPHER_ONLY << 1) - 1)
        return err_set(e, ERR_INVALID, "a key usage that is never issued");
    if (t->path_len > 255)
        return err_set(e, ERR_INVALID, "a path length of %d", t->path_len);
    if (t->skid.len > MAX_KEY_ID || t->akid.len > MAX_KEY_ID)
        return err_set(e, ERR_INVALID, "a key identifier of more than %d bytes", MAX_KEY_ID);
    return check_sans(t->sans, t->san_count, X509_MAX_SANS, e);
}

int x509_tbs_write(struct buf *out, const struct x509_template *t, enum sig_alg alg, struct err *e)
{
    size_t tbs, part;

    if (check_template(t, e))
        return err_wrap(e, "certificate");
    tbs = der_begin(out, DER_SEQUENCE);
    part = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    der_put_small_uint(out, 2);
    der_end(out, part);
    der_put_uint(out, t->serial);
    sig_alg_put(out, alg);
    buf_add_slice(out, t->issuer);
    part = der_begin(out, DER_SEQUENCE);
    der_put_time(out, t->not_before);
    der_put_time(out, t->not_after);
    der_end(out, part);
    buf_add_slice(out, t->subject);
    buf_add_slice(out, t->spki);
    put_exts(out, t);
    der_end(out, tbs);
    return buf_check(out, e);
}

void x509_assemble(struct buf *out, struct slice tbs, enum sig_alg alg, struct slice sig)
{
    size_t cert = der_begin(out, DER_SEQUENCE), bits;

    buf_add_slice(out, tbs);
    sig_alg_put(out, alg);
    bits = der_begin(out, DER_BIT_STRING);
    buf_add_byte(out, 0);
    buf_add_slice(out, sig);
    der_end(out, bits);
    der_end(out, cert);
}

static void put_extension_request(struct buf *out, const struct san *sans, size_t san_count)
{
    static const uint8_t oid[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14 };
    size_t attribute = der_begin(out, DER_SEQUENCE), set, list;

    der_put(out, DER_OID, slice_of(oid, sizeof oid));
    set = der_begin(out, DER_SET);
    list = der_begin(out, DER_SEQUENCE);
    put_sans(out, sans, san_count, false);
    der_end(out, list);
    der_end(out, set);
    der_end(out, attribute);
}

int x509_csr_write(struct buf *out, const struct key *key, struct slice subject,
                   const struct san *sans, size_t san_count, struct err *e)
{
    CLEANUP(buf_clear) struct buf info = { 0 };
    CLEANUP(buf_clear) struct buf sig = { 0 };
    size_t mark, attributes;

    if (check_name(subject, "subject", e) || check_sans(sans, san_count, CSR_MAX_SANS, e))
        return err_wrap(e, "certificate request");
    mark = der_begin(&info, DER_SEQUENCE);
    der_put_small_uint(&info, 0);
    buf_add_slice(&info, subject);
    buf_add_slice(&info, key_spki(key));
    attributes = der_begin(&info, DER_CONTEXT_CONSTRUCTED(0));
    if (san_count)
        put_extension_request(&info, sans, san_count);
    der_end(&info, attributes);
    der_end(&info, mark);
    if (buf_check(&info, e) || key_sign(key, buf_slice(&info), &sig, e))
        return err_wrap(e, "certificate request");
    x509_assemble(out, buf_slice(&info), key_sig_alg(key), buf_slice(&sig));
    return buf_check(out, e);
}

void x509_serial_new(uint8_t out[16])
{
    random_bytes(out, 16);
    out[0] &= 0x7f; /* positive without a sign byte */
    if (out[0] == 0)
        out[0] = 1;
}
