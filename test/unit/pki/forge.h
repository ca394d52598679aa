#ifndef PKI_FORGE_H
#define PKI_FORGE_H

#include "base/clock.h"
#include "crypto/name.h"
#include "crypto/pem.h"
#include "crypto/x509.h"
#include "unit.h"
#include <arpa/inet.h>

/* Certificates of others, right and wrong ones, made for a test. */
#define FORGE_NOW INT64_C(1900000000) /* 2030-03-17T17:46:40Z */

struct forged {
    struct key *key;
    struct buf cert; /* DER */
    struct x509_cert view;
};
struct forge_spec {
    const char *cn, *org;
    enum key_type type;
    bool ca, free_depth; /* free_depth: no path length */
    unsigned ku, eku;
    const char *dns;             /* one name, or NULL */
    uint8_t ip[4];               /* 0.0.0.0: none */
    const char *names;           /* more of both: "a.example,10.0.0.1,::1" */
    int64_t from, until;         /* 0: an hour back, 10 years on */
    const struct forged *issuer; /* NULL: itself */
    const struct key *wrong_key; /* signs instead of the issuer's */
};

static inline void forged_clear(struct forged *f)
{
    key_free(f->key);
    buf_clear(&f->cert);
    *f = (struct forged){ 0 };
}

enum { FORGE_SANS = 24 };
struct forge_names {
    struct san san[FORGE_SANS];
    size_t count;
    char text[512];
    uint8_t ip[FORGE_SANS][16];
};

static inline void forge_name(struct forge_names *n, const char *name)
{
    uint8_t *ip = n->ip[n->count];
    struct san *san = &n->san[n->count++];

    assert_true(n->count <= FORGE_SANS);
    if (inet_pton(AF_INET, name, ip) == 1)
        *san = (struct san){ SAN_IP, slice_of(ip, 4) };
    else if (inet_pton(AF_INET6, name, ip) == 1)
        *san = (struct san){ SAN_IP, slice_of(ip, 16) };
    else
        *san = (struct san){ SAN_DNS, slice_str(name) };
}

static inline void forge_sans(struct forge_names *n, const struct forge_spec *spec)
{
    char *name = n->text, *comma;

    n->count = 0;
    if (spec->dns)
        n->san[n->count++] = (struct san){ SAN_DNS, slice_str(spec->dns) };
    if (spec->ip[0])
        n->san[n->count++] = (struct san){ SAN_IP, slice_of(spec->ip, 4) };
    if (!spec->names)
        return;
    snprintf(n->text, sizeof n->text, "%s", spec->names);
    for (;;) {
        comma = strchr(name, ',');
        if (comma)
            *comma = '\0';
        forge_name(n, name);
        if (!comma)
            return;
        name = comma + 1;
    }
}

static inline void forge(struct forged *f, const struct forge_spec *spec)
{
    CLEANUP(buf_clear) struct buf subject = { 0 };
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    CLEANUP(buf_clear) struct buf sig = { 0 };
    uint8_t serial[16];
    struct forge_names names;
    const struct key *signer;
    size_t mark = name_begin(&subject);
    struct err e = { 0 };

    *f = (struct forged){ 0 };
    if (spec->org)
        name_add(&subject, NAME_O, slice_str(spec->org));
    name_add(&subject, NAME_CN, slice_str(spec->cn));
    name_end(&subject, mark);
    forge_sans(&names, spec);
    x509_serial_new(serial);
    if (key_generate(&f->key, spec->type, &e))
        fail_msg("%s", e.msg);
    signer = spec->wrong_key ? spec->wrong_key : spec->issuer ? spec->issuer->key : f->key;
    if (x509_tbs_write(
            &tbs,
            &(struct x509_template){
                .serial = slice_of(serial, sizeof serial),
                .issuer = spec->issuer ? spec->issuer->view.subject : buf_slice(&subject),
                .subject = buf_slice(&subject),
                .not_before = spec->from ? spec->from : FORGE_NOW - HOURS(1),
                .not_after = spec->until ? spec->until : FORGE_NOW + YEARS(10),
                .spki = key_spki(f->key),
                .ca = spec->ca,
                .path_len = spec->ca && !spec->free_depth ? 0 : -1,
                .ku = spec->ku   ? spec->ku
                      : spec->ca ? (unsigned)(KU_CERT_SIGN | KU_CRL_SIGN)
                                 : (unsigned)KU_DIGITAL_SIGNATURE,
                .eku = spec->eku,
                .sans = names.san,
                .san_count = names.count,
                .akid = spec->issuer ? spec->issuer->view.ext.skid : slice_str(NULL),
            },
            key_sig_alg(signer), &e) ||
        key_sign(signer, buf_slice(&tbs), &sig, &e))
        fail_msg("%s: %s", spec->cn, e.msg);
    x509_assemble(&f->cert, buf_slice(&tbs), key_sig_alg(signer), buf_slice(&sig));
    if (x509_cert_read(&f->view, buf_slice(&f->cert), &e))
        fail_msg("%s: %s", spec->cn, e.msg);
}

/* PEM of the certificate, or of the key, appended. */
static inline void forge_cert_pem(struct buf *out, const struct forged *f)
{
    pem_write(out, "CERTIFICATE", buf_slice(&f->cert));
}

static inline void forge_key_pem(struct buf *out, const struct forged *f)
{
    struct err e = { 0 };

    if (key_write_private_pem(f->key, out, &e))
        fail_msg("%s", e.msg);
}

#endif
