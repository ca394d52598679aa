#include "asm.h"
#include "crypto/name.h"

#define CN "0603550403"
#define ORG "060355040a"
#define DC "060a0992268993f22c640119"

// clang-format off
static const struct {
    const char *label, *der;
    enum err_code want;
    const char *text;
} names[] = {
    { "nothing at all",      "3000", ERR_NONE, "" },
    { "a user",              "30( 31(30(" ORG " 0c('system:masters'))) 31(30(" CN " 13('kubernetes-admin'))) )",
      ERR_NONE, "O=system:masters, CN=kubernetes-admin" },
    { "several values in one", "30( 31( 30(" ORG " 0c('a')) 30(" CN " 0c('b')) ) )", ERR_NONE, "O=a + CN=b" },
    { "an attribute we do not name", "30( 31(30(" DC " 16('example'))) )", ERR_NONE,
      "0.9.2342.19200300.100.1.25=example" },
    { "a large first arc",   "30( 31(30( 0603883703 0c('x'))) )", ERR_NONE, "2.999.3=x" },
    { "an arc beyond 32 bits", "30( 31(30( 0607550490ffffff7f 0c('x'))) )", ERR_NONE, "2.5.4.?=x" },
    { "an attribute with a type of its own", "30( 31(30( 060355042d 0302 00 a5)) )", ERR_NONE, "2.5.4.45=#00a5" },
    { "an attribute that is a number", "30( 31(30( 060355042d 020105)) )", ERR_INVALID, "2.5.4.45=#05" },
    { "a CN of bits", "30( 31(30(" CN " 0302 00 a5)) )", ERR_INVALID, "CN=#00a5" },
    { "UniversalString beyond Unicode", "30( 31(30(" CN " 1c(00110000))) )", ERR_INVALID, "CN=\xef\xbf\xbd" },
    { "what has a meaning is escaped", "30( 31(30(" CN " 0c('a,b+c\"d\\e<f>g;h'))) )", ERR_NONE,
      "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h" },
    { "control characters",  "30( 31(30(" CN " 0c('a' 0a 1b '[31m' 7f))) )", ERR_NONE, "CN=a\\0A\\1B[31m\\7F" },
    { "a NUL",               "30( 31(30(" CN " 0c('admin' 00 '.evil'))) )", ERR_NONE, "CN=admin\\00.evil" },
    { "text that runs backwards", "30( 31(30(" CN " 0c('a' e280ae 'b'))) )", ERR_NONE, "CN=a\\E2\\80\\AEb" },
    { "letters beyond ASCII", "30( 31(30(" CN " 0c('Gen' c3a8 've'))) )", ERR_NONE, "CN=Gen\xc3\xa8ve" },
    { "T61String is Latin-1", "30( 31(30(" CN " 14('Gen' e8 've'))) )", ERR_NONE, "CN=Gen\xc3\xa8ve" },
    { "BMPString",           "30( 31(30(" CN " 1e(0041 20ac))) )", ERR_NONE, "CN=A\xe2\x82\xac" },
    { "BMPString with half a pair", "30( 31(30(" CN " 1e(d83d))) )", ERR_INVALID, "CN=\xef\xbf\xbd" },
    { "UniversalString",     "30( 31(30(" CN " 1c(0001f600))) )", ERR_NONE, "CN=\xf0\x9f\x98\x80" },
    { "NumericString",       "30( 31(30(" CN " 12('12 34'))) )", ERR_NONE, "CN=12 34" },
    { "a star, which real certificates have", "30( 31(30(" CN " 13('*.example.com'))) )", ERR_NONE, "CN=*.example.com" },

    { "not a sequence",      "3100", ERR_INVALID, "(broken name)" },
    { "bytes behind it",     "3000 00", ERR_INVALID, "(broken name)" },
    { "an empty set",        "30( 3100 )", ERR_INVALID, "(broken name)" },
    { "a pair without value", "30( 31(30(" CN ")) )", ERR_INVALID, "(broken name)" },
    { "a pair of three",     "30( 31(30(" CN " 0c('a') 0c('b'))) )", ERR_INVALID, "(broken name)" },
    { "an empty type",       "30( 31(30( 0600 0c('a'))) )", ERR_INVALID, "(broken name)" },
    { "good, then broken",   "30( 31(30(" CN " 0c('a'))) 30 )", ERR_INVALID, "CN=a, (broken name)" },
    { "an empty value",      "30( 31(30(" CN " 0c())) )", ERR_INVALID, "CN=" },
    { "UTF-8 that is none",  "30( 31(30(" CN " 0c('a' ff))) )", ERR_INVALID, "CN=a\\FF" },
    { "a surrogate in UTF-8", "30( 31(30(" CN " 0c(eda080))) )", ERR_INVALID, "CN=\\ED\\A0\\80" },
    { "an overlong NUL",     "30( 31(30(" CN " 0c(c080))) )", ERR_INVALID, "CN=\\C0\\80" },
    { "PrintableString with @", "30( 31(30(" CN " 13('a@b'))) )", ERR_INVALID, "CN=a@b" },
    { "PrintableString with NUL", "30( 31(30(" CN " 13('a' 00))) )", ERR_INVALID, "CN=a\\00" },
    { "IA5String beyond ASCII", "30( 31(30(" CN " 16('a' e8))) )", ERR_INVALID, "CN=a\\E8" },
    { "NumericString with a letter", "30( 31(30(" CN " 12('1a'))) )", ERR_INVALID, "CN=1a" },
    { "BMPString of odd length", "30( 31(30(" CN " 1e(004100))) )", ERR_INVALID, "CN=A" },
    { "UniversalString of odd length", "30( 31(30(" CN " 1c(000041))) )", ERR_INVALID, "CN=" },
    { "a CN that is a number", "30( 31(30(" CN " 020105)) )", ERR_INVALID, "CN=#05" },
};
// clang-format on

static void test_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(buf_clear) struct buf der = { 0 }, text = { 0 };
        struct err e = { 0 };
        int rc;

        asm_add(&der, names[i].der);
        rc = name_check(buf_slice(&der), &e);
        if (e.code != names[i].want || (rc == 0) != (names[i].want == ERR_NONE))
            fail_msg("%s: got %s", names[i].label, err_text(&e));
        name_format(&text, buf_slice(&der));
        if (strcmp(buf_str(&text), names[i].text) != 0)
            fail_msg("%s: written as '%s'", names[i].label, buf_str(&text));
    }
}

static void test_too_many_parts(void **state)
{
    (void)state;
    for (size_t count = 64; count <= 65; count++) {
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct err e = { 0 };
        size_t mark = name_begin(&der);

        for (size_t i = 0; i < count; i++)
            name_add(&der, NAME_OU, slice_str("x"));
        name_end(&der, mark);
        assert_int_equal(name_check(buf_slice(&der), &e), count == 64 ? 0 : -1);
        assert_int_equal(e.code, count == 64 ? ERR_NONE : ERR_LIMIT);
    }
}

static void test_build(void **state)
{
    CLEANUP(buf_clear) struct buf der = { 0 }, text = { 0 };
    struct name_iter it;
    struct name_part part;
    size_t mark = name_begin(&der), count = 0;

    (void)state;
    name_add(&der, NAME_C, slice_str("CH"));
    name_add(&der, NAME_ST, slice_str("GE"));
    name_add(&der, NAME_L, slice_str("GVA2"));
    name_add(&der, NAME_O, slice_str("Exoscale"));
    name_add(&der, NAME_OU, slice_str("SKS"));
    name_add(&der, NAME_SERIAL, slice_str("7"));
    name_add(&der, NAME_CN, slice_str("kubernetes"));
    name_end(&der, mark);
    assert_int_equal(name_check(buf_slice(&der), NULL), 0);
    name_format(&text, buf_slice(&der));
    assert_string_equal(buf_str(&text),
                        "C=CH, ST=GE, L=GVA2, O=Exoscale, OU=SKS, serialNumber=7, CN=kubernetes");
    it = name_iter(buf_slice(&der));
    while (name_next(&it, &part)) {
        bool printable = part.attr == NAME_C || part.attr == NAME_SERIAL;

        assert_int_equal(part.string_tag, printable ? DER_PRINTABLE : DER_UTF8);
        assert_true(part.first_of_rdn);
        count++;
    }
    assert_int_equal(count, 7);
    assert_false(it.bad);
}

/* Upper bounds of RFC 5280 appendix A, counted in characters. */
static void test_bounds(void **state)
{
    static const struct {
        enum name_attr attr;
        size_t most;
    } rows[] = { { NAME_CN, 64 },  { NAME_O, 64 },  { NAME_OU, 64 },    { NAME_C, 2 },
                 { NAME_ST, 128 }, { NAME_L, 128 }, { NAME_SERIAL, 64 } };
    char text[129];

    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_clear) struct buf der = { 0 };

        name_add(&der, rows[i].attr, slice_of(text, rows[i].most));
        assert_false(der.failed);
        name_add(&der, rows[i].attr, slice_of(text, rows[i].most + 1));
        assert_true(der.failed);
    }
}

static void test_build_refuses(void **state)
{
    static const struct {
        const char *label;
        enum name_attr attr;
        struct slice value;
    } rows[] = {
        { "an empty value", NAME_CN, { (const uint8_t *)"", 0 } },
        { "a NUL", NAME_CN, { (const uint8_t *)"a\0b", 3 } },
        { "not UTF-8", NAME_O, { (const uint8_t *)"\xff", 1 } },
        { "a country with a star", NAME_C, { (const uint8_t *)"C*", 2 } },
        { "a country that is not ASCII", NAME_C, { (const uint8_t *)"\xc3\xa9", 2 } },
        { "a serial number with _", NAME_SERIAL, { (const uint8_t *)"a_b", 3 } },
        { "an attribute without a name", NAME_OTHER, { (const uint8_t *)"a", 1 } },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_clear) struct buf der = { 0 };

        name_add(&der, rows[i].attr, rows[i].value);
        if (!der.failed)
            fail_msg("%s was written", rows[i].label);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),         cmocka_unit_test(test_too_many_parts),
        cmocka_unit_test(test_build),         cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_build_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
