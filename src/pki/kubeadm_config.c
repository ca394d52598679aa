#include "pki/layout.h"

/* KubeletConfiguration kubelet.config.k8s.io/v1beta1:
 * staging/src/k8s.io/kubelet/config/v1beta1/types.go */
static const char kubelet_config[] =
    "apiVersion: kubelet.config.k8s.io/v1beta1\n"
    "kind: KubeletConfiguration\n"
    "authentication:\n"
    "  anonymous:\n"
    "    enabled: false\n"
    "  webhook:\n"
    "    enabled: true\n"
    "  x509:\n"
    "    clientCAFile: \"{pki}/ca.crt\"\n" /* the control plane's authority alone: nobody else's
                                              client is a kubelet's */
    "authorization:\n"
    "  mode: Webhook\n"
    "cgroupDriver: systemd\n"
    "clusterDNS:\n"
    "- \"{cluster_dns}\"\n"
    "clusterDomain: \"{dns_domain}\"\n"
    "containerRuntimeEndpoint: unix:///run/containerd/containerd.sock\n"
    "tlsCertFile: \"{pki}/kubelet-serving.crt\"\n"
    "tlsPrivateKeyFile: \"{pki}/kubelet-serving.key\"\n";

static const char init_configuration[] = "apiVersion: kubeadm.k8s.io/v1beta4\n"
                                         "kind: InitConfiguration\n"
                                         "localAPIEndpoint:\n"
                                         "  advertiseAddress: \"{address}\"\n"
                                         "  bindPort: {port}\n"
                                         "nodeRegistration:\n"
                                         "  name: \"{name}\"\n"
                                         "  kubeletExtraArgs:\n";

static const char cluster_configuration[] = "---\n"
                                            "apiVersion: kubeadm.k8s.io/v1beta4\n"
                                            "kind: ClusterConfiguration\n"
                                            "clusterName: \"{cluster}\"\n"
                                            "controlPlaneEndpoint: \"{endpoint}\"\n"
                                            "certificatesDir: \"{pki}\"\n"
                                            "networking:\n"
                                            "  serviceSubnet: \"{service_cidr}\"\n"
                                            "  dnsDomain: \"{dns_domain}\"\n";

/* kubeadm mounts the folder of certificates into the API server and the controller manager, not
 * into the scheduler. */
static const char scheduler_volumes[] = "  extraVolumes:\n"
                                        "  - name: poterne-pki\n"
                                        "    hostPath: \"{pki}\"\n"
                                        "    mountPath: \"{pki}\"\n"
                                        "    readOnly: true\n"
                                        "    pathType: DirectoryOrCreate\n";

static const char external_etcd[] = "    caFile: \"{pki}/etcd/ca.crt\"\n"
                                    "    certFile: \"{pki}/apiserver-etcd-client.crt\"\n"
                                    "    keyFile: \"{pki}/apiserver-etcd-client.key\"\n";

void kubelet_config_write(struct buf *out, const struct template_vars *vars)
{
    template_expand(out, vars, kubelet_config);
}

static void write_etcd(struct buf *out, bool local, const struct template_vars *vars)
{
    struct slice servers = slice_str(template_get(vars, "etcd_servers")), url;

    buf_add_str(out, "etcd:\n");
    if (local) {
        buf_add_str(out, "  local:\n    dataDir: /var/lib/etcd\n    extraArgs:\n");
        component_extra_args(out, ETCD, vars, "    ");
        return;
    }
    buf_add_str(out, "  external:\n    endpoints:\n");
    while (slice_cut(&servers, ',', &url))
        buf_addf(out, "    - \"" SLICE_FMT "\"\n", SLICE_ARG(url));
    buf_addf(out, "    - \"" SLICE_FMT "\"\n", SLICE_ARG(servers));
    template_expand(out, vars, external_etcd);
}

static void write_apiserver(struct buf *out, const struct cluster *c,
                            const struct template_vars *vars)
{
    buf_add_str(out, "apiServer:\n");
    if (c->san_count)
        buf_add_str(out, "  certSANs:\n");
    for (size_t i = 0; i < c->san_count; i++)
        buf_addf(out, "  - \"%s\"\n", c->san[i]);
    buf_add_str(out, "  extraArgs:\n");
    component_extra_args(out, KUBE_APISERVER, vars, "  ");
}

void kubeadm_config_write(struct buf *out, const struct cluster *c, const struct machine *m,
                          const struct template_vars *vars)
{
    template_expand(out, vars, init_configuration);
    component_extra_args(out, KUBELET, vars, "  ");
    template_expand(out, vars, cluster_configuration);
    write_etcd(out, machine_runs_etcd(c, m) && (m->roles & MACHINE_CONTROL_PLANE), vars);
    write_apiserver(out, c, vars);
    buf_add_str(out, "controllerManager:\n  extraArgs:\n");
    component_extra_args(out, KUBE_CONTROLLER_MANAGER, vars, "  ");
    buf_add_str(out, "scheduler:\n  extraArgs:\n");
    component_extra_args(out, KUBE_SCHEDULER, vars, "  ");
    template_expand(out, vars, scheduler_volumes);
    buf_add_str(out, "---\n");
    kubelet_config_write(out, vars);
}
