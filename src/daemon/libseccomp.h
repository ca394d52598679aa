#ifndef DAEMON_LIBSECCOMP_H
#define DAEMON_LIBSECCOMP_H

#include "base/err.h"
#include <seccomp.h>

/* libseccomp, loaded on first use: only the daemon's processes need it. */
#define LIBSECCOMP_FUNCTIONS(X)                                                                    \
    X(seccomp_attr_set)                                                                            \
    X(seccomp_init)                                                                                \
    X(seccomp_load)                                                                                \
    X(seccomp_release)                                                                             \
    X(seccomp_rule_add_array)                                                                      \
    X(seccomp_syscall_resolve_name)

struct libseccomp {
#define LIBSECCOMP_MEMBER(name) __typeof__(&name) name;
    LIBSECCOMP_FUNCTIONS(LIBSECCOMP_MEMBER)
#undef LIBSECCOMP_MEMBER
};

/* ERR_INTERNAL: it is not installed, or not the version that we were built with. */
int libseccomp_load(const struct libseccomp **ret, struct err *e) MUST_CHECK;

#endif
