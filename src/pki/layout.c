#include "pki/layout.h"

#include "pki/address.h"

#define ENDPOINT "{endpoint_url}"
#define OWN_API                                                                                    \
    "{api_url}" /* a control plane's own components ask their own API server, as kubeadm has it */

/* clang-format off */
const struct leaf_slot leaf_slots[] = {
    { "apiserver",                 "apiserver",                 "pki/apiserver",                 NEED_CONTROL_PLANE, NULL, NULL },
    { "apiserver-kubelet-client",  "apiserver-kubelet-client",  "pki/apiserver-kubelet-client",  NEED_CONTROL_PLANE, NULL, NULL },
    { "apiserver-etcd-client",     "apiserver-etcd-client",     "pki/apiserver-etcd-client",     NEED_CONTROL_PLANE, NULL, NULL },
    { "front-proxy-client",        "front-proxy-client",        "pki/front-proxy-client",        NEED_CONTROL_PLANE, NULL, NULL },
    { "controller-manager-serving","controller-manager-serving","pki/controller-manager-serving",NEED_CONTROL_PLANE, NULL, NULL },
    { "scheduler-serving",         "scheduler-serving",         "pki/scheduler-serving",         NEED_CONTROL_PLANE, NULL, NULL },
    { "etcd-server",               "etcd-server",               "pki/etcd/server",               NEED_ETCD,          NULL, NULL },
    { "etcd-peer",                 "etcd-peer",                 "pki/etcd/peer",                 NEED_ETCD,          NULL, NULL },
    { "etcd-healthcheck-client",   "etcd-healthcheck-client",   "pki/etcd/healthcheck-client",   NEED_ETCD,          NULL, NULL },
    { "kubelet-serving",           "kubelet-serving",           "pki/kubelet-serving",           NEED_NODE,          NULL, NULL },
    { "admin",                     "admin",                     "pki/admin",                     NEED_CONTROL_PLANE, "admin.conf",              ENDPOINT },
    { "super-admin",               "super-admin",               "pki/super-admin",               NEED_FIRST,         "super-admin.conf",        ENDPOINT },
    { "controller-manager",        "controller-manager",        "pki/controller-manager",        NEED_CONTROL_PLANE, "controller-manager.conf", OWN_API },
    { "scheduler",                 "scheduler",                 "pki/scheduler",                 NEED_CONTROL_PLANE, "scheduler.conf",          OWN_API },
    { "kubelet",                   "kubelet-client",            "pki/kubelet-client",            NEED_NODE,          "kubelet.conf",            ENDPOINT },
};
/* clang-format on */
const size_t leaf_slot_count = ARRAY_LEN(leaf_slots);

static const struct machine *first_control_plane(const struct cluster *c)
{
    for (size_t i = 0; i < c->machine_count; i++)
        if (c->machine[i].roles & MACHINE_CONTROL_PLANE)
            return &c->machine[i];
    return NULL;
}

unsigned layout_needs(const struct cluster *c, const struct machine *m)
{
    unsigned needs = 0;

    if (m->roles & MACHINE_CONTROL_PLANE)
        needs |= NEED_CONTROL_PLANE;
    if (m == first_control_plane(c))
        needs |= NEED_FIRST;
    if (machine_runs_etcd(c, m))
        needs |= NEED_ETCD;
    if (m->roles & (MACHINE_CONTROL_PLANE | MACHINE_WORKER))
        needs |= NEED_NODE;
    return needs;
}

static bool is_ipv6(const char *address)
{
    return strchr(address, ':') != NULL;
}

/* An address as URLs and HOST:PORT have it. */
static const char *url_host(const char *address, char out[64])
{
    snprintf(out, 64, is_ipv6(address) ? "[%s]" : "%s", address);
    return out;
}

/* The endpoint names one of the machines itself, not a load balancer before them. */
static bool endpoint_is_machine(const struct cluster *c)
{
    if (strcmp(c->endpoint_host, "localhost") == 0)
        return true;
    for (size_t i = 0; i < c->machine_count; i++) {
        const struct machine *m = &c->machine[i];

        if (!(m->roles & MACHINE_CONTROL_PLANE))
            continue;
        for (size_t j = 0; j < m->address_count; j++)
            if (strcmp(m->address[j], c->endpoint_host) == 0)
                return true;
        for (size_t j = 0; j < m->dns_count; j++)
            if (strcasecmp(m->dns[j], c->endpoint_host) == 0)
                return true;
    }
    return false;
}

static void set_etcd(struct template_vars *vars, const struct cluster *c, const struct machine *m)
{
    CLEANUP(buf_clear) struct buf members = { 0 };
    CLEANUP(buf_clear) struct buf servers = { 0 };
    const char *address = m->address[0];
    char host[64];

    if (machine_runs_etcd(c, m)) /* its own member first: no hop while it lives */
        buf_addf(&servers, "https://%s:2379", url_host(address, host));
    for (size_t i = 0; i < c->machine_count; i++) {
        const struct machine *other = &c->machine[i];

        if (!machine_runs_etcd(c, other))
            continue;
        url_host(other->address[0], host);
        buf_addf(&members, "%s%s=https://%s:2380", members.len ? "," : "", other->name, host);
        if (other != m)
            buf_addf(&servers, "%shttps://%s:2379", servers.len ? "," : "", host);
    }
    url_host(address, host);
    template_set(vars, "etcd_client_url", "https://%s:2379", host);
    template_set(vars, "etcd_peer_url", "https://%s:2380", host);
    template_set(vars, "etcd_initial_cluster", "%s", buf_str(&members));
    template_set(vars, "etcd_servers", "%s", buf_str(&servers));
    /* Beside its address a member listens on loopback, unless its address is one (several on one
     * host). */
    if (host_is_loopback(address))
        template_set(vars, "etcd_listen_client", "https://%s:2379", host);
    else
        template_set(vars, "etcd_listen_client", "https://%s:2379,https://%s:2379",
                     is_ipv6(address) ? "[::1]" : "127.0.0.1", host);
    template_set(vars, "etcd_metrics", "http://%s:2381",
                 host_is_loopback(address) ? host
                 : is_ipv6(address)        ? "[::1]"
                                           : "127.0.0.1");
}

/* On a dual-stack cluster a kubelet names an address of each family, its first one first. */
static void set_node_ip(struct template_vars *vars, const struct cluster *c,
                        const struct machine *m)
{
    for (size_t i = 1; c->service_cidr[1][0] && i < m->address_count; i++)
        if (is_ipv6(m->address[i]) != is_ipv6(m->address[0])) {
            template_set(vars, "node_ip", "%s,%s", m->address[0], m->address[i]);
            return;
        }
    template_set(vars, "node_ip", "%s", m->address[0]);
}

static void set_addresses(struct template_vars *vars, const struct cluster *c,
                          const struct machine *m)
{
    const char *address = m->address[0];
    unsigned port = endpoint_is_machine(c) ? c->endpoint_port : 6443;
    char host[64], endpoint[300];

    snprintf(endpoint, sizeof endpoint, is_ipv6(c->endpoint_host) ? "[%s]:%u" : "%s:%u",
             c->endpoint_host, c->endpoint_port);
    url_host(address, host);
    template_set(vars, "address", "%s", address);
    template_set(vars, "port", "%u", port);
    template_set(vars, "api_url", "https://%s:%u", host, port);
    template_set(vars, "endpoint", "%s", endpoint);
    template_set(vars, "endpoint_url", "https://%s", endpoint);
    template_set(vars, "api_bind", "%s",
                 host_is_loopback(address) ? address
                 : is_ipv6(address)        ? "::"
                                           : "0.0.0.0");
    template_set(vars, "local_bind", "%s",
                 host_is_loopback(address) ? address
                 : is_ipv6(address)        ? "::1"
                                           : "127.0.0.1");
}

int layout_vars(struct template_vars *vars, const struct cluster *c, const struct machine *m,
                const char *prefix, struct err *e)
{
    char dns_ip[64], peer[128];

    if (cluster_service_ip(c->service_cidr[0], 10, dns_ip, e))
        return -1;
    cluster_peer_name(c, peer);
    if (c->adopted[0]) /* members that run on have peer certificates without that name */
        peer[0] = '\0';
    set_addresses(vars, c, m);
    set_node_ip(vars, c, m);
    set_etcd(vars, c, m);
    template_set(vars, "prefix", "%s", prefix);
    template_set(vars, "pki", "%s/pki", prefix);
    template_set(vars, "name", "%s", m->name);
    template_set(vars, "cluster", "%s", c->name);
    template_set(vars, "peer_name", "%s", peer);
    template_set(vars, "service_cidr", c->service_cidr[1][0] ? "%s,%s" : "%s", c->service_cidr[0],
                 c->service_cidr[1]);
    template_set(vars, "dns_domain", "%s", c->dns_domain);
    template_set(vars, "cluster_dns", "%s", dns_ip);
    template_set(vars, "issuer", "%s", c->service_account_issuer);
    return 0;
}
