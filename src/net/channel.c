#include "net/channel.h"
#include "net/libssl.h"
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

int channel_open(struct channel *c, int fd, struct tls_server *tls, struct err *e)
{
    *c = (struct channel){ .fd = fd };
    if (!tls)
        return 0;
    c->tls = tls_server_ref(tls);
    c->lib = tls_server_libssl(tls);
    return tls_server_accept(tls, fd, &c->ssl, e);
}

void channel_close(struct channel *c)
{
    if (c->ssl)
        c->lib->SSL_free(c->ssl);
    tls_server_free(c->tls);
    fd_closep(&c->fd);
    *c = (struct channel){ .fd = -1 };
}

/* What OpenSSL's answer means; a failure spoils the connection. */
static int result_of(struct channel *c, int rc)
{
    switch (c->lib->SSL_get_error(c->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return CHANNEL_WAIT;
    case SSL_ERROR_WANT_WRITE:
        return CHANNEL_WAIT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return CHANNEL_END;
    default:
        c->spoilt = true;
        return CHANNEL_BROKEN;
    }
}

/* A client that spoke HTTP without TLS reads why it gets nothing. */
static void answer_plain_http(const struct channel *c)
{
    static const char text[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                               "Connection: close\r\nContent-Length: 42\r\n\r\n"
                               "This port speaks TLS: use an https:// URL\n";

    (void)send(c->fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int channel_handshake(struct channel *c, struct err *e)
{
    int rc = c->lib->SSL_do_handshake(c->ssl), result;
    bool plain_http;

    if (rc == 1)
        return 1;
    result = result_of(c, rc);
    if (result == CHANNEL_WAIT || result == CHANNEL_WAIT_WRITE)
        return result;
    tls_server_explain(c->tls, c->ssl, e, &plain_http);
    if (plain_http)
        answer_plain_http(c);
    return CHANNEL_BROKEN;
}

static ssize_t result_of_errno(void)
{
    return errno == EAGAIN || errno == EINTR ? CHANNEL_WAIT : CHANNEL_BROKEN;
}

ssize_t channel_read(struct channel *c, uint8_t *to, size_t room)
{
    ssize_t n;
    int rc;

    if (!c->ssl) {
        n = recv(c->fd, to, room, 0);
        return n >= 0 ? n : result_of_errno();
    }
    rc = c->lib->SSL_read(c->ssl, to, (int)room);
    if (rc > 0)
        return rc;
    rc = result_of(c, rc);
    if (rc == CHANNEL_BROKEN)
        ERR_clear_error();
    return rc;
}

ssize_t channel_write(struct channel *c, const uint8_t *from, size_t len)
{
    ssize_t n;
    int rc;

    if (!c->ssl) {
        n = send(c->fd, from, len, MSG_NOSIGNAL);
        if (n >= 0)
            return n;
        n = result_of_errno();
        return n == CHANNEL_WAIT ? CHANNEL_WAIT_WRITE : n;
    }
    rc = c->lib->SSL_write(c->ssl, from, len < INT_MAX ? (int)len : INT_MAX);
    if (rc > 0)
        return rc;
    rc = result_of(c, rc);
    if (rc == CHANNEL_BROKEN || rc == CHANNEL_END)
        ERR_clear_error();
    return rc == CHANNEL_END ? CHANNEL_BROKEN : rc;
}

bool channel_pending(const struct channel *c)
{
    return c->ssl && c->lib->SSL_has_pending(c->ssl);
}

void channel_shut(struct channel *c)
{
    if (c->ssl && !c->spoilt) {
        (void)c->lib->SSL_shutdown(c->ssl);
        ERR_clear_error();
        c->spoilt = true; /* once */
    }
    (void)shutdown(c->fd, SHUT_WR);
}

bool channel_discard(const struct channel *c, uint8_t *scratch, size_t room)
{
    ssize_t n = recv(c->fd, scratch, room, 0);

    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}
