#ifndef PKI_ADOPT_INTERNAL_H
#define PKI_ADOPT_INTERNAL_H

#include "pki/adopt.h"
#include "pki/inspect.h"

/* What the adopt_*.c files share; nobody else. */

/* ---- layouts: tables (adopt_layout.c) ---- */
enum adopt_what {
    ADOPT_CA,      /* becomes the authority of `roles` */
    ADOPT_WATCHED, /* a CA that is of no role of ours: recorded, and so are its leaves */
    ADOPT_SERVICE_ACCOUNT,
};
struct adopt_row {
    const char *path; /* of the certificate, or of the public key; NULL: none */
    const char *key;
    enum adopt_what what;
    unsigned roles; /* a later row takes its roles from an earlier one */
    const char *remark;
};
struct adopt_layout {
    const char *name;
    const char *const *prefixes; /* of folders that --from may stand above, NULL-ended */
    const struct adopt_row *row;
    size_t row_count;
    const char *apiserver, *member;        /* the API server's and etcd's own certificates */
    const char *service_ip, *service_cidr; /* the layout's own default */
    bool kubeadm; /* a member's CN is its node; the API server's first address is its service's */
    unsigned port;
};
const struct adopt_layout *adopt_layout_find(const char *name); /* NULL */
/* Without the prefix: a view into path. */
const char *adopt_layout_path(const struct adopt_layout *layout, const char *path);

/* ---- what the files hold (adopt_read.c) ---- */
enum { ADOPT_CAS = 8, ADOPT_LEAVES = 1024, ADOPT_SA_KEYS = 8, ADOPT_NOTES = 4096 };

struct adopt_ca {
    const struct adopt_row *row;
    const char *path;
    unsigned roles;
    struct buf cert, key; /* DER; key empty: elsewhere */
    struct x509_cert view;
    char skid[41]; /* of its own, or method 1 of its key */
    bool sealed;   /* its key is in the store, now or from an earlier time */
};
struct adopt_leaf {
    const char *path;
    char *entry; /* "user NAME" of a kubeconfig, or NULL */
    struct buf der;
    struct x509_cert view;
    const struct adopt_ca *issuer; /* NULL: none of those found */
};
struct adopt_key {
    struct buf key, spki; /* DER; key empty: only the public one is here */
    bool sealed;          /* in the store */
};
struct adopt_note {
    const char *path;
    enum finding_level level;
    const char *code;
    char *text;
};
struct adoption {
    const struct adopt_request *what;
    const struct adopt_layout *layout;
    int64_t now;
    struct adopt_ca ca[ADOPT_CAS];
    size_t ca_count;
    struct adopt_leaf *leaf;
    size_t leaf_count;
    struct adopt_key sa[ADOPT_SA_KEYS]; /* the signing one first, as in the file */
    size_t sa_count;
    struct adopt_note *note;
    size_t note_count;
    char *server[8]; /* URLs of kubeconfigs */
    size_t server_count;
    struct cluster spec;
    char machine[64]; /* whose folder it is; "" when that is not known */
    bool changed;
};
void adoption_clear(struct adoption *a);
/* A word to the user about a file, or about everything (path NULL). */
void adopt_note(struct adoption *a, const char *path, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);
int adopt_read(struct adoption *a, struct err *e) MUST_CHECK;
/* The cluster as far as its certificates and kubeconfigs tell (adopt_spec.c). What they do not
 * tell is left at the layout's default and said in a note. */
int adopt_derive(struct adoption *a, struct err *e) MUST_CHECK;
/* Into the store (adopt_record.c). */
int adopt_record(struct pki_write *w, struct adoption *a, struct err *e) MUST_CHECK;

int adopt_record_leaves(struct pki_write *w, struct adoption *a, const char *scope, int64_t *count,
                        struct err *e) MUST_CHECK;

/* Which flow a leaf belongs to, where its CA serves several. */
enum authority_role adopt_role_of(const struct adopt_leaf *leaf);
/* The first CN; "" when there is none or it is too long. */
void adopt_common_name(const struct x509_cert *cert, char out[256]);

#endif
