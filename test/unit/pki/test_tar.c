#include "pki/tar.h"
#include "unit.h"

enum { BLOCK = 512 };

static void test_round_trip(void **state)
{
    CLEANUP(buf_clear) struct buf tar = { 0 };
    CLEANUP(buf_clear) struct buf big = { 0 };
    struct slice rest, bytes;
    struct tar_entry entry;
    struct err e = { 0 };

    (void)state;
    for (int i = 0; i < 3000; i++)
        buf_add_byte(&big, (uint8_t)i);
    tar_add(&tar, "manifest.json", slice_str("{}"), 1790000000);
    tar_add(&tar, "empty", slice_of(NULL, 0), 0);
    tar_add(&tar, "exact", slice_of(big.ptr, BLOCK), 1);
    tar_add(&tar, "store.db", buf_slice(&big), 8589934591);
    tar_end(&tar);
    rest = buf_slice(&tar);
    assert_int_equal(tar.len % BLOCK, 0);
    assert_int_equal(tar_next(&rest, &entry, &e), 1);
    assert_string_equal(entry.name, "manifest.json");
    assert_true(slice_eq_str(entry.bytes, "{}"));
    assert_int_equal(entry.mtime, 1790000000);
    assert_int_equal(tar_next(&rest, &entry, &e), 1);
    assert_int_equal(entry.bytes.len, 0);
    assert_int_equal(tar_next(&rest, &entry, &e), 1);
    assert_int_equal(tar_next(&rest, &entry, &e), 1);
    assert_true(slice_eq(entry.bytes, buf_slice(&big)));
    assert_int_equal(entry.mtime, 8589934591);
    assert_int_equal(tar_next(&rest, &entry, &e), 0);
    assert_int_equal(rest.len, 0);
    assert_int_equal(tar_find(buf_slice(&tar), "store.db", &bytes, &e), 0);
    assert_true(slice_eq(bytes, buf_slice(&big)));
    assert_int_equal(tar_find(buf_slice(&tar), "root.key", &bytes, &e), -1);
    assert_int_equal(e.code, ERR_INVALID);
}

/* ---- archives that are not ours, or no longer ---- */

/* The sum over a header, put right again after an edit. */
static void put_checksum(uint8_t *header)
{
    unsigned sum = 0;

    memset(header + 148, ' ', 8);
    for (int i = 0; i < BLOCK; i++)
        sum += header[i];
    snprintf((char *)header + 148, 7, "%06o", sum);
    header[154] = '\0';
    header[155] = ' ';
}

/* clang-format off */
static const struct {
    const char *label;
    size_t at;
    const char *text; /* written there, then the checksum again, unless `raw` */
    size_t len;
    bool raw;
    enum err_code want;
} edits[] = {
    { "nothing",                 0,   "file",     4, false, ERR_NONE },
    { "a wrong checksum",        0,   "fire",     4, true,  ERR_CORRUPT },
    { "a checksum that is none", 148, "x",        1, true,  ERR_CORRUPT },
    { "another magic",           257, "usta0",    5, false, ERR_INVALID },
    { "GNU's magic",             257, "ustar  ",  7, false, ERR_INVALID },
    { "a folder",                156, "5",        1, false, ERR_INVALID },
    { "a link",                  156, "2",        1, false, ERR_INVALID },
    { "a device",                156, "3",        1, false, ERR_INVALID },
    { "a pax header",            156, "x",        1, false, ERR_INVALID },
    { "an old file type",        156, "\0",       1, false, ERR_NONE },
    { "a path",                  0,   "a/b\0",    4, false, ERR_INVALID },
    { "a path above",            0,   "..\0",     3, false, ERR_INVALID },
    { "an absolute path",        0,   "/etc",     4, false, ERR_INVALID },
    { "no name",                 0,   "\0",       1, false, ERR_INVALID },
    { "a name with a line end",  0,   "fi\ne",    4, false, ERR_INVALID },
    { "a prefix",                345, "etc",      3, false, ERR_INVALID },
    { "a size that is none",     124, "x",        1, false, ERR_INVALID },
    { "a size in base 256",      124, "\x80",     1, false, ERR_INVALID },
    { "a size beyond the end",   124, "00000001001", 11, false, ERR_CORRUPT },
    { "a size beyond all",       124, "77777777777", 11, false, ERR_CORRUPT },
    { "a size of 12 digits",     124, "777777777777", 12, false, ERR_CORRUPT },
    { "a time that is none",     136, "-1",       2, false, ERR_INVALID },
};
/* clang-format on */

static void test_edits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        CLEANUP(buf_clear) struct buf tar = { 0 };
        struct tar_entry entry;
        struct slice rest;
        struct err e = { 0 };
        int rc;

        tar_add(&tar, "file", slice_str("some bytes"), 1);
        memcpy(tar.ptr + edits[i].at, edits[i].text, edits[i].len);
        if (!edits[i].raw)
            put_checksum(tar.ptr);
        rest = buf_slice(&tar); /* 512 bytes of header and of content */
        rc = tar_next(&rest, &entry, &e);
        if (e.code != edits[i].want || (rc == 1) != (edits[i].want == ERR_NONE))
            fail_msg("%s: %d, %s", edits[i].label, rc, err_text(&e));
        if (rc != 1 && rest.len != tar.len)
            fail_msg("%s: moved on all the same", edits[i].label);
    }
}

static void test_ends(void **state)
{
    CLEANUP(buf_clear) struct buf tar = { 0 };
    struct slice bytes;
    struct err e = { 0 };

    (void)state;
    tar_add(&tar, "file", slice_str("x"), 1);
    assert_int_equal(tar_find(buf_slice(&tar), "file", &bytes, &e), -1);
    assert_int_equal(e.code, ERR_CORRUPT); /* no end */
    tar_end(&tar);
    assert_int_equal(tar_find(buf_slice(&tar), "file", &bytes, &e), 0);
    assert_int_equal(tar_find(slice_of(tar.ptr, tar.len - 1), "file", &bytes, &e), -1);
    assert_int_equal(tar_find(slice_of(tar.ptr, tar.len - BLOCK), "file", &bytes, &e), -1);
    tar_end(&tar); /* a tar fills its last record */
    assert_int_equal(tar_find(buf_slice(&tar), "file", &bytes, &e), 0);
    tar.ptr[tar.len - 1] = 1;
    assert_int_equal(tar_find(buf_slice(&tar), "file", &bytes, &e), -1);
    assert_int_equal(tar_find(slice_of(NULL, 0), "file", &bytes, &e), -1);
}

static void test_limits(void **state)
{
    CLEANUP(buf_clear) struct buf twice = { 0 };
    CLEANUP(buf_clear) struct buf many = { 0 };
    struct slice bytes;
    struct err e = { 0 };

    (void)state;
    tar_add(&twice, "file", slice_str("x"), 1);
    tar_add(&twice, "file", slice_str("y"), 1);
    tar_end(&twice);
    assert_int_equal(tar_find(buf_slice(&twice), "file", &bytes, &e), -1);
    assert_int_equal(e.code, ERR_INVALID);
    for (int i = 0; i <= TAR_MAX_FILES; i++)
        tar_add(&many, "other", slice_str("x"), 1);
    tar_end(&many);
    assert_int_equal(tar_find(buf_slice(&many), "file", &bytes, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
