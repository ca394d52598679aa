#include "unit.h"

#include "base/alloc.h"
#include "corpora.h"
#include "http_log.h"
#include <strings.h>

/*
 * The requests of llhttp's tests. What it rejects, we must, with a Host and without one. What it
 * accepts we refuse for these reasons alone: by what our message says.
 */
static struct {
    const char *message, *why;
    unsigned got;
} reasons[] = {
    { "does not begin with a method", "more than one empty line before it", 0 },
    { "the request method is not known here", "no route of ours has such a method", 0 },
    { "must be percent-encoded", "quotes, bars and fragments are in no URI (RFC 3986)", 0 },
    { "must be a path", "absolute form is for proxies", 0 },
    { "HTTP/1.1 must stand", "HTTP/0.9, ICE and RTSP are other protocols", 0 },
    { "Host is not a host name", "a name with '=' in it", 0 },
    { "the only Transfer-Encoding known", "we decompress nothing", 0 },
    { "a line does not end with CR LF", "chunk extensions: readers differ on them", 0 },
    { "behind the last request", "bytes behind an answered Connection: close", 0 },
    { "HTTP/2 was not agreed on", "ALPN chooses HTTP/2", 0 },
};

static void count_reason(const char *name, const struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (strstr(e->msg, reasons[i].message)) {
            reasons[i].got++;
            return;
        }
    }
    fail_msg("%s: llhttp accepts it, we say: %s", name, err_text(e));
}

static bool has_host(struct slice text)
{
    for (size_t i = 0; i + 6 < text.len; i++)
        if (strncasecmp((const char *)text.ptr + i, "\nhost:", 6) == 0)
            return true;
    return false;
}

/* llhttp asks for no Host: one is put behind each request line of an input that has none. */
static void add_hosts(struct buf *out, struct slice text)
{
    const char *version = " HTTP/1.";
    const size_t len = strlen(version) + 3;
    bool absent = !has_host(text);

    while (text.len) {
        size_t n = 1;

        if (absent && text.len >= len && memcmp(text.ptr, version, strlen(version)) == 0 &&
            text.ptr[len - 1] == '\n')
            n = len;
        buf_add(out, text.ptr, n);
        if (n == len)
            buf_add_str(out, "Host: a\r\n");
        text = slice_of(text.ptr + n, text.len - n);
    }
}

/* How many requests were handed out, -1 when the connection is over before the bytes are. */
static int run(struct slice bytes, struct err *e)
{
    CLEANUP(http_log_clear) struct http_log log = { 0 };

    assert_int_equal(http_log_open(&log, HTTP_1_1, NULL, e), 0);
    if (http_log_feed(&log, bytes, e))
        return -1;
    return log.stream;
}

static bool must_fail(const struct json_value *row)
{
    const char *outcome = json_text(json_get(row, "outcome"));

    /* What only a flag of llhttp's lets pass; an upgrade is not an error but is one for it. */
    return strcmp(outcome, "reject") == 0 || json_bool(json_get(row, "lenient"), false);
}

static void check(const struct json_value *row, unsigned *rejected, unsigned *accepted)
{
    CLEANUP(buf_clear) struct buf bytes = { 0 }, hosted = { 0 };
    const char *name = json_text(json_get(row, "name"));
    struct err e = { 0 }, plain = { 0 };
    int seen;

    assert_int_equal(base64_decode(&bytes, json_slice(json_get(row, "input_b64")), &e), 0);
    add_hosts(&hosted, buf_slice(&bytes));
    seen = run(buf_slice(&hosted), &e);
    if (must_fail(row)) {
        if (seen >= 0 || run(buf_slice(&bytes), &plain) >= 0)
            fail_msg("%s: taken", name);
        ++*rejected;
    } else if (seen < 0) {
        count_reason(name, &e);
    } else {
        if (strcmp(json_text(json_get(row, "outcome")), "accept") == 0 &&
            seen > json_int(json_get(row, "messages"), 0))
            fail_msg("%s: %d requests are seen in it", name, seen);
        ++*accepted;
    }
}

static void check_file(const char *file)
{
    const struct json_limits limits = { .bytes = 1 << 20, .depth = 4 };
    CLEANUP(buf_clear) struct buf text = { 0 };
    unsigned rejected = 0, accepted = 0;
    struct slice rest, line;

    if (!corpus_read(&text, file)) {
        corpus_absent(file);
        return;
    }
    rest = buf_slice(&text);
    while (slice_cut(&rest, '\n', &line)) {
        CLEANUP(json_freep) struct json *row = NULL;
        struct err e = { 0 };

        if (json_parse(&row, line, &limits, &e))
            fail_msg("%s: %s", file, err_text(&e));
        if (slice_starts(json_slice(json_get(json_root(row), "type")), "request"))
            check(json_root(row), &rejected, &accepted);
    }
    printf("# %s: %u rejected, %u accepted\n", file, rejected, accepted);
    assert_true(rejected > 20);
}

static void test_strict(void **state)
{
    (void)state;
    check_file("http1/llhttp.jsonl");
}

static void test_lenient(void **state)
{
    (void)state;
    check_file("http1/llhttp-lenient.jsonl");
}

static int report(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].got)
            printf("# refused though llhttp accepts it (%u): %s\n", reasons[i].got, reasons[i].why);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_lenient),
    };

    return cmocka_run_group_tests(tests, NULL, report);
}
