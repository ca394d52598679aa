#include "pki/state_check_internal.h"

#include "base/alloc.h"
#include "pki/operator.h"
#include "pki/pki_internal.h"
#include "pki/record_body.h"
#include <stdarg.h>

void state_fault_add(struct state_checking *c, const char *check, const char *subject,
                     const char *format, ...)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct state_fault fault = { check, subject, NULL };
    va_list ap;

    va_start(ap, format);
    buf_vaddf(&text, format, ap);
    va_end(ap);
    fault.text = buf_str(&text);
    c->report.faults++;
    c->fault(&fault, c->ctx);
}

int state_each(struct state_checking *c, const char *kind, const char *scope, store_visit *visit,
               void *ctx, struct err *e)
{
    struct store_query query = { .kind = kind, .scope = scope };

    return store_list_all(c->tx, &query, visit, ctx, e);
}

/* ---- keys that are not an authority's ---- */

static int open_key(struct state_checking *c, const struct record *r, struct slice sealed,
                    struct secret *pkcs8, struct err *e)
{
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    struct seal_place place = { &dk, { r->kind, r->uid, "key" } };

    if (pki_data_key_load(c->tx, DATA_KEY_KIND, r->kind, &dk, e))
        return -1;
    return keeper_key_release(c->pki->keeper, &place, sealed, pkcs8, e);
}

void state_check_key(struct state_checking *c, const struct record *r, const char *subject)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(secret_clear) struct secret pkcs8 = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    struct err e = { 0 };

    if (record_json(&doc, r, &e)) {
        state_fault_add(c, "store", subject, "%s", err_text(&e));
        return;
    }
    if (!json_get(json_root(doc), "sealed")) /* custody elsewhere */
        return;
    c->report.sealed++;
    if (body_base64(json_root(doc), "sealed", &sealed, &e) ||
        open_key(c, r, buf_slice(&sealed), &pkcs8, &e) ||
        key_read_private(&key, secret_slice(&pkcs8), &e) || key_write_public_pem(key, &pem, &e))
        state_fault_add(c, "sealed", subject, "%s", err_text(&e));
    else if (!slice_eq(buf_slice(&pem), json_slice(json_get(json_root(doc), "public"))))
        state_fault_add(c, "key", subject, "the sealed key is not that of its public key");
}

/* ---- data keys ---- */

/* What a data key is for: a generation that is there and sealed, or a kind of ours. */
static void check_purpose(struct state_checking *c, const struct data_key *dk, const char *subject)
{
    CLEANUP(record_clear) struct record r = { 0 };
    struct err e = { 0 };

    if (dk->purpose == DATA_KEY_KIND) {
        if (strcmp(dk->subject, KIND_KEEPER) != 0 &&
            strcmp(dk->subject, KIND_SERVICE_ACCOUNT_KEY) != 0)
            state_fault_add(c, "orphan", subject, "nothing of the kind '%s' is sealed",
                            dk->subject);
        return;
    }
    if (store_get(c->tx, dk->subject, &r, &e))
        state_fault_add(c, "orphan", subject, "the generation that it sealed is not there");
    else if (strcmp(r.kind, KIND_GENERATION) != 0)
        state_fault_add(c, "orphan", subject, "it belongs to a record of %s", r.kind);
}

static int check_data_key(const struct record *r, void *ctx, struct err *e)
{
    struct state_checking *c = ctx;
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    CLEANUP(freep) char *subject = xasprintf("data key %s", r->name);
    CLEANUP(freep) char *name = NULL;
    struct err why = { 0 };

    (void)e;
    c->report.sealed++;
    if (data_key_of_record(&dk, r, &why)) {
        state_fault_add(c, "store", subject, "%s", err_text(&why));
        return 0;
    }
    name = xasprintf("%s/%s", dk.purpose == DATA_KEY_AUTHORITY ? "authority" : "kind", dk.subject);
    if (strcmp(name, r->name) != 0)
        state_fault_add(c, "store", subject, "its body is that of %s", name);
    /* under our own root key it is left as it is, having been opened */
    else if (keeper_data_key_rewrap(c->pki->keeper, c->pki->keeper, &dk, &why))
        state_fault_add(c, "sealed", subject, "%s", err_text(&why));
    check_purpose(c, &dk, subject);
    return 0;
}

/* ---- orphans ---- */

static int check_scope(const struct record *r, void *ctx, struct err *e)
{
    struct state_checking *c = ctx;
    CLEANUP(record_clear) struct record cluster = { 0 };
    CLEANUP(freep) char *subject = xasprintf("%s %s", r->kind, r->name);
    const char *uid = strrchr(r->scope, '/');

    (void)e;
    if (strcmp(r->scope, "/") == 0) /* the installation's own, and looked at */
        return 0;
    if (!uid || store_get(c->tx, uid + 1, &cluster, NULL) ||
        strcmp(cluster.kind, KIND_CLUSTER) != 0)
        state_fault_add(c, "orphan", subject, "its cluster %s is not there", uid ? uid + 1 : "");
    return 0;
}

/* Counting finds out whether there is one; only then each is looked at. */
static int check_orphans(struct state_checking *c, struct err *e)
{
    int64_t all = 0;

    for (size_t i = 0; state_cluster_kinds[i]; i++) {
        int64_t count;

        if (store_count(c->tx, state_cluster_kinds[i], NULL, &count, e))
            return -1;
        all += count;
    }
    c->report.records += all;
    for (size_t i = 0; all != c->of_clusters && state_cluster_kinds[i]; i++)
        if (state_each(c, state_cluster_kinds[i], NULL, check_scope, c, e))
            return -1;
    return 0;
}

/* ---- the rest ---- */

static int visit_cluster(const struct record *r, void *ctx, struct err *e)
{
    return state_check_cluster(ctx, r, e);
}

static int check_identity(const struct record *r, void *ctx, struct err *e)
{
    (void)r;
    (void)ctx;
    (void)e; /* pki_open has opened it, and the audit trail's signatures are held against it */
    return 0;
}

static int check_audit(struct state_checking *c, struct err *e)
{
    struct audit_verdict verdict = { .good = false };
    struct audit_signer signer;
    char subject[64];

    if (!c->pki->installation[0]) /* nothing has been made yet */
        return 0;
    pki_audit_signer(c->pki, &signer);
    if (audit_verify(c->tx, AUDIT_CHAIN, slice_of(NULL, 0), &signer, &verdict, e))
        return err_wrap(e, "audit trail");
    c->report.audit_records = verdict.records;
    if (verdict.good)
        return 0;
    (void)snprintf(subject, sizeof subject, "record %lld", (long long)verdict.at);
    state_fault_add(c, "audit", subject, "%s: %s", verdict.kind, verdict.text);
    return 0;
}

static int count_others(struct state_checking *c, struct err *e)
{
    static const char *const kinds[] = { KIND_CLUSTER,        KIND_DATA_KEY, KIND_KEEPER,
                                         KIND_ANSWER,         KIND_OPERATOR, KIND_INVITATION,
                                         KIND_ROLE_ASSIGNMENT };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        int64_t count;

        if (store_count(c->tx, kinds[i], NULL, &count, e))
            return -1;
        c->report.records += count;
    }
    return 0;
}

static int check_all(struct store_tx *tx, void *ctx, struct err *e)
{
    struct state_checking *c = ctx;

    c->tx = tx;
    if (state_each(c, KIND_KEEPER, NULL, check_identity, c, e) ||
        state_each(c, KIND_DATA_KEY, NULL, check_data_key, c, e) ||
        state_check_installation(c, e) ||
        state_each(c, KIND_CLUSTER, SCOPE_TENANT, visit_cluster, c, e) || check_orphans(c, e) ||
        count_others(c, e))
        return -1;
    return check_audit(c, e);
}

static void store_fault_found(const char *what, void *ctx)
{
    state_fault_add(ctx, "store", "store.db", "%s", what);
}

/* A store that its engine calls damaged is still looked at, as far as it reads. */
int state_check(struct request *request, state_fault_fn *fault, void *ctx,
                struct state_report *report, struct err *e)
{
    struct state_checking c = { .pki = request->pki, .fault = fault, .ctx = ctx };
    struct err why = { 0 };

    if (store_verify(request->pki->store, store_fault_found, &c, e))
        return -1;
    if (store_read(request->pki->store, check_all, &c, &why)) {
        if (why.code != ERR_CORRUPT)
            return err_pass(e, &why);
        state_fault_add(&c, "store", "store.db", "%s", why.msg);
    }
    *report = c.report;
    return 0;
}
