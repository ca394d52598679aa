#ifndef PKI_LAYOUT_H
#define PKI_LAYOUT_H

#include "pki/plan.h"
#include "pki/template.h"

/*
 * The tables of the layouts, and what fills them. Inside of pki only: plan.c puts it together.
 */

/* What a machine is, as far as files go. */
enum need {
    NEED_CONTROL_PLANE = 1 << 0,
    NEED_FIRST = 1 << 1, /* the first control-plane machine: kubeadm init runs there */
    NEED_ETCD = 1 << 2,  /* runs a member */
    NEED_NODE = 1 << 3,  /* runs a kubelet: control plane and workers */
};
unsigned layout_needs(const struct cluster *c, const struct machine *m);

/* A leaf of a machine: where it lives and, for a client of the API server, its kubeconfig. */
struct leaf_slot {
    const char *slot; /* of the ledger */
    const char *profile;
    const char *path; /* of .crt and .key, relative; of a kubeconfig's leaf: where layouts that use
                         files put it */
    unsigned need;
    const char *kubeconfig; /* "admin.conf" or NULL */
    const char *server;     /* template of its server URL */
};
extern const struct leaf_slot leaf_slots[];
extern const size_t leaf_slot_count;

/* Every {NAME} of the tables, for one machine. */
int layout_vars(struct template_vars *vars, const struct cluster *c, const struct machine *m,
                const char *prefix, struct err *e) MUST_CHECK;

/* The components and their flags; a row applies when the machine has all of `need`. */
enum component {
    ETCD,
    KUBE_APISERVER,
    KUBE_CONTROLLER_MANAGER,
    KUBE_SCHEDULER,
    KUBELET,
    COMPONENTS
};
const char *component_name(enum component component);
unsigned component_need(enum component component);
/* "--name=value\n" for each flag, in the table's order. */
void component_flags(struct buf *out, enum component component, const struct template_vars *vars);
/* The same as kubeadm's extraArgs: only what kubeadm does not set by itself; indented. */
void component_extra_args(struct buf *out, enum component component,
                          const struct template_vars *vars, const char *indent);
/* A unit of systemd that starts it. */
void component_unit(struct buf *out, enum component component, const struct template_vars *vars);

void kubelet_config_write(struct buf *out, const struct template_vars *vars);
void kubeadm_config_write(struct buf *out, const struct cluster *c, const struct machine *m,
                          const struct template_vars *vars);

#endif
