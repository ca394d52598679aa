#include "api/identity.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void identity_leave(struct identity *id)
{
    if (!id->changed)
        return;
    if (seteuid(id->uid) || setegid(id->gid))
        abort(); /* going on as somebody else would be worse */
    id->changed = false;
}

int identity_enter(struct identity *id, const char *state, struct err *e)
{
    struct stat st;

    *id = (struct identity){ geteuid(), getegid(), false };
    if (id->uid != 0 || stat(state, &st) || st.st_uid == 0)
        return 0;
    if (setegid(st.st_gid) || seteuid(st.st_uid)) {
        if (setegid(id->gid))
            abort();
        return err_errno(e, "become the owner of '%s'", state);
    }
    id->changed = true;
    return 0;
}
