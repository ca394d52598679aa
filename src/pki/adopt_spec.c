#include "pki/adopt_internal.h"

#include "base/alloc.h"
#include "pki/address.h"
#include "pki/cluster_spec.h"
#include <arpa/inet.h>

/*
 * A cluster's description out of its certificates: the API server's names it, the first service
 * address and the DNS domain; kubelet.conf and etcd's name the machine; kubeconfigs the endpoint.
 */
enum { NAMES = 64 };

/* The SANs of a certificate as text, sorted by kind. */
struct names {
    char *dns[NAMES], *ip[NAMES];
    size_t dns_count, ip_count;
};

static void names_clear(struct names *n)
{
    for (size_t i = 0; i < n->dns_count; i++)
        free(n->dns[i]);
    for (size_t i = 0; i < n->ip_count; i++)
        free(n->ip[i]);
}

static void read_names(struct names *n, const struct x509_cert *cert)
{
    struct san_iter it = san_iter(&cert->ext);
    char text[ADDRESS_TEXT];
    struct san san;

    while (san_next(&it, &san)) {
        if (san.type == SAN_DNS && n->dns_count < NAMES)
            n->dns[n->dns_count++] = slice_dup(san.value);
        else if (san.type == SAN_IP && n->ip_count < NAMES &&
                 inet_ntop(san.value.len == 4 ? AF_INET : AF_INET6, san.value.ptr, text,
                           sizeof text))
            n->ip[n->ip_count++] = xstrdup(text);
    }
}

static const struct adopt_leaf *leaf_at(const struct adoption *a, const char *path)
{
    for (size_t i = 0; i < a->leaf_count; i++)
        if (strcmp(adopt_layout_path(a->layout, a->leaf[i].path), path) == 0)
            return &a->leaf[i];
    return NULL;
}

void adopt_common_name(const struct x509_cert *cert, char out[256])
{
    struct slice name = inspect_common_name(cert);

    (void)snprintf(out, 256, SLICE_FMT, SLICE_ARG(name));
}

static int set_field(struct cluster *c, const char *name, const char *text, struct err *e)
{
    for (size_t i = 0; i < spec_field_count; i++)
        if (strcmp(spec_fields[i].name, name) == 0)
            return spec_fields[i].parse(c, text, e);
    return err_set(e, ERR_INTERNAL, "no field '%s'", name);
}

/* ---- the parts ---- */

/* What a cluster has when nothing was said, and what the keys say. */
static int set_defaults(struct adoption *a, struct err *e)
{
    struct cluster *c = &a->spec;

    for (size_t i = 0; i < spec_field_count; i++)
        if (spec_fields[i].fallback && spec_fields[i].parse(c, spec_fields[i].fallback, e))
            return -1;
    (void)snprintf(c->adopted, sizeof c->adopted, "%s", a->layout->name);
    return set_field(c, "name", a->what->name, e);
}

/* Leaves are to have the keys that the cluster has; Ed25519 is refused for kubeadm's sake. */
static void set_key_types(struct adoption *a)
{
    CLEANUP(key_freep) struct key *ca = NULL;
    CLEANUP(key_freep) struct key *sa = NULL;

    if (key_read_public(&ca, a->ca[0].view.spki, NULL) == 0 && key_type(ca) < KEY_MADE_BY_US &&
        key_type(ca) != KEY_ED25519)
        a->spec.key_type = key_type(ca);
    if (a->sa_count && key_read_public(&sa, buf_slice(&a->sa[0].spki), NULL) == 0 &&
        key_type(sa) < KEY_MADE_BY_US)
        (void)!set_field(&a->spec, "service_account_key_type", key_type_name(key_type(sa)), NULL);
}

static void set_domain(struct adoption *a, const struct names *api)
{
    static const char stem[] = "kubernetes.default.svc.";

    for (size_t i = 0; i < api->dns_count; i++)
        if (strncmp(api->dns[i], stem, strlen(stem)) == 0 &&
            set_field(&a->spec, "dns_domain", api->dns[i] + strlen(stem), NULL) == 0)
            return;
    adopt_note(a, NULL, "guessed", "the DNS domain is taken to be %s", a->spec.dns_domain);
}

/* The API server's service address is the first of its network; which network that is, no
 * certificate says. kubeadm writes it as the first address (pkiutil.GetAPIServerAltNames). */
static const char *service_address(const struct adoption *a, const struct names *api)
{
    for (size_t i = 0; i < api->ip_count; i++)
        if (strcmp(api->ip[i], a->layout->service_ip) == 0)
            return api->ip[i];
    return a->layout->kubeadm && api->ip_count ? api->ip[0] : NULL;
}

static bool holds_any(const char *text, const struct names *api, const char *but)
{
    struct cidr cidr;
    struct address ip;

    if (cidr_parse(&cidr, text, "service CIDR", NULL))
        return true;
    for (size_t i = 0; i < api->ip_count; i++)
        if (strcmp(api->ip[i], but) != 0 && address_parse(&ip, api->ip[i], "address", NULL) == 0 &&
            cidr_holds(&cidr, &ip))
            return true;
    return false;
}

/* The largest usual network that begins just before that address and holds none of the others. */
static bool guess_network(struct adoption *a, const struct names *api, const char *first)
{
    static const unsigned prefixes[][2] = { { 16, 108 }, { 20, 112 }, { 24, 116 }, { 28, 124 } };
    struct address ip;
    char base[ADDRESS_TEXT];

    if (address_parse(&ip, first, "address", NULL) || ip.bytes[ip.len - 1] == 0)
        return false;
    ip.bytes[ip.len - 1]--;
    address_format(&ip, base);
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        char text[ADDRESS_TEXT + 8];

        (void)snprintf(text, sizeof text, "%s/%u", base, prefixes[i][ip.len == 16]);
        if (!holds_any(text, api, first) && set_field(&a->spec, "service_cidr", text, NULL) == 0)
            return true;
    }
    return false;
}

static const char *set_network(struct adoption *a, const struct names *api)
{
    const char *first = service_address(a, api);

    if (first && strcmp(first, a->layout->service_ip) == 0 &&
        !holds_any(a->layout->service_cidr, api, first) &&
        set_field(&a->spec, "service_cidr", a->layout->service_cidr, NULL) == 0) {
        adopt_note(a, NULL, "guessed", "services are taken to be in %s: the API server's is %s",
                   a->spec.service_cidr[0], first);
        return first;
    }
    if (first && guess_network(a, api, first)) {
        adopt_note(a, NULL, "guessed", "services are taken to be in %s: the API server's is %s",
                   a->spec.service_cidr[0], first);
        return first;
    }
    (void)!set_field(&a->spec, "service_cidr", a->layout->service_cidr, NULL);
    adopt_note(a, NULL, "guessed", "services are taken to be in %s", a->spec.service_cidr[0]);
    return NULL;
}

/* "https://HOST:PORT/..." to "HOST:PORT". */
static bool set_server(struct adoption *a, const char *url, bool loopback)
{
    struct slice rest = slice_str(url), host;
    CLEANUP(freep) char *text = NULL;

    if (strncmp(url, "https://", 8) != 0)
        return false;
    rest = slice_of(rest.ptr + 8, rest.len - 8);
    if (!slice_cut(&rest, '/', &host))
        host = rest;
    text = slice_dup(host);
    if (host_is_loopback(text) && !loopback)
        return false;
    if (set_field(&a->spec, "endpoint", text, NULL) == 0)
        return true;
    free(text);
    text = xasprintf(SLICE_FMT ":443", SLICE_ARG(host)); /* a URL's default */
    return set_field(&a->spec, "endpoint", text, NULL) == 0;
}

static void set_endpoint(struct adoption *a, const struct names *api, const char *service)
{
    for (size_t i = 0; i < a->server_count; i++)
        if (set_server(a, a->server[i], false))
            return;
    for (size_t i = 0; i < api->ip_count; i++) {
        CLEANUP(freep)
        char *text =
            xasprintf(strchr(api->ip[i], ':') ? "[%s]:%u" : "%s:%u", api->ip[i], a->layout->port);

        if (host_is_loopback(api->ip[i]) || (service && strcmp(api->ip[i], service) == 0) ||
            set_field(&a->spec, "endpoint", text, NULL))
            continue;
        adopt_note(a, NULL, "guessed", "the endpoint is taken to be %s", text);
        return;
    }
    adopt_note(a, NULL, "guessed",
               "no kubeconfig names the endpoint: kubeconfigs cannot be issued without --server");
}

/* ---- the machine ---- */

static const char *node_name(const struct adoption *a, const struct names *api, char cn[256])
{
    static const char stem[] = "system:node:";
    const struct adopt_leaf *member = leaf_at(a, a->layout->member);

    for (size_t i = 0; i < a->leaf_count; i++) {
        adopt_common_name(&a->leaf[i].view, cn);
        if (strncmp(cn, stem, strlen(stem)) == 0)
            return cn + strlen(stem);
    }
    if (member && a->layout->kubeadm) {
        adopt_common_name(&member->view, cn);
        return cn;
    }
    for (size_t i = 0; i < api->dns_count; i++)
        if (strncmp(api->dns[i], "kubernetes", 10) != 0 && !host_is_loopback(api->dns[i]) &&
            strcmp(api->dns[i], a->spec.endpoint_host) != 0)
            return api->dns[i];
    return NULL;
}

static void add_addresses(struct buf *text, const struct names *from, const char *service)
{
    for (size_t i = 0; i < from->ip_count && i < MACHINE_MAX_NAMES; i++)
        if (!host_is_loopback(from->ip[i]) && (!service || strcmp(from->ip[i], service) != 0))
            buf_addf(text, "%c%s", text->len ? ',' : '=', from->ip[i]);
}

/* Of this folder: etcd's certificate has the machine's addresses alone, the API server's also the
 * endpoint's. */
static void set_machine(struct adoption *a, const struct names *api, const char *service)
{
    CLEANUP(names_clear) struct names own = { .dns_count = 0 };
    const struct adopt_leaf *member = leaf_at(a, a->layout->member);
    CLEANUP(buf_clear) struct buf hosts = { 0 };
    CLEANUP(freep) char *text = NULL;
    struct err why = { 0 };
    char cn[256];
    const char *name = node_name(a, api, cn);

    if (member)
        read_names(&own, &member->view);
    add_addresses(&hosts, &own, service);
    if (!hosts.len)
        add_addresses(&hosts, api, service);
    text = xasprintf("%s%s", name ? name : "", buf_str(&hosts));
    a->spec.machine = xcalloc(1, sizeof *a->spec.machine);
    if (!name || !hosts.len || machine_parse(&a->spec.machine[0], text, &why)) {
        adopt_note(a, NULL, "guessed", "the machine of this folder is not known: %s",
                   why.msg[0] ? why.msg : "no certificate names it and its address");
        return;
    }
    a->spec.machine[0].roles = MACHINE_CONTROL_PLANE;
    a->spec.machine_count = 1;
    memcpy(a->machine, a->spec.machine[0].name, sizeof a->machine);
}

/* ---- all together ---- */

static bool has_address(const struct cluster *c, const char *ip)
{
    for (size_t i = 0; i < c->machine_count; i++)
        for (size_t k = 0; k < c->machine[i].address_count; k++)
            if (strcmp(c->machine[i].address[k], ip) == 0)
                return true;
    return false;
}

/* What the API server is called besides what every one is. */
static void add_sans(struct adoption *a, const struct names *api, const char *service)
{
    struct cluster *c = &a->spec;

    for (size_t i = 0; i < api->dns_count; i++)
        if (strcmp(api->dns[i], "kubernetes") != 0 &&
            strncmp(api->dns[i], "kubernetes.default", 18) != 0 &&
            strcmp(api->dns[i], c->endpoint_host) != 0 && !cluster_machine(c, api->dns[i]))
            (void)!spec_add_san(c, api->dns[i], NULL);
    for (size_t i = 0; i < api->ip_count; i++)
        if ((!service || strcmp(api->ip[i], service) != 0) &&
            strcmp(api->ip[i], c->endpoint_host) != 0 && !has_address(c, api->ip[i]))
            (void)!spec_add_san(c, api->ip[i], NULL);
}

/* What fits each other is kept whole; where it does not, the machine is what is left out. */
static void settle(struct adoption *a)
{
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    struct cluster *c = &a->spec;
    struct err why = { 0 };

    (void)snprintf(c->service_account_issuer, sizeof c->service_account_issuer,
                   "https://kubernetes.default.svc.%s", c->dns_domain);
    if (c->machine_count == 0 || cluster_check(c, &warnings, &why) == 0)
        return;
    adopt_note(a, NULL, "guessed", "the machine of this folder is left out: %s", why.msg);
    machine_clear(&c->machine[0]);
    c->machine_count = 0;
}

int adopt_derive(struct adoption *a, struct err *e)
{
    CLEANUP(names_clear) struct names api = { .dns_count = 0 };
    const struct adopt_leaf *leaf = leaf_at(a, a->layout->apiserver);
    const char *service;

    if (set_defaults(a, e))
        return -1;
    if (leaf)
        read_names(&api, &leaf->view);
    set_key_types(a);
    set_domain(a, &api);
    service = set_network(a, &api);
    set_endpoint(a, &api, service);
    set_machine(a, &api, service);
    add_sans(a, &api, service);
    settle(a);
    return 0;
}
