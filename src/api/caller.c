#include "api/caller.h"

#include "base/alloc.h"
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

int caller_resolve(struct principal *who, const struct api_caller *caller,
                   const struct caller_rules *rules, struct pki *pki, struct err *e)
{
    (void)pki;
    (void)e;
    switch (caller->via) {
    case API_VIA_PROCESS:
        principal_local(who);
        break;
    case API_VIA_SOCKET:
        resolve_peer(who, caller, rules);
        break;
    case API_VIA_TLS:
        principal_anonymous(who, "tls");
        break;
    case API_VIA_NONE:
        principal_anonymous(who, "none");
        break;
    }
    (void)snprintf(who->address, sizeof who->address, "%s", caller->address ? caller->address : "");
    return 0;
}
