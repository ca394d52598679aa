#ifndef UNIT_EXPECT_H
#define UNIT_EXPECT_H

#include "base/err.h"
#include "unit.h"

/* A call of that label, which returned rc, ended with that code, and its message says so (NULL:
 * any). */
static inline void expect(const char *label, int rc, const struct err *e, enum err_code want,
                          const char *says)
{
    if (e->code != want || (rc == 0) != (want == ERR_NONE))
        fail_msg("%s: %s", label, rc ? err_text(e) : "accepted");
    if (says && !strstr(e->msg, says))
        fail_msg("%s: the message is '%s', without '%s'", label, e->msg, says);
}

#endif
