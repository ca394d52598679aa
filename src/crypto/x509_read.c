#include "crypto/alg.h"
#include "crypto/der.h"
#include "crypto/name.h"
#include "crypto/x509_internal.h"

enum { MAX_SERIAL = 20 };

int x509_take_outer(struct slice der, struct slice *signed_part, struct slice *rest, struct err *e)
{
    struct slice whole = der, body;

    if (!der_take(&der, DER_SEQUENCE, &body))
        return err_set(e, ERR_INVALID, "not well-formed DER");
    if (der.len)
        return err_set(e, ERR_INVALID, "%zu bytes behind the end", der.len);
    if (!der_check(whole) || !der_take_whole(&body, DER_SEQUENCE, signed_part))
        return err_set(e, ERR_INVALID, "not well-formed DER");
    *rest = body;
    return 0;
}

int x509_take_signature(struct x509_signature *ret, struct slice in, struct err *e)
{
    struct slice before = in;
    unsigned unused;

    if (!sig_alg_take(&in, &ret->alg, &ret->params))
        return err_set(e, ERR_INVALID, "the signature algorithm is not well-formed");
    ret->whole_alg = slice_of(before.ptr, before.len - in.len);
    if (!der_take_bits(&in, &ret->bytes, &unused) || unused || in.len || ret->bytes.len == 0)
        return err_set(e, ERR_INVALID, "the signature is not well-formed DER");
    return 0;
}

bool x509_take_spki(struct slice *in, struct slice *spki)
{
    struct slice rest = *in, whole, body, alg, oid, param, bits;
    unsigned unused;
    uint8_t tag;

    if (!der_take_whole(&rest, DER_SEQUENCE, &whole))
        return false;
    *in = rest;
    *spki = whole;
    if (!der_take(&whole, DER_SEQUENCE, &body) || !der_take(&body, DER_SEQUENCE, &alg) ||
        !der_take(&alg, DER_OID, &oid))
        return false;
    if (alg.len && (!der_take_any(&alg, &tag, &param) || alg.len))
        return false;
    return der_take_bits(&body, &bits, &unused) && body.len == 0 && unused == 0;
}

/* Version ::= [0] EXPLICIT INTEGER DEFAULT v1: a written v1 is not DER. */
static int take_version(struct slice *in, unsigned *version, struct err *e)
{
    struct slice tagged;
    uint32_t n = 0;
    bool present;

    if (!der_take_optional(in, DER_CONTEXT_CONSTRUCTED(0), &tagged, &present))
        return err_set(e, ERR_INVALID, "the version is not well-formed DER");
    if (present && (!der_take_small_uint(&tagged, &n) || tagged.len || n < 1 || n > 2))
        return err_set(e, ERR_INVALID, "an unknown version of certificate");
    *version = n + 1;
    return 0;
}

/* RFC 5280 4.1.2.2: positive, at most 20 bytes. Strict also for foreign certificates, but for the
 * sign byte: issuers that draw 20 random bytes need 21, and everybody reads those. */
static int take_serial(struct slice *in, struct slice *serial, struct err *e)
{
    if (!der_take_uint(in, serial))
        return err_set(e, ERR_INVALID, "the serial number is negative or not well-formed");
    if (serial->len > MAX_SERIAL)
        return err_set(e, ERR_INVALID, "the serial number has %zu bytes, 20 are the most",
                       serial->len);
    return 0;
}

/* Zero is for roots alone: client-go's NewSelfSignedCACert wrote it until Kubernetes 1.27, and the
 * authorities that kubeadm made then live ten years. */
static int check_zero_serial(const struct x509_cert *cert, struct err *e)
{
    bool zero = cert->serial.len == 1 && cert->serial.ptr[0] == 0;

    if (zero && !(cert->ext.ca && slice_eq(cert->issuer, cert->subject)))
        return err_set(e, ERR_INVALID, "the serial number is zero");
    return 0;
}

static int take_names_and_time(struct slice *in, struct x509_cert *cert, struct err *e)
{
    struct slice validity;

    if (!der_take_whole(in, DER_SEQUENCE, &cert->issuer) ||
        !der_take(in, DER_SEQUENCE, &validity) || !der_take_whole(in, DER_SEQUENCE, &cert->subject))
        return err_set(e, ERR_INVALID, "not well-formed DER");
    if (name_check(cert->issuer, e))
        return err_wrap(e, "issuer");
    if (name_check(cert->subject, e))
        return err_wrap(e, "subject");
    if (!der_take_time(&validity, &cert->not_before) ||
        !der_take_time(&validity, &cert->not_after) || validity.len)
        return err_set(e, ERR_INVALID, "the validity is not two times in UTC with seconds");
    return 0;
}

/* issuerUniqueID, subjectUniqueID (version 2 and 3), extensions (version 3). */
static int take_tail(struct slice in, struct x509_cert *cert, struct err *e)
{
    struct slice issuer_id, subject_id, skipped, exts;
    bool has_issuer_id, has_subject_id, has_exts;
    unsigned unused;

    if (!der_take_optional(&in, DER_CONTEXT(1), &issuer_id, &has_issuer_id) ||
        !der_take_optional(&in, DER_CONTEXT(2), &subject_id, &has_subject_id) ||
        !der_take_optional(&in, DER_CONTEXT_CONSTRUCTED(3), &exts, &has_exts) || in.len)
        return err_set(e, ERR_INVALID, "what follows the public key is not well-formed DER");
    if ((has_issuer_id && !der_bits(issuer_id, &skipped, &unused)) ||
        (has_subject_id && !der_bits(subject_id, &skipped, &unused)))
        return err_set(e, ERR_INVALID, "a unique identifier is not well-formed DER");
    if ((has_issuer_id || has_subject_id) && cert->version < 2)
        return err_set(e, ERR_INVALID, "unique identifiers in a version 1 certificate");
    if (has_exts && cert->version != 3)
        return err_set(e, ERR_INVALID, "extensions in a version %u certificate", cert->version);
    return has_exts ? x509_exts_read(&cert->ext, exts, X509_MAX_SANS, e) : 0;
}

/* *alg gets the inner algorithm with its tag. */
static int read_tbs(struct x509_cert *cert, struct slice *alg, struct err *e)
{
    struct slice rest = cert->tbs, body, from, params;

    if (!der_take(&rest, DER_SEQUENCE, &body) || rest.len)
        return err_set(e, ERR_INVALID, "not well-formed DER");
    if (take_version(&body, &cert->version, e) || take_serial(&body, &cert->serial, e))
        return -1;
    from = body;
    if (!sig_alg_take(&body, &cert->sig_alg, &params))
        return err_set(e, ERR_INVALID, "the inner signature algorithm is not well-formed");
    *alg = slice_of(from.ptr, from.len - body.len);
    if (take_names_and_time(&body, cert, e))
        return -1;
    if (!x509_take_spki(&body, &cert->spki))
        return err_set(e, ERR_INVALID, "the public key is not well-formed DER");
    return take_tail(body, cert, e) ? -1 : check_zero_serial(cert, e);
}

static int check_size(struct slice der, struct err *e)
{
    if (der.len > X509_MAX_DER)
        return err_set(e, ERR_LIMIT, "a certificate of %zu bytes: %d are the most", der.len,
                       X509_MAX_DER);
    return 0;
}

int x509_cert_read(struct x509_cert *ret, struct slice der, struct err *e)
{
    struct x509_cert cert = { .der = der, .ext = x509_no_ext };
    struct x509_signature outer;
    struct slice rest, inner;

    if (check_size(der, e))
        return -1;
    if (x509_take_outer(der, &cert.tbs, &rest, e) || read_tbs(&cert, &inner, e) ||
        x509_take_signature(&outer, rest, e))
        return err_wrap(e, "certificate");
    if (!slice_eq(inner, outer.whole_alg)) /* RFC 5280 4.1.1.2 */
        return err_set(e, ERR_INVALID,
                       "certificate: the inner and the outer signature algorithm differ");
    cert.sig_params = outer.params;
    cert.sig = outer.bytes;
    *ret = cert;
    return 0;
}

int x509_tbs_read(struct x509_cert *ret, struct slice tbs, struct err *e)
{
    struct x509_cert cert = { .tbs = tbs, .ext = x509_no_ext };
    struct slice inner;

    if (check_size(tbs, e))
        return -1;
    if (!der_check(tbs))
        return err_set(e, ERR_INVALID, "certificate to be signed: not well-formed DER");
    if (read_tbs(&cert, &inner, e))
        return err_wrap(e, "certificate to be signed");
    *ret = cert;
    return 0;
}
