#include "crypto/name.h"
#include "crypto/x509.h"
#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

DEFINE_FREEP(X509_REQ *, X509_REQ_free)
DEFINE_FREEP(EVP_PKEY *, EVP_PKEY_free)

/* Property: what we read, OpenSSL reads too; what verifies here verifies there. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(X509_REQ_freep) X509_REQ *theirs = NULL;
    CLEANUP(buf_clear) struct buf text = { 0 };
    const uint8_t *at = data;
    struct x509_csr csr;
    struct err e = { 0 };

    if (x509_csr_read(&csr, slice_of(data, len), &e)) {
        assert(e.code == ERR_INVALID || e.code == ERR_LIMIT);
        return 0;
    }
    name_format(&text, csr.subject);
    theirs = d2i_X509_REQ(NULL, &at, (long)len);
    assert(theirs && at == data + len);
    ERR_clear_error();
    if (x509_csr_verify(&csr, &key, &e)) {
        assert(!key && (e.code == ERR_INVALID || e.code == ERR_REFUSED));
    } else {
        CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = X509_REQ_get_pubkey(theirs);

        assert(pkey && X509_REQ_verify(theirs, pkey) == 1);
    }
    assert(ERR_peek_error() == 0);
    return 0;
}
