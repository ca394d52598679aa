#ifndef CRYPTO_X509_H
#define CRYPTO_X509_H

#include "base/buf.h"
#include "crypto/key.h"

/* OpenSSL has macros of these names with other values. They are taken away here, so that a file
 * that includes both, in either order, sees ours. */
#include <openssl/x509v3.h>
#undef KU_DIGITAL_SIGNATURE
#undef KU_NON_REPUDIATION
#undef KU_KEY_ENCIPHERMENT
#undef KU_DATA_ENCIPHERMENT
#undef KU_KEY_AGREEMENT
#undef KU_CRL_SIGN
#undef KU_ENCIPHER_ONLY
#undef KU_DECIPHER_ONLY

/*
 * Our own strict reader of certificates and CSRs: views into the bytes given, no allocation, used
 * by the keeper's fence and on the issuing path; and the writer of what we issue. Path validation
 * of foreign chains is OpenSSL's (crypto/chain.h).
 */

/* KeyUsage bits, RFC 5280 4.2.1.3: bit n of the BIT STRING is 1 << n. */
enum {
    KU_DIGITAL_SIGNATURE = 1 << 0,
    KU_NON_REPUDIATION = 1 << 1,
    KU_KEY_ENCIPHERMENT = 1 << 2,
    KU_DATA_ENCIPHERMENT = 1 << 3,
    KU_KEY_AGREEMENT = 1 << 4,
    KU_CERT_SIGN = 1 << 5,
    KU_CRL_SIGN = 1 << 6,
    KU_ENCIPHER_ONLY = 1 << 7,
    KU_DECIPHER_ONLY = 1 << 8,
};
/* ExtendedKeyUsage, RFC 5280 4.2.1.12, as a set. */
enum {
    EKU_SERVER = 1 << 0,
    EKU_CLIENT = 1 << 1,
    EKU_ANY = 1 << 2,
    EKU_CODE_SIGNING = 1 << 3,
    EKU_EMAIL = 1 << 4,
    EKU_TIME_STAMPING = 1 << 5,
    EKU_OCSP_SIGNING = 1 << 6,
    EKU_OTHER = 1 << 7,
};
enum san_type {
    SAN_DNS = 1 << 0,
    SAN_IP = 1 << 1,
    SAN_URI = 1 << 2,
    SAN_EMAIL = 1 << 3,
    SAN_OTHER = 1 << 4
};

struct san {
    enum san_type type;
    struct slice value; /* text, or 4 or 16 address bytes for SAN_IP */
};
enum { X509_MAX_DER = 64 << 10, CSR_MAX_DER = 16 << 10, X509_MAX_SANS = 256, CSR_MAX_SANS = 100 };

/* The extensions that we understand; everything else is counted. */
struct x509_ext {
    bool has_basic, basic_critical, ca;
    int path_len; /* -1: none */
    bool has_ku, ku_critical;
    unsigned ku;
    bool has_eku, eku_critical;
    unsigned eku;
    bool has_san, san_critical;
    struct slice san; /* content of the GeneralNames SEQUENCE */
    unsigned san_count;
    struct slice skid, akid; /* key identifiers; akid empty when it has none */
    bool has_name_constraints;
    struct slice unknown_critical; /* OID of the first critical extension we do not know */
    unsigned unknown;              /* extensions that we do not know, critical or not */
};

struct x509_cert {
    struct slice der, tbs; /* tbs: with its tag and length: what is signed */
    enum sig_alg sig_alg;
    struct slice sig_params, sig;
    unsigned version;             /* 1 to 3 */
    struct slice serial;          /* magnitude, big-endian, no sign byte */
    struct slice issuer, subject; /* Name DER */
    int64_t not_before, not_after;
    struct slice spki; /* DER */
    struct x509_ext ext;
};
struct x509_csr {
    struct slice der, info;
    enum sig_alg sig_alg;
    struct slice sig_params, sig;
    struct slice subject, spki;
    struct x509_ext ext; /* of the extensionRequest attribute, RFC 2985 5.4.2 */
};

/* Both check form, limits, duplicates of extensions, that SANs are well-formed; not the signature.
 */
int x509_cert_read(struct x509_cert *ret, struct slice der, struct err *e) MUST_CHECK;
int x509_csr_read(struct x509_csr *ret, struct slice der, struct err *e) MUST_CHECK;
/* A TBSCertificate alone (what a keeper is asked to sign): der, sig and sig_params stay empty; the
 * inner signature algorithm lands in sig_alg. */
int x509_tbs_read(struct x509_cert *ret, struct slice tbs, struct err *e) MUST_CHECK;
/* Proof of possession: the CSR's own signature; ERR_REFUSED for SHA-1 and weak keys (RSA below
 * 2048, curves other than P-256, P-384, P-521), ERR_INVALID for a bad one. *key (may be NULL) is
 * the caller's. */
int x509_csr_verify(const struct x509_csr *csr, struct key **key, struct err *e) MUST_CHECK;

struct san_iter {
    struct slice rest;
};
struct san_iter san_iter(const struct x509_ext *ext);
bool san_next(struct san_iter *it, struct san *san);
void san_format(struct buf *out, const struct san *san); /* DNS:name IP:1.2.3.4 URI:... escaped */

/* Text for people and JSON. */
void x509_serial_hex(struct buf *out, struct slice serial); /* lower case, two digits a byte */
void x509_fingerprint(uint8_t out[32], struct slice der);   /* SHA-256 */
void x509_ku_names(struct buf *out, unsigned ku);           /* "digitalSignature, keyCertSign" */
void x509_eku_names(struct buf *out, unsigned eku);         /* "server, client" */

/* What we issue. Times outside 0..TIME_MAX, a serial over 20 bytes: the writer fails. */
struct x509_template {
    struct slice serial;          /* magnitude, 8 to 20 bytes, first byte not 0 */
    struct slice issuer, subject; /* Name DER */
    int64_t not_before, not_after;
    struct slice spki;
    bool ca;
    int path_len;     /* for a CA; -1: none */
    unsigned ku, eku; /* both critical; eku 0: no extension */
    const struct san *sans;
    size_t san_count;
    bool san_critical;       /* RFC 5280: when the subject is empty */
    struct slice skid, akid; /* 20 bytes each; skid empty: SHA-1 of the key, method 1 */
};
int x509_tbs_write(struct buf *out, const struct x509_template *t, enum sig_alg alg, struct err *e)
    MUST_CHECK;
void x509_assemble(struct buf *out, struct slice tbs, enum sig_alg alg, struct slice sig);
/* A CSR signed by `key` with that subject and SANs (EKU and KU are the profile's business). */
int x509_csr_write(struct buf *out, const struct key *key, struct slice subject,
                   const struct san *sans, size_t san_count, struct err *e) MUST_CHECK;
/* 16 random bytes, first byte 1 to 127. */
void x509_serial_new(uint8_t out[16]);

#endif
