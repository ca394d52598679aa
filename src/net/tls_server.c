#include "net/tls_server.h"
#include "base/alloc.h"
#include "crypto/init.h"
#include "crypto/key_openssl.h"
#include "net/libssl.h"
#include "net/tls_tickets.h"
#include <openssl/x509v3.h>
#include <stdatomic.h>

/* TLS 1.2: forward secrecy and authenticated encryption only; 1.3 has nothing else. */
static const char ciphers_12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                 "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                 "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char ciphers_13[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char groups[] = "X25519:P-256:P-384";
static const uint8_t protocols[] = "\x02h2\x08http/1.1";

/* Bytes of certificates that a client may send; of ours one is about 500. */
enum { MAX_CLIENT_CHAIN = 32 << 10, MAX_DEPTH = 4 };

struct identity {
    X509 *leaf;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

struct tls_server {
    atomic_uint references;
    const struct libssl *lib;
    SSL_CTX *ctx;
    struct tls_tickets *tickets;
    struct identity *identity;
    size_t identity_count;
};

DEFINE_FREEP(X509_STORE *, X509_STORE_free)
DEFINE_FREEP(X509 *, X509_free)

/* ---- what libssl asks during a handshake ---- */

static struct tls_server *server_of(const struct libssl *lib, const SSL *ssl)
{
    return lib->SSL_CTX_get_ex_data(lib->SSL_get_SSL_CTX(ssl), 0);
}

/* SSL_CTX_alpn_select_callback. RFC 7301: a client that speaks neither is told so. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                           const unsigned char *in, unsigned inlen, void *arg)
{
    (void)ssl;
    (void)arg;
    for (size_t ours = 0; ours < sizeof protocols - 1; ours += 1u + protocols[ours]) {
        for (unsigned i = 0; i < inlen; i += 1u + in[i]) {
            if (in[i] == protocols[ours] && memcmp(in + i + 1, protocols + ours + 1, in[i]) == 0) {
                *out = in + i + 1;
                *outlen = in[i];
                return SSL_TLSEXT_ERR_OK;
            }
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Shows another certificate than the first, if the client named a host that it is for. */
static int choose_identity(SSL *ssl, void *arg)
{
    const struct tls_server *tls = arg;
    const char *host = tls->lib->SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    for (size_t i = 0; host && i < tls->identity_count; i++) {
        const struct identity *id = &tls->identity[i];

        if (X509_check_host(id->leaf, host, 0, 0, NULL) == 1)
            return i == 0 || tls->lib->SSL_use_cert_and_key(ssl, id->leaf, id->key, id->chain, 1);
    }
    return 1;
}

/* SSL_CTX_ticket_key_callback. */
static int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                      EVP_MAC_CTX *mac, int seal)
{
    const struct libssl *lib;
    struct tls_tickets *tickets;

    if (libssl_load(&lib, NULL))
        return -1;
    tickets = server_of(lib, ssl)->tickets;
    return seal ? tls_tickets_seal(tickets, name, iv, cipher, mac)
                : tls_tickets_open(tickets, name, iv, cipher, mac);
}

/* SSL_CTX_decrypt_session_ticket_callback. A resumed session is not verified again, so one whose
 * client certificate has ended by now becomes a whole handshake, in which that is refused. */
static SSL_TICKET_RETURN judge_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                      size_t name_len, SSL_TICKET_STATUS status, void *arg)
{
    const struct tls_server *tls = arg;
    X509 *peer;

    (void)ssl;
    (void)name;
    (void)name_len;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    peer = tls->lib->SSL_SESSION_get0_peer(session);
    if (peer && X509_cmp_current_time(X509_get0_notAfter(peer)) <= 0)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* ---- making ---- */

static X509 *read_cert(struct slice der)
{
    const unsigned char *at = der.ptr;
    X509 *cert = d2i_X509(NULL, &at, (long)der.len);

    if (cert && at != der.ptr + der.len) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static int read_identity(struct identity *id, const struct tls_identity *from, struct err *e)
{
    if (from->count == 0)
        return err_set(e, ERR_INVALID, "there is no certificate for the TLS server");
    if (key_openssl(&id->key, from->key, e))
        return err_wrap(e, "key of the TLS server");
    id->chain = sk_X509_new_null();
    for (size_t i = 0; i < from->count; i++) {
        X509 *cert = read_cert(from->chain[i]);

        if (!cert)
            return crypto_fail(e, ERR_INVALID, "certificate %zu of the TLS server's chain", i + 1);
        if (i == 0)
            id->leaf = cert;
        else if (!sk_X509_push(id->chain, cert))
            abort();
    }
    if (X509_check_private_key(id->leaf, id->key) != 1)
        return crypto_fail(e, ERR_INVALID,
                           "the TLS server's certificate and key do not belong together");
    return 0;
}

static int set_identities(struct tls_server *tls, const struct tls_server_config *config,
                          struct err *e)
{
    const struct identity *first;

    if (config->identity_count == 0)
        return err_set(e, ERR_INVALID, "there is no certificate for the TLS server");
    tls->identity = xcalloc(config->identity_count, sizeof *tls->identity);
    for (size_t i = 0; i < config->identity_count; i++) {
        tls->identity_count++;
        if (read_identity(&tls->identity[i], &config->identity[i], e))
            return -1;
    }
    first = &tls->identity[0];
    if (tls->lib->SSL_CTX_use_cert_and_key(tls->ctx, first->leaf, first->key, first->chain, 1) != 1)
        return crypto_fail(e, ERR_INVALID, "certificate of the TLS server");
    if (tls->identity_count > 1)
        tls->lib->SSL_CTX_set_cert_cb(tls->ctx, choose_identity, tls);
    return 0;
}

/* Sessions that began under other client authorities are not resumed: their certificate was
 * accepted by a rule that holds no more. */
static int name_sessions(struct tls_server *tls, const struct tls_server_config *config,
                         struct err *e)
{
    uint8_t id[EVP_MAX_MD_SIZE] = { 0 };
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned len = 0;
    bool good = md && EVP_DigestInit_ex(md, crypto_sha256(), NULL) == 1;

    for (size_t i = 0; good && i < config->client_ca_count; i++)
        good = EVP_DigestUpdate(md, config->client_ca[i].ptr, config->client_ca[i].len) == 1;
    good = good && EVP_DigestFinal_ex(md, id, &len) == 1 &&
           tls->lib->SSL_CTX_set_session_id_context(tls->ctx, id, len) == 1;
    EVP_MD_CTX_free(md);
    return good ? 0 : crypto_fail(e, ERR_INTERNAL, "TLS sessions");
}

static int set_clients(struct tls_server *tls, const struct tls_server_config *config,
                       struct err *e)
{
    const struct libssl *lib = tls->lib;
    CLEANUP(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
    X509_VERIFY_PARAM *param = lib->SSL_CTX_get0_param(tls->ctx);
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();

    lib->SSL_CTX_set0_CA_list(tls->ctx, names); /* tells clients which certificate to choose */
    for (size_t i = 0; i < config->client_ca_count; i++) {
        CLEANUP(X509_freep) X509 *ca = read_cert(config->client_ca[i]);
        X509_NAME *name = ca ? X509_NAME_dup(X509_get_subject_name(ca)) : NULL;

        if (!ca || !name || X509_STORE_add_cert(store, ca) != 1 || !sk_X509_NAME_push(names, name))
            return crypto_fail(e, ERR_INVALID, "certificate %zu of the client authorities", i + 1);
    }
    /* An authority here is trusted as it stands, be it cross-signed or self-signed. */
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_depth(param, MAX_DEPTH);
    lib->SSL_CTX_set_cert_store(tls->ctx, store);
    store = NULL;
    if (config->client_ca_count)
        lib->SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
    return name_sessions(tls, config, e);
}

static int set_tickets(struct tls_server *tls, const struct tls_server *previous, struct err *e)
{
    const struct libssl *lib = tls->lib;

    if (previous)
        tls->tickets = tls_tickets_ref(previous->tickets);
    else if (tls_tickets_new(&tls->tickets, e))
        return -1;
    (void)lib->SSL_CTX_ctrl(tls->ctx, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
    (void)lib->SSL_CTX_set_timeout(tls->ctx, TLS_TICKET_LIFE);
    if (lib->SSL_CTX_set_ex_data(tls->ctx, 0, tls) != 1 ||
        lib->SSL_CTX_set_num_tickets(tls->ctx, 1) != 1 ||
        lib->SSL_CTX_set_tlsext_ticket_key_evp_cb(tls->ctx, ticket_key) != 1 ||
        lib->SSL_CTX_set_session_ticket_cb(tls->ctx, NULL, judge_ticket, tls) != 1)
        return crypto_fail(e, ERR_INTERNAL, "TLS sessions");
    return 0;
}

static int set_protocol(const struct tls_server *tls, struct err *e)
{
    const struct libssl *lib = tls->lib;
    SSL_CTX *ctx = tls->ctx;

    /* The end of a connection is known from HTTP's own lengths, not from close_notify. */
    (void)lib->SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                            SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)lib->SSL_CTX_ctrl(ctx, SSL_CTRL_MODE,
                            SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN,
                            NULL);
    (void)lib->SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MAX_CERT_LIST, MAX_CLIENT_CHAIN, NULL);
    /* One system call a record, not two. */
    (void)lib->SSL_CTX_ctrl(ctx, SSL_CTRL_SET_READ_AHEAD, 1, NULL);
    lib->SSL_CTX_set_security_level(ctx, 2);
    lib->SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    if (!lib->SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL) ||
        !lib->SSL_CTX_ctrl(ctx, SSL_CTRL_SET_GROUPS_LIST, 0, (char *)groups) ||
        !lib->SSL_CTX_set_cipher_list(ctx, ciphers_12) ||
        !lib->SSL_CTX_set_ciphersuites(ctx, ciphers_13))
        return crypto_fail(e, ERR_INTERNAL, "TLS");
    return 0;
}

int tls_server_new(struct tls_server **ret, const struct tls_server_config *config, struct err *e)
{
    CLEANUP(tls_server_freep) struct tls_server *tls = xcalloc(1, sizeof *tls);

    atomic_init(&tls->references, 1);
    crypto_init();
    if (libssl_load(&tls->lib, e))
        return -1;
    tls->ctx = tls->lib->SSL_CTX_new(tls->lib->TLS_server_method());
    if (!tls->ctx)
        return crypto_fail(e, ERR_INTERNAL, "TLS");
    if (set_protocol(tls, e) || set_identities(tls, config, e) || set_clients(tls, config, e) ||
        set_tickets(tls, config->previous, e))
        return -1;
    *ret = tls;
    tls = NULL;
    return 0;
}

struct tls_server *tls_server_ref(struct tls_server *tls)
{
    (void)atomic_fetch_add(&tls->references, 1);
    return tls;
}

void tls_server_free(struct tls_server *tls)
{
    if (!tls || atomic_fetch_sub(&tls->references, 1) > 1)
        return;
    for (size_t i = 0; i < tls->identity_count; i++) {
        X509_free(tls->identity[i].leaf);
        sk_X509_pop_free(tls->identity[i].chain, X509_free);
        EVP_PKEY_free(tls->identity[i].key);
    }
    free(tls->identity);
    if (tls->lib)
        tls->lib->SSL_CTX_free(tls->ctx);
    tls_tickets_free(tls->tickets);
    free(tls);
}

/* ---- connections ---- */

const struct libssl *tls_server_libssl(const struct tls_server *tls)
{
    return tls->lib;
}

int tls_server_accept(struct tls_server *tls, int fd, SSL **ret, struct err *e)
{
    SSL *ssl = tls->lib->SSL_new(tls->ctx);

    if (!ssl || tls->lib->SSL_set_fd(ssl, fd) != 1) {
        tls->lib->SSL_free(ssl);
        return crypto_fail(e, ERR_INTERNAL, "TLS");
    }
    tls->lib->SSL_set_accept_state(ssl);
    *ret = ssl;
    return 0;
}
