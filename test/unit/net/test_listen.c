#include "unit.h"

#include "files.h"
#include "net/listen.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* clang-format off */
static const struct {
    const char *text, *host;
    unsigned port;
    const char *path;
} addresses[] = {
    { "127.0.0.1:8443",     "127.0.0.1", 8443, NULL },
    { "[::1]:8443",         "::1",       8443, NULL },
    { "[fe80::1%eth0]:1",   "fe80::1%eth0", 1, NULL },
    { "*:8443",             "",          8443, NULL },
    { ":8443",              "",          8443, NULL },
    { "localhost:0",        "localhost", 0,    NULL },
    { "h:65535",            "h",         65535, NULL },
    { "unix:/run/p/s",      "",          0,    "/run/p/s" },
    { "",                   NULL, 0, NULL },
    { "8443",               NULL, 0, NULL },
    { "h:",                 NULL, 0, NULL },
    { "h:65536",            NULL, 0, NULL },
    { "h:-1",               NULL, 0, NULL },
    { "h:44x",              NULL, 0, NULL },
    { "::1:8443",           NULL, 0, NULL },
    { "[::1]8443",          NULL, 0, NULL },
    { "[]:1",               NULL, 0, NULL },
    { "[10.0.0.1]:1",       NULL, 0, NULL },
    { "https://h:1",        NULL, 0, NULL },
    { "unix:",              NULL, 0, NULL },
    { "unix:run/s",         NULL, 0, NULL },
    { "unix:/run/",         NULL, 0, NULL },
};
/* clang-format on */

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        const char *path = addresses[i].path;
        struct listen_address a = { 0 };
        struct err e = { 0 };
        int rc = listen_parse(&a, addresses[i].text, &e);

        if ((rc == 0) != (addresses[i].host != NULL) || (rc && e.code != ERR_INVALID))
            fail_msg("'%s': %d, %s", addresses[i].text, rc, e.msg);
        if (rc == 0 && (strcmp(a.host, addresses[i].host) != 0 || a.port != addresses[i].port ||
                        a.local != !!path || strcmp(a.path, path ? path : "") != 0))
            fail_msg("'%s': '%s', %u, '%s'", addresses[i].text, a.host, a.port, a.path);
    }
}

static void test_parse_long(void **state)
{
    char text[6 + LISTEN_PATH + 2] = "unix:/";
    struct listen_address a;
    struct err e = { 0 };

    (void)state;
    memset(text + 6, 'a', LISTEN_PATH - 1);
    assert_int_equal(listen_parse(&a, text, &e), 0);
    text[5 + LISTEN_PATH] = 'a';
    assert_int_equal(listen_parse(&a, text, &e), -1);
}

/* ---- sockets ---- */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/poterne-listen-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return remove_tree(folder);
}

static int open_text(struct listener **ret, const char *text, unsigned threads, struct err *e)
{
    struct listen_options options = { .threads = threads, .mode = 0660, .group = (gid_t)-1 };
    struct listen_address address;

    return listen_parse(&address, text, e) || listener_open(ret, &address, &options, e) ? -1 : 0;
}

/* Each thread gets a socket of its own, all on one port, and what is accepted has no Nagle. */
static void test_tcp(void **state)
{
    CLEANUP(listener_freep) struct listener *l = NULL;
    CLEANUP(fd_closep) int client = socket(AF_INET, SOCK_STREAM, 0);
    CLEANUP(fd_closep) int server = -1;
    struct sockaddr_in a = { .sin_family = AF_INET };
    const struct listener_socket *sockets;
    socklen_t size = sizeof(int);
    int nodelay = 0;
    struct err e = { 0 };
    size_t count;

    (void)state;
    if (open_text(&l, "127.0.0.1:0", 3, &e))
        fail_msg("%s", e.msg);
    sockets = listener_sockets(l, &count);
    assert_int_equal(count, 3);
    a.sin_port = htons((uint16_t)listener_port(l));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof a), 0);
    for (size_t i = 0; i < count && server < 0; i++) {
        assert_int_equal(sockets[i].thread, i);
        server = accept4(sockets[i].fd, NULL, NULL, SOCK_CLOEXEC);
    }
    assert_true(server >= 0);
    assert_int_equal(getsockopt(server, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size), 0);
    assert_true(nodelay);
}

/* A second program of the same user is told, although SO_REUSEPORT would let it in. */
static void test_tcp_taken(void **state)
{
    CLEANUP(listener_freep) struct listener *first = NULL;
    CLEANUP(listener_freep) struct listener *second = NULL;
    char text[32];
    struct err e = { 0 };

    (void)state;
    assert_int_equal(open_text(&first, "127.0.0.1:0", 2, &e), 0);
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", listener_port(first));
    assert_int_equal(open_text(&second, text, 2, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_non_null(strstr(e.msg, "another program"));
}

static void test_names(void **state)
{
    CLEANUP(listener_freep) struct listener *local = NULL;
    CLEANUP(listener_freep) struct listener *any = NULL;
    CLEANUP(listener_freep) struct listener *none = NULL;
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct err e = { 0 };

    (void)state;
    if (open_text(&local, "localhost:0", 1, &e) || open_text(&any, "*:0", 1, &e))
        fail_msg("%s", e.msg);
    listener_describe(any, &text);
    assert_true(slice_starts(buf_slice(&text), "*:"));
    assert_int_not_equal(listener_port(any), 0);
    assert_int_equal(open_text(&none, "192.0.2.1:0", 1, &e), -1);
    assert_int_equal(e.code, ERR_IO);
}

static void test_local(void **state)
{
    struct listener *l = NULL, *second = NULL, *third = NULL;
    char text[96], *path = text + 5;
    struct err e = { 0 };
    struct stat st;
    size_t count;

    (void)state;
    (void)snprintf(text, sizeof text, "unix:%s/s", folder);
    if (open_text(&l, text, 2, &e))
        fail_msg("%s", e.msg);
    assert_true(listener_local(l));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode, S_IFSOCK | 0660);

    /* somebody listens */
    assert_int_equal(open_text(&second, text, 2, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);

    listener_free(l);
    assert_int_equal(stat(path, &st), -1);

    /* nobody does, though the file is there: as after kill -9 */
    assert_int_equal(open_text(&second, text, 2, &e), 0);
    assert_int_equal(shutdown(listener_sockets(second, &count)->fd, SHUT_RDWR), 0);
    if (open_text(&third, text, 2, &e))
        fail_msg("%s", e.msg);
    listener_free(second); /* leaves the file, which is third's */
    assert_int_equal(stat(path, &st), 0);
    listener_free(third);
    assert_int_equal(stat(path, &st), -1);
}

/* What is no socket is not ours to remove. */
static void test_local_file(void **state)
{
    struct listener *l = NULL;
    char text[96];
    struct err e = { 0 };

    (void)state;
    (void)snprintf(text, sizeof text, "unix:%s/file", folder);
    assert_int_equal(close(open(text + 5, O_CREAT | O_CLOEXEC | O_WRONLY, 0600)), 0);
    assert_int_equal(open_text(&l, text, 1, &e), -1);
    assert_int_equal(e.code, ERR_INVALID);
    assert_int_equal(access(text + 5, F_OK), 0);
}

static void test_adopt(void **state)
{
    CLEANUP(listener_freep) struct listener *first = NULL;
    CLEANUP(listener_freep) struct listener *second = NULL;
    struct listener *bad = NULL;
    struct err e = { 0 };
    size_t count;

    (void)state;
    assert_int_equal(open_text(&first, "127.0.0.1:0", 1, &e), 0);
    if (listener_adopt(&second, dup(listener_sockets(first, &count)->fd), &e))
        fail_msg("%s", e.msg);
    assert_int_equal(listener_port(second), listener_port(first));
    assert_int_equal(listener_sockets(second, &count)->thread, LISTENER_ALL);

    assert_int_equal(listener_adopt(&bad, socket(AF_INET, SOCK_STREAM, 0), &e), -1);
    assert_int_equal(e.code, ERR_INVALID);
    assert_int_equal(listener_adopt(&bad, open("/dev/null", O_RDONLY | O_CLOEXEC), &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_parse_long),
        cmocka_unit_test(test_tcp),        cmocka_unit_test(test_tcp_taken),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_local),
        cmocka_unit_test(test_local_file), cmocka_unit_test(test_adopt),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
