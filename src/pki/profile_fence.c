#include "pki/profile.h"

#include "keeper/fence.h"

#include "base/clock.h"
#include "pki/authority.h"
#include "pki/cluster_spec.h"
#include "pki/installation_internal.h"

/* Most signatures an authority's key makes in an hour: every machine of the largest cluster renews
 * all it has, several times over. */
enum { RATE = 100000 };

static void put_eku(struct json_writer *w, unsigned eku)
{
    json_put_array(w, "eku");
    if (eku & EKU_CLIENT)
        json_put_text(w, NULL, "client");
    if (eku & EKU_SERVER)
        json_put_text(w, NULL, "server");
    json_put_end(w);
}

/* What the subject carries besides O and CN. */
static void put_subject(struct json_writer *w, const struct cluster *c)
{
    json_put_array(w, "subject");
    for (size_t i = 0; i < c->subject_count; i++) {
        if (subject_rank(c->subject[i].attr) == RANK_O)
            continue;
        json_put_array(w, NULL);
        json_put_text(w, NULL, c->subject[i].attr);
        json_put_text(w, NULL, c->subject[i].value);
        json_put_end(w);
    }
    json_put_end(w);
}

static void put_san(struct json_writer *w, enum profile_sans sans)
{
    json_put_array(w, "san");
    if (sans != SANS_NONE)
        json_put_text(w, NULL, "dns");
    if (sans != SANS_NONE && sans != SANS_SERVICE)
        json_put_text(w, NULL, "ip");
    json_put_end(w);
}

static void put_groups(struct json_writer *w, const struct profile *profile, bool privileged)
{
    json_put_array(w, "o");
    if (profile->org)
        json_put_text(w, NULL, profile->org);
    else if (profile->subject == SUBJECT_USER)
        json_put_text(w, NULL, privileged ? "!*" : "*");
    json_put_end(w);
}

/* A duration may be longer than what a certificate, or a fence, can name. */
static int64_t within_time(int64_t ttl)
{
    return ttl > TIME_MAX ? TIME_MAX : ttl;
}

int64_t profile_max_ttl(const struct profile *profile, const struct cluster *c)
{
    if (profile->max_ttl)
        return profile->max_ttl;
    return within_time(profile->role == AUTHORITY_OPERATORS ? c->operator_max_ttl
                                                            : c->authority_ttl);
}

bool profile_is_privileged(const struct profile *profile)
{
    return profile->org && fence_privileged_group(slice_str(profile->org));
}

static void put_form(struct json_writer *w, const struct profile *profile, const struct cluster *c,
                     bool privileged)
{
    char cn[96], peer[128];

    (void)snprintf(cn, sizeof cn, "%s%s", profile->cn,
                   profile->subject == SUBJECT_FIXED ? "" : "*");
    cluster_peer_name(c, peer);
    json_put_object(w, NULL);
    json_put_text(w, "profile", profile->name);
    put_eku(w, profile->eku);
    json_put_text(w, "cn", cn);
    put_groups(w, profile, privileged);
    put_san(w, profile->sans);
    if (profile->sans == SANS_PEER)
        json_put_text(w, "san_required", peer);
    json_put_int(w, "max_ttl", profile_max_ttl(profile, c));
    if (privileged || profile_is_privileged(profile))
        json_put_bool(w, "privileged", true);
    json_put_end(w);
}

unsigned authority_eku(unsigned roles)
{
    unsigned eku = 0;

    if (roles & 1U << AUTHORITY_POTERNE_SERVER)
        eku |= EKU_SERVER;
    if (roles & 1U << AUTHORITY_POTERNE_CLIENT)
        eku |= EKU_CLIENT;
    for (size_t i = 0; i < profile_count; i++)
        if (roles & 1U << profiles[i].role)
            eku |= profiles[i].eku;
    return eku;
}

void authority_roles_text(struct buf *out, unsigned roles)
{
    const char *separator = "";

    for (int role = 0; role < AUTHORITY_ALL; role++) {
        if (!(roles & 1U << role))
            continue;
        buf_addf(out, "%s%s", separator, authority_role_name((enum authority_role)role));
        separator = "+";
    }
}

/*
 * k3s has one CA for servers and one for clients (pki/adopt_layout.c): of a role's leaves the one
 * it plays here can make but a half, and the other half would be believed by nobody.
 */
static bool may_issue(const struct cluster *c, const struct profile *profile)
{
    if (strcmp(c->adopted, "k3s") != 0)
        return true;
    switch (profile->role) {
    case AUTHORITY_CONTROL_PLANE:
        return profile->eku == EKU_SERVER;
    case AUTHORITY_OPERATORS:
    case AUTHORITY_KUBELET:
        return profile->eku == EKU_CLIENT;
    case AUTHORITY_ETCD: /* peers have a CA of their own */
        return profile->sans != SANS_PEER;
    default:
        return true;
    }
}

int profile_fence(struct buf *json, const struct cluster *cluster, unsigned roles, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    unsigned eku = 0;
    struct json_writer w;
    char peer[128];

    if (cluster->installation)
        return installation_fence(json, cluster, roles, e);
    authority_roles_text(&text, roles);
    cluster_peer_name(cluster, peer);
    json_writer_init(&w, json, false);
    json_put_object(&w, NULL);
    json_put_int(&w, "v", 1);
    json_put_text(&w, "cluster", cluster->uid);
    json_put_text(&w, "role", buf_str(&text));
    for (size_t i = 0; i < profile_count; i++)
        if (roles & 1U << profiles[i].role && may_issue(cluster, &profiles[i]))
            eku |= profiles[i].eku;
    put_eku(&w, eku);
    put_subject(&w, cluster);
    if (roles & 1U << AUTHORITY_ETCD)
        json_put_text(&w, "reserved_san", peer);
    json_put_int(&w, "max_ttl", within_time(cluster->authority_ttl));
    json_put_int(&w, "rate", RATE);
    json_put_array(&w, "forms");
    for (size_t i = 0; i < profile_count; i++) {
        if (!(roles & 1U << profiles[i].role) || !may_issue(cluster, &profiles[i]))
            continue;
        put_form(&w, &profiles[i], cluster, false);
        if (profiles[i].subject == SUBJECT_USER)
            put_form(&w, &profiles[i], cluster, true);
    }
    json_put_end(&w);
    json_put_end(&w);
    return buf_check(json, e);
}
