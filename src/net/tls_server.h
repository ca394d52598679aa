#ifndef NET_TLS_SERVER_H
#define NET_TLS_SERVER_H

#include "base/buf.h"
#include "base/err.h"
#include "crypto/key.h"
#include <openssl/types.h>

/*
 * The server's side of TLS 1.2 and 1.3, over libssl: certificates, the client authorities, ticket
 * keys. Immutable and counted: a reload makes a new one and swaps it, connections keep theirs.
 */
struct tls_server;

/* A certificate of ours with its key, which lives in memory only. */
struct tls_identity {
    const struct slice *chain; /* DER, leaf first */
    size_t count;
    const struct key *key;
};

struct tls_server_config {
    /* The first is shown to a client that names no host, or one that no leaf is for; else the first
     * whose leaf is for that host. */
    const struct tls_identity *identity;
    size_t identity_count;
    /* DER. A client is asked for a certificate if there are any; it may have none, but one that it
     * shows must be from one of these (client authentication, dates), or the handshake fails. */
    const struct slice *client_ca;
    size_t client_ca_count;
    /* The one that this replaces, NULL: none. Sessions that it began can be resumed, unless the
     * client authorities are others now. */
    const struct tls_server *previous;
};

int tls_server_new(struct tls_server **ret, const struct tls_server_config *config, struct err *e)
    MUST_CHECK;
struct tls_server *tls_server_ref(struct tls_server *tls);
void tls_server_free(struct tls_server *tls); /* gives up one reference; NULL is fine */
DEFINE_FREEP(struct tls_server *, tls_server_free)

/* ---- for net's own connections ---- */

struct libssl;
const struct libssl *tls_server_libssl(const struct tls_server *tls);
/* A connection's SSL on `fd`, waiting for the client's first message. */
int tls_server_accept(struct tls_server *tls, int fd, SSL **ret, struct err *e) MUST_CHECK;
/* Why a handshake failed, as a sentence; empties OpenSSL's error queue. plain_http: the client
 * spoke HTTP without TLS. */
void tls_server_explain(const struct tls_server *tls, SSL *ssl, struct err *e, bool *plain_http);

#endif
