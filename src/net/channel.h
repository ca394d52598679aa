#ifndef NET_CHANNEL_H
#define NET_CHANNEL_H

#include "net/tls_server.h"
#include <stddef.h>
#include <sys/types.h>

/*
 * A connected socket, non-blocking, with TLS or without. OpenSSL's error queue is empty before and
 * after each call.
 */
struct channel {
    int fd;
    struct tls_server *tls; /* a reference of its own; NULL: none */
    const struct libssl *lib;
    SSL *ssl;
    bool spoilt; /* no close_notify may follow a fatal error */
};

enum {
    CHANNEL_END = 0,         /* the peer sends no more */
    CHANNEL_WAIT = -1,       /* until it is readable */
    CHANNEL_WAIT_WRITE = -2, /* until it is writable */
    CHANNEL_BROKEN = -3,
};

/* Takes the descriptor; tls may be NULL. */
int channel_open(struct channel *c, int fd, struct tls_server *tls, struct err *e) MUST_CHECK;
/* 1: done; CHANNEL_WAIT...; CHANNEL_BROKEN with the reason. */
int channel_handshake(struct channel *c, struct err *e);
/* Bytes, or one of the above. */
ssize_t channel_read(struct channel *c, uint8_t *to, size_t room);
ssize_t channel_write(struct channel *c, const uint8_t *from, size_t len);
/* Whether there are bytes that the socket does not know of any more. */
bool channel_pending(const struct channel *c);
/* Says that we send no more. */
void channel_shut(struct channel *c);
/* Reads what nobody wants any more: false when there is nothing to wait for. */
bool channel_discard(const struct channel *c, uint8_t *scratch, size_t room);
void channel_close(struct channel *c);

#endif
