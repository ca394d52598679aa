#include "base/alloc.h"
#include "base/encode.h"
#include "csr.h"
#include "forge.h"
#include "pki/adopt.h"
#include "pki/ledger.h"
#include "pki/service_account.h"
#include "pki/state_check.h"
#include "world.h"

/* ---- a folder, in memory ---- */

enum { FOLDER = 40 };
struct folder {
    char *path[FOLDER];
    struct buf bytes[FOLDER];
    size_t count;
    struct forged ca[8]; /* in the order of authorities() */
    struct key *sa[2];
};

static void folder_clear(struct folder *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->path[i]);
        buf_clear(&f->bytes[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(f->ca); i++)
        forged_clear(&f->ca[i]);
    key_free(f->sa[0]);
    key_free(f->sa[1]);
    *f = (struct folder){ .count = 0 };
}

/* The buffer of a file, emptied when it is there already. */
static struct buf *put(struct folder *f, const char *path)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->path[i], path) == 0) {
            buf_reset(&f->bytes[i]);
            return &f->bytes[i];
        }
    }
    assert_true(f->count < FOLDER);
    f->path[f->count] = xstrdup(path);
    return &f->bytes[f->count++];
}

static void drop(struct folder *f, const char *path)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->path[i], path) != 0)
            continue;
        free(f->path[i]);
        buf_clear(&f->bytes[i]);
        f->count--;
        f->path[i] = f->path[f->count];
        f->bytes[i] = f->bytes[f->count];
        f->bytes[f->count] = (struct buf){ 0 };
        return;
    }
    fail_msg("no '%s'", path);
}

static void put_leaf(struct folder *f, const char *path, const struct forge_spec *spec)
{
    CLEANUP(forged_clear) struct forged leaf = { 0 };

    forge(&leaf, spec);
    forge_cert_pem(put(f, path), &leaf);
}

/* A kubeconfig with an embedded pair. */
static void put_kubeconfig(struct folder *f, const char *path, const char *server,
                           const struct forge_spec *spec)
{
    CLEANUP(forged_clear) struct forged leaf = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    struct buf *out = put(f, path);

    forge(&leaf, spec);
    forge_cert_pem(&pem, &leaf);
    buf_addf(out,
             "apiVersion: v1\nkind: Config\nclusters: [{name: k, cluster: {server: '%s'}}]\n"
             "users: [{name: u, user: {client-certificate-data: ",
             server);
    base64_encode(out, buf_slice(&pem));
    buf_add_str(out, "}}]\n");
}

static void put_authority(struct folder *f, size_t at, const char *path,
                          const struct forge_spec *spec)
{
    CLEANUP(freep) char *cert = xasprintf("%s.crt", path);
    CLEANUP(freep) char *key = xasprintf("%s.key", path);

    forge(&f->ca[at], spec);
    forge_cert_pem(put(f, cert), &f->ca[at]);
    forge_key_pem(put(f, key), &f->ca[at]);
}

static void put_sa(struct folder *f, const char *private, const char *public)
{
    struct err e = { 0 };

    if (!f->sa[0])
        assert_int_equal(key_generate(&f->sa[0], KEY_P256, &e), 0);
    assert_int_equal(key_write_private_pem(f->sa[0], put(f, private), &e), 0);
    if (public)
        assert_int_equal(key_write_public_pem(f->sa[0], put(f, public), &e), 0);
}

/* As `kubeadm init phase certs all` and `kubeconfig all` leave it. */
static void kubeadm(struct folder *f)
{
    static const char members[] = "localhost,node1,10.0.0.1,127.0.0.1,::1";
    const struct forged *ca = &f->ca[0], *etcd = &f->ca[1], *front = &f->ca[2];

    *f = (struct folder){ .count = 0 };
    put_authority(f, 0, "pki/ca",
                  &(struct forge_spec){ "kubernetes", .ca = true, .free_depth = true });
    put_authority(f, 1, "pki/etcd/ca",
                  &(struct forge_spec){ "etcd-ca", .ca = true, .free_depth = true });
    put_authority(f, 2, "pki/front-proxy-ca",
                  &(struct forge_spec){ "front-proxy-ca", .ca = true, .free_depth = true });
    put_sa(f, "pki/sa.key", "pki/sa.pub");
    put_leaf(f, "pki/apiserver.crt",
             &(struct forge_spec){
                 "kube-apiserver", .eku = EKU_SERVER, .issuer = ca,
                 .names = "cp.example,kubernetes,kubernetes.default,kubernetes.default.svc,"
                          "kubernetes.default.svc.k8s.test,node1,extra.example,10.32.0.1,"
                          "10.0.0.1,192.0.2.9" });
    put_leaf(
        f, "pki/apiserver-kubelet-client.crt",
        &(struct forge_spec){ "kube-apiserver-kubelet-client", .eku = EKU_CLIENT, .issuer = ca });
    put_leaf(f, "pki/etcd/server.crt",
             &(struct forge_spec){ "node1", .eku = EKU_CLIENT | EKU_SERVER, .issuer = etcd,
                                   .names = members });
    put_leaf(
        f, "pki/apiserver-etcd-client.crt",
        &(struct forge_spec){ "kube-apiserver-etcd-client", .eku = EKU_CLIENT, .issuer = etcd });
    put_leaf(f, "pki/front-proxy-client.crt",
             &(struct forge_spec){ "front-proxy-client", .eku = EKU_CLIENT, .issuer = front });
    put_kubeconfig(f, "admin.conf", "https://cp.example:6443",
                   &(struct forge_spec){ "kubernetes-admin", .org = "kubeadm:cluster-admins",
                                         .eku = EKU_CLIENT, .issuer = ca });
    put_kubeconfig(f, "kubelet.conf", "https://cp.example:6443",
                   &(struct forge_spec){ "system:node:node1", .org = "system:nodes",
                                         .eku = EKU_CLIENT, .issuer = ca });
    put_kubeconfig(
        f, "scheduler.conf", "https://10.0.0.1:6443",
        &(struct forge_spec){ "system:kube-scheduler", .eku = EKU_CLIENT, .issuer = ca });
}

/* As k3s makes server/tls (pkg/daemons/control/deps/deps.go); leaves carry their CA. */
static void k3s(struct folder *f)
{
    const struct forged *server = &f->ca[0], *client = &f->ca[1], *etcd = &f->ca[3],
                        *peer = &f->ca[4];

    *f = (struct folder){ .count = 0 };
    put_authority(f, 0, "server-ca",
                  &(struct forge_spec){ "k3s-server-ca@1", .ca = true, .free_depth = true });
    put_authority(f, 1, "client-ca",
                  &(struct forge_spec){ "k3s-client-ca@1", .ca = true, .free_depth = true });
    put_authority(
        f, 2, "request-header-ca",
        &(struct forge_spec){ "k3s-request-header-ca@1", .ca = true, .free_depth = true });
    put_authority(f, 3, "etcd/server-ca",
                  &(struct forge_spec){ "etcd-server-ca@1", .ca = true, .free_depth = true });
    put_authority(f, 4, "etcd/peer-ca",
                  &(struct forge_spec){ "etcd-peer-ca@1", .ca = true, .free_depth = true });
    put_sa(f, "service.key", NULL);
    put_leaf(f, "serving-kube-apiserver.crt",
             &(struct forge_spec){
                 "kube-apiserver", .eku = EKU_SERVER, .issuer = server,
                 .names = "kubernetes,kubernetes.default,kubernetes.default.svc,"
                          "kubernetes.default.svc.cluster.local,localhost,edge-7,127.0.0.1,::1,"
                          "192.168.7.7,10.43.0.1" });
    put_leaf(f, "client-admin.crt",
             &(struct forge_spec){ "system:admin", .org = "system:masters", .eku = EKU_CLIENT,
                                   .issuer = client });
    put_leaf(f, "client-scheduler.crt",
             &(struct forge_spec){ "system:kube-scheduler", .eku = EKU_CLIENT, .issuer = client });
    put_leaf(f, "etcd/server-client.crt",
             &(struct forge_spec){ "etcd-server", .eku = EKU_CLIENT | EKU_SERVER, .issuer = etcd,
                                   .names = "kine.sock,localhost,edge-7,127.0.0.1,192.168.7.7" });
    put_leaf(f, "etcd/peer-server-client.crt",
             &(struct forge_spec){ "etcd-peer", .eku = EKU_CLIENT | EKU_SERVER, .issuer = peer,
                                   .names = "kine.sock,edge-7" });
}

/* ---- adopting it ---- */

struct outcome {
    bool changed;
    struct json *doc;
    const struct json_value *reply;
};

static void outcome_clear(struct outcome *o)
{
    json_free(o->doc);
    *o = (struct outcome){ .doc = NULL };
}

static int adopt(struct world *w, const struct folder *f, const char *layout, struct outcome *o,
                 struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct adopt_file files[FOLDER];
    struct adopt_request what = {
        .name = "old", .layout = layout, .file = files, .file_count = f->count
    };
    struct json_writer json;

    outcome_clear(o);
    for (size_t i = 0; i < f->count; i++)
        files[i] = (struct adopt_file){ f->path[i], buf_slice(&f->bytes[i]) };
    json_writer_init(&json, &text, false);
    json_put_object(&json, NULL);
    w->request.id[0] = '\0';
    if (cluster_adopt(&w->request, &what, &o->changed, &json, e))
        return -1;
    json_put_end(&json);
    if (json_parse(&o->doc, buf_slice(&text), NULL, e))
        fail_msg("the reply: %s", e->msg);
    o->reply = json_root(o->doc);
    return 0;
}

static void adopt_well(struct world *w, const struct folder *f, const char *layout,
                       struct outcome *o, bool changed)
{
    struct err e = { 0 };

    if (adopt(w, f, layout, o, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(o->changed, changed);
}

/* Has the reply that finding? */
static bool found(const struct outcome *o, const char *code, const char *path)
{
    const struct json_value *list = json_get(o->reply, "findings");

    for (size_t i = 0; i < json_len(list); i++) {
        const char *at = json_text(json_get(json_at(list, i), "path"));

        if (slice_eq_str(json_slice(json_get(json_at(list, i), "code")), code) &&
            (!path || (at && strcmp(at, path) == 0)))
            return true;
    }
    return false;
}

/* "etcd=sealed ..." in the order of the reply. */
static void check_authorities(const struct outcome *o, const char *want)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    const struct json_value *list = json_get(o->reply, "authorities");

    for (size_t i = 0; i < json_len(list); i++)
        buf_addf(&text, "%s%s=%s:%s", i ? " " : "", json_text(json_get(json_at(list, i), "name")),
                 json_text(json_get(json_at(list, i), "path")),
                 json_text(json_get(json_at(list, i), "custody")));
    assert_string_equal(buf_str(&text), want);
}

static const char *text_of(const struct outcome *o, const char *path)
{
    const char *text = json_text(json_path(o->reply, path));

    if (!text)
        fail_msg("no text at '%s'", path);
    return text;
}

static void ignore_fault(const struct state_fault *fault, void *ctx)
{
    (void)ctx;
    print_message("%s: %s: %s\n", fault->check, fault->subject, fault->text);
}

static void check_state(struct world *w)
{
    struct state_report report;
    struct err e = { 0 };

    if (state_check(&w->request, ignore_fault, NULL, &report, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(report.faults, 0);
}

/* The certificate on record with that subject. */
struct search {
    const char *subject, *status;
    int count;
    char authority[32], user[64], found[128];
};

static int look(const struct ledger_row *row, void *ctx, struct err *e)
{
    struct search *s = ctx;
    const char *user = json_text(json_get(row->body, "user"));
    const char *place = json_text(json_get(row->body, "found"));

    (void)e;
    if (!slice_eq_str(json_slice(json_get(row->body, "subject")), s->subject) ||
        !slice_eq_str(json_slice(json_get(row->body, "status")), s->status ? s->status : "current"))
        return 0;
    s->count++;
    snprintf(s->authority, sizeof s->authority, "%s", json_text(json_get(row->body, "authority")));
    snprintf(s->user, sizeof s->user, "%s", user ? user : "");
    snprintf(s->found, sizeof s->found, "%s", place ? place : "");
    return 0;
}

static int search_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct ledger_query query = { .authorities = true, .limit = STORE_MAX_PAGE };
    char next[STORE_CURSOR];

    return ledger_list(tx, &query, look, ctx, next, e);
}

static void search(struct world *w, struct search *s)
{
    struct err e = { 0 };

    if (store_read(pki_store(w->pki), search_in, s, &e))
        fail_msg("%s", e.msg);
}

/* ---- issuing with what was adopted ---- */

static int issue_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct world_issue *i = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };

    i->c = &c;
    return cluster_load(w->tx, "old", &c, e) ? -1 : world_issue_in(w, i, e);
}

static int issue(struct world *w, struct world_issue *t, struct err *e)
{
    CLEANUP(buf_clear) struct buf csr = { 0 };
    int rc;

    csr_make(&csr, &(struct csr_spec){ .key = "p256" });
    t->order.csr = buf_slice(&csr);
    rc = world_write(w, issue_in, t, e);
    t->order.csr = slice_of(NULL, 0);
    return rc;
}

/* ---- kubeadm ---- */

/* FORGE_NOW is what the certificates are made for. */
static void start(struct world *w)
{
    world_start(w);
    world_again(w, FORGE_NOW, STATE_SHARED);
}

static void test_kubeadm(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };
    struct world_audit audit = { .action = NULL };
    int records;

    (void)state;
    start(&w);
    kubeadm(&f);
    adopt_well(&w, &f, "kubeadm", &o, true);
    check_authorities(&o, "etcd=pki/etcd/ca.crt:sealed control-plane=pki/ca.crt:sealed "
                          "operators=pki/ca.crt:sealed kubelet=pki/ca.crt:sealed "
                          "aggregation=pki/front-proxy-ca.crt:sealed");
    assert_string_equal(text_of(&o, "endpoint"), "cp.example:6443");
    assert_string_equal(text_of(&o, "dns_domain"), "k8s.test");
    assert_string_equal(text_of(&o, "service_cidr"), "10.32.0.0/16");
    assert_string_equal(text_of(&o, "adopted"), "kubeadm");
    assert_string_equal(text_of(&o, "key_type"), "p256");
    assert_string_equal(text_of(&o, "service_account_key"), "sealed");
    assert_string_equal(text_of(&o, "machines.0.name"), "node1");
    assert_string_equal(text_of(&o, "machines.0.addresses.0"), "10.0.0.1");
    assert_int_equal(json_len(json_path(o.reply, "machines.0.addresses")), 1);
    assert_string_equal(text_of(&o, "sans.0"), "extra.example");
    assert_string_equal(text_of(&o, "sans.1"), "192.0.2.9");
    assert_int_equal(json_len(json_get(o.reply, "sans")), 2);
    assert_int_equal(json_len(json_get(o.reply, "items")), 8);
    assert_true(found(&o, "ca-unconstrained", "pki/ca.crt"));
    assert_true(found(&o, "etcd-member", "pki/etcd/server.crt"));
    assert_true(found(&o, "guessed", NULL)); /* the network of services */
    assert_false(found(&o, "chain", NULL));
    check_state(&w);

    records = world_audited(&w, &audit);
    adopt_well(&w, &f, "kubeadm", &o, false);
    assert_int_equal(world_audited(&w, &audit), records);
    check_authorities(&o, "etcd=pki/etcd/ca.crt:sealed control-plane=pki/ca.crt:sealed "
                          "operators=pki/ca.crt:sealed kubelet=pki/ca.crt:sealed "
                          "aggregation=pki/front-proxy-ca.crt:sealed");
}

static void test_leaves(void **state)
{
    static const struct {
        const char *subject, *authority, *user, *found;
    } rows[] = {
        { "CN=kube-apiserver", "control-plane", "", "node1:pki/apiserver.crt" },
        { "CN=kube-apiserver-kubelet-client", "control-plane", "",
          "node1:pki/apiserver-kubelet-client.crt" },
        { "CN=kube-apiserver-etcd-client", "etcd", "", "node1:pki/apiserver-etcd-client.crt" },
        { "CN=front-proxy-client", "aggregation", "", "node1:pki/front-proxy-client.crt" },
        { "CN=system:kube-scheduler", "control-plane", "", "node1:scheduler.conf user u" },
        { "O=system:nodes, CN=system:node:node1", "kubelet", "", "node1:kubelet.conf user u" },
        { "O=kubeadm:cluster-admins, CN=kubernetes-admin", "operators", "kubernetes-admin",
          "node1:admin.conf user u" },
    };
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };

    (void)state;
    start(&w);
    kubeadm(&f);
    adopt_well(&w, &f, "kubeadm", &o, true);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct search s = { .subject = rows[i].subject };

        search(&w, &s);
        if (s.count != 1 || strcmp(s.authority, rows[i].authority) != 0 ||
            strcmp(s.user, rows[i].user) != 0 || strcmp(s.found, rows[i].found) != 0)
            fail_msg("%s: %d, %s, '%s', '%s'", rows[i].subject, s.count, s.authority, s.user,
                     s.found);
    }
}

/* What was renewed in its place takes over. */
static void test_renewed(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };
    struct search now = { .subject = "CN=front-proxy-client" };
    struct search before = { .subject = "CN=front-proxy-client", .status = "superseded" };

    (void)state;
    start(&w);
    kubeadm(&f);
    adopt_well(&w, &f, "kubeadm", &o, true);
    put_leaf(&f, "pki/front-proxy-client.crt",
             &(struct forge_spec){ "front-proxy-client", .eku = EKU_CLIENT, .issuer = &f.ca[2] });
    adopt_well(&w, &f, "kubeadm", &o, true);
    search(&w, &now);
    search(&w, &before);
    assert_int_equal(now.count, 1);
    assert_int_equal(before.count, 1);
    adopt_well(&w, &f, "kubeadm", &o, false);
    check_state(&w);
}

static void test_issue(void **state)
{
    static const char *const groups[] = { "dev" };
    static const char *const masters[] = { "system:masters" };
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };
    struct world_issue t = {
        .order = { .profile = "operator", .user = "ann", .groups = groups, .group_count = 1 }
    };
    struct x509_cert view;
    struct err e = { 0 };

    (void)state;
    start(&w);
    kubeadm(&f);
    adopt_well(&w, &f, "kubeadm", &o, true);
    if (issue(&w, &t, &e) || x509_cert_read(&view, buf_slice(&t.issued.cert), &e))
        fail_msg("%s", e.msg);
    assert_int_equal(key_verify(f.ca[0].key, view.sig_alg, view.sig_params, view.tbs, view.sig, &e),
                     0);
    assert_int_equal(view.ext.eku, EKU_CLIENT);
    t.order.groups = masters; /* the fence of an adopted key limits it like any other */
    assert_int_equal(issue(&w, &t, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    t.order = (struct issue_order){ .profile = "apiserver", .machine = "node1" };
    e = (struct err){ 0 };
    if (issue(&w, &t, &e) || x509_cert_read(&view, buf_slice(&t.issued.cert), &e))
        fail_msg("%s", e.msg);
    assert_int_equal(view.ext.eku, EKU_SERVER);
    issued_clear(&t.issued);
    check_state(&w);
}

/* ---- keys ---- */

static void test_custody(void **state)
{
    static const char elsewhere[] =
        "etcd=pki/etcd/ca.crt:elsewhere control-plane=pki/ca.crt:elsewhere "
        "operators=pki/ca.crt:elsewhere kubelet=pki/ca.crt:elsewhere "
        "aggregation=pki/front-proxy-ca.crt:elsewhere";
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };
    struct world_issue t = { .order = { .profile = "operator", .user = "ann" } };
    struct err e = { 0 };

    (void)state;
    start(&w);
    kubeadm(&f);
    drop(&f, "pki/ca.key");
    drop(&f, "pki/etcd/ca.key");
    drop(&f, "pki/front-proxy-ca.key");
    drop(&f, "pki/sa.key");
    adopt_well(&w, &f, "kubeadm", &o, true);
    check_authorities(&o, elsewhere);
    assert_string_equal(text_of(&o, "service_account_key"), "elsewhere");
    check_state(&w);
    assert_int_equal(issue(&w, &t, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    assert_non_null(strstr(e.msg, "elsewhere"));

    forge_key_pem(put(&f, "pki/ca.key"), &f.ca[0]);
    put_sa(&f, "pki/sa.key", "pki/sa.pub");
    adopt_well(&w, &f, "kubeadm", &o, true);
    check_authorities(&o, "etcd=pki/etcd/ca.crt:elsewhere control-plane=pki/ca.crt:sealed "
                          "operators=pki/ca.crt:sealed kubelet=pki/ca.crt:sealed "
                          "aggregation=pki/front-proxy-ca.crt:elsewhere");
    assert_string_equal(text_of(&o, "service_account_key"), "sealed");
    check_state(&w);
    e = (struct err){ 0 };
    if (issue(&w, &t, &e))
        fail_msg("%s", e.msg);
    issued_clear(&t.issued);
    drop(&f, "pki/ca.key"); /* taken in is taken in */
    adopt_well(&w, &f, "kubeadm", &o, false);
    check_authorities(&o, "etcd=pki/etcd/ca.crt:elsewhere control-plane=pki/ca.crt:sealed "
                          "operators=pki/ca.crt:sealed kubelet=pki/ca.crt:sealed "
                          "aggregation=pki/front-proxy-ca.crt:elsewhere");
}

/* A key that cannot be taken in is named, and the CA is watched. */
static void test_refused_keys(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };

    (void)state;
    start(&w);
    kubeadm(&f);
    forge_key_pem(put(&f, "pki/ca.key"), &f.ca[1]); /* etcd's */
    buf_add_str(put(&f, "pki/etcd/ca.key"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
                                            "-----END ENCRYPTED PRIVATE KEY-----\n");
    adopt_well(&w, &f, "kubeadm", &o, true);
    check_authorities(&o, "etcd=pki/etcd/ca.crt:elsewhere control-plane=pki/ca.crt:elsewhere "
                          "operators=pki/ca.crt:elsewhere kubelet=pki/ca.crt:elsewhere "
                          "aggregation=pki/front-proxy-ca.crt:sealed");
    assert_true(found(&o, "key-mismatch", "pki/ca.crt"));
    assert_true(found(&o, "key-refused", "pki/etcd/ca.crt"));
    check_state(&w);
}

static void test_rsa(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };
    struct world_issue t = { .order = { .profile = "operator", .user = "ann" } };
    struct err e = { 0 };

    (void)state;
    start(&w);
    kubeadm(&f);
    forged_clear(&f.ca[0]);
    put_authority(
        &f, 0, "pki/ca",
        &(struct forge_spec){ "kubernetes", .type = KEY_RSA2048, .ca = true, .free_depth = true });
    adopt_well(&w, &f, "kubeadm", &o, true);
    assert_string_equal(text_of(&o, "key_type"), "rsa2048");
    assert_true(found(&o, "chain", "pki/apiserver.crt")); /* of the CA that was there before */
    if (issue(&w, &t, &e))
        fail_msg("%s", e.msg);
    issued_clear(&t.issued);
    check_state(&w);
}

static void test_expired(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };
    struct world_issue t = { .order = { .profile = "operator", .user = "ann" } };
    struct err e = { 0 };

    (void)state;
    start(&w);
    kubeadm(&f);
    world_again(&w, FORGE_NOW + YEARS(10) + 1, STATE_SHARED);
    adopt_well(&w, &f, "kubeadm", &o, true);
    assert_true(found(&o, "expired", "pki/ca.crt"));
    assert_true(found(&o, "expired", "pki/apiserver.crt"));
    assert_int_equal(issue(&w, &t, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    assert_non_null(strstr(e.msg, "expired"));
    check_state(&w);
}

/* ---- other shapes of the same ---- */

/* Our own export has a CA for each flow. */
static void test_five(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };

    (void)state;
    start(&w);
    kubeadm(&f);
    put_authority(&f, 3, "pki/operators-ca",
                  &(struct forge_spec){ "operators", .ca = true, .eku = EKU_CLIENT });
    put_authority(&f, 4, "pki/kubelet-ca", &(struct forge_spec){ "kubelets", .ca = true });
    adopt_well(&w, &f, "kubeadm", &o, true);
    check_authorities(&o, "etcd=pki/etcd/ca.crt:sealed control-plane=pki/ca.crt:sealed "
                          "operators=pki/operators-ca.crt:sealed kubelet=pki/kubelet-ca.crt:sealed "
                          "aggregation=pki/front-proxy-ca.crt:sealed");
    adopt_well(&w, &f, "kubeadm", &o, false);
    check_state(&w);
}

/* One CA for everything, in three files. */
static void test_one(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };

    (void)state;
    start(&w);
    kubeadm(&f);
    forge_cert_pem(put(&f, "pki/etcd/ca.crt"), &f.ca[0]);
    forge_cert_pem(put(&f, "pki/front-proxy-ca.crt"), &f.ca[0]);
    drop(&f, "pki/etcd/ca.key");
    drop(&f, "pki/front-proxy-ca.key");
    adopt_well(&w, &f, "kubeadm", &o, true);
    check_authorities(&o, "etcd=pki/ca.crt:sealed control-plane=pki/ca.crt:sealed "
                          "operators=pki/ca.crt:sealed kubelet=pki/ca.crt:sealed "
                          "aggregation=pki/ca.crt:sealed");
    adopt_well(&w, &f, "kubeadm", &o, false);
    check_state(&w);
}

/* The pki folder alone, and with etcd outside of the cluster. */
static void test_little(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f = { .count = 0 };
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };

    (void)state;
    start(&w);
    put_authority(&f, 0, "ca", &(struct forge_spec){ "kubernetes", .ca = true });
    adopt_well(&w, &f, "kubeadm", &o, true);
    check_authorities(&o, "control-plane=ca.crt:sealed operators=ca.crt:sealed "
                          "kubelet=ca.crt:sealed");
    assert_true(found(&o, "authority-missing", NULL));
    assert_string_equal(text_of(&o, "endpoint"), "");
    assert_int_equal(json_len(json_get(o.reply, "machines")), 0);
    assert_int_equal(json_type(json_get(o.reply, "service_account_key")), JSON_NULL);
    adopt_well(&w, &f, "kubeadm", &o, false);
    check_state(&w);
}

/* Another machine of the cluster comes in with its own leaves. */
static void test_second_machine(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };
    struct search s = { .subject = "CN=node2" };

    (void)state;
    start(&w);
    kubeadm(&f);
    adopt_well(&w, &f, "kubeadm", &o, true);
    put_leaf(&f, "pki/etcd/server.crt",
             &(struct forge_spec){ "node2", .eku = EKU_CLIENT | EKU_SERVER, .issuer = &f.ca[1],
                                   .names = "localhost,node2,10.0.0.2,127.0.0.1" });
    put_kubeconfig(&f, "kubelet.conf", "https://cp.example:6443",
                   &(struct forge_spec){ "system:node:node2", .org = "system:nodes",
                                         .eku = EKU_CLIENT, .issuer = &f.ca[0] });
    adopt_well(&w, &f, "kubeadm", &o, true);
    assert_string_equal(text_of(&o, "machines.0.name"), "node1");
    assert_string_equal(text_of(&o, "machines.1.name"), "node2");
    search(&w, &s);
    assert_int_equal(s.count, 1);
    assert_string_equal(s.found, "node2:pki/etcd/server.crt");
    s = (struct search){ .subject = "CN=node1" }; /* that of the first machine stays */
    search(&w, &s);
    assert_int_equal(s.count, 1);
    adopt_well(&w, &f, "kubeadm", &o, false);
    check_state(&w);
}

/* ---- k3s ---- */

static void test_k3s(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };
    struct search s = { .subject = "CN=etcd-peer-ca@1" };

    (void)state;
    start(&w);
    k3s(&f);
    adopt_well(&w, &f, "k3s", &o, true);
    check_authorities(&o, "etcd=etcd/server-ca.crt:sealed control-plane=server-ca.crt:sealed "
                          "operators=client-ca.crt:sealed kubelet=client-ca.crt:sealed "
                          "aggregation=request-header-ca.crt:sealed");
    assert_string_equal(text_of(&o, "watched.0.path"), "etcd/peer-ca.crt");
    assert_string_equal(text_of(&o, "watched.0.custody"), "elsewhere");
    assert_true(found(&o, "ca-watched", "etcd/peer-ca.crt"));
    assert_string_equal(text_of(&o, "endpoint"), "192.168.7.7:6443");
    assert_string_equal(text_of(&o, "service_cidr"), "10.43.0.0/16");
    assert_string_equal(text_of(&o, "machines.0.name"), "edge-7");
    assert_string_equal(text_of(&o, "machines.0.addresses.0"), "192.168.7.7");
    assert_string_equal(text_of(&o, "service_account_key"), "sealed");
    search(&w, &s);
    assert_int_equal(s.count, 1);
    s = (struct search){ .subject = "CN=etcd-peer" };
    search(&w, &s);
    assert_int_equal(s.count, 1);
    assert_string_equal(s.authority, "etcd");
    adopt_well(&w, &f, "k3s", &o, false);
    check_state(&w);
}

/* Its CAs are for servers or for clients: what the other one would have to sign is refused. */
static void test_k3s_issue(void **state)
{
    static const struct {
        const char *profile, *user;
        bool works;
    } rows[] = {
        { "operator", "ann", true },           { "kubelet-client", NULL, true },
        { "apiserver", NULL, true },           { "etcd-server", NULL, true },
        { "kubelet-serving", NULL, false },    { "apiserver-kubelet-client", NULL, false },
        { "controller-manager", NULL, false }, { "etcd-peer", NULL, false },
    };
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };

    (void)state;
    start(&w);
    k3s(&f);
    adopt_well(&w, &f, "k3s", &o, true);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world_issue t = { .order = { .profile = rows[i].profile,
                                            .user = rows[i].user,
                                            .machine = rows[i].user ? NULL : "edge-7" } };
        struct err e = { 0 };
        int rc = issue(&w, &t, &e);

        issued_clear(&t.issued);
        if ((rc == 0) != rows[i].works || (rc && e.code != ERR_REFUSED))
            fail_msg("%s: %d %s", rows[i].profile, rc, e.msg);
    }
}

/* service.key holds the key that signs first, then older ones (ServiceKey in deps.go). */
static int read_public(struct store_tx *tx, void *ctx, struct err *e)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };

    if (cluster_load(tx, "old", &c, e))
        return -1;
    return service_account_public(tx, &c, ctx, e);
}

static int release_in(struct pki_write *w, void *ctx, struct err *e)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };

    if (cluster_load(w->tx, "old", &c, e))
        return -1;
    return service_account_release(w, &c, "edge-7", ctx, e);
}

static void test_service_account(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };
    CLEANUP(buf_clear) struct buf have = { 0 };
    CLEANUP(buf_clear) struct buf want = { 0 };
    struct buf *file;
    struct err e = { 0 };

    (void)state;
    start(&w);
    k3s(&f);
    assert_int_equal(key_generate(&f.sa[1], KEY_P256, &e), 0);
    file = put(&f, "service.key");
    assert_int_equal(key_write_private_pem(f.sa[0], file, &e), 0);
    assert_int_equal(key_write_private_pem(f.sa[1], file, &e), 0);
    adopt_well(&w, &f, "k3s", &o, true);
    if (store_read(pki_store(w.pki), read_public, &have, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(key_write_public_pem(f.sa[1], &want, &e), 0); /* oldest first */
    assert_int_equal(key_write_public_pem(f.sa[0], &want, &e), 0);
    assert_string_equal(buf_str(&have), buf_str(&want));
    buf_reset(&have);
    buf_reset(&want);
    if (world_write(&w, release_in, &have, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(key_write_private_pem(f.sa[0], &want, &e), 0);
    assert_string_equal(buf_str(&have), buf_str(&want));
    adopt_well(&w, &f, "k3s", &o, false);
    check_state(&w);
}

/* ---- what is refused ---- */

static void no_ca(struct folder *f)
{
    drop(f, "pki/ca.crt");
}

static void leaf_for_ca(struct folder *f)
{
    put_leaf(f, "pki/ca.crt", &(struct forge_spec){ "kubernetes", .eku = EKU_CLIENT });
}

static void broken_ca(struct folder *f)
{
    buf_add_str(put(f, "pki/ca.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n");
}

static void key_for_ca(struct folder *f)
{
    forge_key_pem(put(f, "pki/ca.crt"), &f->ca[0]);
}

static void large_file(struct folder *f)
{
    struct buf *b = put(f, "pki/large.crt");

    for (int i = 0; i <= ADOPT_MAX_SIZE / 16; i++)
        buf_add_str(b, "0123456789abcdef");
}

static void test_refusals(void **state)
{
    static const struct {
        const char *label, *layout;
        void (*spoil)(struct folder *f);
        enum err_code want;
    } rows[] = {
        { "no CA", "kubeadm", no_ca, ERR_NOT_FOUND },
        { "a leaf as CA", "kubeadm", leaf_for_ca, ERR_INVALID },
        { "a broken CA", "kubeadm", broken_ca, ERR_INVALID },
        { "a key as CA", "kubeadm", key_for_ca, ERR_INVALID },
        { "a large file", "kubeadm", large_file, ERR_LIMIT },
        { "another layout", "talos", NULL, ERR_INVALID },
        { "kubeadm's as k3s'", "k3s", NULL, ERR_NOT_FOUND },
    };
    CLEANUP(world_end) struct world w;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };

    (void)state;
    start(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(folder_clear) struct folder f;
        struct err e = { 0 };

        kubeadm(&f);
        if (rows[i].spoil)
            rows[i].spoil(&f);
        if (adopt(&w, &f, rows[i].layout, &o, &e) != -1 || e.code != rows[i].want)
            fail_msg("%s: %s", rows[i].label, err_text(&e));
    }
}

/* Never over a cluster of ours, or over one with other CAs. */
static void test_conflicts(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(folder_clear) struct folder other;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };
    struct err e = { 0 };

    (void)state;
    start(&w);
    kubeadm(&f);
    kubeadm(&other);
    adopt_well(&w, &f, "kubeadm", &o, true);
    assert_int_equal(adopt(&w, &other, "kubeadm", &o, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    adopt_well(&w, &f, "kubeadm", &o, false);
    world_cluster(&w, "{\"name\":\"old2\",\"endpoint\":\"a:1\",\"control_plane\":[\"m=10.0.0.9\"]}",
                  &c);
    check_state(&w);
}

static void test_made_here(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };
    struct err e = { 0 };

    (void)state;
    start(&w);
    kubeadm(&f);
    world_cluster(&w, "{\"name\":\"old\",\"endpoint\":\"a:1\",\"control_plane\":[\"m=10.0.0.9\"]}",
                  &c);
    assert_int_equal(adopt(&w, &f, "kubeadm", &o, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    check_state(&w);
}

/* What is broken besides is named, and does not stand in the way. */
static void test_broken_beside(void **state)
{
    CLEANUP(world_end) struct world w;
    CLEANUP(folder_clear) struct folder f;
    CLEANUP(outcome_clear) struct outcome o = { .doc = NULL };

    (void)state;
    start(&w);
    kubeadm(&f);
    buf_add_str(put(&f, "pki/old.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n");
    buf_add_str(put(&f, "pki/odd.crt"),
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    buf_add_str(put(&f, "notes.txt"), "hello\n");
    adopt_well(&w, &f, "kubeadm", &o, true);
    assert_true(found(&o, "unreadable", "pki/old.crt"));
    assert_true(found(&o, "unreadable", "pki/odd.crt"));
    assert_false(found(&o, "unreadable", "notes.txt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kubeadm),
        cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_renewed),
        cmocka_unit_test(test_issue),
        cmocka_unit_test(test_custody),
        cmocka_unit_test(test_refused_keys),
        cmocka_unit_test(test_rsa),
        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_five),
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_little),
        cmocka_unit_test(test_second_machine),
        cmocka_unit_test(test_k3s),
        cmocka_unit_test(test_k3s_issue),
        cmocka_unit_test(test_service_account),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_made_here),
        cmocka_unit_test(test_broken_beside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
