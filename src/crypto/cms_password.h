#ifndef CRYPTO_CMS_PASSWORD_H
#define CRYPTO_CMS_PASSWORD_H

#include "base/buf.h"
#include "base/secret.h"

/* PasswordRecipientInfo (RFC 5652 6.2.4, RFC 3211): a content key of 32 bytes under a passphrase.
 */
enum { CMS_KEY_LEN = 32, CMS_PBKDF2_ROUNDS = 600000, CMS_PBKDF2_MAX_ROUNDS = 10000000 };

/* Appends the RecipientInfo. */
int cms_password_wrap(struct buf *out, struct slice content_key, const struct secret *passphrase,
                      struct err *e) MUST_CHECK;
/* `recipients`: content of the SET. ERR_REFUSED: wrong passphrase, or made for no passphrase. */
int cms_password_unwrap(struct secret *content_key, struct slice recipients,
                        const struct secret *passphrase, struct err *e) MUST_CHECK;

#endif
