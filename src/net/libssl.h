#ifndef NET_LIBSSL_H
#define NET_LIBSSL_H

#include "base/err.h"
#include <openssl/ssl.h>

/*
 * OpenSSL's libssl, loaded on first use: linked, it would cost every start of the program half a
 * millisecond. It comes with libcrypto, in the same package. What ssl.h has as a macro over one of
 * these is written out by the caller.
 */
#define LIBSSL_FUNCTIONS(X)                                                                        \
    X(SSL_CTX_callback_ctrl)                                                                       \
    X(SSL_CTX_ctrl)                                                                                \
    X(SSL_CTX_free)                                                                                \
    X(SSL_CTX_get0_param)                                                                          \
    X(SSL_CTX_get_ex_data)                                                                         \
    X(SSL_CTX_new)                                                                                 \
    X(SSL_CTX_set0_CA_list)                                                                        \
    X(SSL_CTX_set_alpn_select_cb)                                                                  \
    X(SSL_CTX_set_cert_cb)                                                                         \
    X(SSL_CTX_set_cert_store)                                                                      \
    X(SSL_CTX_set_cert_verify_callback)                                                            \
    X(SSL_CTX_set_cipher_list)                                                                     \
    X(SSL_CTX_set_ciphersuites)                                                                    \
    X(SSL_CTX_set_client_cert_cb)                                                                  \
    X(SSL_CTX_set_ex_data)                                                                         \
    X(SSL_CTX_set_num_tickets)                                                                     \
    X(SSL_CTX_set_options)                                                                         \
    X(SSL_CTX_set_security_level)                                                                  \
    X(SSL_CTX_set_session_id_context)                                                              \
    X(SSL_CTX_set_session_ticket_cb)                                                               \
    X(SSL_CTX_set_timeout)                                                                         \
    X(SSL_CTX_set_tlsext_ticket_key_evp_cb)                                                        \
    X(SSL_CTX_set_verify)                                                                          \
    X(SSL_CTX_use_cert_and_key)                                                                    \
    X(SSL_SESSION_get0_peer)                                                                       \
    X(SSL_ctrl)                                                                                    \
    X(SSL_do_handshake)                                                                            \
    X(SSL_free)                                                                                    \
    X(SSL_get0_alpn_selected)                                                                      \
    X(SSL_get1_peer_certificate)                                                                   \
    X(SSL_get_SSL_CTX)                                                                             \
    X(SSL_get_error)                                                                               \
    X(SSL_get_ex_data)                                                                             \
    X(SSL_get_rbio)                                                                                \
    X(SSL_get_servername)                                                                          \
    X(SSL_get_verify_result)                                                                       \
    X(SSL_get_version)                                                                             \
    X(SSL_get_wbio)                                                                                \
    X(SSL_has_pending)                                                                             \
    X(SSL_new)                                                                                     \
    X(SSL_read)                                                                                    \
    X(SSL_session_reused)                                                                          \
    X(SSL_set_accept_state)                                                                        \
    X(SSL_set_bio)                                                                                 \
    X(SSL_set_connect_state)                                                                       \
    X(SSL_set_ex_data)                                                                             \
    X(SSL_set_fd)                                                                                  \
    X(SSL_set_options)                                                                             \
    X(SSL_shutdown)                                                                                \
    X(SSL_use_cert_and_key)                                                                        \
    X(SSL_write)                                                                                   \
    X(TLS_client_method)                                                                           \
    X(TLS_server_method)

struct libssl {
#define LIBSSL_MEMBER(name) __typeof__(&name) name;
    LIBSSL_FUNCTIONS(LIBSSL_MEMBER)
#undef LIBSSL_MEMBER
};

/* ERR_INTERNAL: it is not installed, or not the version that we were built with. */
int libssl_load(const struct libssl **ret, struct err *e) MUST_CHECK;

#endif
