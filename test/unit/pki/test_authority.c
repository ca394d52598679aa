#include "crypto/name.h"
#include "crypto/pem.h"
#include "csr.h"
#include "world.h"

/* A step of the tests, in one write. */
struct step {
    struct cluster *c;
    enum authority_role role;
    int number;
    unsigned roles;
    struct slice cert, key;
};

static int add_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct step *s = ctx;

    return authority_add_generation(w, s->c, s->role, e);
}

static int issue_from_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct step *s = ctx;

    return authority_issue_from(w, s->c, s->role, s->number, e);
}

static int adopt_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct step *s = ctx;

    return authority_adopt(w, s->c, s->roles, s->cert, s->key, e);
}

struct look {
    struct cluster *c;
    enum authority_role role;
    struct authority *authority;
    struct buf *pem;
};
static int load_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct look *look = ctx;

    return authority_load(tx, look->c, look->role, look->authority, e);
}
static int client_bundle_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct look *look = ctx;

    return authority_client_bundle(tx, look->c, look->pem, e);
}

static int try_load(struct world *w, struct cluster *c, enum authority_role role,
                    struct authority *ret, struct err *e)
{
    struct look look = { .c = c, .role = role, .authority = ret };

    return store_read(pki_store(w->pki), load_in, &look, e);
}

static void load(struct world *w, struct cluster *c, enum authority_role role,
                 struct authority *ret)
{
    struct err e = { 0 };

    if (try_load(w, c, role, ret, &e))
        fail_msg("%s", e.msg);
}

/* Subjects of a bundle's certificates, a line each. */
static void subjects(struct slice pem, struct buf *out)
{
    CLEANUP(pem_block_clear) struct pem_block block = { 0 };
    struct err e = { 0 };

    while (pem_next(&pem, &block, &e) == 1) {
        struct x509_cert cert;

        if (x509_cert_read(&cert, buf_slice(&block.der), &e))
            fail_msg("%s", e.msg);
        name_format(out, cert.subject);
        buf_add_byte(out, '\n');
    }
}

/* ---- what is made ---- */

static void test_new_ones(void **state)
{
    static const unsigned ekus[AUTHORITY_ROLES] = {
        [AUTHORITY_ETCD] = EKU_SERVER | EKU_CLIENT,
        [AUTHORITY_CONTROL_PLANE] = EKU_SERVER | EKU_CLIENT,
        [AUTHORITY_OPERATORS] = EKU_CLIENT,
        [AUTHORITY_KUBELET] = EKU_SERVER | EKU_CLIENT,
        [AUTHORITY_AGGREGATION] = EKU_CLIENT,
    };
    struct world w;
    struct cluster c = { 0 };
    char want[128], seen[AUTHORITY_ROLES][41];

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    for (int role = 0; role < AUTHORITY_ROLES; role++) {
        CLEANUP(authority_clear) struct authority a = { 0 };
        CLEANUP(buf_clear) struct buf subject = { 0 };
        const struct x509_cert *cert;

        load(&w, &c, (enum authority_role)role, &a);
        assert_int_equal(a.generation_count, 1);
        assert_int_equal(a.issuing, 0);
        assert_int_equal(a.generation[0].custody, CUSTODY_SEALED);
        assert_int_equal(a.generation[0].state, GENERATION_ISSUING);
        cert = &a.generation[0].view;
        name_format(&subject, cert->subject);
        snprintf(want, sizeof want, "C=CH, L=GVA2, O=Exoscale, OU=SKS, CN=demo %s CA g1",
                 authority_role_name((enum authority_role)role));
        assert_string_equal(buf_str(&subject), want);
        assert_true(slice_eq(cert->subject, cert->issuer));
        assert_true(cert->ext.ca && cert->ext.basic_critical && cert->ext.ku_critical &&
                    cert->ext.eku_critical);
        assert_int_equal(cert->ext.path_len, 0);
        assert_int_equal(cert->ext.ku, KU_CERT_SIGN | KU_CRL_SIGN);
        assert_int_equal(cert->ext.eku, ekus[role]);
        assert_int_equal(cert->not_before, WORLD_NOW - 300);
        assert_int_equal(cert->not_after, WORLD_NOW + YEARS(10));
        assert_int_equal(cert->serial.len, 16);
        snprintf(seen[role], sizeof seen[role], "%s", a.generation[0].skid);
        for (int before = 0; before < role; before++)
            assert_string_not_equal(seen[role], seen[before]);
    }
    cluster_clear(&c);
    world_end(&w);
}

static void test_long_names(void **state)
{
    static const char json[] =
        "{\"name\":\"abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz\","
        "\"endpoint\":\"a:1\",\"control_plane\":[\"cp=10.0.0.1\"],\"key_type\":\"p384\","
        "\"service_account_key_type\":\"p256\"}";
    struct world w;
    struct cluster c = { 0 };
    CLEANUP(authority_clear) struct authority a = { 0 };
    CLEANUP(buf_clear) struct buf subject = { 0 };

    (void)state;
    world_start(&w);
    world_cluster(&w, json, &c);
    load(&w, &c, AUTHORITY_CONTROL_PLANE, &a);
    name_format(&subject, a.generation[0].view.subject);
    assert_string_equal(buf_str(&subject),
                        "CN=abcdefghijklmnopqrstuvwxyz0123456789-abc control-plane CA g1");
    assert_int_equal(a.generation[0].view.sig_alg, SIG_ECDSA_SHA384);
    cluster_clear(&c);
    world_end(&w);
}

/* ---- generations and bundles ---- */

static void test_generations(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    struct step step = { .c = &c, .role = AUTHORITY_KUBELET };
    CLEANUP(authority_clear) struct authority a = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct look look = { .c = &c, .pem = &pem };
    struct err e = { 0 };

    (void)state;
    world_start(&w);
    world_cluster(&w,
                  "{\"name\":\"demo\",\"endpoint\":\"a:1\",\"control_plane\":[\"cp=10.0.0.1\"],"
                  "\"service_account_key_type\":\"p256\"}",
                  &c);
    for (int i = 0; i < 2; i++)
        assert_int_equal(world_write(&w, add_in, &step, &e), 0);
    step.number = 2;
    assert_int_equal(world_write(&w, issue_from_in, &step, &e), 0);
    assert_int_equal(world_write(&w, issue_from_in, &step, &e), 0); /* again: no change */
    load(&w, &c, AUTHORITY_KUBELET, &a);
    assert_int_equal(a.generation_count, 3);
    assert_int_equal(a.issuing, 1);
    assert_int_equal(a.generation[0].state, GENERATION_TRUSTED);
    assert_int_equal(a.generation[1].state, GENERATION_ISSUING);
    assert_int_equal(a.generation[2].state, GENERATION_TRUSTED);
    assert_int_equal(authority_bundle(&a, &pem, &e), 0);
    subjects(buf_slice(&pem), &text);
    assert_string_equal(buf_str(&text),
                        "CN=demo kubelet CA g1\nCN=demo kubelet CA g2\nCN=demo kubelet CA g3\n");
    buf_reset(&pem);
    buf_reset(&text);
    assert_int_equal(authority_current_pem(&a, &pem, &e), 0);
    subjects(buf_slice(&pem), &text);
    assert_string_equal(buf_str(&text), "CN=demo kubelet CA g2\n");
    buf_reset(&pem);
    buf_reset(&text);
    assert_int_equal(store_read(pki_store(w.pki), client_bundle_in, &look, &e), 0);
    subjects(buf_slice(&pem), &text);
    assert_string_equal(buf_str(&text),
                        "CN=demo control-plane CA g1\nCN=demo operators CA g1\n"
                        "CN=demo kubelet CA g1\nCN=demo kubelet CA g2\nCN=demo kubelet CA g3\n");
    step.number = 9;
    assert_int_equal(world_write(&w, issue_from_in, &step, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    cluster_clear(&c);
    world_end(&w);
}

/* ---- those of an existing cluster ---- */

static int insert_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct step *s = ctx;

    return cluster_insert(w, s->c, e);
}

/* A CA by OpenSSL, as kubeadm makes it: no EKU. */
static void make_ca(const char *cn, const char *key_name, bool ca, struct buf *der, struct buf *key)
{
    EVP_PKEY *pkey = csr_key(key_name);
    X509 *cert = X509_new();
    X509_NAME *name = X509_NAME_new();
    X509_EXTENSION *ext;
    unsigned char *bytes = NULL;
    int len;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 0); /* as client-go made them until 1.27 */
    ASN1_TIME_set(X509_getm_notBefore(cert), WORLD_NOW - DAYS(100));
    ASN1_TIME_set(X509_getm_notAfter(cert), WORLD_NOW + DAYS(1000));
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
    X509_set_subject_name(cert, name);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, pkey);
    ext = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints,
                              ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    ext = X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage,
                              "critical,keyCertSign,digitalSignature,keyEncipherment");
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    assert_int_not_equal(X509_sign(cert, pkey, EVP_sha256()), 0);
    len = i2d_X509(cert, &bytes);
    buf_add(der, bytes, (size_t)len);
    OPENSSL_free(bytes);
    bytes = NULL;
    len = i2d_PrivateKey(pkey, &bytes);
    buf_add(key, bytes, (size_t)len);
    OPENSSL_free(bytes);
    X509_NAME_free(name);
    X509_free(cert);
}

static void test_adopt(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    CLEANUP(buf_clear) struct buf ca = { 0 };
    CLEANUP(buf_clear) struct buf key = { 0 };
    CLEANUP(buf_clear) struct buf other = { 0 };
    CLEANUP(buf_clear) struct buf other_key = { 0 };
    CLEANUP(buf_clear) struct buf csr = { 0 };
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct step step = { .c = &c,
                         .roles = 1U << AUTHORITY_CONTROL_PLANE | 1U << AUTHORITY_OPERATORS |
                                  1U << AUTHORITY_KUBELET };
    struct world_issue issuing = { .c = &c,
                                   .order = { .profile = "kubelet-client", .machine = "cp1" } };
    struct look look = { .c = &c, .pem = &pem };
    struct world_audit audit = { .action = "authority.adopt" };
    struct authority a = { 0 };
    struct err e = { 0 };

    (void)state;
    world_start(&w);
    assert_int_equal(world_parse(&c, WORLD_CLUSTER, &warnings, &e), 0);
    assert_int_equal(world_write(&w, insert_in, &step, &e), 0);
    make_ca("kubernetes", "rsa2048", true, &ca, &key);
    make_ca("etcd-ca", "p256", true, &other, &other_key);

    /* its key is elsewhere: watched, not used */
    step.cert = buf_slice(&ca);
    if (world_write(&w, adopt_in, &step, &e))
        fail_msg("%s", e.msg);
    load(&w, &c, AUTHORITY_OPERATORS, &a);
    assert_int_equal(a.generation[0].custody, CUSTODY_ELSEWHERE);
    authority_clear(&a);
    csr_make(&csr, &(struct csr_spec){ 0 });
    issuing.order.csr = buf_slice(&csr);
    assert_int_equal(world_write(&w, world_issue_in, &issuing, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    assert_non_null(strstr(e.msg, "elsewhere"));

    /* a key that is not its own */
    step.key = buf_slice(&other_key);
    assert_int_equal(world_write(&w, adopt_in, &step, &e), -1);
    /* now it is there: taken in, and it signs */
    step.key = buf_slice(&key);
    assert_int_equal(world_write(&w, adopt_in, &step, &e), 0);
    assert_int_equal(world_write(&w, adopt_in, &step, &e), 0); /* again: no change */
    assert_int_equal(world_audited(&w, &audit), 2);
    if (world_write(&w, world_issue_in, &issuing, &e))
        fail_msg("%s", e.msg);
    issued_clear(&issuing.issued);
    /* one CA for three roles is in the bundle once */
    assert_int_equal(store_read(pki_store(w.pki), client_bundle_in, &look, &e), 0);
    subjects(buf_slice(&pem), &text);
    assert_string_equal(buf_str(&text), "CN=kubernetes\n");

    /* another CA for a role that has one */
    step.cert = buf_slice(&other);
    step.key = buf_slice(&other_key);
    assert_int_equal(world_write(&w, adopt_in, &step, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    step.roles = 1U << AUTHORITY_ETCD;
    assert_int_equal(world_write(&w, adopt_in, &step, &e), 0);
    /* a role that has none */
    assert_int_equal(try_load(&w, &c, AUTHORITY_AGGREGATION, &a, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    /* a leaf is no authority */
    buf_reset(&other);
    buf_reset(&other_key);
    make_ca("leaf", "p256", false, &other, &other_key);
    step.roles = 1U << AUTHORITY_AGGREGATION;
    step.cert = buf_slice(&other);
    step.key = buf_slice(&other_key);
    assert_int_equal(world_write(&w, adopt_in, &step, &e), -1);
    cluster_clear(&c);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_ones),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_adopt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
