#include "pki/profile.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/name.h"
#include "pki/address.h"
#include "pki/cluster_spec.h"

#define MACHINE_NODE (MACHINE_CONTROL_PLANE | MACHINE_WORKER) /* runs a kubelet */
#define EKU_BOTH (EKU_SERVER | EKU_CLIENT)

/*
 * A leaf is client or server, never both, but for etcd's own two: a member dials its peers with the
 * pair that it serves with, and the gRPC proxy inside of etcd dials the client port with the
 * server's (etcd-io/etcd#9785). ed25519 false: kubeadm reads the key (TryLoadKeyFromDisk: RSA and
 * ECDSA alone) or a browser the certificate.
 */
/* clang-format off */
const struct profile profiles[] = {
    { .name = "apiserver", .role = AUTHORITY_CONTROL_PLANE, .eku = EKU_SERVER,
      .cn = "kube-apiserver", .sans = SANS_APISERVER, .machines = MACHINE_CONTROL_PLANE,
      .help = "the API server, as every client sees it" },
    { .name = "apiserver-kubelet-client", .role = AUTHORITY_CONTROL_PLANE, .eku = EKU_CLIENT,
      .cn = "kube-apiserver-kubelet-client", .machines = MACHINE_CONTROL_PLANE,
      .help = "the API server at kubelets" },
    { .name = "controller-manager", .role = AUTHORITY_CONTROL_PLANE, .eku = EKU_CLIENT,
      .cn = "system:kube-controller-manager", .machines = MACHINE_CONTROL_PLANE, .ed25519 = true,
      .help = "the controller manager at the API server" },
    { .name = "scheduler", .role = AUTHORITY_CONTROL_PLANE, .eku = EKU_CLIENT,
      .cn = "system:kube-scheduler", .machines = MACHINE_CONTROL_PLANE, .ed25519 = true,
      .help = "the scheduler at the API server" },
    { .name = "controller-manager-serving", .role = AUTHORITY_CONTROL_PLANE, .eku = EKU_SERVER,
      .cn = "kube-controller-manager", .sans = SANS_LOCAL, .machines = MACHINE_CONTROL_PLANE,
      .ed25519 = true,
      .help = "the controller manager's own port: health, metrics" },
    { .name = "scheduler-serving", .role = AUTHORITY_CONTROL_PLANE, .eku = EKU_SERVER,
      .cn = "kube-scheduler", .sans = SANS_LOCAL, .machines = MACHINE_CONTROL_PLANE,
      .ed25519 = true,
      .help = "the scheduler's own port: health, metrics" },
    { .name = "extension-serving", .role = AUTHORITY_CONTROL_PLANE, .eku = EKU_SERVER,
      .subject = SUBJECT_SERVICE, .cn = "", .sans = SANS_SERVICE, .ed25519 = true,
      .help = "an aggregated API server or an admission webhook, under its service's name" },
    { .name = "konnectivity-server", .role = AUTHORITY_CONTROL_PLANE, .eku = EKU_SERVER,
      .cn = "konnectivity-server", .sans = SANS_LOCAL, .machines = MACHINE_CONTROL_PLANE,
      .ed25519 = true,
      .help = "konnectivity server, the face to the API server" },
    { .name = "konnectivity-server-agents", .role = AUTHORITY_CONTROL_PLANE, .eku = EKU_SERVER,
      .cn = "konnectivity-server", .sans = SANS_MACHINE, .machines = MACHINE_CONTROL_PLANE,
      .ed25519 = true,
      .help = "konnectivity server, the face to agents" },
    { .name = "konnectivity-client", .role = AUTHORITY_CONTROL_PLANE, .eku = EKU_CLIENT,
      .cn = "konnectivity-client", .machines = MACHINE_CONTROL_PLANE, .ed25519 = true,
      .help = "the API server at konnectivity's server" },

    { .name = "kubelet-client", .role = AUTHORITY_KUBELET, .eku = EKU_CLIENT,
      .subject = SUBJECT_MACHINE, .cn = "system:node:", .org = "system:nodes",
      .machines = MACHINE_NODE, .ed25519 = true,
      .help = "a kubelet at the API server" },
    { .name = "kubelet-serving", .role = AUTHORITY_KUBELET, .eku = EKU_SERVER,
      .subject = SUBJECT_MACHINE, .cn = "system:node:", .org = "system:nodes",
      .sans = SANS_MACHINE, .machines = MACHINE_NODE, .ed25519 = true,
      .help = "a kubelet's own port: logs, exec, metrics" },
    { .name = "konnectivity-agent", .role = AUTHORITY_KUBELET, .eku = EKU_CLIENT,
      .subject = SUBJECT_MACHINE, .cn = "konnectivity-agent:", .machines = MACHINE_NODE,
      .ed25519 = true,
      .help = "a konnectivity agent at its server" },

    { .name = "admin", .role = AUTHORITY_OPERATORS, .eku = EKU_CLIENT, .cn = "kubernetes-admin",
      .org = "kubeadm:cluster-admins", .machines = MACHINE_CONTROL_PLANE, .ed25519 = true,
      .help = "admin.conf: administrator by a role binding that can be taken away" },
    { .name = "super-admin", .role = AUTHORITY_OPERATORS, .eku = EKU_CLIENT,
      .cn = "kubernetes-super-admin", .org = "system:masters", .machines = MACHINE_CONTROL_PLANE,
      .ed25519 = true,
      .help = "super-admin.conf: administrator whatever RBAC says; keep it offline" },
    { .name = "operator", .role = AUTHORITY_OPERATORS, .eku = EKU_CLIENT, .subject = SUBJECT_USER,
      .cn = "", .default_ttl = HOURS(8), .ed25519 = true,
      .help = "a person, for hours" },

    { .name = "etcd-server", .role = AUTHORITY_ETCD, .eku = EKU_BOTH, .subject = SUBJECT_MACHINE,
      .cn = "", .sans = SANS_LOCAL, .machines = MACHINE_ETCD,
      .help = "an etcd member's port for clients" },
    { .name = "etcd-peer", .role = AUTHORITY_ETCD, .eku = EKU_BOTH, .subject = SUBJECT_MACHINE,
      .cn = "", .sans = SANS_PEER, .machines = MACHINE_ETCD,
      .help = "an etcd member among its peers" },
    { .name = "etcd-healthcheck-client", .role = AUTHORITY_ETCD, .eku = EKU_CLIENT,
      .cn = "kube-etcd-healthcheck-client", .machines = MACHINE_ETCD,
      .help = "the liveness probe of etcd" },
    { .name = "apiserver-etcd-client", .role = AUTHORITY_ETCD, .eku = EKU_CLIENT,
      .cn = "kube-apiserver-etcd-client", .machines = MACHINE_CONTROL_PLANE,
      .help = "the API server at etcd" },

    { .name = "front-proxy-client", .role = AUTHORITY_AGGREGATION, .eku = EKU_CLIENT,
      .cn = "front-proxy-client", .machines = MACHINE_CONTROL_PLANE,
      .help = "the API server at aggregated ones; it may name any user there" },
};
/* clang-format on */
const size_t profile_count = ARRAY_LEN(profiles);

const struct profile *profile_find(const char *name)
{
    for (size_t i = 0; i < profile_count; i++)
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}

/* ---- SANs ---- */

void san_set_clear(struct san_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        buf_clear(&set->bytes[i]);
    set->count = 0;
}

static int add_san(struct san_set *set, enum san_type type, struct slice value, struct err *e)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->san[i].type == type && slice_eq(set->san[i].value, value))
            return 0;
    if (set->count == X509_MAX_SANS)
        return err_set(e, ERR_LIMIT, "more than %d SANs", X509_MAX_SANS);
    set->bytes[set->count] = (struct buf){ 0 };
    buf_add_slice(&set->bytes[set->count], value);
    set->san[set->count] = (struct san){ type, buf_slice(&set->bytes[set->count]) };
    set->count++;
    return 0;
}

static int add_dns(struct san_set *set, const char *name, struct err *e)
{
    return add_san(set, SAN_DNS, slice_str(name), e);
}

static int add_ip(struct san_set *set, const char *text, struct err *e)
{
    struct address a;

    if (address_parse(&a, text, "address", e))
        return -1;
    return add_san(set, SAN_IP, slice_of(a.bytes, a.len), e);
}

static int add_machine_names(struct san_set *set, const struct machine *m, struct err *e)
{
    if (add_dns(set, m->name, e))
        return -1;
    for (size_t i = 0; i < m->dns_count; i++)
        if (add_dns(set, m->dns[i], e))
            return -1;
    return 0;
}

static int add_machine_addresses(struct san_set *set, const struct machine *m, struct err *e)
{
    for (size_t i = 0; i < m->address_count; i++)
        if (add_ip(set, m->address[i], e))
            return -1;
    return 0;
}

/* Those of kubeadm: cmd/kubeadm/app/util/pkiutil, GetAPIServerAltNames. */
static int add_apiserver_names(struct san_set *set, const struct cluster *c, struct err *e)
{
    char domain[320];

    (void)snprintf(domain, sizeof domain, "kubernetes.default.svc.%s", c->dns_domain);
    if (add_dns(set, "kubernetes", e) || add_dns(set, "kubernetes.default", e) ||
        add_dns(set, "kubernetes.default.svc", e) || add_dns(set, domain, e))
        return -1;
    if (c->endpoint_host[0] && !address_looks(c->endpoint_host) &&
        add_dns(set, c->endpoint_host, e))
        return -1;
    for (size_t i = 0; i < c->san_count; i++)
        if (!address_looks(c->san[i]) && add_dns(set, c->san[i], e))
            return -1;
    return 0;
}

static int add_apiserver_addresses(struct san_set *set, const struct cluster *c, struct err *e)
{
    for (size_t i = 0; i < 2 && c->service_cidr[i][0]; i++) {
        char first[64];

        if (cluster_service_ip(c->service_cidr[i], 1, first, e) || add_ip(set, first, e))
            return -1;
    }
    if (address_looks(c->endpoint_host) && add_ip(set, c->endpoint_host, e))
        return -1;
    for (size_t i = 0; i < c->san_count; i++)
        if (address_looks(c->san[i]) && add_ip(set, c->san[i], e))
            return -1;
    return 0;
}

static int add_local(struct san_set *set, struct err *e)
{
    static const uint8_t v6[16] = { [15] = 1 };

    if (add_san(set, SAN_IP, slice_of((const uint8_t[]){ 127, 0, 0, 1 }, 4), e))
        return -1;
    return add_san(set, SAN_IP, slice_of(v6, sizeof v6), e);
}

/* Names first, then addresses. */
static int fill_sans(struct san_set *set, enum profile_sans sans, const struct cluster *c,
                     const struct machine *m, struct err *e)
{
    bool local = sans == SANS_LOCAL || sans == SANS_PEER;
    char peer[128];

    cluster_peer_name(c, peer);
    if (add_machine_names(set, m, e) ||
        (sans == SANS_APISERVER && add_apiserver_names(set, c, e)) ||
        (local && add_dns(set, "localhost", e)) || (sans == SANS_PEER && add_dns(set, peer, e)) ||
        add_machine_addresses(set, m, e) || (local && add_local(set, e)))
        return -1;
    return sans == SANS_APISERVER ? add_apiserver_addresses(set, c, e) : 0;
}

int profile_sans(struct san_set *ret, const struct profile *profile, const struct cluster *cluster,
                 const struct machine *machine, struct err *e)
{
    san_set_clear(ret);
    if (profile->sans == SANS_NONE || profile->sans == SANS_SERVICE)
        return 0;
    if (!machine)
        return err_set(e, ERR_INVALID, "profile '%s' is for a machine: name it", profile->name);
    if (fill_sans(ret, profile->sans, cluster, machine, e)) {
        san_set_clear(ret);
        return -1;
    }
    return 0;
}

/* ---- subjects ---- */

void subject_parts(struct buf *out, const struct cluster *c, enum subject_rank from,
                   enum subject_rank to)
{
    static const enum name_attr attrs[] = { [RANK_C] = NAME_C,
                                            [RANK_ST] = NAME_ST,
                                            [RANK_L] = NAME_L,
                                            [RANK_O] = NAME_O,
                                            [RANK_OU] = NAME_OU };

    for (size_t i = 0; i < c->subject_count; i++) {
        enum subject_rank rank = subject_rank(c->subject[i].attr);

        if (rank >= from && rank <= to)
            name_add(out, attrs[rank], slice_str(c->subject[i].value));
    }
}

/* A common name has 64 characters at most (RFC 5280 appendix A.1, ub-common-name), an O too. */
static int check_length(const char *what, const char *text, struct err *e)
{
    if (strlen(text) > 64)
        return err_set(e, ERR_INVALID, "%s '%.80s' is %zu characters long: a certificate holds 64",
                       what, text, strlen(text));
    return 0;
}

int profile_subject(struct buf *ret, const struct profile *profile, const struct cluster *cluster,
                    const struct profile_holder *holder, struct err *e)
{
    CLEANUP(freep)
    char *cn =
        xasprintf("%s%s", profile->cn, profile->subject == SUBJECT_FIXED ? "" : holder->name);
    size_t mark;

    if (check_length("common name", cn, e))
        return -1;
    for (size_t i = 0; i < holder->group_count; i++)
        if (check_length("group", holder->groups[i], e))
            return -1;
    mark = name_begin(ret);
    subject_parts(ret, cluster, RANK_C, RANK_L);
    if (profile->org)
        name_add(ret, NAME_O, slice_str(profile->org));
    for (size_t i = 0; i < holder->group_count; i++)
        name_add(ret, NAME_O, slice_str(holder->groups[i]));
    subject_parts(ret, cluster, RANK_OU, RANK_OU);
    name_add(ret, NAME_CN, slice_str(cn));
    name_end(ret, mark);
    return buf_check(ret, e);
}
