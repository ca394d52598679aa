#include "api/handle_agent.h"

#include "crypto/hash.h"
#include "fleet/desired.h"
#include "pki/installation.h"

/* ---- a certificate for the agent's key ---- */

static int key_hash(char out[ENROLMENT_HASH], struct slice csr_der, struct err *e)
{
    CLEANUP(buf_clear) struct buf hex = { 0 };
    struct x509_csr csr;

    if (x509_csr_read(&csr, csr_der, e))
        return err_wrap(e, "csr");
    sha256_hex(&hex, csr.spki);
    (void)snprintf(out, ENROLMENT_HASH, "%s", buf_str(&hex));
    return 0;
}

static int issue(struct pki_write *w, const struct cluster *c, const struct enrolment *n,
                 struct slice csr, struct issued *issued, struct err *e)
{
    char name[160];
    struct installation_order order = { .profile = INSTALLATION_MACHINE,
                                        .csr = csr,
                                        .name = name,
                                        .uid = n->machine_uid,
                                        .cluster = c->uid };

    (void)snprintf(name, sizeof name, "%s/%s", c->name, n->machine);
    return installation_issue(w, &order, issued, e);
}

static void fill_cert(struct enrolment_cert *cert, const struct issued *issued, const char *key)
{
    *cert = (struct enrolment_cert){ .not_after = issued->not_after };
    memcpy(cert->uid, issued->uid, sizeof cert->uid);
    memcpy(cert->serial, issued->serial, sizeof cert->serial);
    (void)snprintf(cert->key, sizeof cert->key, "%s", key);
}

static int put_identity(const struct api_args *args, struct json_writer *reply,
                        const struct issued *issued, struct err *e)
{
    CLEANUP(buf_clear) struct buf bundle = { 0 };

    if (installation_bundle(args->request->pki, AUTHORITY_POTERNE_SERVER, &bundle, e))
        return -1;
    handle_put_pem(reply, "certificate", buf_slice(&issued->cert));
    json_put_time(reply, "not_after", issued->not_after);
    json_put_slice(reply, "server_ca", buf_slice(&bundle));
    return 0;
}

/* ---- join ---- */

struct joining {
    const struct api_args *args;
    const char *token, *machine, *layout, *prefix;
    char key[ENROLMENT_HASH];
    struct buf csr, desired;
    struct cluster c;
    struct enrolment n;
    struct issued issued;
};

static void joining_clear(struct joining *j)
{
    buf_clear(&j->csr);
    buf_clear(&j->desired);
    cluster_clear(&j->c);
    issued_clear(&j->issued);
}

/* The machine that the token names; whatever is wrong with it is the token's fault. */
static int find_invited(struct joining *j, struct pki_write *w, struct err *e)
{
    CLEANUP(record_clear) struct record machine = { 0 };
    CLEANUP(record_clear) struct record cluster = { 0 };
    char uid[UID_TEXT];

    pki_deciding(w, "machine.join", "machine/unknown");
    if (join_token_machine(uid, j->token, e))
        return -1;
    if (store_get(w->tx, uid, &machine, NULL) || strcmp(machine.kind, KIND_MACHINE) != 0 ||
        store_get(w->tx, strrchr(machine.scope, '/') + 1, &cluster, NULL))
        return err_set(e, ERR_REFUSED, "the join token is of no machine that is here");
    pki_deciding(w, "machine.join", "cluster/%s/machine/%s", cluster.name, machine.name);
    if (cluster_load(w->tx, cluster.name, &j->c, e) ||
        enrolment_load(w->tx, &j->c, machine.name, &j->n, e))
        return -1;
    if (j->machine && strcmp(j->machine, machine.name) != 0)
        return err_set(e, ERR_REFUSED, "the join token is for machine '%s', not for '%.64s'",
                       machine.name, j->machine);
    return 0;
}

static int join_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct joining *j = ctx;
    struct enrolment_cert cert;

    if (find_invited(j, w, e) || enrolment_admit(&j->n, j->token, j->key, w->now, e) ||
        agent_supersede(w, j->n.current.uid, e) || agent_supersede(w, j->n.next.uid, e) ||
        issue(w, &j->c, &j->n, buf_slice(&j->csr), &j->issued, e))
        return -1;
    fill_cert(&cert, &j->issued, j->key);
    enrolment_join(&j->n, &cert, w->now);
    (void)snprintf(j->n.layout, sizeof j->n.layout, "%s", j->layout);
    (void)snprintf(j->n.prefix, sizeof j->n.prefix, "%s", j->prefix);
    /* what does not fit is refused now, not when it is first asked for */
    if (desired_write(w->request, w->tx, &j->c, &j->n, &j->desired, e) ||
        enrolment_save(w, &j->c, &j->n, e))
        return -1;
    pki_deciding(w, "machine.join", "cluster/%s/machine/%s", j->c.name, j->n.machine);
    return pki_granted(w, NULL, e);
}

static int read_joining(struct joining *j, struct err *e)
{
    static const char *const known[] = { "token", "csr", "machine", "layout", "prefix", NULL };
    const struct json_value *body = j->args->body;

    if (json_only(body, known, e) || json_want_text(body, "token", &j->token, e) ||
        handle_csr(body, &j->csr, e) || key_hash(j->key, buf_slice(&j->csr), e))
        return -1;
    j->machine = json_text(json_get(body, "machine"));
    j->layout = json_text(json_get(body, "layout"));
    j->prefix = json_text(json_get(body, "prefix"));
    if (!j->layout)
        j->layout = "systemd";
    if (!j->prefix)
        j->prefix = "/etc/kubernetes";
    if (strlen(j->layout) >= sizeof j->n.layout || strlen(j->prefix) >= sizeof j->n.prefix)
        return err_set(e, ERR_INVALID, "'layout' or 'prefix' is too long");
    return 0;
}

static void put_place(const struct joining *j, struct json_writer *reply,
                      const struct json_value *desired)
{
    static const char *const same[] = { "address", "local_address", "api_port", "layout",
                                        "prefix" };
    const struct machine *m = cluster_machine(&j->c, j->n.machine);

    json_put_text(reply, "cluster", j->c.name);
    json_put_text(reply, "machine", j->n.machine);
    json_put_array(reply, "roles");
    for (unsigned role = 1; m && role <= MACHINE_WORKER; role <<= 1)
        if (m->roles & role)
            json_put_text(reply, NULL, machine_role_name((enum machine_role)role));
    json_put_end(reply);
    json_put_bool(reply, "etcd", m && machine_runs_etcd(&j->c, m));
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        json_put_value(reply, same[i], json_get(desired, same[i]));
}

int join_agent(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    CLEANUP(joining_clear) struct joining j = { .args = args };
    CLEANUP(json_freep) struct json *desired = NULL;

    if (read_joining(&j, e) || pki_write(args->request, join_in, &j, e) ||
        json_parse(&desired, buf_slice(&j.desired), &(struct json_limits){ .bytes = BUF_MAX }, e))
        return -1;
    put_place(&j, reply, json_root(desired));
    return put_identity(args, reply, &j.issued, e);
}

/* ---- renewal of the agent's own ---- */

struct renewing {
    struct agent_call a;
    struct buf csr;
    char key[ENROLMENT_HASH];
    struct issued issued;
};

static int renew_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct renewing *r = ctx;

    pki_deciding(w, "machine.renew", "cluster/%s/machine/%s", r->a.cluster, r->a.machine);
    (void)snprintf(r->a.id.name, sizeof r->a.id.name, "%s", r->a.cluster);
    /* one that was issued before and never used goes */
    if (agent_supersede(w, r->a.n.next.uid, e) ||
        issue(w, &r->a.id, &r->a.n, buf_slice(&r->csr), &r->issued, e))
        return -1;
    fill_cert(&r->a.n.next, &r->issued, r->key);
    return enrolment_save(w, &r->a.id, &r->a.n, e);
}

int renew_agent(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct renewing r = { .csr = { 0 } };
    int rc = agent_open(&r.a, args, reply, e);

    if (!rc)
        rc = handle_csr(args->body, &r.csr, e) || key_hash(r.key, buf_slice(&r.csr), e) ||
                     pki_write(args->request, renew_in, &r, e) ||
                     put_identity(args, reply, &r.issued, e)
                 ? -1
                 : 0;
    buf_clear(&r.csr);
    issued_clear(&r.issued);
    return rc;
}
