#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

void library_load(struct library *library)
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
        library->missing = NULL;
}

int library_check(const struct library *library, struct err *e)
{
    if (!library->missing)
        return 0;
    return err_set(e, ERR_INTERNAL, "load %s: %s is missing; install the package %s", library->file,
                   library->missing, library->package);
}
