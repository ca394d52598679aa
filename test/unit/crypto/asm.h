#ifndef TEST_CRYPTO_ASM_H
#define TEST_CRYPTO_ASM_H

/*
 * DER from text: pairs of hexadecimal digits are bytes, 'text' is itself, and TAG( ... ) gets the
 * length of what is inside: 30( 02 01 05 0c('hi') ). Lengths written by hand stay wrong.
 */
#include "crypto/der.h"
#include "unit/unit.h"
#include <assert.h>
#include <ctype.h>

static inline uint8_t asm_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, tolower((unsigned char)c));

    assert(c && at);
    return (uint8_t)(at - digits);
}

static inline void asm_add(struct buf *out, const char *text)
{
    size_t marks[32], depth = 0;

    for (const char *at = text; *at; at++) {
        if (isspace((unsigned char)*at))
            continue;
        if (*at == '\'') {
            const char *end = strchr(at + 1, '\'');

            assert(end);
            buf_add(out, at + 1, (size_t)(end - at - 1));
            at = end;
        } else if (*at == '(') {
            buf_add_byte(out, 0);
            marks[depth++] = out->len;
        } else if (*at == ')') {
            assert(depth > 0);
            der_end(out, marks[--depth]);
        } else {
            buf_add_byte(out, (uint8_t)(asm_digit(at[0]) << 4 | asm_digit(at[1])));
            at++;
        }
    }
    assert(depth == 0);
}

/* What is read is refused with any number of bytes cut off its end, and with one more; nothing is
 * read beyond it (each cut ends where its memory does). */
static inline void asm_check_cuts(struct slice good, bool (*reads)(struct slice))
{
    CLEANUP(buf_clear) struct buf more = { 0 };

    assert_true(reads(good));
    for (size_t len = 0; len < good.len; len++) {
        uint8_t *copy = malloc(len ? len : 1);

        memcpy(copy, good.ptr, len);
        assert_false(reads(slice_of(copy, len)));
        free(copy);
    }
    buf_add_slice(&more, good);
    buf_add_byte(&more, 0);
    assert_false(reads(buf_slice(&more)));
}

#endif
