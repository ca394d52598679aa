#include "daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHANNEL = 3 };

const char *const process_names[PROCESSES] = { "prepare", "keeper", "front" };
static const char *const titles[PROCESSES] = { "poterne: prepare", "poterne: keeper",
                                               "poterne: front" };

enum process_role child_role(int argc, char *const *argv)
{
    for (int role = 0; argc == 1 && role < PROCESSES; role++)
        if (strcmp(argv[0], titles[role]) == 0)
            return (enum process_role)role;
    return PROCESSES;
}

/* Between fork and exec: nothing but system calls. Signals of a terminal or of a service manager
 * are for the supervisor, which ends us in good order. */
static void become(enum process_role role, int channel, pid_t supervisor)
{
    char *argv[] = { (char *)(uintptr_t)titles[role], NULL };
    char *env[] = { (char[]){ "PATH=/usr/bin:/bin" }, (char[]){ "LC_ALL=C" }, NULL };
    sigset_t none;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)sigemptyset(&none);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    /* A supervisor that is gone by now gave its children to another. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != supervisor || null < 0)
        _exit(1);
    if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        _exit(1);
    /* dup2 onto itself would leave close-on-exec set */
    if (channel == CHANNEL ? fcntl(channel, F_SETFD, 0) : dup2(channel, CHANNEL) < 0)
        _exit(1);
    if (syscall(SYS_close_range, CHANNEL + 1, ~0U, 0))
        _exit(1);
    (void)execve("/proc/self/exe", argv, env);
    _exit(127);
}

int process_start(struct process *p, enum process_role role, struct err *e)
{
    CLEANUP(fd_closep) int theirs = -1;
    pid_t supervisor = getpid(), pid;
    int pair[2];

    if (channel_pair(pair, e))
        return -1;
    theirs = pair[1];
    pid = fork();
    if (pid == 0)
        become(role, theirs, supervisor);
    if (pid < 0) {
        (void)close(pair[0]);
        return err_errno(e, "start the %s", process_names[role]);
    }
    *p = (struct process){ .role = role, .pid = pid, .channel = pair[0] };
    return 0;
}

int process_tell(const struct process *p, const char *what, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    buf_addf(&text, "{\"do\":\"%s\"}", what);
    return channel_send(p->channel, buf_slice(&text), NULL, e);
}

void process_kill(const struct process *p)
{
    if (p->pid > 0)
        (void)kill(p->pid, SIGKILL);
}
