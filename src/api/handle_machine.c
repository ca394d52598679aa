#include "api/handlers.h"
#include "pki/issue.h"
#include "pki/plan.h"
#include "pki/service_account.h"

/* ---- the plan of an export ---- */

struct planning {
    const struct api_args *args;
    struct json_writer *reply;
    struct plan_request what;
};

static int plan_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct planning *p = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };

    if (cluster_load(tx, p->args->param[0], &c, e))
        return -1;
    return plan_write(p->args->request, tx, &c, &p->what, p->reply, e);
}

int show_plan(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct planning p = { .args = args, .reply = reply, .what = { .machine = args->param[1] } };
    const char *layout = api_query(args, "layout");

    p.what.prefix = api_query(args, "prefix");
    if (!p.what.prefix)
        p.what.prefix = "/etc/kubernetes";
    if (!layout)
        return err_set(e, ERR_INVALID, "query parameter 'layout' is missing: kubeadm or systemd");
    if (layout_parse(&p.what.layout, layout, e))
        return -1;
    return store_read(pki_store(args->request->pki), plan_in, &p, e);
}

/* ---- a machine's certificates ---- */

enum { MACHINE_MAX_ORDERS = 64 };

struct ordering {
    const struct api_args *args;
    struct json_writer *reply;
};

static int issue_one(struct issuer *issuer, const char *machine, const struct json_value *row,
                     struct json_writer *reply, struct err *e)
{
    static const char *const known[] = { "slot", "profile", "csr", NULL };
    CLEANUP(buf_clear) struct buf csr = { 0 };
    CLEANUP(issued_clear) struct issued issued = { 0 };
    struct issue_order order = { .machine = machine };

    if (json_only(row, known, e) || json_want_text(row, "slot", &order.slot, e) ||
        json_want_text(row, "profile", &order.profile, e) || handle_csr(row, &csr, e))
        return -1;
    order.csr = buf_slice(&csr);
    if (issuer_issue(issuer, &order, &issued, e))
        return err_wrap(e, "%s", order.slot);
    json_put_object(reply, NULL);
    json_put_text(reply, "slot", order.slot);
    json_put_text(reply, "serial", issued.serial);
    json_put_time(reply, "not_after", issued.not_after);
    handle_put_pem(reply, "certificate", buf_slice(&issued.cert));
    json_put_end(reply);
    return 0;
}

static int issue_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct ordering *o = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(issuer_closep) struct issuer *issuer = NULL;
    struct json_iter it = json_iter(json_get(o->args->body, "items"));
    const struct json_value *row;
    const char *key;

    if (cluster_load(w->tx, o->args->param[0], &c, e))
        return -1;
    if (!cluster_machine(&c, o->args->param[1]))
        return err_set(e, ERR_NOT_FOUND, "cluster '%s' has no machine '%s'", c.name,
                       o->args->param[1]);
    if (issuer_open(&issuer, w, &c, e))
        return -1;
    while (json_next(&it, &key, &row))
        if (issue_one(issuer, o->args->param[1], row, o->reply, e))
            return -1;
    return issuer_finish(issuer, e);
}

int issue_machine(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    size_t count = json_len(json_get(args->body, "items"));

    if (!count || count > MACHINE_MAX_ORDERS)
        return err_set(e, ERR_INVALID, "'items' must hold 1 to %d requests", MACHINE_MAX_ORDERS);
    json_put_array(reply, "items");
    if (pki_write(args->request, issue_in, &(struct ordering){ args, reply }, e))
        return -1;
    json_put_end(reply);
    return 0;
}

/* ---- the key that all API servers share ---- */

struct release {
    const struct api_args *args;
    struct buf pem;
};

static int release_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct release *r = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };

    if (cluster_load(w->tx, r->args->param[0], &c, e))
        return -1;
    return service_account_release(w, &c, r->args->param[1], &r->pem, e);
}

int release_service_account_key(const struct api_args *args, struct json_writer *reply,
                                struct err *e)
{
    struct release r = { .args = args };
    int rc = pki_write(args->request, release_in, &r, e);

    if (!rc)
        json_put_slice(reply, "private_key", buf_slice(&r.pem));
    buf_clear(&r.pem);
    return rc;
}
