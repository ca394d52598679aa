#include "corpora.h"
#include "crypto/chain.h"
#include "crypto/pem.h"

enum { MAX_CERTS = 128 };

struct certs {
    struct buf der[MAX_CERTS];
    struct slice view[MAX_CERTS];
    size_t count;
};

static void certs_clear(struct certs *certs)
{
    for (size_t i = 0; i < certs->count; i++)
        buf_clear(&certs->der[i]);
    certs->count = 0;
}

static void certs_add_pem(struct certs *certs, struct slice pem)
{
    struct err e = { 0 };

    assert_true(certs->count < MAX_CERTS);
    if (pem_or_der(&certs->der[certs->count], pem, "CERTIFICATE", &e))
        fail_msg("%s", err_text(&e));
    certs->view[certs->count] = buf_slice(&certs->der[certs->count]);
    certs->count++;
}

/* RFC 3339 with an offset of zero, which limbo writes as +00:00, and maybe a fraction. */
static int64_t read_time(const char *text, int64_t otherwise)
{
    char plain[21];
    int64_t t;

    if (!text)
        return otherwise;
    snprintf(plain, sizeof plain, "%.19sZ", text);
    assert_int_equal(time_parse(&t, slice_str(plain), NULL), 0);
    return t;
}

/* ---- x509-limbo ---- */

// clang-format off
#define NO_CRL     "no CRL is read: of Kubernetes' programs etcd alone looks at one, with a flag of its own"
#define OWN_DEPTH  "the depth is ours: 8 certificates, not the vector's"
#define OLD_CAS    "key identifiers: CAs made by hand lack them or get them wrong, Go's verifier takes them"
#define CN_UNREAD  "the CN is not compared with anything: only SANs name a host"
#define WEB_EKU    "a rule for CAs of the public web; Kubernetes' clients hold CAs to the EKUs they have (RFC 5280)"
#define WEB_NAMES  "a rule for CAs of the public web: we know no list of public suffixes"
#define PEDANTIC   "a duty of the issuer that no verifier of a cluster checks; ours are linted instead"
#define CA_AS_LEAF "a CA whose key usage is certificate signing alone cannot serve TLS"
#define LAST_SECOND "OpenSSL ends a certificate one second early, at notAfter itself"
#define NC_TEXT    "OpenSSL 3.0 compares wildcard and malformed names with name constraints as text"

static struct deviation limbo_rows[] = {
    { "crl::*", NO_CRL, 0, 0 },
    { "cve::cve-2025-61727", NC_TEXT, 0, 0 },
    { "pathlen::validation-ignores-pathlen-in-leaf", CA_AS_LEAF, 0, 0 },
    { "pathlen::max-chain-depth-*", OWN_DEPTH, 0, 0 },
    { "rfc5280::aki::*", OLD_CAS, 0, 0 },
    { "rfc5280::ski::*", OLD_CAS, 0, 0 },
    { "webpki::aki::*", OLD_CAS, 0, 0 },
    { "rfc5280::nc::permitted-dns-match-noncritical", "name constraints hold, critical or not (as webpki:: wants)", 0, 0 },
    { "rfc5280::nc::invalid-dnsname-leading-period", NC_TEXT, 0, 0 },
    { "rfc5280::nc::nc-permits-invalid-*", NC_TEXT, 0, 0 },
    { "rfc5280::nc::nc-forbids-dnsname-wildcard-san", NC_TEXT, 0, 0 },
    { "rfc5280::nc::not-allowed-in-ee-*", PEDANTIC, 0, 0 },
    { "rfc5280::pc::ica-noncritical-pc", PEDANTIC, 0, 0 },
    { "rfc5280::san::noncritical-with-empty-subject", PEDANTIC, 0, 0 },
    { "rfc5280::san::underscore-dns", "names with _ exist in clusters, and Go takes them", 0, 0 },
    { "rfc5280::validity::notafter-*", LAST_SECOND, 0, 0 },
    { "rfc5280::root-non-critical-basic-constraints", PEDANTIC, 0, 0 },
    { "rfc5280::leaf-ku-keycertsign", PEDANTIC, 0, 0 },
    { "rfc5280::ca-as-leaf", CA_AS_LEAF, 0, 0 },
    { "webpki::cn::*", CN_UNREAD, 0, 0 },
    { "webpki::eku::*", WEB_EKU, 0, 0 },
    { "webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences", PEDANTIC, 0, 0 },
    { "webpki::san::public-suffix-*", WEB_NAMES, 0, 0 },
    { "webpki::san::san-critical-with-nonempty-subject", PEDANTIC, 0, 0 },
    { "webpki::malformed-aia", PEDANTIC, 0, 0 },
    { "webpki::forbidden-rsa-*", "an RSA modulus need not be a multiple of 8 bits to be safe", 0, 0 },
    { "webpki::ee-basicconstraints-ca", "kubeadm and k3s serve no CA, yet a self-signed server is one often", 0, 0 },
};
// clang-format on

static bool limbo_verify(const struct json_value *c, struct err *e)
{
    CLEANUP(certs_clear) struct certs roots = { 0 };
    CLEANUP(certs_clear) struct certs others = { 0 };
    CLEANUP(certs_clear) struct certs leaf = { 0 };
    const struct json_value *name = json_get(c, "expected_peer_name"), *list;
    bool client = strcmp(json_text(json_get(c, "validation_kind")), "CLIENT") == 0;
    struct chain_request request = { .purpose = client ? CHAIN_CLIENT : CHAIN_SERVER };

    list = json_get(c, "trusted_certs");
    for (size_t i = 0; i < json_len(list); i++)
        certs_add_pem(&roots, json_slice(json_at(list, i)));
    list = json_get(c, "untrusted_intermediates");
    for (size_t i = 0; i < json_len(list); i++)
        certs_add_pem(&others, json_slice(json_at(list, i)));
    certs_add_pem(&leaf, json_slice(json_get(c, "peer_certificate")));
    request.leaf = leaf.view[0];
    request.roots = roots.view;
    request.root_count = roots.count;
    request.intermediates = others.view;
    request.intermediate_count = others.count;
    request.at = read_time(json_text(json_get(c, "validation_time")), clock_wall());
    if (name && json_text(json_get(name, "value"))) {
        if (strcmp(json_text(json_get(name, "kind")), "DNS") == 0)
            request.dns_name = json_text(json_get(name, "value"));
        else
            request.ip = json_text(json_get(name, "value"));
    }
    return chain_verify(&request, e) == 0;
}

static void test_limbo(void **state)
{
    CLEANUP(json_freep) struct json *doc = corpus_json("x509/limbo.json");
    const struct json_value *cases = json_get(doc ? json_root(doc) : NULL, "testcases");
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < json_len(cases); i++) {
        const struct json_value *c = json_at(cases, i);
        const char *id = json_text(json_get(c, "id"));
        bool want = strcmp(json_text(json_get(c, "expected_result")), "SUCCESS") == 0;
        struct err e = { 0 };
        bool got = limbo_verify(c, &e);

        wrong +=
            deviation_count(deviation_of(limbo_rows, ARRAY_LEN(limbo_rows), id), id, want, got, &e);
    }
    printf("# limbo: %zu cases\n", json_len(cases));
    assert_int_equal(wrong + deviations_report(limbo_rows, ARRAY_LEN(limbo_rows)), 0);
}

/* ---- BetterTLS ---- */

static bool better_verify(const struct json_value *c, struct slice root, int64_t at, struct err *e)
{
    CLEANUP(certs_clear) struct certs certs = { 0 };
    const struct json_value *list = json_get(c, "certificates");
    const char *host = json_text(json_get(c, "hostname"));
    struct chain_request request = {
        .purpose = CHAIN_SERVER, .roots = &root, .root_count = 1, .at = at
    };

    for (size_t i = 0; i < json_len(list) && i < MAX_CERTS; i++) {
        if (base64_decode(&certs.der[i], json_slice(json_at(list, i)), e))
            fail_msg("%s", err_text(e));
        certs.view[i] = buf_slice(&certs.der[i]);
        certs.count++;
    }
    request.leaf = certs.view[0];
    request.intermediates = certs.view + 1;
    request.intermediate_count = certs.count - 1;
    if (host[0] >= '0' && host[0] <= '9')
        request.ip = host;
    else
        request.dns_name = host;
    return chain_verify(&request, e) == 0;
}

static unsigned better_suite(const struct json_value *doc, const char *suite, struct slice root)
{
    const struct json_value *cases =
        json_get(json_get(json_get(doc, "suites"), suite), "testCases");
    int64_t at = read_time(json_text(json_get(doc, "evaluateAt")), 0);
    unsigned wrong = 0;

    for (size_t i = 0; i < json_len(cases); i++) {
        const struct json_value *c = json_at(cases, i);
        bool want = strcmp(json_text(json_get(c, "expected")), "ACCEPT") == 0;
        struct err e = { 0 };
        bool got = better_verify(c, root, at, &e);
        char id[64];

        snprintf(id, sizeof id, "%s::%lld", suite, (long long)json_int(json_get(c, "id"), -1));
        wrong += deviation_count(NULL, id, want, got, &e);
    }
    printf("# bettertls %s: %zu cases\n", suite, json_len(cases));
    return wrong;
}

static void test_bettertls(void **state)
{
    CLEANUP(json_freep) struct json *doc = corpus_json("x509/bettertls.json");
    CLEANUP(buf_clear) struct buf root = { 0 };
    unsigned wrong;

    (void)state;
    if (!doc)
        return;
    assert_int_equal(base64_decode(&root, json_slice(json_get(json_root(doc), "trustRoot")), NULL),
                     0);
    wrong = better_suite(json_root(doc), "pathbuilding", buf_slice(&root));
    wrong += better_suite(json_root(doc), "nameconstraints", buf_slice(&root));
    assert_int_equal(wrong, 0);
}

/* ---- NIST PKITS ---- */

// clang-format off
static struct deviation pkits_rows[] = {
    { "4.1.4",  "DSA keys are refused", 0, 0 },
    { "4.1.5",  "DSA keys are refused", 0, 0 },
    { "4.4.*",  NO_CRL, 0, 0 },
    { "4.5.2",  NO_CRL, 0, 0 },
    { "4.5.5",  NO_CRL, 0, 0 },
    { "4.5.7",  NO_CRL, 0, 0 },
    { "4.7.4",  NO_CRL, 0, 0 },
    { "4.7.5",  NO_CRL, 0, 0 },
    { "4.14.*", NO_CRL, 0, 0 },
    { "4.15.*", NO_CRL, 0, 0 },
};
// clang-format on

/* Policies that the test's user chose: ours is "any", so a test that must fail for the choice alone
 * does not apply. (Those that must pass do.) */
static bool pkits_applies(const struct json_value *c)
{
    struct json_iter it = json_iter(json_get(c, "settings"));
    const struct json_value *value;
    const char *key;

    while (!json_bool(json_get(c, "valid"), false) && json_next(&it, &key, &value)) {
        if (strncmp(key, "SetInitial", strlen("SetInitial")) == 0)
            return false;
    }
    return true;
}

static bool pkits_verify(const struct json_value *c, struct err *e)
{
    CLEANUP(certs_clear) struct certs certs = { 0 };
    const struct json_value *list = json_get(c, "certs");
    struct chain_request request = { .purpose = CHAIN_ANY };

    for (size_t i = 0; i < json_len(list); i++) {
        char name[256];

        snprintf(name, sizeof name, "x509/pkits/certs/%s.crt", json_text(json_at(list, i)));
        assert_true(corpus_read(&certs.der[i], name));
        certs.view[i] = buf_slice(&certs.der[i]);
        certs.count++;
    }
    request.roots = certs.view;
    request.root_count = 1;
    request.leaf = certs.view[certs.count - 1];
    request.intermediates = certs.view + 1;
    request.intermediate_count = certs.count > 2 ? certs.count - 2 : 0;
    request.at = read_time("2025-01-01T00:00:00Z", 0);
    return chain_verify(&request, e) == 0;
}

static void test_pkits(void **state)
{
    CLEANUP(json_freep) struct json *doc = corpus_json("x509/pkits/tests.json");
    const struct json_value *cases = json_get(doc ? json_root(doc) : NULL, "tests");
    unsigned wrong = 0, left_out = 0;

    (void)state;
    for (size_t i = 0; i < json_len(cases); i++) {
        const struct json_value *c = json_at(cases, i);
        const char *id = json_text(json_get(c, "test"));
        struct err e = { 0 };
        bool want = json_bool(json_get(c, "valid"), false), got = pkits_verify(c, &e);

        if (!pkits_applies(c)) {
            left_out++;
            continue;
        }
        wrong +=
            deviation_count(deviation_of(pkits_rows, ARRAY_LEN(pkits_rows), id), id, want, got, &e);
    }
    printf("# pkits: %zu cases, %u do not apply: they choose policies\n", json_len(cases),
           left_out);
    assert_int_equal(wrong + deviations_report(pkits_rows, ARRAY_LEN(pkits_rows)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limbo),
        cmocka_unit_test(test_bettertls),
        cmocka_unit_test(test_pkits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
