#include "base/clock.h"
#include "crypto/chain.h"
#include "crypto/name.h"
#include "crypto/x509.h"
#include "unit/unit.h"

#define NOW INT64_C(1800000000)
#define NAME_OF(text)                                                                              \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

/* A certificate to make: by whom and how it differs from a good one. */
struct spec {
    const char *name;
    bool ca;
    int path_len;
    unsigned ku, eku;
    int64_t from, until; /* around NOW; 0: five minutes before, a day after */
};

struct made {
    struct key *key;
    struct buf name, der;
};

static void made_clear(struct made *m)
{
    key_free(m->key);
    buf_clear(&m->name);
    buf_clear(&m->der);
}

static const struct san sans[] = {
    { SAN_DNS, NAME_OF("a.example") },
    { SAN_DNS, NAME_OF("*.wild.example") },
    { SAN_IP, NAME_OF("\x0a\x00\x00\x01") },
};

/* issuer NULL: self-signed. A made thing that has a key already keeps it. */
static void make(struct made *m, const struct made *issuer, const struct spec *spec)
{
    CLEANUP(buf_clear) struct buf tbs = { 0 }, sig = { 0 };
    const struct key *signer;
    uint8_t serial[16], akid[20];
    struct x509_template t;
    size_t mark;

    if (!m->key)
        assert_int_equal(key_generate(&m->key, KEY_P256, NULL), 0);
    buf_reset(&m->name);
    buf_reset(&m->der);
    mark = name_begin(&m->name);
    name_add(&m->name, NAME_CN, slice_str(spec->name));
    name_end(&m->name, mark);
    issuer = issuer ? issuer : m;
    signer = issuer->key;
    key_id_sha1(signer, akid);
    x509_serial_new(serial);
    t = (struct x509_template){
        .serial = slice_of(serial, sizeof serial),
        .issuer = buf_slice(&issuer->name),
        .subject = buf_slice(&m->name),
        .not_before = NOW + (spec->from ? spec->from : -300),
        .not_after = NOW + (spec->until ? spec->until : DAYS(1)),
        .spki = key_spki(m->key),
        .ca = spec->ca,
        .path_len = spec->path_len,
        .ku = spec->ku   ? spec->ku
              : spec->ca ? KU_CERT_SIGN
                         : KU_DIGITAL_SIGNATURE,
        .eku = spec->eku,
        .sans = sans,
        .san_count = spec->ca ? 0 : ARRAY_LEN(sans),
        .akid = slice_of(akid, sizeof akid),
    };
    assert_int_equal(x509_tbs_write(&tbs, &t, key_sig_alg(signer), NULL), 0);
    assert_int_equal(key_sign(signer, buf_slice(&tbs), &sig, NULL), 0);
    x509_assemble(&m->der, buf_slice(&tbs), key_sig_alg(signer), buf_slice(&sig));
}

// clang-format off
#define ROOT  { "root", true, -1, 0, 0, 0, 0 }
#define INTER { "inter", true, 0, 0, EKU_SERVER | EKU_CLIENT, 0, 0 }
#define LEAF  { "leaf", false, -1, 0, EKU_SERVER, 0, 0 }
static const struct spec good_root = ROOT, good_inter = INTER, good_leaf = LEAF;

static const struct {
    const char *label;
    struct spec root, inter, leaf;
    enum chain_purpose purpose;
    const char *dns, *ip;
    const char *words; /* of the refusal; NULL: good */
} cases[] = {
#define ALL ROOT, INTER, LEAF
    { "good",                    ALL, CHAIN_SERVER, NULL, NULL, NULL },
    { "good for any purpose",    ALL, CHAIN_ANY, NULL, NULL, NULL },
    { "no client",               ALL, CHAIN_CLIENT, NULL, NULL, "purpose" },
    { "its name",                ALL, CHAIN_SERVER, "a.example", NULL, NULL },
    { "its name in capitals",    ALL, CHAIN_SERVER, "A.EXAMPLE", NULL, NULL },
    { "another name",            ALL, CHAIN_SERVER, "b.example", NULL, "ostname mismatch" },
    { "a name below",            ALL, CHAIN_SERVER, "b.a.example", NULL, "ostname mismatch" },
    { "a name under the star",   ALL, CHAIN_SERVER, "x.wild.example", NULL, NULL },
    { "two labels under the star", ALL, CHAIN_SERVER, "x.y.wild.example", NULL, "ostname mismatch" },
    { "the star's own domain",   ALL, CHAIN_SERVER, "wild.example", NULL, "ostname mismatch" },
    { "the common name",         ALL, CHAIN_SERVER, "leaf", NULL, "ostname mismatch" },
    { "its address",             ALL, CHAIN_SERVER, NULL, "10.0.0.1", NULL },
    { "another address",         ALL, CHAIN_SERVER, NULL, "10.0.0.2", "IP address mismatch" },
    { "its address as a name",   ALL, CHAIN_SERVER, "10.0.0.1", NULL, "ostname mismatch" },
    { "not an address",          ALL, CHAIN_SERVER, NULL, "10.0.0", "not a name or address" },
    { "leaf expired",            ROOT, INTER, { "leaf", false, -1, 0, EKU_SERVER, -DAYS(2), -1 }, CHAIN_SERVER, NULL, NULL, "expired" },
    { "leaf not yet valid",      ROOT, INTER, { "leaf", false, -1, 0, EKU_SERVER, 1, 0 }, CHAIN_SERVER, NULL, NULL, "not yet valid" },
    { "intermediate expired",    ROOT, { "inter", true, 0, 0, 0, -DAYS(2), -1 }, LEAF, CHAIN_SERVER, NULL, NULL, "depth 1: certificate has expired" },
    { "root expired",            { "root", true, -1, 0, 0, -DAYS(2), -1 }, INTER, LEAF, CHAIN_SERVER, NULL, NULL, "depth 2: certificate has expired" },
    { "leaf of no purpose",      ROOT, INTER, { "leaf", false, -1, 0, 0, 0, 0 }, CHAIN_CLIENT, NULL, NULL, NULL },
    { "leaf for signing code",   ROOT, INTER, { "leaf", false, -1, 0, EKU_CODE_SIGNING, 0, 0 }, CHAIN_SERVER, NULL, NULL, "purpose" },
    { "intermediate for clients", ROOT, { "inter", true, 0, 0, EKU_CLIENT, 0, 0 }, LEAF, CHAIN_SERVER, NULL, NULL, "purpose" },
    { "root for clients",        { "root", true, -1, 0, EKU_CLIENT, 0, 0 }, INTER, LEAF, CHAIN_SERVER, NULL, NULL, "purpose" },
    { "intermediate is no CA",   ROOT, { "inter", false, -1, KU_CERT_SIGN, 0, 0, 0 }, LEAF, CHAIN_SERVER, NULL, NULL, "no trusted certificate" },
    { "intermediate may not sign", ROOT, { "inter", true, 0, KU_CRL_SIGN, 0, 0, 0 }, LEAF, CHAIN_SERVER, NULL, NULL, "no trusted certificate" },
    { "root allows no intermediate", { "root", true, 0, 0, 0, 0, 0 }, INTER, LEAF, CHAIN_SERVER, NULL, NULL, "path length" },
};
// clang-format on

static void test_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(made_clear) struct made root = { 0 };
        CLEANUP(made_clear) struct made inter = { 0 };
        CLEANUP(made_clear) struct made leaf = { 0 };
        struct slice roots[1], inters[1];
        struct chain_request request = { .purpose = cases[i].purpose, .at = NOW };
        struct err e = { 0 };
        int rc;

        make(&root, NULL, &cases[i].root);
        make(&inter, &root, &cases[i].inter);
        make(&leaf, &inter, &cases[i].leaf);
        roots[0] = buf_slice(&root.der);
        inters[0] = buf_slice(&inter.der);
        request.leaf = buf_slice(&leaf.der);
        request.roots = roots;
        request.intermediates = inters;
        request.root_count = request.intermediate_count = 1;
        request.dns_name = cases[i].dns;
        request.ip = cases[i].ip;
        rc = chain_verify(&request, &e);
        if ((rc == 0) != (cases[i].words == NULL) || (rc && !strstr(e.msg, cases[i].words)))
            fail_msg("%s: got %s", cases[i].label, err_text(&e));
        /* The same without a root that is self-signed: the intermediate is trusted as it is. */
        request.roots = inters;
        request.intermediate_count = 0;
        if (cases[i].words == NULL && chain_verify(&request, &e))
            fail_msg("%s: trusting the intermediate: %s", cases[i].label, err_text(&e));
    }
}

struct family {
    struct made root, other, inter, leaf;
};

static void family_init(struct family *f)
{
    make(&f->root, NULL, &good_root);
    make(&f->other, NULL, &good_root); /* the same name, another key */
    make(&f->inter, &f->root, &good_inter);
    make(&f->leaf, &f->inter, &good_leaf);
}

static void family_clear(struct family *f)
{
    made_clear(&f->root);
    made_clear(&f->other);
    made_clear(&f->inter);
    made_clear(&f->leaf);
}

static int check(const struct family *f, const struct slice *roots, size_t root_count,
                 const struct slice *inters, size_t inter_count, struct err *e)
{
    struct chain_request request = {
        .leaf = buf_slice(&f->leaf.der),
        .roots = roots,
        .root_count = root_count,
        .intermediates = inters,
        .intermediate_count = inter_count,
        .purpose = CHAIN_SERVER,
        .at = NOW,
    };

    *e = (struct err){ 0 };
    return chain_verify(&request, e);
}

/* Two generations with one name, whichever comes first in the bundle; a missing link; no roots. */
static void test_bundles(void **state)
{
    CLEANUP(family_clear) struct family f = { 0 };
    struct slice root, other, inter, leaf;
    struct err e;

    (void)state;
    family_init(&f);
    root = buf_slice(&f.root.der);
    other = buf_slice(&f.other.der);
    inter = buf_slice(&f.inter.der);
    leaf = buf_slice(&f.leaf.der);
    assert_int_equal(check(&f, (struct slice[]){ other, root }, 2, &inter, 1, &e), 0);
    assert_int_equal(check(&f, (struct slice[]){ root, other }, 2, &inter, 1, &e), 0);
    assert_int_equal(check(&f, &other, 1, &inter, 1, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    assert_int_equal(check(&f, &root, 1, NULL, 0, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    assert_int_equal(check(&f, NULL, 0, &inter, 1, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    /* The untrusted root among the intermediates does not become trusted. */
    assert_int_equal(check(&f, &other, 1, (struct slice[]){ inter, root }, 2, &e), -1);
    /* The leaf itself is trusted: nothing else is needed. */
    assert_int_equal(check(&f, &leaf, 1, NULL, 0, &e), 0);
    /* A leaf's issuer is not another leaf. */
    assert_int_equal(check(&f, &root, 1, (struct slice[]){ leaf, leaf }, 2, &e), -1);
    assert_int_equal(chain_verify(&(struct chain_request){ .leaf = leaf, .at = NOW }, NULL), -1);
}

/* An intermediate that expired stands before its successor: the second path is found. */
static void test_second_path(void **state)
{
    static const struct spec expired = { "inter", true, 0, 0, 0, -DAYS(2), -1 };
    CLEANUP(family_clear) struct family f = { 0 };
    CLEANUP(buf_clear) struct buf old = { 0 };
    struct slice root;
    struct err e;

    (void)state;
    family_init(&f);
    root = buf_slice(&f.root.der);
    buf_add_slice(&old, buf_slice(&f.inter.der));
    make(&f.inter, &f.root, &expired); /* the same key, expired */
    assert_int_equal(
        check(&f, &root, 1, (struct slice[]){ buf_slice(&f.inter.der), buf_slice(&old) }, 2, &e),
        0);
    assert_int_equal(check(&f, &root, 1, (struct slice[]){ buf_slice(&f.inter.der) }, 1, &e), -1);
    assert_non_null(strstr(e.msg, "expired"));
}

/* Eight certificates, leaf and root included, and no more. */
static void test_depth(void **state)
{
    (void)state;
    for (size_t count = 7; count <= 9; count++) {
        struct made chain[9] = { { 0 } };
        struct slice inters[9], root;
        struct chain_request request = { .purpose = CHAIN_SERVER, .at = NOW };
        struct err e = { 0 };
        char name[16];

        make(&chain[0], NULL, &good_root);
        for (size_t i = 1; i + 1 < count; i++) {
            snprintf(name, sizeof name, "ca %zu", i);
            make(&chain[i], &chain[i - 1],
                 &(struct spec){ .name = name, .ca = true, .path_len = -1 });
            inters[i - 1] = buf_slice(&chain[i].der);
        }
        make(&chain[count - 1], &chain[count - 2], &good_leaf);
        root = buf_slice(&chain[0].der);
        request.leaf = buf_slice(&chain[count - 1].der);
        request.roots = &root;
        request.root_count = 1;
        request.intermediates = inters;
        request.intermediate_count = count - 2;
        assert_int_equal(chain_verify(&request, &e), count <= 8 ? 0 : -1);
        assert_int_equal(e.code, count <= 8 ? ERR_NONE : ERR_REFUSED);
        for (size_t i = 0; i < count; i++)
            made_clear(&chain[i]);
    }
}

static void test_limits_and_broken(void **state)
{
    CLEANUP(family_clear) struct family f = { 0 };
    struct slice many[65], root, inter;
    struct err e;

    (void)state;
    family_init(&f);
    root = buf_slice(&f.root.der);
    inter = buf_slice(&f.inter.der);
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = inter;
    assert_int_equal(check(&f, &root, 1, many, 64, &e), 0);
    assert_int_equal(check(&f, &root, 1, many, 65, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_int_equal(check(&f, many, 2049, &inter, 1, &e), -1); /* counted before it is read */
    assert_int_equal(e.code, ERR_LIMIT);
    many[0] = slice_of(inter.ptr, inter.len - 1);
    assert_int_equal(check(&f, &root, 1, many, 1, &e), -1);
    assert_int_equal(e.code, ERR_INVALID);
    assert_non_null(strstr(e.msg, "intermediate 1"));
    many[0] = slice_str("x");
    assert_int_equal(check(&f, many, 1, &inter, 1, &e), -1);
    assert_non_null(strstr(e.msg, "trusted certificate 1"));
    f.leaf.der.ptr[f.leaf.der.len - 1] ^= 1; /* its signature */
    assert_int_equal(check(&f, &root, 1, &inter, 1, &e), -1);
    assert_non_null(strstr(e.msg, "depth 0"));
    f.leaf.der.len--;
    assert_int_equal(check(&f, &root, 1, &inter, 1, &e), -1);
    assert_non_null(strstr(e.msg, "leaf"));
}

/* CAs of one name and one key, each of which could have issued each: an answer, and soon. With the
 * root expired every path is whole and bad. */
static void test_maze(void **state)
{
    static const struct spec ca = { "same", true, -1, 0, 0, 0, 0 },
                             expired = { "same", true, -1, 0, 0, -DAYS(2), -1 };
    CLEANUP(made_clear) struct made leaf = { 0 }, root = { 0 }, other = { 0 };
    CLEANUP(secret_clear) struct secret key = { 0 };
    struct made cas[64] = { { 0 } };
    struct slice inters[64], roots[1];
    struct chain_request request = { .purpose = CHAIN_SERVER, .at = NOW };
    struct err e = { 0 };

    (void)state;
    make(&root, NULL, &expired);
    make(&other, NULL, &good_root);
    make(&leaf, &root, &good_leaf);
    assert_int_equal(key_write_private_der(root.key, &key, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(cas); i++) {
        assert_int_equal(key_read_private(&cas[i].key, secret_slice(&key), NULL), 0);
        make(&cas[i], NULL, &ca);
        inters[i] = buf_slice(&cas[i].der);
    }
    request.leaf = buf_slice(&leaf.der);
    request.roots = roots;
    request.root_count = 1;
    request.intermediates = inters;
    request.intermediate_count = ARRAY_LEN(inters);
    roots[0] = buf_slice(&other.der);
    assert_int_equal(chain_verify(&request, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    roots[0] = buf_slice(&root.der);
    assert_int_equal(chain_verify(&request, &e), -1);
    assert_int_equal(e.code, ERR_REFUSED);
    for (size_t i = 0; i < ARRAY_LEN(cas); i++)
        made_clear(&cas[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_bundles),
        cmocka_unit_test(test_second_path),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_limits_and_broken),
        cmocka_unit_test(test_maze),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
