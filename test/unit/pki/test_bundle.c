#include "base/encode.h"
#include "forge.h"
#include "pki/bundle.h"

/* What a file holds, told as words. */
struct told {
    char text[512];
};

static int tell(const struct bundle_item *item, void *ctx, struct err *e)
{
    static const char *const names[] = {
        "cert", "key", "hidden-key", "public", "reference", "server",
    };
    struct told *t = ctx;
    size_t used = strlen(t->text);

    (void)e;
    snprintf(t->text + used, sizeof t->text - used, "%s%s", used ? " " : "", names[item->kind]);
    used = strlen(t->text);
    if (item->kind == BUNDLE_CERT)
        snprintf(t->text + used, sizeof t->text - used, "%zu", item->place);
    used = strlen(t->text);
    if (item->entry)
        snprintf(t->text + used, sizeof t->text - used, "(%s)", item->entry);
    used = strlen(t->text);
    if (item->text)
        snprintf(t->text + used, sizeof t->text - used, "=%s", item->text);
    return 0;
}

static struct forged leaf, ca;
static struct buf leaf_pem, ca_pem, key_pem, public_pem;

static int make(void **state)
{
    struct err e = { 0 };

    (void)state;
    forge(&ca, &(struct forge_spec){ "ca", .ca = true });
    forge(&leaf, &(struct forge_spec){ "leaf", .eku = EKU_CLIENT, .issuer = &ca });
    forge_cert_pem(&leaf_pem, &leaf);
    forge_cert_pem(&ca_pem, &ca);
    forge_key_pem(&key_pem, &leaf);
    assert_int_equal(key_write_public_pem(leaf.key, &public_pem, &e), 0);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    forged_clear(&leaf);
    forged_clear(&ca);
    buf_clear(&leaf_pem);
    buf_clear(&ca_pem);
    buf_clear(&key_pem);
    buf_clear(&public_pem);
    return 0;
}

static void check(const char *label, const struct buf *bytes, enum bundle_form form,
                  const char *want)
{
    struct told told = { "" };
    struct err e = { 0 };
    int rc = bundle_read(buf_slice(bytes), tell, &told, &e);

    if (bundle_form(buf_slice(bytes)) != form)
        fail_msg("%s: taken for form %d", label, (int)bundle_form(buf_slice(bytes)));
    if (rc && !want && (e.code == ERR_INVALID || e.code == ERR_LIMIT))
        return;
    if (rc || !want || strcmp(told.text, want) != 0)
        fail_msg("%s: '%s' %s", label, told.text, rc ? e.msg : "");
}

static void test_pem(void **state)
{
    CLEANUP(buf_clear) struct buf b = { 0 };

    (void)state;
    check("a certificate", &leaf_pem, BUNDLE_PEM, "cert0");
    check("a key", &key_pem, BUNDLE_PEM, "key");
    check("a public key", &public_pem, BUNDLE_PEM, "public");
    buf_add_str(&b, "what this is\n");
    buf_add_slice(&b, buf_slice(&leaf_pem));
    buf_add_slice(&b, buf_slice(&key_pem));
    buf_add_slice(&b, buf_slice(&ca_pem));
    check("a pair and its CA", &b, BUNDLE_PEM, "cert0 key cert1");
    buf_reset(&b);
    buf_add_str(&b,
                "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
    buf_add_slice(&b, buf_slice(&key_pem));
    check("openssl ecparam -genkey", &b, BUNDLE_PEM, "key");
    buf_reset(&b);
    buf_add_str(&b,
                "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAAA\n"
                "-----END EC PRIVATE KEY-----\n");
    check("an encrypted key", &b, BUNDLE_PEM, "hidden-key");
    buf_reset(&b);
    buf_add_str(
        &b, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    check("an encrypted PKCS #8", &b, BUNDLE_PEM, "hidden-key");
    buf_reset(&b);
    buf_add_str(&b, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    check("a key that is none", &b, BUNDLE_PEM, "hidden-key");
    buf_reset(&b);
    buf_add(&b, leaf_pem.ptr, leaf_pem.len - 4);
    check("cut short", &b, BUNDLE_PEM, NULL);
}

static void test_der(void **state)
{
    CLEANUP(secret_clear) struct secret pkcs8 = { 0 };
    CLEANUP(buf_clear) struct buf b = { 0 };
    struct err e = { 0 };

    (void)state;
    check("a certificate", &leaf.cert, BUNDLE_DER, "cert0");
    assert_int_equal(key_write_private_der(leaf.key, &pkcs8, &e), 0);
    buf_add_slice(&b, secret_slice(&pkcs8));
    check("a key", &b, BUNDLE_DER, "key");
    b.len--;
    check("a key cut short", &b, BUNDLE_DER, NULL);
}

static void put_data(struct buf *out, const char *member, const struct buf *pem)
{
    buf_addf(out, ", %s: ", member);
    base64_encode(out, buf_slice(pem));
}

static void test_kubeconfig(void **state)
{
    CLEANUP(buf_clear) struct buf b = { 0 };

    (void)state;
    buf_add_str(&b, "apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters:\n"
                    "- name: demo\n  cluster: {server: 'https://a:6443'");
    put_data(&b, "certificate-authority-data", &ca_pem);
    buf_add_str(&b, "}\nusers:\n- name: ann\n  user: {x: 1");
    put_data(&b, "client-certificate-data", &leaf_pem);
    put_data(&b, "client-key-data", &key_pem);
    buf_add_str(&b,
                "}\n- name: ben\n  user: {client-certificate: ben.crt, client-key: /k/ben.key}\n"
                "- name: cleo\n  user: {token: abc}\n");
    check("kubeconfig", &b, BUNDLE_KUBECONFIG,
          "server(cluster demo)=https://a:6443 cert0(cluster demo) cert0(user ann) key(user ann) "
          "reference(user ben)=ben.crt reference(user ben)=/k/ben.key");
}

/* clang-format off */
static const struct {
    const char *label, *text;
    enum bundle_form form;
    const char *want; /* NULL: refused */
} texts[] = {
    { "empty",                "", BUNDLE_NOTHING, NULL },
    { "text",                 "hello\n", BUNDLE_NOTHING, NULL },
    { "no kind",              "clusters: []\nusers: []\n", BUNDLE_KUBECONFIG, NULL },
    { "another kind",         "kind: Pod\nclusters: []\nusers: []\n", BUNDLE_KUBECONFIG, NULL },
    { "empty lists",          "kind: Config\nclusters: []\nusers: []\n", BUNDLE_KUBECONFIG, "" },
    { "lists that are none",  "kind: Config\nclusters: {a: 1}\nusers: 3\n", BUNDLE_KUBECONFIG, "" },
    { "not base64",           "kind: Config\nclusters: []\nusers: [{name: a, user: {client-key-data: '***'}}]\n", BUNDLE_KUBECONFIG, NULL },
    { "base64 of nothing",    "kind: Config\nclusters: []\nusers: [{name: a, user: {client-key-data: 'AAAA'}}]\n", BUNDLE_KUBECONFIG, "" },
    { "a line end inside",    "kind: Config\nclusters: []\nusers: [{name: a, user: {client-key-data: \"AA\\nAA\"}}]\n", BUNDLE_KUBECONFIG, "" },
    { "an alias",             "kind: Config\nclusters: &a []\nusers: *a\n", BUNDLE_KUBECONFIG, NULL },
    { "a signing request",    "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", BUNDLE_PEM, "" },
};
/* clang-format on */

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(buf_clear) struct buf b = { 0 };

        buf_add_str(&b, texts[i].text);
        check(texts[i].label, &b, texts[i].form, texts[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pem),
        cmocka_unit_test(test_der),
        cmocka_unit_test(test_kubeconfig),
        cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests(tests, make, drop);
}
