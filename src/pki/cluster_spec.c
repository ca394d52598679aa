#include "pki/cluster_spec.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/encode.h"
#include "pki/address.h"

enum { DOMAIN_MAX = 253, SHOWN = 80 };

/* ---- name, endpoint ---- */

int cluster_name_check(const char *name, const char *what, struct err *e)
{
    return label_check(slice_str(name), what, e);
}

static int parse_name(struct cluster *c, const char *text, struct err *e)
{
    if (cluster_name_check(text, "cluster name", e))
        return -1;
    memcpy(c->name, text, strlen(text) + 1);
    return 0;
}

static void format_name(const struct cluster *c, struct buf *out)
{
    buf_add_str(out, c->name);
}

static int parse_port(const char *text, unsigned *port, const char *whole, struct err *e)
{
    unsigned n = 0;
    size_t digits = strspn(text, "0123456789");

    for (size_t i = 0; i < digits && i < 6; i++)
        n = n * 10 + (unsigned)(text[i] - '0');
    if (digits == 0 || digits > 5 || text[digits] || text[0] == '0' || n > 65535)
        return err_set(e, ERR_INVALID,
                       "endpoint '%.*s': a port is a number from 1 to 65535, like 6443", SHOWN,
                       whole);
    *port = n;
    return 0;
}

/* A name or an address, in the form certificates carry; out has 256 bytes. */
static int canonical_host(const char *text, enum dns_kind kind, const char *what, char out[256],
                          struct err *e)
{
    struct address a;

    if (address_looks(text)) {
        if (address_parse(&a, text, what, e))
            return -1;
        address_format(&a, out);
        return 0;
    }
    if (dns_check(text, kind, DOMAIN_MAX, what, e))
        return -1;
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int endpoint_form(const char *text, struct err *e)
{
    const char *colon = strrchr(text, ':');

    if (strstr(text, "://"))
        return err_set(
            e, ERR_INVALID, "endpoint '%.*s' is HOST:PORT, without '%.*s'", SHOWN, text,
            (int)(strstr(text, "://") - text + 3 > SHOWN ? SHOWN : strstr(text, "://") - text + 3),
            text);
    if (text[0] != '[' && colon && strchr(text, ':') != colon)
        return err_set(e, ERR_INVALID,
                       "endpoint '%.*s': an IPv6 address stands in brackets, like [fd00::1]:6443",
                       SHOWN, text);
    if (!colon || colon == text || (text[0] == '[' && colon[-1] != ']'))
        return err_set(e, ERR_INVALID, "endpoint '%.*s' has no %s: write HOST:PORT, like %.*s:6443",
                       SHOWN, text, colon == text ? "host" : "port", 40,
                       colon == text ? "api.example.com" : text);
    return 0;
}

static int parse_endpoint(struct cluster *c, const char *text, struct err *e)
{
    CLEANUP(freep) char *host = NULL;
    const char *colon = strrchr(text, ':');
    bool brackets = text[0] == '[';
    size_t len;

    if (endpoint_form(text, e))
        return -1;
    len = (size_t)(colon - text) - (brackets ? 2 : 0);
    host = slice_dup(slice_of(text + (brackets ? 1 : 0), len));
    if (brackets && !strchr(host, ':'))
        return err_set(e, ERR_INVALID, "endpoint '%.*s': brackets are for IPv6 addresses", SHOWN,
                       text);
    if (canonical_host(host, DNS_NAME, "endpoint", c->endpoint_host, e))
        return -1;
    return parse_port(colon + 1, &c->endpoint_port, text, e);
}

static void format_endpoint(const struct cluster *c, struct buf *out)
{
    if (c->endpoint_host[0]) /* an adopted cluster may have shown none */
        buf_addf(out, strchr(c->endpoint_host, ':') ? "[%s]:%u" : "%s:%u", c->endpoint_host,
                 c->endpoint_port);
}

/* ---- networks ---- */

/* What kube-apiserver and kubeadm take (cmd/kube-apiserver/app/options/validation.go: at most 20
 * bits; kubeadm's validation.go: at least 10 addresses), so that there is room for the first
 * address, the API server's, and the tenth, that of DNS. */
static int check_service_network(const struct cidr *cidr, const char *text, struct err *e)
{
    unsigned bits = (unsigned)cidr->base.len * 8, largest = bits - 20, smallest = bits - 4;
    uint8_t first = cidr->base.bytes[0];

    if (cidr->prefix > smallest)
        return err_set(
            e, ERR_INVALID,
            "service CIDR '%s' is too small for the API server's own service address, its "
            "first, and that of DNS, its tenth: /%u or larger",
            text, smallest);
    if (cidr->prefix < largest)
        return err_set(e, ERR_INVALID,
                       "service CIDR '%s' is larger than kube-apiserver takes: /%u or smaller",
                       text, largest);
    if (bits == 32 ? first == 0 || first == 127 || first >= 224 : first == 0 || first == 0xff)
        return err_set(e, ERR_INVALID,
                       "service CIDR '%s' is not of addresses that services may have", text);
    return 0;
}

static int parse_one_network(struct cluster *c, size_t i, struct slice text, struct err *e)
{
    CLEANUP(freep) char *copy = slice_dup(text);
    struct cidr cidr;
    char address[ADDRESS_TEXT];

    if (cidr_parse(&cidr, copy, "service CIDR", e) || check_service_network(&cidr, copy, e))
        return -1;
    address_format(&cidr.base, address);
    if (i == 1 && (strchr(address, ':') != NULL) == (strchr(c->service_cidr[0], ':') != NULL))
        return err_set(e, ERR_INVALID,
                       "service CIDRs '%s' and '%s': two mean one IPv4 and one IPv6",
                       c->service_cidr[0], copy);
    (void)snprintf(c->service_cidr[i], sizeof c->service_cidr[i], "%.45s/%u", address, cidr.prefix);
    return 0;
}

static int parse_service_cidr(struct cluster *c, const char *text, struct err *e)
{
    struct slice rest = slice_str(text), head;
    size_t count = 0;

    while (slice_cut(&rest, ',', &head)) {
        if (count == 1)
            return err_set(e, ERR_INVALID, "service CIDR '%.*s' has more than two networks", SHOWN,
                           text);
        if (parse_one_network(c, count++, head, e))
            return -1;
    }
    return parse_one_network(c, count, rest, e);
}

static void format_service_cidr(const struct cluster *c, struct buf *out)
{
    buf_add_str(out, c->service_cidr[0]);
    if (c->service_cidr[1][0])
        buf_addf(out, ",%s", c->service_cidr[1]);
}

static int parse_domain(struct cluster *c, const char *text, struct err *e)
{
    /* kubernetes.default.svc.DOMAIN has to be a name too */
    if (dns_check(text, DNS_NAME, DOMAIN_MAX - 23, "DNS domain", e))
        return -1;
    memcpy(c->dns_domain, text, strlen(text) + 1);
    return 0;
}

static void format_domain(const struct cluster *c, struct buf *out)
{
    buf_add_str(out, c->dns_domain);
}

int spec_add_san(struct cluster *c, const char *text, struct err *e)
{
    char host[256];

    if (canonical_host(text, DNS_PATTERN, "SAN", host, e))
        return -1;
    for (size_t i = 0; i < c->san_count; i++)
        if (strcmp(c->san[i], host) == 0)
            return 0;
    if (c->san_count == CLUSTER_MAX_SANS)
        return err_set(e, ERR_LIMIT, "more than %d SANs", CLUSTER_MAX_SANS);
    c->san[c->san_count++] = xstrdup(host);
    return 0;
}

/* ---- keys and times ---- */

static int parse_key_type(struct cluster *c, const char *text, struct err *e)
{
    if (key_type_parse(&c->key_type, slice_str(text), e))
        return -1;
    /* kubeadm's TryLoadKeyFromDisk (cmd/kubeadm/app/util/pkiutil) takes RSA and ECDSA alone */
    if (c->key_type == KEY_ED25519)
        return err_set(
            e, ERR_REFUSED,
            "key type ed25519: kubeadm reads RSA and ECDSA keys only, and so refuses apiserver, "
            "apiserver-kubelet-client, apiserver-etcd-client, front-proxy-client and etcd's "
            "leaves; "
            "browsers refuse the API server's chain. Use p256; 'cert sign' takes Ed25519 CSRs for "
            "profiles that neither reads");
    return 0;
}

static void format_key_type(const struct cluster *c, struct buf *out)
{
    buf_add_str(out, key_type_name(c->key_type));
}

static int parse_sa_key_type(struct cluster *c, const char *text, struct err *e)
{
    enum key_type type;

    if (key_type_parse(&type, slice_str(text), e))
        return err_wrap(e, "service-account key type");
    if (type != KEY_P256 && type != KEY_RSA2048 && type != KEY_RSA3072 && type != KEY_RSA4096)
        return err_set(
            e, ERR_INVALID,
            "service-account key type '%s': tokens are signed with RS256 or ES256, so rsa2048, "
            "rsa3072, rsa4096 or p256",
            key_type_name(type));
    c->service_account_key_type = type;
    return 0;
}

static void format_sa_key_type(const struct cluster *c, struct buf *out)
{
    buf_add_str(out, key_type_name(c->service_account_key_type));
}

static int parse_ttl(int64_t *ttl, const char *text, const char *what, struct err *e)
{
    if (duration_parse(ttl, slice_str(text), e))
        return err_wrap(e, "%s '%.*s'", what, SHOWN, text);
    return 0;
}

static int parse_authority_ttl(struct cluster *c, const char *text, struct err *e)
{
    return parse_ttl(&c->authority_ttl, text, "authority TTL", e);
}

static void format_authority_ttl(const struct cluster *c, struct buf *out)
{
    duration_format(out, c->authority_ttl);
}

static int parse_leaf_ttl(struct cluster *c, const char *text, struct err *e)
{
    return parse_ttl(&c->leaf_ttl, text, "leaf TTL", e);
}

static void format_leaf_ttl(const struct cluster *c, struct buf *out)
{
    duration_format(out, c->leaf_ttl);
}

static int parse_operator_ttl(struct cluster *c, const char *text, struct err *e)
{
    return parse_ttl(&c->operator_max_ttl, text, "longest operator TTL", e);
}

static void format_operator_ttl(const struct cluster *c, struct buf *out)
{
    duration_format(out, c->operator_max_ttl);
}

/* ---- subject ---- */

static const char *const subject_attrs[RANKS] = { "C", "ST", "L", "O", "OU" };

enum subject_rank subject_rank(const char *attr)
{
    int i = 0;

    while (i < RANKS && strcmp(attr, subject_attrs[i]) != 0)
        i++;
    return (enum subject_rank)i;
}

static int check_subject_value(const char *attr, struct slice value, struct err *e)
{
    struct slice rest = value;

    if (strcmp(attr, "C") == 0 && (value.len != 2 || value.ptr[0] < 'A' || value.ptr[0] > 'Z' ||
                                   value.ptr[1] < 'A' || value.ptr[1] > 'Z'))
        return err_set(e, ERR_INVALID,
                       "subject: C is a country's two upper-case letters (ISO 3166), like CH");
    if (value.len == 0)
        return err_set(e, ERR_INVALID, "subject: %s is empty", attr);
    if (value.len >= sizeof((struct subject_part *)0)->value)
        return err_set(e, ERR_INVALID, "subject: %s is longer than 64 bytes", attr);
    while (rest.len) {
        uint32_t point = rest.ptr[0];
        size_t n = utf8_next(rest, &point);

        if (!n || !utf8_is_safe(point))
            return err_set(e, ERR_INVALID,
                           "subject: %s holds the character U+%04X, which nobody would see", attr,
                           point);
        rest = slice_of(rest.ptr + n, rest.len - n);
    }
    return 0;
}

static int parse_subject_part(struct subject_part *part, struct slice text, struct err *e)
{
    struct slice value = slice_trim(text), attr;
    struct subject_part read = { .attr = "" };

    if (!slice_cut(&value, '=', &attr) || attr.len >= sizeof read.attr || slice_has_nul(attr))
        return err_set(
            e, ERR_INVALID,
            "subject '%.*s': write ATTRIBUTE=VALUE with C, ST, L, O, OU, like C=CH,O=Example",
            (int)(text.len > SHOWN ? SHOWN : text.len), (const char *)text.ptr);
    value = slice_trim(value);
    memcpy(read.attr, attr.ptr, attr.len);
    if (subject_rank(read.attr) == RANKS)
        return err_set(e, ERR_INVALID, "subject: '%s' is none of C, ST, L, O, OU", read.attr);
    if (check_subject_value(read.attr, value, e))
        return -1;
    memcpy(read.value, value.ptr, value.len);
    *part = read;
    return 0;
}

/* In order; C, ST and L once, O and OU may come again. */
static int insert_subject_part(struct cluster *c, const struct subject_part *part, struct err *e)
{
    enum subject_rank rank = subject_rank(part->attr);
    size_t at = c->subject_count;

    if (c->subject_count == CLUSTER_MAX_SUBJECT)
        return err_set(e, ERR_INVALID, "subject: more than %d attributes", CLUSTER_MAX_SUBJECT);
    while (at > 0 && subject_rank(c->subject[at - 1].attr) > rank) {
        c->subject[at] = c->subject[at - 1];
        at--;
    }
    if (rank <= RANK_L && at > 0 && strcmp(c->subject[at - 1].attr, part->attr) == 0)
        return err_set(e, ERR_INVALID, "subject: %s is given twice", part->attr);
    c->subject[at] = *part;
    c->subject_count++;
    return 0;
}

static int parse_subject(struct cluster *c, const char *text, struct err *e)
{
    struct slice rest = slice_str(text), head;
    bool more = rest.len > 0;

    c->subject_count = 0;
    while (more) {
        struct subject_part part;

        more = slice_cut(&rest, ',', &head);
        if (parse_subject_part(&part, more ? head : rest, e) || insert_subject_part(c, &part, e))
            return -1;
    }
    return 0;
}

static void format_subject(const struct cluster *c, struct buf *out)
{
    for (size_t i = 0; i < c->subject_count; i++)
        buf_addf(out, "%s%s=%s", i ? "," : "", c->subject[i].attr, c->subject[i].value);
}

/* ---- issuer of service-account tokens ---- */

/* "" means the default, which follows from the domain (cluster_check). kube-apiserver serves
 * discovery for https URLs only (OpenID Connect Discovery 1.0, section 3: no query, no fragment).
 */
static int parse_issuer(struct cluster *c, const char *text, struct err *e)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/[]";
    size_t len = strlen(text), good = strspn(text, allowed);

    c->service_account_issuer[0] = '\0';
    if (len == 0)
        return 0;
    if (strncmp(text, "https://", 8) != 0 || !text[8] || text[8] == '/')
        return err_set(e, ERR_INVALID,
                       "service-account issuer '%.*s' must be a URL like "
                       "https://kubernetes.default.svc.cluster.local",
                       SHOWN, text);
    if (len >= sizeof c->service_account_issuer)
        return err_set(e, ERR_INVALID,
                       "service-account issuer is %zu bytes long, at most %zu are allowed", len,
                       sizeof c->service_account_issuer - 1);
    if (good < len)
        return err_set(
            e, ERR_INVALID,
            "service-account issuer holds byte 0x%02x at position %zu, which is not allowed",
            (uint8_t)text[good], good + 1);
    memcpy(c->service_account_issuer, text, len + 1);
    return 0;
}

static void format_issuer(const struct cluster *c, struct buf *out)
{
    buf_add_str(out, c->service_account_issuer);
}

/* clang-format off */
const struct spec_field spec_fields[] = {
    { "name",                     parse_name,          format_name,          NULL },
    { "endpoint",                 parse_endpoint,      format_endpoint,      NULL },
    { "service_cidr",             parse_service_cidr,  format_service_cidr,  "10.96.0.0/12" },
    { "dns_domain",               parse_domain,        format_domain,        "cluster.local" },
    { "key_type",                 parse_key_type,      format_key_type,      "p256" },
    { "subject",                  parse_subject,       format_subject,       "" },
    { "authority_ttl",            parse_authority_ttl, format_authority_ttl, "10y" },
    { "leaf_ttl",                 parse_leaf_ttl,      format_leaf_ttl,      "1y" },
    { "operator_max_ttl",         parse_operator_ttl,  format_operator_ttl,  "366d" },
    { "service_account_issuer",   parse_issuer,        format_issuer,        "" },
    { "service_account_key_type", parse_sa_key_type,   format_sa_key_type,   "rsa2048" },
};
/* clang-format on */
const size_t spec_field_count = ARRAY_LEN(spec_fields);
