#include "pki/issue_internal.h"

#include "crypto/der.h"
#include "crypto/name.h"
#include "keeper/fence.h"
#include "pki/address.h"

/*
 * A request is never copied unseen: what it names must be what its profile gives to that machine or
 * person, and the certificate is written from the profile. The keeper's fence says the same once
 * more.
 */

enum { RSA_MOST_BITS = 8192 }; /* Go's crypto/tls reads no larger ones */

void resolved_clear(struct resolved *r)
{
    for (size_t i = 0; i < r->owned_count; i++)
        free(r->owned[i]);
    r->owned_count = r->group_count = r->san_count = 0;
    san_set_clear(&r->allowed);
    buf_reset(&r->subject);
}

/* ---- the request by itself ---- */

static int check_key(struct resolved *r, const struct key *key, struct err *e)
{
    r->key_type = key_type(key);
    if (r->key_type == KEY_ED25519 && !r->profile->ed25519)
        return err_set(
            e, ERR_REFUSED,
            "profile '%s' takes no Ed25519 key: kubeadm reads RSA and ECDSA alone, and browsers "
            "no Ed25519 certificate; use p256",
            r->profile->name);
    if (r->key_type == KEY_RSA_OTHER && key_bits(key) > RSA_MOST_BITS)
        return err_set(e, ERR_REFUSED, "an RSA key of %d bits: %d are the most that Go's TLS reads",
                       key_bits(key), RSA_MOST_BITS);
    return 0;
}

static int check_usage(const struct resolved *r, struct err *e)
{
    const struct x509_ext *ext = &r->csr.ext;
    unsigned ku =
        KU_DIGITAL_SIGNATURE | (key_type_is_rsa(r->key_type) ? (unsigned)KU_KEY_ENCIPHERMENT : 0);
    CLEANUP(buf_clear) struct buf names = { 0 };

    if (ext->has_eku && ext->eku & ~r->profile->eku) {
        x509_eku_names(&names, ext->eku & ~r->profile->eku);
        return err_set(
            e, ERR_REFUSED,
            "the request asks for extended key usage %s, which profile '%s' does not give",
            buf_str(&names), r->profile->name);
    }
    if (ext->has_ku && ext->ku & ~ku) {
        x509_ku_names(&names, ext->ku & ~ku);
        return err_set(
            e, ERR_REFUSED,
            "the request asks for key usage %s, which profile '%s' does not give to its key",
            buf_str(&names), r->profile->name);
    }
    return 0;
}

static int check_extensions(const struct resolved *r, struct err *e)
{
    const struct x509_ext *ext = &r->csr.ext;

    if (ext->has_basic && ext->ca)
        return err_set(e, ERR_REFUSED,
                       "the request asks for an authority (CA:TRUE): leaves alone are signed");
    if (ext->has_name_constraints)
        return err_set(e, ERR_REFUSED,
                       "the request asks for name constraints, which do not belong into a leaf");
    if (ext->unknown_critical.len)
        return err_set(e, ERR_REFUSED,
                       "the request asks for a critical extension that is not known here");
    return check_usage(r, e);
}

static int read_csr(struct resolved *r, const struct issue_order *order, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;

    if (x509_csr_read(&r->csr, order->csr, e) || x509_csr_verify(&r->csr, &key, e) ||
        check_key(r, key, e))
        return -1;
    return check_extensions(r, e);
}

/* ---- what its subject says ---- */

static bool plain_text(const struct name_part *part)
{
    return part->first_of_rdn && (part->string_tag == DER_UTF8 ||
                                  part->string_tag == DER_PRINTABLE || part->string_tag == DER_IA5);
}

/* The common name: *cn is empty when there is none. */
static int find_cn(const struct resolved *r, struct slice *cn, struct err *e)
{
    struct name_iter it = name_iter(r->csr.subject);
    struct name_part part;

    *cn = slice_of(NULL, 0);
    while (name_next(&it, &part)) {
        if (part.attr != NAME_CN)
            continue;
        if (cn->len)
            return err_set(e, ERR_REFUSED, "the request's subject has two common names");
        if (!plain_text(&part))
            return err_set(e, ERR_REFUSED,
                           "the request's common name is an unusual kind of string");
        *cn = part.value;
    }
    return 0;
}

static bool name_holds(struct slice name, const struct name_part *wanted)
{
    struct name_iter it = name_iter(name);
    struct name_part part;

    while (name_next(&it, &part))
        if (part.attr == wanted->attr && slice_eq(part.value, wanted->value))
            return true;
    return false;
}

/* Whatever the request names must stand in the subject that the profile gives. */
static int compare_subject(const struct resolved *r, struct err *e)
{
    struct name_iter it = name_iter(r->csr.subject);
    struct slice ours = buf_slice(&r->subject);
    CLEANUP(buf_clear) struct buf theirs = { 0 };
    CLEANUP(buf_clear) struct buf given = { 0 };
    struct name_part part;

    while (name_next(&it, &part)) {
        if (plain_text(&part) && part.attr != NAME_OTHER && name_holds(ours, &part))
            continue;
        name_format(&theirs, r->csr.subject);
        name_format(&given, ours);
        return err_set(
            e, ERR_REFUSED, "the request's subject is '%s', profile '%s' gives '%s': %s differs",
            buf_str(&theirs), r->profile->name, buf_str(&given), name_attr_label(part.attr));
    }
    return it.bad ? err_set(e, ERR_INVALID, "the request's subject is broken") : 0;
}

/* ---- for which machine ---- */

static int machine_named(struct resolved *r, const struct cluster *c, struct slice name,
                         struct err *e)
{
    CLEANUP(freep) char *text = slice_dup(name);

    r->machine = cluster_machine(c, text);
    if (r->machine)
        return 0;
    return err_set(e, ERR_NOT_FOUND,
                   "the request is for machine '%.80s', and cluster '%s' has none of that name",
                   text, c->name);
}

static int machine_of_cn(struct resolved *r, const struct cluster *c, struct err *e)
{
    struct slice cn;

    if (find_cn(r, &cn, e))
        return -1;
    if (cn.len == 0)
        return 0;
    if (!slice_starts(cn, r->profile->cn))
        return err_set(e, ERR_REFUSED,
                       "the request's common name is '" SLICE_FMT
                       "', profile '%s' gives '%sMACHINE'",
                       (int)(cn.len > 80 ? 80 : cn.len), (const char *)cn.ptr, r->profile->name,
                       r->profile->cn);
    cn = slice_of(cn.ptr + strlen(r->profile->cn), cn.len - strlen(r->profile->cn));
    return machine_named(r, c, cn, e);
}

/* By a SAN that is a machine's name. */
static int machine_of_sans(struct resolved *r, const struct cluster *c, struct err *e)
{
    struct san_iter it = san_iter(&r->csr.ext);
    struct san san;

    while (san_next(&it, &san)) {
        CLEANUP(freep) char *text = san.type == SAN_DNS ? slice_dup(san.value) : NULL;
        const struct machine *found = text ? cluster_machine(c, text) : NULL;

        if (found && r->machine && found != r->machine)
            return err_set(e, ERR_REFUSED, "the request's SANs name machine '%s' and machine '%s'",
                           r->machine->name, found->name);
        if (found)
            r->machine = found;
    }
    return 0;
}

static int check_machine_role(const struct resolved *r, const struct cluster *c, struct err *e)
{
    unsigned roles =
        r->machine->roles | (machine_runs_etcd(c, r->machine) ? (unsigned)MACHINE_ETCD : 0);

    if (!r->profile->machines)
        return err_set(e, ERR_INVALID, "profile '%s' is of no machine", r->profile->name);
    if (roles & r->profile->machines)
        return 0;
    return err_set(e, ERR_REFUSED, "profile '%s' is for %s machines, and '%s' is none",
                   r->profile->name, r->profile->machines & MACHINE_ETCD ? "etcd" : "control-plane",
                   r->machine->name);
}

static int resolve_machine(struct resolved *r, const struct cluster *c,
                           const struct issue_order *order, struct err *e)
{
    bool by_name = r->profile->subject == SUBJECT_MACHINE;
    bool by_sans = r->profile->sans != SANS_NONE && r->profile->sans != SANS_SERVICE;

    r->machine = order->machine ? cluster_machine(c, order->machine) : NULL;
    if (order->machine && !r->machine)
        return err_set(e, ERR_NOT_FOUND, "cluster '%s' has no machine '%.80s'", c->name,
                       order->machine);
    if (!r->machine && by_name && machine_of_cn(r, c, e))
        return -1;
    if (!r->machine && by_sans && machine_of_sans(r, c, e))
        return -1;
    if (!r->machine && (by_name || by_sans))
        return err_set(e, ERR_INVALID,
                       "profile '%s' is for a machine: name it, or let the request's %s name it",
                       r->profile->name, by_name ? "common name" : "SANs");
    if (r->machine && check_machine_role(r, c, e))
        return -1;
    if (by_name)
        (void)snprintf(r->name, sizeof r->name, "%s", r->machine->name);
    return 0;
}

/* ---- for which person ---- */

static int check_user(const char *user, struct err *e)
{
    struct slice name = slice_str(user);

    if (fence_name_check(name, "user name", e))
        return -1;
    if (fence_reserved_name(name))
        return err_set(
            e, ERR_REFUSED,
            "user name '%.80s' is reserved: it is Kubernetes' own, as all that begins with "
            "system: or kubeadm:",
            user);
    return 0;
}

static int check_group(struct resolved *r, const char *group, bool privileged, struct err *e)
{
    struct slice name = slice_str(group);

    if (fence_name_check(name, "group name", e))
        return -1;
    if (fence_privileged_group(name)) {
        r->privileged = true;
        return privileged ? 0
                          : err_set(e, ERR_REFUSED,
                                    "group '%s' rules the cluster: only with --privileged", group);
    }
    if (fence_reserved_name(name))
        return err_set(
            e, ERR_REFUSED,
            "group '%.80s' is reserved: what begins with system: or kubeadm: comes from a profile "
            "alone",
            group);
    return 0;
}

static int add_group(struct resolved *r, const char *group, bool privileged, struct err *e)
{
    if (check_group(r, group, privileged, e))
        return -1;
    for (size_t i = 0; i < r->group_count; i++)
        if (strcmp(r->group[i], group) == 0)
            return err_set(e, ERR_INVALID, "group '%s' is given twice", group);
    if (r->group_count == ISSUE_MAX_GROUPS)
        return err_set(e, ERR_LIMIT, "more than %d groups", ISSUE_MAX_GROUPS);
    r->group[r->group_count++] = group;
    return 0;
}

static int groups_of_csr(struct resolved *r, bool privileged, struct err *e)
{
    struct name_iter it = name_iter(r->csr.subject);
    struct name_part part;

    while (name_next(&it, &part)) {
        if (part.attr != NAME_O)
            continue;
        if (!plain_text(&part) || slice_has_nul(part.value))
            return err_set(e, ERR_REFUSED,
                           "an organization of the request is an unusual kind of string");
        if (r->owned_count == ISSUE_MAX_GROUPS)
            return err_set(e, ERR_LIMIT, "more than %d groups", ISSUE_MAX_GROUPS);
        r->owned[r->owned_count++] = slice_dup(part.value);
        if (add_group(r, r->owned[r->owned_count - 1], privileged, e))
            return -1;
    }
    return 0;
}

static int resolve_user(struct resolved *r, const struct issue_order *order, struct err *e)
{
    struct slice cn = slice_str(order->user);

    if (!order->user && find_cn(r, &cn, e))
        return -1;
    if (cn.len == 0)
        return err_set(e, ERR_INVALID, "profile '%s' is for a person: name the user",
                       r->profile->name);
    if (cn.len >= sizeof r->name || slice_has_nul(cn))
        return err_set(e, ERR_INVALID, "user name is %zu bytes long: a certificate holds 64",
                       cn.len);
    (void)snprintf(r->name, sizeof r->name, SLICE_FMT, SLICE_ARG(cn));
    if (check_user(r->name, e))
        return -1;
    for (size_t i = 0; i < order->group_count; i++)
        if (add_group(r, order->groups[i], order->privileged, e))
            return -1;
    return order->groups_from_csr ? groups_of_csr(r, order->privileged, e) : 0;
}

/* ---- SANs ---- */

static int refuse_san(const struct resolved *r, const struct san *san, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    san_format(&text, san);
    return err_set(e, ERR_REFUSED, "the request names %.300s, which profile '%s' does not give%s%s",
                   buf_str(&text), r->profile->name, r->machine ? " to machine " : "",
                   r->machine ? r->machine->name : "");
}

/* Those it names, if it names any, in the profile's order. */
static int select_sans(struct resolved *r, struct err *e)
{
    struct san_iter it = san_iter(&r->csr.ext);
    bool wanted[X509_MAX_SANS] = { false };
    struct san san;

    while (san_next(&it, &san)) {
        size_t i = 0;

        while (i < r->allowed.count && (r->allowed.san[i].type != san.type ||
                                        !slice_eq(r->allowed.san[i].value, san.value)))
            i++;
        if (i == r->allowed.count)
            return refuse_san(r, &san, e);
        wanted[i] = true;
    }
    for (size_t i = 0; i < r->allowed.count; i++)
        if (r->csr.ext.san_count == 0 || wanted[i])
            r->sans[r->san_count++] = r->allowed.san[i];
    return 0;
}

static int want_peer_name(const struct resolved *r, const struct cluster *c, struct err *e)
{
    char peer[128];

    cluster_peer_name(c, peer);
    for (size_t i = 0; i < r->san_count; i++)
        if (r->sans[i].type == SAN_DNS && slice_eq_str(r->sans[i].value, peer))
            return 0;
    return err_set(e, ERR_REFUSED,
                   "the request's SANs lack '%s', by which etcd members know each other", peer);
}

/* NAME.NAMESPACE.svc or NAME.NAMESPACE.svc.DOMAIN; *service gets NAME.NAMESPACE. */
static int parse_service(struct slice name, const char *domain, struct slice *service,
                         struct err *e)
{
    struct slice rest = name, label, space, svc;
    bool longer;

    if (!slice_cut(&rest, '.', &label) || !slice_cut(&rest, '.', &space))
        return err_set(e, ERR_REFUSED, "not NAME.NAMESPACE.svc");
    longer = slice_cut(&rest, '.', &svc);
    if (!slice_eq_str(longer ? svc : rest, "svc") || (longer && !slice_eq_str(rest, domain)))
        return err_set(e, ERR_REFUSED, "not NAME.NAMESPACE.svc or NAME.NAMESPACE.svc.%s", domain);
    if (label_check(label, "service", e) || label_check(space, "namespace", e))
        return -1;
    *service = slice_of(name.ptr, label.len + 1 + space.len);
    if (slice_eq_str(*service, "kubernetes.default"))
        return err_set(e, ERR_REFUSED, "that is the API server's own service");
    return 0;
}

static int resolve_service(struct resolved *r, const struct cluster *c, struct err *e)
{
    struct san_iter it = san_iter(&r->csr.ext);
    struct slice first = { 0 }, service;
    struct san san;

    r->name[0] = '\0';
    while (san_next(&it, &san)) {
        if (san.type != SAN_DNS)
            return refuse_san(r, &san, e);
        if (parse_service(san.value, c->dns_domain, &service, e))
            return err_wrap(e, "SAN '" SLICE_FMT "'",
                            (int)(san.value.len > 80 ? 80 : san.value.len),
                            (const char *)san.value.ptr);
        if (first.len && !slice_eq(first, service))
            return err_set(e, ERR_REFUSED,
                           "the request's SANs are of two services: one certificate each");
        first = service;
        if (!r->name[0] && san.value.len <= 64) /* a common name holds 64 */
            (void)snprintf(r->name, sizeof r->name, SLICE_FMT, SLICE_ARG(san.value));
        r->sans[r->san_count++] = san;
    }
    if (!first.len)
        return err_set(e, ERR_INVALID,
                       "profile '%s': the request's SANs name the service: NAME.NAMESPACE.svc",
                       r->profile->name);
    if (!r->name[0])
        return err_set(e, ERR_INVALID, "no name of the service fits a common name, 64 characters");
    return 0;
}

static int resolve_sans(struct resolved *r, const struct cluster *c, struct err *e)
{
    if (r->profile->sans == SANS_SERVICE)
        return 0; /* resolve_service took them */
    if (profile_sans(&r->allowed, r->profile, c, r->machine, e) || select_sans(r, e))
        return -1;
    return r->profile->sans == SANS_PEER ? want_peer_name(r, c, e) : 0;
}

/* ---- all of it ---- */

static int resolve_who(struct resolved *r, const struct cluster *c, const struct issue_order *order,
                       struct err *e)
{
    if (r->profile->subject != SUBJECT_USER && (order->user || order->group_count))
        return err_set(e, ERR_INVALID, "profile '%s' is of no person: no user, no groups",
                       r->profile->name);
    if (resolve_machine(r, c, order, e))
        return -1;
    if (r->profile->subject == SUBJECT_USER)
        return resolve_user(r, order, e);
    return r->profile->subject == SUBJECT_SERVICE ? resolve_service(r, c, e) : 0;
}

/* Profiles whose group rules the cluster: an export writes them where they belong, all others ask
 * in so many words. */
static int check_privileged(struct resolved *r, const struct issue_order *order, struct err *e)
{
    if (!profile_is_privileged(r->profile))
        return 0;
    r->privileged = true;
    if (order->privileged || order->slot)
        return 0;
    return err_set(e, ERR_REFUSED,
                   "profile '%s' is of group %s, which rules the cluster: only with --privileged",
                   r->profile->name, r->profile->org);
}

int order_resolve(struct resolved *r, const struct cluster *c, const struct issue_order *order,
                  struct err *e)
{
    struct profile_holder holder = { .name = r->name, .groups = r->group };

    resolved_clear(r);
    r->privileged = false;
    r->machine = NULL;
    r->name[0] = '\0';
    if (read_csr(r, order, e) || check_privileged(r, order, e) || resolve_who(r, c, order, e) ||
        resolve_sans(r, c, e))
        return -1;
    holder.group_count = r->group_count;
    if (profile_subject(&r->subject, r->profile, c, &holder, e))
        return -1;
    return compare_subject(r, e);
}
