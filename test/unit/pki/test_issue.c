#include "crypto/chain.h"
#include "crypto/name.h"
#include "csr.h"
#include "pki/ledger.h"
#include "world.h"
#include <fcntl.h>
#include <openssl/pem.h>
#include <spawn.h>
#include <sys/wait.h>

static int issue(struct world *w, struct world_issue *t, const struct csr_spec *spec, struct err *e)
{
    CLEANUP(buf_clear) struct buf csr = { 0 };
    int rc;

    csr_make(&csr, spec);
    t->order.csr = buf_slice(&csr);
    rc = world_write(w, world_issue_in, t, e);
    t->order.csr = slice_of(NULL, 0);
    return rc;
}

struct bundle {
    struct cluster *c;
    enum authority_role role;
    struct authority authority;
};
static int load_authority(struct store_tx *tx, void *ctx, struct err *e)
{
    struct bundle *b = ctx;

    return authority_load(tx, b->c, b->role, &b->authority, e);
}

static void authority_of(struct world *w, struct cluster *c, enum authority_role role,
                         struct authority *ret)
{
    struct bundle b = { .c = c, .role = role };
    struct err e = { 0 };

    if (store_read(pki_store(w->pki), load_authority, &b, &e))
        fail_msg("%s", e.msg);
    *ret = b.authority;
}

/* ---- every profile, for every machine that it is for ---- */

static bool verifies(const struct authority *a, struct slice cert, enum chain_purpose purpose,
                     int64_t at)
{
    struct slice root = buf_slice(&a->generation[0].cert);
    struct chain_request request = {
        .leaf = cert, .roots = &root, .root_count = 1, .purpose = purpose, .at = at
    };
    struct err e = { 0 };

    return chain_verify(&request, &e) == 0;
}

static void write_pem(const char *path, struct slice der, const char *label)
{
    const unsigned char *p = der.ptr;
    FILE *file = fopen(path, "w");
    X509 *cert = d2i_X509(NULL, &p, (long)der.len);

    (void)label;
    assert_non_null(cert);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    X509_free(cert);
    fclose(file);
}

/* Exit code of a program, its output thrown away; -1: it is not installed. */
static int run(const char *const *argv)
{
    posix_spawn_file_actions_t quiet;
    pid_t pid;
    int status = 0;

    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    status = posix_spawnp(&pid, argv[0], &quiet, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&quiet);
    if (status)
        return -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) != 127 ? WEXITSTATUS(status) : -1;
}

/* The programs that people would ask. */
static void check_outside(struct world *w, const struct profile *p, const struct authority *a,
                          struct slice cert)
{
    char leaf[128], ca[128], at[32];
    const char *openssl[] = { "openssl",  "verify", "-x509_strict", "-attime", at, "-CAfile", ca,
                              "-purpose", "",       leaf,           NULL };
    const char *certtool[] = { "certtool", "--verify", "--load-ca-certificate", ca, "--infile",
                               leaf,       NULL };

    snprintf(leaf, sizeof leaf, "%s/leaf.pem", w->dir);
    snprintf(ca, sizeof ca, "%s/ca.pem", w->dir);
    snprintf(at, sizeof at, "%lld", (long long)pki_now(w->pki));
    write_pem(leaf, cert, p->name);
    write_pem(ca, buf_slice(&a->generation[0].cert), p->name);
    openssl[8] = "sslserver";
    if (run(openssl) == -1)
        return;
    assert_int_equal(run(openssl) == 0, (p->eku & EKU_SERVER) != 0);
    openssl[8] = "sslclient";
    assert_int_equal(run(openssl) == 0, (p->eku & EKU_CLIENT) != 0);
    if (run(certtool) > 0)
        fail_msg("%s: certtool refuses it", p->name);
    unlink(leaf);
    unlink(ca);
}

static void check_issued(struct world *w, struct cluster *c, const struct profile *p,
                         const struct issued *issued)
{
    struct x509_cert cert;
    struct err e = { 0 };

    if (x509_cert_read(&cert, buf_slice(&issued->cert), &e))
        fail_msg("%s: %s", p->name, e.msg);
    assert_int_equal(cert.version, 3);
    assert_int_equal(cert.serial.len, 16);
    assert_int_equal(cert.not_before, pki_now(w->pki) - 300);
    assert_int_equal(cert.not_after,
                     pki_now(w->pki) + (p->default_ttl ? p->default_ttl : c->leaf_ttl));
    assert_int_equal(cert.ext.eku, p->eku);
    assert_true(cert.ext.eku_critical && cert.ext.ku_critical && cert.ext.basic_critical &&
                !cert.ext.ca);
    assert_int_equal(cert.ext.ku, KU_DIGITAL_SIGNATURE);
    assert_int_equal(cert.ext.san_count > 0, p->sans != SANS_NONE);
    assert_int_equal(cert.ext.skid.len, 20);
    for (int role = 0; role < AUTHORITY_ROLES; role++) {
        CLEANUP(authority_clear) struct authority a = { 0 };
        bool own = role == (int)p->role;

        authority_of(w, c, (enum authority_role)role, &a);
        assert_int_equal(verifies(&a, buf_slice(&issued->cert), CHAIN_SERVER, pki_now(w->pki)),
                         own && p->eku & EKU_SERVER);
        assert_int_equal(verifies(&a, buf_slice(&issued->cert), CHAIN_CLIENT, pki_now(w->pki)),
                         own && (p->eku & EKU_CLIENT) != 0);
        if (own)
            assert_true(slice_eq(cert.ext.akid, a.generation[0].view.ext.skid));
        if (own)
            check_outside(w, p, &a, buf_slice(&issued->cert));
    }
}

static void test_every_profile(void **state)
{
    static const char *const machines[] = { "cp1", "cp2", "e1", "w1" };
    struct world w;
    struct cluster c = { 0 };
    struct world_issue t = { .c = &c };

    (void)state;
    world_start_at(&w, clock_wall()); /* certtool knows no other time */
    world_cluster(&w, WORLD_CLUSTER, &c);
    for (size_t i = 0; i < profile_count; i++) {
        const struct profile *p = &profiles[i];
        struct csr_spec spec = { .sans = p->sans == SANS_SERVICE ? "DNS:hook.apps.svc" : NULL };

        for (size_t k = 0; k < (p->machines ? ARRAY_LEN(machines) : 1); k++) {
            const struct machine *m = p->machines ? cluster_machine(&c, machines[k]) : NULL;
            bool fits = !m || (m->roles | (machine_runs_etcd(&c, m) ? (unsigned)MACHINE_ETCD : 0)) &
                                  p->machines;
            struct err e = { 0 };

            t.order = (struct issue_order){ .profile = p->name,
                                            .machine = m ? m->name : NULL,
                                            .user = p->subject == SUBJECT_USER ? "alice" : NULL,
                                            .privileged = profile_is_privileged(p) };
            if ((issue(&w, &t, &spec, &e) == 0) != fits)
                fail_msg("%s, %s: %s", p->name, m ? m->name : "", e.msg);
            if (fits && k == 0)
                check_issued(&w, &c, p, &t.issued);
            if (!fits)
                assert_int_equal(e.code, ERR_REFUSED);
        }
    }
    issued_clear(&t.issued);
    cluster_clear(&c);
    world_end(&w);
}

/* ---- what is asked for, and what is refused ---- */

#define NODE "O=system:nodes\nCN=system:node:w1"
/* clang-format off */
static const struct {
    const char *label;
    struct csr_spec csr;
    const char *profile, *machine, *user, *groups[3];
    bool privileged, from_csr;
    int64_t ttl;
    enum err_code want;
    const char *says; /* of the error, or of the certificate's subject and SANs */
} rows[] = {
    /* the subject */
    { "empty subject",        { 0 }, "kubelet-client", "w1", .want = ERR_NONE, .says = "O=system:nodes, OU=SKS, CN=system:node:w1" },
    { "named by the CSR",     { .subject = NODE }, "kubelet-client", .want = ERR_NONE, .says = "CN=system:node:w1" },
    { "with all its parts",   { .subject = "C=CH\nL=GVA2\nOU=SKS\n" NODE }, "kubelet-client", .want = ERR_NONE, .says = "CN=system:node:w1" },
    { "without its group",    { .subject = "CN=system:node:w1" }, "kubelet-client", .want = ERR_NONE, .says = "O=system:nodes" },
    { "another group",        { .subject = "O=system:masters\nCN=system:node:w1" }, "kubelet-client", .want = ERR_REFUSED, .says = "O differs" },
    { "one group more",       { .subject = NODE "\nO=system:masters" }, "kubelet-client", .want = ERR_REFUSED, .says = "O differs" },
    { "another machine's",    { .subject = "CN=system:node:w1" }, "kubelet-client", "cp1", .want = ERR_REFUSED, .says = "CN differs" },
    { "no such machine",      { .subject = "CN=system:node:w9" }, "kubelet-client", .want = ERR_NOT_FOUND, .says = "'w9'" },
    { "no machine named",     { .subject = "CN=system:node:" }, "kubelet-client", .want = ERR_NOT_FOUND, .says = "''" },
    { "no machine at all",    { 0 }, "kubelet-client", .want = ERR_INVALID, .says = "is for a machine" },
    { "no such machine given", { 0 }, "kubelet-client", "w9", .want = ERR_NOT_FOUND, .says = "'w9'" },
    { "two common names",     { .subject = "CN=system:node:w1\nCN=system:node:cp1" }, "kubelet-client", .want = ERR_REFUSED, .says = "two common names" },
    { "not a node's name",    { .subject = "CN=w1" }, "kubelet-client", .want = ERR_REFUSED, .says = "system:node:MACHINE" },
    { "foreign country",      { .subject = "C=FR\n" NODE }, "kubelet-client", .want = ERR_REFUSED, .says = "C differs" },
    { "an e-mail address",    { .subject = NODE "\nemailAddress=a@b.c" }, "kubelet-client", .want = ERR_REFUSED, .says = "differs" },
    { "a user id",            { .subject = NODE "\nUID=0" }, "kubelet-client", .want = ERR_REFUSED, .says = "differs" },
    { "fixed name",           { .subject = "CN=kube-apiserver-kubelet-client" }, "apiserver-kubelet-client", .want = ERR_NONE, .says = "CN=kube-apiserver-kubelet-client" },
    { "another fixed name",   { .subject = "CN=kube-apiserver" }, "apiserver-kubelet-client", .want = ERR_REFUSED, .says = "CN differs" },
    { "a user for a machine", { 0 }, "kubelet-client", "w1", "alice", .want = ERR_INVALID, .says = "of no person" },
    { "groups for a machine", { 0 }, "kubelet-client", "w1", NULL, { "dev" }, .want = ERR_INVALID, .says = "of no person" },
    { "a machine for a person", { 0 }, "operator", "w1", "alice", .want = ERR_INVALID, .says = "of no machine" },
    { "no such profile",      { 0 }, "kubelet", "w1", .want = ERR_NOT_FOUND, .says = "kubelet-client" },

    /* SANs */
    { "as the profile says",  { 0 }, "kubelet-serving", "w1", .want = ERR_NONE, .says = "DNS:w1 DNS:w1.example IP:10.0.0.21" },
    { "fewer",                { .sans = "IP:10.0.0.21,DNS:w1" }, "kubelet-serving", "w1", .want = ERR_NONE, .says = "DNS:w1 IP:10.0.0.21" },
    { "another's",            { .sans = "DNS:w1,DNS:cp1" }, "kubelet-serving", "w1", .want = ERR_REFUSED, .says = "DNS:cp1" },
    { "another address",      { .sans = "IP:10.0.0.22" }, "kubelet-serving", "w1", .want = ERR_REFUSED, .says = "IP:10.0.0.22" },
    { "an address as a name", { .sans = "DNS:10.0.0.21" }, "kubelet-serving", "w1", .want = ERR_REFUSED, .says = "DNS:10.0.0.21" },
    { "a wildcard",           { .sans = "DNS:*.example" }, "kubelet-serving", "w1", .want = ERR_REFUSED, .says = "DNS:*.example" },
    { "a URI",                { .sans = "URI:spiffe://x/y" }, "kubelet-serving", "w1", .want = ERR_REFUSED, .says = "URI:" },
    { "an e-mail",            { .sans = "email:a@b.c" }, "kubelet-serving", "w1", .want = ERR_REFUSED, .says = "a@b.c" },
    { "of a client",          { .sans = "DNS:w1" }, "kubelet-client", "w1", .want = ERR_REFUSED, .says = "DNS:w1" },
    { "a hundred",            { .many = 100 }, "kubelet-serving", "w1", .want = ERR_REFUSED, .says = "DNS:n0.x" },
    { "a hundred and one",    { .many = 101 }, "kubelet-serving", "w1", .want = ERR_LIMIT, .says = "" },
    { "ten thousand",         { .many = 10000 }, "kubelet-serving", "w1", .want = ERR_LIMIT, .says = "bytes" },
    { "machine by its SAN",   { .sans = "DNS:cp2,DNS:kubernetes" }, "apiserver", .want = ERR_NONE, .says = "DNS:cp2 DNS:kubernetes" },
    { "two machines' SANs",   { .sans = "DNS:cp2,DNS:cp1" }, "apiserver", .want = ERR_REFUSED, .says = "'cp2' and machine 'cp1'" },
    { "no machine's SAN",     { .sans = "DNS:kubernetes" }, "apiserver", .want = ERR_INVALID, .says = "SANs name it" },
    { "worker's API server",  { 0 }, "apiserver", "w1", .want = ERR_REFUSED, .says = "control-plane machines, and 'w1' is none" },
    { "worker's etcd",        { 0 }, "etcd-peer", "w1", .want = ERR_REFUSED, .says = "etcd machines" },
    { "peer",                 { 0 }, "etcd-peer", "e1", .want = ERR_NONE, .says = "DNS:peer.demo.etcd.poterne.internal" },
    { "peer by itself",       { .sans = "DNS:e1" }, "etcd-peer", "e1", .want = ERR_REFUSED, .says = "know each other" },
    { "server as a peer",     { .sans = "DNS:peer.demo.etcd.poterne.internal" }, "etcd-server", "e1", .want = ERR_REFUSED, .says = "peer.demo" },

    /* services */
    { "a service",            { .sans = "DNS:hook.apps.svc,DNS:hook.apps.svc.cluster.local" }, "extension-serving", .want = ERR_NONE, .says = "CN=hook.apps.svc DNS:hook.apps.svc DNS:hook.apps.svc.cluster.local" },
    { "no service",           { 0 }, "extension-serving", .want = ERR_INVALID, .says = "NAME.NAMESPACE.svc" },
    { "the API server's",     { .sans = "DNS:kubernetes.default.svc" }, "extension-serving", .want = ERR_REFUSED, .says = "API server's own" },
    { "the API server's, long", { .sans = "DNS:kubernetes.default.svc.cluster.local" }, "extension-serving", .want = ERR_REFUSED, .says = "API server's own" },
    { "another domain",       { .sans = "DNS:hook.apps.svc.evil" }, "extension-serving", .want = ERR_REFUSED, .says = "svc.cluster.local" },
    { "not a service",        { .sans = "DNS:hook.apps" }, "extension-serving", .want = ERR_REFUSED, .says = "not NAME.NAMESPACE.svc" },
    { "not a service either", { .sans = "DNS:api.example.com" }, "extension-serving", .want = ERR_REFUSED, .says = "not NAME.NAMESPACE.svc" },
    { "wildcard service",     { .sans = "DNS:*.apps.svc" }, "extension-serving", .want = ERR_INVALID, .says = "'*'" },
    { "two services",         { .sans = "DNS:a.x.svc,DNS:b.x.svc" }, "extension-serving", .want = ERR_REFUSED, .says = "two services" },
    { "service by address",   { .sans = "IP:10.96.0.7" }, "extension-serving", .want = ERR_REFUSED, .says = "IP:10.96.0.7" },

    /* people */
    { "a person",             { 0 }, "operator", NULL, "alice", { "dev", "ops" }, .want = ERR_NONE, .says = "O=dev, O=ops, OU=SKS, CN=alice" },
    { "from the CSR",         { .subject = "O=dev\nCN=alice" }, "operator", .from_csr = true, .want = ERR_NONE, .says = "O=dev, OU=SKS, CN=alice" },
    { "groups not asked",     { .subject = "O=dev\nCN=alice" }, "operator", .want = ERR_REFUSED, .says = "O differs" },
    { "another person's",     { .subject = "CN=bob" }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "CN differs" },
    { "nobody",               { 0 }, "operator", .want = ERR_INVALID, .says = "name the user" },
    { "empty user",           { 0 }, "operator", NULL, "", .want = ERR_INVALID, .says = "name the user" },
    { "system user",          { 0 }, "operator", NULL, "system:admin", .want = ERR_REFUSED, .says = "reserved" },
    { "System user",          { 0 }, "operator", NULL, "SyStEm:admin", .want = ERR_REFUSED, .says = "reserved" },
    { "kubeadm user",         { 0 }, "operator", NULL, "Kubeadm:x", .want = ERR_REFUSED, .says = "reserved" },
    { "the kubelet client",   { 0 }, "operator", NULL, "kube-apiserver-kubelet-client", .want = ERR_REFUSED, .says = "reserved" },
    { "system user by CSR",   { .subject = "CN=system:kube-scheduler" }, "operator", .want = ERR_REFUSED, .says = "reserved" },
    { "space before",         { 0 }, "operator", NULL, " system:admin", .want = ERR_INVALID, .says = "space" },
    { "look-alike",           { 0 }, "operator", NULL, "\xef\xbd\x93ystem:admin", .want = ERR_INVALID, .says = "ASCII" },
    { "bidi",                 { 0 }, "operator", NULL, "a\xe2\x80\xae" "b", .want = ERR_INVALID, .says = "ASCII" },
    { "long user",            { 0 }, "operator", NULL, "a1234567890123456789012345678901234567890123456789012345678901234", .want = ERR_INVALID, .says = "65 characters" },
    { "system group",         { 0 }, "operator", NULL, "alice", { "system:nodes" }, .want = ERR_REFUSED, .says = "reserved" },
    { "System group",         { 0 }, "operator", NULL, "alice", { "SYSTEM:masters" }, .privileged = true, .want = ERR_REFUSED, .says = "reserved" },
    { "masters",              { 0 }, "operator", NULL, "alice", { "system:masters" }, .want = ERR_REFUSED, .says = "--privileged" },
    { "admin unasked",        { 0 }, "admin", "cp1", .want = ERR_REFUSED, .says = "--privileged" },
    { "super-admin unasked",  { 0 }, "super-admin", "cp1", .want = ERR_REFUSED, .says = "--privileged" },
    { "admins",               { 0 }, "operator", NULL, "alice", { "kubeadm:cluster-admins" }, .want = ERR_REFUSED, .says = "--privileged" },
    { "privileged",           { 0 }, "operator", NULL, "alice", { "dev", "system:masters" }, .privileged = true, .want = ERR_NONE, .says = "O=dev, O=system:masters" },
    { "privileged for nothing", { 0 }, "operator", NULL, "alice", { "dev" }, .privileged = true, .want = ERR_NONE, .says = "O=dev" },
    { "privileged, not nodes", { 0 }, "operator", NULL, "alice", { "system:nodes" }, .privileged = true, .want = ERR_REFUSED, .says = "reserved" },
    { "masters by CSR",       { .subject = "O=system:masters\nCN=alice" }, "operator", .from_csr = true, .want = ERR_REFUSED, .says = "--privileged" },
    { "group twice",          { 0 }, "operator", NULL, "alice", { "dev", "dev" }, .want = ERR_INVALID, .says = "twice" },
    { "SAN of a person",      { .sans = "DNS:alice.example" }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "DNS:alice.example" },

    /* usages and extensions */
    { "its own usage",        { .eku = "clientAuth", .ku = "digitalSignature" }, "operator", NULL, "alice", .want = ERR_NONE, .says = "" },
    { "server as a person",   { .eku = "serverAuth" }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "extended key usage server" },
    { "both as a kubelet",    { .eku = "clientAuth,serverAuth" }, "kubelet-client", "w1", .want = ERR_REFUSED, .says = "extended key usage server" },
    { "any usage",            { .eku = "anyExtendedKeyUsage" }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "extended key usage" },
    { "another usage",        { .eku = "codeSigning" }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "extended key usage" },
    { "both for etcd",        { .eku = "clientAuth,serverAuth" }, "etcd-server", "e1", .want = ERR_NONE, .says = "" },
    { "encipherment, EC",     { .ku = "digitalSignature,keyEncipherment" }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "keyEncipherment" },
    { "encipherment, RSA",    { .key = "rsa2048", .ku = "digitalSignature,keyEncipherment" }, "operator", NULL, "alice", .want = ERR_NONE, .says = "" },
    { "may sign",             { .ku = "keyCertSign" }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "keyCertSign" },
    { "an authority",         { .basic = "critical,CA:TRUE" }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "CA:TRUE" },
    { "no authority",         { .basic = "critical,CA:FALSE" }, "operator", NULL, "alice", .want = ERR_NONE, .says = "" },
    { "name constraints",     { .constraints = "permitted;DNS:x" }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "name constraints" },
    { "unknown, critical",    { .unknown_critical = true }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "critical" },
    { "unknown",              { .unknown = true }, "operator", NULL, "alice", .want = ERR_NONE, .says = "" },

    /* keys */
    { "p384",                 { .key = "p384" }, "operator", NULL, "alice", .want = ERR_NONE, .says = "" },
    { "rsa3072",              { .key = "rsa3072" }, "apiserver", "cp1", .want = ERR_NONE, .says = "" },
    { "rsa1024",              { .key = "rsa1024" }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "1024" },
    { "secp256k1",            { .key = "secp256k1" }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "" },
    { "SHA-1",                { .sha1 = true }, "operator", NULL, "alice", .want = ERR_REFUSED, .says = "SHA-1" },
    { "bad signature",        { .broken = true }, "operator", NULL, "alice", .want = ERR_INVALID, .says = "" },
    { "ed25519",              { .key = "ed25519" }, "operator", NULL, "alice", .want = ERR_NONE, .says = "" },
    { "ed25519 for kubeadm",  { .key = "ed25519" }, "apiserver", "cp1", .want = ERR_REFUSED, .says = "Ed25519" },
    { "ed25519 for etcd",     { .key = "ed25519" }, "etcd-peer", "e1", .want = ERR_REFUSED, .says = "kubeadm" },

    /* times */
    { "ten minutes",          { 0 }, "operator", NULL, "alice", .ttl = 600, .want = ERR_NONE, .says = "" },
    { "a second",             { 0 }, "operator", NULL, "alice", .ttl = 1, .want = ERR_NONE, .says = "" },
    { "the longest",          { 0 }, "operator", NULL, "alice", .ttl = DAYS(366), .want = ERR_NONE, .says = "" },
    { "longer",               { 0 }, "operator", NULL, "alice", .ttl = DAYS(366) + 1, .want = ERR_REFUSED, .says = "longest operator TTL" },
    { "negative",             { 0 }, "operator", NULL, "alice", .ttl = -1, .want = ERR_INVALID, .says = "longer than 0" },
    { "the authority's end",  { 0 }, "kubelet-client", "w1", .ttl = YEARS(10), .want = ERR_NONE, .says = "" },
    { "beyond it",            { 0 }, "kubelet-client", "w1", .ttl = YEARS(10) + 1, .want = ERR_REFUSED, .says = "ends at 2036-" },
    { "beyond all times",     { 0 }, "kubelet-client", "w1", .ttl = INT64_MAX, .want = ERR_REFUSED, .says = "ends at 2036-" },
};
/* clang-format on */

static void describe(struct buf *out, const struct issued *issued)
{
    struct x509_cert cert;
    struct san_iter it;
    struct san san;
    struct err e = { 0 };

    if (x509_cert_read(&cert, buf_slice(&issued->cert), &e))
        fail_msg("%s", e.msg);
    name_format(out, cert.subject);
    it = san_iter(&cert.ext);
    while (san_next(&it, &san)) {
        buf_add_byte(out, ' ');
        san_format(out, &san);
    }
}

static void test_orders(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    struct world_issue t = { .c = &c };
    struct world_audit refused = { .action = "certificate.issue", .outcome = "refused" };
    struct world_audit granted = { .action = "certificate.issue", .outcome = "granted" };
    int want_granted = 0;

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct err e = { 0 };

        t.order = (struct issue_order){ .profile = rows[i].profile,
                                        .machine = rows[i].machine,
                                        .user = rows[i].user,
                                        .groups = rows[i].groups,
                                        .privileged = rows[i].privileged,
                                        .groups_from_csr = rows[i].from_csr,
                                        .ttl = rows[i].ttl };
        while (t.order.group_count < 3 && rows[i].groups[t.order.group_count])
            t.order.group_count++;
        if (issue(&w, &t, &rows[i].csr, &e))
            buf_add_str(&text, e.msg);
        else
            describe(&text, &t.issued);
        if (e.code != rows[i].want || !strstr(buf_str(&text), rows[i].says))
            fail_msg("%s: %d, \"%s\"", rows[i].label, e.code, buf_str(&text));
        want_granted += e.code == ERR_NONE;
    }
    assert_int_equal(world_audited(&w, &granted), want_granted);
    assert_true(world_audited(&w, &refused) >=
                30); /* the trail counts those beyond, it does not list them */
    issued_clear(&t.issued);
    cluster_clear(&c);
    world_end(&w);
}

/* A CSR that is cut short, byte by byte, is never signed. */
static void test_truncated(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    struct world_issue t = { .c = &c, .order = { .profile = "operator", .user = "alice" } };
    CLEANUP(buf_clear) struct buf csr = { 0 };

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    csr_make(&csr, &(struct csr_spec){ .subject = "CN=alice" });
    for (size_t len = 0; len < csr.len; len += 7) {
        struct err e = { 0 };

        t.order.csr = slice_of(csr.ptr, len);
        assert_int_equal(world_write(&w, world_issue_in, &t, &e), -1);
        assert_int_equal(e.code, ERR_INVALID);
    }
    cluster_clear(&c);
    world_end(&w);
}

/* ---- times ---- */

static void test_times(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    struct world_issue t = { .c = &c, .order = { .profile = "kubelet-client", .machine = "cp1" } };
    struct x509_cert cert;
    struct err e = { 0 };

    (void)state;
    world_start(&w);
    world_cluster(&w,
                  "{\"name\":\"demo\",\"endpoint\":\"a:1\",\"control_plane\":[\"cp1=10.0.0.1\"],"
                  "\"authority_ttl\":\"30y\",\"leaf_ttl\":\"25y\",\"operator_max_ttl\":\"4h\","
                  "\"service_account_key_type\":\"p256\"}",
                  &c);
    /* beyond 2049: GeneralizedTime */
    if (issue(&w, &t, &(struct csr_spec){ 0 }, &e) ||
        x509_cert_read(&cert, buf_slice(&t.issued.cert), &e))
        fail_msg("%s", e.msg);
    assert_int_equal(cert.not_after, WORLD_NOW + YEARS(25));
    /* the default of a person is cut to the cluster's longest */
    t.order = (struct issue_order){ .profile = "operator", .user = "alice" };
    assert_int_equal(issue(&w, &t, &(struct csr_spec){ 0 }, &e), 0);
    assert_int_equal(t.issued.not_after, WORLD_NOW + HOURS(4));
    /* a default is cut to the authority's end, a wish is not */
    world_again(&w, WORLD_NOW + YEARS(29), STATE_SHARED);
    t.order = (struct issue_order){ .profile = "kubelet-client", .machine = "cp1" };
    assert_int_equal(issue(&w, &t, &(struct csr_spec){ 0 }, &e), 0);
    assert_int_equal(t.issued.not_after, WORLD_NOW + YEARS(30));
    t.order.ttl = YEARS(1) + 1;
    assert_int_equal(issue(&w, &t, &(struct csr_spec){ 0 }, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    /* an authority that ended signs nothing */
    world_again(&w, WORLD_NOW + YEARS(30), STATE_SHARED);
    t.order.ttl = 0;
    assert_int_equal(issue(&w, &t, &(struct csr_spec){ 0 }, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    assert_non_null(strstr(e.msg, "expired"));
    issued_clear(&t.issued);
    cluster_clear(&c);
    world_end(&w);
}

static void test_until_9999(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    struct world_issue t = { .c = &c, .order = { .profile = "kubelet-client", .machine = "cp1" } };
    struct x509_cert cert;
    char json[512];
    struct err e = { 0 };

    (void)state;
    world_start(&w);
    snprintf(json, sizeof json,
             "{\"name\":\"demo\",\"endpoint\":\"a:1\",\"control_plane\":[\"cp1=10.0.0.1\"],"
             "\"authority_ttl\":\"%llds\","
             "\"leaf_ttl\":\"%llds\",\"service_account_key_type\":\"p256\"}",
             (long long)(TIME_MAX - WORLD_NOW), (long long)(TIME_MAX - WORLD_NOW));
    world_cluster(&w, json, &c);
    if (issue(&w, &t, &(struct csr_spec){ 0 }, &e) ||
        x509_cert_read(&cert, buf_slice(&t.issued.cert), &e))
        fail_msg("%s", e.msg);
    assert_int_equal(cert.not_after, TIME_MAX);
    issued_clear(&t.issued);
    cluster_clear(&c);
    world_end(&w);
}

/* ---- slots and the ledger ---- */

struct seen {
    int rows, current, superseded, authorities, people;
    int64_t last;
};
static int see(const struct ledger_row *row, void *ctx, struct err *e)
{
    struct seen *seen = ctx;
    const char *status = json_text(json_get(row->body, "status"));
    int64_t end = row->record->expires ? row->record->expires : INT64_MAX; /* superseded: last */

    (void)e;
    assert_true(end >= seen->last);
    assert_true(row->not_after > WORLD_NOW);
    seen->last = end;
    seen->rows++;
    seen->current += strcmp(status, "current") == 0;
    seen->superseded += strcmp(status, "superseded") == 0;
    seen->authorities += slice_eq_str(json_slice(json_get(row->body, "profile")), "authority");
    seen->people += json_get(row->body, "user") != NULL;
    assert_null(json_get(row->body, "sealed"));
    assert_non_null(json_text(json_get(row->body, "der")));
    return 0;
}

struct listing_call {
    struct ledger_query query;
    struct seen seen;
    int pages;
};
static int list_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct listing_call *call = ctx;
    char cursor[STORE_CURSOR] = "", next[STORE_CURSOR];

    do {
        call->query.cursor = cursor;
        if (ledger_list(tx, &call->query, see, &call->seen, next, e))
            return -1;
        memcpy(cursor, next, sizeof cursor);
        call->pages++;
    } while (cursor[0]);
    return 0;
}

static struct seen list(struct world *w, struct ledger_query query)
{
    struct listing_call call = { .query = query };
    struct err e = { 0 };

    if (store_read(pki_store(w->pki), list_in, &call, &e))
        fail_msg("%s", e.msg);
    return call.seen;
}

static int find_in(struct store_tx *tx, void *ctx, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };

    return ledger_find(tx, ctx, &r, e);
}

static void test_ledger(void **state)
{
    struct world w;
    struct cluster c = { 0 }, other = { 0 };
    struct world_issue t = {
        .c = &c, .order = { .profile = "apiserver", .machine = "cp1", .slot = "apiserver" }
    };
    struct world_audit audit = { .action = "certificate.issue" };
    struct seen seen;
    char serial[64], name[64] = "";
    struct err e = { 0 };

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    world_cluster(&w,
                  "{\"name\":\"other\",\"endpoint\":\"a:1\",\"control_plane\":[\"cp1=10.0.0.1\"],"
                  "\"service_account_key_type\":\"p256\"}",
                  &other);
    for (int i = 0; i < 3; i++)
        assert_int_equal(issue(&w, &t, &(struct csr_spec){ 0 }, &e), 0);
    snprintf(serial, sizeof serial, "%s", t.issued.serial);
    world_audited(&w, &audit);
    assert_non_null(strstr(audit.last, "\"supersedes\":"));
    assert_non_null(strstr(audit.last, serial));
    assert_non_null(strstr(audit.last, "\"keeper_number\":3"));
    t.order = (struct issue_order){ .profile = "operator", .user = "alice", .ttl = HOURS(1) };
    assert_int_equal(issue(&w, &t, &(struct csr_spec){ 0 }, &e), 0);
    t.order = (struct issue_order){ .profile = "kubelet-client", .machine = "cp1" };
    t.c = &other;
    assert_int_equal(issue(&w, &t, &(struct csr_spec){ 0 }, &e), 0);

    for (int limit = 1; limit < 18; limit++) { /* every cut into pages shows the same */
        seen = list(&w, (struct ledger_query){ .authorities = true, .limit = limit });
        assert_int_equal(seen.rows, 3 + 1 + 1 + 10);
        assert_int_equal(seen.superseded, 2);
        assert_int_equal(seen.authorities, 10);
    }
    seen = list(&w, (struct ledger_query){ .limit = 100 });
    assert_int_equal(seen.rows, 5);
    seen = list(&w, (struct ledger_query){ .cluster_uid = c.uid, .authorities = true, .limit = 2 });
    assert_int_equal(seen.rows, 4 + 5);
    seen = list(&w, (struct ledger_query){ .people = true, .authorities = true, .limit = 2 });
    assert_int_equal(seen.rows, 1);
    assert_int_equal(seen.people, 1);
    seen =
        list(&w, (struct ledger_query){ .profile = "apiserver", .authorities = true, .limit = 2 });
    assert_int_equal(seen.rows, 3);
    seen = list(&w, (struct ledger_query){
                        .expiring_until = WORLD_NOW + DAYS(366), .authorities = true, .limit = 2 });
    assert_int_equal(seen.rows, 3); /* alice, the present API server, the kubelet */
    seen = list(&w, (struct ledger_query){ .expiring_until = WORLD_NOW + DAYS(366),
                                           .now = WORLD_NOW + HOURS(2),
                                           .limit = 2 });
    assert_int_equal(seen.rows, 2); /* alice's is over */
    seen = list(&w, (struct ledger_query){
                        .expiring_until = WORLD_NOW + DAYS(30), .authorities = true, .limit = 2 });
    assert_int_equal(seen.rows, 1);

    assert_int_equal(store_read(pki_store(w.pki), find_in, serial, &e), 0);
    for (size_t i = 0; serial[i]; i += 2) /* as OpenSSL prints it */
        snprintf(name + strlen(name), sizeof name - strlen(name), "%s%c%c", i ? ":" : "",
                 serial[i] & ~0x20 & 0x40 ? serial[i] & ~0x20 : serial[i],
                 serial[i + 1] & 0x40 ? serial[i + 1] & ~0x20 : serial[i + 1]);
    assert_int_equal(store_read(pki_store(w.pki), find_in, name, &e), 0);
    serial[0] = serial[0] == '1' ? '2' : '1';
    assert_int_equal(store_read(pki_store(w.pki), find_in, serial, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_int_equal(store_read(pki_store(w.pki), find_in, (void *)(uintptr_t) "hello", &e), -1);
    assert_int_equal(e.code, ERR_INVALID);
    issued_clear(&t.issued);
    cluster_clear(&c);
    cluster_clear(&other);
    world_end(&w);
}

static int bad_cursor_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct ledger_query query = { .cursor = ctx, .limit = 5 };
    char next[STORE_CURSOR];
    struct seen seen = { 0 };

    return ledger_list(tx, &query, see, &seen, next, e);
}

static void test_bad_cursors(void **state)
{
    static const char *const cursors[] = { "x",
                                           "1",
                                           "1.2.3.4.5",
                                           "-1.a..",
                                           "99999999999999.a..",
                                           "1.0123456789012345678901234567890..",
                                           "..",
                                           "1.a.zz." };
    struct world w;

    (void)state;
    world_start(&w);
    for (size_t i = 0; i < ARRAY_LEN(cursors); i++) {
        struct err e = { 0 };
        int rc = store_read(pki_store(w.pki), bad_cursor_in, (void *)(uintptr_t)cursors[i], &e);

        if (rc == 0 || e.code != ERR_INVALID)
            fail_msg("cursor '%s' was taken", cursors[i]);
    }
    world_end(&w);
}

/* ---- what only the slot's owner may do ---- */

static void test_slots(void **state)
{
    static const char *const bad[] = {
        "", "Apiserver", "a b", "a\"b",
        "a1234567890123456789012345678901234567890123456789012345678901234"
    };
    struct world w;
    struct cluster c = { 0 };
    struct world_issue t = { .c = &c, .order = { .profile = "apiserver", .machine = "cp1" } };

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = { 0 };

        t.order.slot = bad[i];
        assert_int_equal(issue(&w, &t, &(struct csr_spec){ 0 }, &e), -1);
        assert_int_equal(e.code, ERR_INVALID);
    }
    t.order = (struct issue_order){ .profile = "operator", .user = "alice", .slot = "admin" };
    assert_int_equal(issue(&w, &t, &(struct csr_spec){ 0 }, &(struct err){ 0 }), -1);
    cluster_clear(&c);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_profile), cmocka_unit_test(test_orders),
        cmocka_unit_test(test_truncated),     cmocka_unit_test(test_times),
        cmocka_unit_test(test_until_9999),    cmocka_unit_test(test_ledger),
        cmocka_unit_test(test_bad_cursors),   cmocka_unit_test(test_slots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
