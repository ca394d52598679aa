#include "http_log.h"

static const struct http_limits limits = {
    .target = 100, .head = 1000, .fields = 10, .body = 2000, .queued = 1000
};
enum { LONGEST_ANSWER = 41 << 10 }; /* of http_log_answer */

/* Feeds pieces of up to `most` bytes; 0: all at once. */
static int run(struct http_log *log, struct slice bytes, size_t most)
{
    struct err e = { 0 };
    int rc = http_log_open(log, HTTP_1_1, &limits, &e);

    for (size_t n = 1; rc == 0 && bytes.len; n = n * 5 + 3) {
        size_t piece = most ? n % most + 1 : bytes.len;
        size_t len = piece < bytes.len ? piece : bytes.len;

        rc = http_log_feed(log, slice_of(bytes.ptr, len), &e);
        bytes = slice_of(bytes.ptr + len, bytes.len - len);
    }
    assert(rc == 0 || e.code == ERR_INVALID || e.code == ERR_LIMIT);
    assert(rc == 0 || http_conn_done(log->conn));
    assert(log->output.len <= ((size_t)log->stream + 1) * LONGEST_ANSWER);
    return rc;
}

/* Property: however the bytes are cut, by the first of them, the same requests are seen, and the
 * same answers given, which are no more than the requests account for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(http_log_clear) struct http_log whole = { 0 };
    CLEANUP(http_log_clear) struct http_log cut = { 0 };
    struct slice bytes;

    if (len == 0)
        return 0;
    bytes = slice_of(data + 1, len - 1);
    if (run(&whole, bytes, 0) != run(&cut, bytes, data[0] % 64 + 1u))
        abort();
    assert(slice_eq(buf_slice(&whole.events), buf_slice(&cut.events)));
    assert(slice_eq(buf_slice(&whole.output), buf_slice(&cut.output)));
    return 0;
}
