#ifndef PKI_ISSUE_H
#define PKI_ISSUE_H

#include "pki/authority.h"
#include "pki/profile.h"

/* Certificates for everyone go through here; nobody else builds one. */

struct issue_order {
    const char *profile;
    const char
        *machine; /* machine-bound profiles; NULL: taken from the CSR's CN where that names it */
    const char *slot; /* place in an export, e.g. "apiserver": the certificate there before is
                         marked superseded; or NULL */
    const char *user; /* people only; NULL: the CSR's CN */
    const char *const *groups; /* people only */
    size_t group_count;
    bool groups_from_csr; /* cert sign: groups are what the CSR's O say, checked */
    struct slice csr;     /* DER; its signature proves the key */
    int64_t ttl; /* seconds; 0: the profile's default. Never beyond the issuer's end: silently cut
                    only for defaults */
    bool privileged;
};
struct issued {
    struct buf cert;    /* DER */
    char serial[41];    /* hex */
    char uid[UID_TEXT]; /* of its record */
    int64_t not_before, not_after;
    enum authority_role role;
};
void issued_clear(struct issued *i);

/* A context for many certificates of one cluster: loads each authority and opens each signer once.
 */
struct issuer;
int issuer_open(struct issuer **ret, struct pki_write *w, const struct cluster *c, struct err *e)
    MUST_CHECK;
/* Writes what a whole batch changes once (the machine's slots): before the transaction ends. */
int issuer_finish(struct issuer *issuer, struct err *e) MUST_CHECK;
void issuer_close(struct issuer *issuer);
DEFINE_FREEP(struct issuer *, issuer_close)
/*
 * Checks the CSR (form, proof of possession, key strength and type, extensions it asks for),
 * compares its subject and SANs with what the profile allows for that machine or person - an empty
 * subject or no SANs means "as the profile says" - builds the TBS, has the keeper sign it, records
 * certificate and audit line. ERR_REFUSED names the rule.
 */
int issuer_issue(struct issuer *issuer, const struct issue_order *order, struct issued *ret,
                 struct err *e) MUST_CHECK;

/* Writes what issuer_issue collected, the slots of each machine in one update: once, behind the
 * last order and before the transaction ends. Without it the slots stay as they were. */
int issuer_finish(struct issuer *issuer, struct err *e) MUST_CHECK;

/* The same without record and audit, for bench/issue.c: CSR to certificate and nothing else. */
int issuer_sign_only(struct issuer *issuer, const struct issue_order *order, struct issued *ret,
                     struct err *e) MUST_CHECK;

#endif
