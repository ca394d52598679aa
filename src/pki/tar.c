#include "pki/tar.h"
#include <assert.h>

enum { BLOCK = 512 };

/* One block before each file; numbers are octal text. */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], owner[32], group[32], major[8], minor[8], prefix[155], padding[12];
};
static_assert(sizeof(struct header) == BLOCK, "a header is one block");

/* The sum of the header's bytes, with spaces where the sum itself stands. */
static unsigned checksum(const struct header *h)
{
    struct header blank = *h;
    const uint8_t *bytes = (const uint8_t *)&blank;
    unsigned sum = 0;

    memset(blank.checksum, ' ', sizeof blank.checksum);
    for (size_t i = 0; i < BLOCK; i++)
        sum += bytes[i];
    return sum;
}

static size_t padding(size_t len)
{
    return (BLOCK - len % BLOCK) % BLOCK;
}

/* ---- writing ---- */

void tar_add(struct buf *out, const char *name, struct slice bytes, int64_t mtime)
{
    static const uint8_t zeros[BLOCK];
    struct header h = { .type = '0', .mode = "0000600", .uid = "0000000", .gid = "0000000" };
    size_t len = strlen(name);

    assert(len > 0 && len < TAR_NAME && !strchr(name, '/'));
    assert(bytes.len <= BUF_MAX && mtime >= 0 && mtime < (INT64_C(1) << 33));
    memcpy(h.name, name, len);
    (void)snprintf(h.size, sizeof h.size, "%011zo", bytes.len);
    (void)snprintf(h.mtime, sizeof h.mtime, "%011llo", (unsigned long long)mtime);
    memcpy(h.magic, "ustar", 6);
    memcpy(h.version, "00", 2);
    (void)snprintf(h.checksum, sizeof h.checksum, "%06o", checksum(&h));
    h.checksum[7] = ' ';
    buf_add(out, &h, sizeof h);
    buf_add_slice(out, bytes);
    buf_add(out, zeros, padding(bytes.len));
}

void tar_end(struct buf *out)
{
    static const uint8_t zeros[2 * BLOCK];

    buf_add(out, zeros, sizeof zeros);
}

/* ---- reading ---- */

/* Digits, then NULs or spaces to the end. */
static bool read_octal(const char *field, size_t len, int64_t *ret)
{
    int64_t n = 0;
    size_t i = 0;

    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
        n = n * 8 + (field[i] - '0'); /* at most 12 digits: 36 bits */
    if (i == 0)
        return false;
    for (; i < len; i++)
        if (field[i] != '\0' && field[i] != ' ')
            return false;
    *ret = n;
    return true;
}

/* A plain name: letters, digits and ". _ -", not beginning with a dot. */
static bool read_name(const struct header *h, char name[TAR_NAME])
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strnlen(h->name, sizeof h->name);

    memcpy(name, h->name, len);
    name[len] = '\0';
    return len > 0 && name[0] != '.' && strspn(name, allowed) == len && !h->prefix[0];
}

static int read_header(const struct header *h, struct tar_entry *entry, int64_t *size,
                       struct err *e)
{
    int64_t sum;

    if (memcmp(h->magic, "ustar", 6) != 0 || memcmp(h->version, "00", 2) != 0)
        return err_set(e, ERR_INVALID, "not a ustar archive");
    if (!read_octal(h->checksum, sizeof h->checksum, &sum) || sum != checksum(h))
        return err_set(e, ERR_CORRUPT, "the archive is damaged: a checksum does not fit");
    if ((h->type != '0' && h->type != '\0') || !read_name(h, entry->name))
        return err_set(e, ERR_INVALID, "the archive holds what is not a plain file of one name");
    if (!read_octal(h->size, sizeof h->size, size) ||
        !read_octal(h->mtime, sizeof h->mtime, &entry->mtime))
        return err_set(e, ERR_INVALID, "the archive's file '%s' has no size or time", entry->name);
    return 0;
}

/* Two blocks of zeros; a tar may fill its last record with more of them. */
static int read_end(struct slice *rest, struct err *e)
{
    if (rest->len < 2 * BLOCK || !slice_is_zero(*rest))
        return err_set(e, ERR_CORRUPT, "the archive is damaged: its end is missing");
    *rest = slice_of(rest->ptr + rest->len, 0);
    return 0;
}

int tar_next(struct slice *rest, struct tar_entry *entry, struct err *e)
{
    struct header h;
    struct slice at = *rest;
    int64_t size = 0;

    if (at.len < BLOCK)
        return err_set(e, ERR_CORRUPT, "the archive is cut short");
    memcpy(&h, at.ptr, BLOCK);
    if (slice_is_zero(slice_of(&h, BLOCK)))
        return read_end(rest, e);
    if (read_header(&h, entry, &size, e))
        return -1;
    at = slice_of(at.ptr + BLOCK, at.len - BLOCK);
    if ((uint64_t)size > at.len || padding((size_t)size) > at.len - (size_t)size)
        return err_set(e, ERR_CORRUPT, "the archive is cut short in '%s'", entry->name);
    entry->bytes = slice_of(at.ptr, (size_t)size);
    size += (int64_t)padding((size_t)size);
    *rest = slice_of(at.ptr + size, at.len - (size_t)size);
    return 1;
}

int tar_find(struct slice archive, const char *name, struct slice *bytes, struct err *e)
{
    struct tar_entry entry;
    bool found = false;
    int rc;

    for (int files = 0; (rc = tar_next(&archive, &entry, e)) > 0; files++) {
        if (files == TAR_MAX_FILES)
            return err_set(e, ERR_LIMIT, "the archive holds more than %d files", TAR_MAX_FILES);
        if (strcmp(entry.name, name) != 0)
            continue;
        if (found)
            return err_set(e, ERR_INVALID, "the archive holds '%s' twice", name);
        found = true;
        *bytes = entry.bytes;
    }
    if (rc == 0 && !found)
        return err_set(e, ERR_INVALID, "the archive holds no '%s'", name);
    return rc;
}
