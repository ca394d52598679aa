#include "agent/agent.h"
#include "cli/command.h"
#include "daemon/daemon.h"
#include "daemon/option.h"

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

static enum option_type option_type(const struct daemon_option *o)
{
    switch (o->type) {
    case DAEMON_FLAG:
        return OPTION_FLAG;
    case DAEMON_PATH:
        return OPTION_FILE;
    case DAEMON_NUMBER:
        return OPTION_NUMBER;
    case DAEMON_DURATION:
        return OPTION_DURATION;
    case DAEMON_CHOICE:
        return OPTION_CHOICE;
    default:
        return OPTION_TEXT;
    }
}

/* The daemon's options as the command line knows options. */
static void fill_serve_options(void)
{
    struct option *to = serve_options;

    for (const struct daemon_option *o = daemon_options; o->name; o++)
        if (o->place != DAEMON_STATE && to < serve_options + SERVE_OPTIONS)
            *to++ = (struct option){ .name = o->name,
                                     .json = o->name,
                                     .type = option_type(o),
                                     .repeated = o->type == DAEMON_LIST,
                                     .value = o->value,
                                     .choices = o->choices,
                                     .otherwise = o->otherwise ? o->otherwise : o->derived,
                                     .help = o->help };
}

static const struct program programs[] = {
    { "serve", NULL, daemon_main },
    { "agent", "join", agent_join_main },
    { "agent", "run", agent_run_main },
    { 0 },
};

int main(int argc, char **argv)
{
    int exit_code;

    fill_standard_descriptors();
    umask(077);
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of write(2) */
    if (daemon_child(argc, argv, &exit_code))
        return exit_code;
    fill_serve_options();
    return cli_main(argc, argv, programs);
}
