#include "access/decide.h"
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

static const char *const right_names[RIGHTS] = {
    [RIGHT_NONE] = "none",     [RIGHT_READ] = "read", [RIGHT_ISSUE] = "issue",
    [RIGHT_MANAGE] = "manage", [RIGHT_OWN] = "own",
};

const char *right_name(enum right right)
{
    return (unsigned)right < RIGHTS ? right_names[right] : "unknown";
}

void principal_local(struct principal *p)
{
    uid_t uid = getuid(); /* the effective one may be the directory's owner, for a while */
    char text[4096];
    struct passwd entry, *found = NULL;

    *p = (struct principal){ .via = "cli" };
    for (int right = RIGHT_READ; right < RIGHTS; right++)
        p->rights |= 1U << right;
    if (uid == 0) /* saves the look-up, which may ask the network */
        (void)snprintf(p->name, sizeof p->name, "local:root");
    else if (getpwuid_r(uid, &entry, text, sizeof text, &found) == 0 && found)
        (void)snprintf(p->name, sizeof p->name, "local:%.80s", entry.pw_name);
    else
        (void)snprintf(p->name, sizeof p->name, "local:%u", (unsigned)uid);
}

int access_decide(const struct principal *p, enum right right, struct err *e)
{
    if (right > RIGHT_NONE && right < RIGHTS && p->rights & 1U << right)
        return 0;
    return err_set(e, ERR_REFUSED, "'%s' has not the right '%s'", p->name, right_name(right));
}
