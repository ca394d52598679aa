#ifndef PKI_INSPECT_H
#define PKI_INSPECT_H

#include "base/buf.h"
#include "crypto/x509.h"
#include "wire/json.h"

/* `cert check` on bytes, ours or not: pure, no I/O. Files and endpoints are read by api/client_check.c. */
enum finding_level { FINDING_INFO, FINDING_EXPIRING, FINDING_FAULT };
struct finding {
    enum finding_level level;
    const char *code;              /* stable word: expired, expiring, not-yet-valid, chain, name, weak-key, sha1, client-and-server, ca-unconstrained, key-mismatch,
                                      key-readable, key-missing, unreadable ... one table in inspect.c with help */
    const char *text;
};
typedef void finding_fn(const struct finding *f, void *ctx);

struct inspect_input {
    struct slice der;              /* the leaf or CA looked at */
    const struct slice *chain;     /* what came with it, leaf excluded */
    size_t chain_count;
    const struct slice *roots;     /* known CAs: of the same directory, of our store; none: chain is not judged */
    size_t root_count;
    const char *name;              /* host it was reached under, or NULL */
    int64_t now, within;           /* seconds: expiring when it ends within */
};
int inspect_certificate(const struct inspect_input *in, finding_fn *fn, void *ctx, struct err *e) MUST_CHECK;
/* The members of a certificate for JSON: subject, issuer, serial, not_before, not_after, fingerprint, key_type, key_usage, extended_key_usage, sans, ca ... */
int inspect_write(struct json_writer *w, const struct x509_cert *cert, int64_t now);

#endif
