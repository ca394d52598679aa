#ifndef CRYPTO_CMS_CERT_H
#define CRYPTO_CMS_CERT_H

#include "base/buf.h"
#include "base/secret.h"

/*
 * A content key of 32 bytes for the holder of a certificate: KeyTransRecipientInfo with RSA-OAEP
 * (RFC 5652 6.2.1, RFC 4055 4.1) or KeyAgreeRecipientInfo with ephemeral-static ECDH, the X9.63 KDF
 * and AES-256 key wrap (RFC 5652 6.2.2, RFC 5753 3.1). Written with SHA-256; read with SHA-1 too,
 * which is what `openssl cms -encrypt` writes.
 */

/* Appends the RecipientInfo. */
int cms_cert_wrap(struct buf *out, struct slice content_key, struct slice cert_der, struct err *e)
    MUST_CHECK;
/* `recipients`: content of the SET. ERR_REFUSED: not for this certificate, or not its key. */
int cms_cert_unwrap(struct secret *content_key, struct slice recipients, struct slice cert_der,
                    struct slice key_pem, struct err *e) MUST_CHECK;

#endif
