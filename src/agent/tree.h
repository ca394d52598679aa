#ifndef AGENT_TREE_H
#define AGENT_TREE_H

#include "base/buf.h"
#include "wire/json.h"
#include <stdbool.h>
#include <sys/types.h>

/*
 * The files below one folder. Every path is resolved by the kernel beneath it, through no symbolic
 * link (openat2, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS): whatever a path says and whoever moves
 * folders meanwhile, nothing outside is read or written.
 *
 * Files are installed together: written beside their places, made durable, listed in a journal,
 * then renamed one after the other. A crash leaves all of the old ones, or a journal from which
 * tree_recover goes on to all of the new ones.
 */
struct tree {
    int root, home; /* descriptors: of the folder, and of the agent's own */
    const char *path;
};
int tree_open(struct tree *ret, const char *root, const char *home, struct err *e) MUST_CHECK;
void tree_close(struct tree *tree);

enum { TREE_MAX_FILE = 1 << 20, TREE_MAX_PATH = 200, TREE_MAX_FILES = 128 };

/* A relative path of plain segments (letters, digits, '.', '_', '-'; none begins with '.'). */
int tree_path_check(const char *path, struct err *e) MUST_CHECK;

struct tree_file {
    const char *path;
    struct slice bytes;
    mode_t mode;
    bool remove; /* instead */
};
/* *mtime in nanoseconds. ERR_NOT_FOUND; ERR_REFUSED: something else than a file in folders. */
int tree_read(const struct tree *tree, const char *path, struct buf *bytes, mode_t *mode,
              int64_t *mtime, struct err *e) MUST_CHECK;
/* All or, after a crash and tree_recover, all. What was there before is kept (tree_previous). */
int tree_install(const struct tree *tree, const struct tree_file *files, size_t count,
                 struct err *e) MUST_CHECK;
/* Finishes what a crash interrupted; nothing to do is fine. */
int tree_recover(const struct tree *tree, struct err *e) MUST_CHECK;
/* Puts back what the last tree_install replaced. */
int tree_roll_back(const struct tree *tree, struct err *e) MUST_CHECK;

/* A file of the agent's own folder, replaced atomically. */
int home_read(int home, const char *name, struct buf *bytes, struct err *e) MUST_CHECK;
int home_write(int home, const char *name, struct slice bytes, struct err *e) MUST_CHECK;

#endif
