#include "pki/tar.h"
#include <assert.h>

/* Property: what is read lies within the archive, and written again it reads as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct slice rest = slice_of(data, len);
    struct tar_entry entry, again;
    struct err e = { 0 };
    int rc;

    while ((rc = tar_next(&rest, &entry, &e)) > 0) {
        CLEANUP(buf_clear) struct buf copy = { 0 };
        struct slice view;

        assert(entry.bytes.ptr >= data &&
               entry.bytes.len <= (size_t)(data + len - entry.bytes.ptr));
        if (entry.mtime >= INT64_C(1) << 33) /* 12 digits: more than we write */
            continue;
        tar_add(&copy, entry.name, entry.bytes, entry.mtime);
        tar_end(&copy);
        view = buf_slice(&copy);
        if (tar_next(&view, &again, &e) != 1)
            abort();
        assert(strcmp(entry.name, again.name) == 0 && entry.mtime == again.mtime);
        assert(slice_eq(entry.bytes, again.bytes));
        if (tar_next(&view, &again, &e) != 0)
            abort();
    }
    assert(rc == 0 || e.code == ERR_INVALID || e.code == ERR_CORRUPT);
    return 0;
}
