#ifndef TEST_KEEPER_LEAF_H
#define TEST_KEEPER_LEAF_H

#include "crypto/der.h"
#include "crypto/x509.h"
#include <assert.h>

/*
 * A TBSCertificate written by hand, so that anything can be wrong with it. Zero is good everywhere:
 * a row of a test names the one thing that is not. Lists have one item a line.
 */
#define LEAF_NOW INT64_C(1800000000)

struct leaf_spec {
    int version;          /* 0: 3 */
    size_t serial_len;    /* 0: 16 */
    uint8_t serial_first; /* 0: 0x11 */
    enum sig_alg alg;
    struct slice issuer, akid;     /* empty: leaf_issuer's */
    int64_t not_before, not_after; /* from LEAF_NOW; 0: -300 and 3600 */
    const char *subject;           /* "C=CH\nCN=web" */
    uint8_t string_tag;            /* of CN; 0: UTF8String */
    bool one_rdn;                  /* all parts in one multi-valued RDN */
    const char *sans;              /* "DNS:a\nURI:b\nEMAIL:c\nIP:" (an address of ours) */
    unsigned eku, ku;              /* 0: server, digitalSignature */
    bool no_eku, eku_plain, no_ku, ku_plain, no_basic, basic_plain, ca, no_akid, no_skid;
    bool eku_unknown, constraints, rsa, unique_id;
    bool extra, extra_critical; /* an extension that nobody knows */
};

static inline struct slice leaf_oid(uint8_t *room, unsigned a, unsigned b, unsigned c)
{
    room[0] = (uint8_t)a;
    room[1] = (uint8_t)b;
    room[2] = (uint8_t)c;
    return slice_of(room, 3);
}

static inline void leaf_part(struct buf *out, struct slice text, uint8_t tag)
{
    static const struct {
        const char *label;
        unsigned attr;
    } attrs[] = { { "CN", 3 }, { "C", 6 },   { "L", 7 }, { "ST", 8 },
                  { "O", 10 }, { "OU", 11 }, { "T", 12 } };
    struct slice label;
    uint8_t oid[3];
    size_t at, i = 0;

    assert(slice_cut(&text, '=', &label));
    while (!slice_eq_str(label, attrs[i].label))
        i++;
    at = der_begin(out, DER_SEQUENCE);
    der_put(out, DER_OID, leaf_oid(oid, 0x55, 4, attrs[i].attr));
    der_put(out,
            tag && attrs[i].attr == 3 ? tag
            : attrs[i].attr == 6      ? DER_PRINTABLE
                                      : DER_UTF8,
            text);
    der_end(out, at);
}

static inline bool leaf_line(struct slice *list, struct slice *line)
{
    if (list->len == 0)
        return false;
    if (!slice_cut(list, '\n', line)) {
        *line = *list;
        *list = slice_of(NULL, 0);
    }
    return true;
}

static inline void leaf_name(struct buf *out, const char *parts, uint8_t tag, bool one_rdn)
{
    struct slice list = slice_str(parts), line;
    size_t rdn = 0, name = der_begin(out, DER_SEQUENCE);

    if (one_rdn)
        rdn = der_begin(out, DER_SET);
    while (leaf_line(&list, &line)) {
        if (!one_rdn)
            rdn = der_begin(out, DER_SET);
        leaf_part(out, line, tag);
        if (!one_rdn)
            der_end(out, rdn);
    }
    if (one_rdn)
        der_end(out, rdn);
    der_end(out, name);
}

static inline void leaf_alg(struct buf *out, enum sig_alg alg)
{
    static const uint8_t ecdsa_256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 };
    static const uint8_t ed25519[] = { 0x2b, 0x65, 0x70 };
    size_t at = der_begin(out, DER_SEQUENCE);

    der_put(out, DER_OID, alg == SIG_ED25519 ? slice_of(ed25519, 3) : slice_of(ecdsa_256, 8));
    der_end(out, at);
}

static inline void leaf_spki(struct buf *out, bool rsa)
{
    static const uint8_t ec_public[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };
    static const uint8_t p256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
    static const uint8_t rsa_oid[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 };
    static const uint8_t null[] = { DER_NULL, 0 };
    uint8_t key[66] = { 0, 4, 1, 2, 3 };
    size_t spki = der_begin(out, DER_SEQUENCE), alg = der_begin(out, DER_SEQUENCE);

    der_put(out, DER_OID, rsa ? slice_of(rsa_oid, 9) : slice_of(ec_public, 7));
    if (rsa)
        buf_add(out, null, 2);
    else
        der_put(out, DER_OID, slice_of(p256, 8));
    der_end(out, alg);
    der_put(out, DER_BIT_STRING, slice_of(key, sizeof key));
    der_end(out, spki);
}

/* An extension of arc 2.5.29; `value` is the content of its OCTET STRING. */
static inline void leaf_ext(struct buf *out, unsigned id, bool critical, const struct buf *value)
{
    uint8_t oid[3];
    size_t at = der_begin(out, DER_SEQUENCE);

    der_put(out, DER_OID, leaf_oid(oid, 0x55, 0x1d, id));
    if (critical)
        der_put_bool(out, true);
    der_put(out, DER_OCTET_STRING, buf_slice(value));
    der_end(out, at);
}

static inline void leaf_usage(struct buf *out, const struct leaf_spec *s)
{
    static const uint8_t kp[] = { 0x2b, 6, 1, 5, 5, 7, 3 };
    unsigned eku = s->eku ? s->eku : EKU_SERVER, ku = s->ku ? s->ku : KU_DIGITAL_SIGNATURE;
    static const uint8_t ids[] = { 1, 2, 0,
                                   3 }; /* server, client, any (not used here), code signing */
    CLEANUP(buf_clear) struct buf v = { 0 };
    uint8_t bits = 0, unused = 8;
    size_t at;

    for (unsigned i = 0; i < 8; i++)
        if (ku >> i & 1) {
            bits = (uint8_t)(bits | 0x80 >> i);
            unused = (uint8_t)(7 - i);
        }
    der_put(&v, DER_BIT_STRING, slice_of((uint8_t[]){ unused, bits }, 2));
    if (!s->no_ku)
        leaf_ext(out, 15, !s->ku_plain, &v);
    buf_reset(&v);
    at = der_begin(&v, DER_SEQUENCE);
    for (unsigned i = 0; i < 4; i++)
        if (eku >> i & 1) {
            size_t oid = der_begin(&v, DER_OID);

            buf_add(&v, kp, sizeof kp);
            buf_add_byte(&v, ids[i]);
            der_end(&v, oid);
        }
    if (s->eku_unknown)
        der_put(&v, DER_OID, slice_of((uint8_t[]){ 0x2a, 3, 4 }, 3));
    der_end(&v, at);
    if (!s->no_eku)
        leaf_ext(out, 37, !s->eku_plain, &v);
}

static inline void leaf_sans(struct buf *out, const char *sans)
{
    CLEANUP(buf_clear) struct buf v = { 0 };
    struct slice list = slice_str(sans), line, type;
    size_t at = der_begin(&v, DER_SEQUENCE);

    while (leaf_line(&list, &line)) {
        assert(slice_cut(&line, ':', &type));
        if (slice_eq_str(type, "IP"))
            der_put(&v, DER_CONTEXT(7), slice_of((uint8_t[]){ 10, 0, 0, 1 }, 4));
        else if (slice_eq_str(type, "OTHER"))
            der_put(&v, DER_CONTEXT(8), slice_of((uint8_t[]){ 0x2a, 3, 4 }, 3));
        else
            der_put(&v,
                    slice_eq_str(type, "DNS")   ? DER_CONTEXT(2)
                    : slice_eq_str(type, "URI") ? DER_CONTEXT(6)
                                                : DER_CONTEXT(1),
                    line);
    }
    der_end(&v, at);
    leaf_ext(out, 17, false, &v);
}

static inline void leaf_constraints(struct buf *out, const struct leaf_spec *s)
{
    CLEANUP(buf_clear) struct buf v = { 0 };
    size_t at = der_begin(&v, DER_SEQUENCE);

    if (s->ca)
        der_put_bool(&v, true);
    der_end(&v, at);
    if (!s->no_basic)
        leaf_ext(out, 19, !s->basic_plain, &v);
    if (s->constraints) { /* permitted: dNSName "a" */
        static const uint8_t permitted[] = { 0x30, 7, 0xa0, 5, 0x30, 3, 0x82, 1, 'a' };

        buf_reset(&v);
        buf_add(&v, permitted, sizeof permitted);
        leaf_ext(out, 30, true, &v);
    }
    if (s->extra) {
        buf_reset(&v);
        buf_add(&v, (uint8_t[]){ DER_NULL, 0 }, 2);
        leaf_ext(out, 99, s->extra_critical, &v);
    }
}

static inline void leaf_key_ids(struct buf *out, const struct leaf_spec *s)
{
    static const uint8_t skid[20] = { 7 }, akid[20] = { 9 };
    CLEANUP(buf_clear) struct buf v = { 0 };
    size_t at;

    der_put(&v, DER_OCTET_STRING, slice_of(skid, sizeof skid));
    if (!s->no_skid)
        leaf_ext(out, 14, false, &v);
    buf_reset(&v);
    at = der_begin(&v, DER_SEQUENCE);
    der_put(&v, DER_CONTEXT(0), s->akid.len ? s->akid : slice_of(akid, sizeof akid));
    der_end(&v, at);
    if (!s->no_akid)
        leaf_ext(out, 35, false, &v);
}

/* A fence of many shapes; a leaf of zeros is its profile "serving". */
#define LEAF_RESERVED "peer.demo.etcd.poterne.internal"
/* clang-format off */
#define LEAF_FENCE \
    "{\"v\":1,\"cluster\":\"c1\",\"role\":\"test\",\"eku\":[\"client\",\"server\"]," \
    "\"subject\":[[\"C\",\"CH\"],[\"OU\",\"SKS\"]],\"reserved_san\":\"" LEAF_RESERVED "\"," \
    "\"max_ttl\":40000,\"rate\":100,\"forms\":[" \
    "{\"profile\":\"serving\",\"eku\":[\"server\"],\"cn\":\"kube-apiserver\",\"o\":[]," \
        "\"san\":[\"dns\",\"ip\"],\"max_ttl\":99999}," \
    "{\"profile\":\"node\",\"eku\":[\"client\"],\"cn\":\"system:node:*\",\"o\":[\"system:nodes\"]," \
        "\"san\":[],\"max_ttl\":20000}," \
    "{\"profile\":\"two\",\"eku\":[\"client\"],\"cn\":\"two\",\"o\":[\"system:a\",\"system:b\"]," \
        "\"san\":[],\"max_ttl\":20000}," \
    "{\"profile\":\"person\",\"eku\":[\"client\"],\"cn\":\"*\",\"o\":[\"*\"]," \
        "\"san\":[],\"max_ttl\":20000}," \
    "{\"profile\":\"admin\",\"eku\":[\"client\"],\"cn\":\"*\",\"o\":[\"!*\"]," \
        "\"san\":[],\"max_ttl\":9000,\"privileged\":true}," \
    "{\"profile\":\"peer\",\"eku\":[\"client\",\"server\"],\"cn\":\"*\",\"o\":[]," \
        "\"san\":[\"dns\",\"ip\"],\"san_required\":\"" LEAF_RESERVED "\",\"max_ttl\":20000}," \
    "{\"profile\":\"etcd\",\"eku\":[\"client\",\"server\"],\"cn\":\"etcd\",\"o\":[]," \
        "\"san\":[\"dns\",\"ip\"],\"max_ttl\":20000}," \
    "{\"profile\":\"machine\",\"eku\":[\"client\"],\"cn\":\"\",\"o\":[]," \
        "\"san\":[\"uri\"],\"max_ttl\":20000}," \
    "{\"profile\":\"agent\",\"eku\":[\"client\"],\"cn\":\"agent\",\"o\":[]," \
        "\"san\":[\"uri\"],\"uri\":\"poterne://i/machine/*/*\",\"max_ttl\":20000}]}"
/* clang-format on */

#define LEAF_SUBJECT "C=CH\nOU=SKS\nCN=kube-apiserver"
#define LEAF_ISSUER "CN=authority 1"

/* The whole TBSCertificate, RFC 5280 4.1.2. */
static inline void leaf_write(struct buf *out, const struct leaf_spec *s)
{
    uint8_t serial[32] = { s->serial_first ? s->serial_first : 0x11, 2, 3 };
    size_t at, tbs = der_begin(out, DER_SEQUENCE);

    if (s->version != 1) {
        at = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
        der_put_small_uint(out, s->version ? (uint32_t)s->version - 1 : 2);
        der_end(out, at);
    }
    der_put_uint(out, slice_of(serial, s->serial_len ? s->serial_len : 16));
    leaf_alg(out, s->alg);
    if (s->issuer.len)
        buf_add_slice(out, s->issuer);
    else
        leaf_name(out, LEAF_ISSUER, 0, false);
    at = der_begin(out, DER_SEQUENCE);
    der_put_time(out, LEAF_NOW + (s->not_before ? s->not_before : -300));
    der_put_time(out, LEAF_NOW + (s->not_after ? s->not_after : 3600));
    der_end(out, at);
    leaf_name(out, s->subject ? s->subject : LEAF_SUBJECT, s->string_tag, s->one_rdn);
    leaf_spki(out, s->rsa);
    if (s->unique_id)
        der_put(out, DER_CONTEXT(2), slice_of((uint8_t[]){ 0, 1 }, 2));
    if (s->version != 1) {
        at = der_begin(out, DER_CONTEXT_CONSTRUCTED(3));
        size_t list = der_begin(out, DER_SEQUENCE);

        leaf_constraints(out, s);
        leaf_usage(out, s);
        if (s->sans)
            leaf_sans(out, s->sans);
        leaf_key_ids(out, s);
        der_end(out, list);
        der_end(out, at);
    }
    der_end(out, tbs);
    assert(!out->failed);
}

/* The authority that a leaf of zeros is signed by. The caller clears `name`. */
static inline struct x509_cert leaf_issuer(struct buf *name)
{
    static const uint8_t skid[20] = { 9 };
    struct x509_cert issuer = { .version = 3, .not_after = LEAF_NOW + 50000 };

    leaf_name(name, LEAF_ISSUER, 0, false);
    issuer.subject = buf_slice(name);
    issuer.ext.has_basic = issuer.ext.ca = true;
    issuer.ext.has_eku = true;
    issuer.ext.eku = EKU_SERVER | EKU_CLIENT;
    issuer.ext.skid = slice_of(skid, sizeof skid);
    return issuer;
}

#endif
