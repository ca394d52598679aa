#include "base/alloc.h"
#include "base/clock.h"
#include "pki/address.h"
#include "pki/cluster_spec.h"

/* ---- names that nobody may take ---- */

/* A certificate for one of these would let its holder stand in for the API server, or for an etcd
 * member (cluster_peer_name). */
static bool reserved_name(const struct cluster *c, const char *name)
{
    static const char *const fixed[] = { "localhost", "kubernetes", "kubernetes.default",
                                         "kubernetes.default.svc" };
    struct slice text = slice_str(name);

    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (strcmp(name, fixed[i]) == 0)
            return true;
    if (slice_starts(text, "kubernetes.default.svc.") &&
        strcmp(name + strlen("kubernetes.default.svc."), c->dns_domain) == 0)
        return true;
    return strcmp(name, "poterne.internal") == 0 || slice_ends(text, ".poterne.internal");
}

static int check_reserved(const struct cluster *c, struct err *e)
{
    for (size_t i = 0; i < c->machine_count; i++) {
        const struct machine *m = &c->machine[i];

        if (reserved_name(c, m->name))
            return err_set(e, ERR_INVALID, "machine name '%s' is reserved: choose another",
                           m->name);
        for (size_t k = 0; k < m->dns_count; k++)
            if (reserved_name(c, m->dns[k]))
                return err_set(e, ERR_INVALID, "machine '%s': the name '%s' is reserved", m->name,
                               m->dns[k]);
    }
    for (size_t i = 0; i < c->san_count; i++)
        if (slice_ends(slice_str(c->san[i]), "poterne.internal"))
            return err_set(e, ERR_INVALID, "SAN '%s': names under poterne.internal are reserved",
                           c->san[i]);
    if (slice_ends(slice_str(c->endpoint_host), "poterne.internal"))
        return err_set(e, ERR_INVALID, "endpoint '%s': names under poterne.internal are reserved",
                       c->endpoint_host);
    return 0;
}

/* ---- one owner for each name and address ---- */

struct claim {
    const char *text;
    const struct machine *machine;
};

static int claim_cmp(const void *a, const void *b)
{
    return strcmp(((const struct claim *)a)->text, ((const struct claim *)b)->text);
}

static int find_rivals(struct claim *claims, size_t count, struct err *e)
{
    qsort(claims, count, sizeof *claims, claim_cmp);
    for (size_t i = 1; i < count; i++)
        if (strcmp(claims[i - 1].text, claims[i].text) == 0)
            return err_set(e, ERR_INVALID, "'%s' is given to machine '%s' and to machine '%s'",
                           claims[i].text, claims[i - 1].machine->name, claims[i].machine->name);
    return 0;
}

static int check_claims(const struct cluster *c, struct err *e)
{
    CLEANUP(freep) char *memory = NULL;
    struct claim *claims;
    size_t count = 0;

    for (size_t i = 0; i < c->machine_count; i++)
        count += 1 + c->machine[i].address_count + c->machine[i].dns_count;
    claims = xcalloc(count + 1, sizeof *claims);
    memory = (char *)claims;
    count = 0;
    for (size_t i = 0; i < c->machine_count; i++) {
        const struct machine *m = &c->machine[i];

        claims[count++] = (struct claim){ m->name, m };
        for (size_t k = 0; k < m->address_count; k++)
            claims[count++] = (struct claim){ m->address[k], m };
        for (size_t k = 0; k < m->dns_count; k++)
            claims[count++] = (struct claim){ m->dns[k], m };
    }
    return find_rivals(claims, count, e);
}

/* ---- what works, and is seldom meant ---- */

/* 10.96.0.0/12, the usual service network, reaches to 10.111.255.255: machines do stand in it. */
static void warn_inside(const struct cluster *c, const char *address, struct buf *warnings)
{
    struct address a;
    struct cidr cidr;

    if (!address_looks(address) || address_parse(&a, address, "address", NULL))
        return;
    for (size_t i = 0; i < 2 && c->service_cidr[i][0]; i++)
        if (!cidr_parse(&cidr, c->service_cidr[i], "service CIDR", NULL) && cidr_holds(&cidr, &a))
            buf_addf(warnings,
                     "address %s lies within the service CIDR %s: a service that gets it hides the "
                     "machine from pods; choose another --service-cidr\n",
                     address, c->service_cidr[i]);
}

static void warn_times(const struct cluster *c, struct buf *warnings)
{
    CLEANUP(buf_clear) struct buf leaf = { 0 };
    CLEANUP(buf_clear) struct buf authority = { 0 };

    if (c->leaf_ttl <= c->authority_ttl)
        return;
    duration_format(&leaf, c->leaf_ttl);
    duration_format(&authority, c->authority_ttl);
    buf_addf(warnings,
             "leaf TTL %s is longer than the authority TTL %s: leaves end with their authority\n",
             buf_str(&leaf), buf_str(&authority));
}

static void warn(const struct cluster *c, struct buf *warnings)
{
    size_t members = 0;

    for (size_t i = 0; i < c->machine_count; i++) {
        members += machine_runs_etcd(c, &c->machine[i]);
        for (size_t k = 0; k < c->machine[i].address_count; k++)
            warn_inside(c, c->machine[i].address[k], warnings);
    }
    if (members % 2 == 0 && members > 0)
        buf_addf(
            warnings,
            "%zu etcd members survive no more failures than %zu would: an odd number is better\n",
            members, members - 1);
    warn_times(c, warnings);
}

int cluster_check(struct cluster *c, struct buf *warnings, struct err *e)
{
    size_t control_plane = 0;

    for (size_t i = 0; i < c->machine_count; i++)
        control_plane += (c->machine[i].roles & MACHINE_CONTROL_PLANE) != 0;
    if (control_plane == 0)
        return err_set(e, ERR_INVALID,
                       "a cluster has at least one control-plane machine: --control-plane "
                       "MACHINE=ADDRESS");
    if (!c->service_account_issuer[0])
        (void)snprintf(c->service_account_issuer, sizeof c->service_account_issuer,
                       "https://kubernetes.default.svc.%s", c->dns_domain);
    if (check_reserved(c, e) || check_claims(c, e))
        return -1;
    warn(c, warnings);
    return 0;
}
