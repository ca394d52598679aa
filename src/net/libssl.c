#include "net/libssl.h"
#include "base/cleanup.h"
#include "base/library.h"

static const char *const names[] = {
#define LIBSSL_NAME(name) #name,
    LIBSSL_FUNCTIONS(LIBSSL_NAME)
#undef LIBSSL_NAME
};

static struct libssl loaded;
static struct library library = { .file = "libssl.so.3",
                                  .package = "libssl3",
                                  .names = names,
                                  .count = ARRAY_LEN(names),
                                  .functions = &loaded };

_Static_assert(sizeof loaded == sizeof(void *) * ARRAY_LEN(names), "pointers and nothing else");

int libssl_load(const struct libssl **ret, struct err *e)
{
    if (library_need(&library, e))
        return -1;
    *ret = &loaded;
    return 0;
}
