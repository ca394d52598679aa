#include "daemon/notify.h"

#include "base/buf.h"
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t number(const char *text)
{
    char *end = NULL;
    long long n = text && text[0] ? strtoll(text, &end, 10) : -1;

    return end && !*end ? n : -1;
}

static int read_watchdog(struct notify *n, struct err *e)
{
    const char *every = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

    if (!every || (pid && number(pid) != getpid()))
        return 0;
    if (number(every) < 2000)
        return err_set(e, ERR_INVALID, "WATCHDOG_USEC '%.32s' is no time of at least 2 ms", every);
    n->watchdog_ms = number(every) / 2000;
    return 0;
}

/* A path, or '@' and a name in the abstract space. */
static int connect_to(struct notify *n, const char *path, struct err *e)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = strlen(path);

    if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof address.sun_path)
        return err_set(e, ERR_INVALID, "NOTIFY_SOCKET '%.110s' is no path of a unix socket", path);
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->fd < 0 || connect(n->fd, (const struct sockaddr *)&address,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)))
        return err_errno(e, "connect to NOTIFY_SOCKET '%s'", path);
    return 0;
}

int notify_open(struct notify *n, struct err *e)
{
    const char *path = getenv("NOTIFY_SOCKET");
    int rc;

    *n = (struct notify){ .fd = -1 };
    rc = path && path[0] ? connect_to(n, path, e) : 0;
    if (!rc)
        rc = read_watchdog(n, e);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    if (rc)
        notify_close(n);
    return rc;
}

void notify_close(struct notify *n)
{
    fd_closep(&n->fd);
}

/* A manager that does not listen is its own problem. */
static void tell(const struct notify *n, const struct buf *text)
{
    if (n->fd >= 0)
        (void)send(n->fd, text->ptr, text->len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void tell_with_status(const struct notify *n, const char *what, const char *status)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    buf_add_str(&text, what);
    if (status)
        buf_addf(&text, "STATUS=%s\n", status);
    tell(n, &text);
}

void notify_ready(const struct notify *n, const char *status)
{
    tell_with_status(n, "READY=1\n", status);
}

void notify_status(const struct notify *n, const char *status)
{
    tell_with_status(n, "", status);
}

void notify_stopping(const struct notify *n, const char *status)
{
    tell_with_status(n, "STOPPING=1\n", status);
}

void notify_watchdog(const struct notify *n)
{
    tell_with_status(n, "WATCHDOG=1\n", NULL);
}

/* Type=notify-reload (systemd 253) wants the time with it. */
void notify_reloading(const struct notify *n)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    buf_addf(&text, "RELOADING=1\nMONOTONIC_USEC=%lld\n",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell(n, &text);
}
