#ifndef CORPORA_H
#define CORPORA_H

#include "base/buf.h"
#include <stdio.h>
#include <stdlib.h>

/*
 * Other projects' test data, read in place and never copied: the folder that POTERNE_CORPORA names,
 * or shared/corpora beside the source root, where the tests run.
 */
static inline const char *corpora_folder(void)
{
    const char *named = getenv("POTERNE_CORPORA");

    return named && *named ? named : "../shared/corpora";
}

/* false, with a message, when the file is not there. */
static inline bool corpora_read(struct buf *out, const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t block[4096];
    size_t n;

    if (!file) {
        print_message("# no %s: set POTERNE_CORPORA\n", path);
        return false;
    }
    while ((n = fread(block, 1, sizeof block, file)) > 0)
        buf_add(out, block, n);
    fclose(file);
    return !out->failed;
}

#endif
