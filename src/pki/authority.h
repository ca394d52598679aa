#ifndef PKI_AUTHORITY_H
#define PKI_AUTHORITY_H

#include "pki/cluster.h"

/* Where a generation's key is. */
enum custody { CUSTODY_SEALED, CUSTODY_ELSEWHERE };
const char *custody_name(enum custody custody); /* "sealed", "elsewhere" */

enum generation_state {
    GENERATION_TRUSTED,   /* in the bundles; signs nothing (prepared, or the one before) */
    GENERATION_ISSUING,   /* in the bundles; signs */
    GENERATION_WITHDRAWN, /* in no bundle; kept as evidence */
};
const char *generation_state_name(enum generation_state state);

/* Of the CA certificate that plays these roles (a set: 1 << role): what its leaves need, no more.
 */
unsigned authority_eku(unsigned roles);
void authority_roles_text(struct buf *out, unsigned roles); /* "etcd", "control-plane+kubelet" */

/* One key and certificate of a CA. */
struct generation {
    char uid[UID_TEXT], ca[UID_TEXT];
    int64_t revision;
    int number; /* 1, 2, ... within its CA */
    enum generation_state state;
    enum custody custody;
    struct buf cert;       /* DER */
    struct x509_cert view; /* into cert */
    struct buf sealed;     /* empty when the key is elsewhere */
    char skid[41];         /* hex */
};
void generation_clear(struct generation *g);

/* What a role points at. */
struct authority {
    enum authority_role role;
    char ca[UID_TEXT];
    struct generation *generation; /* oldest first: the fixed order of bundles */
    size_t generation_count;
    size_t issuing; /* index; generation_count when none */
};
void authority_clear(struct authority *a);

int authority_load(struct store_tx *tx, const struct cluster *c, enum authority_role role,
                   struct authority *ret, struct err *e) MUST_CHECK;
/* A new CA for these roles with generation 1, issuing. */
int authority_create(struct pki_write *w, const struct cluster *c, unsigned roles, struct err *e)
    MUST_CHECK;
/* One more generation of a role's CA: TRUSTED; authority_issue_from moves issuing to it. Rotation
 * comes later and is made of these two; the isolation tests make earlier generations with them. */
int authority_add_generation(struct pki_write *w, const struct cluster *c, enum authority_role role,
                             struct err *e) MUST_CHECK;
int authority_issue_from(struct pki_write *w, const struct cluster *c, enum authority_role role,
                         int number, struct err *e) MUST_CHECK;
/* A certificate that was there before us (adopt); key NULL: custody elsewhere. It becomes the CA of
 * `roles`. */
int authority_adopt(struct pki_write *w, const struct cluster *c, unsigned roles, struct slice cert,
                    struct slice private_key, struct err *e) MUST_CHECK;

/* PEM of all generations that are trusted, oldest first. */
int authority_bundle(const struct authority *a, struct buf *pem, struct err *e) MUST_CHECK;
/* PEM of the issuing generation (the newest trusted one when none issues). */
int authority_current_pem(const struct authority *a, struct buf *pem, struct err *e) MUST_CHECK;
/* --client-ca-file of the API server: control-plane, operators, kubelet, in this order, each CA
 * once. */
int authority_client_bundle(struct store_tx *tx, const struct cluster *c, struct buf *pem,
                            struct err *e) MUST_CHECK;
/* Ready to sign with the issuing generation. ERR_REFUSED: its key is elsewhere, it expired, none
 * issues. */
int authority_signer(struct pki_write *w, const struct authority *a, struct signer **ret,
                     struct err *e) MUST_CHECK;

#endif
