#include "base/clock.h"
#include "keeper/fence.h"
#include "leaf.h"
#include "unit.h"

static const char good_fence[] = LEAF_FENCE;

struct row {
    const char *label;
    struct leaf_spec leaf;
    const char *profile; /* of the form that it matches; NULL: it is refused */
    const char *want;    /* then a part of the reason */
    bool privileged;
    const char *cluster; /* NULL: c1 */
    int64_t now;         /* from LEAF_NOW */
    enum sig_alg alg;    /* of the authority's key */
    unsigned issuer_eku; /* 0: both */
};

#define SERVING(...)                                                                               \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define CLIENT(...)                                                                                \
    {                                                                                              \
        .eku = EKU_CLIENT, .subject = "C=CH\nOU=SKS\n" __VA_ARGS__                                 \
    }
#define BOTH (EKU_CLIENT | EKU_SERVER)
#define PEER(cn, names)                                                                            \
    {                                                                                              \
        .eku = BOTH, .subject = "C=CH\nOU=SKS\nCN=" cn, .sans = names                              \
    }
#define O8 "O=a\nO=b\nO=c\nO=d\nO=e\nO=f\nO=g\nO=h\n"
#define X63 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* clang-format off */
static const struct row rows[] = {
    /* what is allowed */
    { "a server",             SERVING(.sans = "DNS:kubernetes\nIP:"),                                            .profile = "serving" },
    { "no SAN at all",        { 0 },                                                 .profile = "serving" },
    { "RSA, two usages",      SERVING(.rsa = true, .ku = KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT), .profile = "serving" },
    { "RSA, one usage",       SERVING(.rsa = true),                                  .profile = "serving" },
    { "shortest serial",      SERVING(.serial_len = 8),                              .profile = "serving" },
    { "longest serial",       SERVING(.serial_len = 20, .serial_first = 0x7f),       .profile = "serving" },
    { "an hour back",         SERVING(.not_before = -3600),                          .profile = "serving" },
    { "longest life",         SERVING(.not_after = 40000),                           .profile = "serving" },
    { "a wildcard",           SERVING(.sans = "DNS:*.example.com"),                  .profile = "serving" },
    { "a node",               CLIENT("O=system:nodes\nCN=system:node:w1"),           .profile = "node" },
    { "groups in order",      CLIENT("O=system:a\nO=system:b\nCN=two"),              .profile = "two" },
    { "a person",             CLIENT("CN=alice"),                                    .profile = "person" },
    { "a person in groups",   CLIENT("O=dev\nO=ops\nCN=alice"),                      .profile = "person" },
    { "32 groups",            CLIENT(O8 O8 O8 O8 "CN=alice"),                       .profile = "person" },
    { "PrintableString",      CLIENT("CN=alice", .string_tag = DER_PRINTABLE),       .profile = "person" },
    { "asked for in words",   CLIENT("O=dev\nO=system:masters\nCN=alice"),           .profile = "admin", .privileged = true },
    { "kubeadm's admins",     CLIENT("O=kubeadm:cluster-admins\nCN=alice"),          .profile = "admin", .privileged = true },
    { "not needed",           CLIENT("O=dev\nCN=alice"),                             .profile = "person", .privileged = true },
    { "a peer",               PEER("m1", "DNS:m1\nDNS:" LEAF_RESERVED),                   .profile = "peer" },
    { "a peer, capitals",     PEER("m1", "DNS:PEER.demo.etcd.poterne.internal"),     .profile = "peer" },
    { "etcd, no peer",        PEER("etcd", "DNS:etcd\nIP:"),                         .profile = "etcd" },
    { "no common name",       CLIENT("", .sans = "URI:poterne://i/machine/c/u"),     .profile = "machine" },
    { "a URI of its form",    CLIENT("CN=agent", .sans = "URI:poterne://i/machine/c0/U9"), .profile = "agent" },

    /* the frame */
    { "another cluster",      SERVING(0), .cluster = "c2", .want = "is for cluster 'c2'" },
    { "no cluster",           SERVING(0), .cluster = "", .want = "is for cluster ''" },
    { "version 2",            SERVING(.version = 2), .want = "version" },
    { "version 1",            SERVING(.version = 1), .want = "version" },
    { "serial of 7 bytes",    SERVING(.serial_len = 7), .want = "serial" },
    { "serial of 1 byte",     SERVING(.serial_len = 1), .want = "serial" },
    { "serial of 21 bytes",   SERVING(.serial_len = 21), .want = "serial" },
    { "serial with sign byte", SERVING(.serial_len = 20, .serial_first = 0x80), .want = "serial" },
    { "another algorithm",    SERVING(.alg = SIG_ED25519), .want = "signature algorithm" },
    { "another key",          SERVING(0), .alg = SIG_ECDSA_SHA384, .want = "signature algorithm" },
    { "another issuer",       SERVING(.issuer = { (const uint8_t *)"\x30\x00", 2 }), .want = "issuer" },
    { "another key id",       SERVING(.akid = { (const uint8_t *)"12345678901234567890", 20 }), .want = "authority key identifier" },
    { "key id cut short",     SERVING(.akid = { (const uint8_t *)"\x09", 1 }), .want = "authority key identifier" },
    { "no key id",            SERVING(.no_akid = true), .want = "authority key identifier" },

    { "unique identifier",    SERVING(.unique_id = true), .want = "unique identifiers" },

    /* extensions */
    { "CA:TRUE",              SERVING(.ca = true), .want = "CA:TRUE" },
    { "no basic constraints", SERVING(.no_basic = true), .want = "basic constraints" },
    { "basic not critical",   SERVING(.basic_plain = true), .want = "basic constraints" },
    { "name constraints",     SERVING(.constraints = true), .want = "name constraints" },
    { "unknown extension",    SERVING(.extra = true), .want = "unknown extension" },
    { "unknown critical one", SERVING(.extra = true, .extra_critical = true), .want = "unknown extension" },
    { "no key usage",         SERVING(.no_ku = true), .want = "key usage is missing" },
    { "key usage not critical", SERVING(.ku_plain = true), .want = "key usage is missing" },
    { "keyCertSign",          SERVING(.ku = KU_DIGITAL_SIGNATURE | KU_CERT_SIGN), .want = "key usage is more" },
    { "cRLSign",              SERVING(.ku = KU_DIGITAL_SIGNATURE | KU_CRL_SIGN), .want = "key usage is more" },
    { "keyAgreement",         SERVING(.ku = KU_KEY_AGREEMENT), .want = "key usage is more" },
    { "encipherment alone",   SERVING(.rsa = true, .ku = KU_KEY_ENCIPHERMENT), .want = "key usage is more" },
    { "encipherment, P-256",  SERVING(.ku = KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT), .want = "RSA keys only" },
    { "no EKU",               SERVING(.no_eku = true), .want = "extended key usage is missing" },
    { "EKU not critical",     SERVING(.eku_plain = true), .want = "extended key usage is missing" },
    { "EKU code signing",     SERVING(.eku = EKU_SERVER | EKU_CODE_SIGNING), .want = "beyond the authority's" },
    { "EKU beyond the fence", SERVING(.eku = EKU_SERVER | EKU_CODE_SIGNING), .issuer_eku = EKU_ANY, .want = "beyond the authority's" },
    { "EKU any",              SERVING(.eku = EKU_SERVER | EKU_ANY), .want = "beyond the authority's" },
    { "EKU nobody knows",     SERVING(.eku_unknown = true), .want = "beyond the authority's" },
    { "beyond the CA's EKU",  SERVING(0), .issuer_eku = EKU_CLIENT, .want = "beyond the authority's certificate" },

    /* times */
    { "over an hour back",    SERVING(.not_before = -3601), .want = "over an hour back" },
    { "in the future",        SERVING(.not_before = 1), .want = "in the future" },
    { "expired",              SERVING(.not_after = -1), .want = "past" },
    { "expires now",          SERVING(.not_after = 200), .now = 200, .want = "past" },
    { "beyond the authority", SERVING(.not_after = 50001), .want = "beyond the authority's own" },
    { "over the fence's life", SERVING(.not_after = 40001), .want = "over the authority's limit" },
    { "over the form's life", CLIENT("CN=alice", .not_after = 20001), .want = "limit of profile 'person'" },
    { "year 9999",            SERVING(.not_after = TIME_MAX - LEAF_NOW), .want = "beyond the authority's own" },
    { "a clock before 1970",  SERVING(0), .now = -LEAF_NOW - 1, .want = "out of range" },

    /* the subject besides O and CN */
    { "another country",      SERVING(.subject = "C=FR\nOU=SKS\nCN=kube-apiserver"), .want = "differs" },
    { "no country",           SERVING(.subject = "OU=SKS\nCN=kube-apiserver"), .want = "differs" },
    { "no OU",                SERVING(.subject = "C=CH\nCN=kube-apiserver"), .want = "lacks" },
    { "another order",        SERVING(.subject = "OU=SKS\nC=CH\nCN=kube-apiserver"), .want = "differs" },
    { "a part too many",      SERVING(.subject = "C=CH\nOU=SKS\nOU=SKS\nCN=kube-apiserver"), .want = "differs" },
    { "a title",              SERVING(.subject = "C=CH\nOU=SKS\nT=x\nCN=kube-apiserver"), .want = "differs" },
    { "one RDN",              SERVING(.one_rdn = true), .want = "several values" },
    { "T61String",            SERVING(.string_tag = DER_T61), .want = "unusual kind" },
    { "two common names",     SERVING(.subject = "C=CH\nOU=SKS\nCN=kube-apiserver\nCN=kube-apiserver"), .want = "two common names" },
    { "an empty subject",     SERVING(.subject = ""), .want = "lacks" },

    /* common name */
    { "another common name",  SERVING(.subject = "C=CH\nOU=SKS\nCN=kube-apiserve"), .want = "of no profile" },
    { "more than the name",   SERVING(.subject = "C=CH\nOU=SKS\nCN=kube-apiserverx"), .want = "of no profile" },
    { "other capitals",       SERVING(.subject = "C=CH\nOU=SKS\nCN=Kube-apiserver"), .want = "of no profile" },
    { "no common name there", SERVING(.subject = "C=CH\nOU=SKS"), .want = "of no profile" },
    { "nothing behind the prefix", CLIENT("O=system:nodes\nCN=system:node:"), .want = "reserved" },
    { "reserved user",        CLIENT("CN=system:admin"), .want = "'system:admin' is reserved" },
    { "reserved in capitals", CLIENT("CN=SyStEm:admin"), .want = "reserved" },
    { "kubeadm's user",       CLIENT("CN=kubeadm:x"), .want = "reserved" },
    { "API server at kubelets", CLIENT("CN=kube-apiserver-kubelet-client"), .want = "reserved" },
    { "reserved even so",     CLIENT("O=system:masters\nCN=system:admin"), .privileged = true, .want = "reserved" },
    { "a look-alike",         CLIENT("CN=ѕystem:admin"), .want = "printable ASCII" },
    { "a space in front",     CLIENT("CN= system:admin"), .want = "space" },
    { "a quote",              CLIENT("CN=a\"b"), .want = "'\"'" },
    { "too long",             CLIENT("CN=" X63 "." X63 "." X63 "." X63), .want = "at most 253" },

    /* organizations */
    { "a group where none is", SERVING(.subject = "C=CH\nOU=SKS\nO=dev\nCN=kube-apiserver"), .want = "organizations are not" },
    { "groups swapped",       CLIENT("O=system:b\nO=system:a\nCN=two"), .want = "organizations are not" },
    { "a node without group", CLIENT("CN=system:node:w1"), .want = "organizations are not" },
    { "a node, and more",     CLIENT("O=system:nodes\nO=dev\nCN=system:node:w1"), .want = "organizations are not" },
    { "reserved group",       CLIENT("O=dev\nO=system:nodes\nCN=alice"), .want = "'system:nodes' is reserved" },
    { "masters in capitals",  CLIENT("O=System:Masters\nCN=alice"), .want = "reserved" },
    { "masters in capitals, privileged", CLIENT("O=System:Masters\nCN=alice"), .privileged = true, .want = "reserved" },
    { "masters and nodes",    CLIENT("O=system:masters\nO=system:nodes\nCN=alice"), .privileged = true, .want = "'system:nodes' is reserved" },
    { "masters unasked",      CLIENT("O=system:masters\nCN=alice"), .want = "must be asked for as privileged" },
    { "admins unasked",       CLIENT("O=kubeadm:cluster-admins\nCN=alice"), .want = "must be asked for as privileged" },
    { "an empty group",       CLIENT("O=\nCN=alice"), .want = "O is empty" },
    { "33 groups",            CLIENT(O8 O8 O8 O8 "O=i\nCN=alice"), .want = "more than 32 organizations" },
    { "NUL-like group",       CLIENT("O=system:masters\x01\nCN=alice"), .privileged = true, .want = "byte 0x01" },

    /* SANs */
    { "a SAN on a client",    CLIENT("CN=alice", .sans = "DNS:a"), .want = "may not carry a SAN" },
    { "an address on a client", CLIENT("CN=alice", .sans = "IP:"), .want = "may not carry a SAN" },
    { "a URI on a server",    SERVING(.sans = "DNS:a\nURI:https://a"), .want = "may not carry a SAN" },
    { "a mail address",       SERVING(.sans = "EMAIL:a@b"), .want = "may not carry a SAN" },
    { "a registered id",      SERVING(.sans = "OTHER:"), .want = "may not carry a SAN" },
    { "an underscore alone",  SERVING(.sans = "DNS:a..b"), .want = "not a DNS name" },
    { "a star inside",        SERVING(.sans = "DNS:a.*.b"), .want = "not a DNS name" },
    { "a name of 255 bytes",  SERVING(.sans = "DNS:" X63 "." X63 "." X63 "." X63), .want = "too long" },
    { "a partial star",       SERVING(.sans = "DNS:p*.demo.etcd.poterne.internal"), .want = "not a DNS name" },
    { "a dot at the end",     SERVING(.sans = "DNS:" LEAF_RESERVED "."), .want = "not a DNS name" },
    { "no peer's name",       PEER("m1", "DNS:m1"), .want = "must carry the SAN" },
    { "a star is no peer's name", PEER("m1", "DNS:*.demo.etcd.poterne.internal"), .want = "must carry the SAN" },
    { "a server as peer",     SERVING(.sans = "DNS:" LEAF_RESERVED), .want = "may not carry the SAN" },
    { "in capitals",          SERVING(.sans = "DNS:a\nDNS:Peer.demo.etcd.poterne.internal"), .want = "may not carry the SAN" },
    { "by a wildcard",        SERVING(.sans = "DNS:*.Demo.etcd.poterne.internal"), .want = "may not carry the SAN" },

    { "another installation", CLIENT("CN=agent", .sans = "URI:poterne://j/machine/c/u"), .want = "must carry one SAN" },
    { "a person's URI",       CLIENT("CN=agent", .sans = "URI:poterne://i/operator/u"), .want = "must carry one SAN" },
    { "no machine in it",     CLIENT("CN=agent", .sans = "URI:poterne://i/machine/c/"), .want = "must carry one SAN" },
    { "no cluster in it",     CLIENT("CN=agent", .sans = "URI:poterne://i/machine//u"), .want = "must carry one SAN" },
    { "more than a machine",  CLIENT("CN=agent", .sans = "URI:poterne://i/machine/c/u/x"), .want = "must carry one SAN" },
    { "a query behind it",    CLIENT("CN=agent", .sans = "URI:poterne://i/machine/c/u?x"), .want = "must carry one SAN" },
    { "a star is no name",    CLIENT("CN=agent", .sans = "URI:poterne://i/machine/*/*"), .want = "must carry one SAN" },
    { "two of them",          CLIENT("CN=agent", .sans = "URI:poterne://i/machine/c/u\nURI:poterne://i/machine/c/v"), .want = "must carry one SAN" },
    { "none of them",         CLIENT("CN=agent"), .profile = "person" },

    /* forms */
    { "client and server",    SERVING(.eku = BOTH), .want = "must carry the SAN" },
    { "a server as client",   SERVING(.eku = EKU_CLIENT, .sans = "DNS:a"), .want = "may not carry a SAN" },
    { "privileged, too long", CLIENT("O=system:masters\nCN=alice", .not_after = 9001), .privileged = true, .want = "limit of profile 'admin'" },
};
/* clang-format on */

static struct fence *read_good(void)
{
    struct fence *fence = NULL;
    struct err e = { 0 };

    if (fence_read(&fence, slice_str(good_fence), &e))
        fail_msg("%s", err_text(&e));
    return fence;
}

static int check(const struct fence *fence, const struct row *row, const char **profile,
                 struct err *e)
{
    CLEANUP(buf_clear) struct buf name = { 0 };
    CLEANUP(buf_clear) struct buf der = { 0 };
    struct x509_cert issuer = leaf_issuer(&name), tbs;
    struct fence_request request = {
        .cluster = row->cluster ? row->cluster : "c1",
        .privileged = row->privileged,
        .now = LEAF_NOW + row->now,
        .issuer = &issuer,
        .tbs = &tbs,
        .alg = row->alg,
    };

    if (row->issuer_eku)
        issuer.ext.eku = row->issuer_eku;
    leaf_write(&der, &row->leaf);
    if (x509_tbs_read(&tbs, buf_slice(&der), e)) {
        e->code = ERR_REFUSED; /* by the reader: as good */
        return -1;
    }
    return fence_check(fence, &request, profile, e);
}

static void test_check(void **state)
{
    CLEANUP(fence_freep) struct fence *fence = read_good();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        const char *profile = "untouched";
        struct err e = { 0 };
        int rc = check(fence, row, &profile, &e);

        if (row->profile && (rc || strcmp(profile, row->profile) != 0))
            fail_msg("%s: profile %s, %s", row->label, profile, err_text(&e));
        if (!row->profile &&
            (rc != -1 || e.code != ERR_REFUSED || strcmp(profile, "untouched") != 0 ||
             !strstr(err_text(&e), row->want)))
            fail_msg("%s: profile %s, '%s' wanted: %s", row->label, profile, row->want,
                     err_text(&e));
    }
}

/* An authority without SKID and EKU (adopted): no key id in the leaf either, the fence bounds the
 * EKU. */
static void test_plain_authority(void **state)
{
    CLEANUP(fence_freep) struct fence *fence = read_good();
    CLEANUP(buf_clear) struct buf name = { 0 };
    CLEANUP(buf_clear) struct buf der = { 0 };
    struct x509_cert issuer = leaf_issuer(&name), tbs;
    struct fence_request request = {
        .cluster = "c1", .now = LEAF_NOW, .issuer = &issuer, .tbs = &tbs
    };
    struct leaf_spec leaf = { .no_akid = true };
    const char *profile;
    struct err e = { 0 };

    (void)state;
    issuer.ext.skid = slice_of(NULL, 0);
    issuer.ext.has_eku = false;
    leaf_write(&der, &leaf);
    assert_int_equal(x509_tbs_read(&tbs, buf_slice(&der), &e), 0);
    assert_int_equal(fence_check(fence, &request, &profile, &e), 0);
    leaf.no_akid = false;
    buf_reset(&der);
    leaf_write(&der, &leaf);
    assert_int_equal(x509_tbs_read(&tbs, buf_slice(&der), &e), 0);
    assert_int_equal(fence_check(fence, &request, &profile, &e), -1);
}

/* The good fence with one text put in the place of another. */
static const struct {
    const char *from, *to, *want; /* want NULL: still good */
} spoilt[] = {
    { "\"rate\":100", "\"rate\":1", NULL },
    { "\"v\":1", "\"v\":2", "version 2" },
    { "\"v\":1,", "", "v" },
    { "\"v\":1,", "\"v\":1,\"new\":1,", "new" },
    { "{\"v\":1", "{\"v\":1,\"v\":1", "v" },
    { "]}", "]", "" },
    { "\"cluster\":\"c1\"", "\"cluster\":\"\"", "'cluster' is empty" },
    { "\"cluster\":\"c1\"", "\"cluster\":7", "cluster" },
    { "\"role\":\"test\",", "", "role" },
    { "[\"client\",\"server\"]", "[\"client\",\"client\"]", "repeated" },
    { "[\"client\",\"server\"]", "[\"client\",\"any\"]", "unknown" },
    { "[\"client\",\"server\"]", "[\"client\"]", "beyond the authority's" },
    { "[\"client\",\"server\"]", "\"client\"", "'eku' is not an array" },
    { "[\"C\",\"CH\"]", "[\"O\",\"x\"]", "may fix" },
    { "[\"C\",\"CH\"]", "[\"CN\",\"x\"]", "may fix" },
    { "[\"C\",\"CH\"]", "[\"C\"]", "list of" },
    { "[\"C\",\"CH\"]", "[\"C\",\"\"]", "list of" },
    { "[\"C\",\"CH\"]", "[\"C\",1]", "list of" },
    { "\"reserved_san\":\"" LEAF_RESERVED "\"", "\"reserved_san\":\"*.a\"", "'reserved_san'" },
    { "\"reserved_san\":\"" LEAF_RESERVED "\"", "\"reserved_san\":1", "'reserved_san'" },
    { "\"reserved_san\":\"" LEAF_RESERVED "\",", "", NULL },
    { "\"max_ttl\":40000", "\"max_ttl\":0", "'max_ttl'" },
    { "\"max_ttl\":40000", "\"max_ttl\":-1", "'max_ttl'" },
    { "\"max_ttl\":40000", "\"max_ttl\":1.5", "max_ttl" },
    { "\"max_ttl\":40000", "\"max_ttl\":9999999999999", "'max_ttl'" },
    { "\"rate\":100", "\"rate\":0", "'rate'" },
    { "\"rate\":100,", "", "rate" },
    { "\"forms\":[", "\"forms\":[7,", "form 1: not an object" },
    { "\"forms\":[", "\"forms\":[{},", "form 1" },
    { "\"profile\":\"serving\"", "\"profile\":\"\"", "'profile' is empty" },
    { "\"profile\":\"serving\"", "\"profile\":\"a\",\"more\":1", "more" },
    { "\"eku\":[\"server\"]", "\"eku\":[]", "'eku' is empty" },
    { "\"cn\":\"kube-apiserver\"", "\"cn\":\"a*b\"", "'*'" },
    { "\"cn\":\"kube-apiserver\"", "\"cn\":\"**\"", "'*'" },
    { "\"cn\":\"kube-apiserver\"", "\"cn\":\"a\\u00e9\"", "printable ASCII" },
    { "\"cn\":\"kube-apiserver\",", "", "cn" },
    { "\"o\":[\"system:nodes\"]", "\"o\":\"system:nodes\"", "'o' is not an array" },
    { "\"o\":[\"system:nodes\"]", "\"o\":[\"\"]", "'o' is empty" },
    { "\"o\":[\"system:nodes\"]", "\"o\":[1]", "'o' is empty" },
    { "\"o\":[\"system:nodes\"]", "\"o\":[\"a\",\"*\"]", "'*'" },
    { "\"o\":[\"system:nodes\"]", "\"o\":[\"!*\"]", "without 'privileged'" },
    { "\"privileged\":true", "\"privileged\":1", "neither true nor false" },
    { "\"privileged\":true", "\"privileged\":false", "without 'privileged'" },
    { "\"san\":[\"dns\",\"ip\"]", "\"san\":[\"dns\",\"other\"]", "unknown" },
    { "\"san_required\":\"" LEAF_RESERVED "\"", "\"san_required\":\"\"", "'san_required'" },
    { "\"uri\":\"poterne://i/machine/*/*\"", "\"uri\":\"*\"", "'uri'" },
    { "\"uri\":\"poterne://i/machine/*/*\"", "\"uri\":\"\"", "'uri'" },
    { "\"uri\":\"poterne://i/machine/*/*\"", "\"uri\":\"a b\"", "'uri'" },
    { "\"uri\":\"poterne://i/machine/*/*\"", "\"uri\":7", "'uri'" },
    { "\"san\":[\"uri\"],\"uri\"", "\"san\":[\"uri\",\"dns\"],\"uri\"", "'uri' without" },
    { "\"san\":[\"dns\",\"ip\"],\"san_required\"", "\"san\":[\"ip\"],\"san_required\"",
      "without \"dns\"" },
};

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(spoilt); i++) {
        CLEANUP(fence_freep) struct fence *fence = NULL;
        CLEANUP(buf_clear) struct buf json = { 0 };
        const char *at = strstr(good_fence, spoilt[i].from);
        struct err e = { 0 };
        int rc;

        assert_non_null(at);
        buf_add(&json, good_fence, (size_t)(at - good_fence));
        buf_add_str(&json, spoilt[i].to);
        buf_add_str(&json, at + strlen(spoilt[i].from));
        rc = fence_read(&fence, buf_slice(&json), &e);
        if (!spoilt[i].want ? rc != 0
                            : rc != -1 || fence || e.code != ERR_INVALID ||
                                  !strstr(err_text(&e), spoilt[i].want))
            fail_msg("%s: '%s' wanted: %s", spoilt[i].to, spoilt[i].want, err_text(&e));
    }
}

static void test_read_limits(void **state)
{
    CLEANUP(fence_freep) struct fence *fence = read_good();
    CLEANUP(buf_clear) struct buf json = { 0 };
    const char *form = strstr(good_fence, "{\"profile\"");
    size_t form_len = (size_t)(strchr(form, '}') - form) + 1;
    struct fence *none = NULL;
    struct err e = { 0 };

    (void)state;
    assert_string_equal(fence_cluster(fence), "c1");
    assert_int_equal(fence_rate(fence), 100);
    buf_add(&json, good_fence, (size_t)(form - good_fence));
    for (int i = 0; i < 49; i++) {
        buf_add(&json, form, form_len);
        buf_add_str(&json, i < 48 ? "," : "]}");
    }
    assert_int_equal(fence_read(&none, buf_slice(&json), &e), -1);
    assert_non_null(strstr(err_text(&e), "at most 48"));
    buf_reset(&json);
    buf_add(&json, good_fence, (size_t)(form - good_fence));
    buf_add_str(&json, "]}");
    assert_int_equal(fence_read(&none, buf_slice(&json), &e), -1);
    assert_non_null(strstr(err_text(&e), "'forms' is empty"));
    assert_int_equal(fence_read(&none, slice_str("[]"), &e), -1);
    assert_non_null(strstr(err_text(&e), "not an object"));
    assert_null(none);
}

/* clang-format off */
static const struct {
    const char *name;
    bool ok, reserved, privileged;
} names[] = {
    { "alice",                         true,  false, false },
    { "a",                             true,  false, false },
    { "alice@example.com",             true,  false, false },
    { "Alice B. (ops) [x] {y} ~!#^&*", true,  false, false },
    { "system",                        true,  false, false },
    { "systems:a",                     true,  false, false },
    { "system:",                       true,  true,  false },
    { "system:masters",                true,  true,  true  },
    { "SYSTEM:masters",                true,  true,  false },
    { "system:mastersx",               true,  true,  false },
    { "sYsTeM:serviceaccount:a:b",     true,  true,  false },
    { "kubeadm:cluster-admins",        true,  true,  true  },
    { "KubeAdm:cluster-admins",        true,  true,  false },
    { "kube-apiserver-kubelet-client", true,  true,  false },
    { "Kube-ApiServer-kubelet-client", true,  true,  false },
    { "kube-apiserver-kubelet-clients", true, false, false },
    { "front-proxy-client",            true,  true,  false },
    { "Front-Proxy-client",            true,  true,  false },
    { "",                              false, false, false },
    { " a",                            false, false, false },
    { "a ",                            false, false, false },
    { "a\tb",                          false, false, false },
    { "a\nb",                          false, false, false },
    { "a\x7f",                         false, false, false },
    { "a\"b",                          false, false, false },
    { "a\\b",                          false, false, false },
    { "a,b",                           false, false, false },
    { "a%b",                           false, false, false },
    { "a`b",                           false, false, false },
    { "a$b",                           false, false, false },
    { "ѕystem:masters",                false, false, false }, /* Cyrillic */
    { "ｓystem:masters",               false, false, false }, /* full width */
    { "system\u200b:masters",          false, false, false }, /* zero width */
    { "\u202esretsam:metsys",          false, false, false }, /* bidi */
};
/* clang-format on */

static void test_names(void **state)
{
    char longest[254];
    struct err e = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct slice name = slice_str(names[i].name);

        e = (struct err){ 0 };
        if ((fence_name_check(name, "user", &e) == 0) != names[i].ok ||
            e.code != (names[i].ok ? ERR_NONE : ERR_INVALID) ||
            fence_reserved_name(name) != names[i].reserved ||
            fence_privileged_group(name) != names[i].privileged)
            fail_msg("%s: %s", names[i].name, err_text(&e));
    }
    memset(longest, 'a', sizeof longest);
    assert_int_equal(fence_name_check(slice_of(longest, 253), "user", &e), 0);
    assert_int_equal(fence_name_check(slice_of(longest, 254), "user", &e), -1);
    assert_int_equal(fence_name_check(slice_of("a\0b", 3), "user", &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check), cmocka_unit_test(test_plain_authority),
        cmocka_unit_test(test_read),  cmocka_unit_test(test_read_limits),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
