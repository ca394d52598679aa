#ifndef PKI_PKI_H
#define PKI_PKI_H

#include "access/audit.h"
#include "access/decide.h"
#include "access/rate.h"
#include "keeper/keeper.h"
#include "store/state_dir.h"
#include "store/store.h"

/*
 * An open installation: state directory, store, keeper. The first write of all makes it, in its own
 * transaction: installation uid, root key, the keeper's own key, one audit record
 * ("installation.create"). Before it there is no keeper, and the uid is "".
 */
struct pki;

struct pki_options {
    struct state_dir_options dir;
    int64_t now; /* UTC seconds: the wall clock; a parameter so that tests need no mock */
};
int pki_open(struct pki **ret, const struct pki_options *options, struct err *e) MUST_CHECK;
void pki_close(struct pki *pki);
DEFINE_FREEP(struct pki *, pki_close)

/*
 * For a daemon, whose threads each have a pki (and a keeper) of their own on one directory, one
 * lock and one store. pki_prepare, in a process of its own, makes the installation if there is none
 * and hands out the root key's file for the keeper to read; it must be gone before the base is
 * opened with the exclusive lock. A shared pki stands at time 0 until pki_set_now.
 */
int pki_prepare(const struct pki_options *options, char installation[UID_TEXT], int *root_key,
                struct err *e) MUST_CHECK;
struct pki_base;
int pki_base_open(struct pki_base **ret, const struct state_dir_options *dir, struct err *e)
    MUST_CHECK;
void pki_base_close(struct pki_base *base); /* each pki on it must be closed before */
DEFINE_FREEP(struct pki_base *, pki_base_close)
struct store *pki_base_store(struct pki_base *base);
/* Takes the keeper on success. ERR_NOT_FOUND: no installation here; ERR_CORRUPT: another's keeper.
 */
int pki_share(struct pki **ret, struct pki_base *base, struct keeper *keeper, struct err *e)
    MUST_CHECK;
void pki_set_now(struct pki *pki, int64_t now);

struct store *pki_store(struct pki *pki);
struct rate *pki_rate(struct pki *pki); /* access/rate.h: one for all that share the directory */
struct keeper *pki_keeper(struct pki *pki);
const char *pki_installation(const struct pki *pki);
int64_t pki_now(const struct pki *pki);
void pki_audit_signer(struct pki *pki, struct audit_signer *signer); /* borrows pki */
/* Public key of the keeper that signs checkpoints, PEM. */
int pki_keeper_public(struct pki *pki, struct buf *pem, struct err *e) MUST_CHECK;

struct pki_write;
/* One request: who asks, and how its decisions are recorded. */
struct request {
    struct pki *pki;
    const struct principal *who;
    char id[UID_TEXT];
    bool refused;      /* a refusal of it is in the trail: set by pki_write */
    bool accept_clock; /* --accept-clock: write although the clock is behind the last record */
    /* The revision that the one record it writes must have (pki_expected); 0: whatever it has. */
    int64_t expected;
    /* Runs in each of its write transactions, after the work: what must be kept with it. May be
     * NULL. */
    int (*also)(struct pki_write *w, void *ctx, struct err *e);
    void *also_ctx;
};
/* ERR_STALE when the request expects another revision than the record has. */
int pki_expected(const struct request *request, int64_t revision, struct err *e) MUST_CHECK;

/*
 * A write on behalf of a request. Before fn: ERR_REFUSED when the clock is more than five minutes
 * behind the last record, unless accepted (which is recorded as "clock.accept"). After fn: a signed
 * checkpoint if anything was recorded. When fn fails with ERR_REFUSED, one "refused" record is
 * committed in a transaction of its own: fn sets w->action and w->target before it can refuse.
 */
struct pki_write {
    struct request *request;
    struct store_tx *tx;
    int64_t now;
    char action[48], target[192]; /* of the decision under way, for a refusal's record */
    unsigned recorded;            /* audit records appended in this transaction */
};
typedef int pki_write_fn(struct pki_write *w, void *ctx, struct err *e);
int pki_write(struct request *request, pki_write_fn *fn, void *ctx, struct err *e) MUST_CHECK;
void pki_deciding(struct pki_write *w, const char *action, const char *target_format, ...)
    PRINTF_LIKE(3, 4);
/* Records w->action on w->target as granted; detail: a JSON object or NULL. */
int pki_granted(struct pki_write *w, const char *detail, struct err *e) MUST_CHECK;
/* The same as refused, for what was decided before this write began, which goes on. */
int pki_refused(struct pki_write *w, const char *reason, const char *detail, struct err *e)
    MUST_CHECK;

/* Data keys as records: get-or-make of a kind's, load by uid, store back after a seal (counts). */
int pki_kind_key(struct pki_write *w, const char *kind, struct data_key *dk, struct err *e)
    MUST_CHECK;
int pki_data_key_new(struct pki_write *w, enum data_key_purpose purpose, const char *subject,
                     struct data_key *dk, struct err *e) MUST_CHECK; /* made, not yet stored */
int pki_data_key_insert(struct pki_write *w, const struct data_key *dk, struct err *e) MUST_CHECK;
int pki_data_key_update(struct pki_write *w, const struct data_key *dk, struct err *e) MUST_CHECK;
int pki_data_key_load(struct store_tx *tx, enum data_key_purpose purpose, const char *subject,
                      struct data_key *dk, struct err *e) MUST_CHECK;
/* What was sealed under it is gone for good once store_scrub has run. */
int pki_data_key_delete(struct pki_write *w, enum data_key_purpose purpose, const char *subject,
                        struct err *e) MUST_CHECK;
int data_key_of_record(struct data_key *dk, const struct record *r, struct err *e) MUST_CHECK;

/* Kinds of records in this part, and their scopes; "of the cluster" is cluster_scope(). */
// clang-format off
#define KIND_CLUSTER     "cluster"     /* scope /default, name: the cluster's */
#define KIND_MACHINE     "machine"     /* of the cluster, name: the machine's */
#define KIND_AUTHORITY   "authority"   /* of the cluster, name: the role; body {"ca": uid} */
#define KIND_CA          "ca"          /* of the cluster, name: its uid; body {"generations":[uid..],
                                          "issuing": uid} */
#define KIND_GENERATION  "generation"  /* of the cluster, name CA-UID/NUMBER, expires: its end */
#define KIND_CERTIFICATE "certificate" /* of the cluster, name SKID/SERIAL, expires: its end */
/* Of the cluster, name: its number; body {"number":1,"key_type":"rsa2048","public":PEM,
 * "sealed":BASE64}, sealed under the data key of this kind (pki_kind_key) with the label
 * { kind, uid of the record, "key" }. */
#define KIND_SERVICE_ACCOUNT_KEY "service-account-key"
#define KIND_DATA_KEY    "data-key"    /* scope /, name PURPOSE/SUBJECT */
#define KIND_KEEPER      "keeper"      /* scope /, name "identity" */
/* What a POST with an Idempotency-Key was answered (api/replay.h), expires: a day later. */
#define KIND_ANSWER "answer" /* scope /answer/PRINCIPAL, name: of the key */
// clang-format on
#define SCOPE_TENANT "/default"

#endif
