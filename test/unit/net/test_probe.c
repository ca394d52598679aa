#include "unit.h"

#include "base/clock.h"
#include "files.h"
#include "net/probe.h"
#include "pki/forge.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- targets ---- */

/* clang-format off */
static const struct {
    const char *text, *host;
    unsigned port;
} targets[] = {
    { "example.com:443",     "example.com", 443 },
    { "10.0.0.1:6443",       "10.0.0.1",    6443 },
    { "[::1]:2379",          "::1",         2379 },
    { "[fe80::1%eth0]:1",    "fe80::1%eth0", 1 },
    { "h:65535",             "h",           65535 },
    { "example.com",         NULL, 0 },
    { "example.com:",        NULL, 0 },
    { ":443",                NULL, 0 },
    { "",                    NULL, 0 },
    { "h:0",                 NULL, 0 },
    { "h:65536",             NULL, 0 },
    { "h:-1",                NULL, 0 },
    { "h:44x",               NULL, 0 },
    { "h: 44",               NULL, 0 },
    { "::1:2379",            NULL, 0 },
    { "[::1]",               NULL, 0 },
    { "[::1]2379",           NULL, 0 },
    { "[]:2379",             NULL, 0 },
    { "[10.0.0.1]:2379",     NULL, 0 },
    { "https://h:443",       NULL, 0 },
    { "dir/file:1",          NULL, 0 },
};
/* clang-format on */

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct probe_target t = { .port = 0 };
        struct err e = { 0 };
        int rc = probe_parse(&t, targets[i].text, &e);

        if ((rc == 0) != (targets[i].host != NULL) || (rc && e.code != ERR_INVALID))
            fail_msg("'%s': %d, %s", targets[i].text, rc, e.msg);
        if (rc == 0 && (strcmp(t.host, targets[i].host) != 0 || t.port != targets[i].port))
            fail_msg("'%s': '%s' and %u", targets[i].text, t.host, t.port);
    }
}

static void test_parse_long(void **state)
{
    char text[PROBE_HOST + 8];
    struct probe_target t;
    struct err e = { 0 };

    (void)state;
    memset(text, 'a', PROBE_HOST);
    memcpy(text + PROBE_HOST, ":1", 3);
    assert_int_equal(probe_parse(&t, text, &e), -1);
    memcpy(text + PROBE_HOST - 1, ":1", 3);
    assert_int_equal(probe_parse(&t, text, &e), 0);
}

/* ---- a server that this test starts: openssl s_server ---- */

extern char **environ;

static char folder[64];
static struct forged ca, leaf;

struct server {
    pid_t pid;
    unsigned port;
};

static void write_file(const char *name, struct buf *bytes)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    write_bytes(path, bytes->ptr, bytes->len);
    buf_clear(bytes);
}

static int make_files(void **state)
{
    struct buf bytes = { 0 };

    (void)state;
    snprintf(folder, sizeof folder, "/tmp/poterne-probe-XXXXXX");
    assert_non_null(mkdtemp(folder));
    forge(&ca, &(struct forge_spec){ "ca", .ca = true });
    forge(&leaf, &(struct forge_spec){ "leaf", .eku = EKU_SERVER, .dns = "leaf", .issuer = &ca });
    forge_cert_pem(&bytes, &leaf);
    write_file("leaf.pem", &bytes);
    forge_key_pem(&bytes, &leaf);
    write_file("key.pem", &bytes);
    forge_cert_pem(&bytes, &ca);
    write_file("ca.pem", &bytes);
    return 0;
}

static int drop_files(void **state)
{
    static const char *const names[] = { "leaf.pem", "key.pem", "ca.pem" };
    char path[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    forged_clear(&ca);
    forged_clear(&leaf);
    return 0;
}

/* A port that was free a moment ago. */
static unsigned free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static int try_connect(unsigned port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

    rc = connect(fd, (struct sockaddr *)&a, sizeof a);
    close(fd);
    return rc;
}

static void stop(struct server *s)
{
    if (s->pid <= 0)
        return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

/* extra: up to three more arguments, NULL-ended. */
static void start(struct server *s, const char *const *extra)
{
    char accept[16], cert[128], key[128], chain[128];
    char *argv[20] = { (char *)"openssl",     (char *)"s_server",
                       (char *)"-accept",     accept,
                       (char *)"-cert",       cert,
                       (char *)"-key",        key,
                       (char *)"-cert_chain", chain,
                       (char *)"-quiet" };
    size_t argc = 11;
    posix_spawn_file_actions_t actions;

    for (size_t i = 0; extra[i]; i++)
        argv[argc++] = (char *)(uintptr_t)extra[i];
    s->port = free_port();
    snprintf(accept, sizeof accept, "127.0.0.1:%u", s->port);
    snprintf(cert, sizeof cert, "%s/leaf.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(chain, sizeof chain, "%s/ca.pem", folder);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawnp(&s->pid, "openssl", &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 500 && try_connect(s->port); i++)
        usleep(10000);
}

/* ---- what servers show ---- */

/* clang-format off */
static const struct {
    const char *label;
    const char *extra[6];
    const char *protocol;
    bool wants_client;
} servers[] = {
    { "TLS 1.3",                            { NULL },                                                     "TLSv1.3", false },
    { "TLS 1.2",                            { "-tls1_2", NULL },                                          "TLSv1.2", false },
    { "TLS 1.1",                            { "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", NULL },            "TLSv1.1", false },
    { "TLS 1.3 that asks for a client",     { "-verify", "1", NULL },                                     "TLSv1.3", true },
    { "TLS 1.3 that wants a client",        { "-Verify", "1", "-verify_return_error", NULL },             "TLSv1.3", true },
    { "TLS 1.2 that turns others away",     { "-Verify", "1", "-verify_return_error", "-tls1_2", NULL },  "TLSv1.2", true },
};
/* clang-format on */

static void test_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        CLEANUP(probe_result_clear) struct probe_result r = { .cert_count = 0 };
        CLEANUP(stop) struct server s = { .pid = 0 };
        struct probe_target t = { .host = "127.0.0.1" };
        struct err e = { 0 };

        start(&s, servers[i].extra);
        t.port = s.port;
        if (probe_endpoint(&t, 5000, &r, &e))
            fail_msg("%s: %s", servers[i].label, e.msg);
        if (strcmp(r.protocol, servers[i].protocol) != 0 ||
            r.wants_client != servers[i].wants_client)
            fail_msg("%s: %s, %s a client", servers[i].label, r.protocol,
                     r.wants_client ? "asks for" : "does not ask for");
        if (r.cert_count != 2 || !slice_eq(buf_slice(&r.cert[0]), buf_slice(&leaf.cert)) ||
            !slice_eq(buf_slice(&r.cert[1]), buf_slice(&ca.cert)))
            fail_msg("%s: %zu certificates", servers[i].label, r.cert_count);
    }
}

static void test_by_name(void **state)
{
    CLEANUP(probe_result_clear) struct probe_result r = { .cert_count = 0 };
    CLEANUP(stop) struct server s = { .pid = 0 };
    struct probe_target t = { .host = "localhost" };
    struct err e = { 0 };

    (void)state;
    start(&s, (const char *const[]){ NULL });
    t.port = s.port;
    if (probe_endpoint(&t, 5000, &r, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(r.cert_count, 2);
}

/* ---- those that show nothing ---- */

/* Answers once with that text, or keeps silent until the other side goes. */
static void mute_server(struct server *s, const char *text)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
    char bytes[4096];

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        peer = accept(fd, NULL, NULL);
        if (read(peer, bytes, sizeof bytes) > 0 && text)
            (void)!write(peer, text, strlen(text));
        while (!text && read(peer, bytes, sizeof bytes) > 0)
            continue;
        _exit(0);
    }
    close(fd);
}

static void test_no_tls(void **state)
{
    static const struct {
        const char *label, *text;
        enum err_code want;
    } cases[] = {
        { "plain HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", ERR_INVALID },
        { "closes at once", "", ERR_INVALID },
        { "an alert", "\x15\x03\x01\x00\x02\x02\x28", ERR_INVALID },
        { "silence", NULL, ERR_UNREACHABLE },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(probe_result_clear) struct probe_result r = { .cert_count = 0 };
        CLEANUP(stop) struct server s = { .pid = 0 };
        struct probe_target t = { .host = "127.0.0.1" };
        int64_t begin = clock_monotonic_ms();
        struct err e = { 0 };

        mute_server(&s, cases[i].text);
        t.port = s.port;
        if (probe_endpoint(&t, 500, &r, &e) != -1 || e.code != cases[i].want || r.cert_count)
            fail_msg("%s: %s", cases[i].label, err_text(&e));
        assert_true(clock_monotonic_ms() - begin < 3000);
    }
}

static void test_unreachable(void **state)
{
    struct probe_result r = { .cert_count = 0 };
    struct probe_target closed = { .host = "127.0.0.1", .port = free_port() };
    struct probe_target nobody = { .host = "nobody.invalid", .port = 1 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(probe_endpoint(&closed, 1000, &r, &e), -1);
    assert_int_equal(e.code, ERR_UNREACHABLE);
    e = (struct err){ 0 };
    assert_int_equal(probe_endpoint(&nobody, 1000, &r, &e), -1);
    assert_int_equal(e.code, ERR_UNREACHABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),   cmocka_unit_test(test_parse_long),
        cmocka_unit_test(test_servers), cmocka_unit_test(test_by_name),
        cmocka_unit_test(test_no_tls),  cmocka_unit_test(test_unreachable),
    };

    return cmocka_run_group_tests(tests, make_files, drop_files);
}
