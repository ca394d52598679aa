#ifndef NET_LIBEVENT_H
#define NET_LIBEVENT_H

#include "base/err.h"
#include <event2/event.h>
#include <event2/event_struct.h>

/*
 * libevent's core, loaded on first use, as net/libssl.h says. Only net/loop uses it.
 */
#define LIBEVENT_FUNCTIONS(X)                                                                      \
    X(event_active)                                                                                \
    X(event_add)                                                                                   \
    X(event_assign)                                                                                \
    X(event_base_free)                                                                             \
    X(event_base_loop)                                                                             \
    X(event_base_loopbreak)                                                                        \
    X(event_base_new_with_config)                                                                  \
    X(event_config_free)                                                                           \
    X(event_config_new)                                                                            \
    X(event_config_set_flag)                                                                       \
    X(event_del)

struct libevent {
#define LIBEVENT_MEMBER(name) __typeof__(&name) name;
    LIBEVENT_FUNCTIONS(LIBEVENT_MEMBER)
#undef LIBEVENT_MEMBER
};

/* ERR_INTERNAL: it is not installed, or not the version that we were built with. */
int libevent_load(const struct libevent **ret, struct err *e) MUST_CHECK;

#endif
