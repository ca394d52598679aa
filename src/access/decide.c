#include "access/decide.h"
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void principal_name_user(struct principal *p, unsigned uid)
{
    char text[4096];
    struct passwd entry, *found = NULL;

    if (uid == 0) /* saves the look-up, which may ask the network */
        (void)snprintf(p->name, sizeof p->name, "local:root");
    else if (getpwuid_r(uid, &entry, text, sizeof text, &found) == 0 && found)
        (void)snprintf(p->name, sizeof p->name, "local:%.80s", entry.pw_name);
    else
        (void)snprintf(p->name, sizeof p->name, "local:%u", uid);
}

void principal_local(struct principal *p)
{
    *p = (struct principal){ .kind = PRINCIPAL_LOCAL, .via = "cli" };
    /* the real user: the effective one may be the directory's owner, for a while */
    principal_name_user(p, getuid());
    (void)principal_add(p, ROLE_OWNER, "/");
}

void principal_anonymous(struct principal *p, const char *via)
{
    *p = (struct principal){ .via = via };
    (void)snprintf(p->name, sizeof p->name, "anonymous");
}

bool principal_add(struct principal *p, enum role role, const char *scope)
{
    struct grant *g = &p->grant[p->grant_count];

    if (p->grant_count == PRINCIPAL_GRANTS || strlen(scope) >= sizeof g->scope)
        return false;
    for (size_t i = 0; i < p->grant_count; i++)
        if (p->grant[i].role == role && strcmp(p->grant[i].scope, scope) == 0)
            return false;
    g->role = role;
    (void)snprintf(g->scope, sizeof g->scope, "%s", scope);
    p->grant_count++;
    return true;
}

const struct grant *access_find(const struct principal *p, enum right right, const char *scope)
{
    if (right <= RIGHT_NONE || right >= RIGHTS || p->kind == PRINCIPAL_ANONYMOUS)
        return NULL;
    for (size_t i = 0; i < p->grant_count; i++)
        if (role_rights(p->grant[i].role) & 1U << right && scope_covers(p->grant[i].scope, scope))
            return &p->grant[i];
    return NULL;
}

int access_decide(const struct principal *p, enum right right, const char *scope, struct err *e)
{
    if (right == RIGHT_ANY)
        return 0;
    if (p->kind == PRINCIPAL_ANONYMOUS && p->refused[0])
        return err_set(e, ERR_ANONYMOUS,
                       "%s: log in again with 'poterne login'; a machine joins "
                       "again with 'poterne node add'",
                       p->refused);
    if (p->kind == PRINCIPAL_ANONYMOUS)
        return err_set(e, ERR_ANONYMOUS,
                       "it is not known who asks: log in with 'poterne login', or ask on the "
                       "machine itself");
    if (right == RIGHT_SELF || access_find(p, right, scope))
        return 0;
    return err_set(e, ERR_REFUSED, "'%s' has not the right '%s' in '%s'", p->name,
                   right_name(right), scope);
}
