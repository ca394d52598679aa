#include "agent/pair.h"

#include "base/encode.h"
#include "crypto/hash.h"
#include "crypto/pem.h"
#include "wire/yaml.h"

void pair_clear(struct pair *pair)
{
    buf_clear(&pair->cert);
    buf_clear(&pair->key);
    buf_clear(&pair->csr);
}

int64_t renewal_time(int64_t not_before, int64_t not_after, unsigned reload, unsigned jitter)
{
    int64_t life = not_after - not_before;
    int64_t due = not_before + life / 3 * 2, last = not_after - (int64_t)reload - 60;

    if (jitter > 1000)
        jitter = 1000;
    due -= life / 20 * (int64_t)jitter / 1000;
    if (due > last)
        due = last;
    return due < not_before ? not_before : due;
}

/* ---- finding ---- */

static int read_or_empty(struct buf *out, const struct tree *tree, const char *path, struct err *e)
{
    struct err why = { 0 };
    int64_t mtime;
    mode_t mode;

    if (!tree_read(tree, path, out, &mode, &mtime, &why))
        return 0;
    buf_reset(out);
    return why.code == ERR_NOT_FOUND || why.code == ERR_LIMIT ? 0 : err_pass(e, &why);
}

static void decode_member(struct buf *out, const struct json_value *user, const char *member)
{
    if (base64_decode(out, json_slice(json_get(user, member)), NULL))
        buf_reset(out);
}

int pair_find(struct pair *pair, const struct tree *tree, const struct desired *d, struct err *e)
{
    const struct wanted_leaf *wanted = pair->wanted;
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *user;

    if (wanted->cert)
        return read_or_empty(&pair->cert, tree, wanted->cert, e) ||
                       read_or_empty(&pair->key, tree, wanted->key, e)
                   ? -1
                   : 0;
    if (read_or_empty(&text, tree, desired_kubeconfig(d, wanted->slot)->path, e))
        return -1;
    if (!text.len || yaml_parse(&doc, buf_slice(&text), NULL, NULL))
        return 0;
    user = json_path(json_root(doc), "users.0.user");
    decode_member(&pair->cert, user, "client-certificate-data");
    decode_member(&pair->key, user, "client-key-data");
    return 0;
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
    return NULL;
}

/* Of the machine's own key, so that the machines of a cluster do not come all at once. */
static unsigned jitter_of(const struct key *key)
{
    uint8_t hash[SHA256_LEN];

    sha256(hash, key_spki(key));
    return (unsigned)(hash[0] << 8 | hash[1]) % 1001;
}

static const char *pair_fault(struct pair *pair, int64_t now)
{
    CLEANUP(buf_clear) struct buf der = { 0 };
    CLEANUP(buf_clear) struct buf hex = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    const char *type = json_text(json_get(pair->wanted->plan, "key_type"));
    struct x509_cert cert;
    const char *fault;

    if (!pair->cert.len || !pair->key.len)
        return pair->cert.len == pair->key.len ? "missing" : "half missing";
    if (pem_or_der(&der, buf_slice(&pair->cert), "CERTIFICATE", NULL) ||
        x509_cert_read(&cert, buf_slice(&der), NULL) ||
        key_read_private(&key, buf_slice(&pair->key), NULL))
        return "unreadable";
    if (!slice_eq(key_spki(key), cert.spki))
        return "key of another certificate";
    if (!type || strcmp(key_type_name(key_type(key)), type) != 0)
        return "another key type";
    x509_serial_hex(&hex, cert.serial);
    (void)snprintf(pair->serial, sizeof pair->serial, "%s", buf_str(&hex));
    pair->renews =
        renewal_time(cert.not_before, cert.not_after, pair->wanted->reload, jitter_of(key));
    fault = cert_fault(&cert, pair->wanted->plan, now);
    return fault ? fault : pair->renews <= now ? "due" : NULL;
}

void pair_judge(struct pair *pair, int64_t now)
{
    pair->serial[0] = '\0';
    pair->renews = 0;
    pair->reason = pair_fault(pair, now);
}

/* ---- making ---- */

int pair_renew(struct pair *pair, struct err *e)
{
    const struct json_value *plan = pair->wanted->plan;
    CLEANUP(buf_clear) struct buf subject = { 0 };
    CLEANUP(buf_clear) struct buf der = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    enum key_type type;

    buf_reset(&pair->cert);
    buf_reset(&pair->key);
    buf_reset(&pair->csr);
    if (key_type_parse(&type, json_slice(json_get(plan, "key_type")), e) ||
        base64_decode(&subject, json_slice(json_get(plan, "subject")), e) ||
        key_generate(&key, type, e) || key_write_private_pem(key, &pair->key, e) ||
        x509_csr_write(&der, key, buf_slice(&subject), NULL, 0, e))
        return err_wrap(e, "key of '%.64s'", pair->wanted->slot);
    pem_write(&pair->csr, "CERTIFICATE REQUEST", buf_slice(&der));
    return buf_check(&pair->csr, e);
}

int pair_accept(struct pair *pair, struct slice pem, int64_t now, struct err *e)
{
    buf_reset(&pair->cert);
    buf_add_slice(&pair->cert, pem);
    pair_judge(pair, now);
    if (pair->reason && strcmp(pair->reason, "due") != 0)
        return err_set(e, ERR_REFUSED, "the certificate that came for '%.64s' does not fit: %s%s",
                       pair->wanted->slot, pair->reason,
                       strcmp(pair->reason, "expired") == 0 ? " (is this machine's clock right?)"
                                                            : "");
    return 0;
}

void pair_fill(const struct pair *pair, struct slice text, struct buf *out)
{
    struct slice head;

    while (slice_cut(&text, '@', &head)) {
        buf_add_slice(out, head);
        if (slice_starts(text, "CERT@"))
            base64_encode(out, buf_slice(&pair->cert));
        else if (slice_starts(text, "KEY@"))
            base64_encode(out, buf_slice(&pair->key));
        else {
            buf_add_byte(out, '@');
            continue;
        }
        slice_cut(&text, '@', &head);
    }
    buf_add_slice(out, text);
}
