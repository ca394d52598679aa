#include "http_log.h"

/* Wide where the moment of an answer would matter, for the runs are to be the same. */
static const struct http_limits limits = {
    .target = 100, .head = 1000, .fields = 10, .body = 2000, .streams = 1000, .queued = 100 << 20
};
enum { LONGEST = 4000, LONGEST_ANSWER = 41 << 10 };

static void put_preface(struct buf *out)
{
    buf_add_str(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    buf_add(out, "\0\0\0\4\0\0\0\0", 9); /* SETTINGS */
}

/* Feeds pieces of up to `most` bytes (0: all at once); `reads`: the peer takes answers as they
 * come, else at the end. */
static int run(struct http_log *log, struct slice bytes, size_t most, bool reads)
{
    struct err e = { 0 };
    int rc = http_log_open(log, HTTP_2, &limits, &e);

    for (size_t n = 1; rc == 0 && bytes.len; n = n * 5 + 3) {
        size_t piece = most ? n % most + 1 : bytes.len;
        size_t len = piece < bytes.len ? piece : bytes.len, taken;

        if (reads) {
            rc = http_log_feed(log, slice_of(bytes.ptr, len), &e);
        } else {
            rc = http_conn_feed(log->conn, slice_of(bytes.ptr, len), &taken, &e);
            assert(rc || taken == len);
        }
        bytes = slice_of(bytes.ptr + len, bytes.len - len);
    }
    assert(rc == 0 || e.code == ERR_INVALID);
    if (http_conn_output(log->conn, &log->output, SIZE_MAX, &e))
        abort();
    assert(rc == 0 || http_conn_done(log->conn));
    assert(log->output.len <= ((size_t)log->stream + 1) * LONGEST_ANSWER);
    return rc;
}

/* Property: however the bytes are cut, by the first of them, the same requests are seen; answers
 * are no more than they account for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(http_log_clear) struct http_log whole = { 0 };
    CLEANUP(http_log_clear) struct http_log cut = { 0 };
    CLEANUP(http_log_clear) struct http_log read = { 0 };
    CLEANUP(buf_clear) struct buf bytes = { 0 };

    if (len == 0 || len > LONGEST)
        return 0;
    if (data[0] & 0x80)
        put_preface(&bytes);
    buf_add(&bytes, data + 1, len - 1);
    if (run(&whole, buf_slice(&bytes), 0, false) !=
        run(&cut, buf_slice(&bytes), data[0] % 64 + 1u, false))
        abort();
    assert(slice_eq(buf_slice(&whole.events), buf_slice(&cut.events)));
    (void)run(&read, buf_slice(&bytes), data[0] % 64 + 1u, true);
    return 0;
}
