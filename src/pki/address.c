#include "pki/address.h"

#include "base/encode.h"
#include <arpa/inet.h>

enum { LABEL_MAX = 63, NAME_MAX_BYTES = 253, SHOWN = 80 };

/* ---- names ---- */

static bool label_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static int refuse_char(struct slice rest, struct slice name, const char *what, struct err *e)
{
    uint8_t c = rest.ptr[0];
    uint32_t point = c;
    int shown = name.len > SHOWN ? SHOWN : (int)name.len;

    if (c >= 'A' && c <= 'Z') {
        char lower[SHOWN + 1];

        for (int i = 0; i < shown; i++)
            lower[i] =
                (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] + 32 : name.ptr[i]);
        return err_set(e, ERR_INVALID, "%s '%.*s' has upper-case letters: write '%.*s'", what,
                       shown, (const char *)name.ptr, shown, lower);
    }
    if (c > ' ' && c < 0x7f)
        return err_set(e, ERR_INVALID,
                       "%s '%.*s' holds '%c': lower-case letters, digits and '-' only (RFC 1123)",
                       what, shown, (const char *)name.ptr, c);
    if (!utf8_next(rest, &point))
        point = c;
    return err_set(e, ERR_INVALID,
                   "%s '%.*s' holds the character U+%04X: lower-case letters, digits and '-' only "
                   "(RFC 1123)",
                   what, shown, (const char *)name.ptr, point);
}

/* `name` is what the label is shown as a part of. */
static int label_of(struct slice label, struct slice name, const char *what, struct err *e)
{
    int shown = name.len > SHOWN ? SHOWN : (int)name.len;

    for (size_t i = 0; i < label.len; i++)
        if (!label_byte(label.ptr[i]))
            return refuse_char(slice_of(label.ptr + i, label.len - i), name, what, e);
    if (label.len > LABEL_MAX)
        return err_set(e, ERR_INVALID, "%s '%.*s' is %zu characters long, at most %d are allowed%s",
                       what, shown, (const char *)name.ptr, label.len, LABEL_MAX,
                       label.len == name.len ? "" : " between two dots");
    if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return err_set(e, ERR_INVALID, "%s '%.*s' begins or ends with '-'", what, shown,
                       (const char *)name.ptr);
    return 0;
}

int label_check(struct slice label, const char *what, struct err *e)
{
    if (label.len == 0)
        return err_set(e, ERR_INVALID, "%s is empty", what);
    if (memchr(label.ptr, '.', label.len))
        return err_set(e, ERR_INVALID, "%s '" SLICE_FMT "' holds a dot: one word, like 'demo'",
                       what, (int)(label.len > SHOWN ? SHOWN : label.len), (const char *)label.ptr);
    return label_of(label, label, what, e);
}

static bool all_digits(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return true;
}

int dns_check(const char *name, enum dns_kind kind, size_t longest, const char *what, struct err *e)
{
    struct slice whole = slice_str(name), rest = whole, label;
    bool more = true;

    if (whole.len == 0)
        return err_set(e, ERR_INVALID, "%s is empty", what);
    if (whole.len > longest)
        return err_set(e, ERR_INVALID,
                       "%s '%.*s...' is %zu characters long, at most %zu are allowed", what, 20,
                       name, whole.len, longest);
    if (kind == DNS_PATTERN && slice_starts(rest, "*."))
        rest = slice_of(rest.ptr + 2, rest.len - 2);
    while (more) {
        more = slice_cut(&rest, '.', &label);
        if (!more)
            label = rest;
        if (label.len == 0)
            return err_set(e, ERR_INVALID,
                           "%s '%.*s' has nothing before, behind or between its dots", what, SHOWN,
                           name);
        if (label_of(label, whole, what, e))
            return -1;
    }
    if (all_digits(label) && label.len < whole.len)
        return err_set(e, ERR_INVALID, "%s '%.*s' is neither an IP address nor a DNS name", what,
                       SHOWN, name);
    return 0;
}

/* ---- addresses ---- */

bool address_looks(const char *text)
{
    return strchr(text, ':') ||
           (text[0] && text[strspn(text, "0123456789.")] == '\0' && strchr(text, '.'));
}

static int read_address(struct address *ret, const char *text, const char *what, struct err *e)
{
    struct address a = { 0 };

    if (inet_pton(AF_INET, text, a.bytes) == 1) {
        a.family = AF_INET;
        a.len = 4;
    } else if (inet_pton(AF_INET6, text, a.bytes) == 1) {
        a.family = AF_INET6;
        a.len = 16;
    } else if (text[0] == '[') {
        return err_set(e, ERR_INVALID, "%s '%.*s': an address is written without brackets here",
                       what, SHOWN, text);
    } else if (strchr(text, '%')) {
        return err_set(e, ERR_INVALID, "%s '%.*s': an address with a zone means nothing elsewhere",
                       what, SHOWN, text);
    } else {
        return err_set(e, ERR_INVALID, "%s '%.*s' is not an IP address, like 10.0.0.1 or fd00::1",
                       what, SHOWN, text);
    }
    *ret = a;
    return 0;
}

int address_parse(struct address *ret, const char *text, const char *what, struct err *e)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    struct address a;

    if (read_address(&a, text, what, e))
        return -1;
    if (a.len == 16 && memcmp(a.bytes, mapped, sizeof mapped) == 0)
        return err_set(e, ERR_INVALID, "%s '%s' is IPv4 inside of IPv6: write %u.%u.%u.%u", what,
                       text, a.bytes[12], a.bytes[13], a.bytes[14], a.bytes[15]);
    if (slice_is_zero(slice_of(a.bytes, a.len)))
        return err_set(e, ERR_INVALID, "%s '%s' is no machine's address", what, text);
    if (a.len == 4 ? a.bytes[0] >= 224 || a.bytes[0] == 0 : a.bytes[0] == 0xff)
        return err_set(e, ERR_INVALID, "%s '%s' is not the address of one machine", what, text);
    *ret = a;
    return 0;
}

void address_format(const struct address *a, char out[ADDRESS_TEXT])
{
    if (!inet_ntop(a->family, a->bytes, out, ADDRESS_TEXT))
        out[0] = '\0';
}

bool host_is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

/* ---- networks ---- */

/* The network's own address: host bits zero. */
static void mask(struct address *a, unsigned prefix)
{
    for (unsigned i = 0; i < a->len; i++) {
        unsigned bits = prefix > i * 8 ? prefix - i * 8 : 0;

        if (bits < 8)
            a->bytes[i] = (uint8_t)(a->bytes[i] & (0xff00u >> bits));
    }
}

static bool read_prefix(struct slice digits, unsigned most, unsigned *prefix)
{
    unsigned n = 0;

    if (digits.len == 0 || digits.len > 3 || !all_digits(digits) ||
        (digits.len > 1 && digits.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < digits.len; i++)
        n = n * 10 + (unsigned)(digits.ptr[i] - '0');
    *prefix = n;
    return n <= most;
}

int cidr_parse(struct cidr *ret, const char *text, const char *what, struct err *e)
{
    struct slice rest = slice_str(text), head;
    struct address network;
    struct cidr cidr;
    char address[ADDRESS_TEXT];

    if (!slice_cut(&rest, '/', &head) || head.len >= sizeof address)
        return err_set(e, ERR_INVALID, "%s '%.*s' is not a network, like 10.96.0.0/12", what, SHOWN,
                       text);
    memcpy(address, head.ptr, head.len);
    address[head.len] = '\0';
    if (read_address(&cidr.base, address, what, e))
        return -1;
    if (!read_prefix(rest, (unsigned)cidr.base.len * 8, &cidr.prefix))
        return err_set(e, ERR_INVALID,
                       "%s '%.*s': what stands behind '/' is a number from 0 to %zu", what, SHOWN,
                       text, cidr.base.len * 8);
    network = cidr.base;
    mask(&network, cidr.prefix);
    if (memcmp(network.bytes, cidr.base.bytes, sizeof network.bytes) != 0) {
        address_format(&network, address);
        return err_set(e, ERR_INVALID, "%s '%s' has bits set behind its prefix: write %s/%u", what,
                       text, address, cidr.prefix);
    }
    *ret = cidr;
    return 0;
}

bool cidr_holds(const struct cidr *cidr, const struct address *a)
{
    struct address network = *a;

    if (a->family != cidr->base.family)
        return false;
    mask(&network, cidr->prefix);
    return memcmp(network.bytes, cidr->base.bytes, a->len) == 0;
}

int cidr_nth(const struct cidr *cidr, unsigned n, struct address *ret, struct err *e)
{
    struct address a = cidr->base;
    char text[ADDRESS_TEXT];
    unsigned carry = n;

    for (size_t i = a.len; i > 0 && carry; i--) {
        carry += a.bytes[i - 1];
        a.bytes[i - 1] = (uint8_t)carry;
        carry >>= 8;
    }
    if (carry || !cidr_holds(cidr, &a)) {
        address_format(&cidr->base, text);
        return err_set(e, ERR_INVALID, "the network %s/%u does not hold %u addresses", text,
                       cidr->prefix, n);
    }
    *ret = a;
    return 0;
}
