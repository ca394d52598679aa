#include "api/caller.h"

#include "access/assignment.h"
#include "pki/installation.h"
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

enum { MAX_GROUPS = 256, NAMES = 16 << 10 };

void caller_rules_init(struct caller_rules *rules, const char *group)
{
    char text[NAMES];
    struct group entry, *found = NULL;

    *rules = (struct caller_rules){ 0 };
    if (getgrnam_r(group, &entry, text, sizeof text, &found) || !found)
        return;
    rules->group = entry.gr_gid;
    rules->has_group = true;
}

/* ---- the socket ---- */

static bool in_list(const gid_t *groups, size_t count, gid_t group)
{
    for (size_t i = 0; i < count; i++)
        if (groups[i] == group)
            return true;
    return false;
}

/* What the user database says, for a transport that has no list of groups. */
static bool in_database(const struct api_caller *caller, gid_t group)
{
    char text[4096];
    struct passwd entry, *found = NULL;
    gid_t groups[MAX_GROUPS];
    int count = MAX_GROUPS;

    if (getpwuid_r(caller->uid, &entry, text, sizeof text, &found) || !found ||
        getgrouplist(entry.pw_name, entry.pw_gid, groups, &count) < 0)
        return false;
    return in_list(groups, (size_t)count, group);
}

static bool is_owner(const struct api_caller *caller, const struct caller_rules *rules)
{
    if (caller->uid == 0 || caller->uid == geteuid())
        return true;
    if (!rules->has_group)
        return false;
    if (caller->gid == rules->group)
        return true;
    return caller->groups ? in_list(caller->groups, caller->group_count, rules->group)
                          : in_database(caller, rules->group);
}

static void resolve_peer(struct principal *who, const struct api_caller *caller,
                         const struct caller_rules *rules)
{
    *who = (struct principal){ .kind = PRINCIPAL_LOCAL, .via = "unix" };
    principal_name_user(who, caller->uid);
    if (is_owner(caller, rules))
        (void)principal_add(who, ROLE_OWNER, "/");
}

/* ---- a certificate ---- */

struct asking {
    struct principal *who;
    struct pki *pki;
    struct slice cert;
};

static int ask(struct store_tx *tx, void *ctx, struct err *e)
{
    struct asking *a = ctx;
    struct principal *who = a->who;
    char scope[ACCESS_SCOPE];
    struct holder h;

    if (installation_holder(tx, a->pki, a->cert, pki_now(a->pki), &h, e))
        return -1;
    who->kind = h.machine ? PRINCIPAL_MACHINE : PRINCIPAL_OPERATOR;
    (void)snprintf(who->name, sizeof who->name, "%s:%.80s", h.machine ? "machine" : "operator",
                   h.name);
    memcpy(who->uid, h.uid, sizeof who->uid);
    memcpy(who->certificate, h.certificate, sizeof who->certificate);
    if (!h.machine)
        return assignment_load(tx, who, e);
    (void)snprintf(scope, sizeof scope, SCOPE_TENANT "/%s/%s", h.cluster, h.uid);
    (void)principal_add(who, ROLE_NODE, scope);
    return 0;
}

/* One that does not count leaves its holder a nobody, who may still log in anew. */
static int resolve_cert(struct principal *who, const struct api_caller *caller, struct pki *pki,
                        struct err *e)
{
    struct asking a = { who, pki, caller->cert };
    struct err why = { 0 };

    principal_anonymous(who, "tls");
    if (caller->cert.len == 0 || !pki || !pki_installation(pki)[0])
        return 0;
    if (!store_read(pki_store(pki), ask, &a, &why))
        return 0;
    principal_anonymous(who, "tls");
    if (why.code != ERR_REFUSED && why.code != ERR_INVALID)
        return err_pass(e, &why);
    (void)snprintf(who->refused, sizeof who->refused, "%.120s", why.msg);
    return 0;
}

int caller_resolve(struct principal *who, const struct api_caller *caller,
                   const struct caller_rules *rules, struct pki *pki, struct err *e)
{
    switch (caller->via) {
    case API_VIA_PROCESS:
        principal_local(who);
        break;
    case API_VIA_SOCKET:
        resolve_peer(who, caller, rules);
        break;
    case API_VIA_TLS:
        if (resolve_cert(who, caller, pki, e))
            return -1;
        break;
    case API_VIA_NONE:
        principal_anonymous(who, "none");
        break;
    }
    (void)snprintf(who->address, sizeof who->address, "%s", caller->address ? caller->address : "");
    return 0;
}
