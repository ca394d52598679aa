#include "crypto/der.h"
#include "crypto/x509_internal.h"

enum { MAX_EXTENSIONS = 64, MAX_KEY_ID = 64, MAX_EKUS = 32 };

static int bad(struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID, "the extension %s is not well-formed", what);
}

/* BasicConstraints, RFC 5280 4.2.1.9. */
static int read_basic(struct x509_ext *ext, struct slice value, struct err *e)
{
    struct slice body;
    uint32_t n;

    if (!der_take(&value, DER_SEQUENCE, &body) || value.len)
        return bad(e, "basicConstraints");
    /* cA FALSE is the default, which DER leaves out; a few old issuers write it. */
    if (der_next_is(body, DER_BOOLEAN) && !der_take_bool(&body, &ext->ca))
        return bad(e, "basicConstraints");
    if (body.len) {
        if (!der_take_small_uint(&body, &n) || body.len || n > 255)
            return bad(e, "basicConstraints");
        if (!ext->ca)
            return err_set(e, ERR_INVALID, "a path length in basicConstraints without CA:TRUE");
        ext->path_len = (int)n;
    }
    ext->has_basic = true;
    return 0;
}

/* KeyUsage, RFC 5280 4.2.1.3: at least one bit, no zero bits at the end (X.690 11.2.2). */
static int read_ku(struct x509_ext *ext, struct slice value, struct err *e)
{
    struct slice bytes;
    unsigned unused;

    if (!der_take_bits(&value, &bytes, &unused) || value.len || bytes.len < 1 || bytes.len > 2 ||
        !(bytes.ptr[bytes.len - 1] & (1u << unused)))
        return bad(e, "keyUsage");
    for (unsigned bit = 0; bit < bytes.len * 8; bit++) {
        if (bytes.ptr[bit / 8] & (0x80u >> bit % 8))
            ext->ku |= 1u << bit;
    }
    ext->has_ku = true;
    return ext->ku <= (KU_DECIPHER_ONLY << 1) - 1 ? 0 : bad(e, "keyUsage");
}

static unsigned eku_of_oid(struct slice oid)
{
    static const uint8_t any[] = { 0x55, 0x1d, 0x25, 0 };
    static const uint8_t stem[] = { 0x2b, 6, 1, 5, 5, 7, 3 }; /* id-kp, 1.3.6.1.5.5.7.3 */

    if (slice_eq(oid, slice_of(any, sizeof any)))
        return EKU_ANY;
    if (oid.len != sizeof stem + 1 || memcmp(oid.ptr, stem, sizeof stem) != 0)
        return EKU_OTHER;
    switch (oid.ptr[sizeof stem]) {
    case 1:
        return EKU_SERVER;
    case 2:
        return EKU_CLIENT;
    case 3:
        return EKU_CODE_SIGNING;
    case 4:
        return EKU_EMAIL;
    case 8:
        return EKU_TIME_STAMPING;
    case 9:
        return EKU_OCSP_SIGNING;
    default:
        return EKU_OTHER;
    }
}

static int read_eku(struct x509_ext *ext, struct slice value, struct err *e)
{
    struct slice body, oid;
    unsigned count = 0;

    if (!der_take(&value, DER_SEQUENCE, &body) || value.len || body.len == 0)
        return bad(e, "extendedKeyUsage");
    while (body.len) {
        if (!der_take(&body, DER_OID, &oid) || oid.len == 0)
            return bad(e, "extendedKeyUsage");
        if (++count > MAX_EKUS)
            return err_set(e, ERR_LIMIT, "more than %d extended key usages", MAX_EKUS);
        ext->eku |= eku_of_oid(oid);
    }
    ext->has_eku = true;
    return 0;
}

/* Text of a name: visible ASCII (IA5 without controls and spaces). A wildcard is a name as well. */
static bool is_visible(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f)
            return false;
    }
    return text.len > 0;
}

bool san_check(const struct san *san)
{
    switch (san->type) {
    case SAN_DNS: /* RFC 5280 4.2.1.6: never " "; 253 characters are all that DNS has */
        return is_visible(san->value) && san->value.len <= 253;
    case SAN_IP:
        return san->value.len == 4 || san->value.len == 16;
    case SAN_URI:
    case SAN_EMAIL:
        return is_visible(san->value) && san->value.len <= 2048;
    case SAN_OTHER:
        return true;
    }
    return false;
}

/* GeneralName, RFC 5280 4.2.1.6. */
static bool take_san(struct slice *in, struct san *san)
{
    struct slice value;
    uint8_t tag;

    if (!der_take_any(in, &tag, &value))
        return false;
    switch (tag) {
    case DER_CONTEXT(1):
        *san = (struct san){ SAN_EMAIL, value };
        return true;
    case DER_CONTEXT(2):
        *san = (struct san){ SAN_DNS, value };
        return true;
    case DER_CONTEXT(6):
        *san = (struct san){ SAN_URI, value };
        return true;
    case DER_CONTEXT(7):
        *san = (struct san){ SAN_IP, value };
        return true;
    case DER_CONTEXT_CONSTRUCTED(0): /* otherName, x400Address, directoryName, ediPartyName */
    case DER_CONTEXT_CONSTRUCTED(3):
    case DER_CONTEXT_CONSTRUCTED(4):
    case DER_CONTEXT_CONSTRUCTED(5):
    case DER_CONTEXT(8): /* registeredID */
        *san = (struct san){ SAN_OTHER, value };
        return true;
    default:
        return false;
    }
}

static int read_san(struct x509_ext *ext, struct slice value, unsigned max_sans, struct err *e)
{
    struct slice body, rest;
    struct san san;

    if (!der_take(&value, DER_SEQUENCE, &body) || value.len)
        return bad(e, "subjectAltName");
    if (body.len == 0) /* RFC 5280 4.2.1.6: at least one entry */
        return err_set(e, ERR_INVALID, "the extension subjectAltName is empty");
    rest = body;
    while (rest.len) {
        if (!take_san(&rest, &san))
            return bad(e, "subjectAltName");
        if (++ext->san_count > max_sans)
            return err_set(e, ERR_LIMIT, "more than %u subject alternative names", max_sans);
        if (!san_check(&san))
            return err_set(e, ERR_INVALID,
                           "subject alternative name %u is empty, too long, not an address of 4 "
                           "or 16 bytes, or not plain ASCII",
                           ext->san_count);
    }
    ext->has_san = true;
    ext->san = body;
    return 0;
}

static int read_skid(struct x509_ext *ext, struct slice value, struct err *e)
{
    if (!der_take(&value, DER_OCTET_STRING, &ext->skid) || value.len || ext->skid.len == 0 ||
        ext->skid.len > MAX_KEY_ID)
        return bad(e, "subjectKeyIdentifier");
    return 0;
}

/* AuthorityKeyIdentifier, RFC 5280 4.2.1.1: issuer and serial come together or not at all. */
static int read_akid(struct x509_ext *ext, struct slice value, struct err *e)
{
    struct slice body, issuer, serial;
    bool has_id, has_issuer, has_serial;

    if (!der_take(&value, DER_SEQUENCE, &body) || value.len ||
        !der_take_optional(&body, DER_CONTEXT(0), &ext->akid, &has_id) ||
        !der_take_optional(&body, DER_CONTEXT_CONSTRUCTED(1), &issuer, &has_issuer) ||
        !der_take_optional(&body, DER_CONTEXT(2), &serial, &has_serial) || body.len ||
        has_issuer != has_serial || (has_id && (!ext->akid.len || ext->akid.len > MAX_KEY_ID)))
        return bad(e, "authorityKeyIdentifier");
    return 0;
}

/* RFC 5280 4.2.1.10: only that they are there; OpenSSL applies them (crypto/chain.h). */
static int read_constraints(struct x509_ext *ext, struct slice value, struct err *e)
{
    struct slice body;

    if (!der_take(&value, DER_SEQUENCE, &body) || value.len || body.len == 0)
        return bad(e, "nameConstraints");
    ext->has_name_constraints = true;
    return 0;
}

struct one_ext {
    struct slice oid, value;
    bool critical;
};

/* Extension, RFC 5280 4.1: critical FALSE is the default, and DER leaves a default out. */
static int take_ext(struct slice *in, struct one_ext *one, struct err *e)
{
    struct slice body;

    one->critical = false;
    if (!der_take(in, DER_SEQUENCE, &body) || !der_take(&body, DER_OID, &one->oid) ||
        one->oid.len == 0)
        return err_set(e, ERR_INVALID, "an extension is not well-formed DER");
    if (der_next_is(body, DER_BOOLEAN) && (!der_take_bool(&body, &one->critical) || !one->critical))
        return err_set(e, ERR_INVALID, "an extension's critical flag is not TRUE (DER)");
    if (!der_take(&body, DER_OCTET_STRING, &one->value) || body.len)
        return err_set(e, ERR_INVALID, "an extension is not well-formed DER");
    return 0;
}

static int read_one(struct x509_ext *ext, const struct one_ext *one, unsigned max_sans,
                    struct err *e)
{
    bool id_ce = one->oid.len == 3 && one->oid.ptr[0] == 0x55 && one->oid.ptr[1] == 0x1d;

    switch (id_ce ? one->oid.ptr[2] : 0) { /* 2.5.29.n */
    case 14:
        return read_skid(ext, one->value, e);
    case 15:
        ext->ku_critical = one->critical;
        return read_ku(ext, one->value, e);
    case 17:
        ext->san_critical = one->critical;
        return read_san(ext, one->value, max_sans, e);
    case 19:
        ext->basic_critical = one->critical;
        return read_basic(ext, one->value, e);
    case 30:
        return read_constraints(ext, one->value, e);
    case 35:
        return read_akid(ext, one->value, e);
    case 37:
        ext->eku_critical = one->critical;
        return read_eku(ext, one->value, e);
    default:
        ext->unknown++;
        if (one->critical && ext->unknown_critical.len == 0)
            ext->unknown_critical = one->oid;
        return 0;
    }
}

int x509_exts_read(struct x509_ext *ext, struct slice whole, unsigned max_sans, struct err *e)
{
    struct slice seen[MAX_EXTENSIONS], body;
    size_t count = 0;

    if (!der_take(&whole, DER_SEQUENCE, &body) || whole.len || body.len == 0)
        return err_set(e, ERR_INVALID, "the extensions are empty or not well-formed DER");
    while (body.len) {
        struct one_ext one;

        if (count == MAX_EXTENSIONS)
            return err_set(e, ERR_LIMIT, "more than %d extensions", MAX_EXTENSIONS);
        if (take_ext(&body, &one, e))
            return -1;
        for (size_t i = 0; i < count; i++) {
            if (slice_eq(seen[i], one.oid)) /* RFC 5280 4.2: not more than one of a kind */
                return err_set(e, ERR_INVALID, "the same extension twice");
        }
        seen[count++] = one.oid;
        if (read_one(ext, &one, max_sans, e))
            return -1;
    }
    return 0;
}

struct san_iter san_iter(const struct x509_ext *ext)
{
    return (struct san_iter){ ext->san };
}

bool san_next(struct san_iter *it, struct san *san)
{
    return it->rest.len && take_san(&it->rest, san);
}
