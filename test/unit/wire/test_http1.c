#include "unit.h"

#include "base/alloc.h"
#include "http_log.h"
#include "wire/http_syntax.h"

/* Small ones, so that the tests reach them. */
static const struct http_limits limits = {
    .target = 64, .head = 256, .fields = 6, .body = 2000, .queued = 100
};

#define HOST "Host: a.example\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

/* What is asked, and what is seen: events when it is taken, else the status that refuses it. */
static const struct {
    const char *label, *bytes;
    int status;
    const char *events;
} cases[] = {
    { "least", GET "\r\n", 0, "1 GET / at a.example\n  host=a.example\n" },
    { "names in lower case, values trimmed", GET "X-Odd_Name:\t a  b\t \r\nEmpty:\r\n\r\n", 0,
      "1 GET / at a.example\n  host=a.example\n  x-odd_name=a  b\n  empty=\n" },
    { "bytes above 127 in a value", GET "X: D\xc3\xbcsseldorf\r\n\r\n", 0,
      "1 GET / at a.example\n  host=a.example\n  x=D\xc3\xbcsseldorf\n" },
    { "query, and percent-encoding left alone", "GET /a%2fb?c=%0d&d=[1] HTTP/1.1\r\n" HOST "\r\n",
      400, NULL },
    { "query", "DELETE /a%2fb?c=%0d&d=(1)/? HTTP/1.1\r\n" HOST "\r\n", 0,
      "1 DELETE /a%2fb?c=%0d&d=(1)/? at a.example\n  host=a.example\n" },
    { "all of the server", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0,
      "1 OPTIONS * at a.example\n  host=a.example\n" },
    { "body", POST "Content-Length: 3\r\n\r\nabc", 0,
      "max_body POST /\n1 POST / at a.example\n  host=a.example\n  content-length=3\n  (3) abc\n" },
    { "body of no bytes", POST "Content-Length: 000\r\n\r\n", 0,
      "1 POST / at a.example\n  host=a.example\n  content-length=000\n" },
    { "chunks", CHUNKED "3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n", 0,
      "max_body POST /\n1 POST / at a.example\n  host=a.example\n  transfer-encoding=chunked\n"
      "  (13) abc0123456789\n" },
    { "no chunks", CHUNKED "0\r\n\r\n", 0,
      "max_body POST /\n1 POST / at a.example\n  host=a.example\n  transfer-encoding=chunked\n" },
    { "trailers are dropped", CHUNKED "1\r\na\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", 0,
      "max_body POST /\n1 POST / at a.example\n  host=a.example\n  transfer-encoding=chunked\n"
      "  (1) a\n" },
    { "two requests", GET "\r\nPUT /b HTTP/1.1\r\nHost: b\r\nContent-Length: 1\r\n\r\nx", 0,
      "1 GET / at a.example\n  host=a.example\n"
      "max_body PUT /b\n2 PUT /b at b\n  host=b\n  content-length=1\n  (1) x\n" },
    { "an empty line before each", "\r\n" GET "\r\n\r\n" GET "\r\n", 0,
      "1 GET / at a.example\n  host=a.example\n2 GET / at a.example\n  host=a.example\n" },
    { "two empty lines", "\r\n\r\n" GET "\r\n", 400, NULL },
    { "HTTP/1.0 is served once", "GET / HTTP/1.0\r\n" HOST "\r\n", 0,
      "1 GET / at a.example\n  host=a.example\n" },
    { "more behind HTTP/1.0", "GET / HTTP/1.0\r\n" HOST "\r\n" GET, -1, NULL },
    { "more behind the last", GET "Connection: x,\tClose\r\n\r\n" GET, -1, NULL },
    { "an empty line behind the last", GET "Connection: close\r\n\r\n\r\n", 0,
      "1 GET / at a.example\n  host=a.example\n  connection=close\n" },
    { "Upgrade is not taken up", GET "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", 0,
      "1 GET / at a.example\n  host=a.example\n  connection=upgrade\n  upgrade=h2c\n" },

    /* Request line. */
    { "no method", " / HTTP/1.1\r\n", 400, NULL },
    { "not a method", "\x16\x03\x01", 400, NULL },
    { "unknown method", "BREW / HTTP/1.1\r\n", 501, NULL },
    { "a method in lower case", "get / HTTP/1.1\r\n", 501, NULL },
    { "CONNECT", "CONNECT a:1 HTTP/1.1\r\n", 501, NULL },
    { "longest method", "AAAAAAAAAAAAAAAA", 501, NULL },
    { "preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, NULL },
    { "absolute form", "GET http://a.example/ HTTP/1.1\r\n", 400, NULL },
    { "authority form", "GET a.example:443 HTTP/1.1\r\n", 400, NULL },
    { "* of GET", "GET * HTTP/1.1\r\n", 400, NULL },
    { "no target", "GET  HTTP/1.1\r\n", 400, NULL },
    { "fragment", "GET /a#b HTTP/1.1\r\n", 400, NULL },
    { "bytes above 127 in the target", "GET /\xc3\xbc HTTP/1.1\r\n", 400, NULL },
    { "backslash", "GET /a\\b HTTP/1.1\r\n", 400, NULL },
    { "NUL in the target", "GET /\x01 HTTP/1.1\r\n", 400, NULL },
    { "space in the target", "GET /a b HTTP/1.1\r\n", 400, NULL },
    { "tab for a space", "GET\t/ HTTP/1.1\r\n", 400, NULL },
    { "tab behind the target", "GET /\tHTTP/1.1\r\n", 400, NULL },
    { "two spaces", "GET /  HTTP/1.1\r\n", 400, NULL },
    { "space behind the version", "GET / HTTP/1.1 \r\n", 400, NULL },
    { "HTTP/0.9", "GET /\r\n", 400, NULL },
    { "HTTP/2.0", "GET / HTTP/2.0", 505, NULL },
    { "HTTP/1.2", "GET / HTTP/1.2", 505, NULL },
    { "HTTP/11", "GET / HTTP/11", 505, NULL },
    { "HTTP/1.10", "GET / HTTP/1.10", 400, NULL },
    { "http/1.1", "GET / http/1.1", 400, NULL },
    { "a letter for the version", "GET / HTTP/1.x", 400, NULL },
    { "bare LF", "GET / HTTP/1.1\n", 400, NULL },
    { "bare CR", "GET / HTTP/1.1\rH", 400, NULL },
    { "target too long", "GET /0123456789012345678901234567890123456789012345678901234567890123",
      414, NULL },

    /* Fields. */
    { "no Host", "GET / HTTP/1.1\r\n\r\n", 400, NULL },
    { "no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 400, NULL },
    { "two Hosts", GET HOST, 400, NULL },
    { "empty Host", "GET / HTTP/1.1\r\nHost:\r\n", 400, NULL },
    { "bad Host", "GET / HTTP/1.1\r\nHost: a/b\r\n", 400, NULL },
    { "folded", GET "X: a\r\n b\r\n\r\n", 400, NULL },
    { "folded with tab", GET "X: a\r\n\tb", 400, NULL },
    { "white space before the first field", "GET / HTTP/1.1\r\n Host: a", 400, NULL },
    { "white space before the colon", GET "X : a\r\n", 400, NULL },
    { "no colon", GET "X\r\n", 400, NULL },
    { "no name", GET ": a\r\n", 400, NULL },
    { "not a token", GET "X@: a\r\n", 400, NULL },
    { "a name above 127", GET "\xc3\xbc: a\r\n", 400, NULL },
    { "bare LF in a value", GET "X: a\nY: b\r\n", 400, NULL },
    { "bare CR in a value", GET "X: a\rY: b\r\n", 400, NULL },
    { "two CRs", GET "X: a\r\r\n", 400, NULL },
    { "control in a value", GET "X: a\x7f\r\n", 400, NULL },
    { "bare LF at the end", GET "\n", 400, NULL },
    { "CR without LF at the end", GET "\rGET", 400, NULL },
    { "too many fields", GET "A:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\n", 431, NULL },
    { "fields too large",
      GET "A: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
          "0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
          "0123456789012345678901234567890123456789012345678901234567890123456789012345678901",
      431, NULL },
    { "white space counts",
      GET "A:                                                                                 "
          "                                                                                   "
          "                                                                                   "
          "                                                                                   ",
      431, NULL },

    /* Where a body ends. */
    { "two lengths", POST "Content-Length: 1\r\nContent-Length: 1\r\n", 400, NULL },
    { "a list of lengths", POST "Content-Length: 1, 1\r\n", 400, NULL },
    { "signed", POST "Content-Length: +1\r\n", 400, NULL },
    { "negative", POST "Content-Length: -1\r\n", 400, NULL },
    { "hexadecimal", POST "Content-Length: 0x1\r\n", 400, NULL },
    { "no length", POST "Content-Length: \r\n", 400, NULL },
    { "a space inside", POST "Content-Length: 1 1\r\n", 400, NULL },
    { "beyond 64 bits", POST "Content-Length: 18446744073709551617\r\n", 400, NULL },
    { "largest number", POST "Content-Length: 9999999999999999999\r\n\r\n", 413, NULL },
    { "larger than allowed", POST "Content-Length: 1001\r\n\r\n", 413, NULL },
    { "length, then chunked", POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400,
      NULL },
    { "chunked, then length", POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", 400,
      NULL },
    { "chunked twice", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400,
      NULL },
    { "chunked listed twice", POST "Transfer-Encoding: chunked, chunked\r\n", 501, NULL },
    { "another coding first", POST "Transfer-Encoding: gzip, chunked\r\n", 501, NULL },
    { "another coding last", POST "Transfer-Encoding: chunked, gzip\r\n", 400, NULL },
    { "identity", POST "Transfer-Encoding: identity\r\n", 400, NULL },
    { "no coding", POST "Transfer-Encoding:\r\n", 400, NULL },
    { "hidden coding",
      POST "Transfer-Encoding: \x0b"
           "chunked\r\n",
      400, NULL },
    { "chunked in HTTP/1.0", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n", 400,
      NULL },
    { "another expectation", POST "Expect: coffee\r\n", 417, NULL },

    /* Chunks. */
    { "no size", CHUNKED "\r\n", 400, NULL },
    { "not a size", CHUNKED "g\r\n", 400, NULL },
    { "signed size", CHUNKED "+1\r\n", 400, NULL },
    { "0x", CHUNKED "0x1\r\n", 400, NULL },
    { "space behind the size", CHUNKED "1 \r\n", 400, NULL },
    { "space before the size", CHUNKED " 1\r\n", 400, NULL },
    { "extension", CHUNKED "1;a=b\r\n", 400, NULL },
    { "bare LF behind the size", CHUNKED "1\n", 400, NULL },
    { "bare CR behind the size", CHUNKED "1\ra", 400, NULL },
    { "size beyond 64 bits", CHUNKED "10000000000000001\r\n", 400, NULL },
    { "size that wraps", CHUNKED "1\r\na\r\nffffffffffffffff\r\n", 413, NULL },
    { "chunk longer than its size", CHUNKED "1\r\nab\r\n", 400, NULL },
    { "chunk without CR", CHUNKED "1\r\na\n", 400, NULL },
    { "chunks larger than allowed", CHUNKED "3e8\r\n", 0, "max_body POST /\n" },
    { "one byte larger", CHUNKED "3e9\r\n", 413, NULL },
    { "framing in a trailer", CHUNKED "0\r\nContent-Length: 1\r\n", 400, NULL },
    { "Host in a trailer", CHUNKED "0\r\nHost: b\r\n", 400, NULL },
    { "too many trailers", CHUNKED "0\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\n", 431, NULL },
    { "bare LF behind the trailers", CHUNKED "0\r\n\n", 400, NULL },
};

static bool refused_with(struct buf *output, int status)
{
    CLEANUP(freep) char *line = xasprintf("HTTP/1.1 %d ", status);
    const char *answer = strstr(buf_str(output), line);

    return answer && strstr(answer, "connection: close\r\n") &&
           strstr(answer, "application/problem+json");
}

static void check(size_t i, const struct http_log *log, int rc, const struct err *e)
{
    struct buf events = log->events, output = log->output;

    if ((rc == 0) != (cases[i].status == 0))
        fail_msg("%s: %s, after %s", cases[i].label, rc ? err_text(e) : "taken", buf_str(&output));
    if (cases[i].events && strcmp(buf_str(&events), cases[i].events) != 0)
        fail_msg("%s: saw %s", cases[i].label, buf_str(&events));
    if (cases[i].status > 0 && !refused_with(&output, cases[i].status))
        fail_msg("%s: answered %s", cases[i].label, buf_str(&output));
    if (rc && !http_conn_done(log->conn))
        fail_msg("%s: goes on", cases[i].label);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(http_log_clear) struct http_log log = { 0 };
        struct err e = { 0 };
        int rc;

        assert_int_equal(http_log_open(&log, HTTP_1_1, &limits, &e), 0);
        rc = http_log_feed(&log, slice_str(cases[i].bytes), &e);
        check(i, &log, rc, &e);
    }
}

/* The same bytes in two pieces, cut at each place, and one by one: the same events and output. */
static void run_cut(struct http_log *log, struct slice bytes, size_t cut, int *rc)
{
    struct err e = { 0 };

    assert_int_equal(http_log_open(log, HTTP_1_1, &limits, &e), 0);
    if (cut < bytes.len) {
        *rc = http_log_feed(log, slice_of(bytes.ptr, cut), &e);
        if (*rc == 0)
            *rc = http_log_feed(log, slice_of(bytes.ptr + cut, bytes.len - cut), &e);
        return;
    }
    *rc = 0;
    for (size_t i = 0; *rc == 0 && i < bytes.len; i++)
        *rc = http_log_feed(log, slice_of(bytes.ptr + i, 1), &e);
}

static void test_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice bytes = slice_str(cases[i].bytes);
        CLEANUP(http_log_clear) struct http_log whole = { 0 };
        int want;

        run_cut(&whole, bytes, 0, &want);
        for (size_t cut = 1; cut <= bytes.len; cut++) {
            CLEANUP(http_log_clear) struct http_log log = { 0 };
            int rc;

            run_cut(&log, bytes, cut, &rc);
            if (rc != want || !slice_eq(buf_slice(&log.events), buf_slice(&whole.events)) ||
                !slice_eq(buf_slice(&log.output), buf_slice(&whole.output)))
                fail_msg("%s: cut at %zu it is another: %s%s", cases[i].label, cut,
                         buf_str(&log.events), buf_str(&log.output));
        }
    }
}

static const struct {
    const char *label, *bytes, *answer;
    bool done;
} answers[] = {
    { "plain", GET "\r\n",
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nx-stream: 1\r\n\r\nok",
      false },
    { "to HEAD", "HEAD / HTTP/1.1\r\n" HOST "\r\n",
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nx-stream: 1\r\n\r\n",
      false },
    { "none", "GET /none HTTP/1.1\r\n" HOST "\r\n",
      "HTTP/1.1 204 No Content\r\nx-stream: 1\r\n\r\n", false },
    { "to the last", GET "Connection: close\r\n\r\n",
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nx-stream: 1\r\n"
      "connection: close\r\n\r\nok",
      true },
    { "streamed", "GET /stream HTTP/1.1\r\n" HOST "\r\n",
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n"
      "x-stream: 1\r\n\r\n2\r\nok\r\na\r\nmore of it\r\n1\r\n.\r\n0\r\n\r\n",
      false },
    { "streamed to HEAD", "HEAD /stream HTTP/1.1\r\n" HOST "\r\n",
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n"
      "x-stream: 1\r\n\r\n",
      false },
    { "streamed to HTTP/1.0", "GET /stream HTTP/1.0\r\n" HOST "\r\n",
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-stream: 1\r\nconnection: close\r\n\r\n"
      "okmore of it.",
      true },
    { "continue", POST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n", false },
    { "no continue without a body", POST "Expect: 100-continue\r\n\r\n",
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nx-stream: 1\r\n\r\nok",
      false },
    { "no continue in HTTP/1.0",
      "POST / HTTP/1.0\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", "", false },
    { "refused", "GET / HTTP/3.0\r\n",
      "HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: application/problem+json\r\n"
      "content-length: 174\r\nconnection: close\r\n\r\n"
      "{\"apiVersion\":\"poterne/v1\",\"kind\":\"Problem\",\"type\":\"about:blank\","
      "\"title\":\"HTTP Version Not Supported\",\"status\":505,"
      "\"detail\":\"the version of HTTP is not 1.1\",\"code\":\"invalid\"}",
      true },
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        CLEANUP(http_log_clear) struct http_log log = { 0 };
        struct err e = { 0 };

        assert_int_equal(http_log_open(&log, HTTP_1_1, &limits, &e), 0);
        (void)http_log_feed(&log, slice_str(answers[i].bytes), &e);
        if (strcmp(buf_str(&log.output), answers[i].answer) != 0)
            fail_msg("%s: answered %s", answers[i].label, buf_str(&log.output));
        if (http_conn_done(log.conn) != answers[i].done)
            fail_msg("%s: done is wrong", answers[i].label);
    }
}

/* While an answer is awaited nothing more is taken; a late or a wrong answer is nothing. */
static void test_order(void **state)
{
    CLEANUP(http_log_clear) struct http_log log = { .later = true };
    struct slice two = slice_str(GET "\r\n" GET "\r\n");
    struct err e = { 0 };
    size_t taken;

    (void)state;
    assert_int_equal(http_log_open(&log, HTTP_1_1, &limits, &e), 0);
    assert_int_equal(http_conn_phase(log.conn), HTTP_PHASE_IDLE);
    assert_int_equal(http_conn_feed(log.conn, two, &taken, &e), 0);
    assert_int_equal(taken, two.len / 2);
    assert_int_equal(http_conn_phase(log.conn), HTTP_PHASE_ANSWER);
    assert_int_equal(http_conn_feed(log.conn, two, &taken, &e), 0);
    assert_int_equal(taken, 0);
    http_log_answer(&log, 2, slice_str("/"));
    assert_int_equal(http_conn_queued(log.conn), 0);
    http_log_answer(&log, 1, slice_str("/"));
    http_log_answer(&log, 1, slice_str("/"));
    assert_int_equal(http_conn_queued(log.conn), strlen(answers[0].answer));
    assert_int_equal(http_conn_phase(log.conn), HTTP_PHASE_IDLE);
    assert_int_equal(http_conn_feed(log.conn, two, &taken, &e), 0);
    assert_int_equal(taken, two.len / 2);
    assert_int_equal(log.stream, 2);
}

/* Beyond limits.queued no request is begun; output comes in the pieces that are asked for. */
static void test_queued(void **state)
{
    CLEANUP(http_log_clear) struct http_log log = { 0 };
    struct slice big = slice_str("GET /big HTTP/1.1\r\n" HOST "\r\n");
    struct err e = { 0 };
    size_t taken, queued;

    (void)state;
    assert_int_equal(http_log_open(&log, HTTP_1_1, &limits, &e), 0);
    assert_int_equal(http_conn_feed(log.conn, big, &taken, &e), 0);
    assert_int_equal(taken, big.len);
    queued = http_conn_queued(log.conn);
    assert_true(queued > 40000);
    assert_int_equal(http_conn_feed(log.conn, big, &taken, &e), 0);
    assert_int_equal(taken, 0);
    for (size_t given = 0; given < queued; given = log.output.len) {
        size_t next = queued - given < 999 ? queued - given : 999;

        assert_int_equal(http_conn_output(log.conn, &log.output, 999, &e), 0);
        assert_int_equal(log.output.len - given, next);
    }
    assert_memory_equal(log.output.ptr + queued - 20, "01234567890123456789", 20);
    assert_int_equal(http_conn_feed(log.conn, big, &taken, &e), 0);
    assert_int_equal(taken, big.len);
}

static const struct {
    const char *label, *bytes;
    enum http_phase phase;
    const char *answer; /* to http_conn_refuse */
    bool drained;       /* done once drained */
} phases[] = {
    { "nothing", "", HTTP_PHASE_IDLE, "HTTP/1.1 408 Request Timeout\r\n", true },
    { "a request line", "GET /", HTTP_PHASE_HEAD, "HTTP/1.1 408 Request Timeout\r\n", false },
    { "a head", GET "\r", HTTP_PHASE_HEAD, "HTTP/1.1 408 Request Timeout\r\n", false },
    { "half a body", POST "Content-Length: 2\r\n\r\na", HTTP_PHASE_BODY,
      "HTTP/1.1 408 Request Timeout\r\n", false },
    { "half a chunk", CHUNKED "2\r\na", HTTP_PHASE_BODY, "HTTP/1.1 408 Request Timeout\r\n",
      false },
    { "half a trailer", CHUNKED "0\r\na", HTTP_PHASE_BODY, "HTTP/1.1 408 Request Timeout\r\n",
      false },
    { "unanswered", "GET /later HTTP/1.1\r\n" HOST "\r\n", HTTP_PHASE_ANSWER,
      "HTTP/1.1 408 Request Timeout\r\n", false },
    { "over", GET "Connection: close\r\n\r\n", HTTP_PHASE_IDLE, "", true },
};

static void test_phases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        for (int drain = 0; drain <= 1; drain++) {
            CLEANUP(http_log_clear) struct http_log log = { 0 };
            struct err e = { 0 };

            assert_int_equal(http_log_open(&log, HTTP_1_1, &limits, &e), 0);
            assert_int_equal(http_log_feed(&log, slice_str(phases[i].bytes), &e), 0);
            if (http_conn_phase(log.conn) != phases[i].phase)
                fail_msg("%s: phase %d", phases[i].label, (int)http_conn_phase(log.conn));
            buf_reset(&log.output);
            if (drain) {
                http_conn_drain(log.conn);
                if (http_conn_done(log.conn) != phases[i].drained)
                    fail_msg("%s: drained is wrong", phases[i].label);
                continue;
            }
            http_conn_refuse(log.conn, 408, "too slow");
            assert_int_equal(http_conn_output(log.conn, &log.output, SIZE_MAX, &e), 0);
            if (strncmp(buf_str(&log.output), phases[i].answer, strlen(phases[i].answer)) != 0 ||
                !http_conn_done(log.conn))
                fail_msg("%s: %s", phases[i].label, buf_str(&log.output));
        }
    }
}

/* What is under way is answered, and says that it is the last. */
static void test_drain(void **state)
{
    CLEANUP(http_log_clear) struct http_log log = { .later = true };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(http_log_open(&log, HTTP_1_1, &limits, &e), 0);
    assert_int_equal(http_log_feed(&log, slice_str(GET "\r\n"), &e), 0);
    http_conn_drain(log.conn);
    assert_false(http_conn_done(log.conn));
    http_log_answer(&log, 1, slice_str("/"));
    assert_true(http_conn_done(log.conn));
    assert_int_equal(http_conn_output(log.conn, &log.output, SIZE_MAX, &e), 0);
    assert_non_null(strstr(buf_str(&log.output), "\r\nconnection: close\r\n"));
}

/* Output in pieces while parts come in: nothing is lost or doubled, whatever moves in the queue. */
static void test_slow_stream(void **state)
{
    CLEANUP(http_log_clear) struct http_log log = { .later = true };
    CLEANUP(buf_clear) struct buf want = { 0 };
    struct http_response response = { .status = 200, .type = "text/plain", .stream = true };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(http_log_open(&log, HTTP_1_1, NULL, &e), 0);
    assert_int_equal(http_log_feed(&log, slice_str(GET "\r\n"), &e), 0);
    for (int i = 0; i < 3000; i++)
        buf_addf(&response.body, "first %d ", i);
    buf_addf(&want,
             "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
             "%zx\r\n" SLICE_FMT "\r\n",
             response.body.len, SLICE_ARG(buf_slice(&response.body)));
    http_conn_respond(log.conn, 1, &response);
    http_response_clear(&response);
    for (int i = 0; i < 3000; i++) {
        CLEANUP(freep) char *part = xasprintf("part %d", i);

        http_conn_write(log.conn, 1, slice_str(part), false);
        buf_addf(&want, "%zx\r\n%s\r\n", strlen(part), part);
        assert_int_equal(http_conn_output(log.conn, &log.output, (size_t)i % 40, &e), 0);
    }
    http_conn_write(log.conn, 1, slice_str(""), true);
    buf_add_str(&want, "0\r\n\r\n");
    while (http_conn_queued(log.conn))
        assert_int_equal(http_conn_output(log.conn, &log.output, 5000, &e), 0);
    assert_true(slice_eq(buf_slice(&want), buf_slice(&log.output)));
}

static void test_long_field(void **state)
{
    CLEANUP(http_response_clear) struct http_response response = { 0 };

    (void)state;
    for (int len = 126; len <= 129; len++) {
        http_response_add(&response, "x", "%0*d", len, 1);
        assert_int_equal(strlen(response.field[response.field_count - 1].value), len);
    }
}

static const char *today(void *ctx)
{
    (void)ctx;
    return "Mon, 23 Nov 2026 05:09:04 GMT";
}

static void test_date(void **state)
{
    CLEANUP(http_log_clear) struct http_log log = { 0 };
    struct http_events events = {
        .max_body = http_log_max_body, .request = http_log_request, .date = today, .ctx = &log
    };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(http_conn_new(&log.conn, HTTP_1_1, NULL, &events, &e), 0);
    assert_int_equal(http_log_feed(&log, slice_str(GET "\r\n"), &e), 0);
    assert_non_null(
        strstr(buf_str(&log.output), "200 OK\r\ndate: Mon, 23 Nov 2026 05:09:04 GMT\r\n"));
}

/* The classes of bytes, out of the RFCs' own words. */
static void test_classes(void **state)
{
    const char *tchar = "!#$%&'*+-.^_`|~", *target = "-._~%!$&'()*+,;=:@/?", *host = "-._~";

    (void)state;
    for (int c = 0; c < 256; c++) {
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        unsigned want = 0;

        want |= alnum || (c && strchr(tchar, c)) ? HTTP_TOKEN : 0;
        want |= alnum || (c && strchr(target, c)) ? HTTP_TARGET : 0;
        want |= alnum || (c && strchr(host, c)) ? HTTP_NAME : 0;
        want |= c == '\t' || (c >= ' ' && c != 0x7f) ? HTTP_VALUE : 0;
        assert_int_equal(http_class[c], want);
    }
}

static const struct {
    const char *host;
    bool valid;
} hosts[] = {
    { "a", true },
    { "a.example:8443", true },
    { "192.0.2.1:1", true },
    { "[2001:db8::1]", true },
    { "[::1]:65535", true },
    { "", false },
    { ":80", false },
    { "a:", false },
    { "a:65536", false },
    { "a:8a", false },
    { "a:000001", false },
    { "a b", false },
    { "user@a", false },
    { "a,b", false },
    { "a/", false },
    { "[::1", false },
    { "[]", false },
    { "[::1]x", false },
    { "[fe80::1%eth0]", false },
    { "::1", false },
    { "a%2eb", false },
};

static void test_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (http_host_valid(slice_str(hosts[i].host)) != hosts[i].valid)
            fail_msg("'%s' is judged wrong", hosts[i].host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),      cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_answers),    cmocka_unit_test(test_order),
        cmocka_unit_test(test_queued),     cmocka_unit_test(test_phases),
        cmocka_unit_test(test_drain),      cmocka_unit_test(test_slow_stream),
        cmocka_unit_test(test_long_field), cmocka_unit_test(test_date),
        cmocka_unit_test(test_classes),    cmocka_unit_test(test_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
