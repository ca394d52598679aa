#include "api/client_leaf.h"

#include "base/encode.h"
#include "crypto/pem.h"
#include "crypto/x509.h"
#include "store/file.h"
#include "wire/yaml.h"

enum { MAX_FILE = 256 << 10 };

void leaf_clear(struct leaf *leaf)
{
    buf_clear(&leaf->cert);
    buf_clear(&leaf->key);
    buf_clear(&leaf->csr);
}

/* ---- finding ---- */

static void read_below(struct buf *out, const char *folder, const char *path)
{
    CLEANUP(buf_clear) struct buf whole = { 0 };

    buf_addf(&whole, "%s/%s", folder, path);
    if (file_read(out, buf_str(&whole), MAX_FILE, NULL))
        buf_reset(out);
}

static void decode_member(struct buf *out, const struct json_value *user, const char *member)
{
    if (base64_decode(out, json_slice(json_get(user, member)), NULL))
        buf_reset(out);
}

static void find_embedded(struct leaf *leaf, const char *folder)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *user;

    read_below(&text, folder, leaf->kubeconfig);
    if (!text.len || yaml_parse(&doc, buf_slice(&text), NULL, NULL))
        return;
    user = json_path(json_root(doc), "users.0.user");
    decode_member(&leaf->cert, user, "client-certificate-data");
    decode_member(&leaf->key, user, "client-key-data");
}

void leaf_find(struct leaf *leaf, const char *folder)
{
    if (leaf->cert_path) {
        read_below(&leaf->cert, folder, leaf->cert_path);
        read_below(&leaf->key, folder, leaf->key_path);
    } else {
        find_embedded(leaf, folder);
    }
}

/* ---- judging ---- */

static bool same_sans(const struct x509_cert *cert, const struct json_value *wanted)
{
    struct san_iter it = san_iter(&cert->ext);
    struct json_iter want = json_iter(wanted);
    const struct json_value *text;
    const char *key;
    struct san san;

    while (json_next(&want, &key, &text)) {
        CLEANUP(buf_clear) struct buf have = { 0 };

        if (!san_next(&it, &san))
            return false;
        san_format(&have, &san);
        if (!slice_eq(buf_slice(&have), json_slice(text)))
            return false;
    }
    return !san_next(&it, &san);
}

static bool issued_by(const struct x509_cert *cert, struct slice issuer_pem)
{
    CLEANUP(buf_clear) struct buf der = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    struct x509_cert issuer;

    return !pem_or_der(&der, issuer_pem, "CERTIFICATE", NULL) &&
           !x509_cert_read(&issuer, buf_slice(&der), NULL) &&
           slice_eq(cert->issuer, issuer.subject) && slice_eq(cert->ext.akid, issuer.ext.skid) &&
           !key_read_public(&key, issuer.spki, NULL) &&
           !key_verify(key, cert->sig_alg, cert->sig_params, cert->tbs, cert->sig, NULL);
}

static bool same_subject(const struct x509_cert *cert, struct slice base64)
{
    CLEANUP(buf_clear) struct buf want = { 0 };

    return !base64_decode(&want, base64, NULL) && slice_eq(cert->subject, buf_slice(&want));
}

static const char *cert_fault(const struct x509_cert *cert, const struct json_value *plan,
                              int64_t now)
{
    int64_t life = cert->not_after - cert->not_before;

    if (!issued_by(cert, json_slice(json_get(plan, "issuer"))))
        return "from another authority";
    if (!same_subject(cert, json_slice(json_get(plan, "subject"))))
        return "another subject";
    if (!same_sans(cert, json_get(plan, "sans")))
        return "other names";
    if (cert->ext.eku != (unsigned)json_int(json_get(plan, "eku"), 0))
        return "another usage";
    if (cert->not_after <= now)
        return "expired";
    if (cert->not_before > now)
        return "not yet valid";
    if ((cert->not_after - now) * 3 < life)
        return "expires soon";
    return NULL;
}

static const char *pair_fault(const struct leaf *leaf, int64_t now)
{
    CLEANUP(buf_clear) struct buf der = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    struct x509_cert cert;

    if (!leaf->cert.len && !leaf->key.len)
        return "missing";
    if (!leaf->cert.len || !leaf->key.len)
        return "half missing";
    if (pem_or_der(&der, buf_slice(&leaf->cert), "CERTIFICATE", NULL) ||
        x509_cert_read(&cert, buf_slice(&der), NULL) ||
        key_read_private(&key, buf_slice(&leaf->key), NULL))
        return "unreadable";
    if (!slice_eq(key_spki(key), cert.spki))
        return "key of another certificate";
    if (strcmp(key_type_name(key_type(key)), json_text(json_get(leaf->plan, "key_type"))) != 0)
        return "another key type";
    return cert_fault(&cert, leaf->plan, now);
}

void leaf_judge(struct leaf *leaf, int64_t now)
{
    leaf->reason = pair_fault(leaf, now);
    leaf->good = leaf->reason == NULL;
}

/* ---- making ---- */

int leaf_renew(struct leaf *leaf, struct err *e)
{
    CLEANUP(buf_clear) struct buf subject = { 0 };
    CLEANUP(buf_clear) struct buf der = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    enum key_type type;

    buf_reset(&leaf->cert);
    buf_reset(&leaf->key);
    /* names are the server's to give: the CSR proves the key and repeats the subject */
    if (key_type_parse(&type, json_slice(json_get(leaf->plan, "key_type")), e) ||
        base64_decode(&subject, json_slice(json_get(leaf->plan, "subject")), e) ||
        key_generate(&key, type, e) || key_write_private_pem(key, &leaf->key, e) ||
        x509_csr_write(&der, key, buf_slice(&subject), NULL, 0, e))
        return err_wrap(e, "key of '%s'", leaf->slot);
    pem_write(&leaf->csr, "CERTIFICATE REQUEST", buf_slice(&der));
    return buf_check(&leaf->csr, e);
}

void leaf_fill(const struct leaf *leaf, struct slice text, struct buf *out)
{
    struct slice head;

    while (slice_cut(&text, '@', &head)) {
        buf_add_slice(out, head);
        if (slice_starts(text, "CERT@"))
            base64_encode(out, buf_slice(&leaf->cert));
        else if (slice_starts(text, "KEY@"))
            base64_encode(out, buf_slice(&leaf->key));
        else {
            buf_add_byte(out, '@');
            continue;
        }
        slice_cut(&text, '@', &head);
    }
    buf_add_slice(out, text);
}
