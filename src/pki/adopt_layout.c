#include "pki/adopt_internal.h"

#define ROLE(name) (1U << AUTHORITY_##name)

/* clang-format off */

/* kubernetes/cmd/kubeadm/app/constants/constants.go; the last two are those of our own exports. */
static const struct adopt_row kubeadm_rows[] = {
    { "ca.crt",             "ca.key",             ADOPT_CA, ROLE(CONTROL_PLANE) | ROLE(OPERATORS) | ROLE(KUBELET), NULL },
    { "etcd/ca.crt",        "etcd/ca.key",        ADOPT_CA, ROLE(ETCD),        NULL },
    { "front-proxy-ca.crt", "front-proxy-ca.key", ADOPT_CA, ROLE(AGGREGATION), NULL },
    { "operators-ca.crt",   "operators-ca.key",   ADOPT_CA, ROLE(OPERATORS),   NULL },
    { "kubelet-ca.crt",     "kubelet-ca.key",     ADOPT_CA, ROLE(KUBELET),     NULL },
    { "sa.pub",             "sa.key",             ADOPT_SERVICE_ACCOUNT, 0,    NULL },
};

/*
 * k3s-io/k3s pkg/daemons/control/deps/deps.go: server-ca signs what the API server and the kubelets
 * serve with, client-ca every client of the API server. So a role's leaves of the other kind come
 * from another CA; what is issued here follows the CA: servers from control-plane, clients from
 * operators and kubelet.
 */
static const struct adopt_row k3s_rows[] = {
    { "server-ca.crt",         "server-ca.key",         ADOPT_CA, ROLE(CONTROL_PLANE), NULL },
    { "client-ca.crt",         "client-ca.key",         ADOPT_CA, ROLE(OPERATORS) | ROLE(KUBELET), NULL },
    { "request-header-ca.crt", "request-header-ca.key", ADOPT_CA, ROLE(AGGREGATION),   NULL },
    { "etcd/server-ca.crt",    "etcd/server-ca.key",    ADOPT_CA, ROLE(ETCD),          NULL },
    { "etcd/peer-ca.crt",      NULL,                    ADOPT_WATCHED, 0,
      "etcd's members know each other by a CA of their own; it is watched here, and its key stays with k3s" },
    { NULL,                    "service.key",           ADOPT_SERVICE_ACCOUNT, 0,      NULL },
};

static const char *const kubeadm_prefixes[] = { "pki/", NULL };
static const char *const k3s_prefixes[] = { "server/tls/", "tls/", NULL };

static const struct adopt_layout layouts[] = {
    { .name = "kubeadm", .prefixes = kubeadm_prefixes, .row = kubeadm_rows, .row_count = ARRAY_LEN(kubeadm_rows),
      .apiserver = "apiserver.crt", .member = "etcd/server.crt",
      .service_ip = "10.96.0.1", .service_cidr = "10.96.0.0/12", .kubeadm = true, .port = 6443 },
    { .name = "k3s", .prefixes = k3s_prefixes, .row = k3s_rows, .row_count = ARRAY_LEN(k3s_rows),
      .apiserver = "serving-kube-apiserver.crt", .member = "etcd/server-client.crt",
      .service_ip = "10.43.0.1", .service_cidr = "10.43.0.0/16", .port = 6443 },
};
/* clang-format on */

const struct adopt_layout *adopt_layout_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
        if (strcmp(layouts[i].name, name) == 0)
            return &layouts[i];
    return NULL;
}

const char *adopt_layout_path(const struct adopt_layout *layout, const char *path)
{
    if (strncmp(path, "./", 2) == 0)
        path += 2;
    for (size_t i = 0; layout->prefixes[i]; i++)
        if (strncmp(path, layout->prefixes[i], strlen(layout->prefixes[i])) == 0)
            return path + strlen(layout->prefixes[i]);
    return path;
}

int adopt_wants_key(const char *layout, const char *path, bool *wanted, struct err *e)
{
    const struct adopt_layout *l = adopt_layout_find(layout);

    if (!l)
        return err_set(e, ERR_INVALID, "there is no layout '%.40s' to adopt: kubeadm or k3s",
                       layout);
    *wanted = false;
    path = adopt_layout_path(l, path);
    for (size_t i = 0; i < l->row_count; i++)
        if ((l->row[i].key && strcmp(path, l->row[i].key) == 0) ||
            (l->row[i].what == ADOPT_SERVICE_ACCOUNT && l->row[i].path &&
             strcmp(path, l->row[i].path) == 0))
            *wanted = true;
    return 0;
}
