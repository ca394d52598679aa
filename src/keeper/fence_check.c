#include "base/clock.h"
#include "crypto/der.h"
#include "keeper/fence_data.h"

enum { SERIAL_MIN = 8, SERIAL_MAX = 20 };
#define BACKDATE_MAX HOURS(1)

/* What forms are compared with: the subject's free parts, and what the SANs are. */
struct leaf {
    const struct fence_request *request;
    const struct x509_cert *tbs;
    struct slice cn;
    struct slice groups[FENCE_MAX_GROUPS];
    size_t group_count;
    unsigned san;      /* types */
    size_t sans;       /* how many */
    struct slice uri;  /* the last of them */
    bool reserved_san; /* one of them covers the fence's reserved name */
};

/* The rules of a form in the order in which they are tried. */
enum rule {
    RULE_EKU,
    RULE_CN,
    RULE_GROUPS,
    RULE_PRIVILEGED,
    RULE_SAN,
    RULE_SAN_REQUIRED,
    RULE_SAN_RESERVED,
    RULE_URI,
    RULE_TTL,
    RULE_NONE_BROKEN
};

static int refuse_name(struct err *e, const char *what, struct slice name, const char *why)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    name_format(&text, name);
    return err_set(e, ERR_REFUSED, "%s '%s' %s", what, buf_str(&text), why);
}

/* RFC 5280 4.1.2.8: between key and extensions, where the reader passes over them. */
static bool has_unique_ids(const struct x509_cert *tbs)
{
    const uint8_t *end = tbs->tbs.ptr + tbs->tbs.len, *behind = tbs->spki.ptr + tbs->spki.len;

    return behind < end && *behind != DER_CONTEXT_CONSTRUCTED(3);
}

static int check_frame(const struct fence_request *request, const struct x509_cert *tbs,
                       struct err *e)
{
    const struct x509_ext *issuer = &request->issuer->ext;

    if (tbs->version != 3)
        return err_set(e, ERR_REFUSED, "version is %u, not 3", tbs->version);
    if (tbs->serial.len < SERIAL_MIN || tbs->serial.len > SERIAL_MAX ||
        (tbs->serial.len == SERIAL_MAX && tbs->serial.ptr[0] & 0x80)) /* RFC 5280 4.1.2.2 */
        return err_set(e, ERR_REFUSED, "serial number has not 8 to 20 bytes");
    if (tbs->sig_alg != request->alg)
        return err_set(e, ERR_REFUSED, "signature algorithm is %s, the authority's key makes %s",
                       sig_alg_name(tbs->sig_alg), sig_alg_name(request->alg));
    if (!slice_eq(tbs->issuer, request->issuer->subject))
        return refuse_name(e, "issuer", tbs->issuer, "is not this authority");
    if (!slice_eq(tbs->ext.akid, issuer->skid))
        return err_set(e, ERR_REFUSED, "authority key identifier is not this authority's");
    if (has_unique_ids(tbs))
        return err_set(e, ERR_REFUSED, "unique identifiers do not belong into a certificate");
    return 0;
}

static int check_constraints(const struct x509_ext *ext, struct err *e)
{
    if (!ext->has_basic || !ext->basic_critical)
        return err_set(e, ERR_REFUSED, "basic constraints are missing or not critical");
    if (ext->ca || ext->path_len != -1)
        return err_set(e, ERR_REFUSED, "an authority cannot be signed here (CA:TRUE)");
    if (ext->has_name_constraints)
        return err_set(e, ERR_REFUSED, "name constraints do not belong into a leaf");
    if (ext->unknown || ext->unknown_critical.len)
        return err_set(e, ERR_REFUSED, "%u unknown extension(s)", ext->unknown);
    return 0;
}

static int check_times(const struct fence *fence, const struct fence_request *request,
                       const struct x509_cert *tbs, struct err *e)
{
    int64_t now = request->now;

    if (now < 0 || now > TIME_MAX)
        return err_set(e, ERR_REFUSED, "the time of the request is out of range");
    if (tbs->not_before < now - BACKDATE_MAX)
        return err_set(e, ERR_REFUSED, "not-before is over an hour back");
    if (tbs->not_before > now)
        return err_set(e, ERR_REFUSED, "not-before lies in the future");
    if (tbs->not_after <= now)
        return err_set(e, ERR_REFUSED, "not-after is past");
    if (tbs->not_after > request->issuer->not_after)
        return err_set(e, ERR_REFUSED, "not-after is beyond the authority's own");
    if (tbs->not_after - now > fence->max_ttl)
        return err_set(e, ERR_REFUSED, "life of %lld s is over the authority's limit of %lld s",
                       (long long)(tbs->not_after - now), (long long)fence->max_ttl);
    return 0;
}

static bool spki_is_rsa(struct slice spki)
{
    static const uint8_t rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 };
    struct slice body, alg, oid;

    return der_take(&spki, DER_SEQUENCE, &body) && der_take(&body, DER_SEQUENCE, &alg) &&
           der_take(&alg, DER_OID, &oid) && slice_eq(oid, slice_of(rsa, sizeof rsa));
}

static int check_usage(const struct fence *fence, const struct fence_request *request,
                       const struct x509_cert *tbs, struct err *e)
{
    const struct x509_ext *ext = &tbs->ext, *issuer = &request->issuer->ext;

    if (!ext->has_ku || !ext->ku_critical)
        return err_set(e, ERR_REFUSED, "key usage is missing or not critical");
    if (ext->ku == (KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT)) {
        if (!spki_is_rsa(tbs->spki))
            return err_set(e, ERR_REFUSED, "key usage keyEncipherment is for RSA keys only");
    } else if (ext->ku != KU_DIGITAL_SIGNATURE) {
        return err_set(e, ERR_REFUSED, "key usage is more or less than digitalSignature");
    }
    if (!ext->has_eku || !ext->eku_critical || ext->eku == 0)
        return err_set(e, ERR_REFUSED, "extended key usage is missing or not critical");
    if (ext->eku & ~fence->eku)
        return err_set(e, ERR_REFUSED, "extended key usage is beyond the authority's");
    if (issuer->has_eku && !(issuer->eku & EKU_ANY) && ext->eku & ~issuer->eku)
        return err_set(e, ERR_REFUSED, "extended key usage is beyond the authority's certificate");
    return 0;
}

static int add_name(struct leaf *leaf, const struct name_part *part, struct err *e)
{
    bool cn = part->attr == NAME_CN;
    struct err why = { 0 };

    if (fence_name_check(part->value, cn ? "common name" : "organization", &why))
        return err_set(e, ERR_REFUSED, "%s", err_text(&why));
    if (!cn) {
        if (leaf->group_count == FENCE_MAX_GROUPS)
            return err_set(e, ERR_REFUSED, "subject has more than %d organizations",
                           FENCE_MAX_GROUPS);
        leaf->groups[leaf->group_count++] = part->value;
        return 0;
    }
    if (leaf->cn.len)
        return err_set(e, ERR_REFUSED, "subject has two common names");
    leaf->cn = part->value;
    return 0;
}

static int check_subject(const struct fence *fence, struct leaf *leaf, struct err *e)
{
    struct name_iter it = name_iter(leaf->tbs->subject);
    struct name_part part;
    size_t fixed = 0;

    while (name_next(&it, &part)) {
        if (part.string_tag != DER_UTF8 && part.string_tag != DER_PRINTABLE)
            return err_set(e, ERR_REFUSED, "subject has a string of an unusual kind");
        if (!part.first_of_rdn)
            return err_set(e, ERR_REFUSED, "subject has a part of several values");
        if (part.attr == NAME_CN || part.attr == NAME_O) {
            if (add_name(leaf, &part, e))
                return -1;
        } else if (fixed == fence->subject_count || part.attr != fence->subject[fixed].attr ||
                   !slice_eq(part.value, fence->subject[fixed].value)) {
            return refuse_name(e, "subject", leaf->tbs->subject,
                               "differs from the cluster's besides O and CN");
        } else {
            fixed++;
        }
    }
    if (it.bad)
        return err_set(e, ERR_REFUSED, "subject is broken");
    if (fixed != fence->subject_count)
        return refuse_name(e, "subject", leaf->tbs->subject, "lacks a part of the cluster's");
    return 0;
}

static int check_sans(const struct fence *fence, struct leaf *leaf, struct err *e)
{
    struct san_iter it = san_iter(&leaf->tbs->ext);
    struct san san;

    while (san_next(&it, &san)) {
        leaf->san |= san.type;
        leaf->sans++;
        if (san.type == SAN_URI)
            leaf->uri = san.value;
        if (san.type != SAN_DNS)
            continue;
        if (!fence_dns_ok(san.value))
            return err_set(e, ERR_REFUSED, "SAN '" SLICE_FMT "' is not a DNS name",
                           SLICE_ARG(san.value));
        if (fence->reserved_san.len && fence_dns_covers(san.value, fence->reserved_san))
            leaf->reserved_san = true;
    }
    return 0;
}

static bool has_dns(const struct leaf *leaf, struct slice name)
{
    struct san_iter it = san_iter(&leaf->tbs->ext);
    struct san san;

    while (san_next(&it, &san))
        if (san.type == SAN_DNS && fence_dns_eq(san.value, name))
            return true;
    return false;
}

static bool cn_fits(const struct fence_form *form, struct slice cn)
{
    switch (form->cn_kind) {
    case FENCE_CN_NONE:
        return cn.len == 0;
    case FENCE_CN_EXACT:
        return slice_eq(cn, form->cn);
    case FENCE_CN_PREFIX:
        return cn.len > form->cn.len && memcmp(cn.ptr, form->cn.ptr, form->cn.len) == 0;
    case FENCE_CN_ANY:
        return cn.len > 0 && !fence_reserved_name(cn);
    }
    return false;
}

static bool groups_fit(const struct fence_form *form, const struct leaf *leaf)
{
    bool privileged = false;

    if (form->groups_kind == FENCE_GROUPS_EXACT && form->group_count != leaf->group_count)
        return false;
    for (size_t i = 0; i < leaf->group_count; i++) {
        struct slice group = leaf->groups[i];

        if (form->groups_kind == FENCE_GROUPS_EXACT) {
            if (!slice_eq(group, form->groups[i]))
                return false;
        } else if (form->groups_kind == FENCE_GROUPS_PRIVILEGED && fence_privileged_group(group)) {
            privileged = true;
        } else if (fence_reserved_name(group)) {
            return false;
        }
    }
    return form->groups_kind != FENCE_GROUPS_PRIVILEGED || privileged;
}

static enum rule broken_rule(const struct fence *fence, const struct fence_form *form,
                             const struct leaf *leaf)
{
    if (leaf->tbs->ext.eku != form->eku)
        return RULE_EKU;
    if (!cn_fits(form, leaf->cn))
        return RULE_CN;
    if (!groups_fit(form, leaf))
        return RULE_GROUPS;
    if (form->privileged && !leaf->request->privileged)
        return RULE_PRIVILEGED;
    if (leaf->san & ~form->san)
        return RULE_SAN;
    if (form->san_required.len && !has_dns(leaf, form->san_required))
        return RULE_SAN_REQUIRED;
    if (leaf->reserved_san && !fence_dns_eq(form->san_required, fence->reserved_san))
        return RULE_SAN_RESERVED;
    if (form->uri.len && (leaf->sans != 1 || !fence_uri_fits(form->uri, leaf->uri)))
        return RULE_URI;
    if (leaf->tbs->not_after - leaf->request->now > form->max_ttl)
        return RULE_TTL;
    return RULE_NONE_BROKEN;
}

static int refuse_groups(const struct fence_form *form, const struct leaf *leaf, struct err *e)
{
    for (size_t i = 0; i < leaf->group_count && form->groups_kind != FENCE_GROUPS_EXACT; i++) {
        struct slice group = leaf->groups[i];

        if (fence_reserved_name(group) &&
            !(leaf->request->privileged && fence_privileged_group(group)))
            return err_set(e, ERR_REFUSED, "group '" SLICE_FMT "' is reserved", SLICE_ARG(group));
    }
    return err_set(e, ERR_REFUSED, "organizations are not those of profile '%s'", form->profile);
}

/* Of the form that came closest. */
static int refuse_form(const struct fence *fence, const struct fence_form *form, enum rule rule,
                       const struct leaf *leaf, struct err *e)
{
    const char *profile = form->profile, *role = fence->role;

    switch (rule) {
    case RULE_EKU:
        return err_set(e, ERR_REFUSED, "no profile of this authority has that extended key usage");
    case RULE_CN:
        if (fence_reserved_name(leaf->cn))
            return err_set(e, ERR_REFUSED, "common name '" SLICE_FMT "' is reserved",
                           SLICE_ARG(leaf->cn));
        return err_set(e, ERR_REFUSED,
                       "common name '" SLICE_FMT "' is of no profile of the %s authority",
                       SLICE_ARG(leaf->cn), role);
    case RULE_GROUPS:
        return refuse_groups(form, leaf, e);
    case RULE_PRIVILEGED:
        return err_set(e, ERR_REFUSED, "profile '%s' must be asked for as privileged", profile);
    case RULE_SAN:
        return err_set(e, ERR_REFUSED, "profile '%s' may not carry a SAN of that kind", profile);
    case RULE_SAN_REQUIRED:
        return err_set(e, ERR_REFUSED, "profile '%s' must carry the SAN '" SLICE_FMT "'", profile,
                       SLICE_ARG(form->san_required));
    case RULE_SAN_RESERVED:
        return err_set(e, ERR_REFUSED, "profile '%s' may not carry the SAN '" SLICE_FMT "'",
                       profile, SLICE_ARG(fence->reserved_san));
    case RULE_URI:
        return err_set(e, ERR_REFUSED, "profile '%s' must carry one SAN, of the form " SLICE_FMT,
                       profile, SLICE_ARG(form->uri));
    case RULE_TTL:
    case RULE_NONE_BROKEN:
        break;
    }
    return err_set(e, ERR_REFUSED, "life is over the limit of profile '%s', %lld s", profile,
                   (long long)form->max_ttl);
}

static int check_forms(const struct fence *fence, const struct leaf *leaf, const char **profile,
                       struct err *e)
{
    const struct fence_form *closest = &fence->forms[0];
    enum rule furthest = RULE_EKU;

    for (size_t i = 0; i < fence->form_count; i++) {
        enum rule rule = broken_rule(fence, &fence->forms[i], leaf);

        if (rule == RULE_NONE_BROKEN) {
            *profile = fence->forms[i].profile;
            return 0;
        }
        if (rule > furthest) {
            furthest = rule;
            closest = &fence->forms[i];
        }
    }
    return refuse_form(fence, closest, furthest, leaf, e);
}

static int check_all(const struct fence *fence, const struct fence_request *request,
                     const char **profile, struct err *e)
{
    struct leaf leaf;

    /* Not zeroed as a whole: the array of groups is large and this is the hot path. */
    leaf.request = request;
    leaf.tbs = request->tbs;
    leaf.cn = slice_of(NULL, 0);
    leaf.group_count = 0;
    leaf.san = 0;
    leaf.sans = 0;
    leaf.uri = slice_of(NULL, 0);
    leaf.reserved_san = false;
    if (!request->cluster || strcmp(request->cluster, fence->cluster) != 0)
        return err_set(e, ERR_REFUSED, "the request is for cluster '%s', the authority is of '%s'",
                       request->cluster ? request->cluster : "", fence->cluster);
    if (check_frame(request, request->tbs, e) || check_constraints(&request->tbs->ext, e) ||
        check_times(fence, request, request->tbs, e) ||
        check_usage(fence, request, request->tbs, e) || check_subject(fence, &leaf, e) ||
        check_sans(fence, &leaf, e))
        return -1;
    return check_forms(fence, &leaf, profile, e);
}

int fence_check(const struct fence *fence, const struct fence_request *request,
                const char **profile, struct err *e)
{
    if (check_all(fence, request, profile, e))
        return err_wrap(e, "outside the fence of the %s authority", fence->role);
    return 0;
}
