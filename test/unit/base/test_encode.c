#include "unit.h"

#include "base/encode.h"

typedef int decoder(struct buf *out, struct slice text, struct err *e);
typedef void encoder(struct buf *out, struct slice bytes);

/* RFC 4648, section 10, and what is particular to the two alphabets. */
/* clang-format off */
static const struct { struct slice bytes; const char *hex, *base64, *base64url; } vectors[] = {
#define BYTES(text) { (const uint8_t *)(text), sizeof(text) - 1 }
    { BYTES(""),       "",             "",         ""         },
    { BYTES("f"),      "66",           "Zg==",     "Zg"       },
    { BYTES("fo"),     "666f",         "Zm8=",     "Zm8"      },
    { BYTES("foo"),    "666f6f",       "Zm9v",     "Zm9v"     },
    { BYTES("foob"),   "666f6f62",     "Zm9vYg==", "Zm9vYg"   },
    { BYTES("fooba"),  "666f6f6261",   "Zm9vYmE=", "Zm9vYmE"  },
    { BYTES("foobar"), "666f6f626172", "Zm9vYmFy", "Zm9vYmFy" },
    { BYTES("\xfb\xff\xfe"), "fbfffe", "+//+",     "-__-"     },
    { BYTES("\0\0"),   "0000",         "AAA=",     "AAA"      },
};

static const struct { const char *label; decoder *decode; const char *text; } refused[] = {
    { "odd hex",                hex_decode,       "abc"      },
    { "no hex digit",           hex_decode,       "ag"       },
    { "hex with a space",       hex_decode,       "a b "     },
    { "a single character",     base64_decode,    "Z"        },
    { "no padding",             base64_decode,    "Zg"       },
    { "half the padding",       base64_decode,    "Zg="      },
    { "padding alone",          base64_decode,    "===="     },
    { "too much padding",       base64_decode,    "Z==="     },
    { "padding in the middle",  base64_decode,    "Zg==Zg==" },
    { "stray bits, one byte",   base64_decode,    "Zh=="     },
    { "stray bits, two bytes",  base64_decode,    "Zm9="     },
    { "white space",            base64_decode,    "Zm9v\nZm9v\nAA" },
    { "url alphabet",           base64_decode,    "-__-"     },
    { "beyond ASCII",           base64_decode,    "Zm9\xc3"  },
    { "padding",                base64url_decode, "Zg=="     },
    { "impossible length",      base64url_decode, "Zm9vY"    },
    { "stray bits",             base64url_decode, "Zh"       },
    { "standard alphabet",      base64url_decode, "+//+"     },
    { "a dot",                  base64url_decode, "Zm9v."    },
};

static const struct { const char *label, *text; bool valid, safe; } texts[] = {
    { "ascii",                    "abc",              true,  true  },
    { "two bytes",                "\xc2\xa0\xdf\xbf", true,  true  },
    { "three bytes",              "\xe0\xa0\x80\xef\xbf\xbd", true, true },
    { "four bytes",               "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true, true },
    { "before the surrogates",    "\xed\x9f\xbf",     true,  true  },
    { "line feed",                "\n",               true,  false },
    { "delete",                   "\x7f",             true,  false },
    { "C1 control",               "\xc2\x9b",         true,  false },
    { "line separator",           "\xe2\x80\xa8",     true,  false },
    { "right-to-left override",   "\xe2\x80\xae",     true,  false },
    { "isolate",                  "\xe2\x81\xa6",     true,  false },
    { "arabic letter mark",       "\xd8\x9c",         true,  false },
    { "byte order mark",          "\xef\xbb\xbf",     true,  false },
    { "surrogate",                "\xed\xa0\x80",     false, false },
    { "overlong slash",           "\xc0\xaf",         false, false },
    { "overlong in three",        "\xe0\x9f\xbf",     false, false },
    { "overlong in four",         "\xf0\x8f\xbf\xbf", false, false },
    { "beyond U+10FFFF",          "\xf4\x90\x80\x80", false, false },
    { "five bytes",               "\xf8\x88\x80\x80\x80", false, false },
    { "lone continuation",        "\x80",             false, false },
    { "cut",                      "\xe2\x82",         false, false },
    { "broken at the third byte", "\xe2\x82" "a",     false, false },
};
/* clang-format on */

static void check(encoder *encode, decoder *decode, struct slice bytes, const char *text)
{
    CLEANUP(buf_clear) struct buf out = { 0 }, back = { 0 };
    struct err e = { 0 };

    encode(&out, bytes);
    assert_string_equal(buf_str(&out), text);
    buf_add_str(&back, "+");
    assert_int_equal(decode(&back, slice_str(text), &e), 0);
    assert_int_equal(back.len, bytes.len + 1);
    assert_true(slice_eq(slice_of(back.ptr + 1, bytes.len), bytes));
}

static void test_vectors(void **state)
{
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct err e = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        check(hex_encode, hex_decode, vectors[i].bytes, vectors[i].hex);
        check(base64_encode, base64_decode, vectors[i].bytes, vectors[i].base64);
        check(base64url_encode, base64url_decode, vectors[i].bytes, vectors[i].base64url);
    }
    assert_int_equal(hex_decode(&out, slice_str("FBfF"), &e), 0);
    assert_true(slice_eq_str(buf_slice(&out), "\xfb\xff"));
}

/* Refused text leaves the output as it was. */
static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct err e = { 0 };

        buf_add_str(&out, "before");
        if (refused[i].decode(&out, slice_str(refused[i].text), &e) == 0)
            fail_msg("%s: decoded", refused[i].label);
        assert_int_equal(e.code, ERR_INVALID);
        assert_string_equal(buf_str(&out), "before");
    }
}

static void test_every_length(void **state)
{
    uint8_t bytes[256];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 167 + 13);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        CLEANUP(buf_clear) struct buf text = { 0 }, back = { 0 };
        struct err e = { 0 };

        base64url_encode(&text, slice_of(bytes, len));
        assert_int_equal(base64url_decode(&back, buf_slice(&text), &e), 0);
        assert_true(slice_eq(buf_slice(&back), slice_of(bytes, len)));
    }
}

static void test_failed_buffer(void **state)
{
    CLEANUP(buf_clear) struct buf out = { .failed = true };
    struct err e = { 0 };

    (void)state;
    base64_encode(&out, slice_str("foo"));
    hex_encode(&out, slice_str("foo"));
    assert_int_equal(out.len, 0);
    assert_int_equal(hex_decode(&out, slice_str("00"), &e), -1);
    assert_int_equal(base64_decode(&out, slice_str("AAAA"), &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
}

static void test_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char copy[32];

        if (utf8_valid(slice_str(texts[i].text)) != texts[i].valid)
            fail_msg("%s", texts[i].label);
        (void)snprintf(copy, sizeof copy, "%s", texts[i].text);
        text_make_safe(copy);
        if ((strcmp(copy, texts[i].text) == 0) != texts[i].safe ||
            strlen(copy) > strlen(texts[i].text))
            fail_msg("%s becomes %s", texts[i].label, copy);
    }
    assert_true(utf8_valid(slice_of("a\0b", 3)));
    assert_true(utf8_valid((struct slice){ 0 }));
}

static void test_utf8_points(void **state)
{
    uint32_t c = 0;

    (void)state;
    assert_int_equal(utf8_next((struct slice){ 0 }, &c), 0);
    assert_int_equal(utf8_next(slice_of("\0", 1), &c), 1);
    assert_int_equal(c, 0);
    assert_int_equal(utf8_next(slice_str("\xc3\xa8x"), &c), 2);
    assert_int_equal(c, 0xe8);
    assert_int_equal(utf8_next(slice_str("\xe2\x82\xac"), &c), 3);
    assert_int_equal(c, 0x20ac);
    assert_int_equal(utf8_next(slice_str("\xf4\x8f\xbf\xbf"), &c), 4);
    assert_int_equal(c, 0x10ffff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_length), cmocka_unit_test(test_failed_buffer),
        cmocka_unit_test(test_utf8),         cmocka_unit_test(test_utf8_points),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
