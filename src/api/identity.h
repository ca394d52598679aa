#ifndef API_IDENTITY_H
#define API_IDENTITY_H

#include "base/err.h"
#include <stdbool.h>
#include <sys/types.h>

/* Root works on the directory of another user as that user, so that no file in it becomes root's.
 */
struct identity {
    uid_t uid;
    gid_t gid;
    bool changed;
};
/* The owner of `state` becomes the effective user, until identity_leave; nothing happens when we
 * are not root, or it is root's, or there is none. */
int identity_enter(struct identity *id, const char *state, struct err *e) MUST_CHECK;
void identity_leave(struct identity *id);

#endif
