#include "crypto/chain.h"
#include "base/alloc.h"
#include "crypto/init.h"
#include "crypto/x509.h"
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/*
 * Paths are found here and judged by OpenSSL: its own search takes the first issuer that fits and
 * does not come back from it, so that during a rotation (two generations, cross-signed, one
 * expired) it misses paths that Go finds.
 */
enum {
    MAX_CHAIN = 8, /* certificates in a path, leaf and root included */
    MAX_INTERMEDIATES = 64,
    MAX_ROOTS = 2048,
    MAX_STEPS = 20000, /* candidates looked at */
    MAX_VERIFIED = 64, /* paths handed to OpenSSL */
    SECURITY_112_BITS = 2
};

DEFINE_FREEP(X509_NAME *, X509_NAME_free)
DEFINE_FREEP(X509_STORE *, X509_STORE_free)
DEFINE_FREEP(X509_STORE_CTX *, X509_STORE_CTX_free)

static void stack_free(STACK_OF(X509) * stack)
{
    sk_X509_free(stack); /* borrows its certificates */
}
DEFINE_FREEP(STACK_OF(X509) *, stack_free)

struct node {
    struct x509_cert cert;
    X509 *x509; /* made when a path first holds it: OpenSSL needs 0.1 ms for one */
};

struct search {
    const struct chain_request *request;
    struct node *nodes; /* the leaf, the roots, the intermediates */
    size_t count;
    size_t path[MAX_CHAIN], depth; /* indexes into nodes */
    unsigned steps, verified;
    struct err e; /* of the first whole path; later ones are second choice */
};

static void search_clear(struct search *s)
{
    for (size_t i = 0; i < s->count; i++)
        X509_free(s->nodes[i].x509);
    free(s->nodes);
}

static bool is_root(const struct search *s, size_t i)
{
    return i > 0 && i <= s->request->root_count;
}

/* Our reader goes first: it is stricter than OpenSSL's, and it has limits. */
static int add_node(struct search *s, struct slice der, const char *what, size_t number,
                    struct err *e)
{
    if (x509_cert_read(&s->nodes[s->count].cert, der, e))
        return number ? err_wrap(e, "%s %zu", what, number) : err_wrap(e, "%s", what);
    s->count++;
    return 0;
}

static int add_nodes(struct search *s, struct err *e)
{
    const struct chain_request *request = s->request;

    if (add_node(s, request->leaf, "leaf", 0, e))
        return -1;
    for (size_t i = 0; i < request->root_count; i++) {
        if (add_node(s, request->roots[i], "trusted certificate", i + 1, e))
            return -1;
    }
    for (size_t i = 0; i < request->intermediate_count; i++) {
        if (add_node(s, request->intermediates[i], "intermediate", i + 1, e))
            return -1;
    }
    return 0;
}

/* RFC 5280 7.1: the same bytes, or the same after case and white space are evened out. */
static bool same_name(struct slice a, struct slice b)
{
    CLEANUP(X509_NAME_freep) X509_NAME *one = NULL;
    CLEANUP(X509_NAME_freep) X509_NAME *two = NULL;
    const uint8_t *at_a = a.ptr, *at_b = b.ptr;
    bool same;

    if (slice_eq(a, b))
        return true;
    one = d2i_X509_NAME(NULL, &at_a, (long)a.len);
    two = d2i_X509_NAME(NULL, &at_b, (long)b.len);
    same = one && two && X509_NAME_cmp(one, two) == 0;
    ERR_clear_error();
    return same;
}

/* What Go asks of an issuer: version 3 says that it is a CA, and key identifiers do not contradict.
 */
static bool may_issue(const struct x509_cert *issuer, const struct x509_cert *cert)
{
    const struct x509_ext *ext = &issuer->ext;

    if (ext->has_basic ? !ext->ca : issuer->version == 3)
        return false;
    if (ext->has_ku && !(ext->ku & KU_CERT_SIGN))
        return false;
    if (ext->skid.len && cert->ext.akid.len && !slice_eq(ext->skid, cert->ext.akid))
        return false;
    return issuer->subject.len > 2 && same_name(issuer->subject, cert->issuer);
}

static bool in_path(const struct search *s, size_t i)
{
    for (size_t k = 0; k < s->depth; k++) {
        if (slice_eq(s->nodes[s->path[k]].cert.der, s->nodes[i].cert.der))
            return true;
    }
    return false;
}

/* OpenSSL would also take DSA, odd curves and explicit parameters. */
static int check_key(const struct x509_cert *cert, size_t depth, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;

    if (key_read_public(&key, cert->spki, e))
        return err_wrap(e, "certificate chain, depth %zu", depth);
    if (key_type(key) == KEY_OTHER)
        return err_set(e, ERR_REFUSED,
                       "certificate chain, depth %zu: the key is not RSA, P-256, P-384, P-521 or "
                       "Ed25519",
                       depth);
    return 0;
}

static int prepare_path(struct search *s, struct err *e)
{
    for (size_t i = 0; i < s->depth; i++) {
        struct node *node = &s->nodes[s->path[i]];
        const uint8_t *at = node->cert.der.ptr;

        if (node->x509)
            continue;
        if (check_key(&node->cert, i, e))
            return -1;
        node->x509 = d2i_X509(NULL, &at, (long)node->cert.der.len);
        if (!node->x509)
            return crypto_fail(e, ERR_INVALID, "certificate chain, depth %zu", i);
    }
    return 0;
}

static bool set_param(X509_STORE_CTX *ctx, const struct chain_request *request)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

    X509_VERIFY_PARAM_set_depth(param, MAX_CHAIN - 2); /* counts those between leaf and root */
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_112_BITS); /* refuses SHA-1, RSA below 2048 */
    X509_VERIFY_PARAM_set_time(param, (time_t)request->at);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    /* Policies: any will do, yet what a certificate itself demands of them is held (RFC 5280 6.1).
     */
    if (!X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_POLICY_CHECK) ||
        !X509_VERIFY_PARAM_add0_policy(param, OBJ_nid2obj(NID_any_policy)))
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

static int judge(X509_STORE_CTX *ctx, struct err *e)
{
    int rc = X509_verify_cert(ctx), code = X509_STORE_CTX_get_error(ctx);

    ERR_clear_error();
    if (rc == 1 && code == X509_V_OK)
        return 0;
    return err_set(e, ERR_REFUSED, "certificate chain, depth %d: %s",
                   X509_STORE_CTX_get_error_depth(ctx), X509_verify_cert_error_string(code));
}

/* The path as it stands: its last certificate is trusted, those between are offered. */
static int verify_path(struct search *s, struct err *e)
{
    CLEANUP(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
    CLEANUP(stack_freep) STACK_OF(X509) *between = sk_X509_new_null();
    CLEANUP(X509_STORE_CTX_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    if (prepare_path(s, e))
        return -1;
    if (!store || !between || !ctx ||
        !X509_STORE_add_cert(store, s->nodes[s->path[s->depth - 1]].x509))
        return crypto_fail(e, ERR_INTERNAL, "certificate chain");
    for (size_t i = 1; i + 1 < s->depth; i++) {
        if (!sk_X509_push(between, s->nodes[s->path[i]].x509))
            return crypto_fail(e, ERR_INTERNAL, "certificate chain");
    }
    if (!X509_STORE_CTX_init(ctx, store, s->nodes[0].x509, between) || !set_param(ctx, s->request))
        return crypto_fail(e, ERR_INVALID, "certificate chain: not a name or address to match");
    return judge(ctx, e);
}

/* Depth first, trusted certificates before others. 0: a path is good; s->e says why not. */
static int extend(struct search *s)
{
    const struct x509_cert *last = &s->nodes[s->path[s->depth - 1]].cert;

    for (size_t i = 1; i < s->count && s->depth < MAX_CHAIN; i++) {
        int rc;

        if (++s->steps > MAX_STEPS || s->verified >= MAX_VERIFIED)
            return -1;
        if (in_path(s, i) || !may_issue(&s->nodes[i].cert, last))
            continue;
        s->path[s->depth++] = i;
        if (is_root(s, i))
            rc = verify_path(s, s->verified++ == 0 ? &s->e : NULL);
        else
            rc = extend(s);
        s->depth--;
        if (rc == 0)
            return 0;
    }
    return -1;
}

/* A leaf that is trusted itself needs no issuer. */
static int try_leaf_alone(struct search *s)
{
    for (size_t i = 1; i < s->count; i++) {
        if (is_root(s, i) && slice_eq(s->nodes[i].cert.der, s->nodes[0].cert.der))
            return verify_path(s, s->verified++ == 0 ? &s->e : NULL);
    }
    return -1;
}

int chain_verify(const struct chain_request *request, struct err *e)
{
    CLEANUP(search_clear) struct search s = { .request = request, .depth = 1 };

    if (request->intermediate_count > MAX_INTERMEDIATES || request->root_count > MAX_ROOTS)
        return err_set(e, ERR_LIMIT, "more than %d intermediates or %d trusted certificates",
                       MAX_INTERMEDIATES, MAX_ROOTS);
    crypto_init();
    s.nodes = xcalloc(1 + request->root_count + request->intermediate_count, sizeof *s.nodes);
    if (add_nodes(&s, e))
        return -1;
    if (try_leaf_alone(&s) == 0 || extend(&s) == 0)
        return 0;
    if (s.verified == 0 && s.steps > MAX_STEPS)
        return err_set(e, ERR_LIMIT, "certificate chain: too many ways to build it");
    if (s.verified == 0)
        return err_set(e, ERR_REFUSED, "certificate chain: no trusted certificate issued it");
    return err_set(e, s.e.code, "%s", s.e.msg);
}
