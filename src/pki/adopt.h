#ifndef PKI_ADOPT_H
#define PKI_ADOPT_H

#include "pki/cluster.h"

/*
 * An existing cluster's CAs: files as a kubeadm machine (/etc/kubernetes) or a k3s server
 * (/var/lib/rancher/k3s/server/tls) has them. The files are read where the command runs
 * (api/client_adopt.c) and sent as a list; here they become authorities. RSA or EC; one CA for
 * several roles; custody `elsewhere` without a key.
 */
enum { ADOPT_MAX_FILES = 256, ADOPT_MAX_SIZE = 1 << 20 };
struct adopt_file {
    const char *path; /* relative to --from */
    struct slice bytes;
};
struct adopt_request {
    const char *name;   /* of the new cluster */
    const char *layout; /* "kubeadm", "k3s" */
    const struct adopt_file *file;
    size_t file_count;
};
/* Writes the reply's members: authorities with custody, every leaf found, findings (expired, weak).
 * Again with the same files: no change; a key that was elsewhere and is there now is taken in, as
 * are a machine and leaves that were not seen before. */
int cluster_adopt(struct request *request, const struct adopt_request *what, bool *made,
                  struct json_writer *reply, struct err *e) MUST_CHECK;

/* Whether that file of a layout is a private key that adoption takes; ERR_INVALID for an unknown
 * layout. Keys of leaves stay where they are. */
int adopt_wants_key(const char *layout, const char *path, bool *wanted, struct err *e) MUST_CHECK;

#endif
