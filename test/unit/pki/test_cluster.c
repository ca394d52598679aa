#include "world.h"

/* ---- what is refused, and what the message says ---- */

#define BODY(more)                                                                                 \
    "{\"name\":\"demo\",\"endpoint\":\"api.example:6443\",\"control_plane\":[\"cp1=10.0.0."        \
    "1\"]" more "}"
#define NAMED(name)                                                                                \
    "{\"name\":\"" name "\",\"endpoint\":\"api.example:6443\",\"control_plane\":[\"cp1=10.0.0."    \
    "1\"]}"
#define AT(endpoint)                                                                               \
    "{\"name\":\"demo\",\"endpoint\":\"" endpoint "\",\"control_plane\":[\"cp1=10.0.0.1\"]}"
#define OF(machines)                                                                               \
    "{\"name\":\"demo\",\"endpoint\":\"api.example:6443\",\"control_plane\":[" machines "]}"
#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10

/* clang-format off */
static const struct {
    const char *label, *json;
    enum err_code want;
    const char *says;
} refusals[] = {
    { "the least",              BODY(""),                              ERR_NONE,    "" },
    { "not an object",          "[]",                                  ERR_INVALID, "JSON object" },
    { "unknown member",         BODY(",\"nodes\":[]"),                 ERR_INVALID, "nodes" },
    { "no name",                "{\"endpoint\":\"a:1\",\"control_plane\":[\"a=10.0.0.1\"]}", ERR_INVALID, "'name' is missing" },
    { "name not text",          "{\"name\":5}",                        ERR_INVALID, "'name' is not a text" },
    { "null is absent",         BODY(",\"subject\":null"),             ERR_NONE,    "" },

    { "empty name",             NAMED(""),                             ERR_INVALID, "empty" },
    { "longest name",           NAMED(X60 "xxx"),                      ERR_NONE,    "" },
    { "name too long",          NAMED(X60 "xxxx"),                     ERR_INVALID, "64 characters long, at most 63" },
    { "upper case",             NAMED("Demo"),                         ERR_INVALID, "write 'demo'" },
    { "two dots",               NAMED(".."),                           ERR_INVALID, "dot" },
    { "a path",                 NAMED("../etc"),                       ERR_INVALID, "dot" },
    { "a slash",                NAMED("a/b"),                          ERR_INVALID, "'/'" },
    { "a dot",                  NAMED("a.b"),                          ERR_INVALID, "one word" },
    { "leading dash",           NAMED("-a"),                           ERR_INVALID, "begins or ends with '-'" },
    { "trailing dash",          NAMED("a-"),                           ERR_INVALID, "begins or ends with '-'" },
    { "underscore",             NAMED("a_b"),                          ERR_INVALID, "'_'" },
    { "space",                  NAMED("a b"),                          ERR_INVALID, "U+0020" },
    { "control",                NAMED("a\\u001b[1m"),                  ERR_INVALID, "U+001B" },
    { "bidi",                   NAMED("a\\u202eb"),                    ERR_INVALID, "U+202E" },
    { "look-alike",             NAMED("dem\\u043e"),                   ERR_INVALID, "U+043E" },
    { "option-like",            NAMED("--yes"),                        ERR_INVALID, "'-'" },

    { "no port",                AT("10.0.0.1"),                        ERR_INVALID, "write HOST:PORT, like 10.0.0.1:6443" },
    { "no port, name",          AT("api.example"),                     ERR_INVALID, "has no port" },
    { "no host",                AT(":6443"),                           ERR_INVALID, "has no host" },
    { "port 0",                 AT("a:0"),                             ERR_INVALID, "1 to 65535" },
    { "port too large",         AT("a:65536"),                         ERR_INVALID, "1 to 65535" },
    { "port with a zero",       AT("a:0443"),                          ERR_INVALID, "1 to 65535" },
    { "port with a sign",       AT("a:+443"),                          ERR_INVALID, "1 to 65535" },
    { "port empty",             AT("a:"),                              ERR_INVALID, "1 to 65535" },
    { "port huge",              AT("a:99999999999999999999"),          ERR_INVALID, "1 to 65535" },
    { "bare IPv6",              AT("fd00::1:6443"),                    ERR_INVALID, "brackets" },
    { "IPv6",                   AT("[fd00::1]:6443"),                  ERR_NONE,    "" },
    { "IPv6 without port",      AT("[fd00::1]"),                       ERR_INVALID, "no port" },
    { "name in brackets",       AT("[api]:6443"),                      ERR_INVALID, "brackets are for IPv6" },
    { "a URL",                  AT("https://api:6443"),                ERR_INVALID, "without 'https://'" },
    { "upper-case host",        AT("API:6443"),                        ERR_INVALID, "write 'api'" },
    { "a bad address",          AT("10.0.0.256:6443"),                 ERR_INVALID, "not an IP address" },
    { "three octets",           AT("10.0.1:6443"),                     ERR_INVALID, "not an IP address" },
    { "unspecified",            AT("0.0.0.0:6443"),                    ERR_INVALID, "no machine's address" },
    { "endpoint reserved",      AT("peer.demo.etcd.poterne.internal:1"), ERR_INVALID, "reserved" },

    { "no machine",             OF(""),                                ERR_INVALID, "at least one control-plane machine" },
    { "no list",                "{\"name\":\"demo\",\"endpoint\":\"a:1\",\"control_plane\":\"cp1=10.0.0.1\"}", ERR_INVALID, "not a list" },
    { "not text",               OF("5"),                               ERR_INVALID, "list of texts" },
    { "no address",             OF("\"cp1\""),                         ERR_INVALID, "MACHINE=ADDRESS" },
    { "empty address",          OF("\"cp1=\""),                        ERR_INVALID, "not an IP address" },
    { "name first",             OF("\"cp1=cp1.example,10.0.0.1\""),    ERR_INVALID, "the first one is where it listens" },
    { "empty machine name",     OF("\"=10.0.0.1\""),                   ERR_INVALID, "machine name is empty" },
    { "machine upper case",     OF("\"CP1=10.0.0.1\""),                ERR_INVALID, "write 'cp1'" },
    { "machine with dots",      OF("\"cp1.dc1=10.0.0.1\""),            ERR_NONE,    "" },
    { "machine, two dots",      OF("\"cp1..dc1=10.0.0.1\""),           ERR_INVALID, "between its dots" },
    { "machine, final dot",     OF("\"cp1.=10.0.0.1\""),               ERR_INVALID, "dots" },
    { "machine is a number",    OF("\"17=10.0.0.1\""),                 ERR_INVALID, "give it a letter" },
    { "machine is an address",  OF("\"10.0.0.1=10.0.0.1\""),           ERR_INVALID, "neither an IP address nor a DNS name" },
    { "machine name too long",  OF("\"" X10 X10 X10 X10 X10 "xxx=10.0.0.1\""), ERR_INVALID, "at most 52" },
    { "longest machine name",   OF("\"" X10 X10 X10 X10 X10 "xx=10.0.0.1\""), ERR_NONE, "" },
    { "IPv4 in IPv6",           OF("\"cp1=::ffff:10.0.0.1\""),         ERR_INVALID, "write 10.0.0.1" },
    { "a zone",                 OF("\"cp1=fe80::1%eth0\""),            ERR_INVALID, "zone" },
    { "leading zeros",          OF("\"cp1=010.0.0.1\""),               ERR_INVALID, "not an IP address" },
    { "multicast",              OF("\"cp1=224.0.0.1\""),               ERR_INVALID, "not the address of one machine" },
    { "multicast 6",            OF("\"cp1=ff02::1\""),                 ERR_INVALID, "not the address of one machine" },
    { "unspecified 6",          OF("\"cp1=::\""),                      ERR_INVALID, "no machine's address" },
    { "brackets",               OF("\"cp1=[fd00::1]\""),               ERR_INVALID, "without brackets" },
    { "address twice",          OF("\"cp1=fd00::1,fd00:0::1\""),       ERR_INVALID, "given twice" },
    { "name twice",             OF("\"cp1=10.0.0.1,a.b,a.b\""),        ERR_INVALID, "given twice" },
    { "its own name",           OF("\"cp1=10.0.0.1,cp1\""),            ERR_NONE,    "" },
    { "machine twice",          OF("\"cp1=10.0.0.1\",\"cp1=10.0.0.2\""), ERR_INVALID, "given twice" },
    { "one address, two",       OF("\"cp1=10.0.0.1\",\"cp2=10.0.0.1\""), ERR_INVALID, "'10.0.0.1' is given to machine" },
    { "one name, two",          OF("\"cp1=10.0.0.1,a.b\",\"cp2=10.0.0.2,a.b\""), ERR_INVALID, "'a.b' is given to machine" },
    { "another's name",         OF("\"cp1=10.0.0.1,cp2\",\"cp2=10.0.0.2\""), ERR_INVALID, "'cp2' is given to machine" },
    { "called kubernetes",      OF("\"kubernetes=10.0.0.1\""),         ERR_INVALID, "reserved" },
    { "alias of the API",       OF("\"cp1=10.0.0.1,kubernetes.default.svc.cluster.local\""), ERR_INVALID, "reserved" },
    { "alias localhost",        OF("\"cp1=10.0.0.1,localhost\""),      ERR_INVALID, "reserved" },
    { "alias of the peers",     OF("\"cp1=10.0.0.1,peer.demo.etcd.poterne.internal\""), ERR_INVALID, "reserved" },
    { "etcd, the same",         BODY(",\"etcd\":[\"cp1=10.0.0.1\"]"),  ERR_NONE,    "" },
    { "etcd, other addresses",  BODY(",\"etcd\":[\"cp1=10.0.0.9\"]"),  ERR_INVALID, "different addresses" },
    { "worker and control plane", BODY(",\"workers\":[\"cp1=10.0.0.1\"]"), ERR_INVALID, "given twice" },

    { "dual stack",             BODY(",\"service_cidr\":\"10.96.0.0/16,fd00::/108\""), ERR_NONE, "" },
    { "IPv6 alone",             BODY(",\"service_cidr\":\"fd00::/108\""), ERR_NONE, "" },
    { "no prefix",              BODY(",\"service_cidr\":\"10.96.0.0\""), ERR_INVALID, "not a network" },
    { "host bits",              BODY(",\"service_cidr\":\"10.96.0.1/12\""), ERR_INVALID, "write 10.96.0.0/12" },
    { "one address",            BODY(",\"service_cidr\":\"10.96.0.0/32\""), ERR_INVALID, "too small" },
    { "eight addresses",        BODY(",\"service_cidr\":\"10.96.0.0/29\""), ERR_INVALID, "too small" },
    { "sixteen addresses",      BODY(",\"service_cidr\":\"10.96.0.0/28\""), ERR_NONE, "" },
    { "too large",              BODY(",\"service_cidr\":\"10.0.0.0/8\""), ERR_INVALID, "/12 or smaller" },
    { "too large 6",            BODY(",\"service_cidr\":\"fd00::/64\""), ERR_INVALID, "/108 or smaller" },
    { "prefix too long",        BODY(",\"service_cidr\":\"10.96.0.0/33\""), ERR_INVALID, "0 to 32" },
    { "prefix with a zero",     BODY(",\"service_cidr\":\"10.96.0.0/012\""), ERR_INVALID, "0 to 32" },
    { "prefix is a word",       BODY(",\"service_cidr\":\"10.96.0.0/x\""), ERR_INVALID, "0 to 32" },
    { "same family twice",      BODY(",\"service_cidr\":\"10.96.0.0/16,10.97.0.0/16\""), ERR_INVALID, "one IPv4 and one IPv6" },
    { "three networks",         BODY(",\"service_cidr\":\"10.96.0.0/16,fd00::/108,10.97.0.0/16\""), ERR_INVALID, "more than two" },
    { "loopback services",      BODY(",\"service_cidr\":\"127.0.0.0/16\""), ERR_INVALID, "services may have" },
    { "multicast services",     BODY(",\"service_cidr\":\"224.0.0.0/16\""), ERR_INVALID, "services may have" },
    { "empty CIDR",             BODY(",\"service_cidr\":\"\""),        ERR_INVALID, "not a network" },

    { "domain",                 BODY(",\"dns_domain\":\"k8s.example\""), ERR_NONE, "" },
    { "domain upper case",      BODY(",\"dns_domain\":\"Cluster.Local\""), ERR_INVALID, "write 'cluster.local'" },
    { "domain with a dot",      BODY(",\"dns_domain\":\"cluster.local.\""), ERR_INVALID, "dots" },
    { "SAN wildcard",           BODY(",\"sans\":[\"*.example.com\",\"fd00::9\"]"), ERR_NONE, "" },
    { "SAN, star alone",        BODY(",\"sans\":[\"*\"]"),             ERR_INVALID, "'*'" },
    { "SAN, star inside",       BODY(",\"sans\":[\"a.*.com\"]"),       ERR_INVALID, "'*'" },
    { "SAN of the peers",       BODY(",\"sans\":[\"*.demo.etcd.poterne.internal\"]"), ERR_INVALID, "reserved" },
    { "SAN not text",           BODY(",\"sans\":[7]"),                 ERR_INVALID, "list of texts" },

    { "key type",               BODY(",\"key_type\":\"rsa3072\""),     ERR_NONE,    "" },
    { "key type unknown",       BODY(",\"key_type\":\"dsa\""),         ERR_INVALID, "one of p256" },
    { "ed25519",                BODY(",\"key_type\":\"ed25519\""),     ERR_REFUSED, "kubeadm reads RSA and ECDSA" },
    { "service-account ed25519", BODY(",\"service_account_key_type\":\"ed25519\""), ERR_INVALID, "RS256 or ES256" },
    { "service-account p384",   BODY(",\"service_account_key_type\":\"p384\""), ERR_INVALID, "RS256 or ES256" },

    { "subject, spaces",        BODY(",\"subject\":\"OU=SKS, C=CH , O=Exoscale\""), ERR_NONE, "" },
    { "country of three",       BODY(",\"subject\":\"C=CHE\""),        ERR_INVALID, "two upper-case letters" },
    { "country small",          BODY(",\"subject\":\"C=ch\""),         ERR_INVALID, "two upper-case letters" },
    { "no attribute",           BODY(",\"subject\":\"CH\""),           ERR_INVALID, "ATTRIBUTE=VALUE" },
    { "common name",            BODY(",\"subject\":\"CN=x\""),         ERR_INVALID, "none of C, ST, L, O, OU" },
    { "empty value",            BODY(",\"subject\":\"O=\""),           ERR_INVALID, "O is empty" },
    { "trailing comma",         BODY(",\"subject\":\"C=CH,\""),        ERR_INVALID, "ATTRIBUTE=VALUE" },
    { "country twice",          BODY(",\"subject\":\"C=CH,C=FR\""),    ERR_INVALID, "given twice" },
    { "two units",              BODY(",\"subject\":\"OU=a,OU=b\""),    ERR_NONE,    "" },
    { "value too long",         BODY(",\"subject\":\"O=" X60 "xxxxx\""), ERR_INVALID, "longer than 64" },
    { "bidi in subject",        BODY(",\"subject\":\"O=a\\u202eb\""),  ERR_INVALID, "U+202E" },
    { "UTF-8 in subject",       BODY(",\"subject\":\"L=Gen\\u00e8ve\""), ERR_NONE,  "" },

    { "TTL of 0",               BODY(",\"leaf_ttl\":\"0\""),           ERR_INVALID, "leaf TTL '0'" },
    { "TTL of 0 hours",         BODY(",\"leaf_ttl\":\"0h\""),          ERR_INVALID, "longer than 0" },
    { "negative TTL",           BODY(",\"authority_ttl\":\"-1y\""),    ERR_INVALID, "authority TTL '-1y'" },
    { "TTL is a word",          BODY(",\"operator_max_ttl\":\"long\""), ERR_INVALID, "longest operator TTL" },
    { "TTL overflows",          BODY(",\"authority_ttl\":\"999999999999999999999y\""), ERR_INVALID, "10000 years" },
    { "30 years",               BODY(",\"authority_ttl\":\"30y\",\"leaf_ttl\":\"10m\""), ERR_NONE, "" },

    { "issuer",                 BODY(",\"service_account_issuer\":\"https://a.example/x\""), ERR_NONE, "" },
    { "issuer, http",           BODY(",\"service_account_issuer\":\"http://a.example\""), ERR_INVALID, "must be a URL" },
    { "issuer, no host",        BODY(",\"service_account_issuer\":\"https:///x\""), ERR_INVALID, "must be a URL" },
    { "issuer with a query",    BODY(",\"service_account_issuer\":\"https://a?b\""), ERR_INVALID, "byte 0x3f" },
    { "issuer with a space",    BODY(",\"service_account_issuer\":\"https://a b\""), ERR_INVALID, "byte 0x20" },
};
/* clang-format on */

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        CLEANUP(cluster_clear) struct cluster c = { 0 };
        CLEANUP(buf_clear) struct buf warnings = { 0 };
        struct err e = { 0 };
        int rc = world_parse(&c, refusals[i].json, &warnings, &e);

        if (e.code != refusals[i].want || (rc == 0) != (refusals[i].want == ERR_NONE) ||
            !strstr(e.msg, refusals[i].says))
            fail_msg("%s: %d, \"%s\"", refusals[i].label, e.code, e.msg);
    }
}

/* ---- what is understood ---- */

static void test_canonical(void **state)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    struct err e = { 0 };

    (void)state;
    if (world_parse(
            &c,
            "{\"name\":\"demo\",\"endpoint\":\"[FD00:0::1]:6443\",\"control_plane\":[\"cp1=FD00:0:"
            "0::2\"],"
            "\"sans\":[\"fd00:0::9\",\"fd00::9\",\"a.b\"],\"service_cidr\":\"FD00:1::/108\","
            "\"dns_domain\":\"k8s.local\",\"subject\":\"OU=b, O= x ,OU=a,C=CH,ST=GE\"}",
            &warnings, &e))
        fail_msg("%s", e.msg);
    assert_string_equal(c.endpoint_host, "fd00::1");
    assert_string_equal(c.machine[0].address[0], "fd00::2");
    assert_int_equal(c.san_count, 2);
    assert_string_equal(c.service_cidr[0], "fd00:1::/108");
    assert_string_equal(c.service_account_issuer, "https://kubernetes.default.svc.k8s.local");
    assert_string_equal(c.subject[0].attr, "C");
    assert_string_equal(c.subject[1].attr, "ST");
    assert_string_equal(c.subject[2].attr, "O");
    assert_string_equal(c.subject[2].value, "x");
    assert_string_equal(c.subject[3].value, "b");
    assert_string_equal(c.subject[4].value, "a");
    assert_int_equal(c.authority_ttl, YEARS(10));
    assert_int_equal(c.leaf_ttl, YEARS(1));
    assert_int_equal(c.operator_max_ttl, DAYS(366));
    assert_int_equal(c.key_type, KEY_P256);
    assert_int_equal(c.service_account_key_type, KEY_RSA2048);
}

static void test_roles_merge(void **state)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(world_parse(&c, WORLD_CLUSTER, &warnings, &e), 0);
    assert_int_equal(c.machine_count, 5);
    assert_int_equal(c.machine[0].roles, MACHINE_CONTROL_PLANE | MACHINE_ETCD);
    assert_string_equal(c.machine[2].name, "e1");
    assert_true(machine_runs_etcd(&c, &c.machine[0]));
    assert_false(machine_runs_etcd(&c, &c.machine[1])); /* etcd was named, and not there */
    assert_true(machine_runs_etcd(&c, &c.machine[2]));
    assert_int_equal(warnings.len, 0); /* three members */
}

/* What works, and is seldom meant. */
static void test_warnings(void **state)
{
    static const struct {
        const char *json, *says;
    } rows[] = {
        { OF("\"cp1=10.0.0.1\",\"cp2=10.0.0.2\""), "2 etcd members" },
        { BODY(",\"etcd\":[\"e1=10.0.0.2\",\"e2=10.0.0.3\"]"), "2 etcd members" },
        { OF("\"cp1=10.100.0.1\""), "10.100.0.1 lies within the service CIDR 10.96.0.0/12" },
        { BODY(",\"authority_ttl\":\"30d\""), "leaves end with their authority" },
        { BODY(""), "" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(cluster_clear) struct cluster c = { 0 };
        CLEANUP(buf_clear) struct buf warnings = { 0 };
        struct err e = { 0 };

        assert_int_equal(world_parse(&c, rows[i].json, &warnings, &e), 0);
        if (!strstr(buf_str(&warnings), rows[i].says) || (warnings.len && !rows[i].says[0]))
            fail_msg("%s: %s", rows[i].json, buf_str(&warnings));
    }
}

static void test_many_machines(void **state)
{
    CLEANUP(buf_clear) struct buf json = { 0 };
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    struct err e = { 0 };

    (void)state;
    buf_add_str(&json, "{\"name\":\"demo\",\"endpoint\":\"a:1\",\"control_plane\":[\"cp=10.0.0.1\"]"
                       ",\"workers\":[");
    for (int i = 0; i < CLUSTER_MAX_MACHINES - 1; i++)
        buf_addf(&json, "%s\"w%d=10.1.%d.%d\"", i ? "," : "", i, i / 256, i % 256);
    buf_add_str(&json, "]}");
    if (world_parse(&c, buf_str(&json), &warnings, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(c.machine_count, CLUSTER_MAX_MACHINES);
    json.len -= 2;
    buf_add_str(&json, ",\"one=10.2.0.1\"]}");
    cluster_clear(&c);
    assert_int_equal(world_parse(&c, buf_str(&json), &warnings, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
}

static void test_service_ip(void **state)
{
    static const struct {
        const char *cidr;
        unsigned n;
        const char *want;
    } rows[] = {
        { "10.96.0.0/12", 1, "10.96.0.1" },   { "10.96.0.0/12", 10, "10.96.0.10" },
        { "10.96.0.0/12", 256, "10.96.1.0" }, { "fd00::/108", 1, "fd00::1" },
        { "fd00::/108", 10, "fd00::a" },      { "10.0.0.240/28", 15, "10.0.0.255" },
        { "10.0.0.240/28", 16, NULL },        { "10.0.0.1/32", 1, NULL },
        { "255.255.255.240/28", 20, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[64] = "";
        struct err e = { 0 };
        int rc = cluster_service_ip(rows[i].cidr, rows[i].n, text, &e);

        if ((rc == 0) != (rows[i].want != NULL) ||
            (rows[i].want && strcmp(text, rows[i].want) != 0))
            fail_msg("%s, %u: %s %s", rows[i].cidr, rows[i].n, text, e.msg);
    }
}

/* ---- differences ---- */

/* clang-format off */
static const struct {
    const char *label, *other, *want;
} differences[] = {
    { "none",        WORLD_CLUSTER, "" },
    { "everything",  "{\"name\":\"demo\",\"endpoint\":\"b.example.com:6443\",\"control_plane\":[\"cp1=10.0.0.9\"],"
                     "\"workers\":[\"w1=10.0.0.21,w1.example\",\"w2=10.0.0.22\"],\"sans\":[\"192.0.2.7\",\"x.y\"],"
                     "\"key_type\":\"p384\",\"leaf_ttl\":\"90d\"}",
      "endpoint: api.example.com:6443, asked for b.example.com:6443\n"
      "service_cidr: 10.96.0.0/12,fd00:1::/108, asked for 10.96.0.0/12\n"
      "key_type: p256, asked for p384\n"
      "subject: C=CH,L=GVA2,O=Exoscale,OU=SKS, asked for none\n"
      "leaf_ttl: 1y, asked for 90d\n"
      "service_account_key_type: p256, asked for rsa2048\n"
      "san kube.example.org: there, not asked for\n"
      "san x.y: not there, asked for\n"
      "machine cp1: control-plane+etcd 10.0.0.1,fd00::1,cp1.example, asked for control-plane 10.0.0.9\n"
      "machine cp2: control-plane 10.0.0.2, not asked for\n"
      "machine e1: etcd 10.0.0.11, not asked for\n"
      "machine e2: etcd 10.0.0.12, not asked for\n"
      "machine w2: not there, asked for worker 10.0.0.22\n" },
};
/* clang-format on */

static void test_diff(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(differences); i++) {
        CLEANUP(cluster_clear) struct cluster have = { 0 };
        CLEANUP(cluster_clear) struct cluster want = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct err e = { 0 };

        assert_int_equal(world_parse(&have, WORLD_CLUSTER, &out, &e), 0);
        assert_int_equal(world_parse(&want, differences[i].other, &out, &e), 0);
        buf_reset(&out);
        cluster_diff(&out, &have, &want);
        assert_string_equal(buf_str(&out), differences[i].want);
    }
}

/* ---- create, load, delete ---- */

static int load_demo(struct store_tx *tx, void *ctx, struct err *e)
{
    return cluster_load(tx, "demo", ctx, e);
}

static int64_t sequence;
static int read_sequence(struct store_tx *tx, void *ctx, struct err *e)
{
    (void)ctx;
    (void)e;
    sequence = store_sequence(tx);
    return 0;
}

static void test_create(void **state)
{
    struct world w;
    struct cluster c = { 0 }, again = { 0 }, loaded = { 0 };
    struct world_audit audit = { 0 };
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct err e = { 0 };
    bool made = true;
    int records;
    int64_t before;

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    records = world_audited(&w, &audit);
    assert_int_equal(records, 7); /* installation, cluster, five authorities */
    audit.action = "authority.create";
    assert_int_equal(world_audited(&w, &audit), 5);
    assert_int_equal(store_read(pki_store(w.pki), load_demo, &loaded, &e), 0);
    cluster_diff(&out, &c, &loaded);
    assert_string_equal(buf_str(&out), "");
    for (size_t i = 0; i < c.machine_count; i++)
        assert_string_equal(loaded.machine[i].name, c.machine[i].name);

    /* the same again: nothing is written */
    assert_int_equal(store_read(pki_store(w.pki), read_sequence, NULL, &e), 0);
    before = sequence;
    assert_int_equal(world_parse(&again, WORLD_CLUSTER, &out, &e), 0);
    assert_int_equal(cluster_create(&w.request, &again, &made, &e), 0);
    assert_false(made);
    assert_string_equal(again.uid, c.uid);
    audit.action = NULL;
    assert_int_equal(world_audited(&w, &audit), records);
    assert_int_equal(store_read(pki_store(w.pki), read_sequence, NULL, &e), 0);
    assert_int_equal(sequence, before);

    cluster_clear(&c);
    cluster_clear(&again);
    cluster_clear(&loaded);
    world_end(&w);
}

static void test_create_differs(void **state)
{
    struct world w;
    struct cluster c = { 0 }, other = { 0 };
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct err e = { 0 };
    bool made;

    (void)state;
    world_start(&w);
    world_cluster(&w, BODY(",\"service_account_key_type\":\"p256\""), &c);
    assert_int_equal(
        world_parse(&other, BODY(",\"service_account_key_type\":\"p256\",\"leaf_ttl\":\"90d\""),
                    &out, &e),
        0);
    assert_int_equal(cluster_create(&w.request, &other, &made, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_non_null(strstr(e.msg, "leaf_ttl: 1y, asked for 90d"));
    cluster_clear(&c);
    cluster_clear(&other);
    world_end(&w);
}

static void test_ends_after_9999(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct world_audit audit = { 0 };
    struct err e = { 0 };
    bool made;

    (void)state;
    world_start(&w);
    assert_int_equal(
        world_parse(&c, BODY(",\"authority_ttl\":\"9000y\",\"service_account_key_type\":\"p256\""),
                    &out, &e),
        0);
    assert_int_equal(cluster_create(&w.request, &c, &made, &e), -1);
    assert_int_equal(e.code, ERR_INVALID);
    assert_non_null(strstr(e.msg, "9999-12-31"));
    assert_int_equal(world_audited(&w, &audit), 1); /* the installation alone */
    cluster_clear(&c);
    world_end(&w);
}

struct left {
    int count;
};
static int count_kinds(struct store_tx *tx, void *ctx, struct err *e)
{
    static const char *const kinds[] = {
        KIND_CLUSTER,    KIND_MACHINE,     KIND_AUTHORITY,          KIND_CA,
        KIND_GENERATION, KIND_CERTIFICATE, KIND_SERVICE_ACCOUNT_KEY
    };
    struct left *left = ctx;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        int64_t count;

        if (store_count(tx, kinds[i], NULL, &count, e))
            return -1;
        left->count += (int)count;
    }
    return 0;
}
static int64_t data_keys;
static int count_data_keys(struct store_tx *tx, void *ctx, struct err *e)
{
    (void)ctx;
    return store_count(tx, KIND_DATA_KEY, NULL, &data_keys, e);
}

static void test_delete(void **state)
{
    struct world w;
    struct cluster c = { 0 };
    struct left left = { 0 };
    struct world_audit audit = { .action = "cluster.delete" };
    struct err e = { 0 };
    int64_t records = 0;

    (void)state;
    world_start(&w);
    world_cluster(&w, WORLD_CLUSTER, &c);
    assert_int_equal(store_read(pki_store(w.pki), count_data_keys, NULL, &e), 0);
    assert_int_equal(data_keys,
                     5 + 2); /* of five generations; of the keeper and of service-account keys */
    if (cluster_delete(&w.request, "demo", &records, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(records,
                     1 + 5 + 5 + 5 + 5 + 5 +
                         1); /* cluster, machines, roles, CAs, generations, their keys, one more */
    assert_int_equal(store_read(pki_store(w.pki), count_kinds, &left, &e), 0);
    assert_int_equal(left.count, 0);
    assert_int_equal(store_read(pki_store(w.pki), count_data_keys, NULL, &e), 0);
    assert_int_equal(data_keys, 2);
    assert_int_equal(world_audited(&w, &audit), 1);
    assert_int_equal(cluster_delete(&w.request, "demo", &records, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    cluster_clear(&c);
    world_cluster(&w, WORLD_CLUSTER, &c); /* the name is free again */
    cluster_clear(&c);
    world_end(&w);
}

static void test_role_names(void **state)
{
    enum authority_role role;
    struct err e = { 0 };

    (void)state;
    for (int i = 0; i < AUTHORITY_ROLES; i++) {
        assert_int_equal(
            authority_role_parse(&role, authority_role_name((enum authority_role)i), &e), 0);
        assert_int_equal(role, i);
    }
    assert_int_equal(authority_role_parse(&role, "operator", &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_non_null(strstr(e.msg, "operators"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_roles_merge),    cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_many_machines),  cmocka_unit_test(test_service_ip),
        cmocka_unit_test(test_diff),           cmocka_unit_test(test_create),
        cmocka_unit_test(test_create_differs), cmocka_unit_test(test_ends_after_9999),
        cmocka_unit_test(test_delete),         cmocka_unit_test(test_role_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
