#include "crypto/chain.h"
#include "crypto/init.h"
#include "crypto/x509.h"
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/* Certificates in a chain, leaf and root included: OpenSSL's depth counts those between them. */
enum { MAX_CHAIN = 8, MAX_INTERMEDIATES = 64, MAX_ROOTS = 2048, SECURITY_112_BITS = 2 };

DEFINE_FREEP(X509 *, X509_free)
DEFINE_FREEP(X509_STORE *, X509_STORE_free)
DEFINE_FREEP(X509_STORE_CTX *, X509_STORE_CTX_free)

static void stack_free(STACK_OF(X509) * stack)
{
    sk_X509_pop_free(stack, X509_free);
}
DEFINE_FREEP(STACK_OF(X509) *, stack_free)

/* Our reader goes first: it is stricter than OpenSSL's, and it has limits. */
static int read_cert(X509 **ret, struct slice der, struct err *e)
{
    struct x509_cert cert;
    const uint8_t *at = der.ptr;

    if (x509_cert_read(&cert, der, e))
        return -1;
    *ret = d2i_X509(NULL, &at, (long)der.len);
    return *ret ? 0 : crypto_fail(e, ERR_INVALID, "certificate");
}

static int read_roots(X509_STORE *store, const struct chain_request *request, struct err *e)
{
    for (size_t i = 0; i < request->root_count; i++) {
        CLEANUP(X509_freep) X509 *cert = NULL;

        if (read_cert(&cert, request->roots[i], e))
            return err_wrap(e, "trusted certificate %zu", i + 1);
        if (!X509_STORE_add_cert(store, cert))
            return crypto_fail(e, ERR_INTERNAL, "trusted certificate %zu", i + 1);
    }
    return 0;
}

static int read_intermediates(STACK_OF(X509) * stack, const struct chain_request *request,
                              struct err *e)
{
    for (size_t i = 0; i < request->intermediate_count; i++) {
        CLEANUP(X509_freep) X509 *cert = NULL;

        if (read_cert(&cert, request->intermediates[i], e))
            return err_wrap(e, "intermediate %zu", i + 1);
        if (!sk_X509_push(stack, cert))
            return err_set(e, ERR_INTERNAL, "intermediate %zu", i + 1);
        cert = NULL;
    }
    return 0;
}

static bool set_param(X509_STORE_CTX *ctx, const struct chain_request *request)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

    X509_VERIFY_PARAM_set_depth(param, MAX_CHAIN - 2);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_112_BITS); /* refuses SHA-1, RSA below 2048 */
    X509_VERIFY_PARAM_set_time(param, (time_t)request->at);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (!X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN))
        return false;
    if (request->purpose != CHAIN_ANY &&
        !X509_VERIFY_PARAM_set_purpose(param, request->purpose == CHAIN_SERVER
                                                  ? X509_PURPOSE_SSL_SERVER
                                                  : X509_PURPOSE_SSL_CLIENT))
        return false;
    if (request->dns_name && !X509_VERIFY_PARAM_set1_host(param, request->dns_name, 0))
        return false;
    return !request->ip || X509_VERIFY_PARAM_set1_ip_asc(param, request->ip);
}

static int verify(X509_STORE_CTX *ctx, struct err *e)
{
    int rc = X509_verify_cert(ctx), code = X509_STORE_CTX_get_error(ctx);

    ERR_clear_error();
    if (rc == 1 && code == X509_V_OK)
        return 0;
    return err_set(e, ERR_REFUSED, "certificate chain, depth %d: %s",
                   X509_STORE_CTX_get_error_depth(ctx), X509_verify_cert_error_string(code));
}

int chain_verify(const struct chain_request *request, struct err *e)
{
    CLEANUP(X509_freep) X509 *leaf = NULL;
    CLEANUP(X509_STORE_freep) X509_STORE *store = NULL;
    CLEANUP(stack_freep) STACK_OF(X509) *intermediates = NULL;
    CLEANUP(X509_STORE_CTX_freep) X509_STORE_CTX *ctx = NULL;

    if (request->intermediate_count > MAX_INTERMEDIATES || request->root_count > MAX_ROOTS)
        return err_set(e, ERR_LIMIT, "more than %d intermediates or %d trusted certificates",
                       MAX_INTERMEDIATES, MAX_ROOTS);
    crypto_init();
    store = X509_STORE_new();
    intermediates = sk_X509_new_null();
    ctx = X509_STORE_CTX_new();
    if (!store || !intermediates || !ctx)
        return crypto_fail(e, ERR_INTERNAL, "certificate chain");
    if (read_cert(&leaf, request->leaf, e) || read_intermediates(intermediates, request, e) ||
        read_roots(store, request, e))
        return -1;
    if (!X509_STORE_CTX_init(ctx, store, leaf, intermediates) || !set_param(ctx, request))
        return crypto_fail(e, ERR_INVALID, "certificate chain: not a name or address to match");
    return verify(ctx, e);
}
