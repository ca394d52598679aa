#include "pki/installation_internal.h"

#include "base/encode.h"
#include "pki/operator.h"
#include "pki/record_body.h"

/* One run of uid characters between '/'. */
static bool take_uid(struct slice *rest, char uid[UID_TEXT])
{
    struct slice word;

    if (!slice_cut(rest, '/', &word)) {
        word = *rest;
        *rest = slice_of(NULL, 0);
    }
    if (word.len != UID_TEXT - 1 || slice_has_nul(word))
        return false;
    memcpy(uid, word.ptr, word.len);
    uid[word.len] = '\0';
    return true;
}

static bool take_word(struct slice *rest, const char *word)
{
    size_t len = strlen(word);

    if (!slice_starts(*rest, word))
        return false;
    *rest = slice_of(rest->ptr + len, rest->len - len);
    return true;
}

/* poterne://INSTALLATION/operator/UID or /machine/CLUSTER-UID/UID, and nothing behind it. */
static bool read_uri(struct slice uri, const char *installation, struct holder *h)
{
    char of[UID_TEXT];

    if (!take_word(&uri, "poterne://") || !take_uid(&uri, of) || strcmp(of, installation) != 0)
        return false;
    h->machine = take_word(&uri, "machine/");
    if (h->machine && (!take_uid(&uri, h->cluster) || !uri.ptr))
        return false;
    if (!h->machine && !take_word(&uri, "operator/"))
        return false;
    return take_uid(&uri, h->uid) && !uri.ptr;
}

static int read_cert(struct slice der, const char *installation, struct holder *h, struct err *e)
{
    struct x509_cert cert;
    struct san_iter it;
    struct san san;

    if (x509_cert_read(&cert, der, e))
        return -1;
    it = san_iter(&cert.ext);
    if (cert.ext.san_count != 1 || !san_next(&it, &san) || san.type != SAN_URI ||
        !read_uri(san.value, installation, h))
        return err_set(e, ERR_REFUSED, "the certificate names nobody of this installation");
    h->not_after = cert.not_after;
    return 0;
}

/* The certificate's own record: what we did not record, or have superseded, does not count. */
static int check_record(struct store_tx *tx, struct slice der, struct holder *h, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(buf_clear) struct buf hex = { 0 };
    uint8_t digest[32];
    struct err why = { 0 };
    char holder[48];

    x509_fingerprint(digest, der);
    hex_encode(&hex, slice_of(digest, sizeof digest));
    if (store_find_fingerprint(tx, buf_str(&hex), &r, &why)) {
        if (why.code == ERR_NOT_FOUND)
            return err_set(e, ERR_REFUSED, "the certificate is not on record here");
        return err_pass(e, &why);
    }
    if (record_json(&doc, &r, e))
        return -1;
    (void)snprintf(holder, sizeof holder, "%s:%s", h->machine ? "machine" : "operator", h->uid);
    if (strcmp(r.kind, KIND_CERTIFICATE) != 0 || strcmp(r.scope, "/") != 0 ||
        !slice_eq_str(json_slice(json_get(json_root(doc), "holder")), holder))
        return err_set(e, ERR_REFUSED, "the certificate is not on record as this holder's");
    if (!slice_eq_str(json_slice(json_get(json_root(doc), "status")), "current"))
        return err_set(e, ERR_REFUSED, "the certificate was replaced by another one");
    memcpy(h->certificate, r.uid, sizeof h->certificate);
    return 0;
}

/* The record of the person or machine; ERR_REFUSED when it is gone, another, or blocked. */
static int check_holder(struct store_tx *tx, struct holder *h, struct record *r, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    const char *what = h->machine ? "machine" : "operator";
    struct err why = { 0 };
    char scope[64];

    if (store_get(tx, h->uid, r, &why)) {
        if (why.code == ERR_NOT_FOUND)
            return err_set(e, ERR_REFUSED, "the %s was removed", what);
        return err_pass(e, &why);
    }
    (void)snprintf(scope, sizeof scope, "%s%s", h->machine ? SCOPE_TENANT "/" : "/", h->cluster);
    if (strcmp(r->kind, h->machine ? KIND_MACHINE : KIND_OPERATOR) != 0 ||
        strcmp(r->scope, scope) != 0)
        return err_set(e, ERR_REFUSED, "the %s was removed", what);
    if (record_json(&doc, r, e))
        return -1;
    if (json_bool(json_get(json_root(doc), "blocked"), false))
        return err_set(e, ERR_REFUSED, "%s '%.80s' is blocked", what, r->name);
    return 0;
}

static int put_name(struct store_tx *tx, struct holder *h, const char *name, struct err *e)
{
    CLEANUP(record_clear) struct record cluster = { 0 };

    if (!h->machine) {
        (void)snprintf(h->name, sizeof h->name, "%.80s", name);
        return 0;
    }
    if (store_get(tx, h->cluster, &cluster, e))
        return -1;
    (void)snprintf(h->name, sizeof h->name, "%.31s/%.63s", cluster.name, name);
    return 0;
}

int installation_holder(struct store_tx *tx, const struct pki *pki, struct slice cert, int64_t now,
                        struct holder *ret, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    struct holder h = { .machine = false };

    if (read_cert(cert, pki_installation(pki), &h, e))
        return -1;
    if (h.not_after <= now)
        return err_set(e, ERR_REFUSED, "the certificate has ended");
    if (check_record(tx, cert, &h, e) || check_holder(tx, &h, &r, e) || put_name(tx, &h, r.name, e))
        return -1;
    *ret = h;
    return 0;
}
