#ifndef PKI_BUNDLE_H
#define PKI_BUNDLE_H

#include "base/buf.h"

/* Certificates and keys as users have them in files: PEM with several blocks, DER, kubeconfigs with
 * what is embedded in them. Pure, no I/O. */
enum bundle_form {
    BUNDLE_NOTHING, /* none of these */
    BUNDLE_PEM,
    BUNDLE_DER,
    BUNDLE_KUBECONFIG,
};
/* By a glance at the bytes; what looks like one may still be broken. */
enum bundle_form bundle_form(struct slice bytes);

enum bundle_kind {
    BUNDLE_CERT,       /* bytes: DER, not yet looked into */
    BUNDLE_KEY,        /* bytes: DER of a private key that reads */
    BUNDLE_HIDDEN_KEY, /* a private key that is encrypted, or of a kind not known */
    BUNDLE_PUBLIC,     /* bytes: SubjectPublicKeyInfo DER */
    BUNDLE_REFERENCE,  /* text: a file that a kubeconfig names instead of embedding it */
    BUNDLE_SERVER,     /* text: the URL of a kubeconfig's cluster */
};
struct bundle_item {
    enum bundle_kind kind;
    const char *entry; /* "user NAME", "cluster NAME" in a kubeconfig, else NULL */
    size_t place;      /* of a certificate: 0, 1 ... in the file or entry */
    struct slice bytes;
    const char *text;
};
typedef int bundle_fn(const struct bundle_item *item, void *ctx, struct err *e);
/* Everything in the bytes, in order; borrowed during the call. ERR_INVALID for what is broken; it
 * may come after some calls. Stops when fn fails. */
int bundle_read(struct slice bytes, bundle_fn *fn, void *ctx, struct err *e) MUST_CHECK;

#endif
