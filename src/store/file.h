#ifndef STORE_FILE_H
#define STORE_FILE_H

#include "base/buf.h"
#include <sys/types.h>

/* Regular files as we read and write them everywhere. */

/* The whole file, ERR_LIMIT when larger than `limit` bytes; directories and devices are
 * ERR_INVALID. */
int file_read(struct buf *out, const char *path, size_t limit, struct err *e) MUST_CHECK;
/* The same of what is open already, up to its end; `path` is what errors call it. */
int file_read_fd(struct buf *out, int fd, const char *path, size_t limit, struct err *e) MUST_CHECK;
/* Replaces or makes `path`: a temporary file beside it, mode set, fsync, rename, fsync of the
 * folder. A crash leaves the old file or the new one. */
int file_replace(const char *path, struct slice bytes, mode_t mode, struct err *e) MUST_CHECK;
/* The same for a new file only: ERR_CONFLICT when there is one, which stays as it is. */
int file_create(const char *path, struct slice bytes, mode_t mode, struct err *e) MUST_CHECK;
/*
 * Many files of one folder tree at once: written to temporaries, made durable together, then
 * renamed in the order given, then the folders made durable. Fewer waits for the disk than
 * file_replace for each.
 */
struct file_item {
    const char *path;
    struct slice bytes;
    mode_t mode;
};
int file_replace_all(const struct file_item *items, size_t count, struct err *e) MUST_CHECK;
/* Makes what was renamed or removed in it durable. */
int file_sync_folder(const char *folder, struct err *e) MUST_CHECK;
/* mkdir -p with that mode for what it makes. */
int file_make_folders(const char *path, mode_t mode, struct err *e) MUST_CHECK;

#endif
