#ifndef CRYPTO_JOSE_JSON_H
#define CRYPTO_JOSE_JSON_H

#include "base/buf.h"
#include <yyjson.h>

/* What JWK and JWS headers share: reading one small JSON object strictly. */
enum { JOSE_MAX_MEMBERS = 64 };

DEFINE_FREEP(yyjson_doc *, yyjson_doc_free)

/* `json` is one object with no member twice (RFC 7515 and 7517, section 4); the caller limits its
 * size and frees the document. */
int jose_object(yyjson_doc **ret, struct slice json, struct err *e) MUST_CHECK;
/* Borrowed text of a member, which must be a string without NUL; ptr is NULL when it is absent. */
int jose_text(struct slice *text, yyjson_val *object, const char *name, struct err *e) MUST_CHECK;
/* A key identifier or a type that we write or look up: shorter than 128 bytes, UTF-8, printable. */
int jose_check_label(struct slice text, const char *name, struct err *e) MUST_CHECK;
/* Appends `lead` and the checked label as a JSON string. */
void jose_put_label(struct buf *out, const char *lead, const char *text);

#endif
