#include "base/encode.h"
#include "crypto/pem.h"
#include "unit/unit.h"

#define BEGIN(label) "-----BEGIN " label "-----\n"
#define END(label) "-----END " label "-----\n"

// clang-format off
static const struct {
    const char *label, *text;
    int want;                /* blocks, or -1 */
    const char *first, *hex; /* of the first block */
} files[] = {
    { "nothing",                      "", 0, NULL, NULL },
    { "text without a block",         "hello\nworld\n", 0, NULL, NULL },
    { "one block",                    BEGIN("X") "AAEC\n" END("X"), 1, "X", "000102" },
    { "two blocks",                   BEGIN("X") "AAEC\n" END("X") BEGIN("Y") "AA==\n" END("Y"), 2, "X", "000102" },
    { "text around it",               "Certificate:\n  Data\n" BEGIN("X") "AAEC\n" END("X") "bye\n", 1, "X", "000102" },
    { "lines end in CRLF",            "-----BEGIN X-----\r\nAAEC\r\n-----END X-----\r\n", 1, "X", "000102" },
    { "no line end at the end",       BEGIN("X") "AAEC\n-----END X-----", 1, "X", "000102" },
    { "white space inside and around", "  -----BEGIN X-----  \n  AA EC \t\n\n" END("X"), 1, "X", "000102" },
    { "a line is not 64 long",        BEGIN("X") "A\nA\nE\nC\n" END("X"), 1, "X", "000102" },
    { "a label of several words",     BEGIN("CERTIFICATE REQUEST") "AA==\n" END("CERTIFICATE REQUEST"), 1, "CERTIFICATE REQUEST", "00" },
    { "dashes that are no mark",      "-----\n------ a ------\n" BEGIN("X") "AAEC\n" END("X"), 1, "X", "000102" },

    { "another label at the end",     BEGIN("X") "AAEC\n" END("Y"), -1, NULL, NULL },
    { "no end",                       BEGIN("X") "AAEC\n", -1, NULL, NULL },
    { "no end before the next",       BEGIN("X") "AAEC\n" BEGIN("X") "AAEC\n" END("X"), -1, NULL, NULL },
    { "an end without a beginning",   END("X"), -1, NULL, NULL },
    { "no label",                     "-----BEGIN -----\nAA==\n-----END -----\n", -1, NULL, NULL },
    { "a mark cut short",             "-----BEGIN X----\nAA==\n", -1, NULL, NULL },
    { "nothing inside",               BEGIN("X") END("X"), -1, NULL, NULL },
    { "not base64",                   BEGIN("X") "A*EC\n" END("X"), -1, NULL, NULL },
    { "base64 without padding",       BEGIN("X") "AA\n" END("X"), -1, NULL, NULL },
    { "bits behind the padding",      BEGIN("X") "AB==\n" END("X"), -1, NULL, NULL },
    { "padding in the middle",        BEGIN("X") "AA==AAEC\n" END("X"), -1, NULL, NULL },
    { "the URL alphabet",             BEGIN("X") "-_-_\n" END("X"), -1, NULL, NULL },
    { "headers of an encrypted key",  BEGIN("RSA PRIVATE KEY") "Proc-Type: 4,ENCRYPTED\n\nAAEC\n" END("RSA PRIVATE KEY"), -1, NULL, NULL },
    { "good, then broken",            BEGIN("X") "AAEC\n" END("X") BEGIN("X") "A\n" END("X"), -1, "X", "000102" },
    { "a label that is not ASCII",    BEGIN("\xc3\xa9") "AAEC\n" END("\xc3\xa9"), -1, NULL, NULL },
};
// clang-format on

static int count_blocks(struct slice text, const char *first, const char *hex, const char *label)
{
    CLEANUP(pem_block_clear) struct pem_block block = { 0 };
    struct err e = { 0 };
    int rc, count = 0;

    while ((rc = pem_next(&text, &block, &e)) > 0) {
        CLEANUP(buf_clear) struct buf got = { 0 };

        hex_encode(&got, buf_slice(&block.der));
        if (count++ == 0 && (!slice_eq_str(block.label, first) || strcmp(buf_str(&got), hex) != 0))
            fail_msg("%s: got '" SLICE_FMT "' %s", label, SLICE_ARG(block.label), buf_str(&got));
    }
    if (rc < 0 && e.code != ERR_INVALID)
        fail_msg("%s: got %s", label, err_text(&e));
    return rc < 0 ? -1 : count;
}

static void test_next(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        int got =
            count_blocks(slice_str(files[i].text), files[i].first, files[i].hex, files[i].label);

        if (got != files[i].want)
            fail_msg("%s: %d blocks", files[i].label, got);
    }
}

static void test_write(void **state)
{
    static const size_t lengths[] = { 1, 2, 3, 47, 48, 49, 96, 1000 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        CLEANUP(pem_block_clear) struct pem_block block = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 }, pem = { 0 };
        struct slice rest, line;

        for (size_t k = 0; k < lengths[i]; k++)
            buf_add_byte(&der, (uint8_t)(k * 7));
        pem_write(&pem, "CERTIFICATE", buf_slice(&der));
        rest = buf_slice(&pem);
        while (slice_cut(&rest, '\n', &line))
            assert_true(line.len <= 64 && line.len > 0);
        assert_int_equal(rest.len, 0);
        rest = buf_slice(&pem);
        assert_int_equal(pem_next(&rest, &block, NULL), 1);
        assert_true(slice_eq(buf_slice(&block.der), buf_slice(&der)));
        assert_int_equal(rest.len, 0);
    }
}

static void test_limit(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        CLEANUP(pem_block_clear) struct pem_block block = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 }, pem = { 0 };
        struct err e = { 0 };
        struct slice rest;

        for (size_t i = 0; i < PEM_MAX_BLOCK + extra * 100; i++)
            buf_add_byte(&der, 1);
        pem_write(&pem, "X", buf_slice(&der));
        rest = buf_slice(&pem);
        assert_int_equal(pem_next(&rest, &block, &e), extra ? -1 : 1);
        assert_int_equal(e.code, extra ? ERR_LIMIT : ERR_NONE);
    }
}

// clang-format off
static const struct {
    const char *label, *text, *hex;
} ones[] = {
    { "PEM",                  BEGIN("CERTIFICATE") "MAA=\n" END("CERTIFICATE"), "3000" },
    { "PEM in text",          "subject: x\n" BEGIN("CERTIFICATE") "MAA=\n" END("CERTIFICATE") "end\n", "3000" },
    { "DER",                  "0\x01\x02", "300102" },
    { "nothing",              "", NULL },
    { "text alone",           "hello\n", NULL },
    { "another label",        BEGIN("CERTIFICATE REQUEST") "MAA=\n" END("CERTIFICATE REQUEST"), NULL },
    { "two of them",          BEGIN("CERTIFICATE") "MAA=\n" END("CERTIFICATE") BEGIN("CERTIFICATE") "MAA=\n" END("CERTIFICATE"), NULL },
    { "a key behind it",      BEGIN("CERTIFICATE") "MAA=\n" END("CERTIFICATE") BEGIN("PRIVATE KEY") "MAA=\n" END("PRIVATE KEY"), NULL },
    { "a broken one behind it", BEGIN("CERTIFICATE") "MAA=\n" END("CERTIFICATE") BEGIN("CERTIFICATE") "MAA", NULL },
};
// clang-format on

static void test_or_der(void **state)
{
    CLEANUP(buf_clear) struct buf der = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ones); i++) {
        CLEANUP(buf_clear) struct buf got = { 0 }, hex = { 0 };
        struct err e = { 0 };
        int rc = pem_or_der(&got, slice_str(ones[i].text), "CERTIFICATE", &e);

        hex_encode(&hex, buf_slice(&got));
        if ((rc == 0) != (ones[i].hex != NULL) || (rc && e.code != ERR_INVALID) ||
            (ones[i].hex && strcmp(ones[i].hex, buf_str(&hex)) != 0))
            fail_msg("%s: got %s %s", ones[i].label, buf_str(&hex), err_text(&e));
    }
    /* RFC 7468 section 7 */
    assert_int_equal(pem_or_der(&der,
                                slice_str(BEGIN("NEW CERTIFICATE REQUEST") "MAA=\n" END(
                                    "NEW CERTIFICATE REQUEST")),
                                "CERTIFICATE REQUEST", NULL),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_or_der),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
