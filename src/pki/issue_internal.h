#ifndef PKI_ISSUE_INTERNAL_H
#define PKI_ISSUE_INTERNAL_H

#include "pki/issue.h"

/* What issue.c, issue_check.c and issue_record.c share; nobody else. */

enum { ISSUE_MAX_GROUPS = 32 };

/* An order that was held against its profile: what the certificate will say. */
struct resolved {
    const struct profile *profile;
    const struct machine *machine; /* NULL: of no machine */
    char name[256];                /* as in profile_holder: machine, user or service */
    const char *group[ISSUE_MAX_GROUPS];
    char *owned[ISSUE_MAX_GROUPS]; /* those that came from the CSR */
    size_t group_count, owned_count;
    bool privileged; /* a group that only --privileged gives is among them */
    struct x509_csr csr;
    enum key_type key_type;
    struct san_set allowed; /* owns what sans[] names */
    struct san sans[X509_MAX_SANS];
    size_t san_count;
    struct buf subject;
};
void resolved_clear(struct resolved *r);
/* Everything but times. */
int order_resolve(struct resolved *r, const struct cluster *c, const struct issue_order *order,
                  struct err *e) MUST_CHECK;

/* The slots of one machine: which certificate is where, as its record says. */
struct machine_slots {
    const struct machine *machine;
    struct slot {
        char *name;
        char uid[UID_TEXT];
    } * slot;
    size_t count;
    bool changed;
};

struct issuer {
    struct pki_write *w;
    const struct cluster *c;
    struct issuer_role {
        struct authority authority;
        struct signer *signer; /* NULL: not open yet */
    } role[AUTHORITY_ROLES];
    struct resolved resolved; /* of the order at hand; its memory is used again */
    struct buf tbs;
    struct sign_result result;
    struct machine_slots *machine;
    size_t machine_count;
};

/* The record of a certificate, its slot and its audit record. */
int issue_record(struct issuer *issuer, const struct issue_order *order, struct issued *issued,
                 struct err *e) MUST_CHECK;
void machine_slots_clear(struct machine_slots *slots);

#endif
