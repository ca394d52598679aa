#ifndef PKI_WORLD_H
#define PKI_WORLD_H

#include "unit.h"

#include "base/clock.h"
#include "files.h"
#include "pki/issue.h"

/* An installation in a directory of its own, at a time of the test's choice. */

#define WORLD_NOW INT64_C(1790000000) /* 2026-09-21T13:33:20Z */

struct world {
    char dir[64];
    struct pki *pki;
    struct principal who;
    struct request request;
};

static inline int world_try(struct world *w, int64_t now, enum state_lock lock, struct err *e)
{
    struct pki_options options = {
        .dir = { .path = w->dir, .create = true, .lock = lock, .wait_ms = 20000 }, .now = now
    };

    if (pki_open(&w->pki, &options, e))
        return -1;
    principal_local(&w->who);
    w->request = (struct request){ .pki = w->pki, .who = &w->who };
    return 0;
}

static inline void world_stop(struct world *w)
{
    pki_close(w->pki);
    w->pki = NULL;
}

/* Closes it and opens it again, later. */
static inline void world_again(struct world *w, int64_t now, enum state_lock lock)
{
    struct err e = { 0 };

    world_stop(w);
    if (world_try(w, now, lock, &e))
        fail_msg("open again: %s", e.msg);
}

static inline int world_nothing(struct pki_write *w, void *ctx, struct err *e)
{
    (void)w;
    (void)ctx;
    (void)e;
    return 0;
}

/* With its first write behind it, which makes the installation. */
static inline void world_start_at(struct world *w, int64_t now)
{
    struct err e = { 0 };

    *w = (struct world){ 0 };
    snprintf(w->dir, sizeof w->dir, "/tmp/poterne-pki-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    if (world_try(w, now, STATE_SHARED, &e) || pki_write(&w->request, world_nothing, NULL, &e))
        fail_msg("open: %s", e.msg);
}

static inline void world_start(struct world *w)
{
    world_start_at(w, WORLD_NOW);
}

static inline void world_end(struct world *w)
{
    world_stop(w);
    remove_tree(w->dir);
}

/* One cluster with a machine of each sort, its key types fast. */
#define WORLD_CLUSTER                                                                              \
    "{\"name\":\"demo\",\"endpoint\":\"api.example.com:6443\","                                    \
    "\"control_plane\":[\"cp1=10.0.0.1,fd00::1,cp1.example\",\"cp2=10.0.0.2\"],"                   \
    "\"etcd\":[\"cp1=10.0.0.1,fd00::1,cp1.example\",\"e1=10.0.0.11\",\"e2=10.0.0.12\"],"           \
    "\"workers\":[\"w1=10.0.0.21,w1.example\"],\"sans\":[\"kube.example.org\",\"192.0.2.7\"],"     \
    "\"service_cidr\":\"10.96.0.0/12,fd00:1::/108\","                                              \
    "\"subject\":\"C=CH,L=GVA2,O=Exoscale,OU=SKS\",\"service_account_key_type\":\"p256\"}"

static inline int world_parse(struct cluster *c, const char *text, struct buf *warnings,
                              struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;

    if (json_parse(&doc, slice_str(text), NULL, e))
        fail_msg("the test's own JSON: %s", e->msg);
    return cluster_parse(c, json_root(doc), warnings, e);
}

/* Made in this world; the caller clears it. */
static inline void world_cluster(struct world *w, const char *text, struct cluster *c)
{
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    struct err e = { 0 };
    bool made = false;

    if (world_parse(c, text, &warnings, &e) || cluster_create(&w->request, c, &made, &e))
        fail_msg("make a cluster: %s", e.msg);
    assert_true(made);
}

/* fn in a write, as commands do it. */
static inline int world_write(struct world *w, pki_write_fn *fn, void *ctx, struct err *e)
{
    w->request.id[0] = '\0';
    return pki_write(&w->request, fn, ctx, e);
}

/* One order, in a write of its own. */
struct world_issue {
    struct cluster *c;
    struct issue_order order;
    struct issued issued; /* the caller clears it */
};
static inline int world_issue_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct world_issue *i = ctx;
    CLEANUP(issuer_closep) struct issuer *issuer = NULL;

    issued_clear(&i->issued);
    if (issuer_open(&issuer, w, i->c, e) || issuer_issue(issuer, &i->order, &i->issued, e))
        return -1;
    return issuer_finish(issuer, e);
}

/* How many audit records there are of an action and outcome; NULL: any. */
struct world_audit {
    const char *action, *outcome;
    int count;
    char last[2048];
};
static inline int world_audit_row(const struct store_audit_row *row, void *ctx, struct err *e)
{
    struct world_audit *audit = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *root;

    if (json_parse(&doc, row->bytes, NULL, e))
        return -1;
    root = json_root(doc);
    if ((audit->action && !slice_eq_str(json_slice(json_get(root, "action")), audit->action)) ||
        (audit->outcome && !slice_eq_str(json_slice(json_get(root, "outcome")), audit->outcome)))
        return 0;
    audit->count++;
    snprintf(audit->last, sizeof audit->last, SLICE_FMT, SLICE_ARG(row->bytes));
    return 0;
}
static inline int world_audit_in(struct store_tx *tx, void *ctx, struct err *e)
{
    return store_audit_list(tx, &(struct store_audit_query){ .kind = STORE_AUDIT_RECORD },
                            world_audit_row, ctx, e);
}
static inline int world_audited(struct world *w, struct world_audit *audit)
{
    struct err e = { 0 };

    audit->count = 0;
    if (store_read(pki_store(w->pki), world_audit_in, audit, &e))
        fail_msg("read the audit trail: %s", e.msg);
    return audit->count;
}

#endif
