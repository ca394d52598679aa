#include "pki/cluster_spec.h"

#include "base/alloc.h"
#include "pki/address.h"

/* ---- roles of authorities ---- */

static const char *const role_names[AUTHORITY_ALL] = {
    [AUTHORITY_ETCD] = "etcd",
    [AUTHORITY_CONTROL_PLANE] = "control-plane",
    [AUTHORITY_OPERATORS] = "operators",
    [AUTHORITY_KUBELET] = "kubelet",
    [AUTHORITY_AGGREGATION] = "aggregation",
    [AUTHORITY_POTERNE_SERVER] = "poterne-server",
    [AUTHORITY_POTERNE_CLIENT] = "poterne-client",
};

const char *authority_role_name(enum authority_role role)
{
    return role_names[role];
}

int authority_role_parse(enum authority_role *role, const char *name, struct err *e)
{
    for (int i = 0; i < AUTHORITY_ROLES; i++) {
        if (strcmp(name, role_names[i]) == 0) {
            *role = (enum authority_role)i;
            return 0;
        }
    }
    return err_set(
        e, ERR_NOT_FOUND,
        "there is no authority '%.60s': etcd, control-plane, operators, kubelet or aggregation",
        name);
}

/* ---- the cluster ---- */

void cluster_clear(struct cluster *c)
{
    for (size_t i = 0; i < c->san_count; i++)
        free(c->san[i]);
    for (size_t i = 0; i < c->machine_count; i++)
        machine_clear(&c->machine[i]);
    free(c->machine);
    *c = (struct cluster){ 0 };
}

void cluster_scope(const struct cluster *c, char scope[64])
{
    if (c->installation)
        (void)snprintf(scope, 64, "/");
    else
        (void)snprintf(scope, 64, SCOPE_TENANT "/%s", c->uid);
}

const struct machine *cluster_machine(const struct cluster *c, const char *name)
{
    for (size_t i = 0; i < c->machine_count; i++)
        if (strcmp(c->machine[i].name, name) == 0)
            return &c->machine[i];
    return NULL;
}

bool machine_runs_etcd(const struct cluster *c, const struct machine *m)
{
    if (m->roles & MACHINE_ETCD)
        return true;
    for (size_t i = 0; i < c->machine_count; i++)
        if (c->machine[i].roles & MACHINE_ETCD)
            return false;
    return (m->roles & MACHINE_CONTROL_PLANE) != 0;
}

int cluster_service_ip(const char *cidr, unsigned n, char out[64], struct err *e)
{
    struct cidr network;
    struct address a;

    if (cidr_parse(&network, cidr, "service CIDR", e) || cidr_nth(&network, n, &a, e))
        return -1;
    address_format(&a, out);
    return 0;
}

void cluster_peer_name(const struct cluster *c, char out[128])
{
    (void)snprintf(out, 128, "peer.%s.etcd.poterne.internal", c->name);
}

/* ---- what differs ---- */

static bool same_texts(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

bool machine_same(const struct machine *a, const struct machine *b)
{
    return a->roles == b->roles &&
           same_texts(a->address, a->address_count, b->address, b->address_count) &&
           same_texts(a->dns, a->dns_count, b->dns, b->dns_count);
}

static void diff_fields(struct buf *out, const struct cluster *have, const struct cluster *want)
{
    for (size_t i = 0; i < spec_field_count; i++) {
        CLEANUP(buf_clear) struct buf had = { 0 };
        CLEANUP(buf_clear) struct buf asked = { 0 };

        spec_fields[i].format(have, &had);
        spec_fields[i].format(want, &asked);
        if (!slice_eq(buf_slice(&had), buf_slice(&asked)))
            buf_addf(out, "%s: %s, asked for %s\n", spec_fields[i].name,
                     had.len ? buf_str(&had) : "none", asked.len ? buf_str(&asked) : "none");
    }
}

static bool has_san(const struct cluster *c, const char *san)
{
    for (size_t i = 0; i < c->san_count; i++)
        if (strcmp(c->san[i], san) == 0)
            return true;
    return false;
}

/* As sets: their order means nothing. */
static void diff_sans(struct buf *out, const struct cluster *have, const struct cluster *want)
{
    for (size_t i = 0; i < have->san_count; i++)
        if (!has_san(want, have->san[i]))
            buf_addf(out, "san %s: there, not asked for\n", have->san[i]);
    for (size_t i = 0; i < want->san_count; i++)
        if (!has_san(have, want->san[i]))
            buf_addf(out, "san %s: not there, asked for\n", want->san[i]);
}

static int machine_cmp(const void *a, const void *b)
{
    const struct machine *const *left = a, *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

/* By name; the caller frees. */
static const struct machine **sorted_machines(const struct cluster *c)
{
    const struct machine **list = xcalloc(c->machine_count + 1, sizeof *list);

    for (size_t i = 0; i < c->machine_count; i++)
        list[i] = &c->machine[i];
    qsort(list, c->machine_count, sizeof *list, machine_cmp);
    return list;
}

static void diff_machine(struct buf *out, const struct machine *had, const struct machine *asked)
{
    if (had && asked && machine_same(had, asked))
        return;
    buf_addf(out, "machine %s: ", had ? had->name : asked->name);
    if (had)
        machine_format(out, had);
    else
        buf_add_str(out, "not there");
    buf_add_str(out, asked ? ", asked for " : ", not asked for");
    if (asked)
        machine_format(out, asked);
    buf_add_byte(out, '\n');
}

static void diff_machines(struct buf *out, const struct cluster *have, const struct cluster *want)
{
    const struct machine **had = sorted_machines(have), **asked = sorted_machines(want);
    size_t i = 0, k = 0;

    while (i < have->machine_count || k < want->machine_count) {
        int order = i == have->machine_count   ? 1
                    : k == want->machine_count ? -1
                                               : strcmp(had[i]->name, asked[k]->name);

        diff_machine(out, order <= 0 ? had[i] : NULL, order >= 0 ? asked[k] : NULL);
        i += order <= 0;
        k += order >= 0;
    }
    free(had);
    free(asked);
}

void cluster_diff(struct buf *out, const struct cluster *have, const struct cluster *want)
{
    if (strcmp(have->adopted, want->adopted) != 0)
        buf_addf(out, "adopted: %s, asked for %s\n", have->adopted[0] ? have->adopted : "no",
                 want->adopted[0] ? want->adopted : "no");
    diff_fields(out, have, want);
    diff_sans(out, have, want);
    diff_machines(out, have, want);
}
