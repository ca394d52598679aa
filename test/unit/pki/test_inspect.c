#include "forge.h"
#include "pki/inspect.h"
#include "store/file.h"

/* What a certificate should be called, as codes in the order of their finding. */
struct codes {
    char text[256];
};

static void note(const struct finding *f, void *ctx)
{
    struct codes *c = ctx;
    size_t used = strlen(c->text);

    snprintf(c->text + used, sizeof c->text - used, "%s%s", used ? " " : "", f->code);
    assert_true(f->text[0]);
}

static void inspect(struct codes *c, const struct inspect_input *in)
{
    struct err e = { 0 };

    c->text[0] = '\0';
    if (inspect_certificate(in, note, c, &e))
        fail_msg("%s", e.msg);
}

/* ---- one forged leaf or CA a row ---- */

static struct forged ca, etcd_ca, stranger;

/* clang-format off */
static const struct {
    const char *label;
    struct forge_spec spec;
    const char *name; /* the host it is held against */
    const char *want;
} cases[] = {
    { "a server's",                { "s", .eku = EKU_SERVER, .dns = "a.example", .issuer = &ca }, NULL, "" },
    { "a client's",                { "c", .eku = EKU_CLIENT, .issuer = &ca }, NULL, "" },
    { "ed25519",                   { "c", .type = KEY_ED25519, .eku = EKU_CLIENT, .issuer = &ca }, NULL, "" },
    { "rsa2048",                   { "c", .type = KEY_RSA2048, .eku = EKU_CLIENT, .issuer = &ca }, NULL, "" },
    { "its name",                  { "s", .eku = EKU_SERVER, .dns = "a.example", .issuer = &ca }, "a.example", "" },
    { "its name in capitals",      { "s", .eku = EKU_SERVER, .dns = "a.example", .issuer = &ca }, "A.Example", "" },
    { "its address",               { "s", .eku = EKU_SERVER, .ip = { 10, 0, 0, 1 }, .issuer = &ca }, "10.0.0.1", "" },
    { "a wildcard",                { "s", .eku = EKU_SERVER, .dns = "*.example", .issuer = &ca }, "a.example", "" },
    { "a wildcard of two labels",  { "s", .eku = EKU_SERVER, .dns = "*.example", .issuer = &ca }, "a.b.example", "name" },
    { "a wildcard of no label",    { "s", .eku = EKU_SERVER, .dns = "*.example", .issuer = &ca }, ".example", "name" },
    { "another name",              { "s", .eku = EKU_SERVER, .dns = "a.example", .issuer = &ca }, "b.example", "name" },
    { "another address",           { "s", .eku = EKU_SERVER, .ip = { 10, 0, 0, 1 }, .issuer = &ca }, "10.0.0.2", "name" },
    { "an address as a DNS name",  { "s", .eku = EKU_SERVER, .dns = "10.0.0.1", .issuer = &ca }, "10.0.0.1", "name" },
    { "the CN alone",              { "a.example", .eku = EKU_SERVER, .issuer = &ca }, "a.example", "name" },
    { "a server's without names",  { "a.example", .eku = EKU_SERVER, .issuer = &ca }, NULL, "name" },
    { "the last second",           { "c", .eku = EKU_CLIENT, .issuer = &ca, .until = FORGE_NOW + DAYS(30) + 1 }, NULL, "" },
    { "ends within",               { "c", .eku = EKU_CLIENT, .issuer = &ca, .until = FORGE_NOW + DAYS(30) }, NULL, "expiring" },
    { "ends now",                  { "c", .eku = EKU_CLIENT, .issuer = &ca, .until = FORGE_NOW }, NULL, "expiring" },
    { "ended",                     { "c", .eku = EKU_CLIENT, .issuer = &ca, .until = FORGE_NOW - 1 }, NULL, "expired" },
    { "begins later",              { "c", .eku = EKU_CLIENT, .issuer = &ca, .from = FORGE_NOW + 1 }, NULL, "not-yet-valid" },
    { "client and server",         { "b", .eku = EKU_CLIENT | EKU_SERVER, .dns = "a", .issuer = &ca }, NULL, "client-and-server" },
    { "no usage",                  { "b", .dns = "a", .issuer = &ca }, NULL, "client-and-server" },
    { "an etcd member",            { "m", .eku = EKU_CLIENT | EKU_SERVER, .dns = "a", .issuer = &etcd_ca }, NULL, "etcd-member" },
    { "no usage of etcd",          { "m", .dns = "a", .issuer = &etcd_ca }, NULL, "client-and-server" },
    { "etcd in its own name",      { "etcd", .eku = EKU_CLIENT | EKU_SERVER, .dns = "a", .issuer = &ca }, NULL, "client-and-server" },
    { "another CA of that name",   { "c", .eku = EKU_CLIENT, .issuer = &stranger }, NULL, "chain" },
    { "signed by itself",          { "c", .eku = EKU_CLIENT }, NULL, "chain" },
    { "a CA",                      { "r", .ca = true, .eku = EKU_CLIENT }, NULL, "" },
    { "a CA for everything",       { "r", .ca = true }, NULL, "ca-unconstrained" },
    { "a CA without depth",        { "r", .ca = true, .eku = EKU_CLIENT, .free_depth = true }, NULL, "ca-unconstrained" },
    { "a CA that cannot sign",     { "r", .ca = true, .eku = EKU_CLIENT, .ku = KU_DIGITAL_SIGNATURE }, NULL, "ca-usage" },
    { "a CA that ended",           { "r", .ca = true, .eku = EKU_CLIENT, .until = FORGE_NOW - 1 }, NULL, "expired" },
};
/* clang-format on */

static int make_authorities(void **state)
{
    (void)state;
    forge(&ca, &(struct forge_spec){ "kubernetes", .ca = true, .free_depth = true,
                                     .until = FORGE_NOW + YEARS(20) });
    forge(&etcd_ca, &(struct forge_spec){ "Etcd-ca", .ca = true, .until = FORGE_NOW + YEARS(20) });
    forge(&stranger,
          &(struct forge_spec){ "kubernetes", .ca = true, .until = FORGE_NOW + YEARS(20) });
    return 0;
}

static int drop_authorities(void **state)
{
    (void)state;
    forged_clear(&ca);
    forged_clear(&etcd_ca);
    forged_clear(&stranger);
    return 0;
}

static void test_rules(void **state)
{
    struct slice roots[] = { buf_slice(&ca.cert), buf_slice(&etcd_ca.cert) };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(forged_clear) struct forged f = { 0 };
        struct codes codes;

        forge(&f, &cases[i].spec);
        inspect(&codes, &(struct inspect_input){ .der = buf_slice(&f.cert),
                                                 .roots = roots,
                                                 .root_count = ARRAY_LEN(roots),
                                                 .name = cases[i].name,
                                                 .now = FORGE_NOW,
                                                 .within = DAYS(30) });
        if (strcmp(codes.text, cases[i].want) != 0)
            fail_msg("%s: '%s', expected '%s'", cases[i].label, codes.text, cases[i].want);
    }
}

/* ---- those that we cannot make ---- */

static const struct {
    const char *file, *want;
} files[] = {
    { "rsa1024", "weak-key" },
    { "p224", "weak-key" },
    { "sha1", "sha1" },
    { "any-leaf", "client-and-server chain" },
    { "any-ca", "ca-unconstrained ca-not-critical" },
    { "md5", "weak-signature" },
    { "sha1-root", "sha1-root" },
};

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(buf_clear) struct buf pem = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct slice root = buf_slice(&ca.cert);
        struct codes codes;
        struct err e = { 0 };
        char path[128];

        snprintf(path, sizeof path, "test/unit/pki/certs/%s.pem", files[i].file);
        if (file_read(&pem, path, 1 << 16, &e) ||
            pem_or_der(&der, buf_slice(&pem), "CERTIFICATE", &e))
            fail_msg("%s", e.msg);
        inspect(&codes,
                &(struct inspect_input){
                    .der = buf_slice(&der), .roots = &root, .root_count = 1, .now = FORGE_NOW });
        if (strcmp(codes.text, files[i].want) != 0)
            fail_msg("%s: '%s', expected '%s'", files[i].file, codes.text, files[i].want);
    }
}

static void test_unreadable(void **state)
{
    struct codes codes;

    (void)state;
    inspect(&codes, &(struct inspect_input){ .der = slice_of(ca.cert.ptr, ca.cert.len - 1) });
    assert_string_equal(codes.text, "unreadable");
    inspect(&codes, &(struct inspect_input){ .der = slice_str("no certificate") });
    assert_string_equal(codes.text, "unreadable");
}

/* ---- chains ---- */

static void test_chain(void **state)
{
    CLEANUP(forged_clear) struct forged middle = { 0 };
    CLEANUP(forged_clear) struct forged leaf = { 0 };
    CLEANUP(forged_clear) struct forged torn = { 0 };
    struct slice roots[2] = { buf_slice(&ca.cert) };
    struct slice chain;
    struct inspect_input in = { .roots = roots, .root_count = 1, .now = FORGE_NOW };
    struct codes codes;

    (void)state;
    forge(&middle, &(struct forge_spec){ "middle", .ca = true, .eku = EKU_CLIENT, .issuer = &ca });
    forge(&leaf, &(struct forge_spec){ "leaf", .eku = EKU_CLIENT, .issuer = &middle });
    chain = buf_slice(&middle.cert);
    in.der = buf_slice(&leaf.cert);
    inspect(&codes, &in);
    assert_string_equal(codes.text, "chain"); /* nobody has the one between */
    in.chain = &chain;
    in.chain_count = 1;
    inspect(&codes, &in);
    assert_string_equal(codes.text, "");
    in.root_count = 0; /* nothing known: not judged */
    inspect(&codes, &in);
    assert_string_equal(codes.text, "");
    roots[1] = buf_slice(&middle.cert); /* known, but not a root: it does not vouch for itself */
    in = (struct inspect_input){
        .der = roots[1], .roots = roots + 1, .root_count = 1, .now = FORGE_NOW
    };
    inspect(&codes, &in);
    assert_string_equal(codes.text, "");
    roots[0] = buf_slice(&etcd_ca.cert);
    in.roots = roots;
    in.root_count = 2;
    inspect(&codes, &in);
    assert_string_equal(codes.text, "chain");

    forge(&torn,
          &(struct forge_spec){ "torn", .ca = true, .eku = EKU_CLIENT, .wrong_key = ca.key });
    in = (struct inspect_input){
        .der = buf_slice(&torn.cert), .roots = roots, .root_count = 1, .now = FORGE_NOW
    };
    inspect(&codes, &in);
    assert_string_equal(codes.text, "chain"); /* not its own signature */
}

/* A chain that ended is said once, at the certificate that ended. */
static void test_expired_chain(void **state)
{
    CLEANUP(forged_clear) struct forged old = { 0 };
    CLEANUP(forged_clear) struct forged leaf = { 0 };
    struct slice root;
    struct codes codes;

    (void)state;
    forge(&old, &(struct forge_spec){ "old", .ca = true, .until = FORGE_NOW - 10 });
    forge(&leaf, &(struct forge_spec){ "leaf", .eku = EKU_CLIENT, .issuer = &old,
                                       .until = FORGE_NOW - 20 });
    root = buf_slice(&old.cert);
    inspect(&codes,
            &(struct inspect_input){
                .der = buf_slice(&leaf.cert), .roots = &root, .root_count = 1, .now = FORGE_NOW });
    assert_string_equal(codes.text, "expired");
    forged_clear(&leaf);
    forge(&leaf, &(struct forge_spec){ "leaf", .eku = EKU_CLIENT, .issuer = &old });
    inspect(&codes,
            &(struct inspect_input){
                .der = buf_slice(&leaf.cert), .roots = &root, .root_count = 1, .now = FORGE_NOW });
    assert_string_equal(codes.text, "chain"); /* it lives on, its CA does not */
}

/* ---- the table, and what is written ---- */

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < finding_kind_count; i++) {
        assert_true(finding_kinds[i].help[0]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(finding_kinds[i].code, finding_kinds[k].code);
    }
}

static void test_write(void **state)
{
    CLEANUP(forged_clear) struct forged f = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *root;
    struct json_writer w;
    struct err e = { 0 };

    (void)state;
    forge(&f, &(struct forge_spec){ "cp1", .org = "system:nodes", .eku = EKU_SERVER | EKU_CLIENT,
                                    .dns = "cp1.example", .ip = { 10, 0, 0, 1 },
                                    .until = FORGE_NOW - 1, .issuer = &ca });
    json_writer_init(&w, &text, false);
    json_put_object(&w, NULL);
    assert_int_equal(inspect_write(&w, &f.view, FORGE_NOW), 0);
    json_put_end(&w);
    if (json_parse(&doc, buf_slice(&text), NULL, &e))
        fail_msg("%s", e.msg);
    root = json_root(doc);
    assert_string_equal(json_text(json_get(root, "subject")), "O=system:nodes, CN=cp1");
    assert_string_equal(json_text(json_get(root, "issuer")), "CN=kubernetes");
    assert_int_equal(json_int(json_get(root, "days_left"), 0), -1);
    assert_string_equal(json_text(json_get(root, "key_type")), "p256");
    assert_int_equal(json_int(json_get(root, "key_bits"), 0), 256);
    assert_string_equal(json_text(json_path(root, "key_usage.0")), "digitalSignature");
    assert_int_equal(json_len(json_get(root, "extended_key_usage")), 2);
    assert_string_equal(json_text(json_path(root, "sans.1")), "IP:10.0.0.1");
    assert_int_equal(json_len(json_get(root, "fingerprint")), 64);
    assert_false(json_bool(json_get(root, "ca"), true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),         cmocka_unit_test(test_files),
        cmocka_unit_test(test_unreadable),    cmocka_unit_test(test_chain),
        cmocka_unit_test(test_expired_chain), cmocka_unit_test(test_table),
        cmocka_unit_test(test_write),
    };

    return cmocka_run_group_tests(tests, make_authorities, drop_authorities);
}
