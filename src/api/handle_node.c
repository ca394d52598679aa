#include "api/handlers.h"
#include "base/clock.h"
#include "fleet/lease.h"
#include "fleet/machine.h"
#include "fleet/status.h"
#include "pki/installation.h"
#include "pki/record_body.h"

struct node_call {
    const struct api_args *args;
    struct json_writer *reply;
    const char *machine;
    struct enrolment n;
};

/* ---- add ---- */

struct adding {
    const struct api_args *args;
    const char *text;
    unsigned role;
    int64_t ttl;
    bool made;
    struct enrolment n;
    struct buf token;
    char pin[INSTALLATION_PIN];
};

/* The name in front of "=". */
static void name_of(char name[64], const char *text)
{
    (void)snprintf(name, 64, "%.*s", (int)strcspn(text, "="), text);
}

static int add_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct adding *a = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(authority_clear) struct authority server = { 0 };
    char name[64], detail[128];
    int64_t expires;

    name_of(name, a->text);
    pki_deciding(w, "machine.invite", "cluster/%.64s/machine/%s", a->args->param[0], name);
    if (enrolment_expiry(w->now, a->ttl, &expires, e) ||
        cluster_load(w->tx, a->args->param[0], &c, e) ||
        cluster_add_machine(w, &c, a->text, a->role, &a->made, e) ||
        installation_make_authorities(w, e) ||
        installation_authority(w->tx, a->args->request->pki, AUTHORITY_POTERNE_SERVER, &server,
                               e) ||
        installation_pin(&server, a->pin, e) || enrolment_load(w->tx, &c, name, &a->n, e))
        return -1;
    enrolment_invite(&a->n, cluster_machine(&c, name), expires, &a->token);
    if (enrolment_save(w, &c, &a->n, e))
        return -1;
    pki_deciding(w, "machine.invite", "cluster/%s/machine/%s", c.name, name);
    (void)snprintf(detail, sizeof detail, "{\"new\":%s,\"seconds\":%lld}",
                   a->made ? "true" : "false", (long long)a->ttl);
    return pki_granted(w, detail, e);
}

static void put_command(struct json_writer *reply, const char *url, const char *pin,
                        const char *token)
{
    CLEANUP(buf_clear) struct buf line = { 0 };

    buf_addf(&line, "poterne agent join --server %s --ca-hash %s --token %s", url, pin, token);
    json_put_text(reply, "command", buf_str(&line));
}

static int check_url(const char *url, struct err *e)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-._:/[]";

    if (strncmp(url, "https://", 8) != 0 || !url[8] || strlen(url) > 256 ||
        url[strspn(url, allowed)])
        return err_set(e, ERR_INVALID, "server '%.80s' must be a URL like https://HOST:PORT", url);
    return 0;
}

int add_node(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    static const char *const known[] = { "machine", "role", "ttl", "server", NULL };
    const char *url = json_text(json_get(args->body, "server")), *role;
    struct adding a = { .args = args, .ttl = HOURS(1) };
    int rc;

    if (json_only(args->body, known, e) || json_want_text(args->body, "machine", &a.text, e) ||
        json_want_text(args->body, "role", &role, e) || machine_role_parse(&a.role, role, e))
        return -1;
    if (json_get(args->body, "ttl") && handle_seconds(args->body, "ttl", &a.ttl, e))
        return -1;
    if (url && check_url(url, e))
        return -1;
    rc = pki_write(args->request, add_in, &a, e);
    if (!rc) {
        json_put_text(reply, "cluster", args->param[0]);
        json_put_text(reply, "name", a.n.machine);
        json_put_bool(reply, "added", a.made);
        json_put_text(reply, "state", enrolment_state_name(a.n.state));
        json_put_time(reply, "expires", a.n.token_expires);
        json_put_text(reply, "ca_hash", a.pin);
        json_put_text(reply, "token", buf_str(&a.token));
        put_command(reply, url ? url : "https://SERVER:PORT", a.pin, buf_str(&a.token));
    }
    buf_clear(&a.token);
    return rc;
}

/* ---- list, show ---- */

static void put_machine(struct json_writer *reply, const struct machine *m)
{
    json_put_array(reply, "roles");
    for (unsigned role = 1; role <= MACHINE_WORKER; role <<= 1)
        if (m->roles & role)
            json_put_text(reply, NULL, machine_role_name((enum machine_role)role));
    json_put_end(reply);
    json_put_array(reply, "addresses");
    for (size_t i = 0; i < m->address_count; i++)
        json_put_text(reply, NULL, m->address[i]);
    json_put_end(reply);
}

/* The worst thing that its agent says about it. */
static const char *summary_of(const struct json_value *status)
{
    static const char *const worst[] = { "failed", "stale", "waiting", "current" };
    size_t found = ARRAY_LEN(worst);
    struct json_iter it = json_iter(json_get(status, "items"));
    const struct json_value *item;
    const char *key;

    while (json_next(&it, &key, &item))
        for (size_t i = 0; i < found; i++)
            if (slice_eq_str(json_slice(json_get(item, "state")), worst[i]))
                found = i;
    return found < ARRAY_LEN(worst) ? worst[found] : NULL;
}

static int put_node(struct store_tx *tx, struct json_writer *reply, const struct cluster *c,
                    const struct machine *m, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *status;
    struct enrolment n;
    int64_t updated;

    if (enrolment_load(tx, c, m->name, &n, e) || status_load(tx, c, m->name, &doc, &updated, e))
        return -1;
    status = json_root(doc);
    enrolment_write_json(reply, &n);
    put_machine(reply, m);
    json_put_text(reply, "components", summary_of(status));
    if (doc) {
        json_put_time(reply, "reported", updated);
        json_put_value(reply, "skew", json_get(status, "skew"));
        json_put_value(reply, "error", json_get(status, "error"));
        json_put_value(reply, "version", json_get(status, "version"));
    }
    return 0;
}

static int list_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct node_call *call = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };

    if (cluster_load(tx, call->args->param[0], &c, e))
        return -1;
    json_put_array(call->reply, "items");
    for (size_t i = 0; i < c.machine_count; i++) {
        json_put_object(call->reply, NULL);
        if (put_node(tx, call->reply, &c, &c.machine[i], e))
            return -1;
        json_put_end(call->reply);
    }
    json_put_end(call->reply);
    return 0;
}

int list_nodes(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct node_call call = { .args = args, .reply = reply };

    return store_read(pki_store(args->request->pki), list_in, &call, e);
}

static int no_machine(const struct cluster *c, const char *name, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "cluster '%s' has no machine '%.64s'", c->name, name);
}

static int show_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct node_call *call = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct machine *m;
    int64_t updated;

    if (cluster_load(tx, call->args->param[0], &c, e))
        return -1;
    m = cluster_machine(&c, call->args->param[1]);
    if (!m)
        return no_machine(&c, call->args->param[1], e);
    json_put_text(call->reply, "cluster", c.name);
    if (put_node(tx, call->reply, &c, m, e) || status_load(tx, &c, m->name, &doc, &updated, e))
        return -1;
    json_put_array(call->reply, "items");
    struct json_iter it = json_iter(json_get(json_root(doc), "items"));
    const struct json_value *item;
    const char *key;

    while (json_next(&it, &key, &item))
        json_put_value(call->reply, NULL, item);
    json_put_end(call->reply);
    return 0;
}

int show_node(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct node_call call = { .args = args, .reply = reply };

    return store_read(pki_store(args->request->pki), show_in, &call, e);
}

/* ---- remove ---- */

static int supersede(struct pki_write *w, const struct enrolment_cert *cert, struct err *e)
{
    struct err why = { 0 };

    if (cert->uid[0] && record_supersede(w, cert->uid, &why) && why.code != ERR_NOT_FOUND)
        return err_pass(e, &why);
    return 0;
}

static int remove_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct node_call *call = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    const char *name = call->args->param[1];

    pki_deciding(w, "machine.remove", "cluster/%.64s/machine/%.64s", call->args->param[0], name);
    if (cluster_load(w->tx, call->args->param[0], &c, e) ||
        enrolment_load(w->tx, &c, name, &call->n, e) || cluster_remove_machine(w, &c, name, e))
        return -1;
    if (call->n.uid[0]) {
        if (supersede(w, &call->n.current, e) || supersede(w, &call->n.next, e))
            return -1;
        call->n.state = ENROLMENT_REMOVED;
        call->n.token[0] = '\0';
        if (enrolment_save(w, &c, &call->n, e))
            return -1;
    }
    return pki_granted(w, NULL, e);
}

int remove_node(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct node_call call = { .args = args, .reply = reply };

    if (pki_write(args->request, remove_in, &call, e))
        return -1;
    json_put_text(reply, "cluster", args->param[0]);
    json_put_text(reply, "name", args->param[1]);
    return 0;
}

/* ---- what changes one enrolment ---- */

typedef int node_change(struct pki_write *w, struct cluster *c, struct enrolment *n, struct err *e);
struct changing {
    struct node_call call;
    const char *action;
    node_change *change;
};

static int change_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct changing *x = ctx;
    const struct api_args *args = x->call.args;
    CLEANUP(cluster_clear) struct cluster c = { 0 };

    pki_deciding(w, x->action, "cluster/%.64s/machine/%.64s", args->param[0], args->param[1]);
    if (cluster_load(w->tx, args->param[0], &c, e))
        return -1;
    if (!cluster_machine(&c, args->param[1]))
        return no_machine(&c, args->param[1], e);
    if (enrolment_load(w->tx, &c, args->param[1], &x->call.n, e))
        return -1;
    if (!x->call.n.uid[0])
        return err_set(e, ERR_CONFLICT, "machine '%s' was never invited: 'poterne node add'",
                       args->param[1]);
    if (x->change(w, &c, &x->call.n, e) || enrolment_save(w, &c, &x->call.n, e))
        return -1;
    return pki_granted(w, NULL, e);
}

static int change_node(const struct api_args *args, struct json_writer *reply, const char *action,
                       node_change *change, struct err *e)
{
    struct changing x = { .call = { .args = args }, .action = action, .change = change };

    if (pki_write(args->request, change_in, &x, e))
        return -1;
    json_put_text(reply, "cluster", args->param[0]);
    enrolment_write_json(reply, &x.call.n);
    return 0;
}

static int do_cordon(struct pki_write *w, struct cluster *c, struct enrolment *n, struct err *e)
{
    (void)w;
    (void)c;
    (void)e;
    n->cordoned = true;
    return 0;
}

/* The machine that stopped a rollout lets it go on. */
static int do_uncordon(struct pki_write *w, struct cluster *c, struct enrolment *n, struct err *e)
{
    struct lease lease;

    n->cordoned = false;
    if (lease_load(w->tx, c, &lease, e))
        return -1;
    return lease_resume(&lease, n->machine) ? lease_save(w, c, &lease, e) : 0;
}

static int do_approve(struct pki_write *w, struct cluster *c, struct enrolment *n, struct err *e)
{
    (void)w;
    (void)c;
    return enrolment_approve(n, e);
}

static int do_renew(struct pki_write *w, struct cluster *c, struct enrolment *n, struct err *e)
{
    (void)w;
    (void)c;
    (void)e;
    n->renew++;
    return 0;
}

int cordon_node(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    return change_node(args, reply, "machine.cordon", do_cordon, e);
}

int uncordon_node(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    return change_node(args, reply, "machine.uncordon", do_uncordon, e);
}

int approve_node(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    return change_node(args, reply, "machine.approve", do_approve, e);
}

int renew_node(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    return change_node(args, reply, "machine.renew", do_renew, e);
}
