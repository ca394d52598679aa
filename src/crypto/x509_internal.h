#ifndef CRYPTO_X509_INTERNAL_H
#define CRYPTO_X509_INTERNAL_H

#include "crypto/x509.h"

/* Shared by the files of x509. Extensions: the SEQUENCE OF Extension, with its tag. *ext starts as
 * x509_no_ext. */
static const struct x509_ext x509_no_ext = { .path_len = -1 };
int x509_exts_read(struct x509_ext *ext, struct slice whole, unsigned max_sans, struct err *e);
bool san_check(const struct san *san);
/* SubjectPublicKeyInfo by its form: { { OID, ... }, BIT STRING }. */
bool x509_take_spki(struct slice *in, struct slice *spki);
/* Algorithm and signature behind what is signed; all of `in`. */
struct x509_signature {
    enum sig_alg alg;
    struct slice params, whole_alg, bytes;
};
int x509_take_signature(struct x509_signature *ret, struct slice in, struct err *e);
/* Certificate and CSR alike: SEQUENCE { signed SEQUENCE, ... }, *rest what follows the signed part.
 */
int x509_take_outer(struct slice der, struct slice *signed_part, struct slice *rest, struct err *e);

#endif
