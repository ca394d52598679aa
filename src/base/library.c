#include "base/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static void load(struct library *library)
{
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);

    library->missing = library->file;
    for (size_t i = 0; handle && i < library->count; i++) {
        void *function = dlsym(handle, library->names[i]);

        library->missing = library->names[i];
        if (!function)
            return;
        /* ISO C has no cast from an object's address to a function's. */
        memcpy((char *)library->functions + i * sizeof function, &function, sizeof function);
    }
    if (handle)
        library->missing = library->start ? library->start() : NULL;
}

int library_need(struct library *library, struct err *e)
{
    static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

    if (!atomic_load(&library->tried)) {
        pthread_mutex_lock(&loading);
        if (!atomic_load(&library->tried))
            load(library);
        atomic_store(&library->tried, true);
        pthread_mutex_unlock(&loading);
    }
    if (!library->missing)
        return 0;
    return err_set(e, ERR_INTERNAL, "load %s: %s is missing; install the package %s", library->file,
                   library->missing, library->package);
}
