#include "unit.h"

#include "http2_client.h"

/* Small ones, so that the tests reach them. */
static const struct http_limits limits = {
    .target = 64, .head = 256, .fields = 6, .body = 2000, .streams = 10, .queued = 100
};

#define START(method, path) ":method " method "\n:scheme https\n:path " path "\n"
#define GET START("GET", "/") ":authority a.example\n"
#define POST START("POST", "/") ":authority a.example\n"
#define HUNDRED                                                                                    \
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
    "23"                                                                                           \
    "456789"

/* What is asked, what comes back, and what the server saw (NULL: not looked at). */
static const struct {
    const char *label, *fields, *body, *seen, *events;
} cases[] = {
    { "least", GET, NULL, "1: 200\n1: 'ok'\n", "1 GET / at a.example\n" },
    { "fields", GET "x-a 1\nx-b 2\n", NULL, "1: 200\n1: 'ok'\n",
      "1 GET / at a.example\n  x-a=1\n  x-b=2\n" },
    { "Host for :authority", START("GET", "/") "host b:1\n", NULL, "1: 200\n1: 'ok'\n",
      "1 GET / at b:1\n  host=b:1\n" },
    { "both, and they agree", GET "host a.example\n", NULL, "1: 200\n1: 'ok'\n", NULL },
    { "HEAD", START("HEAD", "/") ":authority a\n", NULL, "1: 200\n", "1 HEAD / at a\n" },
    { "no content", START("GET", "/none") ":authority a\n", NULL, "1: 204\n", NULL },
    { "streamed", START("GET", "/stream") ":authority a\n", NULL, "1: 200\n1: 'okmore of it.'\n",
      NULL },
    { "all of the server", START("OPTIONS", "*") ":authority a\n", NULL, "1: 200\n1: 'ok'\n",
      "1 OPTIONS * at a\n" },
    { "body", POST, "abc", "1: 200\n1: 'ok'\n",
      "max_body POST /\n1 POST / at a.example\n  (3) abc\n" },
    { "body of a length", POST "content-length 3\n", "abc", "1: 200\n1: 'ok'\n", NULL },
    { "continue", POST "expect 100-continue\n", "abc", "1: 100\n1: 200\n1: 'ok'\n", NULL },

    { "another expectation", POST "expect coffee\n", NULL, "1: 417\n", NULL },
    { "unknown method", START("BREW", "/") ":authority a\n", NULL, "1: 501\n", NULL },
    { "no path", START("GET", "a") ":authority a\n", NULL, "1: reset 1\n", NULL },
    { "fragment", START("GET", "/#b") ":authority a\n", NULL, "1: 400\n", NULL },
    { "byte above 127", START("GET", "/\xc3\xbc") ":authority a\n", NULL, "1: 400\n", NULL },
    { "space in the path", START("GET", "/a\x7f") ":authority a\n", NULL, "1: reset 1\n", NULL },
    { "target too long", START("GET", "/" HUNDRED) ":authority a\n", NULL, "1: 414\n", NULL },
    { "neither :authority nor Host", START("GET", "/"), NULL, "1: reset 1\n", NULL },
    { "bad :authority", START("GET", "/") ":authority a/b\n", NULL, "1: reset 1\n", NULL },
    { "bad port", START("GET", "/") ":authority a:0x1\n", NULL, "1: 400\n", NULL },
    { "they differ", GET "host b.example\n", NULL, "1: 400\n", NULL },
    { "two Hosts", GET "host a.example\nhost a.example\n", NULL, "1: reset 1\n", NULL },
    { "two paths", GET ":path /b\n", NULL, "1: reset 1\n", NULL },
    { "pseudo-field behind a field", START("GET", "/") "x-a 1\n:authority a\n", NULL,
      "1: reset 1\n", NULL },
    { "unknown pseudo-field", GET ":x 1\n", NULL, "1: reset 1\n", NULL },
    { "name that is no token", GET "x@ 1\n", NULL, "1: reset 1\n", NULL },
    { "control in a value", GET "x-a a\x01\n", NULL, "1: reset 1\n", NULL },
    { "CR in a value", GET "x-a a\rb\n", NULL, "1: reset 1\n", NULL },
    { "connection", GET "connection close\n", NULL, "1: reset 1\n", NULL },
    { "transfer-encoding", POST "transfer-encoding chunked\n", "abc", "1: reset 1\n", NULL },
    { "te", GET "te gzip\n", NULL, "1: reset 1\n", NULL },
    { "too many fields", GET "a 1\nb 1\nc 1\nd 1\ne 1\nf 1\ng 1\n", NULL, "1: 431\n", NULL },
    { "fields too large", GET "a " HUNDRED "\nb " HUNDRED "\nc " HUNDRED "\n", NULL, "1: 431\n",
      NULL },
    { "CONNECT", ":method CONNECT\n:authority a:1\n", NULL, "1: 501\n", NULL },
    { "wrong length", POST "content-length 4\n", "abc", "1: reset 1\n", NULL },
    { "two lengths", POST "content-length 3\ncontent-length 3\n", "abc", "1: reset 1\n", NULL },
    { "signed length", POST "content-length +3\n", "abc", "1: reset 1\n", NULL },
    { "length larger than allowed", POST "content-length 1001\n", "abc", "1: 413\n", NULL },
};

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(client_clear) struct client c = { 0 };
        struct slice body = slice_str(cases[i].body);
        struct err e = { 0 };

        client_open(&c, &limits);
        assert_int_equal(client_request(&c, cases[i].fields, cases[i].body ? &body : NULL), 1);
        if (client_talk(&c, &e))
            fail_msg("%s: %s", cases[i].label, err_text(&e));
        if (!starts(buf_str(&c.seen), cases[i].seen))
            fail_msg("%s: came back: %s", cases[i].label, buf_str(&c.seen));
        if (cases[i].events && strcmp(buf_str(&c.server.events), cases[i].events) != 0)
            fail_msg("%s: saw %s", cases[i].label, buf_str(&c.server.events));
        if (strstr(cases[i].seen, "reset") && c.server.stream)
            fail_msg("%s: handed out", cases[i].label);
        /* The connection goes on. */
        buf_reset(&c.seen);
        assert_int_equal(client_request(&c, GET, NULL), 3);
        assert_int_equal(client_talk(&c, &e), 0);
        assert_string_equal(buf_str(&c.seen), "3: 200\n3: 'ok'\n");
    }
}

/* Cut anywhere, the same bytes are the same requests. */
static void test_cuts(void **state)
{
    CLEANUP(client_clear) struct client c = { 0 };
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    struct slice body = slice_str("abcdef");
    const uint8_t *piece;
    ssize_t len;

    (void)state;
    client_open(&c, &limits);
    (void)client_request(&c, GET "x-a 1\n", NULL);
    (void)client_request(&c, POST, &body);
    while ((len = c.lib.nghttp2_session_mem_send(c.session, &piece)) > 0)
        buf_add(&bytes, piece, (size_t)len);
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        CLEANUP(http_log_clear) struct http_log log = { 0 };
        struct err e = { 0 };

        assert_int_equal(http_log_open(&log, HTTP_2, &limits, &e), 0);
        assert_int_equal(http_log_feed(&log, slice_of(bytes.ptr, cut), &e), 0);
        for (size_t i = cut; i < bytes.len; i++)
            assert_int_equal(http_log_feed(&log, slice_of(bytes.ptr + i, 1), &e), 0);
        assert_string_equal(buf_str(&log.events), "1 GET / at a.example\n  x-a=1\n"
                                                  "max_body POST /\n3 POST / at a.example\n"
                                                  "  (6) abcdef\n");
    }
}

static void test_not_http2(void **state)
{
    CLEANUP(http_log_clear) struct http_log log = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(http_log_open(&log, HTTP_2, &limits, &e), 0);
    assert_int_equal(http_conn_phase(log.conn), HTTP_PHASE_HEAD);
    assert_int_equal(http_log_feed(&log, slice_str("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), &e), -1);
    assert_true(http_conn_done(log.conn));
}

/* More than max_body says is answered without waiting for the rest. */
static void test_body_too_large(void **state)
{
    CLEANUP(client_clear) struct client c = { 0 };
    CLEANUP(freep) char *large = xcalloc(100000, 1);
    struct slice body = slice_of(large, 100000);
    struct err e = { 0 };

    (void)state;
    client_open(&c, &limits);
    (void)client_request(&c, POST, &body);
    assert_int_equal(client_talk(&c, &e), 0);
    assert_true(starts(buf_str(&c.seen), "1: 413\n"));
    assert_non_null(strstr(buf_str(&c.seen), "1: reset 0\n"));
    assert_string_equal(buf_str(&c.server.events), "max_body POST /\n");
}

/* Each body is allowed, all together are not; the first one goes on. */
static void test_bodies(void **state)
{
    CLEANUP(client_clear) struct client c = { .hold = true, .server.max_body = 1500 };
    CLEANUP(freep) char *text = xcalloc(1400, 1);
    struct slice first = slice_of(text, 1400), second = slice_of(text, 601);
    struct err e = { 0 };

    (void)state;
    client_open(&c, &limits);
    (void)client_request(&c, POST, &first);
    assert_int_equal(client_talk(&c, &e), 0);
    assert_int_equal(http_conn_phase(c.server.conn), HTTP_PHASE_BODY);
    (void)client_request(&c, POST, &second);
    assert_int_equal(client_talk(&c, &e), 0);
    assert_true(starts(buf_str(&c.seen), "3: 503\n"));
    assert_null(strstr(buf_str(&c.seen), "1: "));
    assert_int_equal(c.lib.nghttp2_submit_rst_stream(c.session, 0, 1, NGHTTP2_CANCEL), 0);
    c.hold = false;
    second = slice_of(text, 601);
    (void)client_request(&c, POST, &second);
    assert_int_equal(client_talk(&c, &e), 0);
    assert_non_null(strstr(buf_str(&c.seen), "5: 200\n"));
}

/* While too much is queued, requests wait; they are handed out in order when the client reads. */
static void test_queued(void **state)
{
    CLEANUP(client_clear) struct client c = { .closed_window = true };
    struct err e = { 0 };

    (void)state;
    client_open(&c, &limits);
    for (int i = 0; i < 4; i++)
        (void)client_request(&c, START("GET", "/big") ":authority a\n", NULL);
    assert_int_equal(client_talk(&c, &e), 0);
    /* A window of 65,535: one answer of 40,000 is out, the next is stuck. */
    assert_int_equal(c.data, 65535);
    assert_int_equal(http_conn_queued(c.server.conn), 80000 - 65535);
    assert_int_equal(c.server.stream, 3);
    assert_int_equal(http_conn_phase(c.server.conn), HTTP_PHASE_ANSWER);
    c.closed_window = false;
    assert_int_equal(c.lib.nghttp2_session_consume(c.session, 1, 40000), 0);
    assert_int_equal(c.lib.nghttp2_session_consume(c.session, 3, 65535 - 40000), 0);
    assert_int_equal(client_talk(&c, &e), 0);
    assert_int_equal(c.data, 160000);
    assert_int_equal(c.server.stream, 7);
    assert_int_equal(http_conn_queued(c.server.conn), 0);
    assert_int_equal(http_conn_phase(c.server.conn), HTTP_PHASE_IDLE);
}

/* Parts of an answer come late, and stop when the client gives up. */
static void test_stream(void **state)
{
    CLEANUP(client_clear) struct client c = { .server.later = true };
    struct http_response response = { .status = 200, .type = "text/plain", .stream = true };
    struct err e = { 0 };
    int32_t id;

    (void)state;
    client_open(&c, &limits);
    id = client_request(&c, GET, NULL);
    assert_int_equal(client_talk(&c, &e), 0);
    http_conn_respond(c.server.conn, id, &response);
    assert_int_equal(client_talk(&c, &e), 0);
    assert_string_equal(buf_str(&c.seen), "1: 200\n");
    http_conn_write(c.server.conn, id, slice_str("a"), false);
    assert_int_equal(client_talk(&c, &e), 0);
    http_conn_write(c.server.conn, id, slice_str("b"), false);
    assert_int_equal(client_talk(&c, &e), 0);
    assert_string_equal(buf_str(&c.seen), "1: 200\n1: 'a'\n1: 'b'\n");
    http_conn_write(c.server.conn, id, slice_str("unread"), false);
    assert_int_equal(c.lib.nghttp2_submit_rst_stream(c.session, 0, id, NGHTTP2_CANCEL), 0);
    assert_int_equal(client_talk(&c, &e), 0);
    assert_non_null(strstr(buf_str(&c.server.events), "closed 1\n"));
    assert_int_equal(http_conn_queued(c.server.conn), 0);
    http_conn_write(c.server.conn, id, slice_str("late"), true);
    assert_int_equal(http_conn_queued(c.server.conn), 0);
}

/* First a notice, then the end; what is under way is answered, and so is what crossed the notice.
 */
static void test_drain(void **state)
{
    CLEANUP(client_clear) struct client c = { .server.later = true };
    struct err e = { 0 };

    (void)state;
    client_open(&c, &limits);
    (void)client_request(&c, GET, NULL);
    assert_int_equal(client_talk(&c, &e), 0);
    http_conn_drain(c.server.conn);
    (void)client_request(&c, GET, NULL); /* it does not know yet */
    assert_int_equal(client_talk(&c, &e), 0);
    assert_string_equal(buf_str(&c.seen), "goaway 0 after 2147483647\ngoaway 0 after 3\n");
    assert_false(http_conn_done(c.server.conn));
    http_log_answer(&c.server, 1, slice_str("/"));
    http_log_answer(&c.server, 3, slice_str("/"));
    client_receive(&c);
    assert_non_null(strstr(buf_str(&c.seen), "1: 200\n"));
    assert_non_null(strstr(buf_str(&c.seen), "3: 200\n"));
    assert_true(http_conn_done(c.server.conn));
}

static void test_refuse(void **state)
{
    CLEANUP(client_clear) struct client c = { 0 };
    struct err e = { 0 };

    (void)state;
    client_open(&c, &limits);
    assert_int_equal(client_talk(&c, &e), 0);
    assert_int_equal(http_conn_phase(c.server.conn), HTTP_PHASE_IDLE);
    http_conn_refuse(c.server.conn, 408, "too slow");
    client_receive(&c);
    assert_string_equal(buf_str(&c.seen), "goaway 0 after 0\n");
    assert_true(http_conn_done(c.server.conn));
    assert_int_equal(http_log_feed(&c.server, slice_str("x"), &e), -1);
}

/* ---- floods ---- */

/* CVE-2023-44487: the connection ends long before the streams run out. */
static void test_rapid_reset(void **state)
{
    CLEANUP(client_clear) struct client c = { .server.later = true };
    struct err e = { 0 };
    int rc = 0, i;

    (void)state;
    client_open(&c, &limits);
    for (i = 0; rc == 0 && i < 1000; i++) {
        int32_t id = client_request(&c, GET, NULL);

        rc = client_send(&c, &e);
        (void)c.lib.nghttp2_submit_rst_stream(c.session, 0, id, NGHTTP2_CANCEL);
        rc |= client_send(&c, &e);
    }
    assert_int_equal(i, 101);
    client_receive(&c);
    assert_non_null(strstr(buf_str(&c.seen), "goaway 11 after "));
    assert_true(http_conn_done(c.server.conn));
}

/* Answered ones pay for some that are given up. */
static void test_some_resets(void **state)
{
    CLEANUP(client_clear) struct client c = { 0 };
    struct err e = { 0 };

    (void)state;
    client_open(&c, &limits);
    for (int i = 0; i < 600; i++) {
        int32_t id;

        c.server.later = i % 3 == 0;
        id = client_request(&c, GET, NULL);
        assert_int_equal(client_send(&c, &e), 0);
        if (i % 3 == 0)
            (void)c.lib.nghttp2_submit_rst_stream(c.session, 0, id, NGHTTP2_CANCEL);
        assert_int_equal(client_send(&c, &e), 0);
        client_receive(&c);
    }
}

/* Requests that are wrong, one after the other (what makes a server reset streams itself). */
static void test_wrong_requests(void **state)
{
    CLEANUP(client_clear) struct client c = { 0 };
    struct err e = { 0 };
    int i;

    (void)state;
    client_open(&c, &limits);
    for (i = 0; !http_conn_done(c.server.conn) && i < 1000; i++) {
        (void)client_request(&c, GET "x-a a\x01\n", NULL);
        assert_int_equal(client_send(&c, &e), 0);
        client_receive(&c);
    }
    assert_int_equal(i, 101);
    assert_non_null(strstr(buf_str(&c.seen), "goaway 11 after "));
}

/* Frames, straight to the server, which the client would not make. */
static void add_frame(struct buf *out, uint8_t type, uint8_t flags, uint32_t stream,
                      struct slice payload)
{
    const uint8_t head[] = { (uint8_t)(payload.len >> 16),
                             (uint8_t)(payload.len >> 8),
                             (uint8_t)payload.len,
                             type,
                             flags,
                             (uint8_t)(stream >> 24),
                             (uint8_t)(stream >> 16),
                             (uint8_t)(stream >> 8),
                             (uint8_t)stream };

    buf_add(out, head, sizeof head);
    buf_add_slice(out, payload);
}

static const struct {
    const char *label;
    uint8_t type, flags;
    uint32_t stream;
    const char *payload;
    size_t len;
    bool taken;    /* is the output read? */
    uint32_t most; /* frames until the end */
    const char *says;
} floods[] = {
    { "PING", NGHTTP2_PING, 0, 0, "12345678", 8, false, 1200, "ask for an answer" },
    { "SETTINGS", NGHTTP2_SETTINGS, 0, 0, "", 0, false, 1200, "ask for an answer" },
    { "PING that is answered", NGHTTP2_PING, 0, 0, "12345678", 8, true, 70000, "do nothing" },
    { "PRIORITY", NGHTTP2_PRIORITY, 0, 1, "\0\0\0\0\1", 5, true, 80000, "do nothing" },
    { "unknown frames", 0xbb, 0, 0, "", 0, true, 130000, "do nothing" },
    { "WINDOW_UPDATE", NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4, true, 90000, "do nothing" },
};

static void test_floods(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
        CLEANUP(http_log_clear) struct http_log log = { 0 };
        CLEANUP(buf_clear) struct buf frame = { 0 };
        struct err e = { 0 };
        uint32_t count = 0;
        size_t taken;

        assert_int_equal(http_log_open(&log, HTTP_2, &limits, &e), 0);
        buf_add_str(&frame, NGHTTP2_CLIENT_MAGIC);
        add_frame(&frame, NGHTTP2_SETTINGS, 0, 0, slice_of(NULL, 0));
        assert_int_equal(http_log_feed(&log, buf_slice(&frame), &e), 0);
        buf_reset(&frame);
        for (int n = 0; n < 10; n++)
            add_frame(&frame, floods[i].type, floods[i].flags, floods[i].stream,
                      slice_of(floods[i].payload, floods[i].len));
        while (http_conn_feed(log.conn, buf_slice(&frame), &taken, &e) == 0 &&
               count < floods[i].most) {
            count += 10;
            if (floods[i].taken)
                assert_int_equal(http_conn_output(log.conn, &log.output, SIZE_MAX, &e), 0);
            log.output.len = 0;
        }
        if (count >= floods[i].most || !strstr(err_text(&e), floods[i].says))
            fail_msg("%s: after %u frames: %s", floods[i].label, count, err_text(&e));
        assert_int_equal(http_conn_output(log.conn, &log.output, SIZE_MAX, &e), 0);
        assert_true(http_conn_done(log.conn));
    }
}

#define REQUEST                                                                                    \
    "\x82\x87\x84\x41\x01"                                                                         \
    "a" /* GET https / of authority a */
#define END (NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM)

/* What may come of a stream that is over; frames one after the other, answers read between. */
static const struct {
    const char *label;
    struct {
        uint8_t type, flags;
        uint32_t stream;
        const char *payload;
        size_t len;
    } frame[3];
    uint32_t code; /* of the GOAWAY; 0: none */
} orders[] = {
    { "in order",
      { { NGHTTP2_HEADERS, END, 1, REQUEST, 6 }, { NGHTTP2_HEADERS, END, 7, REQUEST, 6 } },
      0 },
    { "backwards",
      { { NGHTTP2_HEADERS, END, 7, REQUEST, 6 }, { NGHTTP2_HEADERS, END, 5, REQUEST, 6 } },
      NGHTTP2_PROTOCOL_ERROR },
    { "far ahead, then backwards",
      { { NGHTTP2_HEADERS, END, 2001, REQUEST, 6 }, { NGHTTP2_HEADERS, END, 1999, REQUEST, 6 } },
      NGHTTP2_PROTOCOL_ERROR },
    { "twice",
      { { NGHTTP2_HEADERS, END, 1, REQUEST, 6 }, { NGHTTP2_HEADERS, END, 1, REQUEST, 6 } },
      NGHTTP2_STREAM_CLOSED },
    { "DATA behind the end",
      { { NGHTTP2_HEADERS, END, 1, REQUEST, 6 }, { NGHTTP2_DATA, 0, 1, "x", 1 } },
      NGHTTP2_STREAM_CLOSED },
    { "DATA behind a reset",
      { { NGHTTP2_HEADERS, 4, 1, REQUEST, 6 },
        { NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x08", 4 },
        { NGHTTP2_DATA, 0, 1, "x", 1 } },
      NGHTTP2_STREAM_CLOSED },
    { "WINDOW_UPDATE behind the end",
      { { NGHTTP2_HEADERS, END, 1, REQUEST, 6 }, { NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\0\x01", 4 } },
      0 },
    { "DATA of a stream that we have reset",
      { { NGHTTP2_HEADERS, 4, 1,
          "\x82\x87\x44\x01#\x41\x01"
          "a",
          8 },
        { NGHTTP2_DATA, 0, 1, "x", 1 },
        { NGHTTP2_DATA, 1, 1, "x", 1 } },
      0 },
    { "the last stream there is", { { NGHTTP2_HEADERS, END, 0x7fffffff, REQUEST, 6 } }, 0 },
    { "DATA of no stream", { { NGHTTP2_DATA, 0, 1, "x", 1 } }, NGHTTP2_PROTOCOL_ERROR },
};

static void test_orders(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        CLEANUP(http_log_clear) struct http_log log = { 0 };
        CLEANUP(buf_clear) struct buf bytes = { 0 };
        struct err e = { 0 };
        uint32_t code = 0;

        assert_int_equal(http_log_open(&log, HTTP_2, &limits, &e), 0);
        buf_add_str(&bytes, NGHTTP2_CLIENT_MAGIC);
        add_frame(&bytes, NGHTTP2_SETTINGS, 0, 0, slice_of(NULL, 0));
        for (size_t n = 0; n < ARRAY_LEN(orders[i].frame); n++) {
            if (orders[i].frame[n].len)
                add_frame(&bytes, orders[i].frame[n].type, orders[i].frame[n].flags,
                          orders[i].frame[n].stream,
                          slice_of(orders[i].frame[n].payload, orders[i].frame[n].len));
            (void)http_log_feed(&log, buf_slice(&bytes), &e);
            buf_reset(&bytes);
        }
        for (size_t at = 0; at + 17 <= log.output.len;
             at += 9 + (size_t)(log.output.ptr[at + 1] << 8 | log.output.ptr[at + 2]))
            if (log.output.ptr[at + 3] == NGHTTP2_GOAWAY)
                code = log.output.ptr[at + 16];
        if (code != orders[i].code)
            fail_msg("%s: GOAWAY of %u", orders[i].label, code);
    }
}

/* nghttp2's client would write it in lower case. */
static void test_upper_case(void **state)
{
    (void)state;
    for (int upper = 0; upper <= 1; upper++) {
        CLEANUP(http_log_clear) struct http_log log = { 0 };
        CLEANUP(buf_clear) struct buf bytes = { 0 };
        const char *head = upper ? "\x82\x87\x84\x41\x01"
                                   "a"
                                   "\x10\x01X\x01y"
                                 : "\x82\x87\x84\x41\x01"
                                   "a"
                                   "\x10\x01x\x01y";
        struct err e = { 0 };

        assert_int_equal(http_log_open(&log, HTTP_2, &limits, &e), 0);
        buf_add_str(&bytes, NGHTTP2_CLIENT_MAGIC);
        add_frame(&bytes, NGHTTP2_SETTINGS, 0, 0, slice_of(NULL, 0));
        add_frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1,
                  slice_str(head));
        assert_int_equal(http_log_feed(&log, buf_slice(&bytes), &e), 0);
        assert_string_equal(buf_str(&log.events), upper ? "" : "1 GET / at a\n  x=y\n");
    }
}

/* A head in ever more CONTINUATION frames (CVE-2024-27316 and others). */
static void test_continuations(void **state)
{
    CLEANUP(http_log_clear) struct http_log log = { 0 };
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(http_log_open(&log, HTTP_2, &limits, &e), 0);
    buf_add_str(&bytes, NGHTTP2_CLIENT_MAGIC);
    add_frame(&bytes, NGHTTP2_SETTINGS, 0, 0, slice_of(NULL, 0));
    add_frame(&bytes, NGHTTP2_HEADERS, 0, 1, slice_str("\x82"));
    assert_int_equal(http_log_feed(&log, buf_slice(&bytes), &e), 0);
    assert_int_equal(http_conn_phase(log.conn), HTTP_PHASE_HEAD);
    buf_reset(&bytes);
    for (int i = 0; i < 8; i++)
        add_frame(&bytes, NGHTTP2_CONTINUATION, 0, 1, slice_str(""));
    /* nghttp2's own count goes by the pieces in which they come. */
    for (size_t i = 0; i < bytes.len; i++)
        assert_int_equal(http_log_feed(&log, slice_of(bytes.ptr + i, 1), &e), 0);
    buf_reset(&bytes);
    log.output.len = 0;
    add_frame(&bytes, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, slice_str(""));
    assert_int_equal(http_log_feed(&log, buf_slice(&bytes), &e), -1);
    assert_non_null(strstr(err_text(&e), "too many frames"));
    assert_true(http_conn_done(log.conn));
    assert_int_equal(log.output.ptr[3], NGHTTP2_GOAWAY);
    assert_int_equal(log.output.ptr[16], NGHTTP2_ENHANCE_YOUR_CALM);
}

/* One byte a field: the table holds a large one, and each byte names it again. */
static void test_hpack_bomb(void **state)
{
    CLEANUP(http_log_clear) struct http_log log = { 0 };
    CLEANUP(buf_clear) struct buf bytes = { 0 }, head = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(http_log_open(&log, HTTP_2, &limits, &e), 0);
    buf_add_str(&bytes, NGHTTP2_CLIENT_MAGIC);
    add_frame(&bytes, NGHTTP2_SETTINGS, 0, 0, slice_of(NULL, 0));
    buf_add_str(&head, "\x82\x87\x84\x41\x01"
                       "a"                       /* GET https / of authority a */
                       "\x40\x01x\x64" HUNDRED); /* into the table */
    for (int i = 0; i < 16000; i++)
        buf_add_byte(&head, 0xbe);
    add_frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1,
              buf_slice(&head));
    assert_int_equal(http_log_feed(&log, buf_slice(&bytes), &e), 0);
    assert_int_equal(log.events.len, 0); /* 431 */
    assert_true(log.output.len < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),       cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_not_http2),   cmocka_unit_test(test_body_too_large),
        cmocka_unit_test(test_bodies),      cmocka_unit_test(test_queued),
        cmocka_unit_test(test_stream),      cmocka_unit_test(test_drain),
        cmocka_unit_test(test_refuse),      cmocka_unit_test(test_rapid_reset),
        cmocka_unit_test(test_some_resets), cmocka_unit_test(test_wrong_requests),
        cmocka_unit_test(test_floods),      cmocka_unit_test(test_continuations),
        cmocka_unit_test(test_upper_case),  cmocka_unit_test(test_orders),
        cmocka_unit_test(test_hpack_bomb),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
