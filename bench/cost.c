/*
 * Runs a program to its end and prints what it cost by the kernel's own accounting: CPU seconds,
 * wall seconds, KiB of memory at most. Its exit status is ours; what it prints goes to stderr. A
 * parent of its own, since a process inherits its parent's peak of memory: python's is 15 MiB.
 *
 *     cost PROGRAM [ARGUMENT...]
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

int main(int argc, char **argv)
{
    double start = now();
    struct rusage used;
    pid_t child;
    int status;

    if (argc < 2)
        return 2;
    child = fork();
    if (child == 0) {
        if (dup2(STDERR_FILENO, STDOUT_FILENO) == STDOUT_FILENO)
            execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &used) != child)
        return 126;
    printf("%.6f %.6f %ld\n", seconds(used.ru_utime) + seconds(used.ru_stime), now() - start,
           used.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
