#include "pki/inspect.h"
#include "base/clock.h"
#include "crypto/chain.h"
#include "crypto/name.h"
#include <arpa/inet.h>
#include <assert.h>
#include <stdarg.h>

/* clang-format off */
const struct finding_kind finding_kinds[] = {
    { "expired",           FINDING_FAULT,    "its end has passed: renew it" },
    { "expiring",          FINDING_EXPIRING, "it ends within the time given with --within" },
    { "not-yet-valid",     FINDING_FAULT,    "its beginning lies ahead: wait, or set the clock" },
    { "chain",             FINDING_FAULT,    "it does not verify against the CAs that were looked at" },
    { "name",              FINDING_FAULT,    "it does not name the host it was reached under, or is a server's without any name: clients ignore the CN" },
    { "weak-key",          FINDING_FAULT,    "RSA below 2048 bits, or a kind of key or curve that Kubernetes does not read" },
    { "sha1",              FINDING_FAULT,    "signed with SHA-1, for which collisions are made" },
    { "sha1-root",         FINDING_INFO,     "a root that signed itself with SHA-1: nobody relies on that signature" },
    { "weak-signature",    FINDING_FAULT,    "signed with an algorithm that is not accepted, such as MD5" },
    { "client-and-server", FINDING_FAULT,    "a leaf that serves as client and as server: a stolen server key becomes a login" },
    { "etcd-member",       FINDING_INFO,     "a leaf of an etcd CA that is client and server: etcd's server and peers need both" },
    { "ca-unconstrained",  FINDING_FAULT,    "a CA without an extended key usage or without a path length: its key can sign anything" },
    { "ca-usage",          FINDING_FAULT,    "a CA whose key usage does not let it sign certificates" },
    { "ca-not-critical",   FINDING_INFO,     "a CA whose basic constraints are not critical, as RFC 5280 4.2.1.9 wants" },
    { "unreadable",        FINDING_FAULT,    "it is not a certificate, or is broken" },
    { "key-mismatch",      FINDING_FAULT,    "the key beside it is of another certificate" },
    { "key-missing",       FINDING_INFO,     "its private key is not beside it" },
    { "key-readable",      FINDING_FAULT,    "the file holds a private key, and others can read it, or others or its group can write it" },
    { "key-group",         FINDING_INFO,     "the file holds a private key, and its group can read it" },
    { "reference-missing", FINDING_INFO,     "a kubeconfig names a file that is not there" },
    { "unreachable",       FINDING_FAULT,    "nothing answered at that endpoint" },
    { "no-tls",            FINDING_FAULT,    "the endpoint answers, but shows no certificate" },
    { "tls-old",           FINDING_FAULT,    "the endpoint takes no TLS version from 1.2 on" },
    { "key-refused",       FINDING_FAULT,    "adopt: a CA's key is there and is not taken in: encrypted, weak or of an unknown kind" },
    { "authority-missing", FINDING_INFO,     "adopt: the folder holds no CA for one of the five roles" },
    { "ca-bundle",         FINDING_INFO,     "adopt: a CA file holds several certificates; the first is the one that signs" },
    { "ca-watched",        FINDING_INFO,     "adopt: a CA that plays none of the five roles is recorded, and watched" },
    { "guessed",           FINDING_INFO,     "adopt: what the files do not say about the cluster was assumed" },
    { "truncated",         FINDING_FAULT,    "a folder holds more than is looked at: not everything was checked" },
};
/* clang-format on */
const size_t finding_kind_count = ARRAY_LEN(finding_kinds);

const char *finding_level_name(enum finding_level level)
{
    static const char *const names[] = { "info", "expiring", "fault" };

    return names[level];
}

void finding_report(const struct finding_sink *sink, const char *code, const char *format, ...)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct finding f = { .code = NULL };
    va_list ap;

    for (size_t i = 0; i < finding_kind_count; i++)
        if (strcmp(finding_kinds[i].code, code) == 0)
            f = (struct finding){ finding_kinds[i].level, finding_kinds[i].code, NULL };
    assert(f.code);
    va_start(ap, format);
    buf_vaddf(&text, format, ap);
    va_end(ap);
    f.text = buf_str(&text);
    sink->fn(&f, sink->ctx);
}

/* A certificate under judgement. */
struct look {
    const struct inspect_input *in;
    struct x509_cert cert;
    bool self_signed;
    bool too_weak; /* said already; path validation would say nothing else */
    struct finding_sink sink;
};

#define FOUND(l, ...) finding_report(&(l)->sink, __VA_ARGS__)

/* ---- time ---- */

static void judge_time(const struct look *l)
{
    CLEANUP(buf_clear) struct buf when = { 0 };
    CLEANUP(buf_clear) struct buf left = { 0 };
    int64_t now = l->in->now, end = l->cert.not_after;

    if (now < l->cert.not_before) {
        time_format(&when, l->cert.not_before);
        FOUND(l, "not-yet-valid", "is not valid before %s", buf_str(&when));
        return;
    }
    time_format(&when, end);
    duration_round(&left, end > now ? end - now : now - end);
    if (now > end)
        FOUND(l, "expired", "expired %s ago, on %s", buf_str(&left), buf_str(&when));
    else if (end - now <= l->in->within)
        FOUND(l, "expiring", "expires in %s, on %s", buf_str(&left), buf_str(&when));
}

/* ---- strength ---- */

bool inspect_key(struct slice spki, const struct finding_sink *sink)
{
    CLEANUP(key_freep) struct key *key = NULL;
    struct err e = { 0 };

    if (key_read_public(&key, spki, &e))
        finding_report(sink, "weak-key", "%s", err_text(&e));
    else if (key_type(key) == KEY_OTHER)
        finding_report(sink, "weak-key", "the key is of a kind or on a curve that is not known");
    else if (key_check_strength(key, &e))
        finding_report(sink, "weak-key", "%s", err_text(&e));
    else
        return true;
    return false;
}

static void judge_strength(struct look *l)
{
    l->too_weak = !inspect_key(l->cert.spki, &l->sink);
    if (l->cert.sig_alg != SIG_SHA1 && l->cert.sig_alg != SIG_OTHER)
        return;
    if (l->cert.sig_alg == SIG_SHA1 && l->self_signed && l->cert.ext.ca) {
        FOUND(l, "sha1-root", "is signed with SHA-1, by itself");
        return;
    }
    l->too_weak = true;
    if (l->cert.sig_alg == SIG_SHA1)
        FOUND(l, "sha1", "is signed with SHA-1");
    else
        FOUND(l, "weak-signature", "is signed with an algorithm that is not accepted");
}

/* ---- use ---- */

/* etcd checks a member's certificate as a server's and as a client's (etcd-io/etcd#9785). Which CA
 * is etcd's can only be told by its name: kubeadm etcd-ca, k3s etcd-server-ca@, ours "... etcd". */
static bool of_etcd(const struct x509_cert *cert)
{
    struct name_iter it = name_iter(cert->issuer);
    struct name_part part;

    while (name_next(&it, &part)) {
        CLEANUP(freep) char *text = slice_dup(part.value);

        if (part.attr == NAME_CN && strcasestr(text, "etcd"))
            return true;
    }
    return false;
}

/* Without an extended key usage, and with "any", every verifier takes it for every use. */
static void judge_leaf_usage(const struct look *l)
{
    const struct x509_ext *ext = &l->cert.ext;
    bool any = !ext->has_eku || (ext->eku & EKU_ANY);

    if (!any && (ext->eku & (EKU_CLIENT | EKU_SERVER)) != (EKU_CLIENT | EKU_SERVER))
        return;
    if (of_etcd(&l->cert) && !any)
        FOUND(l, "etcd-member", "is client and server, as etcd's members have to be");
    else
        FOUND(l, "client-and-server", "serves as client and as server%s",
              any ? ext->has_eku ? ": its extended key usage is 'any'"
                                 : ": it has no extended key usage"
                  : "");
}

static void judge_ca(const struct look *l)
{
    const struct x509_ext *ext = &l->cert.ext;
    bool free_use = !ext->has_eku || (ext->eku & EKU_ANY), free_depth = ext->path_len < 0;

    if (free_use || free_depth)
        FOUND(l, "ca-unconstrained", "a CA with %s%s%s",
              !free_use      ? ""
              : ext->has_eku ? "the extended key usage 'any'"
                             : "no extended key usage",
              free_use && free_depth ? " and " : "", free_depth ? "no path length" : "");
    if (ext->has_ku && !(ext->ku & KU_CERT_SIGN))
        FOUND(l, "ca-usage", "a CA whose key usage lacks keyCertSign");
    if (!ext->basic_critical)
        FOUND(l, "ca-not-critical", "a CA whose basic constraints are not critical");
}

/* ---- names ---- */

/* RFC 6125 6.4.3: a wildcard is the whole left-most label and stands for one label. */
static bool dns_matches(struct slice pattern, const char *host)
{
    const char *rest = strchr(host, '.');

    if (pattern.len > 2 && pattern.ptr[0] == '*' && pattern.ptr[1] == '.') {
        if (!rest || rest == host)
            return false;
        pattern = slice_of(pattern.ptr + 1, pattern.len - 1);
        host = rest;
    }
    return pattern.len == strlen(host) &&
           strncasecmp((const char *)pattern.ptr, host, pattern.len) == 0;
}

/* DNS names with wildcards as RFC 6125 6.4.3 has them, or addresses; the CN is not looked at. */
static bool name_matches(const struct x509_cert *cert, const char *host)
{
    struct san_iter it = san_iter(&cert->ext);
    uint8_t address[16];
    size_t len = inet_pton(AF_INET, host, address) == 1    ? 4
                 : inet_pton(AF_INET6, host, address) == 1 ? 16
                                                           : 0;
    struct san san;

    while (san_next(&it, &san)) {
        if (len && san.type == SAN_IP && slice_eq(san.value, slice_of(address, len)))
            return true;
        if (!len && san.type == SAN_DNS && dns_matches(san.value, host))
            return true;
    }
    return false;
}

static void judge_name(const struct look *l)
{
    const struct x509_ext *ext = &l->cert.ext;
    CLEANUP(buf_clear) struct buf names = { 0 };
    struct san_iter it = san_iter(ext);
    struct san san;

    while (san_next(&it, &san) && names.len < 300) {
        buf_add_str(&names, names.len ? ", " : "");
        san_format(&names, &san);
    }
    if (ext->has_eku && (ext->eku & EKU_SERVER) && !ext->san_count)
        FOUND(l, "name", "is a server's and names no host: clients do not look at the CN");
    else if (l->in->name && !name_matches(&l->cert, l->in->name))
        FOUND(l, "name", "is not for '%s'; it names %s", l->in->name,
              names.len ? buf_str(&names) : "no host");
}

/* ---- chain ---- */

static bool signed_with(const struct x509_cert *cert, struct slice spki)
{
    CLEANUP(key_freep) struct key *key = NULL;

    return key_read_public(&key, spki, NULL) == 0 &&
           key_verify(key, cert->sig_alg, cert->sig_params, cert->tbs, cert->sig, NULL) == 0;
}

static bool signed_by_one(const struct look *l, const struct slice *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct x509_cert ca;

        if (x509_cert_read(&ca, list[i], NULL) == 0 && slice_eq(ca.subject, l->cert.issuer) &&
            signed_with(&l->cert, ca.spki))
            return true;
    }
    return false;
}

/* Path validation has a time, at which such a certificate has no path: who signed it is still
 * worth knowing. */
static bool out_of_time(const struct look *l)
{
    return l->in->now < l->cert.not_before || l->in->now > l->cert.not_after;
}

static int verify_path(const struct look *l, struct err *e)
{
    struct slice *roots = calloc(l->in->root_count, sizeof *roots);
    struct chain_request request = { .leaf = l->in->der,
                                     .intermediates = l->in->chain,
                                     .intermediate_count = l->in->chain_count,
                                     .roots = roots,
                                     .at = l->in->now };
    struct err why = { 0 };
    int rc;

    if (!roots)
        return err_set(e, ERR_LIMIT, "no memory for %zu CAs", l->in->root_count);
    if (request.at == l->cert.not_after) /* RFC 5280 counts its last second in, OpenSSL does not */
        request.at--;
    /* one that is not a root does not vouch for itself */
    for (size_t i = 0; i < l->in->root_count; i++)
        if (!slice_eq(l->in->roots[i], l->in->der))
            roots[request.root_count++] = l->in->roots[i];
    rc = request.root_count ? chain_verify(&request, &why) : 0;
    free(roots);
    if (rc)
        FOUND(l, "chain", "%s", err_text(&why));
    return 0;
}

static int judge_chain(const struct look *l, struct err *e)
{
    if (l->too_weak || !l->in->root_count)
        return 0;
    if (l->self_signed && l->cert.ext.ca) {
        if (l->cert.sig_alg != SIG_SHA1 && !signed_with(&l->cert, l->cert.spki))
            FOUND(l, "chain", "its own signature does not verify");
        return 0;
    }
    if (!out_of_time(l))
        return verify_path(l, e);
    if (!signed_by_one(l, l->in->roots, l->in->root_count) &&
        !signed_by_one(l, l->in->chain, l->in->chain_count))
        FOUND(l, "chain", "none of the CAs that were looked at has signed it");
    return 0;
}

int inspect_certificate(const struct inspect_input *in, finding_fn *fn, void *ctx, struct err *e)
{
    struct look l = { .in = in, .sink = { fn, ctx } };
    struct err why = { 0 };

    if (x509_cert_read(&l.cert, in->der, &why)) {
        FOUND(&l, "unreadable", "%s", err_text(&why));
        return 0;
    }
    l.self_signed = slice_eq(l.cert.issuer, l.cert.subject);
    judge_time(&l);
    judge_strength(&l);
    if (l.cert.ext.ca) {
        judge_ca(&l);
    } else {
        judge_leaf_usage(&l);
        judge_name(&l);
    }
    return judge_chain(&l, e);
}
