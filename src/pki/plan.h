#ifndef PKI_PLAN_H
#define PKI_PLAN_H

#include "pki/authority.h"

/*
 * What a machine needs: the content of every file of an export but leaf keys and leaf certificates,
 * which are made where the files are written (api/client_export.c) against this plan. As JSON (kind
 * ExportPlan):
 *   {"cluster","machine","layout","prefix","address","local_address","api_port",
 *    "files":[{"path":"pki/ca.crt","mode":"0644","text":".."}],            ready as they are
 *    "secrets":[{"path":"pki/sa.key","mode":"0600","public":"pki/sa.pub"}], asked for with POST
 * .../service-account-key unless the one there fits
 *    "leaves":[{"slot":"apiserver","profile":"apiserver","certificate":"pki/apiserver.crt","key":"pki/apiserver.key",
 *               "authority":"control-plane","custody":"sealed","key_type":"p256","subject":BASE64
 * NAME DER,"sans":["DNS:..","IP:.."],"eku":1,"issuer":PEM}],
 *    "kubeconfigs":[{"path":"admin.conf","mode":"0600","slot":"admin","text":".. @CERT@ .. @KEY@
 * .."}]}
 * @CERT@ and @KEY@ stand for base64 of the PEM; the leaf of such a kubeconfig has no "certificate"
 * and "key" of its own. "custody" is that of the authority's issuing key, null when none issues.
 * Paths are relative to --out; text names files under prefix.
 */
enum layout { LAYOUT_KUBEADM, LAYOUT_SYSTEMD };
int layout_parse(enum layout *layout, const char *name, struct err *e) MUST_CHECK;

struct plan_request {
    const char *machine;
    enum layout layout;
    const char *prefix; /* absolute; default /etc/kubernetes */
};
int plan_write(struct request *request, struct store_tx *tx, const struct cluster *c,
               const struct plan_request *what, struct json_writer *out, struct err *e) MUST_CHECK;

/* Whether the machine's plan has that leaf; *path is where, without ".crt". */
bool plan_has_leaf(const struct cluster *c, const struct machine *m, const char *slot,
                   const char *profile, const char **path);

#endif
