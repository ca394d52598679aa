#ifndef PKI_TAR_H
#define PKI_TAR_H

#include "base/buf.h"

/*
 * What a backup is inside: a ustar archive (POSIX.1-1988, `pax` in POSIX.1-2017) of regular files
 * with short names, nothing else, so that any tar lists and extracts it.
 */
enum { TAR_NAME = 101, TAR_MAX_FILES = 16 };

void tar_add(struct buf *out, const char *name, struct slice bytes, int64_t mtime); /* mode 0600 */
void tar_end(struct buf *out);

struct tar_entry {
    char name[TAR_NAME];
    struct slice bytes; /* view into what is read */
    int64_t mtime;
};
/*
 * 1: a file was read and *rest moved behind it; 0: the archive's end. ERR_CORRUPT for a wrong
 * checksum, a file cut short or no end; ERR_INVALID for what is not our kind of archive: a folder,
 * a link, a name with '/' or one that a reader could mistake, an extension of another tar.
 */
int tar_next(struct slice *rest, struct tar_entry *entry, struct err *e) MUST_CHECK;
/* The file of that name, ERR_INVALID when there is none or two. Reads the whole archive. */
int tar_find(struct slice archive, const char *name, struct slice *bytes, struct err *e) MUST_CHECK;

#endif
