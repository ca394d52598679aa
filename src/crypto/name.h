#ifndef CRYPTO_NAME_H
#define CRYPTO_NAME_H

#include "base/buf.h"

/* A distinguished name (RFC 5280 4.1.2.4) as DER of the Name SEQUENCE. */
enum name_attr { NAME_CN, NAME_O, NAME_OU, NAME_C, NAME_ST, NAME_L, NAME_SERIAL, NAME_OTHER };

struct name_part {
    enum name_attr attr;
    struct slice oid;   /* DER content bytes of the attribute type */
    uint8_t string_tag; /* DER_UTF8, DER_PRINTABLE, ... */
    struct slice
        value; /* as stored; UTF-8 for UTF8String, ASCII for PrintableString and IA5String */
    bool first_of_rdn; /* false: part of a multi-valued RDN */
};
struct name_iter {
    struct slice rdns, rdn;
    bool bad;
};
/* while (name_next(&it, &part)); then it.bad says whether the DER was broken. */
struct name_iter name_iter(struct slice name_der);
bool name_next(struct name_iter *it, struct name_part *part);
/* The whole name is well-formed, at most 64 parts, and each string is what its tag says. */
int name_check(struct slice name_der, struct err *e) MUST_CHECK;

/* Building: begin, parts in the order C ST L O OU CN as the caller gives them, end. Values are
 * UTF8String, C and SERIAL PrintableString, at most the upper bounds of RFC 5280 appendix A. */
size_t name_begin(struct buf *out);
void name_add(struct buf *out, enum name_attr attr, struct slice value);
void name_end(struct buf *out, size_t mark);

/* For people, RFC 4514-like in the order stored: "O=system:masters, CN=kubernetes-admin". Control
 * and bidirectional characters are escaped. */
void name_format(struct buf *out, struct slice name_der);
const char *name_attr_label(enum name_attr attr); /* "CN" */

#endif
