#include "api/handlers.h"
#include "crypto/name.h"
#include "keeper/fence.h"
#include "pki/issue.h"
#include "pki/ledger.h"

/* ---- sign a CSR: cert sign, kubeconfig issue ---- */

enum { MAX_GROUPS = 64 };

struct signing {
    const struct api_args *args;
    struct issue_order order;
    const char *groups[MAX_GROUPS];
    struct buf csr;
    struct issued issued;
    struct cluster cluster;
    struct buf ca;     /* PEM of the control plane's authorities: what a kubeconfig trusts */
    bool wants_server; /* nobody said where the API server is: the cluster's endpoint has to */
};

static void signing_clear(struct signing *s)
{
    buf_clear(&s->csr);
    buf_clear(&s->ca);
    issued_clear(&s->issued);
    cluster_clear(&s->cluster);
}

static int read_groups(struct signing *s, struct err *e)
{
    struct json_iter it = json_iter(json_get(s->args->body, "groups"));
    const struct json_value *group;
    const char *key;

    while (json_next(&it, &key, &group)) {
        if (s->order.group_count == MAX_GROUPS || !json_text(group))
            return err_set(e, ERR_INVALID, "'groups' must hold at most %d names", MAX_GROUPS);
        s->groups[s->order.group_count++] = json_text(group);
    }
    s->order.groups = s->groups;
    return 0;
}

static int sign_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct signing *s = ctx;
    CLEANUP(issuer_closep) struct issuer *issuer = NULL;
    CLEANUP(authority_clear) struct authority control_plane = { 0 };

    if (cluster_load(w->tx, s->args->param[0], &s->cluster, e))
        return -1;
    if (s->wants_server && !s->cluster.endpoint_host[0])
        return err_set(e, ERR_INVALID,
                       "where the API server of cluster '%s' is was not found when it was adopted: "
                       "say --server https://HOST:PORT",
                       s->cluster.name);
    if (issuer_open(&issuer, w, &s->cluster, e) || issuer_issue(issuer, &s->order, &s->issued, e) ||
        issuer_finish(issuer, e))
        return -1;
    if (authority_load(w->tx, &s->cluster, AUTHORITY_CONTROL_PLANE, &control_plane, e))
        return -1;
    return authority_bundle(&control_plane, &s->ca, e);
}

/* A group above RBAC is never given without a word. */
static void put_warnings(const struct signing *s, struct json_writer *reply)
{
    struct x509_cert cert;
    struct name_iter it;
    struct name_part part;

    json_put_array(reply, "warnings");
    if (s->order.privileged && !x509_cert_read(&cert, buf_slice(&s->issued.cert), NULL)) {
        it = name_iter(cert.subject);
        while (name_next(&it, &part)) {
            CLEANUP(buf_clear) struct buf text = { 0 };

            if (part.attr != NAME_O || !fence_privileged_group(part.value))
                continue;
            buf_addf(&text,
                     "this certificate is of group " SLICE_FMT
                     ", which may do everything in cluster %s until it "
                     "ends; it cannot be revoked, and the audit trail has it",
                     SLICE_ARG(part.value), s->cluster.name);
            json_put_text(reply, NULL, buf_str(&text));
        }
    }
    json_put_end(reply);
}

static int sign(struct signing *s, struct json_writer *reply, struct err *e)
{
    if (handle_csr(s->args->body, &s->csr, e) ||
        handle_seconds(s->args->body, "ttl", &s->order.ttl, e))
        return -1;
    s->order.csr = buf_slice(&s->csr);
    s->order.privileged = json_bool(json_get(s->args->body, "privileged"), false);
    if (pki_write(s->args->request, sign_in, s, e))
        return -1;
    handle_made(s->args, 0, "/v1/certificates/@", s->issued.serial);
    json_put_text(reply, "cluster", s->cluster.name);
    json_put_text(reply, "profile", s->order.profile);
    json_put_text(reply, "authority", authority_role_name(s->issued.role));
    json_put_text(reply, "serial", s->issued.serial);
    json_put_time(reply, "not_before", s->issued.not_before);
    json_put_time(reply, "not_after", s->issued.not_after);
    handle_put_pem(reply, "certificate", buf_slice(&s->issued.cert));
    put_warnings(s, reply);
    return 0;
}

int sign_certificate(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    static const char *const known[] = { "profile", "csr", "ttl", "machine", "privileged", NULL };
    CLEANUP(signing_clear) struct signing s = { .args = args };

    if (json_only(args->body, known, e) ||
        json_want_text(args->body, "profile", &s.order.profile, e))
        return -1;
    s.order.machine = json_text(json_get(args->body, "machine"));
    s.order.groups_from_csr = true;
    return sign(&s, reply, e);
}

int issue_kubeconfig(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    static const char *const known[] = { "user",       "groups", "csr", "ttl",
                                         "privileged", "server", NULL };
    CLEANUP(signing_clear) struct signing s = { .args = args, .order = { .profile = "operator" } };
    char server[320];

    s.wants_server = !json_get(args->body, "server");
    if (json_only(args->body, known, e) || json_want_text(args->body, "user", &s.order.user, e) ||
        read_groups(&s, e) || sign(&s, reply, e))
        return -1;
    snprintf(server, sizeof server,
             strchr(s.cluster.endpoint_host, ':') ? "https://[%s]:%u" : "https://%s:%u",
             s.cluster.endpoint_host, s.cluster.endpoint_port);
    json_put_text(reply, "user", s.order.user);
    json_put_array(reply, "groups");
    for (size_t i = 0; i < s.order.group_count; i++)
        json_put_text(reply, NULL, s.groups[i]);
    json_put_end(reply);
    json_put_text(reply, "server", s.cluster.endpoint_host[0] ? server : NULL);
    json_put_slice(reply, "certificate_authority", buf_slice(&s.ca));
    return 0;
}

/* ---- who holds what ---- */

static int put_holder(const struct ledger_row *row, void *ctx, struct err *e)
{
    static const char *const members[] = { "user",       "groups",    "profile", "status",
                                           "not_before", "not_after", "machine", "privileged" };
    struct json_writer *reply = ctx;

    (void)e;
    json_put_object(reply, NULL);
    handle_put_serial(reply, row->record);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (json_get(row->body, members[i]))
            json_put_value(reply, members[i], json_get(row->body, members[i]));
    json_put_end(reply);
    return 0;
}

static int list_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct handle_page *page = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    struct ledger_query query = { .people = true,
                                  .cursor = api_query(page->args, "cursor"),
                                  .limit = page->limit };

    if (cluster_load(tx, page->args->param[0], &c, e))
        return -1;
    query.cluster_uid = c.uid;
    return ledger_list(tx, &query, put_holder, page->reply, page->next, e);
}

int list_kubeconfigs(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct handle_page page = { .args = args, .reply = reply };

    return handle_list(&page, list_in, &page, e);
}
