#include "pki/installation_internal.h"

#include "base/clock.h"
#include "base/encode.h"
#include "crypto/name.h"
#include "keeper/fence.h"
#include "pki/address.h"
#include "pki/inspect.h"
#include "pki/record_body.h"

enum { BACKDATE = 300 };

/* A certificate in the making. */
struct making {
    struct pki_write *w;
    const struct installation_order *order;
    const struct installation_leaf *leaf;
    struct cluster domain;
    struct authority authority;
    struct signer *signer;
    struct x509_csr csr;
    enum key_type key_type;
    struct san_set sans;
    struct buf subject, tbs;
    struct sign_result result;
    char skid[41], fingerprint[65], holder[48];
};

static void making_clear(struct making *m)
{
    signer_close(m->signer);
    authority_clear(&m->authority);
    san_set_clear(&m->sans);
    buf_clear(&m->subject);
    buf_clear(&m->tbs);
    buf_clear(&m->result.cert);
}

/* ---- what it will say ---- */

/* Who it is for, poterne knows: a request that names more than its key was meant for another. */
static int read_csr(struct making *m, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;

    if (x509_csr_read(&m->csr, m->order->csr, e) || x509_csr_verify(&m->csr, &key, e))
        return -1;
    if (m->csr.ext.has_san || m->csr.ext.has_name_constraints || m->csr.ext.unknown_critical.len ||
        (m->csr.ext.has_basic && m->csr.ext.ca))
        return err_set(e, ERR_REFUSED,
                       "the request asks for names or extensions: send one that holds a key alone");
    if (m->csr.ext.has_eku && m->csr.ext.eku & ~m->leaf->eku)
        return err_set(e, ERR_REFUSED, "the request asks for an extended key usage beyond '%s'",
                       m->leaf->name);
    m->key_type = key_type(key);
    if (m->key_type == KEY_ED25519 && m->leaf->eku == EKU_SERVER)
        return err_set(e, ERR_REFUSED, "browsers read no Ed25519 certificate: use p256");
    return 0;
}

static int add_san(struct making *m, enum san_type type, struct slice value, struct err *e)
{
    struct san_set *set = &m->sans;

    if (set->count == X509_MAX_SANS)
        return err_set(e, ERR_LIMIT, "more than %d names", X509_MAX_SANS);
    set->bytes[set->count] = (struct buf){ 0 };
    buf_add_slice(&set->bytes[set->count], value);
    set->san[set->count] = (struct san){ type, buf_slice(&set->bytes[set->count]) };
    set->count++;
    return 0;
}

static int add_names(struct making *m, struct err *e)
{
    if (m->order->name_count == 0)
        return err_set(e, ERR_INVALID, "a server's certificate needs a name or an address");
    for (size_t i = 0; i < m->order->name_count; i++) {
        const char *name = m->order->names[i];
        struct address a;

        if (address_looks(name)) {
            if (address_parse(&a, name, "server's address", e) ||
                add_san(m, SAN_IP, slice_of(a.bytes, a.len), e))
                return -1;
        } else if (dns_check(name, DNS_NAME, 253, "server's name", e) ||
                   add_san(m, SAN_DNS, slice_str(name), e)) {
            return -1;
        }
    }
    return 0;
}

static int add_uri(struct making *m, struct err *e)
{
    const struct installation_order *order = m->order;
    char uri[160];

    (void)snprintf(m->holder, sizeof m->holder, "%s:%s",
                   order->profile == INSTALLATION_MACHINE ? "machine" : "operator", order->uid);
    if (order->profile == INSTALLATION_MACHINE)
        (void)snprintf(uri, sizeof uri, "poterne://%s/machine/%s/%s", m->domain.uid, order->cluster,
                       order->uid);
    else
        (void)snprintf(uri, sizeof uri, "poterne://%s/operator/%s", m->domain.uid, order->uid);
    return add_san(m, SAN_URI, slice_str(uri), e);
}

static int write_subject(struct making *m, struct err *e)
{
    const char *cn = m->order->profile == INSTALLATION_SERVER ? m->leaf->cn : m->order->name;
    size_t mark = name_begin(&m->subject);

    name_add(&m->subject, NAME_CN, slice_str(cn));
    name_end(&m->subject, mark);
    return buf_check(&m->subject, e);
}

static int choose_times(struct making *m, struct issued *issued, struct err *e)
{
    const struct x509_cert *ca = &m->authority.generation[m->authority.issuing].view;
    int64_t now = m->w->now, ttl = m->order->ttl ? m->order->ttl : m->leaf->default_ttl;
    CLEANUP(buf_clear) struct buf most = { 0 };

    duration_format(&most, m->leaf->max_ttl);
    if (ttl < 0 || ttl > m->leaf->max_ttl)
        return err_set(e, ERR_REFUSED, "a certificate of '%s' lives for %s at most", m->leaf->name,
                       buf_str(&most));
    issued->not_before = now > BACKDATE ? now - BACKDATE : 0;
    if (issued->not_before < ca->not_before)
        issued->not_before = ca->not_before;
    issued->not_after = now + ttl < ca->not_after ? now + ttl : ca->not_after;
    return 0;
}

static int sign(struct making *m, struct issued *issued, struct err *e)
{
    const struct x509_cert *ca = &m->authority.generation[m->authority.issuing].view;
    bool exchange = key_type_is_rsa(m->key_type) && m->leaf->eku == EKU_SERVER;
    CLEANUP(buf_clear) struct buf hex = { 0 };
    uint8_t serial[16];
    struct x509_template t = { .serial = slice_of(serial, sizeof serial),
                               .issuer = ca->subject,
                               .subject = buf_slice(&m->subject),
                               .not_before = issued->not_before,
                               .not_after = issued->not_after,
                               .spki = m->csr.spki,
                               .path_len = -1,
                               .ku = KU_DIGITAL_SIGNATURE |
                                     (exchange ? (unsigned)KU_KEY_ENCIPHERMENT : 0),
                               .eku = m->leaf->eku,
                               .sans = m->sans.san,
                               .san_count = m->sans.count,
                               .akid = ca->ext.skid };
    struct sign_request request = { .cluster = m->domain.uid, .now = m->w->now };

    x509_serial_new(serial);
    x509_serial_hex(&hex, t.serial);
    (void)snprintf(issued->serial, sizeof issued->serial, "%s", buf_str(&hex));
    if (x509_tbs_write(&m->tbs, &t, signer_alg(m->signer), e))
        return -1;
    request.tbs = buf_slice(&m->tbs);
    if (keeper_sign(m->signer, &request, &m->result, e))
        return -1;
    buf_add_slice(&issued->cert, buf_slice(&m->result.cert));
    return buf_check(&issued->cert, e);
}

/* ---- its records ---- */

static void put_place(struct json_writer *w, const struct making *m)
{
    json_put_text(w, "profile", m->leaf->name);
    json_put_text(w, "authority", authority_role_name(m->leaf->role));
    if (!m->holder[0])
        return;
    json_put_text(w, "holder", m->holder);
    json_put_text(w, "name", m->order->name);
}

static void write_body(const struct making *m, const struct issued *issued, struct buf *body)
{
    struct json_writer w;

    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    json_put_null(&w, "cluster"); /* of none */
    put_place(&w, m);
    json_put_int(&w, "generation", m->authority.generation[m->authority.issuing].number);
    inspect_write_name(&w, "subject", buf_slice(&m->subject));
    json_put_array(&w, "sans");
    for (size_t i = 0; i < m->sans.count; i++)
        inspect_write_san(&w, &m->sans.san[i]);
    json_put_end(&w);
    json_put_time(&w, "not_before", issued->not_before);
    json_put_time(&w, "not_after", issued->not_after);
    json_put_text(&w, "key_type", key_type_name(m->key_type));
    json_put_text(&w, "status", "current");
    json_put_bool(&w, "privileged", false);
    json_put_base64(&w, "der", buf_slice(&issued->cert));
    json_put_end(&w);
}

static int insert(struct making *m, struct issued *issued, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(buf_clear) struct buf hex = { 0 };
    char name[96], issuer_serial[96];
    struct record r = { .kind = lend(KIND_CERTIFICATE),
                        .scope = lend("/"),
                        .name = name,
                        .schema = 1,
                        .expires = issued->not_after,
                        .issuer_serial = issuer_serial,
                        .fingerprint = m->fingerprint };
    uint8_t digest[32];

    x509_fingerprint(digest, buf_slice(&issued->cert));
    hex_encode(&hex, slice_of(digest, sizeof digest));
    (void)snprintf(m->fingerprint, sizeof m->fingerprint, "%s", buf_str(&hex));
    (void)snprintf(name, sizeof name, "%s/%s", m->skid, issued->serial);
    (void)snprintf(issuer_serial, sizeof issuer_serial, "%s/%s", issued->serial, m->skid);
    write_body(m, issued, &body);
    if (buf_check(&body, e))
        return -1;
    r.body = lend(buf_str(&body));
    if (store_insert(m->w->tx, &r, m->w->now, e))
        return -1;
    memcpy(issued->uid, r.uid, sizeof issued->uid);
    return m->order->supersedes ? record_supersede(m->w, m->order->supersedes, e) : 0;
}

static int grant(struct making *m, const struct issued *issued, struct err *e)
{
    CLEANUP(buf_clear) struct buf detail = { 0 };
    struct json_writer w;

    json_writer_init(&w, &detail, false);
    json_put_object(&w, NULL);
    put_place(&w, m);
    json_put_text(&w, "serial", issued->serial);
    inspect_write_name(&w, "subject", buf_slice(&m->subject));
    json_put_time(&w, "not_after", issued->not_after);
    json_put_text(&w, "fingerprint", m->fingerprint);
    json_put_int(&w, "keeper_number", m->result.number);
    if (m->order->supersedes)
        json_put_text(&w, "supersedes", m->order->supersedes);
    json_put_end(&w);
    if (buf_check(&detail, e))
        return -1;
    pki_deciding(m->w, "certificate.issue", "installation/certificate/%s", issued->serial);
    return pki_granted(m->w, buf_str(&detail), e);
}

static int open_authority(struct making *m, struct err *e)
{
    if (installation_make_authorities(m->w, e) ||
        installation_authority(m->w->tx, m->w->request->pki, m->leaf->role, &m->authority, e) ||
        authority_signer(m->w, &m->authority, &m->signer, e))
        return -1;
    memcpy(m->skid, m->authority.generation[m->authority.issuing].skid, sizeof m->skid);
    return 0;
}

int installation_issue(struct pki_write *w, const struct installation_order *order,
                       struct issued *ret, struct err *e)
{
    CLEANUP(making_clear)
    struct making m = { .w = w, .order = order, .leaf = &installation_leaves[order->profile] };
    CLEANUP(issued_clear) struct issued made = { .role = m.leaf->role };

    installation_domain(&m.domain, w->request->pki);
    if (open_authority(&m, e))
        return -1;
    pki_deciding(w, "certificate.issue", "installation/profile/%s%s%.80s", m.leaf->name,
                 order->name ? "/" : "", order->name ? order->name : "");
    if (read_csr(&m, e) ||
        (order->profile == INSTALLATION_SERVER ? add_names(&m, e) : add_uri(&m, e)) ||
        write_subject(&m, e) || choose_times(&m, &made, e) || sign(&m, &made, e) ||
        insert(&m, &made, e) || grant(&m, &made, e))
        return -1;
    issued_clear(ret);
    *ret = made;
    made = (struct issued){ 0 };
    return 0;
}
