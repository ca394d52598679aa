#include "pki/bundle.h"
#include "base/alloc.h"
#include "base/encode.h"
#include "crypto/key.h"
#include "crypto/pem.h"
#include "crypto/x509.h"
#include "wire/yaml.h"

enum { MAX_KUBECONFIG = 1 << 20 };

static bool holds(struct slice bytes, const char *word)
{
    return bytes.len && memmem(bytes.ptr, bytes.len, word, strlen(word));
}

enum bundle_form bundle_form(struct slice bytes)
{
    if (bytes.len > 4 && bytes.ptr[0] == 0x30 && (bytes.ptr[1] & 0x80))
        return BUNDLE_DER;
    /* a kubeconfig has its PEM in base64: dashes in it are somebody's exec plugin or comment */
    if (holds(bytes, "current-context") || (holds(bytes, "clusters") && holds(bytes, "users")))
        return BUNDLE_KUBECONFIG;
    return holds(bytes, "-----BEGIN ") ? BUNDLE_PEM : BUNDLE_NOTHING;
}

struct reading {
    bundle_fn *fn;
    void *ctx;
    const char *entry;
    size_t place;
};

static int emit(struct reading *r, enum bundle_kind kind, struct slice bytes, struct err *e)
{
    struct bundle_item item = { .kind = kind, .entry = r->entry, .bytes = bytes };

    if (kind == BUNDLE_CERT)
        item.place = r->place++;
    return r->fn(&item, r->ctx, e);
}

static int emit_key(struct reading *r, struct slice der, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;

    if (key_read_private(&key, der, NULL))
        return emit(r, BUNDLE_HIDDEN_KEY, slice_of(NULL, 0), e);
    return emit(r, BUNDLE_KEY, der, e);
}

/* ---- PEM and DER ---- */

static int read_block(struct reading *r, const struct pem_block *block, struct err *e)
{
    struct slice der = buf_slice(&block->der);

    if (slice_eq_str(block->label, "CERTIFICATE") || slice_eq_str(block->label, "X509 CERTIFICATE"))
        return emit(r, BUNDLE_CERT, der, e);
    if (slice_eq_str(block->label, "PUBLIC KEY"))
        return emit(r, BUNDLE_PUBLIC, der, e);
    if (slice_eq_str(block->label, "ENCRYPTED PRIVATE KEY"))
        return emit(r, BUNDLE_HIDDEN_KEY, slice_of(NULL, 0), e);
    if (slice_ends(block->label, "PRIVATE KEY"))
        return emit_key(r, der, e);
    return 0; /* parameters, requests, revocation lists */
}

static int read_pem(struct reading *r, struct slice text, struct err *e)
{
    CLEANUP(pem_block_clear) struct pem_block block = { 0 };
    int rc, blocks = 0;

    if (holds(text,
              "Proc-Type: 4,ENCRYPTED")) /* RFC 1421: a key, and a certificate beside at most */
        return emit(r, BUNDLE_HIDDEN_KEY, slice_of(NULL, 0), e);
    while ((rc = pem_next(&text, &block, e)) > 0) {
        if (++blocks > PEM_MAX_BLOCKS)
            return err_set(e, ERR_LIMIT, "more than %d PEM blocks", PEM_MAX_BLOCKS);
        if (read_block(r, &block, e))
            return -1;
    }
    return rc;
}

static int read_der(struct reading *r, struct slice der, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;
    struct x509_cert cert;
    struct err why = { 0 };

    if (x509_cert_read(&cert, der, &why) == 0)
        return emit(r, BUNDLE_CERT, der, e);
    if (key_read_private(&key, der, NULL) == 0)
        return emit(r, BUNDLE_KEY, der, e);
    return err_pass(e, &why);
}

/* ---- kubeconfig ---- */

/* As Go reads it, which is lenient about line ends only. */
static int decode_data(struct slice text, struct buf *out, struct err *e)
{
    CLEANUP(buf_clear) struct buf packed = { 0 };

    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '\n' && text.ptr[i] != '\r')
            buf_add_byte(&packed, text.ptr[i]);
    return base64_decode(out, buf_slice(&packed), e);
}

/* One member in one of its two forms: embedded as base64 of PEM, or a path. */
static int read_member(struct reading *r, const struct json_value *object, const char *name,
                       struct err *e)
{
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(freep) char *embedded = xasprintf("%s-data", name);
    const struct json_value *data = json_get(object, embedded);
    struct bundle_item item = { .kind = BUNDLE_REFERENCE,
                                .entry = r->entry,
                                .text = json_text(json_get(object, name)) };

    r->place = 0;
    if (json_len(data)) {
        if (decode_data(json_slice(data), &pem, e))
            return err_wrap(e, "%s of %s", embedded, r->entry);
        return read_pem(r, buf_slice(&pem), e);
    }
    return item.text && item.text[0] ? r->fn(&item, r->ctx, e) : 0;
}

static int read_cluster(struct reading *r, const struct json_value *cluster, struct err *e)
{
    struct bundle_item item = { .kind = BUNDLE_SERVER,
                                .entry = r->entry,
                                .text = json_text(json_get(cluster, "server")) };

    if (item.text && r->fn(&item, r->ctx, e))
        return -1;
    return read_member(r, cluster, "certificate-authority", e);
}

static int read_user(struct reading *r, const struct json_value *user, struct err *e)
{
    if (read_member(r, user, "client-certificate", e))
        return -1;
    return read_member(r, user, "client-key", e);
}

/* clusters: [{name, cluster: {..}}], users: [{name, user: {..}}] */
static int read_entries(struct reading *r, const struct json_value *list, const char *what,
                        struct err *e)
{
    bool users = strcmp(what, "user") == 0;

    for (size_t i = 0; i < json_len(list); i++) {
        const struct json_value *row = json_at(list, i);
        const char *name = json_text(json_get(row, "name"));
        CLEANUP(freep) char *entry = xasprintf("%s %.200s", what, name ? name : "?");
        int rc;

        text_make_safe(entry);
        r->entry = entry;
        rc = users ? read_user(r, json_get(row, what), e) : read_cluster(r, json_get(row, what), e);
        r->entry = NULL;
        if (rc)
            return -1;
    }
    return 0;
}

static int read_kubeconfig(struct reading *r, struct slice text, struct err *e)
{
    static const struct json_limits limits = { .bytes = MAX_KUBECONFIG, .depth = 16 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *root;

    if (yaml_parse(&doc, text, &limits, e))
        return err_wrap(e, "kubeconfig");
    root = json_root(doc);
    if (!slice_eq_str(json_slice(json_get(root, "kind")), "Config"))
        return err_set(e, ERR_INVALID, "kubeconfig: its kind is not 'Config'");
    if (read_entries(r, json_get(root, "clusters"), "cluster", e))
        return -1;
    return read_entries(r, json_get(root, "users"), "user", e);
}

int bundle_read(struct slice bytes, bundle_fn *fn, void *ctx, struct err *e)
{
    struct reading r = { .fn = fn, .ctx = ctx };

    switch (bundle_form(bytes)) {
    case BUNDLE_DER:
        return read_der(&r, bytes, e);
    case BUNDLE_KUBECONFIG:
        return read_kubeconfig(&r, bytes, e);
    case BUNDLE_PEM:
        return read_pem(&r, bytes, e);
    case BUNDLE_NOTHING:
        break;
    }
    return err_set(e, ERR_INVALID, "it holds no certificate, no key and is no kubeconfig");
}
