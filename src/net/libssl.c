#include "net/libssl.h"
#include "base/cleanup.h"
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static const char file[] = "libssl.so.3";
static const char *const names[] = {
#define LIBSSL_NAME(name) #name,
    LIBSSL_FUNCTIONS(LIBSSL_NAME)
#undef LIBSSL_NAME
};

static struct libssl loaded;
static const char *missing = file; /* NULL: all is there */
static pthread_once_t once = PTHREAD_ONCE_INIT;

_Static_assert(sizeof loaded == sizeof(void *) * ARRAY_LEN(names), "pointers and nothing else");

static void load(void)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

    for (size_t i = 0; library && i < ARRAY_LEN(names); i++) {
        void *function = dlsym(library, names[i]);

        missing = names[i];
        if (!function)
            return;
        /* ISO C has no cast from an object's address to a function's. */
        memcpy((char *)&loaded + i * sizeof function, &function, sizeof function);
    }
    if (library)
        missing = NULL;
}

int libssl_load(const struct libssl **ret, struct err *e)
{
    (void)pthread_once(&once, load);
    if (missing)
        return err_set(e, ERR_INTERNAL, "load OpenSSL's %s: %s is missing", file, missing);
    *ret = &loaded;
    return 0;
}
