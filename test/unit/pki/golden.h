#ifndef PKI_GOLDEN_H
#define PKI_GOLDEN_H

#include "store/file.h"
#include "unit.h"

/* Compares with test/golden/NAME; GOLDEN=write in the environment writes it anew. */
static inline void golden_compare(const char *name, const struct buf *text)
{
    CLEANUP(buf_clear) struct buf have = { 0 };
    const char *mode = getenv("GOLDEN");
    struct err e = { 0 };
    char path[128];

    snprintf(path, sizeof path, "test/golden/%s", name);
    if (mode && strcmp(mode, "write") == 0) {
        if (file_replace(path, buf_slice(text), 0644, &e))
            fail_msg("%s", e.msg);
        return;
    }
    if (file_read(&have, path, 1 << 20, &e))
        fail_msg("%s", e.msg);
    for (size_t i = 0, line = 1; i < text->len || i < have.len; i++) {
        if (i >= text->len || i >= have.len || text->ptr[i] != have.ptr[i])
            fail_msg("%s differs in line %zu: if that is meant, run this test with GOLDEN=write",
                     path, line);
        line += text->ptr[i] == '\n';
    }
}

#endif
