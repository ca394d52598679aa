#ifndef CRYPTO_CHAIN_H
#define CRYPTO_CHAIN_H

#include "base/buf.h"

enum chain_purpose { CHAIN_ANY, CHAIN_SERVER, CHAIN_CLIENT };

struct chain_request {
    struct slice leaf; /* DER */
    const struct slice *intermediates;
    size_t intermediate_count;
    const struct slice *roots; /* trusted as they are, also when not self-signed */
    size_t root_count;
    enum chain_purpose purpose;
    const char *dns_name, *ip; /* names to match, or NULL */
    int64_t at;                /* UTC seconds */
};
/* RFC 5280 path validation by OpenSSL, at most 8 certificates deep, SHA-1 and keys below 112 bits
 * of security refused. ERR_REFUSED with OpenSSL's reason and the depth. */
int chain_verify(const struct chain_request *request, struct err *e) MUST_CHECK;

#endif
