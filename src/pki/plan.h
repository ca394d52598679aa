#ifndef PKI_PLAN_H
#define PKI_PLAN_H

#include "pki/authority.h"

/*
 * What a machine needs: the content of every file of an export but leaf keys and leaf certificates, which are made where the files are
 * written (api/client_export.c) against this plan. As JSON (kind ExportPlan):
 *   {"cluster","machine","layout","prefix",
 *    "files":[{"path":"pki/ca.crt","mode":"0644","text":".."}],            ready as they are (sa.key too: mode 0600, "secret":true)
 *    "leaves":[{"slot":"apiserver","profile":"apiserver","authority":"control-plane","key_type":"p256","certificate":"pki/apiserver.crt",
 *               "key":"pki/apiserver.key","subject":BASE64 NAME DER,"sans":["DNS:..","IP:.."],"issuer":PEM,"ttl":SECONDS}],
 *    "kubeconfigs":[{"path":"admin.conf","mode":"0600","slot":"admin","text":".. @CERT@ .. @KEY@ .."}]}   @CERT@/@KEY@: base64 of the PEM,
 *                                            a kubeconfig's leaf has no certificate and key files of its own unless the layout references files
 * Paths are relative to --out; text names files under prefix.
 */
enum layout { LAYOUT_KUBEADM, LAYOUT_SYSTEMD };
int layout_parse(enum layout *layout, const char *name, struct err *e) MUST_CHECK;
const char *layout_name(enum layout layout);

struct plan_request {
    const char *machine;
    enum layout layout;
    const char *prefix;            /* absolute; default /etc/kubernetes */
};
int plan_write(struct request *request, struct store_tx *tx, const struct cluster *c, const struct plan_request *what,
               struct json_writer *out, struct err *e) MUST_CHECK;

#endif
