#ifndef API_CLIENT_LEAF_H
#define API_CLIENT_LEAF_H

#include "crypto/key.h"
#include "wire/json.h"

/*
 * One leaf of an export: the pair that is there, whether it still serves, and a new one where it
 * does not. Keys are made here and go into files, never into a request.
 */
struct leaf {
    const struct json_value *plan; /* its row of the plan's "leaves" */
    const char *slot;
    const char *cert_path, *key_path; /* relative; NULL when a kubeconfig holds the pair */
    const char *kubeconfig; /* relative path of the kubeconfig that is about it, or NULL */
    struct buf cert, key;   /* PEM: first what was found, then what is to be there */
    bool good;              /* what was found serves on */
    const char *reason;     /* why not: "missing", "expires soon", ... */
    struct buf csr;         /* PEM, of a new key */
};
void leaf_clear(struct leaf *leaf);

/* Reads the pair below `folder` into cert and key; what is absent or unreadable stays empty. */
void leaf_find(struct leaf *leaf, const char *folder);
/* The pair fits itself and the plan: issuer, signature, subject, SANs, usage, key type, and over a
 * third of its life is left. */
void leaf_judge(struct leaf *leaf, int64_t now);
/* A new key in `key` and a CSR for it; `cert` is emptied. */
int leaf_renew(struct leaf *leaf, struct err *e) MUST_CHECK;
/* The kubeconfig's text with this leaf in the place of the plan's marks. */
void leaf_fill(const struct leaf *leaf, struct slice text, struct buf *out);

#endif
