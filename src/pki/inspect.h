#ifndef PKI_INSPECT_H
#define PKI_INSPECT_H

#include "base/buf.h"
#include "crypto/x509.h"
#include "wire/json.h"

/* `cert check` on bytes, ours or not: pure, no I/O. Files and endpoints are read by
 * api/client_check.c. */
enum finding_level { FINDING_INFO, FINDING_EXPIRING, FINDING_FAULT };
const char *finding_level_name(enum finding_level level); /* "info", "expiring", "fault" */

/* Every finding there is, in one table (inspect.c): a code has one level. */
struct finding_kind {
    const char *code; /* stable word */
    enum finding_level level;
    const char *help; /* for the docs: what it means and what to do */
};
extern const struct finding_kind finding_kinds[];
extern const size_t finding_kind_count;

struct finding {
    enum finding_level level;
    const char *code;
    const char *text;
};
typedef void finding_fn(const struct finding *f, void *ctx);
struct finding_sink {
    finding_fn *fn;
    void *ctx;
};
/* The code must be in the table. */
void finding_report(const struct finding_sink *sink, const char *code, const char *format, ...)
    PRINTF_LIKE(3, 4);

struct inspect_input {
    struct slice der;          /* the leaf or CA looked at */
    const struct slice *chain; /* what came with it, leaf excluded */
    size_t chain_count;
    const struct slice
        *roots; /* known CAs: of the same directory, of our store; none: chain is not judged */
    size_t root_count;
    const char *name;    /* host it was reached under, or NULL */
    int64_t now, within; /* seconds: expiring when it ends within */
};
/* What is no certificate is a finding too (`unreadable`), not an error. */
int inspect_certificate(const struct inspect_input *in, finding_fn *fn, void *ctx, struct err *e)
    MUST_CHECK;
/* Strength alone, of a certificate's or a key file's public key (SubjectPublicKeyInfo DER); false
 * when it is too weak, which was reported. */
bool inspect_key(struct slice spki, const struct finding_sink *sink);
/* The first CN; empty when there is none, or none that a name could be. */
struct slice inspect_common_name(const struct x509_cert *cert);
/* The members of a certificate for JSON: subject, issuer, serial, not_before, not_after,
 * fingerprint, key_type, key_usage, extended_key_usage, sans, ca ... */
int inspect_write(struct json_writer *w, const struct x509_cert *cert, int64_t now);
/* What others write in the same form: subject and SANs, user and groups, a Name as a text, a SAN as
 * an item, a finding's members. */
void inspect_write_names(struct json_writer *w, const struct x509_cert *cert);
void inspect_write_person(struct json_writer *w, const struct x509_cert *cert);
void inspect_write_name(struct json_writer *w, const char *key, struct slice name);
void inspect_write_san(struct json_writer *w, const struct san *san);
void inspect_write_finding(struct json_writer *w, const struct finding *f);

#endif
