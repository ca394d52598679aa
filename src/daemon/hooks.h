#ifndef DAEMON_HOOKS_H
#define DAEMON_HOOKS_H

/*
 * What a test program does otherwise than poterne: it sets this before daemon_main, and runs with
 * it the same daemon, whose processes are the test program again. poterne leaves it as it is.
 */
struct front;
struct daemon_hooks {
    int landlock_abi;   /* the highest to use, as if the kernel had no more; -1: whatever it has */
    const char *script; /* for `run`; NULL: none */
    /* In the front, when it is shut in and before it serves: what a front that was taken over
     * does. */
    void (*run)(const char *script, struct front *front);
};
extern struct daemon_hooks daemon_hooks;

#endif
