#ifndef STORE_STATE_DIR_H
#define STORE_STATE_DIR_H

#include "base/buf.h"

/*
 * The state directory: store.db (and SQLite's -wal and -shm), root.key, lock. Made 0700; refused
 * when group or others may read or write it or a file in it, when it is owned by somebody else than
 * the effective user, or is a symbolic link owned by another.
 */
struct state_dir;

enum state_lock {
    STATE_SHARED,    /* commands */
    STATE_EXCLUSIVE, /* root key rotation, restore, the daemon */
    STATE_BESIDE,    /* shared, or none beside a daemon: for what it cannot do itself (backups) */
};
/* A daemon writes this file once it holds the lock, {"socket": PATH}, and removes it at its end:
 * commands find it there. One that is found while the lock is free says nothing. */
#define STATE_DAEMON "daemon.json"

struct state_dir_options {
    const char *path;
    bool create;
    enum state_lock lock;
    int64_t wait_ms;            /* longest wait for the lock; ERR_BUSY after it */
    void (*waiting)(void *ctx); /* called once when it has to wait for over a second; may be NULL */
    void *ctx;
};
int state_dir_open(struct state_dir **ret, const struct state_dir_options *options, struct err *e)
    MUST_CHECK;
void state_dir_close(struct state_dir *dir);
DEFINE_FREEP(struct state_dir *, state_dir_close)

const char *state_dir_path(const struct state_dir *dir);
const char *state_dir_store(const struct state_dir *dir); /* path of store.db */
/* Descriptor of a key file for reading, CLOEXEC; ERR_NOT_FOUND. name: "root.key" and the like. */
int state_dir_key_open(const struct state_dir *dir, const char *name, int *fd, struct err *e)
    MUST_CHECK;
int state_dir_key_write(const struct state_dir *dir, const char *name, struct slice text,
                        struct err *e) MUST_CHECK; /* 0600, durable, replaces */
int state_dir_key_promote(const struct state_dir *dir, const char *from, const char *to,
                          struct err *e) MUST_CHECK; /* durable rename */

/* $POTERNE_STATE is the command line's business. Root: /var/lib/poterne; others:
 * $XDG_STATE_HOME/poterne or ~/.local/state/poterne. The caller frees. ERR_INVALID without one. */
int state_dir_default(char **path, struct err *e) MUST_CHECK;

#endif
