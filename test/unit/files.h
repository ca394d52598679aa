#ifndef UNIT_FILES_H
#define UNIT_FILES_H

#include "store/file.h"
#include "unit.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files of tests: what cannot be read or written is a failed test. */

static inline void read_bytes(struct buf *out, const char *path)
{
    struct err e = { 0 };

    buf_reset(out);
    if (file_read(out, path, BUF_MAX, &e))
        fail_msg("%s", err_text(&e));
}

static inline void write_bytes(const char *path, const void *bytes, size_t len)
{
    CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes ? bytes : "", len), len);
}

static inline int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int remove_tree(const char *path)
{
    return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
