#include "base/clock.h"
#include <assert.h>

/* Property: a duration that parses prints as the same length, a time prints as it stood. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct slice text = slice_of(data, len);
    int64_t first, second;
    struct err e = { 0 };

    if (duration_parse(&first, text, &e) == 0) {
        duration_format(&out, first);
        assert(first > 0 && duration_parse(&second, buf_slice(&out), &e) == 0 && first == second);
        buf_reset(&out);
        duration_round(&out, first);
        assert(duration_parse(&second, buf_slice(&out), &e) == 0 && second <= first);
        buf_reset(&out);
    }
    if (time_parse(&first, text, &e) == 0) {
        time_format(&out, first);
        assert(slice_eq(buf_slice(&out), text));
    }
    return 0;
}
