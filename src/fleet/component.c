#include "fleet/component.h"

#include "base/clock.h"
#include <string.h>

/*
 * Seconds. A watched file (dynamic_serving_content.go, dynamic_cafile_content.go) is polled every
 * minute besides. client-go looks at certificate files every five minutes (cert_rotation.go). etcd
 * reads its pairs at each handshake (listener.go). A restart is what a slow one takes.
 */
enum { HANDSHAKE = 5, WATCHED = 60, CLIENT_GO = 300, RESTART = 60 };

/* clang-format off */
const struct component_use component_uses[] = {
    /* trusted-ca-file, peer-trusted-ca-file: pools built once, also in etcd 3.7 */
    { "etcd", "pki/etcd/ca.crt",                TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },
    { "etcd", "pki/etcd/server.crt",            TAKE_LIVE,    HANDSHAKE, CONFIRM_HANDSHAKE, 2379 },
    { "etcd", "pki/etcd/peer.crt",              TAKE_LIVE,    HANDSHAKE, CONFIRM_HANDSHAKE, 2380 },

    { "kube-apiserver", "pki/apiserver.crt",                TAKE_LIVE,    WATCHED,   CONFIRM_HANDSHAKE, PORT_API },
    { "kube-apiserver", "pki/client-ca-bundle.crt",         TAKE_LIVE,    WATCHED,   CONFIRM_TRUST,     PORT_API },
    { "kube-apiserver", "pki/front-proxy-ca.crt",           TAKE_LIVE,    WATCHED,   CONFIRM_TRUST,     PORT_API },
    { "kube-apiserver", "pki/front-proxy-client.crt",       TAKE_LIVE,    WATCHED,   CONFIRM_PEER,      PORT_NONE },
    { "kube-apiserver", "pki/apiserver-etcd-client.crt",    TAKE_LIVE,    HANDSHAKE, CONFIRM_PEER,      PORT_NONE },
    { "kube-apiserver", "pki/apiserver-kubelet-client.crt", TAKE_LIVE,    CLIENT_GO, CONFIRM_PEER,      PORT_NONE },
    { "kube-apiserver", "pki/etcd/ca.crt",                  TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },
    /* kubelet-certificate-authority: part of a cached transport up to 1.35 */
    { "kube-apiserver", "pki/kubelet-ca.crt",               TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },
    { "kube-apiserver", "pki/sa.pub",                       TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },
    { "kube-apiserver", "pki/sa.key",                       TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },

    /* root-ca-file, and the CA of its kubeconfig: client-go up to 1.35 keeps it */
    { "kube-controller-manager", "pki/ca.crt",                         TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },
    { "kube-controller-manager", "pki/sa.key",                         TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },
    { "kube-controller-manager", "controller-manager.conf",            TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },
    { "kube-controller-manager", "pki/controller-manager.crt",         TAKE_LIVE,    CLIENT_GO, CONFIRM_PEER,      PORT_NONE },
    { "kube-controller-manager", "pki/controller-manager-serving.crt", TAKE_LIVE,    WATCHED,   CONFIRM_HANDSHAKE, 10257 },
    { "kube-controller-manager", "pki/client-ca-bundle.crt",           TAKE_LIVE,    WATCHED,   CONFIRM_TRUST,     10257 },
    { "kube-controller-manager", "pki/front-proxy-ca.crt",             TAKE_LIVE,    WATCHED,   CONFIRM_TRUST,     10257 },

    { "kube-scheduler", "pki/ca.crt",                TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },
    { "kube-scheduler", "scheduler.conf",            TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },
    { "kube-scheduler", "pki/scheduler.crt",         TAKE_LIVE,    CLIENT_GO, CONFIRM_PEER,      PORT_NONE },
    { "kube-scheduler", "pki/scheduler-serving.crt", TAKE_LIVE,    WATCHED,   CONFIRM_HANDSHAKE, 10259 },
    { "kube-scheduler", "pki/client-ca-bundle.crt",  TAKE_LIVE,    WATCHED,   CONFIRM_TRUST,     10259 },
    { "kube-scheduler", "pki/front-proxy-ca.crt",    TAKE_LIVE,    WATCHED,   CONFIRM_TRUST,     10259 },

    /* clientCAFile alone would be live; the CA of kubelet.conf is in the same file, and is not */
    { "kubelet", "pki/ca.crt",              TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },
    { "kubelet", "kubelet.conf",            TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },
    { "kubelet", "kubelet.yaml",            TAKE_RESTART, RESTART,   CONFIRM_START,     PORT_NONE },
    { "kubelet", "pki/kubelet-client.crt",  TAKE_LIVE,    CLIENT_GO, CONFIRM_PEER,      PORT_NONE },
    /* since 1.31: ReloadKubeletServerCertificateFile */
    { "kubelet", "pki/kubelet-serving.crt", TAKE_LIVE,    WATCHED,   CONFIRM_HANDSHAKE, 10250 },
};
/* clang-format on */
const size_t component_use_count = ARRAY_LEN(component_uses);

/* clang-format off */
const struct component_row component_rows[] = {
    { "etcd",                    true,  "http:2381/health" },
    { "kube-apiserver",          true,  "https:api/readyz" },
    { "kube-controller-manager", true,  "https:10257/healthz" },
    { "kube-scheduler",          true,  "https:10259/healthz" },
    { "kubelet",                 false, "http:10248/healthz" },
};
/* clang-format on */
const size_t component_row_count = ARRAY_LEN(component_rows);

const char *take_up_name(enum take_up take)
{
    static const char *const names[] = { "none", "live", "restart" };

    return names[take];
}

const char *confirm_name(enum confirm confirm)
{
    static const char *const names[] = { "none", "handshake", "start", "peer", "trust" };

    return names[confirm];
}

const struct component_row *component_find(const char *name)
{
    for (size_t i = 0; i < component_row_count; i++)
        if (strcmp(component_rows[i].name, name) == 0)
            return &component_rows[i];
    return NULL;
}

unsigned component_slowest(const char *path, const char **component)
{
    unsigned slowest = 0;

    for (size_t i = 0; i < component_use_count; i++) {
        const struct component_use *use = &component_uses[i];

        if (use->take == TAKE_NONE || strcmp(use->path, path) != 0 || use->seconds <= slowest)
            continue;
        slowest = use->seconds;
        if (component)
            *component = use->component;
    }
    return slowest;
}

int component_life_check(const char *path, int64_t life, struct err *e)
{
    const char *component = "";
    unsigned reload = component_slowest(path, &component);
    CLEANUP(buf_clear) struct buf has = { 0 };
    CLEANUP(buf_clear) struct buf needs = { 0 };

    if (life >= 3 * (int64_t)reload)
        return 0;
    duration_format(&has, life > 0 ? life : 1);
    duration_format(&needs, 3 * (int64_t)reload);
    return err_set(e, ERR_REFUSED,
                   "a life of %s is too short for '%s': %s may take %u seconds to use a new one, "
                   "and three times that is the least: %s",
                   buf_str(&has), path, component, reload, buf_str(&needs));
}

int64_t component_renewal(int64_t not_before, int64_t not_after, unsigned reload, unsigned jitter)
{
    int64_t life = not_after - not_before;
    int64_t due = not_before + life / 3 * 2, last = not_after - (int64_t)reload - 60;

    if (jitter > 1000)
        jitter = 1000;
    due -= life / 20 * (int64_t)jitter / 1000;
    if (due > last)
        due = last;
    return due < not_before ? not_before : due;
}
