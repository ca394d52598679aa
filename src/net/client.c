#include "net/client.h"

#include "base/alloc.h"
#include "base/encode.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "net/libcurl.h"
#include "net/libssl.h"
#include <openssl/err.h>
#include <strings.h>

enum { CONNECT_MS = 10000, SILENCE_S = 120, ERROR_TEXT = CURL_ERROR_SIZE };

struct net_client {
    const struct libcurl *curl;
    const struct libssl *ssl;
    CURL *easy;
    char *socket, *url, *ca, *cert, *key, *name;
    bool pinned;
    uint8_t pin[SHA256_LEN];
    const char *unproven; /* why the server's chain does not hold; NULL: it does */
    int64_t connect_ms, answer_ms;
};

/* ---- pins ---- */

static int pin_parse(uint8_t pin[SHA256_LEN], const char *text, struct err *e)
{
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    struct slice hex = slice_str(text);

    if (!slice_starts(hex, "sha256:"))
        return err_set(e, ERR_INVALID, "the pin '%.80s' does not begin with sha256:", text);
    hex = slice_of(hex.ptr + 7, hex.len - 7);
    if (hex_decode(&bytes, hex, NULL) || bytes.len != SHA256_LEN)
        return err_set(e, ERR_INVALID, "the pin '%.80s' is not sha256: and 64 hex digits", text);
    memcpy(pin, bytes.ptr, SHA256_LEN);
    return 0;
}

int net_pin(char out[NET_PIN_TEXT], struct slice cert_der, struct err *e)
{
    CLEANUP(buf_clear) struct buf hex = { 0 };
    struct x509_cert cert;

    if (x509_cert_read(&cert, cert_der, e))
        return -1;
    sha256_hex(&hex, cert.spki);
    (void)snprintf(out, NET_PIN_TEXT, "sha256:%.64s", buf_str(&hex));
    return 0;
}

static bool is_pinned(const X509 *cert, const uint8_t pin[SHA256_LEN])
{
    unsigned char *der = NULL;
    uint8_t digest[SHA256_LEN];
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

    if (len <= 0)
        return false;
    sha256(digest, slice_of(der, (size_t)len));
    OPENSSL_free(der);
    return memcmp(digest, pin, SHA256_LEN) == 0;
}

/* The certificate with that key is what we trust, and it alone: the chain before it, its dates and
 * what it may be used for are then checked as ever. */
static int trust_pinned(const struct net_client *client, X509_STORE_CTX *ctx)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(ctx);

    for (int i = 0; i < sk_X509_num(chain); i++) {
        X509 *cert = sk_X509_value(chain, i);

        if (!is_pinned(cert, client->pin))
            continue;
        X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
        return X509_STORE_add_cert(X509_STORE_CTX_get0_store(ctx), cert);
    }
    X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_UNTRUSTED);
    return 0;
}

/* libcurl compares the name afterwards. Of a failure it tells the oldest error in OpenSSL's queue,
 * which may be another: so the reason is kept here. */
static int verify(X509_STORE_CTX *ctx, void *arg)
{
    struct net_client *client = arg;
    int good = (!client->pinned || trust_pinned(client, ctx) == 1) && X509_verify_cert(ctx) == 1;

    if (!good)
        client->unproven = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
    return good;
}

static CURLcode set_up_tls(CURL *easy, void *ssl_ctx, void *arg)
{
    const struct net_client *client = arg;

    (void)easy;
    client->ssl->SSL_CTX_set_cert_verify_callback(ssl_ctx, verify, arg);
    return CURLE_OK;
}

/* ---- opening ---- */

/* A user, a path or a query would go unheard. */
static int check_url(const char *url, struct err *e)
{
    const char *host = url + strlen("https://");

    if (strncasecmp(url, "https://", strlen("https://")) != 0 || !host[0] ||
        strpbrk(host, "/?#@ \t\r\n") || strlen(url) > 300)
        return err_set(e, ERR_INVALID, "the server '%.300s' must be https://HOST:PORT", url);
    return 0;
}

static char *copy(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

int net_client_open(struct net_client **ret, const struct net_client_options *options,
                    struct err *e)
{
    CLEANUP(net_client_closep) struct net_client *client = xcalloc(1, sizeof *client);

    if (!options->socket && check_url(options->url, e))
        return -1;
    if (options->pin && pin_parse(client->pin, options->pin, e))
        return -1;
    if (libcurl_load(&client->curl, e) || libssl_load(&client->ssl, e))
        return -1;
    client->pinned = options->pin != NULL;
    client->socket = copy(options->socket);
    client->url = xstrdup(options->socket ? "http://localhost" : options->url);
    client->name = xstrdup(options->socket ? options->socket : options->url);
    client->ca = copy(options->ca);
    client->cert = copy(options->cert);
    client->key = copy(options->key);
    client->connect_ms = options->connect_ms ? options->connect_ms : CONNECT_MS;
    client->answer_ms = options->answer_ms;
    client->easy = client->curl->curl_easy_init();
    if (!client->easy)
        return err_set(e, ERR_INTERNAL, "libcurl does not start");
    *ret = client;
    client = NULL;
    return 0;
}

void net_client_close(struct net_client *client)
{
    if (!client)
        return;
    if (client->easy)
        client->curl->curl_easy_cleanup(client->easy);
    free(client->socket);
    free(client->url);
    free(client->name);
    free(client->ca);
    free(client->cert);
    free(client->key);
    free(client);
}

const char *net_client_name(const struct net_client *client)
{
    return client->name;
}

void net_answer_clear(struct net_answer *answer)
{
    buf_clear(&answer->body);
}

/* ---- one transfer ---- */

struct transfer {
    struct net_client *client;
    const struct net_request *request;
    struct net_answer *answer;
    struct err why; /* of `part`, or of a body that is too long */
    struct curl_slist *fields;
    char error[ERROR_TEXT];
};

static void transfer_clear(struct transfer *t)
{
    t->client->curl->curl_slist_free_all(t->fields);
}

static size_t take_body(char *bytes, size_t one, size_t len, void *arg)
{
    struct transfer *t = arg;
    long status = 0;

    (void)one;
    t->client->curl->curl_easy_getinfo(t->client->easy, CURLINFO_RESPONSE_CODE, &status);
    if (t->request->part && status < 400)
        return t->request->part(slice_of(bytes, len), t->request->ctx, &t->why) ? 0 : len;
    buf_add(&t->answer->body, bytes, len);
    return buf_check(&t->answer->body, &t->why) ? 0 : len;
}

static bool field_is(struct slice name, const char *wanted)
{
    return name.len == strlen(wanted) && strncasecmp((const char *)name.ptr, wanted, name.len) == 0;
}

/* A date there is not understood, and no more than a day is believed. */
static int64_t seconds_of(struct slice text)
{
    int64_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || n > 86400)
            return 0;
        n = n * 10 + (text.ptr[i] - '0');
    }
    return n;
}

static size_t take_field(char *bytes, size_t one, size_t len, void *arg)
{
    struct transfer *t = arg;
    struct slice value = slice_of(bytes, len), name;

    (void)one;
    if (!slice_cut(&value, ':', &name))
        return len;
    value = slice_trim(value);
    if (field_is(name, "etag"))
        (void)snprintf(t->answer->etag, sizeof t->answer->etag, SLICE_FMT, SLICE_ARG(value));
    else if (field_is(name, "content-type"))
        (void)snprintf(t->answer->type, sizeof t->answer->type, SLICE_FMT, SLICE_ARG(value));
    else if (field_is(name, "retry-after"))
        t->answer->retry_after = seconds_of(value);
    return len;
}

static void add_field(struct transfer *t, struct slice name, struct slice value)
{
    CLEANUP(buf_clear) struct buf line = { 0 };

    buf_addf(&line, SLICE_FMT ": " SLICE_FMT, SLICE_ARG(name), SLICE_ARG(value));
    t->fields = t->client->curl->curl_slist_append(t->fields, buf_str(&line));
}

/* What libcurl would send by itself and nobody needs is switched off by an empty field. */
static void put_fields(struct transfer *t)
{
    if (t->request->body.len)
        add_field(t, slice_str("Content-Type"), slice_str("application/json"));
    add_field(t, slice_str("Expect"), slice_str(""));
    for (size_t i = 0; i < t->request->field_count; i++)
        add_field(t, t->request->field[i].name, t->request->field[i].value);
    t->client->curl->curl_easy_setopt(t->client->easy, CURLOPT_HTTPHEADER, t->fields);
}

static void put_trust(struct net_client *client)
{
    const struct libcurl *curl = client->curl;

    if (client->ca)
        curl->curl_easy_setopt(client->easy, CURLOPT_CAINFO, client->ca);
    curl->curl_easy_setopt(client->easy, CURLOPT_SSL_CTX_FUNCTION, set_up_tls);
    curl->curl_easy_setopt(client->easy, CURLOPT_SSL_CTX_DATA, client);
    if (client->cert) {
        curl->curl_easy_setopt(client->easy, CURLOPT_SSLCERT, client->cert);
        curl->curl_easy_setopt(client->easy, CURLOPT_SSLKEY, client->key);
    }
    curl->curl_easy_setopt(client->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static void put_place(const struct transfer *t, const char *url)
{
    struct net_client *client = t->client;
    const struct libcurl *curl = client->curl;

    curl->curl_easy_setopt(client->easy, CURLOPT_URL, url);
    curl->curl_easy_setopt(client->easy, CURLOPT_PATH_AS_IS, 1L);
    curl->curl_easy_setopt(client->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)client->connect_ms);
    curl->curl_easy_setopt(client->easy, CURLOPT_TIMEOUT_MS, (long)client->answer_ms);
    curl->curl_easy_setopt(client->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl->curl_easy_setopt(client->easy, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
    if (client->socket) {
        curl->curl_easy_setopt(client->easy, CURLOPT_PROTOCOLS_STR, "http");
        curl->curl_easy_setopt(client->easy, CURLOPT_UNIX_SOCKET_PATH, client->socket);
        curl->curl_easy_setopt(client->easy, CURLOPT_PROXY, "");
        return;
    }
    curl->curl_easy_setopt(client->easy, CURLOPT_PROTOCOLS_STR, "https");
    curl->curl_easy_setopt(client->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    put_trust(client);
}

static void put_body(const struct transfer *t)
{
    const struct net_request *r = t->request;
    const struct libcurl *curl = t->client->curl;
    CURL *easy = t->client->easy;

    if (r->body.len) {
        curl->curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
        curl->curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (const char *)r->body.ptr);
    } else if (r->method == HTTP_POST) {
        curl->curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, 0L);
        curl->curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    }
    if (r->method == HTTP_HEAD)
        curl->curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    curl->curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, http_method_name(r->method));
}

static void put_callbacks(struct transfer *t)
{
    const struct libcurl *curl = t->client->curl;
    CURL *easy = t->client->easy;

    curl->curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl->curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
    curl->curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl->curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl->curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_field);
    curl->curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    curl->curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, t->client->socket ? NULL : "gzip");
    curl->curl_easy_setopt(easy, CURLOPT_USERAGENT, "poterne/" POTERNE_VERSION);
}

/* ---- what went wrong ---- */

static int unproven(const char *name, const char *why, struct err *e)
{
    return err_set(
        e, ERR_REFUSED,
        "'%s' does not prove to be that server: %s; nothing was sent. Compare its address "
        "and the --ca-hash or CA that you were given",
        name, why);
}

static int failed(const struct transfer *t, CURLcode code, struct err *e)
{
    const char *name = t->client->name;
    const char *why = t->error[0] ? t->error : t->client->curl->curl_easy_strerror(code);

    if (t->why.code)
        return err_pass(e, &t->why);
    if (t->client->unproven)
        return unproven(name, t->client->unproven, e);
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return unproven(name, why, e);
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return err_set(e, ERR_INVALID, "%s: %s; 'poterne login' makes the files anew", name, why);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return err_set(e, ERR_UNREACHABLE, "'%s' broke off: %s", name, why);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return err_set(e, ERR_INVALID, "'%s' does not answer as a poterne does: %s", name, why);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(e, ERR_UNREACHABLE, "'%s' does not answer in time: %s", name, why);
    default:
        return err_set(e, ERR_UNREACHABLE,
                       "'%s' cannot be reached: %s; is 'poterne serve' running there?", name, why);
    }
}

int net_client_send(struct net_client *client, const struct net_request *request,
                    struct net_answer *answer, struct err *e)
{
    CLEANUP(freep) char *url = xasprintf("%s%s", client->url, request->target);
    CLEANUP(transfer_clear)
    struct transfer t = { .client = client, .request = request, .answer = answer };
    long status = 0;
    CURLcode code;

    buf_reset(&answer->body);
    *answer = (struct net_answer){ .body = answer->body };
    client->unproven = NULL;
    client->curl->curl_easy_reset(client->easy);
    put_callbacks(&t);
    put_place(&t, url);
    put_body(&t);
    put_fields(&t);
    ERR_clear_error(); /* libcurl takes the oldest for the reason of its own failure */
    code = client->curl->curl_easy_perform(client->easy);
    client->curl->curl_easy_setopt(client->easy, CURLOPT_ERRORBUFFER, NULL);
    if (code)
        return failed(&t, code, e);
    client->curl->curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    return 0;
}
