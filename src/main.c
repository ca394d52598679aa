#include "cli/command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* A program that was started without stdin, stdout or stderr must not find its store behind one of
 * them. */
static void fill_standard_descriptors(void)
{
    int fd = open("/dev/null", O_RDWR);

    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    umask(077);
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of write(2) */
    return cli_main(argc, argv);
}
