#include "wire/libnghttp2.h"
#include "base/cleanup.h"
#include "base/library.h"

static const char *const names[] = {
#define LIBNGHTTP2_NAME(name) #name,
    LIBNGHTTP2_FUNCTIONS(LIBNGHTTP2_NAME)
#undef LIBNGHTTP2_NAME
};

static struct libnghttp2 loaded;
static struct library library = { .file = "libnghttp2.so.14",
                                  .package = "libnghttp2-14",
                                  .names = names,
                                  .count = ARRAY_LEN(names),
                                  .functions = &loaded };

_Static_assert(sizeof loaded == sizeof(void *) * ARRAY_LEN(names), "pointers and nothing else");

int libnghttp2_load(const struct libnghttp2 **ret, struct err *e)
{
    if (library_need(&library, e))
        return -1;
    *ret = &loaded;
    return 0;
}
