#include "api/client.h"
#include "api/client_files.h"
#include "crypto/key.h"
#include "crypto/name.h"
#include "crypto/pem.h"
#include "crypto/x509.h"
#include "keeper/fence.h"
#include "pki/kubeconfig.h"
#include "store/file.h"
#include "wire/yaml.h"
#include <unistd.h>

/*
 * Access for people. The key is made here and goes to stdout or into the file, nowhere else.
 */
enum { MAX_KUBECONFIG = 1 << 20, MAX_GROUPS = 64 };

struct holder {
    struct client *client;
    const struct json_value *args;
    const char *cluster, *user;
    const char *out;    /* NULL: stdout */
    struct buf key;     /* PEM */
    struct json *reply; /* what was signed */
};

static void holder_clear(struct holder *h)
{
    buf_clear(&h->key);
    json_free(h->reply);
}

/* What no request could carry. Whether the name may be had is the server's to decide, and to
 * record. */
static int check_name(struct slice name, const char *what, struct err *e)
{
    if (fence_name_check(name, what, e))
        return -1;
    if (name.len > 64) /* RFC 5280, appendix A: ub-common-name, ub-organization-name */
        return err_set(e, ERR_INVALID, "%s is %zu bytes long: a certificate holds 64", what,
                       name.len);
    return 0;
}

static int holder_init(struct holder *h, struct client *client, const struct json_value *args,
                       struct err *e)
{
    struct json_iter it = json_iter(json_get(args, "groups"));
    const struct json_value *group;
    const char *key;

    *h = (struct holder){ .client = client, .args = args };
    if (json_want_text(args, "cluster", &h->cluster, e) ||
        json_want_text(args, "user", &h->user, e) || check_name(slice_str(h->user), "user name", e))
        return -1;
    if (json_len(json_get(args, "groups")) > MAX_GROUPS)
        return err_set(e, ERR_LIMIT, "more than %d groups", MAX_GROUPS);
    while (json_next(&it, &key, &group))
        if (check_name(json_slice(group), "group name", e))
            return -1;
    return 0;
}

/* ---- a key and its certificate ---- */

static int write_subject(const struct holder *h, struct buf *subject, struct err *e)
{
    struct json_iter it = json_iter(json_get(h->args, "groups"));
    size_t mark = name_begin(subject);
    const struct json_value *group;
    const char *key;

    while (json_next(&it, &key, &group))
        name_add(subject, NAME_O, json_slice(group));
    name_add(subject, NAME_CN, slice_str(h->user));
    name_end(subject, mark);
    return buf_check(subject, e);
}

static int make_csr(struct holder *h, struct buf *pem, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(buf_clear) struct buf subject = { 0 };
    CLEANUP(buf_clear) struct buf der = { 0 };

    if (write_subject(h, &subject, e) || key_generate(&key, KEY_P256, e) ||
        key_write_private_pem(key, &h->key, e) ||
        x509_csr_write(&der, key, buf_slice(&subject), NULL, 0, e))
        return -1;
    pem_write(pem, "CERTIFICATE REQUEST", buf_slice(&der));
    return buf_check(pem, e);
}

static void write_order(const struct holder *h, const char *ttl, struct slice csr, struct buf *body)
{
    const struct json_value *given = json_get(h->args, "ttl");
    struct json_writer w;

    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "user", h->user);
    if (json_get(h->args, "groups"))
        json_put_value(&w, "groups", json_get(h->args, "groups"));
    if (given || ttl)
        json_put_text(&w, "ttl", given ? json_text(given) : ttl);
    if (json_bool(json_get(h->args, "privileged"), false))
        json_put_bool(&w, "privileged", true);
    if (json_get(h->args, "server"))
        json_put_value(&w, "server", json_get(h->args, "server"));
    json_put_slice(&w, "csr", csr);
    json_put_end(&w);
}

/* ttl: what holds when none was asked for; NULL: the profile's. */
static int holder_sign(struct holder *h, const char *ttl, struct err *e)
{
    CLEANUP(buf_clear) struct buf csr = { 0 };
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(buf_clear) struct buf path = { 0 };

    if (make_csr(h, &csr, e))
        return -1;
    write_order(h, ttl, buf_slice(&csr), &body);
    client_path(&path, "/v1/clusters/@/kubeconfigs", &h->cluster);
    return client_call(h->client, HTTP_POST, buf_str(&path), buf_slice(&body), &h->reply, e);
}

/* ---- the file ---- */

static bool holds(const struct json_value *config, const char *list, const char *name)
{
    const struct json_value *rows = json_get(config, list);

    return json_len(rows) == 1 && slice_eq_str(json_slice(json_path(rows, "0.name")), name);
}

/* A file that is there is replaced when it is what this command wrote before. */
static int check_file(const struct holder *h, const char *out, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;

    if (json_bool(json_get(h->args, "force"), false) || access(out, F_OK))
        return 0;
    if (file_read(&text, out, MAX_KUBECONFIG, e))
        return -1;
    if (yaml_parse(&doc, buf_slice(&text), NULL, NULL) == 0 &&
        holds(json_root(doc), "clusters", h->cluster) && holds(json_root(doc), "users", h->user))
        return 0;
    return err_set(e, ERR_CONFLICT,
                   "'%s' is not a kubeconfig of '%s' for cluster '%s': move it away, or replace it "
                   "with --force",
                   out, h->user, h->cluster);
}

/* To the file, or to stdout. */
static int deliver(const struct holder *h, const struct kubeconfig *k, struct json_writer *reply,
                   struct client_result *result, struct err *e)
{
    CLEANUP(buf_clear) struct buf yaml = { 0 };
    const char *out = h->out;

    kubeconfig_write(&yaml, k);
    if (buf_check(&yaml, e))
        return -1;
    if (!out) {
        buf_add_slice(&result->stdout_text, buf_slice(&yaml));
        return buf_check(&result->stdout_text, e);
    }
    if (file_replace(out, buf_slice(&yaml), 0600, e))
        return -1;
    json_put_text(reply, "cluster", h->cluster);
    json_put_text(reply, "user", h->user);
    json_put_array(reply, "groups");
    for (size_t i = 0; i < json_len(json_get(h->args, "groups")); i++)
        json_put_value(reply, NULL, json_at(json_get(h->args, "groups"), i));
    json_put_end(reply);
    json_put_text(reply, "server", k->server);
    json_put_bool(reply, "exec", k->exec != NULL);
    json_put_text(reply, "out", out);
    return 0;
}

/* ---- kubeconfig issue ---- */

static int issue_with_key(struct holder *h, struct json_writer *reply, struct client_result *result,
                          struct err *e)
{
    const char *server = json_text(json_get(h->args, "server"));
    struct kubeconfig k = { .cluster = h->cluster, .user = h->user };
    const struct json_value *cert;

    if (holder_sign(h, NULL, e))
        return -1;
    cert = json_root(h->reply);
    k.server = server ? server : json_text(json_get(cert, "server"));
    k.ca = json_slice(json_get(cert, "certificate_authority"));
    k.cert = json_slice(json_get(cert, "certificate"));
    k.key = buf_slice(&h->key);
    if (deliver(h, &k, reply, result, e))
        return -1;
    json_put_value(reply, "serial", json_get(cert, "serial"));
    json_put_value(reply, "not_before", json_get(cert, "not_before"));
    json_put_value(reply, "not_after", json_get(cert, "not_after"));
    return 0;
}

/* What the plugin's kubeconfig trusts, and where the API server is. */
struct place {
    struct json *authority, *cluster;
    struct buf server;
};

static void place_clear(struct place *p)
{
    json_free(p->authority);
    json_free(p->cluster);
    buf_clear(&p->server);
}

static int find_place(struct holder *h, struct place *p, struct err *e)
{
    CLEANUP(buf_clear) struct buf authority = { 0 };
    CLEANUP(buf_clear) struct buf cluster = { 0 };
    const char *server = json_text(json_get(h->args, "server"));
    struct slice endpoint;

    client_path(&authority, "/v1/clusters/@/authorities/control-plane", &h->cluster);
    client_path(&cluster, "/v1/clusters/@", &h->cluster);
    if (client_call(h->client, HTTP_GET, buf_str(&authority), slice_of(NULL, 0), &p->authority,
                    e) ||
        client_call(h->client, HTTP_GET, buf_str(&cluster), slice_of(NULL, 0), &p->cluster, e))
        return -1;
    endpoint = json_slice(json_get(json_root(p->cluster), "endpoint"));
    if (server)
        buf_add_str(&p->server, server);
    else if (endpoint.len)
        buf_addf(&p->server, "https://" SLICE_FMT, SLICE_ARG(endpoint));
    else
        return err_set(e, ERR_INVALID,
                       "where the API server of cluster '%s' is was not found when it was adopted: "
                       "say --server https://HOST:PORT",
                       h->cluster);
    return buf_check(&p->server, e);
}

/* argv of the plugin: options first, so that no name is taken for one. */
struct plugin {
    struct buf text; /* what argv points into, NUL-ended pieces */
    size_t at[MAX_GROUPS + 16];
    const char *argv[MAX_GROUPS + 16];
    size_t count;
};

static void plugin_add(struct plugin *p, const char *option, const char *value)
{
    p->at[p->count++] = p->text.len;
    buf_addf(&p->text, "%s%s", option, value);
    buf_add_byte(&p->text, '\0');
}

static void plugin_fill(struct plugin *p, const struct holder *h)
{
    const struct json_value *groups = json_get(h->args, "groups");
    const char *ttl = json_text(json_get(h->args, "ttl"));

    plugin_add(p, h->client->program, "");
    plugin_add(p, "kubeconfig", "");
    plugin_add(p, "credential", "");
    plugin_add(p, "--state=", h->client->state);
    for (size_t i = 0; i < json_len(groups); i++)
        plugin_add(p, "--group=", json_text(json_at(groups, i)));
    if (ttl)
        plugin_add(p, "--ttl=", ttl);
    if (json_bool(json_get(h->args, "privileged"), false))
        plugin_add(p, "--privileged", "");
    plugin_add(p, "--", "");
    plugin_add(p, h->cluster, "");
    plugin_add(p, h->user, "");
    for (size_t i = 0; i < p->count && !p->text.failed; i++)
        p->argv[i] = (const char *)p->text.ptr + p->at[i];
}

/* No request is made yet that would be refused: the file must not promise what its plugin cannot
 * fetch. */
static int check_reserved(const struct holder *h, struct err *e)
{
    bool privileged = json_bool(json_get(h->args, "privileged"), false);
    struct json_iter it = json_iter(json_get(h->args, "groups"));
    const struct json_value *group;
    const char *key;

    if (fence_reserved_name(slice_str(h->user)))
        return err_set(e, ERR_REFUSED,
                       "user name '%s' is reserved: it begins with system: or kubeadm:", h->user);
    while (json_next(&it, &key, &group))
        if (fence_reserved_name(json_slice(group)) &&
            !(privileged && fence_privileged_group(json_slice(group))))
            return err_set(e, ERR_REFUSED, "group '%s' is reserved%s", json_text(group),
                           fence_privileged_group(json_slice(group)) ? ": only with --privileged"
                                                                     : "");
    return 0;
}

/* The server warns when it signs: not now, but whenever the plugin asks. */
static void warn_of_privilege(const struct holder *h)
{
    const struct json_value *groups = json_get(h->args, "groups");
    char text[256];

    for (size_t i = 0; i < json_len(groups); i++) {
        const char *group = json_text(json_at(groups, i));

        if (!fence_privileged_group(slice_str(group)) || !h->client->warn)
            continue;
        (void)snprintf(text, sizeof text,
                       "whoever runs this kubeconfig is '%s' of group %s, which may do everything",
                       h->user, group);
        h->client->warn(text, h->client->ctx);
    }
}

static int issue_exec(struct holder *h, struct json_writer *reply, struct client_result *result,
                      struct err *e)
{
    CLEANUP(place_clear) struct place place = { 0 };
    struct plugin plugin = { 0 };
    int rc;

    if (check_reserved(h, e) || find_place(h, &place, e))
        return -1;
    warn_of_privilege(h);
    plugin_fill(&plugin, h);
    rc = buf_check(&plugin.text, e);
    if (!rc) {
        struct kubeconfig k = {
            .cluster = h->cluster,
            .user = h->user,
            .server = buf_str(&place.server),
            .ca = json_slice(json_get(json_root(place.authority), "bundle")),
            .exec = plugin.argv,
        };

        rc = deliver(h, &k, reply, result, e);
    }
    buf_clear(&plugin.text);
    return rc;
}

int client_kubeconfig_issue(struct client *client, const struct json_value *args,
                            struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(holder_clear) struct holder h = { 0 };

    if (holder_init(&h, client, args, e) || out_file(args, &h.out, e) ||
        (h.out && check_file(&h, h.out, e)))
        return -1;
    return json_bool(json_get(args, "exec"), false) ? issue_exec(&h, reply, result, e)
                                                    : issue_with_key(&h, reply, result, e);
}

/* ---- kubeconfig credential ---- */

/* client-go: pkg/apis/clientauthentication/v1/types.go */
int client_kubeconfig_credential(struct client *client, const struct json_value *args,
                                 struct json_writer *reply, struct client_result *result,
                                 struct err *e)
{
    CLEANUP(holder_clear) struct holder h = { 0 };
    struct json_writer w;

    (void)reply;
    if (holder_init(&h, client, args, e) || holder_sign(&h, "1h", e))
        return -1;
    json_writer_init(&w, &result->stdout_text, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "apiVersion", "client.authentication.k8s.io/v1");
    json_put_text(&w, "kind", "ExecCredential");
    json_put_object(&w, "status");
    json_put_value(&w, "expirationTimestamp", json_get(json_root(h.reply), "not_after"));
    json_put_value(&w, "clientCertificateData", json_get(json_root(h.reply), "certificate"));
    json_put_slice(&w, "clientKeyData", buf_slice(&h.key));
    json_put_end(&w);
    json_put_end(&w);
    buf_add_byte(&result->stdout_text, '\n');
    return buf_check(&result->stdout_text, e);
}
