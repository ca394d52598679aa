#include "access/role.h"

#include <string.h>

#define RIGHT(name) (1U << RIGHT_##name)

static const char *const right_names[RIGHTS] = {
    [RIGHT_NONE] = "none",   [RIGHT_READ] = "read",     [RIGHT_AUDIT] = "audit",
    [RIGHT_ISSUE] = "issue", [RIGHT_MANAGE] = "manage", [RIGHT_GRANT] = "grant",
    [RIGHT_OWN] = "own",     [RIGHT_NODE] = "node",     [RIGHT_SELF] = "self",
    [RIGHT_ANY] = "any",
};

/* clang-format off */
static const struct {
    const char *name;
    unsigned rights;
    bool given;
    const char *help;
} roles[ROLES] = {
    [ROLE_OWNER]    = { "owner",    RIGHT(READ) | RIGHT(AUDIT) | RIGHT(ISSUE) | RIGHT(MANAGE) | RIGHT(GRANT) | RIGHT(OWN), true,
                        "everything, and who else may do what" },
    [ROLE_OPERATOR] = { "operator", RIGHT(READ) | RIGHT(ISSUE) | RIGHT(MANAGE), true,
                        "daily work: certificates, machines, clusters" },
    [ROLE_AUDITOR]  = { "auditor",  RIGHT(READ) | RIGHT(AUDIT), true,
                        "sees all, the audit trail too, and changes nothing" },
    [ROLE_NODE]     = { "node",     RIGHT(NODE), false,
                        "a machine's agent, for its own machine; comes with its certificate" },
};
/* clang-format on */

const char *right_name(enum right right)
{
    return (unsigned)right < RIGHTS ? right_names[right] : "unknown";
}

int right_parse(enum right *right, const char *name, struct err *e)
{
    for (int i = RIGHT_READ; i < RIGHT_SELF; i++) {
        if (strcmp(right_names[i], name) == 0) {
            *right = (enum right)i;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID,
                   "there is no right '%.40s': read, audit, issue, manage, grant, own, node", name);
}

const char *role_name(enum role role)
{
    return (unsigned)role < ROLES ? roles[role].name : "unknown";
}

const char *role_help(enum role role)
{
    return roles[role].help;
}

unsigned role_rights(enum role role)
{
    return (unsigned)role < ROLES ? roles[role].rights : 0;
}

int role_parse(enum role *role, const char *name, struct err *e)
{
    for (int i = 0; i < ROLES; i++) {
        if (strcmp(roles[i].name, name) == 0) {
            *role = (enum role)i;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "there is no role '%.40s': owner, operator, auditor, node",
                   name);
}

bool role_is_given(enum role role)
{
    return (unsigned)role < ROLES && roles[role].given;
}

bool scope_covers(const char *have, const char *want)
{
    size_t len = strlen(have);

    if (have[0] != '/' || want[0] != '/')
        return false;
    if (len == 1)
        return true;
    return strncmp(have, want, len) == 0 && (want[len] == '\0' || want[len] == '/');
}
