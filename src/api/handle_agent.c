#include "api/handle_agent.h"

#include "base/encode.h"
#include "crypto/cms.h"
#include "crypto/hash.h"
#include "fleet/component.h"
#include "fleet/desired.h"
#include "fleet/lease.h"
#include "fleet/status.h"
#include "pki/plan.h"
#include "pki/service_account.h"

/* ---- which machine asks ---- */

static int find_machine(struct agent_call *a, struct store_tx *tx, struct err *e)
{
    CLEANUP(record_clear) struct record machine = { 0 };
    CLEANUP(record_clear) struct record cluster = { 0 };
    const char *uid;

    if (store_get(tx, a->args->request->who->uid, &machine, e))
        return -1;
    uid = strrchr(machine.scope, '/') + 1;
    if (strcmp(machine.kind, KIND_MACHINE) != 0 || store_get(tx, uid, &cluster, e))
        return err_set(e, ERR_REFUSED, "the certificate names no machine");
    (void)snprintf(a->machine, sizeof a->machine, "%s", machine.name);
    (void)snprintf(a->scope, sizeof a->scope, "%s", machine.scope);
    (void)snprintf(a->cluster, sizeof a->cluster, "%s", cluster.name);
    memcpy(a->id.uid, cluster.uid, sizeof a->id.uid);
    return enrolment_load(tx, &a->id, a->machine, &a->n, e);
}

static int look_in(struct store_tx *tx, void *ctx, struct err *e)
{
    return find_machine(ctx, tx, e);
}

/* What is refused without anything new is a refusal; a clone that was just found is stored. */
static int use_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct agent_call *a = ctx;
    const char *cert = w->request->who->certificate;
    char before[UID_TEXT];
    bool changed;
    int rc;

    if (find_machine(a, w->tx, e))
        return -1;
    memcpy(before, a->n.current.uid, sizeof before);
    pki_deciding(w, "machine.use", "cluster/%s/machine/%s", a->cluster, a->machine);
    rc = enrolment_use(&a->n, cert, a->instance, &changed, &a->refused);
    if (rc && !changed)
        return err_pass(e, &a->refused);
    if (enrolment_save(w, &a->id, &a->n, e))
        return -1;
    if (rc) {
        pki_deciding(w, "machine.block", "cluster/%s/machine/%s", a->cluster, a->machine);
        return pki_granted(w, NULL, e);
    }
    return before[0] && strcmp(before, a->n.current.uid) != 0 ? agent_supersede(w, before, e) : 0;
}

int agent_open(struct agent_call *a, const struct api_args *args, struct json_writer *reply,
               struct err *e)
{
    *a = (struct agent_call){ .args = args, .reply = reply };
    a->instance = api_query(args, "instance");
    if (args->request->who->kind != PRINCIPAL_MACHINE)
        return err_set(e, ERR_REFUSED, "this is for agents, with a machine's certificate");
    if (!a->instance)
        return err_set(e, ERR_INVALID, "query parameter 'instance' is missing");
    if (store_read(pki_store(args->request->pki), look_in, a, e))
        return -1;
    if (enrolment_settled(&a->n, args->request->who->certificate, a->instance))
        return 0;
    if (pki_write(args->request, use_in, a, e))
        return -1;
    return a->refused.code ? err_pass(e, &a->refused) : 0;
}

int agent_supersede(struct pki_write *w, const char *uid, struct err *e)
{
    struct err why = { 0 };

    if (uid[0] && record_supersede(w, uid, &why) && why.code != ERR_NOT_FOUND)
        return err_pass(e, &why);
    return 0;
}

/* ---- desired state ---- */

/* Ten thousand agents at 0.17 ms of CPU each are then under a twentieth of a core. */
enum { POLL_SECONDS = 45 };

struct wishing {
    struct agent_call a;
    const char *known;
    char revision[DESIRED_REVISION];
    bool same;
    struct buf text;
};

static int wish_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct wishing *x = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    int64_t sequence = store_sequence(tx);

    if (x->known[0] && !desired_may_differ(tx, x->a.scope, x->known)) {
        (void)snprintf(x->revision, sizeof x->revision, "%lld%.40s", (long long)sequence,
                       strchr(x->known, '-'));
        x->same = true;
        return 0;
    }
    if (cluster_load(tx, x->a.cluster, &c, e) ||
        desired_write(x->a.args->request, tx, &c, &x->a.n, &x->text, e))
        return -1;
    desired_revision(x->revision, sequence, buf_slice(&x->text));
    x->same = desired_same(x->revision, x->known);
    return 0;
}

static int put_desired(const struct wishing *x, struct json_writer *reply, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;

    json_put_text(reply, "revision", x->revision);
    json_put_bool(reply, "same", x->same);
    json_put_int(reply, "poll", POLL_SECONDS);
    json_put_int(reply, "time", pki_now(x->a.args->request->pki));
    if (x->same)
        return 0;
    if (json_parse(&doc, buf_slice(&x->text), &(struct json_limits){ .bytes = BUF_MAX }, e))
        return -1;
    json_put_value(reply, "desired", json_root(doc));
    return 0;
}

int show_desired(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct wishing x = { .same = false };
    int rc;

    if (agent_open(&x.a, args, reply, e))
        return -1;
    x.known = api_query(args, "known");
    if (!x.known || !strchr(x.known, '-') || strlen(x.known) >= DESIRED_REVISION)
        x.known = "";
    rc = store_read(pki_store(args->request->pki), wish_in, &x, e) || put_desired(&x, reply, e) ? -1
                                                                                                : 0;
    buf_clear(&x.text);
    return rc;
}

/* ---- certificates ---- */

/* Only what its own plan has, so that no machine gets another's; and nothing that would end before
 * its slowest reader has it. */
static int check_order(const struct cluster *c, const struct machine *m,
                       const struct json_value *row, struct err *e)
{
    const char *slot, *profile, *place;
    char path[96];

    if (json_want_text(row, "slot", &slot, e) || json_want_text(row, "profile", &profile, e))
        return -1;
    if (!plan_has_leaf(c, m, slot, profile, &place))
        return err_set(e, ERR_REFUSED, "machine '%s' has no place '%.64s' of profile '%.64s'",
                       m->name, slot, profile);
    (void)snprintf(path, sizeof path, "%s.crt", place);
    return component_life_check(path, c->leaf_ttl, e);
}

static int check_orders(struct store_tx *tx, void *ctx, struct err *e)
{
    struct agent_call *a = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    struct json_iter it = json_iter(json_get(a->args->body, "items"));
    const struct json_value *row;
    const struct machine *m;
    const char *key;

    if (cluster_load(tx, a->cluster, &c, e))
        return -1;
    m = cluster_machine(&c, a->machine);
    if (!m)
        return err_set(e, ERR_NOT_FOUND, "cluster '%s' has no machine '%s'", c.name, a->machine);
    while (json_next(&it, &key, &row))
        if (check_order(&c, m, row, e))
            return -1;
    return 0;
}

int issue_agent(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct agent_call a;
    struct api_args as = *args;

    if (agent_open(&a, args, reply, e) ||
        store_read(pki_store(args->request->pki), check_orders, &a, e))
        return -1;
    as.param[0] = a.cluster;
    as.param[1] = a.machine;
    return issue_machine(&as, reply, e);
}

/* ---- the service-account key ---- */

struct handing {
    struct agent_call a;
    struct buf recipient, sealed;
};

static int hand_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct handing *h = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };

    if (cluster_load(w->tx, h->a.cluster, &c, e) ||
        service_account_release(w, &c, h->a.machine, &pem, e))
        return -1;
    return cms_encrypt(&h->sealed, buf_slice(&pem), NULL, buf_slice(&h->recipient), e);
}

/* The recipient is a certificate for the very key that the machine joined with, signed by whom it
 * may be: CMS names its reader by one. */
static int read_recipient(struct handing *h, struct err *e)
{
    CLEANUP(buf_clear) struct buf hex = { 0 };
    struct x509_cert cert;
    const char *base64;

    if (json_want_text(h->a.args->body, "recipient", &base64, e) ||
        base64_decode(&h->recipient, slice_str(base64), e) ||
        x509_cert_read(&cert, buf_slice(&h->recipient), e))
        return err_wrap(e, "recipient");
    sha256_hex(&hex, cert.spki);
    if (!slice_eq_str(buf_slice(&hex), h->a.n.current.key))
        return err_set(e, ERR_REFUSED, "the recipient's key is not that of machine '%s'",
                       h->a.machine);
    return 0;
}

int release_agent_key(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct handing h = { .recipient = { 0 } };
    int rc = agent_open(&h.a, args, reply, e);

    if (!rc)
        rc = read_recipient(&h, e) || pki_write(args->request, hand_in, &h, e) ? -1 : 0;
    if (!rc)
        json_put_base64(reply, "sealed", buf_slice(&h.sealed));
    buf_clear(&h.recipient);
    buf_clear(&h.sealed);
    return rc;
}

/* ---- status ---- */

struct reporting {
    struct agent_call a;
    struct buf body;
    bool changed;
};

static int report_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct reporting *r = ctx;

    return status_save(w, &r->a.id, r->a.machine, &r->body, &r->changed, e);
}

int report_status(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct reporting r = { .changed = false };
    int rc = agent_open(&r.a, args, reply, e);

    if (!rc)
        rc = status_read(&r.body, args->body, pki_now(args->request->pki), e) ||
                     pki_write(args->request, report_in, &r, e)
                 ? -1
                 : 0;
    if (!rc)
        json_put_bool(reply, "changed", r.changed);
    buf_clear(&r.body);
    return rc;
}

/* ---- the lease of a rollout ---- */

struct leasing {
    struct agent_call a;
    const char *action, *reason;
    struct lease lease;
    bool held;
};

static int stop_rollout(struct pki_write *w, struct leasing *l, struct err *e)
{
    CLEANUP(buf_clear) struct buf detail = { 0 };
    struct json_writer json;

    lease_stop(&l->lease, l->a.machine, l->reason);
    l->a.n.cordoned = true;
    pki_deciding(w, "rollout.stop", "cluster/%s/machine/%s", l->a.cluster, l->a.machine);
    json_writer_init(&json, &detail, false);
    json_put_object(&json, NULL);
    json_put_text(&json, "reason", l->lease.reason);
    json_put_end(&json);
    if (enrolment_save(w, &l->a.id, &l->a.n, e))
        return -1;
    return pki_granted(w, buf_str(&detail), e);
}

static int lease_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct leasing *l = ctx;

    if (lease_load(w->tx, &l->a.id, &l->lease, e))
        return -1;
    if (strcmp(l->action, "take") == 0)
        l->held = lease_take(&l->lease, l->a.machine, w->now);
    else if (strcmp(l->action, "release") == 0)
        lease_release(&l->lease, l->a.machine);
    else if (stop_rollout(w, l, e))
        return -1;
    if (strcmp(l->action, "take") == 0 && !l->held)
        return 0;
    return lease_save(w, &l->a.id, &l->lease, e);
}

int agent_lease(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct leasing l = { .reason = json_text(json_get(args->body, "reason")) };

    if (agent_open(&l.a, args, reply, e) || json_want_text(args->body, "action", &l.action, e))
        return -1;
    if (strcmp(l.action, "take") != 0 && strcmp(l.action, "release") != 0 &&
        strcmp(l.action, "stop") != 0)
        return err_set(e, ERR_INVALID, "'action' is take, release or stop");
    if (pki_write(args->request, lease_in, &l, e))
        return -1;
    json_put_bool(reply, "held", l.held);
    json_put_text(reply, "holder", l.lease.holder[0] ? l.lease.holder : NULL);
    json_put_text(reply, "stopped", l.lease.stopped[0] ? l.lease.stopped : NULL);
    json_put_text(reply, "reason", l.lease.reason);
    return 0;
}
