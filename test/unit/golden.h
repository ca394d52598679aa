#ifndef UNIT_GOLDEN_H
#define UNIT_GOLDEN_H

#include "files.h"

/* Compares with test/golden/NAME; POTERNE_GOLDEN=write in the environment writes it anew. */
static inline void golden_compare(const char *name, const struct buf *text)
{
    CLEANUP(buf_clear) struct buf have = { 0 };
    const char *mode = getenv("POTERNE_GOLDEN");
    char path[128];

    snprintf(path, sizeof path, "test/golden/%s", name);
    if (mode && strcmp(mode, "write") == 0)
        write_bytes(path, text->ptr, text->len);
    read_bytes(&have, path);
    for (size_t i = 0, line = 1; i < text->len || i < have.len; i++) {
        if (i >= text->len || i >= have.len || text->ptr[i] != have.ptr[i])
            fail_msg("%s differs in line %zu: POTERNE_GOLDEN=write takes it over", path, line);
        line += text->ptr[i] == '\n';
    }
}

#endif
