#include "net/libevent.h"
#include "base/cleanup.h"
#include "base/library.h"

static const char *const names[] = {
#define LIBEVENT_NAME(name) #name,
    LIBEVENT_FUNCTIONS(LIBEVENT_NAME)
#undef LIBEVENT_NAME
};

static struct libevent loaded;
static struct library library = { .file = "libevent_core-2.1.so.7",
                                  .package = "libevent-core-2.1-7",
                                  .names = names,
                                  .count = ARRAY_LEN(names),
                                  .functions = &loaded };

_Static_assert(sizeof loaded == sizeof(void *) * ARRAY_LEN(names), "pointers and nothing else");

int libevent_load(const struct libevent **ret, struct err *e)
{
    if (library_need(&library, e))
        return -1;
    *ret = &loaded;
    return 0;
}
