#include "daemon/libseccomp.h"
#include "base/cleanup.h"
#include "base/library.h"

static const char *const names[] = {
#define LIBSECCOMP_NAME(name) #name,
    LIBSECCOMP_FUNCTIONS(LIBSECCOMP_NAME)
#undef LIBSECCOMP_NAME
};

static struct libseccomp loaded;
static struct library library = { .file = "libseccomp.so.2",
                                  .package = "libseccomp2",
                                  .names = names,
                                  .count = ARRAY_LEN(names),
                                  .functions = &loaded };

_Static_assert(sizeof loaded == sizeof(void *) * ARRAY_LEN(names), "pointers and nothing else");

int libseccomp_load(const struct libseccomp **ret, struct err *e)
{
    if (library_need(&library, e))
        return -1;
    *ret = &loaded;
    return 0;
}
