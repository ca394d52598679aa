#include "asm.h"
#include "base/clock.h"
#include "base/encode.h"

/* What a reader made of an element, as text: "" when it refused and left its input alone. */
typedef void reader(struct slice *in, struct buf *out);

static void add_hex(struct buf *out, struct slice s)
{
    buf_add_byte(out, '[');
    hex_encode(out, s);
    buf_add_byte(out, ']');
}

static void read_any(struct slice *in, struct buf *out)
{
    struct slice content;
    uint8_t tag;

    if (!der_take_any(in, &tag, &content))
        return;
    buf_addf(out, "%02x", tag);
    add_hex(out, content);
}

static void read_sequence(struct slice *in, struct buf *out)
{
    struct slice content;

    if (der_take(in, DER_SEQUENCE, &content))
        add_hex(out, content);
}

static void read_whole(struct slice *in, struct buf *out)
{
    struct slice whole;

    if (der_take_whole(in, DER_SEQUENCE, &whole))
        add_hex(out, whole);
}

static void read_optional(struct slice *in, struct buf *out)
{
    struct slice content;
    bool present;

    if (!der_take_optional(in, DER_CONTEXT(0), &content, &present))
        return;
    if (present)
        add_hex(out, content);
    else
        buf_add_str(out, "absent");
}

static void read_bool(struct slice *in, struct buf *out)
{
    bool value;

    if (der_take_bool(in, &value))
        buf_add_str(out, value ? "true" : "false");
}

static void read_uint(struct slice *in, struct buf *out)
{
    struct slice magnitude;

    if (der_take_uint(in, &magnitude))
        add_hex(out, magnitude);
}

static void read_small(struct slice *in, struct buf *out)
{
    uint32_t n;

    if (der_take_small_uint(in, &n))
        buf_addf(out, "%u", n);
}

static void read_bits(struct slice *in, struct buf *out)
{
    struct slice bytes;
    unsigned unused;

    if (!der_take_bits(in, &bytes, &unused))
        return;
    buf_addf(out, "%u", unused);
    add_hex(out, bytes);
}

static void read_time(struct slice *in, struct buf *out)
{
    int64_t t;

    if (!der_take_time(in, &t))
        return;
    if (t < 0)
        buf_addf(out, "%lld", (long long)t);
    else
        time_format(out, t);
}

// clang-format off
static const struct {
    const char *label;
    reader *read;
    const char *der, *want;
} cases[] = {
    { "an element, and what follows stays", read_any, "04( 0102 ) 0500", "04[0102]" },
    { "an empty element",                 read_any, "3000", "30[]" },
    { "nothing",                          read_any, "", "" },
    { "a tag alone",                      read_any, "30", "" },
    { "content cut short",                read_any, "0403 0102", "" },
    { "the indefinite form",              read_any, "3080 0500 0000", "" },
    { "a long length that fits the short form", read_any, "04 81 02 0102", "" },
    { "a long length with a zero in front", read_any, "04 82 00 80", "" },
    { "a length of five bytes",           read_any, "04 85 01 00 00 00 00", "" },
    { "a length cut short",               read_any, "04 82 01", "" },
    { "a length far beyond the input",    read_any, "04 84 ff ff ff ff 00", "" },
    { "length ff",                        read_any, "04 ff 00", "" },
    { "a tag of several bytes",           read_any, "1f 81 01 00", "" },
    { "a context tag of several bytes",   read_any, "bf 21 00", "" },
    { "a sequence",                       read_sequence, "30( 0500 )", "[0500]" },
    { "a set is no sequence",             read_sequence, "31( 0500 )", "" },
    { "with its header",                  read_whole, "30( 0500 ) 05", "[30020500]" },
    { "with its header, cut",             read_whole, "3003 0500", "" },
    { "an optional one that is there",    read_optional, "80( 07 )", "[07]" },
    { "an optional one that is not",      read_optional, "0500", "absent" },
    { "an optional one at the end",       read_optional, "", "absent" },
    { "an optional one that is broken",   read_optional, "8002 07", "" },
    { "true",                             read_bool, "0101ff", "true" },
    { "false",                            read_bool, "010100", "false" },
    { "a boolean of BER",                 read_bool, "010101", "" },
    { "an empty boolean",                 read_bool, "0100", "" },
    { "a boolean of two bytes",           read_bool, "0102ffff", "" },
    { "a number",                         read_uint, "02( 12 34 )", "[1234]" },
    { "a number with its sign byte",      read_uint, "02( 00 80 )", "[80]" },
    { "zero",                             read_uint, "020100", "[00]" },
    { "a negative number",                read_uint, "020180", "" },
    { "a number with a zero too many",    read_uint, "02( 00 7f )", "" },
    { "an empty number",                  read_uint, "0200", "" },
    { "a small number",                   read_small, "02( 00 ff ff ff ff )", "4294967295" },
    { "a number that is not small",       read_small, "02( 01 00 00 00 00 )", "" },
    { "bits",                             read_bits, "03( 00 a0 )", "0[a0]" },
    { "bits with an unused one",          read_bits, "03( 05 a0 )", "5[a0]" },
    { "no bits",                          read_bits, "03( 00 )", "0[]" },
    { "unused bits that are not zero",    read_bits, "03( 05 a1 )", "" },
    { "eight unused bits",                read_bits, "03( 08 00 )", "" },
    { "unused bits of nothing",           read_bits, "03( 01 )", "" },
    { "bits without their count",         read_bits, "0300", "" },
    { "UTCTime",                          read_time, "17('261123013200Z')", "2026-11-23T01:32:00Z" },
    { "UTCTime, last of this century",    read_time, "17('491231235959Z')", "2049-12-31T23:59:59Z" },
    { "UTCTime, first of the last one",   read_time, "17('500101000000Z')", "-631152000" },
    { "GeneralizedTime",                  read_time, "18('20500101000000Z')", "2050-01-01T00:00:00Z" },
    { "the last time of all",             read_time, "18('99991231235959Z')", "9999-12-31T23:59:59Z" },
    { "a time without seconds",           read_time, "17('2611230132Z')", "" },
    { "a time with an offset",            read_time, "17('261123013200+0100')", "" },
    { "a time without Z",                 read_time, "17('261123013200')", "" },
    { "a time with a fraction",           read_time, "18('20500101000000.5Z')", "" },
    { "a leap second",                    read_time, "17('161231235960Z')", "" },
    { "30 February",                      read_time, "17('260230000000Z')", "" },
    { "month 0",                          read_time, "17('260030000000Z')", "" },
    { "hour 24",                          read_time, "17('260101240000Z')", "" },
    { "a letter in a time",               read_time, "17('26o101000000Z')", "" },
    { "a sign in a time",                 read_time, "17('26-101000000Z')", "" },
    { "a time that is a string",          read_time, "0c('261123013200Z')", "" },
};
// clang-format on

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_clear) struct buf der = { 0 };
        CLEANUP(buf_clear) struct buf got = { 0 };
        struct slice in;

        asm_add(&der, cases[i].der);
        in = buf_slice(&der);
        cases[i].read(&in, &got);
        if (strcmp(buf_str(&got), cases[i].want) != 0)
            fail_msg("%s: got '%s'", cases[i].label, buf_str(&got));
        if (got.len == 0 && in.len != der.len)
            fail_msg("%s: refused, and the input moved", cases[i].label);
    }
}

// clang-format off
static const struct {
    const char *label, *der;
    bool good;
} checks[] = {
    { "nothing",                        "", true },
    { "several elements",               "30( 0101ff 020100 0500 06032a0304 a0( 0c('x') ) ) 3100", true },
    { "a primitive context tag is not opened", "80( ffff )", true },
    { "a constructed one is",           "a0( ffff )", false },
    { "an octet string is not opened",  "04( ffff )", true },
    { "an element cut inside",          "30( 0402 00 )", false },
    { "a broken one behind a good one", "0500 30", false },
    { "a boolean of 1",                 "30( 010101 )", false },
    { "a number with a zero too many",  "30( 0202 007f )", false },
    { "a number with ff too many",      "30( 0202 ff80 )", false },
    { "a negative number",              "30( 020180 )", true },
    { "an empty number",                "30( 0200 )", false },
    { "an empty enumerated",            "30( 0a00 )", false },
    { "bits with unused ones set",      "30( 03( 04 ff ) )", false },
    { "bits without a count",           "30( 0300 )", false },
    { "no bits, seven unused",          "30( 0301 07 )", false },
    { "NULL with content",              "30( 0501 00 )", false },
    { "an empty OID",                   "30( 0600 )", false },
    { "an OID with a padded arc",       "30( 0603 2a8001 )", false },
    { "an OID without its end",         "30( 0602 2a81 )", false },
    { "BMPString of odd length",        "30( 1e( 004100 ) )", false },
    { "UniversalString of odd length",  "30( 1c( 000041 ) )", false },
    { "a sequence as primitive",        "10( 0500 )", false },
    { "a set as primitive",             "1100", false },
    { "a constructed octet string",     "24( 0401 00 )", false },
    { "a constructed UTF8String",       "2c( 0c('x') )", false },
    { "a constructed object descriptor", "27( 0500 )", false },
    { "EXTERNAL",                       "28( 0500 )", true },
    { "the end of contents",            "0000", false },
    { "16 deep",                        "30(30(30(30( 30(30(30(30( 30(30(30(30( 30(30(30(30( ))))))))))))))))", true },
    { "17 deep",                        "30( 30(30(30(30( 30(30(30(30( 30(30(30(30( 30(30(30(30( )))))))))))))))))", false },
};
// clang-format on

static void test_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        CLEANUP(buf_clear) struct buf der = { 0 };

        asm_add(&der, checks[i].der);
        if (der_check(buf_slice(&der)) != checks[i].good)
            fail_msg("%s", checks[i].label);
    }
}

static void test_write_numbers(void **state)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        { "", "020100" },     { "00", "020100" },       { "0000", "020100" },
        { "7f", "02017f" },   { "80", "02020080" },     { "0080", "02020080" },
        { "0001", "020101" }, { "ff00", "020300ff00" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_clear) struct buf in = { 0 }, out = { 0 }, hex = { 0 };

        asm_add(&in, rows[i].in);
        der_put_uint(&out, buf_slice(&in));
        hex_encode(&hex, buf_slice(&out));
        assert_string_equal(buf_str(&hex), rows[i].want);
    }
}

/* Lengths around every change of form read back; the bytes behind the header did not move wrongly.
 */
static void test_write_lengths(void **state)
{
    static const size_t lengths[] = { 0, 1, 127, 128, 129, 255, 256, 257, 65535, 65536, 70000 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct slice in, outer, inner;
        size_t a = der_begin(&out, DER_SEQUENCE), b = der_begin(&out, DER_OCTET_STRING);

        for (size_t k = 0; k < lengths[i]; k++)
            buf_add_byte(&out, (uint8_t)k);
        der_end(&out, b);
        der_end(&out, a);
        in = buf_slice(&out);
        assert_true(der_take(&in, DER_SEQUENCE, &outer) && in.len == 0);
        assert_true(der_take(&outer, DER_OCTET_STRING, &inner) && outer.len == 0);
        assert_int_equal(inner.len, lengths[i]);
        for (size_t k = 0; k < inner.len; k++)
            assert_int_equal(inner.ptr[k], (uint8_t)k);
    }
}

static void test_write_times(void **state)
{
    static const struct {
        int64_t t;
        const char *want; /* NULL: refused */
    } rows[] = {
        { 0, "17('700101000000Z')" },
        { INT64_C(2524607999), "17('491231235959Z')" },
        { INT64_C(2524608000), "18('20500101000000Z')" },
        { TIME_MAX, "18('99991231235959Z')" },
        { TIME_MAX + 1, NULL },
        { -1, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 }, want = { 0 };

        der_put_time(&out, rows[i].t);
        assert_int_equal(out.failed, rows[i].want == NULL);
        if (!rows[i].want)
            continue;
        asm_add(&want, rows[i].want);
        assert_true(slice_eq(buf_slice(&out), buf_slice(&want)));
    }
}

static void test_write_bool(void **state)
{
    CLEANUP(buf_clear) struct buf out = { 0 };

    (void)state;
    der_put_bool(&out, true);
    der_put_bool(&out, false);
    assert_true(slice_eq(buf_slice(&out), slice_of("\x01\x01\xff\x01\x01\x00", 6)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),          cmocka_unit_test(test_check),
        cmocka_unit_test(test_write_numbers), cmocka_unit_test(test_write_lengths),
        cmocka_unit_test(test_write_times),   cmocka_unit_test(test_write_bool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
