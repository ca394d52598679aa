#include "unit.h"

#include "daemon/activation.h"
#include "daemon/channel.h"
#include "daemon/notify.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char path[] = "/tmp/poterne-notify-XXXXXX";

/* ---- sd_notify ---- */

static int listen_at(const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, name, strlen(name));
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    else
        (void)unlink(name);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
    return fd;
}

static void expect(int fd, const char *want)
{
    char text[256] = "";

    assert_true(recv(fd, text, sizeof text - 1, MSG_DONTWAIT) >= 0);
    if (strncmp(text, want, strlen(want)) != 0)
        fail_msg("'%s', not '%s'", text, want);
}

static void check_messages(const char *name)
{
    CLEANUP(fd_closep) int fd = listen_at(name);
    struct notify n;
    struct err e = { 0 };

    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "3000000", 1);
    if (notify_open(&n, &e))
        fail_msg("%s", err_text(&e));
    assert_null(getenv("NOTIFY_SOCKET")); /* not for our children */
    assert_null(getenv("WATCHDOG_USEC"));
    assert_int_equal(n.watchdog_ms, 1500);
    notify_ready(&n, "up");
    expect(fd, "READY=1\nSTATUS=up\n");
    notify_status(&n, "still up");
    expect(fd, "STATUS=still up\n");
    notify_reloading(&n);
    expect(fd, "RELOADING=1\nMONOTONIC_USEC=");
    notify_watchdog(&n);
    expect(fd, "WATCHDOG=1\n");
    notify_stopping(&n, "going");
    expect(fd, "STOPPING=1\nSTATUS=going\n");
    notify_close(&n);
    notify_ready(&n, "nobody hears it");
}

static void test_messages(void **state)
{
    (void)state;
    check_messages(path);
    check_messages("@poterne-notify-test");
}

static void test_environment(void **state)
{
    /* clang-format off */
    static const struct { const char *socket, *every, *pid; int rc; int64_t want; } cases[] = {
        { NULL,         NULL,      NULL, 0,  0    },
        { NULL,         "4000000", NULL, 0,  2000 },
        { NULL,         "4000000", "1",  0,  0    }, /* another process is watched */
        { NULL,         "soon",    NULL, -1, 0    },
        { NULL,         "0",       NULL, -1, 0    },
        { "relative",   NULL,      NULL, -1, 0    },
        { "@",          NULL,      NULL, -1, 0    },
        { "/not/there", NULL,      NULL, -1, 0    },
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct notify n;

        if (cases[i].socket)
            setenv("NOTIFY_SOCKET", cases[i].socket, 1);
        if (cases[i].every)
            setenv("WATCHDOG_USEC", cases[i].every, 1);
        if (cases[i].pid)
            setenv("WATCHDOG_PID", cases[i].pid, 1);
        if (notify_open(&n, NULL) != cases[i].rc)
            fail_msg("case %zu", i);
        if (!cases[i].rc)
            assert_int_equal(n.watchdog_ms, cases[i].want);
        assert_null(getenv("WATCHDOG_PID"));
        notify_close(&n);
    }
}

/* ---- socket activation ---- */

static void give(const char *count, pid_t pid)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%d", (int)pid);
    setenv("LISTEN_FDS", count, 1);
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDNAMES", "a:b", 1);
}

static void test_activation(void **state)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), first = fcntl(fd, F_DUPFD, 100);
    struct sockaddr_un address = { .sun_family = AF_UNIX }; /* autobind */
    struct activation a;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(activation_take(&a, first, &e), 0);
    assert_int_equal(a.count, 0);
    give("1", getpid() + 1);
    assert_int_equal(activation_take(&a, first, &e), 0);
    assert_int_equal(a.count, 0);
    give("1", getpid()); /* it does not listen yet */
    assert_int_equal(activation_take(&a, first, &e), -1);
    assert_int_equal(fcntl(first, F_GETFD), -1);
    give("65", getpid());
    assert_int_equal(activation_take(&a, first, &e), -1);
    give("x", getpid());
    assert_int_equal(activation_take(&a, first, &e), -1);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(fcntl(fd, F_DUPFD, first), first);
    give("1", getpid());
    if (activation_take(&a, first, &e))
        fail_msg("%s", err_text(&e));
    assert_int_equal(a.count, 1);
    assert_int_equal(a.fd[0], first);
    assert_int_equal(fcntl(first, F_GETFD), FD_CLOEXEC);
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_FDNAMES"));
    activation_clear(&a);
    assert_int_equal(fcntl(first, F_GETFD), -1);
    close(fd);
}

/* ---- between our processes ---- */

static void test_channel(void **state)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    struct channel_fds fds = { { 0 }, 2 }, got = { 0 };
    struct err e = { 0 };
    int pair[2];

    (void)state;
    assert_int_equal(channel_pair(pair, &e), 0);
    assert_int_equal(pipe(fds.fd), 0);
    assert_int_equal(channel_send(pair[0], slice_str("{\"a\":1}"), &fds, &e), 0);
    assert_int_equal(channel_send(pair[0], slice_str("{\"b\":1}"), &fds, &e), 0);
    assert_int_equal(channel_send(pair[0], slice_str("[}"), NULL, &e), 0);
    assert_int_equal(channel_receive(pair[1], &doc, &got, &e), 0);
    assert_int_equal(json_int(json_get(json_root(doc), "a"), 0), 1);
    assert_int_equal(got.count, 2);
    assert_int_equal(fcntl(got.fd[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(write(got.fd[1], "x", 1), 1);
    json_free(doc);
    doc = NULL;
    /* descriptors that nobody asked for, and what is no JSON */
    assert_int_equal(channel_receive(pair[1], &doc, NULL, &e), -1);
    assert_int_equal(e.code, ERR_INVALID);
    assert_int_equal(channel_receive(pair[1], &doc, NULL, &e), -1);
    assert_null(doc);
    channel_fds_clear(&got);
    channel_fds_clear(&fds);
    close(pair[0]);
    assert_int_equal(channel_receive(pair[1], &doc, NULL, &e), 0);
    assert_null(doc);
    assert_int_equal(channel_send(pair[1], slice_str("{}"), NULL, &e), -1);
    assert_int_equal(e.code, ERR_UNREACHABLE);
    close(pair[1]);
}

static int setup(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_activation),
        cmocka_unit_test(test_channel),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
