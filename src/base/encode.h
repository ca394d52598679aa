#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include "base/buf.h"

void hex_encode(struct buf *out, struct slice bytes); /* lower case */
int hex_decode(struct buf *out, struct slice text, struct err *e) MUST_CHECK;

/* RFC 4648: base64 with padding and no line breaks; base64url without padding. Decoders are strict
 * (alphabet, padding, zero trailing bits); white space is refused. */
void base64_encode(struct buf *out, struct slice bytes);
int base64_decode(struct buf *out, struct slice text, struct err *e) MUST_CHECK;
void base64url_encode(struct buf *out, struct slice bytes);
int base64url_decode(struct buf *out, struct slice text, struct err *e) MUST_CHECK;

/* RFC 3629, no surrogates, no overlong forms. */
bool utf8_valid(struct slice text);
/* Length of the character at the start of text, 0 when there is none or it is not well formed. */
size_t utf8_next(struct slice text, uint32_t *point);
/* False for what may not reach a terminal or a log: controls (C0, C1), bidi marks, line separators.
 */
bool utf8_is_safe(uint32_t point);
/* In place: whatever is not safe becomes '?'. */
void text_make_safe(char *text);

#endif
