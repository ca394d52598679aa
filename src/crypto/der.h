#ifndef CRYPTO_DER_H
#define CRYPTO_DER_H

#include "base/buf.h"

/* Strict DER (X.690 section 10): minimal lengths, definite form, single-byte tags. */
enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_UTF8 = 0x0c,
    DER_PRINTABLE = 0x13,
    DER_T61 = 0x14,
    DER_IA5 = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_BMP = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
};
#define DER_CONTEXT(n) (0x80 | (n)) /* implicit, primitive */
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n))

/* Reading: each takes one element off the front of *in; false leaves *in as it was. */
bool der_take(struct slice *in, uint8_t tag, struct slice *content);
bool der_take_any(struct slice *in, uint8_t *tag, struct slice *content);
bool der_take_whole(struct slice *in, uint8_t tag,
                    struct slice *whole); /* tag and length included */
bool der_take_optional(struct slice *in, uint8_t tag, struct slice *content, bool *present);
bool der_take_bool(struct slice *in, bool *value); /* 00 or ff only */
bool der_take_small_uint(struct slice *in, uint32_t *value);
bool der_take_uint(struct slice *in,
                   struct slice *magnitude); /* non-negative, minimal; sign byte cut */
bool der_take_bits(struct slice *in, struct slice *bytes, unsigned *unused); /* unused bits zero */
bool der_bits(struct slice content, struct slice *bytes, unsigned *unused); /* of an implicit tag */
bool der_take_time(struct slice *in, int64_t *t); /* RFC 5280 4.1.2.5, both kinds */
bool der_next_is(struct slice in, uint8_t tag);
/* Elements all the way down, at most 16 deep: forms, minimal numbers, well-formed OIDs, no
 * constructed strings. For what a reader passes over without looking. Primitive context tags are
 * not opened. */
bool der_check(struct slice in);

/* Writing: what lies between begin and end gets its length set at the end. */
size_t der_begin(struct buf *out, uint8_t tag);
void der_end(struct buf *out, size_t mark);
void der_put(struct buf *out, uint8_t tag, struct slice content);
void der_put_uint(struct buf *out, struct slice magnitude); /* adds the sign byte, drops zeros */
void der_put_small_uint(struct buf *out, uint32_t value);
void der_put_bool(struct buf *out, bool value);
void der_put_time(struct buf *out, int64_t t); /* UTCTime through 2049, then GeneralizedTime */

#endif
