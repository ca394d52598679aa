#include "pki/authority_record.h"

#include "base/clock.h"
#include "base/encode.h"
#include "crypto/name.h"
#include "pki/cluster_spec.h"
#include "pki/inspect.h"
#include "pki/profile.h"
#include "pki/record_body.h"

enum { BACKDATE = 300, NAME_IN_SUBJECT = 40 };

/* A generation in the making. */
struct draft {
    struct pki_write *w;
    const struct cluster *c;
    unsigned roles;
    char ca[UID_TEXT], uid[UID_TEXT];
    int number;
    enum generation_state state;
    enum custody custody;
    struct buf cert, sealed;
    struct x509_cert view;
    char skid[41];
    char fingerprint[65];
};

static void draft_clear(struct draft *d)
{
    buf_clear(&d->cert);
    buf_clear(&d->sealed);
}

/* ---- certificate and key ---- */

/* C ST L O OU, CN "demo control-plane CA g1": the number makes each generation's subject its own.
 */
static int write_subject(const struct draft *d, struct buf *out, struct err *e)
{
    CLEANUP(buf_clear) struct buf cn = { 0 };
    size_t mark = name_begin(out);

    if (!d->c->installation)
        buf_addf(&cn, "%.*s ", NAME_IN_SUBJECT, d->c->name);
    if ((d->roles & (d->roles - 1)) == 0) { /* one role */
        authority_roles_text(&cn, d->roles);
        buf_add_byte(&cn, ' ');
    }
    buf_addf(&cn, "CA g%d", d->number);
    if (d->c->installation) /* whoever has to do with several tells them apart */
        buf_addf(&cn, " %s", d->c->uid);
    subject_parts(out, d->c, RANK_C, RANK_OU);
    name_add(out, NAME_CN, buf_slice(&cn));
    name_end(out, mark);
    return buf_check(out, e);
}

static int make_key(struct draft *d, struct err *e)
{
    CLEANUP(buf_clear) struct buf subject = { 0 };
    CLEANUP(buf_clear) struct buf fence = { 0 };
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    struct seal_place place = { &dk, { KIND_GENERATION, d->uid, "key" } };
    int64_t now = d->w->now;
    struct authority_spec spec = { .cluster = d->c->uid,
                                   .key_type = d->c->key_type,
                                   .not_before = now > BACKDATE ? now - BACKDATE : 0,
                                   .not_after = now + d->c->authority_ttl,
                                   .eku = authority_eku(d->roles) };

    if (d->c->authority_ttl > TIME_MAX - now)
        return err_set(
            e, ERR_INVALID,
            "the authority would end after 9999-12-31, the last day that a certificate can name: "
            "shorten the authority TTL");
    if (write_subject(d, &subject, e) || profile_fence(&fence, d->c, d->roles, e))
        return -1;
    spec.subject = buf_slice(&subject);
    spec.fence = buf_slice(&fence);
    if (pki_data_key_new(d->w, DATA_KEY_AUTHORITY, d->uid, &dk, e) ||
        keeper_authority_new(pki_keeper(d->w->request->pki), &place, &spec, &d->sealed, &d->cert,
                             e))
        return -1;
    d->custody = CUSTODY_SEALED;
    return pki_data_key_insert(d->w, &dk, e);
}

static int import_key(struct draft *d, struct slice private_key, struct err *e)
{
    CLEANUP(buf_clear) struct buf fence = { 0 };
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    struct seal_place place = { &dk, { KIND_GENERATION, d->uid, "key" } };
    struct authority_import import = { .private_key = private_key, .cert = buf_slice(&d->cert) };

    d->custody = CUSTODY_ELSEWHERE;
    if (private_key.len == 0)
        return 0;
    if (profile_fence(&fence, d->c, d->roles, e) ||
        pki_data_key_new(d->w, DATA_KEY_AUTHORITY, d->uid, &dk, e))
        return -1;
    import.fence = buf_slice(&fence);
    if (keeper_authority_import(pki_keeper(d->w->request->pki), &place, &import, &d->sealed, e))
        return -1;
    d->custody = CUSTODY_SEALED;
    return pki_data_key_insert(d->w, &dk, e);
}

static void to_hex(char *out, size_t size, struct slice bytes)
{
    CLEANUP(buf_clear) struct buf hex = { 0 };

    hex_encode(&hex, bytes);
    (void)snprintf(out, size, "%s", buf_str(&hex));
}

/* Views and look-up keys, once the certificate is there. */
static int read_cert(struct draft *d, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;
    uint8_t digest[32], id[20];

    if (x509_cert_read(&d->view, buf_slice(&d->cert), e))
        return -1;
    x509_fingerprint(digest, buf_slice(&d->cert));
    to_hex(d->fingerprint, sizeof d->fingerprint, slice_of(digest, sizeof digest));
    if (d->view.ext.skid.len) {
        to_hex(d->skid, sizeof d->skid, d->view.ext.skid);
        return 0;
    }
    if (key_read_public(&key, d->view.spki, e))
        return -1;
    key_id_sha1(key, id);
    to_hex(d->skid, sizeof d->skid, slice_of(id, sizeof id));
    return 0;
}

/* ---- records ---- */

static int write_generation(const struct draft *d, struct buf *body, struct err *e)
{
    CLEANUP(buf_clear) struct buf roles = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    struct json_writer w;

    if (key_read_public(&key, d->view.spki, e))
        return -1;
    authority_roles_text(&roles, d->roles);
    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "cluster", d->c->installation ? NULL : d->c->name);
    json_put_text(&w, "ca", d->ca);
    json_put_text(&w, "authority", buf_str(&roles));
    json_put_int(&w, "generation", d->number);
    json_put_text(&w, "state", generation_state_name(d->state));
    json_put_text(&w, "custody", custody_name(d->custody));
    json_put_text(&w, "skid", d->skid);
    inspect_write_name(&w, "subject", d->view.subject);
    json_put_time(&w, "not_before", d->view.not_before);
    json_put_time(&w, "not_after", d->view.not_after);
    json_put_text(&w, "key_type", key_type_name(key_type(key)));
    json_put_base64(&w, "der", buf_slice(&d->cert));
    if (d->custody == CUSTODY_SEALED)
        json_put_base64(&w, "sealed", buf_slice(&d->sealed));
    json_put_end(&w);
    return buf_check(body, e);
}

static int insert_generation(const struct draft *d, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(buf_clear) struct buf serial = { 0 };
    char scope[64], name[64], issuer_serial[96];
    struct record r = { .kind = lend(KIND_GENERATION),
                        .scope = scope,
                        .name = name,
                        .schema = 1,
                        .expires = d->view.not_after,
                        .issuer_serial = issuer_serial,
                        .fingerprint = lend(d->fingerprint) };

    if (write_generation(d, &body, e))
        return -1;
    memcpy(r.uid, d->uid, sizeof r.uid);
    cluster_scope(d->c, scope);
    x509_serial_hex(&serial, d->view.serial);
    (void)snprintf(name, sizeof name, "%s/%d", d->ca, d->number);
    (void)snprintf(issuer_serial, sizeof issuer_serial, "%.48s/%s", buf_str(&serial), d->skid);
    r.body = lend(buf_str(&body));
    return store_insert(d->w->tx, &r, d->w->now, e);
}

/* A small body with one or two members. */
static int put_record(struct pki_write *w, struct record *r, struct buf *body, struct err *e)
{
    if (buf_check(body, e))
        return -1;
    r->schema = 1;
    r->body = lend(buf_str(body));
    return store_insert(w->tx, r, w->now, e);
}

/* generations: those that are there, in order; `more`: one more at the end, or NULL. */
static void write_ca(struct buf *body, const struct authority *have, const char *more,
                     const char *issuing)
{
    struct json_writer w;

    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    json_put_array(&w, "generations");
    for (size_t i = 0; have && i < have->generation_count; i++)
        json_put_text(&w, NULL, have->generation[i].uid);
    if (more)
        json_put_text(&w, NULL, more);
    json_put_end(&w);
    json_put_text(&w, "issuing", issuing);
    json_put_end(&w);
}

static int insert_ca(const struct draft *d, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    char scope[64];
    struct record r = { .kind = lend(KIND_CA), .scope = scope, .name = lend(d->ca) };

    cluster_scope(d->c, scope);
    memcpy(r.uid, d->ca, sizeof r.uid);
    write_ca(&body, NULL, d->uid, d->state == GENERATION_ISSUING ? d->uid : NULL);
    return put_record(d->w, &r, &body, e);
}

static int insert_role(const struct draft *d, enum authority_role role, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    char scope[64];
    struct record r = { .kind = lend(KIND_AUTHORITY),
                        .scope = scope,
                        .name = lend(authority_role_name(role)) };

    cluster_scope(d->c, scope);
    buf_addf(&body, "{\"ca\":\"%s\"}", d->ca);
    return put_record(d->w, &r, &body, e);
}

static int insert_all(const struct draft *d, struct err *e)
{
    if (insert_generation(d, e) || insert_ca(d, e))
        return -1;
    for (int role = 0; role < AUTHORITY_ALL; role++)
        if (d->roles & 1U << role && insert_role(d, (enum authority_role)role, e))
            return -1;
    return 0;
}

/* ---- the audit record ---- */

static void decide(struct draft *d, const char *action)
{
    CLEANUP(buf_clear) struct buf roles = { 0 };

    authority_roles_text(&roles, d->roles);
    if (d->c->installation)
        pki_deciding(d->w, action, "installation/authority/%s", buf_str(&roles));
    else
        pki_deciding(d->w, action, "cluster/%s/authority/%s", d->c->name, buf_str(&roles));
}

static int grant(struct draft *d, struct err *e)
{
    CLEANUP(buf_clear) struct buf detail = { 0 };
    struct json_writer w;

    json_writer_init(&w, &detail, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "ca", d->ca);
    json_put_int(&w, "generation", d->number);
    json_put_text(&w, "custody", custody_name(d->custody));
    json_put_text(&w, "skid", d->skid);
    inspect_write_name(&w, "subject", d->view.subject);
    json_put_time(&w, "not_after", d->view.not_after);
    json_put_text(&w, "fingerprint", d->fingerprint);
    json_put_end(&w);
    if (buf_check(&detail, e))
        return -1;
    return pki_granted(d->w, buf_str(&detail), e);
}

/* ---- what others call ---- */

int authority_create(struct pki_write *w, const struct cluster *c, unsigned roles, struct err *e)
{
    CLEANUP(draft_clear)
    struct draft d = { .w = w, .c = c, .roles = roles, .number = 1, .state = GENERATION_ISSUING };

    decide(&d, "authority.create");
    uid_new(d.ca);
    uid_new(d.uid);
    if (make_key(&d, e) || read_cert(&d, e) || insert_all(&d, e))
        return -1;
    return grant(&d, e);
}

/* Every role that points at this CA. */
static int roles_of_ca(struct store_tx *tx, const struct cluster *c, const char *ca,
                       unsigned *roles, struct err *e)
{
    int first = c->installation ? AUTHORITY_ROLES : 0;
    int end = c->installation ? AUTHORITY_ALL : AUTHORITY_ROLES;
    unsigned found = 0;

    for (int role = first; role < end; role++) {
        char other[UID_TEXT];

        if (authority_find_ca(tx, c, (enum authority_role)role, other, e))
            return -1;
        if (strcmp(other, ca) == 0)
            found |= 1U << role;
    }
    *roles = found;
    return 0;
}

static int update_ca(struct pki_write *w, const struct authority *a, const char *more,
                     const char *issuing, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    struct record r = { .schema = 1 };

    memcpy(r.uid, a->ca, sizeof r.uid);
    write_ca(&body, a, more, issuing);
    if (buf_check(&body, e))
        return -1;
    r.body = lend(buf_str(&body));
    return store_update(w->tx, &r, STORE_ANY_REVISION, w->now, e);
}

int authority_add_generation(struct pki_write *w, const struct cluster *c, enum authority_role role,
                             struct err *e)
{
    CLEANUP(authority_clear) struct authority a = { 0 };
    CLEANUP(draft_clear) struct draft d = { .w = w, .c = c, .state = GENERATION_TRUSTED };
    const char *issuing;

    if (authority_load(w->tx, c, role, &a, e) || roles_of_ca(w->tx, c, a.ca, &d.roles, e))
        return -1;
    decide(&d, "authority.add-generation");
    d.number = a.generation[a.generation_count - 1].number + 1;
    memcpy(d.ca, a.ca, sizeof d.ca);
    uid_new(d.uid);
    issuing = a.issuing < a.generation_count ? a.generation[a.issuing].uid : NULL;
    if (make_key(&d, e) || read_cert(&d, e) || insert_generation(&d, e) ||
        update_ca(w, &a, d.uid, issuing, e))
        return -1;
    return grant(&d, e);
}

/* taken: a key that came in; NULL: the state alone changes. */
static int update_generation(struct pki_write *w, const struct generation *g,
                             enum generation_state state, const struct draft *taken, struct err *e)
{
    CLEANUP(buf_clear) struct buf members = { 0 };
    struct json_writer json;

    json_writer_init(&json, &members, false);
    json_put_object(&json, NULL);
    json_put_text(&json, "state", generation_state_name(state));
    if (taken) {
        json_put_text(&json, "custody", custody_name(taken->custody));
        json_put_base64(&json, "sealed", buf_slice(&taken->sealed));
    }
    json_put_end(&json);
    return record_merge(w, g->uid, &members, e);
}

int authority_issue_from(struct pki_write *w, const struct cluster *c, enum authority_role role,
                         int number, struct err *e)
{
    CLEANUP(authority_clear) struct authority a = { 0 };
    size_t to = 0;
    char detail[64];

    if (authority_load(w->tx, c, role, &a, e))
        return -1;
    pki_deciding(w, "authority.issue-from", "cluster/%s/authority/%s", c->name,
                 authority_role_name(role));
    while (to < a.generation_count && a.generation[to].number != number)
        to++;
    if (to == a.generation_count)
        return err_set(e, ERR_NOT_FOUND, "the %s authority has no generation %d",
                       authority_role_name(role), number);
    if (a.generation[to].state == GENERATION_WITHDRAWN)
        return err_set(e, ERR_REFUSED, "generation %d of the %s authority is withdrawn", number,
                       authority_role_name(role));
    if (to == a.issuing)
        return 0;
    if ((a.issuing < a.generation_count &&
         update_generation(w, &a.generation[a.issuing], GENERATION_TRUSTED, NULL, e)) ||
        update_generation(w, &a.generation[to], GENERATION_ISSUING, NULL, e) ||
        update_ca(w, &a, NULL, a.generation[to].uid, e))
        return -1;
    (void)snprintf(detail, sizeof detail, "{\"generation\":%d}", number);
    return pki_granted(w, detail, e);
}

/* ---- adopted ones ---- */

static enum authority_role first_role(unsigned roles)
{
    int role = 0;

    while (role < AUTHORITY_ROLES - 1 && !(roles & 1U << role))
        role++;
    return (enum authority_role)role;
}

/* The role has a CA already: fine when it is this one; a key that was missing is taken in. */
static int adopt_again(struct draft *d, const struct authority *a, struct slice private_key,
                       struct err *e)
{
    for (size_t i = 0; i < a->generation_count; i++) {
        const struct generation *g = &a->generation[i];

        if (!slice_eq(buf_slice(&g->cert), buf_slice(&d->cert)))
            continue;
        if (g->custody == CUSTODY_SEALED || private_key.len == 0)
            return 0;
        memcpy(d->uid, g->uid, sizeof d->uid);
        memcpy(d->ca, g->ca, sizeof d->ca);
        d->number = g->number;
        if (import_key(d, private_key, e) || update_generation(d->w, g, g->state, d, e))
            return -1;
        return grant(d, e);
    }
    return err_set(e, ERR_CONFLICT, "the %s authority of cluster '%s' is another CA",
                   authority_role_name(a->role), d->c->name);
}

int authority_adopt(struct pki_write *w, const struct cluster *c, unsigned roles, struct slice cert,
                    struct slice private_key, struct err *e)
{
    CLEANUP(authority_clear) struct authority have = { 0 };
    CLEANUP(draft_clear)
    struct draft d = { .w = w, .c = c, .roles = roles, .number = 1, .state = GENERATION_ISSUING };
    struct err why = { 0 };

    decide(&d, "authority.adopt");
    buf_add_slice(&d.cert, cert);
    if (buf_check(&d.cert, e) || read_cert(&d, e))
        return -1;
    if (!authority_load(w->tx, c, first_role(roles), &have, &why))
        return adopt_again(&d, &have, private_key, e);
    if (why.code != ERR_NOT_FOUND)
        return err_pass(e, &why);
    uid_new(d.ca);
    uid_new(d.uid);
    if (import_key(&d, private_key, e) || insert_all(&d, e))
        return -1;
    return grant(&d, e);
}
