#include "crypto/der.h"
#include "crypto/name.h"
#include "crypto/x509_internal.h"

enum { MAX_ATTRIBUTES = 16 };

/* pkcs-9-at-extensionRequest, 1.2.840.113549.1.9.14 */
static const uint8_t oid_extension_request[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14 };

/* Attribute, RFC 2986 4.1: at least one value. Ours has exactly one (RFC 2985 5.4.2). */
static int take_attribute(struct slice *in, struct slice *oid, struct x509_csr *csr, struct err *e)
{
    struct slice body, values, value, rest;
    uint8_t tag;

    if (!der_take(in, DER_SEQUENCE, &body) || !der_take(&body, DER_OID, oid) || oid->len == 0 ||
        !der_take(&body, DER_SET, &values) || body.len || values.len == 0)
        return err_set(e, ERR_INVALID, "an attribute is not well-formed DER or without a value");
    if (slice_eq(*oid, slice_of(oid_extension_request, sizeof oid_extension_request))) {
        rest = values;
        if (!der_take_any(&rest, &tag, &value) || rest.len)
            return err_set(e, ERR_INVALID, "an extension request has exactly one value");
        return x509_exts_read(&csr->ext, values, CSR_MAX_SANS, e);
    }
    while (values.len) {
        if (!der_take_any(&values, &tag, &value))
            return err_set(e, ERR_INVALID, "an attribute is not well-formed DER");
    }
    return 0;
}

static int read_attributes(struct x509_csr *csr, struct slice attributes, struct err *e)
{
    struct slice seen[MAX_ATTRIBUTES];
    size_t count = 0;

    while (attributes.len) {
        struct slice oid;

        if (count == MAX_ATTRIBUTES)
            return err_set(e, ERR_LIMIT, "more than %d attributes", MAX_ATTRIBUTES);
        if (take_attribute(&attributes, &oid, csr, e))
            return -1;
        for (size_t i = 0; i < count; i++) {
            if (slice_eq(seen[i], oid))
                return err_set(e, ERR_INVALID, "the same attribute twice");
        }
        seen[count++] = oid;
    }
    return 0;
}

/* CertificationRequestInfo, RFC 2986 4.1. */
static int read_info(struct x509_csr *csr, struct err *e)
{
    struct slice rest = csr->info, body, attributes;
    uint32_t version;

    if (!der_take(&rest, DER_SEQUENCE, &body) || rest.len || !der_take_small_uint(&body, &version))
        return err_set(e, ERR_INVALID, "not well-formed DER");
    if (version != 0)
        return err_set(e, ERR_INVALID, "version %u: 1, written as 0, is the only one", version + 1);
    if (!der_take_whole(&body, DER_SEQUENCE, &csr->subject))
        return err_set(e, ERR_INVALID, "not well-formed DER");
    if (name_check(csr->subject, e))
        return err_wrap(e, "subject");
    if (!x509_take_spki(&body, &csr->spki))
        return err_set(e, ERR_INVALID, "the public key is not well-formed DER");
    if (!der_take(&body, DER_CONTEXT_CONSTRUCTED(0), &attributes) || body.len)
        return err_set(e, ERR_INVALID, "the attributes are missing or not well-formed DER");
    return read_attributes(csr, attributes, e);
}

int x509_csr_read(struct x509_csr *ret, struct slice der, struct err *e)
{
    struct x509_csr csr = { .der = der, .ext = x509_no_ext };
    struct x509_signature signature;
    struct slice rest;

    if (der.len > CSR_MAX_DER)
        return err_set(e, ERR_LIMIT, "certificate request: %zu bytes, %d are the most", der.len,
                       CSR_MAX_DER);
    if (x509_take_outer(der, &csr.info, &rest, e) || read_info(&csr, e) ||
        x509_take_signature(&signature, rest, e))
        return err_wrap(e, "certificate request");
    csr.sig_alg = signature.alg;
    csr.sig_params = signature.params;
    csr.sig = signature.bytes;
    *ret = csr;
    return 0;
}

static int check_strength(const struct x509_csr *csr, const struct key *key, struct err *e)
{
    if (csr->sig_alg == SIG_SHA1)
        return err_set(e, ERR_REFUSED, "the request is signed with SHA-1: use SHA-256");
    if (csr->sig_alg == SIG_OTHER)
        return err_set(e, ERR_REFUSED, "the request is signed with an unknown or weak algorithm");
    return key_check_strength(key, e);
}

int x509_csr_verify(const struct x509_csr *csr, struct key **key, struct err *e)
{
    CLEANUP(key_freep) struct key *own = NULL;

    if (key_read_public(&own, csr->spki, e) || check_strength(csr, own, e) ||
        key_verify(own, csr->sig_alg, csr->sig_params, csr->info, csr->sig, e))
        return err_wrap(e, "certificate request");
    if (key) {
        *key = own;
        own = NULL;
    }
    return 0;
}
