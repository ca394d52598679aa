#include "net/libcurl.h"
#include "base/cleanup.h"
#include "base/library.h"

static const char *const names[] = {
#define LIBCURL_NAME(name) #name,
    LIBCURL_FUNCTIONS(LIBCURL_NAME)
#undef LIBCURL_NAME
};

static struct libcurl loaded;
static const char *start(void)
{
    return loaded.curl_global_init(CURL_GLOBAL_DEFAULT) ? "curl_global_init" : NULL;
}

static struct library library = { .file = "libcurl.so.4",
                                  .package = "libcurl4",
                                  .names = names,
                                  .count = ARRAY_LEN(names),
                                  .functions = &loaded,
                                  .start = start };

_Static_assert(sizeof loaded == sizeof(void *) * ARRAY_LEN(names), "pointers and nothing else");

int libcurl_load(const struct libcurl **ret, struct err *e)
{
    if (library_need(&library, e))
        return -1;
    *ret = &loaded;
    return 0;
}
