#ifndef PKI_KUBECONFIG_H
#define PKI_KUBECONFIG_H

#include "base/buf.h"

/* A kubeconfig (client-go tools/clientcmd/api/v1) with one cluster, one user, one context
 * "USER@CLUSTER". */
struct kubeconfig {
    const char *cluster, *user; /* names inside the file */
    const char *server;         /* https://HOST:PORT */
    struct slice ca;            /* PEM: embedded; or ... */
    const char *ca_file;        /* ... a path */
    struct slice cert, key;     /* PEM, embedded */
    const char *cert_file, *key_file;
    const char *cert_text, *key_text; /* or: text put as it is into client-certificate-data,
                                         client-key-data (a plan's marks) */
    const char *const *exec; /* or: argv of an exec plugin, NULL-ended; interactiveMode Never */
};
void kubeconfig_write(struct buf *yaml, const struct kubeconfig *k);

#endif
