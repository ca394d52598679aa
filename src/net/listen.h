#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "base/buf.h"
#include "base/err.h"
#include <sys/stat.h>
#include <sys/types.h>

enum { LISTEN_HOST = 254, LISTEN_PATH = 107 };

/* Where to listen. */
struct listen_address {
    bool local;                 /* a unix socket */
    char host[LISTEN_HOST];     /* name or numeric address; "" is every address */
    unsigned port;              /* 0: any free one */
    char path[LISTEN_PATH + 1]; /* of a unix socket */
};

/* "HOST:PORT", "[IPV6]:PORT", "*:PORT" or ":PORT" for every address, "unix:/PATH". */
int listen_parse(struct listen_address *ret, const char *text, struct err *e) MUST_CHECK;

struct listen_options {
    unsigned threads; /* TCP: as many sockets, among which the kernel spreads the connections */
    mode_t mode;      /* of a unix socket's file: 0660 */
    gid_t group;      /* of that file; (gid_t)-1: the process' own */
};

/* Listening sockets, non-blocking and close-on-exec. */
struct listener;
struct listener_socket {
    int fd;
    unsigned thread; /* whose it is; LISTENER_ALL: every thread accepts from it */
};
#define LISTENER_ALL (~0u)

/* A unix socket's file that is there already is replaced if nobody listens on it. ERR_CONFLICT:
 * somebody does; ERR_INVALID: the file is no socket, or the host does not exist. */
int listener_open(struct listener **ret, const struct listen_address *address,
                  const struct listen_options *options, struct err *e) MUST_CHECK;
/* A socket that is bound and listens already (systemd's socket activation), TCP or unix. It then
 * belongs to the listener, on failure too. */
int listener_adopt(struct listener **ret, int fd, struct err *e) MUST_CHECK;
/* Its sockets are that thread's alone. For one that was adopted from a process of ours. */
void listener_assign(struct listener *listener, unsigned thread);
/* Closes the sockets, and removes the unix socket's file if it is still ours; NULL is fine. */
void listener_free(struct listener *listener);
DEFINE_FREEP(struct listener *, listener_free)

bool listener_local(const struct listener *listener);
unsigned listener_port(const struct listener *listener); /* of TCP, the real one */
const struct listener_socket *listener_sockets(const struct listener *listener, size_t *count);
void listener_describe(const struct listener *listener, struct buf *out); /* "127.0.0.1:8443" */

#endif
