#ifndef PKI_ADDRESS_H
#define PKI_ADDRESS_H

#include "base/buf.h"

/*
 * Names and addresses as people type them: checked, and brought into the one form that certificates
 * and records use. Inside of pki only. Every ERR_INVALID names `what` (a field, an option), shows
 * the text and says what to write instead.
 */

enum { ADDRESS_TEXT = 64 };

struct address {
    int family; /* AF_INET, AF_INET6 */
    uint8_t bytes[16];
    size_t len; /* 4 or 16 */
};
/* Whether the text is meant as an address, however badly: digits and dots alone, or a colon. */
bool address_looks(const char *text);
/* One machine's address: no zone, not unspecified, not multicast, not IPv4 inside of IPv6. */
int address_parse(struct address *ret, const char *text, const char *what, struct err *e)
    MUST_CHECK;
void address_format(const struct address *a, char out[ADDRESS_TEXT]); /* RFC 5952 */

/* 127.0.0.0/8, ::1 or "localhost", of a checked name or address. */
bool host_is_loopback(const char *host);

/* A network: canonical, no host bits set (RFC 4632). */
struct cidr {
    struct address base;
    unsigned prefix;
};
int cidr_parse(struct cidr *ret, const char *text, const char *what, struct err *e) MUST_CHECK;
bool cidr_holds(const struct cidr *cidr, const struct address *a);
/* The n-th address behind the network's own; ERR_INVALID when the network is not that large. */
int cidr_nth(const struct cidr *cidr, unsigned n, struct address *ret, struct err *e) MUST_CHECK;

/* RFC 1123 label: 1 to 63 of a-z, 0-9 and '-', neither first nor last a '-'. */
int label_check(struct slice label, const char *what, struct err *e) MUST_CHECK;
enum dns_kind { DNS_NAME, DNS_PATTERN }; /* a pattern may begin with "*." */
/* Labels with dots between them, at most `longest` bytes, lower case; its last label is not a
 * number, since that would read as an address. */
int dns_check(const char *name, enum dns_kind kind, size_t longest, const char *what, struct err *e)
    MUST_CHECK;

#endif
