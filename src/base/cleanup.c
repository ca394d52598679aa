#include "base/cleanup.h"
#include <errno.h>
#include <unistd.h>

void fd_closep(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
    errno = saved;
}
