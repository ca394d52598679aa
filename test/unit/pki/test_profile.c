#include "crypto/name.h"
#include "golden.h"
#include "pki/authority.h"
#include "pki/profile.h"
#include "world.h"

static void demo(struct cluster *c)
{
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    struct err e = { 0 };

    if (world_parse(c, WORLD_CLUSTER, &warnings, &e))
        fail_msg("%s", e.msg);
    snprintf(c->uid, sizeof c->uid, "00000000000000000000000001");
}

/* ---- the golden file: the table, and the fences made from it ---- */

static const char *sans_name(enum profile_sans sans)
{
    static const char *const names[] = { "-", "apiserver", "machine", "local", "peer", "service" };

    return names[sans];
}

static const char *subject_name(enum profile_subject subject)
{
    static const char *const names[] = { "fixed", "machine", "user", "service" };

    return names[subject];
}

static void print_profile(struct buf *out, const struct profile *p, const struct cluster *c)
{
    CLEANUP(buf_clear) struct buf eku = { 0 };
    CLEANUP(buf_clear) struct buf most = { 0 };
    CLEANUP(buf_clear) struct buf usual = { 0 };

    x509_eku_names(&eku, p->eku);
    duration_format(&most, profile_max_ttl(p, c));
    duration_format(&usual, p->default_ttl ? p->default_ttl : c->leaf_ttl);
    buf_addf(out, "%-27s %-14s %-15s %-8s cn=%s o=%s\n", p->name, authority_role_name(p->role),
             buf_str(&eku), subject_name(p->subject), p->cn[0] ? p->cn : "-",
             p->org ? p->org : "-");
    buf_addf(out, "%-27s sans=%s machines=%s%s%s ttl=%s longest=%s ed25519=%s\n", "",
             sans_name(p->sans), p->machines & MACHINE_CONTROL_PLANE ? "c" : "-",
             p->machines & MACHINE_ETCD ? "e" : "-", p->machines & MACHINE_WORKER ? "w" : "-",
             buf_str(&usual), buf_str(&most), p->ed25519 ? "yes" : "no");
}

static void print_fence(struct buf *out, const struct cluster *c, unsigned roles)
{
    CLEANUP(buf_clear) struct buf json = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct json_writer w;
    struct err e = { 0 };

    if (profile_fence(&json, c, roles, &e) || json_parse(&doc, buf_slice(&json), NULL, &e))
        fail_msg("%s", e.msg);
    json_writer_init(&w, out, true);
    json_put_value(&w, NULL, json_root(doc));
    buf_add_str(out, "\n");
}

static void test_golden(void **state)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(buf_clear) struct buf out = { 0 };

    (void)state;
    demo(&c);
    buf_add_str(&out, "profiles: name, authority, extended key usage, subject; machines: control "
                      "plane, etcd, worker\n\n");
    for (size_t i = 0; i < profile_count; i++)
        print_profile(&out, &profiles[i], &c);
    for (int role = 0; role < AUTHORITY_ROLES; role++) {
        buf_addf(&out, "\nfence of the %s authority:\n",
                 authority_role_name((enum authority_role)role));
        print_fence(&out, &c, 1U << role);
    }
    golden_compare("profiles.txt", &out);
}

/* ---- rules that the table keeps ---- */

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < profile_count; i++) {
        const struct profile *p = &profiles[i];
        bool etcd = strcmp(p->name, "etcd-server") == 0 || strcmp(p->name, "etcd-peer") == 0;

        assert_ptr_equal(profile_find(p->name), p); /* no name twice */
        assert_int_equal(p->eku == (EKU_SERVER | EKU_CLIENT), etcd);
        if (p->eku == EKU_CLIENT)
            assert_int_equal(p->sans, SANS_NONE); /* a client has no name to be reached under */
        if (p->eku & EKU_SERVER)
            assert_int_not_equal(p->sans, SANS_NONE);
        assert_non_null(p->help);
    }
    assert_null(profile_find("no-such"));
    assert_int_equal(authority_eku(1U << AUTHORITY_OPERATORS), EKU_CLIENT);
    assert_int_equal(authority_eku(1U << AUTHORITY_AGGREGATION), EKU_CLIENT);
    assert_int_equal(authority_eku(1U << AUTHORITY_ETCD), EKU_CLIENT | EKU_SERVER);
    assert_int_equal(authority_eku(1U << AUTHORITY_KUBELET), EKU_CLIENT | EKU_SERVER);
    assert_int_equal(authority_eku(1U << AUTHORITY_CONTROL_PLANE), EKU_CLIENT | EKU_SERVER);
}

/* ---- SANs ---- */

/* clang-format off */
static const struct {
    const char *profile, *machine, *want;
} sans[] = {
    { "apiserver", "cp1",
      "DNS:cp1 DNS:cp1.example DNS:kubernetes DNS:kubernetes.default DNS:kubernetes.default.svc "
      "DNS:kubernetes.default.svc.cluster.local DNS:api.example.com DNS:kube.example.org "
      "IP:10.0.0.1 IP:fd00::1 IP:10.96.0.1 IP:fd00:1::1 IP:192.0.2.7" },
    { "controller-manager-serving", "cp1",
      "DNS:cp1 DNS:cp1.example DNS:localhost IP:10.0.0.1 IP:fd00::1 IP:127.0.0.1 IP:::1" },
    { "konnectivity-server-agents", "cp2", "DNS:cp2 IP:10.0.0.2" },
    { "kubelet-serving", "w1", "DNS:w1 DNS:w1.example IP:10.0.0.21" },
    { "etcd-server", "e1", "DNS:e1 DNS:localhost IP:10.0.0.11 IP:127.0.0.1 IP:::1" },
    { "etcd-peer", "e1", "DNS:e1 DNS:localhost DNS:peer.demo.etcd.poterne.internal IP:10.0.0.11 IP:127.0.0.1 IP:::1" },
    { "scheduler", "cp1", "" },
    { "extension-serving", "cp1", "" },
    { "front-proxy-client", "cp1", "" },
};
/* clang-format on */

static void test_sans(void **state)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    static struct san_set set;

    (void)state;
    demo(&c);
    for (size_t i = 0; i < ARRAY_LEN(sans); i++) {
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct err e = { 0 };

        if (profile_sans(&set, profile_find(sans[i].profile), &c,
                         cluster_machine(&c, sans[i].machine), &e))
            fail_msg("%s: %s", sans[i].profile, e.msg);
        for (size_t k = 0; k < set.count; k++) {
            if (k)
                buf_add_byte(&text, ' ');
            san_format(&text, &set.san[k]);
        }
        if (strcmp(buf_str(&text), sans[i].want) != 0)
            fail_msg("%s: %s", sans[i].profile, buf_str(&text));
    }
    assert_int_equal(profile_sans(&set, profile_find("apiserver"), &c, NULL, NULL), -1);
    san_set_clear(&set);
}

/* The endpoint is a machine's own address, and a loopback one is local anyway: each once. */
static void test_no_san_twice(void **state)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    static struct san_set set;
    struct err e = { 0 };

    (void)state;
    if (world_parse(&c,
                    "{\"name\":\"a\",\"endpoint\":\"10.0.0.1:6443\",\"control_plane\":[\"cp=10.0.0."
                    "1,127.0.0.1\"],"
                    "\"sans\":[\"10.0.0.1\",\"cp\"]}",
                    &warnings, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(profile_sans(&set, profile_find("apiserver"), &c, &c.machine[0], &e), 0);
    assert_int_equal(set.count, 5 + 3);
    assert_int_equal(profile_sans(&set, profile_find("etcd-server"), &c, &c.machine[0], &e), 0);
    assert_int_equal(set.count, 2 + 3);
    san_set_clear(&set);
}

/* ---- subjects ---- */

/* clang-format off */
static const struct {
    const char *profile, *name, *groups[3], *want;
    enum err_code code;
} subjects[] = {
    { "apiserver",      "",      { NULL },              "C=CH, L=GVA2, OU=SKS, CN=kube-apiserver", ERR_NONE },
    { "kubelet-client", "w1",    { NULL },              "C=CH, L=GVA2, O=system:nodes, OU=SKS, CN=system:node:w1", ERR_NONE },
    { "admin",          "",      { NULL },              "C=CH, L=GVA2, O=kubeadm:cluster-admins, OU=SKS, CN=kubernetes-admin", ERR_NONE },
    { "operator",       "alice", { "dev", "ops" },      "C=CH, L=GVA2, O=dev, O=ops, OU=SKS, CN=alice", ERR_NONE },
    { "operator",       "alice", { NULL },              "C=CH, L=GVA2, OU=SKS, CN=alice", ERR_NONE },
    { "etcd-peer",      "e1",    { NULL },              "C=CH, L=GVA2, OU=SKS, CN=e1", ERR_NONE },
    { "konnectivity-agent", "a234567890b234567890c234567890d234567890e2345", { NULL },
      "C=CH, L=GVA2, OU=SKS, CN=konnectivity-agent:a234567890b234567890c234567890d234567890e2345", ERR_NONE },
    { "konnectivity-agent", "a234567890b234567890c234567890d234567890e23456", { NULL }, "65 characters", ERR_INVALID },
    { "operator", "a", { "a234567890b234567890c234567890d234567890e234567890f234567890g2345" }, "65 characters", ERR_INVALID },
};
/* clang-format on */

static void test_subjects(void **state)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };

    (void)state;
    demo(&c);
    for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
        CLEANUP(buf_clear) struct buf der = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct err e = { 0 };
        struct profile_holder holder = { subjects[i].name, subjects[i].groups, 0 };

        while (holder.group_count < 3 && holder.groups[holder.group_count])
            holder.group_count++;
        (void)!profile_subject(&der, profile_find(subjects[i].profile), &c, &holder, &e);
        if (e.code)
            buf_add_str(&text, e.msg);
        else
            name_format(&text, buf_slice(&der));
        if (e.code != subjects[i].code || !strstr(buf_str(&text), subjects[i].want))
            fail_msg("%s: %s", subjects[i].profile, buf_str(&text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),   cmocka_unit_test(test_rules),
        cmocka_unit_test(test_sans),     cmocka_unit_test(test_no_san_twice),
        cmocka_unit_test(test_subjects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
