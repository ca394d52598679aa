#include "net/listen.h"
#include "base/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, MAX_ADDRESSES = 8 };

DEFINE_FREEP(struct addrinfo *, freeaddrinfo)

struct listener {
    struct listener_socket *socket;
    size_t count;
    bool local;
    unsigned port;
    char *text;
    char *path; /* of a unix socket whose file we made; NULL otherwise */
    dev_t device;
    ino_t inode;
};

/* ---- the text ---- */

static bool parse_port(const char *text, unsigned *port)
{
    size_t len = strlen(text);

    if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
        return false;
    *port = (unsigned)strtoul(text, NULL, 10);
    return *port <= 65535;
}

static int parse_local(struct listen_address *ret, const char *path, struct err *e)
{
    size_t len = strlen(path);

    if (path[0] != '/' || path[len - 1] == '/')
        return err_set(e, ERR_INVALID, "'unix:%.200s' is no socket: write unix:/PATH", path);
    if (len > LISTEN_PATH)
        return err_set(e, ERR_INVALID, "the socket's path '%.120s...' is longer than %d bytes",
                       path, LISTEN_PATH);
    ret->local = true;
    memcpy(ret->path, path, len + 1);
    return 0;
}

int listen_parse(struct listen_address *ret, const char *text, struct err *e)
{
    const char *colon = strrchr(text, ':'), *host = text;
    struct listen_address address = { 0 };
    bool brackets = text[0] == '[';
    size_t len;

    if (strncmp(text, "unix:", 5) == 0) {
        if (parse_local(&address, text + 5, e))
            return -1;
        *ret = address;
        return 0;
    }
    len = colon ? (size_t)(colon - text) : 0;
    if (brackets && len > 2 && text[len - 1] == ']') {
        host++;
        len -= 2;
    } else if (len == 1 && text[0] == '*') {
        len = 0;
    } else if (brackets || (colon && memchr(text, ':', len))) {
        colon = NULL; /* an IPv6 address whose port cannot be told */
    }
    if (!colon || len >= LISTEN_HOST || memchr(host, '/', len) ||
        (brackets && !memchr(host, ':', len)) || !parse_port(colon + 1, &address.port))
        return err_set(e, ERR_INVALID,
                       "'%.200s' is no address to listen on: write HOST:PORT, [IPV6]:PORT, *:PORT "
                       "or unix:/PATH",
                       text);
    memcpy(address.host, host, len);
    *ret = address;
    return 0;
}

/* ---- sockets ---- */

static void add_socket(struct listener *l, int fd, unsigned thread)
{
    l->socket = xrealloc_array(l->socket, l->count + 1, sizeof *l->socket);
    l->socket[l->count++] = (struct listener_socket){ .fd = fd, .thread = thread };
}

static unsigned port_of(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)a)->sin_port);
    if (a->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)a)->sin6_port);
    return 0;
}

static void set_port(struct sockaddr_storage *a, unsigned port)
{
    if (a->ss_family == AF_INET)
        ((struct sockaddr_in *)(void *)a)->sin_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in6 *)(void *)a)->sin6_port = htons((uint16_t)port);
}

static bool set_flag(int fd, int level, int option)
{
    int one = 1;

    return setsockopt(fd, level, option, &one, sizeof one) == 0;
}

/* Accepted sockets inherit TCP_NODELAY from the one that listens: one system call less for each. */
static int open_tcp(const struct sockaddr_storage *a, socklen_t len, bool both)
{
    CLEANUP(fd_closep)
    int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    int ret, only6 = !both;

    if (fd < 0 || !set_flag(fd, SOL_SOCKET, SO_REUSEADDR) ||
        !set_flag(fd, SOL_SOCKET, SO_REUSEPORT) || !set_flag(fd, IPPROTO_TCP, TCP_NODELAY) ||
        (a->ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof only6)) ||
        bind(fd, (const struct sockaddr *)a, len) || listen(fd, BACKLOG))
        return -1;
    ret = fd;
    fd = -1;
    return ret;
}

static int fail_bind(const struct listener *l, struct err *e)
{
    if (errno == EADDRINUSE)
        return err_set(e, ERR_CONFLICT, "listen on '%s': another program listens there", l->text);
    if (errno == EACCES && l->port && l->port < 1024)
        return err_set(e, ERR_IO, "listen on '%s': ports below 1024 need CAP_NET_BIND_SERVICE",
                       l->text);
    return err_errno(e, "listen on '%s'", l->text);
}

/* SO_REUSEPORT would let us in beside another process of our user that listens there, and the
 * kernel would give each some of the connections. */
static bool is_taken(const struct sockaddr_storage *a, socklen_t len)
{
    CLEANUP(fd_closep)
    int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    int only6 = 1;

    if (fd < 0 || port_of(a) == 0)
        return false;
    (void)set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
    if (a->ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof only6);
    return bind(fd, (const struct sockaddr *)a, len) != 0 && errno == EADDRINUSE;
}

static int open_address(struct listener *l, const struct addrinfo *info, unsigned threads,
                        bool both)
{
    struct sockaddr_storage a = { 0 };
    socklen_t len = info->ai_addrlen;

    memcpy(&a, info->ai_addr, len);
    if (l->port) /* of another address of the same host, when any port was asked for */
        set_port(&a, l->port);
    if (is_taken(&a, len)) {
        errno = EADDRINUSE;
        return -1;
    }
    for (unsigned i = 0; i < threads; i++) {
        struct sockaddr_storage bound = { 0 };
        socklen_t size = sizeof bound;
        int fd = open_tcp(&a, len, both);

        if (fd < 0)
            return -1;
        add_socket(l, fd, i);
        if (getsockname(fd, (struct sockaddr *)&bound, &size))
            return -1;
        l->port = port_of(&bound);
        set_port(&a, l->port);
    }
    return 0;
}

static int open_hosts(struct listener *l, const struct listen_address *address, unsigned threads,
                      struct err *e)
{
    CLEANUP(freeaddrinfop) struct addrinfo *list = NULL;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE };
    char port[8];
    int rc;

    (void)snprintf(port, sizeof port, "%u", address->port);
    rc = getaddrinfo(address->host, port, &hints, &list);
    if (rc)
        return err_set(e, rc == EAI_SYSTEM ? ERR_IO : ERR_INVALID, "listen on '%s': %s", l->text,
                       rc == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(rc));
    for (const struct addrinfo *a = list; a && l->count < (size_t)MAX_ADDRESSES * threads;
         a = a->ai_next) {
        if (open_address(l, a, threads, false) == 0)
            continue;
        /* A name may stand for an address of a family that this machine does not have. */
        if ((errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT) || (!a->ai_next && l->count == 0))
            return fail_bind(l, e);
    }
    return 0;
}

/* Every address: one IPv6 socket that takes IPv4 too, or IPv4 alone where there is no IPv6. */
static int open_any(struct listener *l, unsigned port, unsigned threads, struct err *e)
{
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct addrinfo first = { .ai_addr = (struct sockaddr *)(void *)&six,
                              .ai_addrlen = sizeof six };
    struct addrinfo second = { .ai_addr = (struct sockaddr *)(void *)&four,
                               .ai_addrlen = sizeof four };

    if (open_address(l, &first, threads, true) == 0)
        return 0;
    if ((errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) &&
        open_address(l, &second, threads, false) == 0)
        return 0;
    return fail_bind(l, e);
}

/* ---- unix sockets ---- */

static void set_path(struct sockaddr_un *a, const char *path)
{
    *a = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(a->sun_path, path, strlen(path) + 1);
}

/* What a process left behind that was killed is in the way: nobody answers there. */
static int remove_stale(const struct listener *l, const struct sockaddr_un *a, struct err *e)
{
    CLEANUP(fd_closep) int fd = -1;
    struct stat st;

    if (lstat(a->sun_path, &st))
        return errno == ENOENT ? 0 : err_errno(e, "listen on '%s'", l->text);
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, ERR_INVALID, "listen on '%s': a file of that name is there, no socket",
                       l->text);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(e, "listen on '%s'", l->text);
    if (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 || errno != ECONNREFUSED) {
        errno = EADDRINUSE;
        return fail_bind(l, e);
    }
    if (unlink(a->sun_path) && errno != ENOENT)
        return err_errno(e, "remove the old socket '%s'", a->sun_path);
    return 0;
}

static int open_local(struct listener *l, const char *path, const struct listen_options *options,
                      struct err *e)
{
    CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un a;
    struct stat st;

    set_path(&a, path);
    if (fd < 0)
        return err_errno(e, "listen on '%s'", l->text);
    if (remove_stale(l, &a, e))
        return -1;
    /* The file is born with this mode less the umask, so nobody gets in before the chmod. */
    if (fchmod(fd, options->mode & 0700) || bind(fd, (const struct sockaddr *)&a, sizeof a))
        return fail_bind(l, e);
    if (lstat(path, &st))
        return err_errno(e, "listen on '%s'", l->text);
    l->path = xstrdup(path);
    l->device = st.st_dev;
    l->inode = st.st_ino;
    if ((options->group != (gid_t)-1 && chown(path, (uid_t)-1, options->group)) ||
        chmod(path, options->mode) || listen(fd, BACKLOG))
        return err_errno(e, "listen on '%s'", l->text);
    l->local = true;
    add_socket(l, fd, LISTENER_ALL);
    fd = -1;
    return 0;
}

/* ---- listeners ---- */

void listener_free(struct listener *listener)
{
    struct stat st;

    if (!listener)
        return;
    if (listener->path && lstat(listener->path, &st) == 0 && st.st_dev == listener->device &&
        st.st_ino == listener->inode)
        (void)unlink(listener->path);
    for (size_t i = 0; i < listener->count; i++)
        (void)close(listener->socket[i].fd);
    free(listener->socket);
    free(listener->path);
    free(listener->text);
    free(listener);
}

static char *describe(const struct listen_address *a, unsigned port)
{
    if (a->local)
        return xasprintf("unix:%s", a->path);
    return xasprintf(strchr(a->host, ':') ? "[%s]:%u" : "%s:%u", *a->host ? a->host : "*", port);
}

int listener_open(struct listener **ret, const struct listen_address *address,
                  const struct listen_options *options, struct err *e)
{
    CLEANUP(listener_freep) struct listener *l = xcalloc(1, sizeof *l);
    unsigned threads = options->threads ? options->threads : 1;
    int rc;

    l->text = describe(address, address->port);
    if (address->local)
        rc = open_local(l, address->path, options, e);
    else if (*address->host)
        rc = open_hosts(l, address, threads, e);
    else
        rc = open_any(l, address->port, threads, e);
    if (rc)
        return -1;
    free(l->text);
    l->text = describe(address, l->port);
    *ret = l;
    l = NULL;
    return 0;
}

/* Text of an inherited socket's own address. */
static char *describe_socket(const struct sockaddr_storage *a, socklen_t len)
{
    char host[NI_MAXHOST];

    if (a->ss_family == AF_UNIX) {
        const struct sockaddr_un *un = (const void *)a;

        return xasprintf("unix:%.*s", LISTEN_PATH, un->sun_path);
    }
    if (getnameinfo((const struct sockaddr *)a, len, host, sizeof host, NULL, 0, NI_NUMERICHOST))
        return xstrdup("inherited");
    return xasprintf(strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port_of(a));
}

int listener_adopt(struct listener **ret, int fd, struct err *e)
{
    CLEANUP(listener_freep) struct listener *l = xcalloc(1, sizeof *l);
    struct sockaddr_storage a = { 0 };
    socklen_t len = sizeof a, size = sizeof(int);
    int listens = 0, type = 0;

    add_socket(l, fd, LISTENER_ALL);
    if (getsockname(fd, (struct sockaddr *)&a, &len) ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size))
        return err_errno(e, "inherited socket %d", fd);
    if (!listens || type != SOCK_STREAM ||
        (a.ss_family != AF_INET && a.ss_family != AF_INET6 && a.ss_family != AF_UNIX))
        return err_set(e, ERR_INVALID,
                       "inherited descriptor %d is no TCP or unix stream socket that listens", fd);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) || fcntl(fd, F_SETFL, O_NONBLOCK))
        return err_errno(e, "inherited socket %d", fd);
    l->local = a.ss_family == AF_UNIX;
    if (!l->local)
        (void)set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
    l->port = port_of(&a);
    l->text = describe_socket(&a, len);
    *ret = l;
    l = NULL;
    return 0;
}

void listener_assign(struct listener *listener, unsigned thread)
{
    for (size_t i = 0; i < listener->count; i++)
        listener->socket[i].thread = thread;
}

bool listener_local(const struct listener *listener)
{
    return listener->local;
}

unsigned listener_port(const struct listener *listener)
{
    return listener->port;
}

const struct listener_socket *listener_sockets(const struct listener *listener, size_t *count)
{
    *count = listener->count;
    return listener->socket;
}

void listener_describe(const struct listener *listener, struct buf *out)
{
    buf_add_str(out, listener->text);
}
