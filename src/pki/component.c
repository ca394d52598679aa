#include "pki/layout.h"

/*
 * What each component must be started with to use these certificates and addresses, and no more:
 * everything else stays its default. Flags as of Kubernetes 1.31 to 1.36 and etcd 3.5 and 3.6
 * (contracts: kubernetes/cmd/kube-apiserver/app/options, etcd server/embed/config.go).
 */
enum flag_use {
    ALWAYS = 0,
    KUBEADM_TOO = 1 << 0, /* also among kubeadm.yaml's extraArgs: kubeadm would say something else,
                             or nothing */
};
struct flag {
    enum component component;
    const char *name, *value;
    unsigned use;
};

/* clang-format off */
static const struct flag flags[] = {
    { ETCD, "name",                        "{name}", ALWAYS },
    { ETCD, "data-dir",                    "/var/lib/etcd", ALWAYS },
    { ETCD, "listen-client-urls",          "{etcd_listen_client}", ALWAYS },
    { ETCD, "advertise-client-urls",       "{etcd_client_url}", ALWAYS },
    { ETCD, "listen-peer-urls",            "{etcd_peer_url}", ALWAYS },
    { ETCD, "initial-advertise-peer-urls", "{etcd_peer_url}", ALWAYS },
    { ETCD, "initial-cluster",             "{etcd_initial_cluster}", ALWAYS },
    { ETCD, "initial-cluster-state",       "new", ALWAYS },
    { ETCD, "initial-cluster-token",       "{cluster}", ALWAYS },
    { ETCD, "listen-metrics-urls",         "{etcd_metrics}", ALWAYS },
    { ETCD, "cert-file",                   "{pki}/etcd/server.crt", ALWAYS },
    { ETCD, "key-file",                    "{pki}/etcd/server.key", ALWAYS },
    { ETCD, "client-cert-auth",            "true", ALWAYS },
    { ETCD, "trusted-ca-file",             "{pki}/etcd/ca.crt", ALWAYS },
    { ETCD, "peer-cert-file",              "{pki}/etcd/peer.crt", ALWAYS },
    { ETCD, "peer-key-file",               "{pki}/etcd/peer.key", ALWAYS },
    { ETCD, "peer-client-cert-auth",       "true", ALWAYS },
    { ETCD, "peer-trusted-ca-file",        "{pki}/etcd/ca.crt", ALWAYS },
    /* without it every leaf of etcd's authority could join as a member */
    { ETCD, "peer-cert-allowed-hostname",  "{peer_name}", KUBEADM_TOO },

    { KUBE_APISERVER, "advertise-address",             "{address}", ALWAYS },
    { KUBE_APISERVER, "bind-address",                  "{api_bind}", ALWAYS },
    { KUBE_APISERVER, "secure-port",                   "{port}", ALWAYS },
    { KUBE_APISERVER, "allow-privileged",              "true", ALWAYS },
    { KUBE_APISERVER, "authorization-mode",            "Node,RBAC", ALWAYS },
    { KUBE_APISERVER, "enable-admission-plugins",      "NodeRestriction", ALWAYS },
    { KUBE_APISERVER, "enable-bootstrap-token-auth",   "true", ALWAYS },
    { KUBE_APISERVER, "client-ca-file",                "{pki}/client-ca-bundle.crt", KUBEADM_TOO },
    { KUBE_APISERVER, "tls-cert-file",                 "{pki}/apiserver.crt", ALWAYS },
    { KUBE_APISERVER, "tls-private-key-file",          "{pki}/apiserver.key", ALWAYS },
    { KUBE_APISERVER, "kubelet-certificate-authority", "{pki}/kubelet-ca.crt", KUBEADM_TOO },
    { KUBE_APISERVER, "kubelet-client-certificate",    "{pki}/apiserver-kubelet-client.crt", ALWAYS },
    { KUBE_APISERVER, "kubelet-client-key",            "{pki}/apiserver-kubelet-client.key", ALWAYS },
    { KUBE_APISERVER, "kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname", ALWAYS },
    { KUBE_APISERVER, "etcd-servers",                  "{etcd_servers}", ALWAYS },
    { KUBE_APISERVER, "etcd-cafile",                   "{pki}/etcd/ca.crt", ALWAYS },
    { KUBE_APISERVER, "etcd-certfile",                 "{pki}/apiserver-etcd-client.crt", ALWAYS },
    { KUBE_APISERVER, "etcd-keyfile",                  "{pki}/apiserver-etcd-client.key", ALWAYS },
    { KUBE_APISERVER, "proxy-client-cert-file",        "{pki}/front-proxy-client.crt", ALWAYS },
    { KUBE_APISERVER, "proxy-client-key-file",         "{pki}/front-proxy-client.key", ALWAYS },
    { KUBE_APISERVER, "requestheader-client-ca-file",  "{pki}/front-proxy-ca.crt", ALWAYS },
    /* empty, it would let any certificate of the aggregation authority name any user */
    { KUBE_APISERVER, "requestheader-allowed-names",   "front-proxy-client", KUBEADM_TOO },
    { KUBE_APISERVER, "requestheader-username-headers", "X-Remote-User", ALWAYS },
    { KUBE_APISERVER, "requestheader-group-headers",   "X-Remote-Group", ALWAYS },
    { KUBE_APISERVER, "requestheader-extra-headers-prefix", "X-Remote-Extra-", ALWAYS },
    { KUBE_APISERVER, "service-account-issuer",        "{issuer}", KUBEADM_TOO },
    { KUBE_APISERVER, "service-account-key-file",      "{pki}/sa.pub", ALWAYS },
    { KUBE_APISERVER, "service-account-signing-key-file", "{pki}/sa.key", ALWAYS },
    { KUBE_APISERVER, "service-cluster-ip-range",      "{service_cidr}", ALWAYS },

    { KUBE_CONTROLLER_MANAGER, "kubeconfig",                "{prefix}/controller-manager.conf", ALWAYS },
    { KUBE_CONTROLLER_MANAGER, "authentication-kubeconfig", "{prefix}/controller-manager.conf", ALWAYS },
    { KUBE_CONTROLLER_MANAGER, "authorization-kubeconfig",  "{prefix}/controller-manager.conf", ALWAYS },
    { KUBE_CONTROLLER_MANAGER, "bind-address",              "{local_bind}", ALWAYS },
    { KUBE_CONTROLLER_MANAGER, "leader-elect",              "true", ALWAYS },
    { KUBE_CONTROLLER_MANAGER, "controllers",               "*,bootstrapsigner,tokencleaner", ALWAYS },
    { KUBE_CONTROLLER_MANAGER, "cluster-name",              "{cluster}", ALWAYS },
    { KUBE_CONTROLLER_MANAGER, "use-service-account-credentials", "true", ALWAYS },
    { KUBE_CONTROLLER_MANAGER, "root-ca-file",              "{pki}/ca.crt", ALWAYS },
    { KUBE_CONTROLLER_MANAGER, "service-account-private-key-file", "{pki}/sa.key", ALWAYS },
    { KUBE_CONTROLLER_MANAGER, "client-ca-file",            "{pki}/client-ca-bundle.crt", KUBEADM_TOO },
    { KUBE_CONTROLLER_MANAGER, "requestheader-client-ca-file", "{pki}/front-proxy-ca.crt", ALWAYS },
    { KUBE_CONTROLLER_MANAGER, "requestheader-allowed-names", "front-proxy-client", KUBEADM_TOO },
    { KUBE_CONTROLLER_MANAGER, "tls-cert-file",             "{pki}/controller-manager-serving.crt", KUBEADM_TOO },
    { KUBE_CONTROLLER_MANAGER, "tls-private-key-file",      "{pki}/controller-manager-serving.key", KUBEADM_TOO },
    { KUBE_CONTROLLER_MANAGER, "service-cluster-ip-range",  "{service_cidr}", ALWAYS },

    { KUBE_SCHEDULER, "kubeconfig",                "{prefix}/scheduler.conf", ALWAYS },
    { KUBE_SCHEDULER, "authentication-kubeconfig", "{prefix}/scheduler.conf", ALWAYS },
    { KUBE_SCHEDULER, "authorization-kubeconfig",  "{prefix}/scheduler.conf", ALWAYS },
    { KUBE_SCHEDULER, "bind-address",              "{local_bind}", ALWAYS },
    { KUBE_SCHEDULER, "leader-elect",              "true", ALWAYS },
    { KUBE_SCHEDULER, "client-ca-file",            "{pki}/client-ca-bundle.crt", KUBEADM_TOO },
    { KUBE_SCHEDULER, "requestheader-client-ca-file", "{pki}/front-proxy-ca.crt", KUBEADM_TOO },
    { KUBE_SCHEDULER, "requestheader-allowed-names", "front-proxy-client", KUBEADM_TOO },
    { KUBE_SCHEDULER, "tls-cert-file",             "{pki}/scheduler-serving.crt", KUBEADM_TOO },
    { KUBE_SCHEDULER, "tls-private-key-file",      "{pki}/scheduler-serving.key", KUBEADM_TOO },

    { KUBELET, "config",            "{prefix}/kubelet.yaml", ALWAYS },
    { KUBELET, "kubeconfig",        "{prefix}/kubelet.conf", ALWAYS },
    { KUBELET, "hostname-override", "{name}", ALWAYS },
    { KUBELET, "node-ip",           "{node_ip}", KUBEADM_TOO },
};

static const struct {
    const char *name, *title, *after, *type;
    unsigned need;
} components[COMPONENTS] = {
    [ETCD]                    = { "etcd", "etcd, the store of Kubernetes", "network-online.target", "notify", NEED_ETCD },
    [KUBE_APISERVER]          = { "kube-apiserver", "Kubernetes API server", "network-online.target etcd.service", "notify", NEED_CONTROL_PLANE },
    [KUBE_CONTROLLER_MANAGER] = { "kube-controller-manager", "Kubernetes controller manager", "kube-apiserver.service", "simple", NEED_CONTROL_PLANE },
    [KUBE_SCHEDULER]          = { "kube-scheduler", "Kubernetes scheduler", "kube-apiserver.service", "simple", NEED_CONTROL_PLANE },
    [KUBELET]                 = { "kubelet", "Kubernetes node agent", "network-online.target containerd.service", "simple", NEED_NODE },
};
/* clang-format on */

const char *component_name(enum component component)
{
    return components[component].name;
}

unsigned component_need(enum component component)
{
    return components[component].need;
}

/* Whether the i-th row is this component's and says something here; its value. A value that comes
 * out empty means that the flag does not apply: of an adopted cluster's etcd, say. */
static bool flag_applies(size_t i, enum component component, const struct template_vars *vars,
                         struct buf *value)
{
    buf_reset(value);
    if (flags[i].component != component)
        return false;
    template_expand(value, vars, flags[i].value);
    return value->len > 0;
}

void component_flags(struct buf *out, enum component component, const struct template_vars *vars)
{
    CLEANUP(buf_clear) struct buf value = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (flag_applies(i, component, vars, &value))
            buf_addf(out, "--%s=%s\n", flags[i].name, buf_str(&value));
}

void component_extra_args(struct buf *out, enum component component,
                          const struct template_vars *vars, const char *indent)
{
    CLEANUP(buf_clear) struct buf value = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (flag_applies(i, component, vars, &value) && flags[i].use & KUBEADM_TOO)
            buf_addf(out, "%s- name: %s\n%s  value: \"%s\"\n", indent, flags[i].name, indent,
                     buf_str(&value));
}

void component_unit(struct buf *out, enum component component, const struct template_vars *vars)
{
    CLEANUP(buf_clear) struct buf value = { 0 };

    buf_addf(out, "[Unit]\nDescription=%s\nAfter=%s\nWants=network-online.target\n\n",
             components[component].title, components[component].after);
    buf_addf(out, "[Service]\nType=%s\nExecStart=%s", components[component].type,
             components[component].name);
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        /* no value of the table or of a checked cluster holds white space, '%', '$' or a quote */
        if (flag_applies(i, component, vars, &value))
            buf_addf(out, " \\\n    --%s=%s", flags[i].name, buf_str(&value));
    buf_add_str(out, "\nRestart=always\nRestartSec=2\nLimitNOFILE=1048576\n");
    if (component == KUBELET)
        buf_add_str(out, "KillMode=process\n"); /* pods outlive a restart of the kubelet */
    buf_add_str(out, "\n[Install]\nWantedBy=multi-user.target\n");
}
