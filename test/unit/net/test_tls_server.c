#include "serve.h"

#include "net/libssl.h"
#include "net/tls_tickets.h"
#include "pki/forge.h"
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

/* ---- keys of tickets ---- */

struct sealed {
    uint8_t name[16], iv[16];
};

static int use(struct tls_tickets *tickets, struct sealed *s, bool seal)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
    int rc = seal ? tls_tickets_seal(tickets, s->name, s->iv, cipher, mac)
                  : tls_tickets_open(tickets, s->name, s->iv, cipher, mac);

    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(hmac);
    EVP_CIPHER_CTX_free(cipher);
    return rc;
}

/* A key seals for an hour and opens for another; then nobody has it any more. */
static void test_tickets(void **state)
{
    CLEANUP(tls_tickets_freep) struct tls_tickets *tickets = NULL;
    struct sealed first = { .name = { 0 } }, second = { .name = { 0 } };
    struct err e = { 0 };

    (void)state;
    if (tls_tickets_new(&tickets, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(use(tickets, &first, true), 1);
    assert_int_equal(use(tickets, &first, false), 1);
    assert_int_equal(use(tickets, &(struct sealed){ .name = { 1 } }, false), 0);
    tls_tickets_age(tickets, TLS_TICKET_LIFE - 10);
    assert_int_equal(use(tickets, &second, true), 1);
    assert_memory_equal(first.name, second.name, 16);
    tls_tickets_age(tickets, 20);
    assert_int_equal(use(tickets, &first, false), 2); /* good, but an old key: renew */
    assert_int_equal(use(tickets, &second, true), 1);
    assert_memory_not_equal(first.name, second.name, 16);
    tls_tickets_age(tickets, TLS_TICKET_LIFE);
    assert_int_equal(use(tickets, &first, false), 0);
    assert_int_equal(use(tickets, &second, false), 2);
    tls_tickets_age(tickets, 5 * TLS_TICKET_LIFE); /* a long quiet time */
    assert_int_equal(use(tickets, &second, false), 0);
}

/* ---- certificates and keys that do not fit ---- */

static struct forged server_ca, client_ca, leaf, other;

static int make_certs(void **state)
{
    int64_t now = clock_wall();

    (void)state;
    forge(&server_ca, &(struct forge_spec){ .cn = "server", .ca = true, .from = now - 60 });
    forge(&client_ca, &(struct forge_spec){ .cn = "client", .ca = true, .from = now - 60 });
    forge(&leaf, &(struct forge_spec){ .cn = "leaf",
                                       .eku = EKU_SERVER,
                                       .dns = "localhost",
                                       .from = now - 60,
                                       .issuer = &server_ca });
    forge(&other, &(struct forge_spec){ .cn = "other", .from = now - 60 });
    return 0;
}

static int clear_certs(void **state)
{
    (void)state;
    forged_clear(&server_ca);
    forged_clear(&client_ca);
    forged_clear(&leaf);
    forged_clear(&other);
    return 0;
}

static int make(struct tls_server **ret, struct slice cert, const struct key *key, struct slice ca,
                struct err *e)
{
    struct tls_identity identity = { &cert, cert.ptr ? 1 : 0, key };

    return tls_server_new(ret,
                          &(struct tls_server_config){ .identity = &identity,
                                                       .identity_count = key ? 1 : 0,
                                                       .client_ca = &ca,
                                                       .client_ca_count = ca.ptr ? 1 : 0 },
                          e);
}

static void test_refused(void **state)
{
    const struct slice none = { NULL, 0 }, cert = buf_slice(&leaf.cert),
                       cut = slice_of(leaf.cert.ptr, leaf.cert.len - 1);
    const struct {
        const char *label;
        struct slice cert;
        const struct key *key;
        struct slice ca;
        const char *reason;
    } cases[] = {
        { "nothing", none, NULL, none, "no certificate" },
        { "no certificate", none, leaf.key, none, "no certificate" },
        { "another's key", cert, other.key, none, "do not belong together" },
        { "a cut certificate", cut, leaf.key, none, "certificate 1 of the TLS server's chain" },
        { "a cut authority", cert, leaf.key, cut, "certificate 1 of the client authorities" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tls_server *tls = NULL;
        struct err e = { 0 };

        if (make(&tls, cases[i].cert, cases[i].key, cases[i].ca, &e) == 0 || tls ||
            e.code != ERR_INVALID || !strstr(e.msg, cases[i].reason))
            fail_msg("%s: %s", cases[i].label, e.msg);
    }
}

/* ---- clients ---- */

/* What only a client needs of libssl. */
static struct {
    SSL_SESSION *(*get1_session)(SSL *ssl);
    int (*set_session)(SSL *ssl, SSL_SESSION *session);
    void (*session_free)(SSL_SESSION *session);
} more;

static void load_more(const struct libssl **lib)
{
    void *handle = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
    struct err e = { 0 };

    if (libssl_load(lib, &e))
        fail_msg("%s", e.msg);
    *(void **)&more.get1_session = dlsym(handle, "SSL_get1_session");
    *(void **)&more.set_session = dlsym(handle, "SSL_set_session");
    *(void **)&more.session_free = dlsym(handle, "SSL_SESSION_free");
}

static void whose(void *ctx, const struct server_peer *peer, const struct http_request *request,
                  struct server_reply *reply)
{
    (void)ctx;
    (void)request;
    reply->response.status = 200;
    reply->response.type = "text/plain";
    buf_addf(&reply->response.body, "<%zu %s>", peer->cert.len, peer->tls);
}

/* Asks once; *session is offered if there is one, and becomes the new one. True: it was resumed. */
static bool ask(struct served *s, const struct libssl *lib, const struct forged *cert,
                SSL_SESSION **session, char answer[64])
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    SSL_CTX *ctx = lib->SSL_CTX_new(lib->TLS_client_method());
    SSL *ssl = lib->SSL_new(ctx);
    const unsigned char *der = cert ? cert->cert.ptr : NULL;
    X509 *x509 = cert ? d2i_X509(NULL, &der, (long)cert->cert.len) : NULL;
    EVP_PKEY *key = NULL;
    int fd = connect_port(s->tls_port), n;
    char text[512] = "";
    bool resumed;

    if (cert) {
        CLEANUP(secret_clear) struct secret pkcs8 = { 0 };
        struct err e = { 0 };
        const unsigned char *at;

        assert_int_equal(key_write_private_der(cert->key, &pkcs8, &e), 0);
        at = pkcs8.ptr;
        key = d2i_AutoPrivateKey(NULL, &at, (long)pkcs8.len);
        assert_int_equal(lib->SSL_use_cert_and_key(ssl, x509, key, NULL, 1), 1);
    }
    if (*session)
        assert_int_equal(more.set_session(ssl, *session), 1);
    assert_int_equal(lib->SSL_set_fd(ssl, fd), 1);
    lib->SSL_set_connect_state(ssl);
    assert_int_equal(lib->SSL_do_handshake(ssl), 1);
    assert_int_equal(lib->SSL_write(ssl, request, sizeof request - 1), sizeof request - 1);
    n = lib->SSL_read(ssl, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    snprintf(answer, 64, "%s", strchr(text, '<') ? strchr(text, '<') : "");
    resumed = lib->SSL_session_reused(ssl);
    if (*session)
        more.session_free(*session);
    *session = more.get1_session(ssl);
    (void)lib->SSL_shutdown(ssl);
    lib->SSL_free(ssl);
    lib->SSL_CTX_free(ctx);
    X509_free(x509);
    EVP_PKEY_free(key);
    close(fd);
    return resumed;
}

/* A session brings the client's certificate along, but not beyond the certificate's end. */
static void test_session_ends_with_certificate(void **state)
{
    CLEANUP(forged_clear) struct forged client = { 0 };
    CLEANUP(tls_server_freep) struct tls_server *tls = NULL;
    struct server_config config = { .handle = whose, .limits = server_default_limits };
    int64_t now = clock_wall();
    SSL_SESSION *session = NULL;
    const struct libssl *lib;
    struct err e = { 0 };
    char answer[64], want[64];
    struct served s;

    (void)state;
    load_more(&lib);
    forge(&client, &(struct forge_spec){ .cn = "client",
                                         .eku = EKU_CLIENT,
                                         .from = now - 60,
                                         .until = now + 3,
                                         .issuer = &client_ca });
    if (make(&tls, buf_slice(&leaf.cert), leaf.key, buf_slice(&client_ca.cert), &e))
        fail_msg("%s", e.msg);
    serve_start(&s, &config, tls);
    snprintf(want, sizeof want, "<%zu TLSv1.3>", client.cert.len);
    assert_false(ask(&s, lib, &client, &session, answer));
    assert_string_equal(answer, want);
    assert_true(ask(&s, lib, NULL, &session, answer));
    assert_string_equal(answer, want);
    while (clock_wall() <= now + 3)
        usleep(100000);
    assert_false(ask(&s, lib, NULL, &session, answer));
    assert_string_equal(answer, "<0 TLSv1.3>");
    more.session_free(session);
    session = NULL;
    assert_false(ask(&s, lib, &client, &session, answer)); /* it is refused after our Finished */
    assert_string_equal(answer, "");
    wait_count(&s, &s.refusals, 1);
    assert_non_null(strstr(s.refusal, "expired"));
    more.session_free(session);
    serve_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tickets),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_session_ends_with_certificate),
    };

    return cmocka_run_group_tests(tests, make_certs, clear_certs);
}
