#ifndef NET_PROBE_H
#define NET_PROBE_H

#include "base/buf.h"

/*
 * What a TLS endpoint shows: its certificates, whatever they are worth. Nothing is trusted, no
 * client certificate is sent, and a server that then turns us away has shown its own already (TLS
 * 1.3: RFC 8446 section 2; TLS 1.2: RFC 5246 7.3).
 */
enum { PROBE_HOST = 256, PROBE_MAX_CHAIN = 16 };

struct probe_target {
    char host[PROBE_HOST]; /* a name or an address, without brackets */
    unsigned port;
};
/* "HOST:PORT", "[IPV6]:PORT"; ERR_INVALID for anything else. */
int probe_parse(struct probe_target *ret, const char *text, struct err *e) MUST_CHECK;

struct probe_result {
    char protocol[16];                /* "TLSv1.3" */
    struct buf cert[PROBE_MAX_CHAIN]; /* DER, the leaf first, in the order they came */
    size_t cert_count;
    bool wants_client; /* it asked for a client certificate */
};
void probe_result_clear(struct probe_result *r);

/* timeout_ms: for everything together but the look-up of the name, which is the resolver's matter.
 * ERR_UNREACHABLE: no such name, no connection, no answer in time; ERR_INVALID: it answers, yet
 * not with TLS or without a certificate. */
int probe_endpoint(const struct probe_target *target, int64_t timeout_ms, struct probe_result *ret,
                   struct err *e) MUST_CHECK;

#endif
