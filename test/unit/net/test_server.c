#include "serve.h"

#include <fcntl.h>
#include <stdatomic.h>

/* ---- the handler ---- */

static void hello(void *ctx, const struct server_peer *peer, const struct http_request *request,
                  struct server_reply *reply)
{
    struct http_response *r = &reply->response;

    (void)ctx;
    r->status = 200;
    r->type = "text/plain";
    buf_addf(&r->body, "<%s %d %d %d %s " SLICE_FMT " " SLICE_FMT ">", peer->address, peer->local,
             (int)peer->uid, (int)peer->pid, peer->protocol, SLICE_ARG(request->target),
             SLICE_ARG(request->body));
}

static struct server_limits quick(void)
{
    struct server_limits l = server_default_limits;

    l.handshake = l.head = l.idle = l.write = l.linger = 200;
    l.body = 2000;
    l.body_grace = 200;
    return l;
}

static void start(struct served *s, server_handler *handle, const struct server_limits *limits)
{
    struct server_config config = { .handle = handle,
                                    .limits = limits ? *limits : server_default_limits };

    serve_start(s, &config, NULL);
}

/* ---- requests ---- */

static void test_plain(void **state)
{
    CLEANUP(fd_closep) int fd = -1;
    struct server_stats stats;
    struct served s;

    (void)state;
    start(&s, hello, NULL);
    fd = connect_port(s.port);
    send_text(fd, "GET /a?secret=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_text(receive(fd, ">"), "<127.0.0.1 0 -1 0 HTTP/1.1 /a?secret=1 >");
    /* on the same connection, in two pieces */
    send_text(fd, "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo");
    usleep(20000);
    send_text(fd, "dy");
    expect_text(receive(fd, ">"), "/b body>");
    wait_count(&s, &s.logs, 2);
    assert_string_equal(s.log_path, "/b");
    assert_int_equal(s.log.status, 200);
    assert_int_equal(s.log.method, HTTP_POST);
    assert_true(s.log.bytes > 10 && s.log.microseconds >= 0 && !s.log.broken);
    server_stats_get(s.server, &stats);
    assert_int_equal(stats.accepted, 1);
    assert_int_equal(stats.open, 1);
    assert_int_equal(stats.requests[2], 2);
    serve_stop(&s);
}

static void test_query_is_not_logged(void **state)
{
    CLEANUP(fd_closep) int fd = -1;
    struct served s;

    (void)state;
    start(&s, hello, NULL);
    fd = connect_port(s.port);
    send_text(fd, "GET /a?code=secret HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)receive(fd, ">");
    wait_count(&s, &s.logs, 1);
    assert_string_equal(s.log_path, "/a");
    serve_stop(&s);
}

/* Many requests in one write are answered in order; a peer that then closes its side gets all. */
static void test_pipelined(void **state)
{
    enum { MANY = 200 };
    CLEANUP(fd_closep) int fd = -1;
    const char *at;
    struct served s;
    char text[64];

    (void)state;
    start(&s, hello, NULL);
    fd = connect_port(s.port);
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
        send_text(fd, text);
    }
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    at = receive(fd, NULL);
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, " /%d >", i);
        at = strstr(at, text);
        if (!at)
            fail_msg("no answer %d", i);
    }
    serve_stop(&s);
}

/* The kernel's word on who is at the other end, and one byte at a time. */
static void test_local(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    CLEANUP(fd_closep) int fd = -1;
    struct served s;
    char want[64];

    (void)state;
    start(&s, hello, NULL);
    fd = connect_local(s.path);
    for (size_t i = 0; i < sizeof request - 1; i++)
        assert_int_equal(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
    snprintf(want, sizeof want, "<unix 1 %d %d HTTP/1.1", (int)getuid(), (int)getpid());
    expect_text(receive(fd, ">"), want);
    serve_stop(&s);
}

static void no_answer(void *ctx, const struct server_peer *peer, const struct http_request *request,
                      struct server_reply *reply)
{
    (void)ctx;
    (void)peer;
    (void)request;
    (void)reply;
}

static void test_no_answer(void **state)
{
    CLEANUP(fd_closep) int fd = -1;
    struct served s;

    (void)state;
    start(&s, no_answer, NULL);
    fd = connect_port(s.port);
    send_text(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_text(receive(fd, "}"), "HTTP/1.1 500 ");
    serve_stop(&s);
}

/* What is no HTTP gets its 400 and the end; the hook hears why. */
static void test_not_http(void **state)
{
    CLEANUP(fd_closep) int fd = -1;
    struct served s;

    (void)state;
    start(&s, hello, NULL);
    fd = connect_port(s.port);
    send_text(fd, "GET / HTTP/1.1\nHost: x\n\nGET / HTTP/1.1\r\n\r\n");
    expect_text(receive(fd, NULL), "HTTP/1.1 400 ");
    wait_count(&s, &s.refusals, 1);
    assert_non_null(strstr(s.refusal, "protocol "));
    serve_stop(&s);
}

/* ---- streams ---- */

static atomic_int freed, produced;
static atomic_bool news;

/* Has a part whenever there is news; "/fails" fails after the first, "/endless" has always more. */
static int more(void *src, struct buf *out, bool *end, struct err *e)
{
    const char *path = src;
    static const char block[4096];

    if (strcmp(path, "/endless") == 0) {
        buf_add(out, block, sizeof block);
        atomic_fetch_add(&produced, (int)sizeof block);
        return 0;
    }
    if (!atomic_exchange(&news, false))
        return 0;
    if (strcmp(path, "/fails") == 0)
        return err_set(e, ERR_IO, "no more paper");
    buf_add_str(out, "news;");
    *end = atomic_fetch_add(&produced, 1) == 2;
    return 0;
}

static void free_source(void *src)
{
    atomic_fetch_add(&freed, 1);
    free(src);
}

static void stream(void *ctx, const struct server_peer *peer, const struct http_request *request,
                   struct server_reply *reply)
{
    (void)ctx;
    (void)peer;
    reply->response.status = 200;
    reply->response.type = "text/plain";
    reply->response.stream = true;
    buf_add_str(&reply->response.body, "first;");
    reply->source = (struct server_source){ more, free_source, slice_dup(request->target) };
}

static int start_streams(struct served *s, const struct server_limits *limits, const char *path)
{
    char text[64];
    int fd;

    atomic_store(&freed, 0);
    atomic_store(&produced, 0);
    atomic_store(&news, false);
    start(s, stream, limits);
    fd = connect_port(s->port);
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    send_text(fd, text);
    return fd;
}

/* Parts come when the server is woken, and the connection can be used again afterwards. */
static void test_stream(void **state)
{
    CLEANUP(fd_closep) int fd = -1;
    struct served s;

    (void)state;
    fd = start_streams(&s, NULL, "/");
    expect_text(receive(fd, "first;\r\n"), "transfer-encoding: chunked");
    for (int i = 0; i < 3; i++) {
        atomic_store(&news, true);
        server_wake(s.server);
        expect_text(receive(fd, i < 2 ? "news;\r\n" : "0\r\n\r\n"), "news;");
    }
    wait_count(&s, &s.logs, 1);
    assert_int_equal(atomic_load(&freed), 1);
    assert_int_equal(s.log.bytes, 6 + 3 * 5);
    send_text(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_text(receive(fd, "first;\r\n"), "200 OK");
    serve_stop(&s);
    assert_int_equal(atomic_load(&freed), 2);
}

/* Without anybody who wakes it, it is asked each second at the latest. */
static void test_stream_asked(void **state)
{
    CLEANUP(fd_closep) int fd = -1;
    struct served s;

    (void)state;
    fd = start_streams(&s, NULL, "/");
    (void)receive(fd, "first;\r\n");
    atomic_store(&news, true);
    expect_text(receive(fd, "news;\r\n"), "news;");
    serve_stop(&s);
}

/* The client sees that the answer is not whole: no last chunk. */
static void test_stream_fails(void **state)
{
    CLEANUP(fd_closep) int fd = -1;
    const char *text;
    struct served s;

    (void)state;
    fd = start_streams(&s, NULL, "/fails");
    (void)receive(fd, "first;\r\n");
    atomic_store(&news, true);
    server_wake(s.server);
    text = receive(fd, NULL);
    assert_null(strstr(text, "0\r\n\r\n"));
    wait_count(&s, &s.logs, 1);
    assert_true(s.log.broken);
    assert_int_equal(atomic_load(&freed), 1);
    serve_stop(&s);
}

static void test_stream_client_gone(void **state)
{
    struct served s;
    int fd;

    (void)state;
    fd = start_streams(&s, NULL, "/");
    (void)receive(fd, "first;\r\n");
    close(fd);
    wait_count(&s, &s.logs, 1);
    assert_true(s.log.broken);
    assert_int_equal(atomic_load(&freed), 1);
    serve_stop(&s);
}

/* A client that reads nothing stops the source, and is dropped in the end. */
static void test_stream_slow_client(void **state)
{
    struct server_limits limits = quick();
    CLEANUP(fd_closep) int fd = -1;
    struct server_stats stats;
    struct served s;

    (void)state;
    fd = start_streams(&s, &limits, "/endless");
    wait_count(&s, &s.refusals, 1);
    assert_non_null(strstr(s.refusal, "timeout write"));
    assert_true(atomic_load(&produced) < 16 << 20); /* what the sockets' buffers hold */
    server_stats_get(s.server, &stats);
    assert_int_equal(stats.timeouts[SERVER_PHASE_WRITE], 1);
    serve_stop(&s);
}

/* ---- time limits ---- */

/* clang-format off */
static const struct {
    const char *label, *sent, *drip, *answer, *refusal;
    enum server_phase phase;
} slow[] = {
    { "silent",      "",                              NULL, "",              "timeout head",      SERVER_PHASE_HEAD },
    { "half a head", "GET / HT",                      NULL, "HTTP/1.1 408 ", "timeout head",      SERVER_PHASE_HEAD },
    { "slow loris",  "GET / HTTP/1.1\r\nHost: x\r\n", "a: b\r\n", "HTTP/1.1 408 ", "timeout head", SERVER_PHASE_HEAD },
    { "half a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab", NULL, "HTTP/1.1 408 ", "timeout body", SERVER_PHASE_BODY },
    { "slow body",   "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\nab", "c", "HTTP/1.1 408 ", "timeout body", SERVER_PHASE_BODY },
    { "idle",        "GET / HTTP/1.1\r\nHost: x\r\n\r\n", NULL, "HTTP/1.1 200 ", NULL,            SERVER_PHASE_IDLE },
    { "half the next", "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET", NULL, "HTTP/1.1 408 ", "timeout head", SERVER_PHASE_HEAD },
};
/* clang-format on */

/* Each of them is gone long before a second, whatever it does meanwhile. */
static void test_slow(void **state)
{
    struct server_limits limits = quick();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
        CLEANUP(fd_closep) int fd = -1;
        struct server_stats stats;
        const char *text;
        struct served s;

        start(&s, hello, &limits);
        fd = connect_port(s.port);
        send_text(fd, slow[i].sent);
        for (int n = 0; slow[i].drip && n < 30; n++) {
            usleep(20000);
            if (send(fd, slow[i].drip, strlen(slow[i].drip), MSG_NOSIGNAL) < 0)
                break;
        }
        text = receive(fd, NULL);
        if (!strstr(text, slow[i].answer))
            fail_msg("%s: '%s'", slow[i].label, text);
        if (slow[i].refusal)
            wait_count(&s, &s.refusals, 1);
        if (slow[i].refusal ? !strstr(s.refusal, slow[i].refusal) : s.refusals)
            fail_msg("%s: %s", slow[i].label, s.refusal);
        server_stats_get(s.server, &stats);
        if (stats.timeouts[slow[i].phase] != 1)
            fail_msg("%s: not counted", slow[i].label);
        serve_stop(&s);
    }
}

/* ---- limits of connections ---- */

static void test_per_address(void **state)
{
    struct server_limits limits = server_default_limits;
    struct server_stats stats;
    struct served s;
    int fd[4];

    (void)state;
    limits.per_address = 3;
    start(&s, hello, &limits);
    for (int i = 0; i < 3; i++) {
        fd[i] = connect_port(s.port);
        send_text(fd[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        (void)receive(fd[i], ">");
    }
    /* the one that is idle longest makes room */
    send_text(fd[0], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)receive(fd[0], ">");
    fd[3] = connect_port(s.port);
    send_text(fd[3], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_text(receive(fd[3], ">"), "200 OK");
    assert_string_equal(receive(fd[1], NULL), "");
    server_stats_get(s.server, &stats);
    assert_int_equal(stats.evicted, 1);
    assert_int_equal(stats.open, 3);
    for (int i = 0; i < 4; i++)
        close(fd[i]);
    serve_stop(&s);
}

/* Those that are at work are not closed: the new one is. The door for root stays open. */
static void test_too_many(void **state)
{
    struct server_limits limits = server_default_limits;
    CLEANUP(fd_closep) int local = -1;
    struct server_stats stats;
    struct served s;
    int fd[3];

    (void)state;
    limits.connections = 2;
    fd[0] = start_streams(&s, &limits, "/");
    (void)receive(fd[0], "first;");
    fd[1] = connect_port(s.port);
    send_text(fd[1], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)receive(fd[1], "first;");
    fd[2] = connect_port(s.port);
    assert_string_equal(receive(fd[2], NULL), "");
    assert_non_null(strstr(s.refusal, "connections"));
    local = connect_local(s.path);
    send_text(local, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)receive(local, "first;");
    server_stats_get(s.server, &stats);
    assert_int_equal(stats.refused[SERVER_REFUSED_CONNECTIONS], 1);
    assert_int_equal(stats.evicted, 0);
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    serve_stop(&s);
}

/* ---- the end ---- */

/* Idle ones are closed, streams end whole, new ones are refused by the kernel. */
static void test_drain(void **state)
{
    CLEANUP(fd_closep) int idle = -1, streaming = -1;
    struct sockaddr_in a = { .sin_family = AF_INET };
    struct served s;
    int again;

    (void)state;
    streaming = start_streams(&s, NULL, "/");
    (void)receive(streaming, "first;\r\n");
    idle = connect_port(s.port);
    assert_int_equal(server_drain(s.server, 5000), 0);
    assert_string_equal(receive(streaming, NULL), "0\r\n\r\n");
    assert_string_equal(receive(idle, NULL), "");
    again = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_port = htons((uint16_t)s.port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(again, (struct sockaddr *)&a, sizeof a), -1);
    close(again);
    assert_int_equal(access(s.path, F_OK), -1);
    serve_stop(&s);
}

struct drain {
    struct server *server;
    unsigned broken;
};

static void *drain(void *arg)
{
    struct drain *d = arg;

    d->broken = server_drain(d->server, 5000);
    return NULL;
}

/* A request that is under way is finished first, and told that it is the last. */
static void test_drain_finishes(void **state)
{
    CLEANUP(fd_closep) int fd = -1;
    struct drain d = { .broken = 99 };
    pthread_t helper;
    struct served s;

    (void)state;
    start(&s, hello, NULL);
    fd = connect_port(s.port);
    send_text(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
    usleep(50000);
    d.server = s.server;
    assert_int_equal(pthread_create(&helper, NULL, drain, &d), 0);
    usleep(50000);
    send_text(fd, "b");
    expect_text(receive(fd, NULL), "connection: close");
    close(fd);
    fd = -1;
    assert_int_equal(pthread_join(helper, NULL), 0);
    assert_int_equal(d.broken, 0);
    serve_stop(&s);
}

/* One that does not end is broken off when the time is up. */
static void test_drain_deadline(void **state)
{
    CLEANUP(fd_closep) int fd = -1;
    int64_t began;
    struct served s;

    (void)state;
    start(&s, hello, NULL);
    fd = connect_port(s.port);
    send_text(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
    usleep(50000);
    began = clock_monotonic_ms();
    assert_int_equal(server_drain(s.server, 200), 1);
    assert_in_range(clock_monotonic_ms() - began, 200, 2000);
    serve_stop(&s);
}

/* ---- threads ---- */

static atomic_int opened;

static int open_ctx(void **ret, void *ctx, unsigned thread, struct err *e)
{
    (void)ctx;
    if (thread == 2)
        return err_set(e, ERR_IO, "thread two is unwell");
    *ret = &opened;
    atomic_fetch_add(&opened, 1);
    return 0;
}

static void close_ctx(void *ctx)
{
    assert_ptr_equal(ctx, &opened);
    atomic_fetch_sub(&opened, 1);
}

static void test_threads(void **state)
{
    struct server_config config = { .handle = hello,
                                    .limits = server_default_limits,
                                    .threads = 2,
                                    .thread_open = open_ctx,
                                    .thread_close = close_ctx };
    struct server *server = NULL;
    struct err e = { 0 };
    struct served s;

    (void)state;
    serve_start(&s, &config, NULL);
    assert_int_equal(atomic_load(&opened), 2);
    serve_stop(&s);
    assert_int_equal(atomic_load(&opened), 0);

    config.threads = 3;
    assert_int_equal(server_new(&server, &config, &e), 0);
    assert_int_equal(server_start(server, &e), -1);
    assert_string_equal(e.msg, "thread two is unwell");
    server_free(server);
    assert_int_equal(atomic_load(&opened), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_query_is_not_logged),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_not_http),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_asked),
        cmocka_unit_test(test_stream_fails),
        cmocka_unit_test(test_stream_client_gone),
        cmocka_unit_test(test_stream_slow_client),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_per_address),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_finishes),
        cmocka_unit_test(test_drain_deadline),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
