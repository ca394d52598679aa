#include "crypto/name.h"
#include "crypto/x509.h"
#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509.h>

DEFINE_FREEP(X509 *, X509_free)

/* All that is printed about a certificate; the names that were counted are the names there are. */
static void print(const struct x509_cert *cert)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct san_iter it = san_iter(&cert->ext);
    struct san san;
    unsigned count = 0;

    name_format(&text, cert->issuer);
    name_format(&text, cert->subject);
    x509_serial_hex(&text, cert->serial);
    x509_ku_names(&text, cert->ext.ku);
    x509_eku_names(&text, cert->ext.eku);
    while (san_next(&it, &san)) {
        san_format(&text, &san);
        count++;
    }
    assert(!text.failed && it.rest.len == 0 && count == cert->ext.san_count);
    for (size_t i = 0; i < text.len; i++)
        assert(text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f);
}

/* Property: what we read, OpenSSL reads too, to its end and with the same contents. */
static void compare(const struct x509_cert *cert)
{
    const uint8_t *at = cert->der.ptr;
    CLEANUP(X509_freep) X509 *theirs = d2i_X509(NULL, &at, (long)cert->der.len);
    const ASN1_INTEGER *serial;

    assert(theirs && at == cert->der.ptr + cert->der.len);
    assert(X509_get_version(theirs) + 1 == (long)cert->version);
    serial = X509_get0_serialNumber(theirs);
    assert(slice_eq(slice_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)),
                    cert->serial));
    if (cert->ext.has_ku && !(X509_get_extension_flags(theirs) & EXFLAG_INVALID))
        assert(!!(X509_get_key_usage(theirs) & KU_KEY_CERT_SIGN) ==
               !!(cert->ext.ku & KU_CERT_SIGN));
    ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(key_freep) struct key *key = NULL;
    struct x509_cert cert, tbs;
    struct err e = { 0 };

    (void)!x509_tbs_read(&tbs, slice_of(data, len), NULL);
    if (x509_cert_read(&cert, slice_of(data, len), &e)) {
        assert(e.code == ERR_INVALID || e.code == ERR_LIMIT);
        return 0;
    }
    if (x509_tbs_read(&tbs, cert.tbs, NULL))
        abort();
    print(&cert);
    compare(&cert);
    if (key_read_public(&key, cert.spki, NULL) == 0)
        (void)!key_verify(key, cert.sig_alg, cert.sig_params, cert.tbs, cert.sig, NULL);
    assert(ERR_peek_error() == 0);
    return 0;
}
