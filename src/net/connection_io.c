#include "net/connection.h"
#include "net/libssl.h"
#include <string.h>

/* Of one connection, before others have their turn. */
enum { MAX_READS = 8 };

/* ---- writing ---- */

/* What the socket does not take stays in c->output. -1: broken. */
static int write_out(struct connection *c, struct slice bytes, size_t *written)
{
    *written = 0;
    while (*written < bytes.len) {
        ssize_t n = channel_write(&c->channel, bytes.ptr + *written, bytes.len - *written);

        if (n == CHANNEL_WAIT || n == CHANNEL_WAIT_WRITE)
            break;
        if (n <= 0)
            return -1;
        *written += (size_t)n;
    }
    if (*written) {
        server_count(&c->thread->stats.bytes_out, *written);
        c->stalled = 0;
    }
    return 0;
}

/* True when all of c->output went out. */
static int write_kept(struct connection *c, bool *all)
{
    size_t written;

    if (write_out(c, slice_of(c->output.ptr + c->sent, c->output.len - c->sent), &written))
        return -1;
    c->sent += written;
    *all = c->sent == c->output.len;
    if (*all) {
        buf_clear(&c->output);
        c->sent = 0;
    }
    return 0;
}

/* Tries at once, without waiting for the socket to say that it is writable: it nearly always is.
 * Only what was used of the thread's buffer is wiped. */
int connection_flush(struct connection *c)
{
    struct buf *out = &c->thread->output;
    size_t written = 0;
    bool all = true;
    int rc = 0;

    if (c->output.len && write_kept(c, &all))
        return -1;
    while (all && rc == 0 && c->http) {
        rc = http_conn_output(c->http, out, OUTPUT_SIZE, NULL);
        if (rc || out->len == 0)
            break;
        rc = write_out(c, buf_slice(out), &written);
        all = written == out->len;
        if (rc == 0 && !all)
            buf_add(&c->output, out->ptr + written, out->len - written);
        explicit_bzero(out->ptr, out->len);
        out->len = 0;
    }
    return rc || c->output.failed || out->failed ? -1 : 0;
}

/* ---- reading ---- */

/* Without ALPN: "PR" begins HTTP/2's preface (RFC 9113 section 3.4) and no method of ours. False:
 * one more byte is needed to tell. */
static bool guess_version(const struct connection *c, struct slice bytes,
                          enum http_version *version)
{
    const unsigned char *protocol = NULL;
    unsigned len = 0;

    *version = HTTP_1_1;
    if (c->channel.ssl)
        c->channel.lib->SSL_get0_alpn_selected(c->channel.ssl, &protocol, &len);
    if (protocol) {
        *version = len == 2 ? HTTP_2 : HTTP_1_1;
        return true;
    }
    if (bytes.ptr[0] != 'P')
        return true;
    if (bytes.len > 1 && bytes.ptr[1] == 'R')
        *version = HTTP_2;
    return bytes.len > 1;
}

/* *bytes keeps what was not taken. */
static int feed(struct connection *c, struct slice *bytes)
{
    enum http_version version;
    struct err e = { 0 };
    size_t taken = 1;

    if (!c->http && bytes->len) {
        if (!guess_version(c, *bytes, &version))
            return 0;
        if (connection_http(c, version, &e)) {
            connection_refuse(c, SERVER_REFUSED_PROTOCOL, err_text(&e));
            return -1;
        }
    }
    while (bytes->len && taken && !c->closing) {
        if (http_conn_feed(c->http, *bytes, &taken, &e)) {
            connection_refuse(c, SERVER_REFUSED_PROTOCOL, err_text(&e));
            c->closing = true;
            taken = bytes->len;
        }
        *bytes = slice_of(bytes->ptr + taken, bytes->len - taken);
    }
    if (c->closing)
        *bytes = slice_of(NULL, 0);
    return 0;
}

/* Feeds what was kept from before. */
int connection_feed(struct connection *c)
{
    struct slice rest = buf_slice(&c->input);
    struct buf left = { 0 };

    if (feed(c, &rest))
        return -1;
    if (rest.len == c->input.len)
        return 0;
    buf_add_slice(&left, rest);
    buf_clear(&c->input);
    c->input = left;
    return 0;
}

/* Reads until there is no more, HTTP takes no more, or others wait. */
int connection_read(struct connection *c)
{
    uint8_t *input = c->thread->input;

    c->write_first = false;
    for (int i = 0; !c->ended && !c->closing && c->input.len <= 1; i++) {
        ssize_t n = channel_read(&c->channel, input, INPUT_SIZE);
        struct slice rest = slice_of(input, n > 0 ? (size_t)n : 0);

        c->ended = n == CHANNEL_END;
        c->write_first = n == CHANNEL_WAIT_WRITE;
        if (n == CHANNEL_BROKEN)
            return -1;
        if (n <= 0)
            return 0;
        c->received += (size_t)n;
        server_count(&c->thread->stats.bytes_in, (size_t)n);
        if (c->input.len) { /* the one byte that told no version */
            buf_add_slice(&c->input, rest);
            if (connection_feed(c))
                return -1;
        } else if (feed(c, &rest)) {
            return -1;
        } else {
            buf_add_slice(&c->input, rest);
        }
        if (!channel_pending(&c->channel))
            return 0;
        if (i >= MAX_READS) {
            loop_io_again(&c->io);
            return 0;
        }
    }
    return 0;
}
