#include "pki/issue_internal.h"

#include "base/alloc.h"
#include "base/clock.h"

enum { BACKDATE = 300 };

void issued_clear(struct issued *i)
{
    buf_clear(&i->cert);
    *i = (struct issued){ 0 };
}

int issuer_open(struct issuer **ret, struct pki_write *w, const struct cluster *c, struct err *e)
{
    struct issuer *issuer = xcalloc(1, sizeof *issuer);

    (void)e;
    issuer->w = w;
    issuer->c = c;
    *ret = issuer;
    return 0;
}

void issuer_close(struct issuer *issuer)
{
    if (!issuer)
        return;
    for (size_t i = 0; i < AUTHORITY_ROLES; i++) {
        signer_close(issuer->role[i].signer);
        authority_clear(&issuer->role[i].authority);
    }
    for (size_t i = 0; i < issuer->machine_count; i++)
        machine_slots_clear(&issuer->machine[i]);
    free(issuer->machine);
    resolved_clear(&issuer->resolved);
    buf_clear(&issuer->resolved.subject);
    buf_clear(&issuer->tbs);
    buf_clear(&issuer->result.cert);
    free(issuer);
}

static int find_profile(struct issuer *issuer, const struct issue_order *order, struct err *e)
{
    CLEANUP(buf_clear) struct buf names = { 0 };

    issuer->resolved.profile = profile_find(order->profile);
    if (issuer->resolved.profile)
        return 0;
    for (size_t i = 0; i < profile_count; i++)
        buf_addf(&names, "%s%s", i ? ", " : "", profiles[i].name);
    return err_set(e, ERR_NOT_FOUND, "there is no profile '%.60s': %s", order->profile,
                   buf_str(&names));
}

static int open_role(struct issuer *issuer, enum authority_role role, struct err *e)
{
    struct issuer_role *r = &issuer->role[role];

    if (r->signer)
        return 0;
    if (!r->authority.generation &&
        authority_load(issuer->w->tx, issuer->c, role, &r->authority, e))
        return -1;
    return authority_signer(issuer->w, &r->authority, &r->signer, e);
}

/* ---- times ---- */

static int refuse_ttl(const char *rule, int64_t asked, int64_t limit, struct err *e)
{
    CLEANUP(buf_clear) struct buf ttl = { 0 };
    CLEANUP(buf_clear) struct buf most = { 0 };

    duration_format(&ttl, asked);
    duration_format(&most, limit);
    return err_set(e, ERR_REFUSED, "a TTL of %s is longer than %s allows, %s", buf_str(&ttl), rule,
                   buf_str(&most));
}

/* Never beyond the issuer's end: a default is cut to it, a wish is refused. */
static int choose_end(const struct x509_cert *issuer_cert, int64_t now, int64_t asked, int64_t *ttl,
                      struct err *e)
{
    CLEANUP(buf_clear) struct buf end = { 0 };

    if (*ttl <= issuer_cert->not_after - now)
        return 0;
    if (!asked) {
        *ttl = issuer_cert->not_after - now;
        return 0;
    }
    time_format(&end, issuer_cert->not_after);
    return err_set(
        e, ERR_REFUSED,
        "the certificate would outlive its authority, which ends at %s: ask for a shorter TTL",
        buf_str(&end));
}

static int choose_times(struct issuer *issuer, const struct x509_cert *issuer_cert, int64_t asked,
                        struct issued *issued, struct err *e)
{
    const struct profile *profile = issuer->resolved.profile;
    int64_t now = issuer->w->now, most = profile_max_ttl(profile, issuer->c);
    int64_t usual = profile->default_ttl ? profile->default_ttl : issuer->c->leaf_ttl;
    int64_t ttl = asked ? asked : usual > most ? most : usual;

    if (asked < 0)
        return err_set(e, ERR_INVALID, "a TTL is longer than 0");
    if (profile->role == AUTHORITY_OPERATORS && ttl > most)
        return refuse_ttl("the cluster's longest operator TTL", ttl, most, e);
    if (issuer_cert->not_before > now) {
        CLEANUP(buf_clear) struct buf from = { 0 };

        time_format(&from, issuer_cert->not_before);
        return err_set(e, ERR_REFUSED,
                       "the authority is valid from %s on, which the clock says is to come",
                       buf_str(&from));
    }
    if (choose_end(issuer_cert, now, asked, &ttl, e))
        return -1;
    if (ttl > most)
        return refuse_ttl("the cluster's authority TTL", ttl, most, e);
    issued->not_before = now > BACKDATE ? now - BACKDATE : 0;
    if (issued->not_before < issuer_cert->not_before)
        issued->not_before = issuer_cert->not_before;
    issued->not_after = now + ttl;
    return 0;
}

/* ---- the certificate ---- */

/* keyEncipherment is for TLS 1.2's RSA key exchange, which only a server's key takes part in: RFC
 * 5280 4.2.1.12 has it inconsistent with clientAuth. */
static unsigned key_usage(const struct resolved *r)
{
    unsigned exchange =
        key_type_is_rsa(r->key_type) && r->profile->eku & EKU_SERVER ? KU_KEY_ENCIPHERMENT : 0;

    return KU_DIGITAL_SIGNATURE | exchange;
}

static int write_tbs(struct issuer *issuer, const struct x509_cert *issuer_cert,
                     struct issued *issued, struct err *e)
{
    const struct resolved *r = &issuer->resolved;
    uint8_t serial[16];
    CLEANUP(buf_clear) struct buf hex = { 0 };
    struct x509_template t = {
        .serial = slice_of(serial, sizeof serial),
        .issuer = issuer_cert->subject,
        .subject = buf_slice(&r->subject),
        .not_before = issued->not_before,
        .not_after = issued->not_after,
        .spki = r->csr.spki,
        .path_len = -1,
        .ku = key_usage(r),
        .eku = r->profile->eku,
        .sans = r->sans,
        .san_count = r->san_count,
        .akid = issuer_cert->ext.skid,
    };

    x509_serial_new(serial);
    x509_serial_hex(&hex, t.serial);
    (void)snprintf(issued->serial, sizeof issued->serial, "%s", buf_str(&hex));
    buf_reset(&issuer->tbs);
    return x509_tbs_write(&issuer->tbs, &t, signer_alg(issuer->role[r->profile->role].signer), e);
}

static int sign(struct issuer *issuer, struct issued *issued, struct err *e)
{
    struct issuer_role *role = &issuer->role[issued->role];
    struct sign_request request = { .cluster = issuer->c->uid,
                                    .privileged = issuer->resolved.privileged,
                                    .now = issuer->w->now,
                                    .tbs = buf_slice(&issuer->tbs) };
    struct buf cert;

    if (keeper_sign(role->signer, &request, &issuer->result, e))
        return -1;
    cert = issued->cert;
    issued->cert = issuer->result.cert;
    issuer->result.cert = cert; /* its memory is used again */
    return 0;
}

int issuer_sign_only(struct issuer *issuer, const struct issue_order *order, struct issued *ret,
                     struct err *e)
{
    struct resolved *r = &issuer->resolved;
    const struct x509_cert *issuer_cert;

    if (find_profile(issuer, order, e))
        return -1;
    ret->role = r->profile->role;
    if (order_resolve(r, issuer->c, order, e) || open_role(issuer, ret->role, e))
        return -1;
    issuer_cert = &issuer->role[ret->role]
                       .authority.generation[issuer->role[ret->role].authority.issuing]
                       .view;
    if (choose_times(issuer, issuer_cert, order->ttl, ret, e) ||
        write_tbs(issuer, issuer_cert, ret, e))
        return -1;
    return sign(issuer, ret, e);
}

static int check_slot(const struct issue_order *order, struct err *e)
{
    size_t len = strlen(order->slot);

    if (!order->machine)
        return err_set(e, ERR_INVALID, "a slot is a machine's: name it");
    if (len == 0 || len > 64 ||
        strspn(order->slot, "abcdefghijklmnopqrstuvwxyz0123456789-./") < len)
        return err_set(e, ERR_INVALID,
                       "slot '%.80s': 1 to 64 lower-case letters, digits and '-', '.', '/'",
                       order->slot);
    return 0;
}

int issuer_issue(struct issuer *issuer, const struct issue_order *order, struct issued *ret,
                 struct err *e)
{
    CLEANUP(issued_clear) struct issued made = { 0 };

    pki_deciding(issuer->w, "certificate.issue", "cluster/%s/profile/%.48s%s%.64s", issuer->c->name,
                 order->profile, order->user || order->machine ? "/" : "",
                 order->user      ? order->user
                 : order->machine ? order->machine
                                  : "");
    if (order->slot && check_slot(order, e))
        return -1;
    if (issuer_sign_only(issuer, order, &made, e) || issue_record(issuer, order, &made, e))
        return -1;
    issued_clear(ret);
    *ret = made;
    made = (struct issued){ 0 };
    return 0;
}
