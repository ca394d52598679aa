#include "net/libcurl.h"
#include "base/cleanup.h"
#include "base/library.h"
#include <pthread.h>

static const char *const names[] = {
#define LIBCURL_NAME(name) #name,
    LIBCURL_FUNCTIONS(LIBCURL_NAME)
#undef LIBCURL_NAME
};

static struct libcurl loaded;
static struct library library = { .file = "libcurl.so.4",
                                  .package = "libcurl4",
                                  .names = names,
                                  .count = ARRAY_LEN(names),
                                  .functions = &loaded };
static pthread_once_t once = PTHREAD_ONCE_INIT;

_Static_assert(sizeof loaded == sizeof(void *) * ARRAY_LEN(names), "pointers and nothing else");

static void load(void)
{
    library_load(&library);
    if (!library.missing && loaded.curl_global_init(CURL_GLOBAL_DEFAULT))
        library.missing = "curl_global_init";
}

int libcurl_load(const struct libcurl **ret, struct err *e)
{
    (void)pthread_once(&once, load);
    if (library_check(&library, e))
        return -1;
    *ret = &loaded;
    return 0;
}
