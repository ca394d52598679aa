#include "api/form.h"

/* clang-format off */
static const struct member cluster[] = {
    { "name", MEMBER_TEXT, true, "letters, digits and '-', at most 63", NULL },
    { "endpoint", MEMBER_TEXT, true, "HOST:PORT of the API server", NULL },
    { "control_plane", MEMBER_TEXTS, true, "MACHINE=ADDR[,ADDR|NAME...]", NULL },
    { "etcd", MEMBER_TEXTS, false, "machines that run etcd; the control plane if none is named", NULL },
    { "workers", MEMBER_TEXTS, false, "machines for workloads", NULL },
    { "service_cidr", MEMBER_TEXT, false, "CIDR[,CIDR]", NULL },
    { "dns_domain", MEMBER_TEXT, false, "domain of the services", NULL },
    { "sans", MEMBER_TEXTS, false, "more names and addresses of the API server", NULL },
    { "key_type", MEMBER_TEXT, false, "p256, p384, rsa2048, rsa3072, rsa4096 or ed25519", NULL },
    { "subject", MEMBER_TEXT, false, "C=..,ST=..,L=..,O=..,OU=..", NULL },
    { "authority_ttl", MEMBER_DURATION, false, "life of the authorities", NULL },
    { "leaf_ttl", MEMBER_DURATION, false, "life of the machines' certificates", NULL },
    { "operator_max_ttl", MEMBER_DURATION, false, "longest life of a person's certificate", NULL },
    { "service_account_issuer", MEMBER_TEXT, false, "issuer in the tokens of service accounts", NULL },
    { "service_account_key_type", MEMBER_TEXT, false, "rsa2048, rsa3072, rsa4096 or p256", NULL },
    { 0 },
};
static const struct member file[] = {
    { "path", MEMBER_TEXT, true, "as the layout names it: pki/ca.crt", NULL },
    { "base64", MEMBER_TEXT, true, "its bytes", NULL },
    { 0 },
};
static const struct member adoption[] = {
    { "layout", MEMBER_TEXT, true, "kubeadm or k3s", NULL },
    { "files", MEMBER_OBJECTS, true, "what was found, at most 256", file },
    { 0 },
};
static const struct member place[] = {
    { "slot", MEMBER_TEXT, true, "place of the plan", NULL },
    { "profile", MEMBER_TEXT, true, "the plan's profile for it", NULL },
    { "csr", MEMBER_TEXT, true, "PEM, or DER in base64", NULL },
    { 0 },
};
static const struct member machine_certificates[] = {
    { "items", MEMBER_OBJECTS, true, "one for each place, at most 64", place },
    { 0 },
};
static const struct member certificate[] = {
    { "profile", MEMBER_TEXT, true, "one of /v1/profiles", NULL },
    { "csr", MEMBER_TEXT, true, "PEM, or DER in base64", NULL },
    { "ttl", MEMBER_DURATION, false, "life of the certificate", NULL },
    { "machine", MEMBER_TEXT, false, "for which machine, where the profile needs one", NULL },
    { "privileged", MEMBER_FLAG, false, "allow groups that may do everything", NULL },
    { 0 },
};
static const struct member kubeconfig[] = {
    { "user", MEMBER_TEXT, true, "the name that Kubernetes sees", NULL },
    { "groups", MEMBER_TEXTS, false, "groups of the user, at most 64", NULL },
    { "csr", MEMBER_TEXT, true, "PEM, or DER in base64", NULL },
    { "ttl", MEMBER_DURATION, false, "life of the certificate", NULL },
    { "privileged", MEMBER_FLAG, false, "allow groups that may do everything", NULL },
    { "server", MEMBER_TEXT, false, "URL of the API server, if not the cluster's endpoint", NULL },
    { 0 },
};
static const struct member node[] = {
    { "machine", MEMBER_TEXT, true, "MACHINE[=ADDR,...]", NULL },
    { "role", MEMBER_TEXT, true, "control-plane, etcd or worker", NULL },
    { "ttl", MEMBER_DURATION, false, "life of the token", NULL },
    { "server", MEMBER_TEXT, false, "URL by which the machine reaches the daemon", NULL },
    { 0 },
};
static const struct member join[] = {
    { "token", MEMBER_TEXT, true, "as it was printed", NULL },
    { "csr", MEMBER_TEXT, true, "of the agent's key", NULL },
    { "machine", MEMBER_TEXT, true, "name of the machine", NULL },
    { "layout", MEMBER_TEXT, false, "kubeadm or systemd", NULL },
    { "prefix", MEMBER_TEXT, false, "where the files lie on the machine", NULL },
    { 0 },
};
static const struct member csr_only[] = {
    { "csr", MEMBER_TEXT, true, "PEM, or DER in base64", NULL },
    { 0 },
};
static const struct member agent_certificates[] = {
    { "items", MEMBER_OBJECTS, true, "one for each place", NULL },
    { 0 },
};
static const struct member recipient[] = {
    { "recipient", MEMBER_TEXT, true, "public key that the answer is sealed to, in base64", NULL },
    { 0 },
};
static const struct member status[] = {
    { "items", MEMBER_OBJECTS, false, "what is wanted, installed and loaded", NULL },
    { 0 },
};
static const struct member lease[] = {
    { "action", MEMBER_TEXT, true, "what is to be done with it", NULL },
    { "reason", MEMBER_TEXT, false, "why it failed", NULL },
    { 0 },
};
static const struct member verification[] = {
    { "head", MEMBER_OBJECT, false, "a kept answer of /v1/audit/head", NULL },
    { 0 },
};
static const struct member pruning[] = {
    { "before", MEMBER_TEXT, true, "a time (RFC 3339) or an age (90d)", NULL },
    { 0 },
};
static const struct member rotation[] = {
    { "reseal", MEMBER_FLAG, false, "new data keys too, and every sealed value sealed again", NULL },
    { 0 },
};
static const struct member backup[] = {
    { "passphrase", MEMBER_TEXT, false, "one of the two", NULL },
    { "recipient", MEMBER_TEXT, false, "a certificate, in PEM", NULL },
    { 0 },
};
static const struct member login[] = {
    { "code", MEMBER_TEXT, true, "as it was printed", NULL },
    { "csr", MEMBER_TEXT, true, "of a key that was made for it", NULL },
    { 0 },
};
static const struct member operator[] = {
    { "name", MEMBER_TEXT, true, "name of the person", NULL },
    { "role", MEMBER_TEXT, false, "one of /v1/roles", NULL },
    { "scope", MEMBER_TEXT, false, "/, CLUSTER or CLUSTER/MACHINE", NULL },
    { "ttl", MEMBER_DURATION, false, "life of the code", NULL },
    { 0 },
};
static const struct member assignment[] = {
    { "operator", MEMBER_TEXT, true, "name of the person", NULL },
    { "role", MEMBER_TEXT, true, "one of /v1/roles", NULL },
    { "scope", MEMBER_TEXT, false, "/, CLUSTER or CLUSTER/MACHINE", NULL },
    { 0 },
};

const struct form forms[] = {
    { HTTP_POST, "/v1/clusters",                                             false, cluster },
    { HTTP_POST, "/v1/clusters/{cluster}/adoption",                          false, adoption },
    { HTTP_POST, "/v1/clusters/{cluster}/machines/{machine}/certificates",   false, machine_certificates },
    { HTTP_POST, "/v1/clusters/{cluster}/certificates",                      false, certificate },
    { HTTP_POST, "/v1/clusters/{cluster}/kubeconfigs",                       false, kubeconfig },
    { HTTP_POST, "/v1/clusters/{cluster}/nodes",                             false, node },
    { HTTP_POST, "/v1/agent/join",                                           false, join },
    { HTTP_POST, "/v1/agent/renewal",                                        true,  csr_only },
    { HTTP_POST, "/v1/agent/certificates",                                   true,  agent_certificates },
    { HTTP_POST, "/v1/agent/service-account-key",                            true,  recipient },
    { HTTP_POST, "/v1/agent/status",                                         true,  status },
    { HTTP_POST, "/v1/agent/lease",                                          true,  lease },
    { HTTP_POST, "/v1/audit/verification",                                   false, verification },
    { HTTP_POST, "/v1/audit/pruning",                                        false, pruning },
    { HTTP_POST, "/v1/root-key/rotation",                                    false, rotation },
    { HTTP_POST, "/v1/state/backup",                                         false, backup },
    { HTTP_POST, "/v1/login",                                                false, login },
    { HTTP_POST, "/v1/login/renewal",                                        false, csr_only },
    { HTTP_POST, "/v1/operators",                                            false, operator },
    { HTTP_POST, "/v1/roles/assignments",                                    false, assignment },
};
/* clang-format on */
const size_t form_count = ARRAY_LEN(forms);

const struct form *form_of(const struct route *route)
{
    for (size_t i = 0; i < form_count; i++)
        if (forms[i].method == route->method && strcmp(forms[i].path, route->path) == 0)
            return &forms[i];
    return NULL;
}

int form_check(const struct route *route, const struct json_value *body, struct err *e)
{
    const struct form *form = form_of(route);
    struct json_iter it = json_iter(body);
    const struct json_value *value;
    const char *name;

    while (form && !form->open && json_next(&it, &name, &value)) {
        const struct member *m = form->members;

        while (m->name && strcmp(m->name, name) != 0)
            m++;
        if (!m->name) {
            (void)err_set(e, ERR_INVALID, "member '%.100s' is not known", name);
            return err_field(e, name);
        }
    }
    return 0;
}
