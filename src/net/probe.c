#include "net/probe.h"
#include "base/clock.h"
#include "crypto/init.h"
#include "net/libssl.h"
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_DER = 64 << 10 };

DEFINE_FREEP(struct addrinfo *, freeaddrinfo)

void probe_result_clear(struct probe_result *r)
{
    for (size_t i = 0; i < r->cert_count; i++)
        buf_clear(&r->cert[i]);
    *r = (struct probe_result){ 0 };
}

/* ---- the target ---- */

static bool parse_port(const char *text, unsigned *port)
{
    size_t len = strlen(text);

    if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
        return false;
    *port = (unsigned)strtoul(text, NULL, 10);
    return *port > 0 && *port <= 65535;
}

int probe_parse(struct probe_target *ret, const char *text, struct err *e)
{
    const char *colon = strrchr(text, ':'), *from = text;
    size_t len = colon ? (size_t)(colon - text) : 0;
    bool brackets = text[0] == '[';

    if (brackets && len > 2 && text[len - 1] == ']') {
        from = text + 1;
        len -= 2;
    } else if (brackets || memchr(text, ':', len)) {
        len = 0; /* an IPv6 address whose port cannot be told */
    }
    if (len == 0 || len >= PROBE_HOST || memchr(from, '/', len) ||
        (brackets && !memchr(from, ':', len)) || !parse_port(colon + 1, &ret->port))
        return err_set(e, ERR_INVALID,
                       "'%.200s' is no endpoint: write HOST:PORT, an IPv6 address in brackets",
                       text);
    memcpy(ret->host, from, len);
    ret->host[len] = '\0';
    return 0;
}

/* ---- the connection ---- */

struct probe {
    const struct probe_target *target;
    int64_t deadline; /* monotonic milliseconds */
    struct probe_result *result;
    int fd;
    const struct libssl *lib;
    SSL_CTX *ctx;
    SSL *ssl;
};

/* 1: ready; 0: the deadline has passed. */
static int wait_for(const struct probe *p, int fd, short events)
{
    struct pollfd pfd = { .fd = fd, .events = events };

    for (;;) {
        int64_t left = p->deadline - clock_monotonic_ms();
        int rc = left > 0 ? poll(&pfd, 1, (int)left) : 0;

        if (rc < 0 && errno == EINTR)
            continue;
        return rc > 0;
    }
}

/* The connected socket, or -1 with errno. */
static int connect_to(const struct probe *p, const struct addrinfo *a)
{
    CLEANUP(fd_closep)
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    int fault = 0, ret;
    socklen_t len = sizeof fault;

    if (fd < 0)
        return -1;
    if (connect(fd, a->ai_addr, a->ai_addrlen)) {
        if (errno != EINPROGRESS)
            return -1;
        if (!wait_for(p, fd, POLLOUT)) {
            errno = ETIMEDOUT;
            return -1;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &len) || fault) {
            errno = fault ? fault : errno;
            return -1;
        }
    }
    ret = fd;
    fd = -1;
    return ret;
}

static int open_connection(struct probe *p, struct err *e)
{
    CLEANUP(freeaddrinfop) struct addrinfo *list = NULL;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    char port[8];
    int rc;

    (void)snprintf(port, sizeof port, "%u", p->target->port);
    rc = getaddrinfo(p->target->host, port, &hints, &list);
    if (rc)
        return err_set(e, ERR_UNREACHABLE, "look up '%s': %s", p->target->host,
                       rc == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(rc));
    for (const struct addrinfo *a = list; a && p->fd < 0; a = a->ai_next)
        p->fd = connect_to(p, a);
    if (p->fd < 0)
        return err_set(e, ERR_UNREACHABLE, "connect to '%s' port %u: %s", p->target->host,
                       p->target->port, strerrordesc_np(errno));
    return 0;
}

/* ---- the handshake ---- */

/* Stands in for verification: keeps what was shown, and is content with it. */
static int keep_chain(X509_STORE_CTX *store, void *arg)
{
    struct probe_result *r = arg;
    const STACK_OF(X509) *shown = X509_STORE_CTX_get0_untrusted(store);

    for (int i = 0; i < sk_X509_num(shown) && r->cert_count < PROBE_MAX_CHAIN; i++) {
        uint8_t *der = NULL;
        int len = i2d_X509(sk_X509_value(shown, i), &der);

        if (len > 0 && len <= MAX_DER)
            buf_add(&r->cert[r->cert_count++], der, (size_t)len);
        OPENSSL_free(der);
    }
    return 1;
}

static int note_request(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    const struct libssl *lib;
    struct probe_result *r;

    (void)cert;
    (void)key;
    if (libssl_load(&lib, NULL))
        return 0;
    r = lib->SSL_get_ex_data(ssl, 0);
    r->wants_client = true;
    return 0; /* we have none */
}

/* Any version and any strength: this is to see, not to trust. */
static int prepare(struct probe *p, struct err *e)
{
    const struct libssl *lib = p->lib;
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *numeric = NULL;
    bool address = getaddrinfo(p->target->host, NULL, &hints, &numeric) == 0;
    BIO *in, *out;

    if (numeric)
        freeaddrinfo(numeric);
    p->ctx = lib->SSL_CTX_new(lib->TLS_client_method());
    if (!p->ctx)
        return crypto_fail(e, ERR_INTERNAL, "TLS");
    lib->SSL_CTX_set_security_level(p->ctx, 0);
    lib->SSL_CTX_set_cert_verify_callback(p->ctx, keep_chain, p->result);
    lib->SSL_CTX_set_verify(p->ctx, SSL_VERIFY_PEER, NULL);
    lib->SSL_CTX_set_client_cert_cb(p->ctx, note_request);
    p->ssl = lib->SSL_new(p->ctx);
    in = BIO_new(BIO_s_mem());
    out = BIO_new(BIO_s_mem());
    if (!p->ssl || !in || !out) {
        BIO_free(in);
        BIO_free(out);
        return crypto_fail(e, ERR_INTERNAL, "TLS");
    }
    lib->SSL_set_bio(p->ssl, in, out);
    (void)lib->SSL_set_ex_data(p->ssl, 0, p->result);
    lib->SSL_set_options(p->ssl, SSL_OP_LEGACY_SERVER_CONNECT);
    /* RFC 6066 section 3: a name, never an address */
    if (!lib->SSL_ctrl(p->ssl, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_VERSION, NULL) ||
        (!address && !lib->SSL_ctrl(p->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                    (char *)p->target->host)))
        return crypto_fail(e, ERR_INTERNAL, "TLS");
    lib->SSL_set_connect_state(p->ssl);
    return 0;
}

/* What OpenSSL has to say goes out; false when the other side is gone or slow. */
static bool flush(struct probe *p)
{
    BIO *out = p->lib->SSL_get_wbio(p->ssl);
    char bytes[4096];
    int len;

    while ((len = BIO_read(out, bytes, sizeof bytes)) > 0) {
        for (int sent = 0; sent < len;) {
            ssize_t n = send(p->fd, bytes + sent, (size_t)(len - sent), MSG_NOSIGNAL);

            if (n > 0)
                sent += (int)n;
            else if ((errno != EAGAIN && errno != EINTR) || !wait_for(p, p->fd, POLLOUT))
                return false;
        }
    }
    return true;
}

/* 1: bytes came; 0: the other side closed or broke off; -1: the deadline has passed. */
static int feed(struct probe *p)
{
    BIO *in = p->lib->SSL_get_rbio(p->ssl);
    char bytes[4096];
    ssize_t n;

    do {
        if (!wait_for(p, p->fd, POLLIN))
            return -1;
        n = recv(p->fd, bytes, sizeof bytes, 0);
    } while (n < 0 && (errno == EAGAIN || errno == EINTR));
    if (n <= 0)
        return 0;
    return BIO_write(in, bytes, (int)n) == n;
}

static int handshake(struct probe *p, struct err *e)
{
    const char *name = p->target->host;
    int rc, fed = 1;

    while ((rc = p->lib->SSL_do_handshake(p->ssl)) <= 0) {
        bool more = p->lib->SSL_get_error(p->ssl, rc) == SSL_ERROR_WANT_READ;

        if (!flush(p) || !more)
            break;
        fed = feed(p);
        if (fed <= 0)
            break;
    }
    if (p->result->cert_count) { /* all that was asked, even if we were turned away after it */
        (void)flush(p);
        ERR_clear_error();
        (void)snprintf(p->result->protocol, sizeof p->result->protocol, "%s",
                       p->lib->SSL_get_version(p->ssl));
        return 0;
    }
    if (fed < 0)
        return err_set(e, ERR_UNREACHABLE, "'%s' port %u does not answer a TLS handshake in time",
                       name, p->target->port);
    if (fed == 0)
        return err_set(e, ERR_INVALID, "'%s' port %u closes the connection in the TLS handshake",
                       name, p->target->port);
    return crypto_fail(e, ERR_INVALID, "'%s' port %u does not speak TLS", name, p->target->port);
}

static void probe_clear(struct probe *p)
{
    if (p->lib) {
        p->lib->SSL_free(p->ssl);
        p->lib->SSL_CTX_free(p->ctx);
    }
    fd_closep(&p->fd);
}

int probe_endpoint(const struct probe_target *target, int64_t timeout_ms, struct probe_result *ret,
                   struct err *e)
{
    CLEANUP(probe_result_clear) struct probe_result result = { 0 };
    CLEANUP(probe_clear)
    struct probe p = {
        .target = target, .deadline = clock_monotonic_ms() + timeout_ms, .result = &result, .fd = -1
    };

    crypto_init();
    if (libssl_load(&p.lib, e) || open_connection(&p, e) || prepare(&p, e) || handshake(&p, e))
        return -1;
    *ret = result;
    result = (struct probe_result){ 0 };
    return 0;
}
