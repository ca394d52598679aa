#ifndef PKI_CSR_H
#define PKI_CSR_H

#include "base/buf.h"
#include "unit.h"
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

/* CSRs by OpenSSL, so that they may say what ours never would. */
struct csr_spec {
    const char *key; /* "p256" by default, "p384", "p521", "secp256k1", "ed25519", "rsa1024".. */
    const char *subject; /* "O=x\nCN=y" */
    const char *sans;    /* as openssl.cnf has them: "DNS:a,IP:10.0.0.1" */
    const char *ku, *eku, *basic, *constraints;
    bool unknown_critical, unknown, sha1, broken;
    int many; /* so many SANs */
};

static inline EVP_PKEY *csr_key(const char *name)
{
    static struct {
        char name[16];
        EVP_PKEY *key;
    } made[16];
    EVP_PKEY_CTX *ctx = NULL;
    size_t i = 0;

    while (made[i].key && strcmp(made[i].name, name) != 0)
        i++;
    if (made[i].key)
        return made[i].key;
    snprintf(made[i].name, sizeof made[i].name, "%s", name);
    if (strncmp(name, "rsa", 3) == 0) {
        made[i].key = EVP_RSA_gen((unsigned)strtoul(name + 3, NULL, 10));
    } else if (strcmp(name, "ed25519") == 0) {
        ctx = EVP_PKEY_CTX_new_from_name(NULL, "ED25519", NULL);
        assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
        assert_int_equal(EVP_PKEY_generate(ctx, &made[i].key), 1);
        EVP_PKEY_CTX_free(ctx);
    } else {
        made[i].key = EVP_EC_gen(strcmp(name, "p256") == 0   ? "P-256"
                                 : strcmp(name, "p384") == 0 ? "P-384"
                                 : strcmp(name, "p521") == 0 ? "P-521"
                                                             : name);
    }
    assert_non_null(made[i].key);
    return made[i].key;
}

static inline void csr_extension(STACK_OF(X509_EXTENSION) * list, int nid, const char *value)
{
    X509_EXTENSION *ext = value ? X509V3_EXT_conf_nid(NULL, NULL, nid, value) : NULL;

    if (value)
        assert_non_null(ext);
    if (ext)
        sk_X509_EXTENSION_push(list, ext);
}

static inline void csr_unknown(STACK_OF(X509_EXTENSION) * list, int critical)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.57683.99", 1);
    ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();

    ASN1_OCTET_STRING_set(data, (const unsigned char *)"\x05\x00", 2);
    sk_X509_EXTENSION_push(list, X509_EXTENSION_create_by_OBJ(NULL, oid, critical, data));
    ASN1_OBJECT_free(oid);
    ASN1_OCTET_STRING_free(data);
}

static inline void csr_subject(X509_REQ *req, const char *lines)
{
    X509_NAME *name = X509_NAME_new();
    struct slice rest = slice_str(lines), line, attr;
    bool more = rest.len > 0;

    while (more) {
        char label[32];

        more = slice_cut(&rest, '\n', &line);
        if (!more)
            line = rest;
        assert_true(slice_cut(&line, '=', &attr));
        snprintf(label, sizeof label, SLICE_FMT, SLICE_ARG(attr));
        assert_int_equal(
            X509_NAME_add_entry_by_txt(name, label, MBSTRING_UTF8, line.ptr, (int)line.len, -1, 0),
            1);
    }
    X509_REQ_set_subject_name(req, name);
    X509_NAME_free(name);
}

static inline void csr_extensions(X509_REQ *req, const struct csr_spec *spec)
{
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
    struct buf many = { 0 };

    for (int i = 0; i < spec->many; i++)
        buf_addf(&many, "%sDNS:n%d.x", i ? "," : "", i);
    csr_extension(list, NID_subject_alt_name, spec->many ? buf_str(&many) : spec->sans);
    csr_extension(list, NID_key_usage, spec->ku);
    csr_extension(list, NID_ext_key_usage, spec->eku);
    csr_extension(list, NID_basic_constraints, spec->basic);
    csr_extension(list, NID_name_constraints, spec->constraints);
    if (spec->unknown_critical || spec->unknown)
        csr_unknown(list, spec->unknown_critical);
    if (sk_X509_EXTENSION_num(list))
        X509_REQ_add_extensions(req, list);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    buf_clear(&many);
}

/* Appends the DER. */
static inline void csr_make(struct buf *out, const struct csr_spec *spec)
{
    EVP_PKEY *key = csr_key(spec->key ? spec->key : "p256");
    X509_REQ *req = X509_REQ_new();
    bool edwards = EVP_PKEY_get_id(key) == EVP_PKEY_ED25519;
    unsigned char *der = NULL;
    int len;

    if (spec->subject)
        csr_subject(req, spec->subject);
    X509_REQ_set_pubkey(req, key);
    csr_extensions(req, spec);
    assert_int_not_equal(X509_REQ_sign(req, key,
                                       edwards      ? NULL
                                       : spec->sha1 ? EVP_sha1()
                                                    : EVP_sha256()),
                         0);
    len = i2d_X509_REQ(req, &der);
    assert_true(len > 0);
    buf_add(out, der, (size_t)len);
    if (spec->broken)
        out->ptr[out->len - 3] ^= 1;
    OPENSSL_free(der);
    X509_REQ_free(req);
}

#endif
