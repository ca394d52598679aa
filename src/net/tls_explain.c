#include "net/libssl.h"
#include "net/tls_server.h"
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

/* What operators meet, in words that say which side to look at. The rest is OpenSSL's own text. */
/* clang-format off */
static const struct {
    int reason;
    const char *text;
} reasons[] = {
    { SSL_R_HTTP_REQUEST,                  "plain HTTP on a TLS port: the client should use https://" },
    { SSL_R_HTTPS_PROXY_REQUEST,           "an HTTP proxy request on a TLS port" },
    { SSL_R_WRONG_VERSION_NUMBER,          "the client does not speak TLS" },
    { SSL_R_UNKNOWN_PROTOCOL,              "the client does not speak TLS" },
    { SSL_R_UNSUPPORTED_PROTOCOL,          "the client speaks no version of TLS from 1.2 on" },
    { SSL_R_VERSION_TOO_LOW,               "the client speaks no version of TLS from 1.2 on" },
    { SSL_R_NO_SHARED_CIPHER,              "no shared cipher" },
    { SSL_R_NO_SUITABLE_KEY_SHARE,         "no shared key exchange group" },
    { SSL_R_NO_SHARED_GROUPS,              "no shared key exchange group" },
    { SSL_R_NO_SUITABLE_GROUPS,            "no shared key exchange group" },
    { SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, "the client accepts no signature that our certificate's key can make" },
    { SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "the client accepts no signature that our certificate's key can make" },
    { SSL_R_NO_APPLICATION_PROTOCOL,       "the client offers neither h2 nor http/1.1" },
    { SSL_R_EXCESSIVE_MESSAGE_SIZE,        "the client's certificates are too long" },
    { SSL_R_NO_RENEGOTIATION,              "the client asks for renegotiation" },
    { SSL_R_TLSV1_ALERT_UNKNOWN_CA,        "the client does not trust our certificate: unknown authority" },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the client does not trust our certificate: expired" },
    { SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,   "the client does not trust our certificate" },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the client does not trust our certificate" },
    { SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "the client does not take our certificate's type" },
    { SSL_R_TLSV1_ALERT_USER_CANCELLED,    "the client gave up" },
};
/* clang-format on */

static const char *find_text(int reason)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].reason == reason)
            return reasons[i].text;
    return NULL;
}

void tls_server_explain(const struct tls_server *tls, SSL *ssl, struct err *e, bool *plain_http)
{
    unsigned long error = ERR_peek_last_error();
    int reason = ERR_GET_REASON(error);
    bool ours = error && ERR_GET_LIB(error) == ERR_LIB_SSL;
    const char *text = ours ? find_text(reason) : NULL;
    long verdict = tls_server_libssl(tls)->SSL_get_verify_result(ssl);

    *plain_http = ours && reason == SSL_R_HTTP_REQUEST;
    if (ours && reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        (void)err_set(e, ERR_REFUSED, "the client's certificate: %s",
                      X509_verify_cert_error_string(verdict));
    else if (text)
        (void)err_set(e, ERR_INVALID, "%s", text);
    else if (error && ERR_reason_error_string(error))
        (void)err_set(e, ERR_INVALID, "%s", ERR_reason_error_string(error));
    else if (error)
        (void)err_set(e, ERR_INVALID, "OpenSSL error %08lX", error);
    else
        (void)err_set(e, ERR_INVALID, "the client broke off the handshake");
    ERR_clear_error();
}
