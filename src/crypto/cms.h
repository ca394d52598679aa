#ifndef CRYPTO_CMS_H
#define CRYPTO_CMS_H

#include "base/buf.h"
#include "base/secret.h"

/*
 * Backups: CMS AuthEnvelopedData (RFC 5083) with AES-256-GCM (RFC 5084), DER, so that
 * `openssl cms -decrypt -inform DER -pwri_password ...` or `-inkey KEY -recip CERT` opens them.
 * Exactly one of passphrase (PBKDF2, RFC 3211 PWRI) and recipient (certificate DER) is set; the
 * other is NULL or empty. A recipient has an RSA key (OAEP, SHA-256) of at least 2048 bits or one
 * on P-256, P-384 or P-521 (ECDH, RFC 5753); a key usage that forbids this is ERR_REFUSED.
 *
 * Written and read here, over OpenSSL's ciphers, because OpenSSL 3.0's own CMS takes tags of any
 * length and contents under any cipher as "authenticated", hands out plaintext before the tag is
 * checked, and derives passphrases with SHA-1 alone.
 */
enum { CMS_MAX_PLAIN = BUF_MAX - (64 << 10) }; /* bytes */

/* Appends; ERR_LIMIT for more than CMS_MAX_PLAIN bytes. */
int cms_encrypt(struct buf *out, struct slice plain, const struct secret *passphrase,
                struct slice recipient_cert, struct err *e) MUST_CHECK;
/* ERR_REFUSED: wrong passphrase or key, or made for somebody else; ERR_CORRUPT: damaged or cut
 * short; ERR_INVALID: not such a file, or with algorithms that we do not read. key_pem only for a
 * recipient. */
int cms_decrypt(struct secret *plain, struct slice cms, const struct secret *passphrase,
                struct slice recipient_cert, struct slice key_pem, struct err *e) MUST_CHECK;

#endif
