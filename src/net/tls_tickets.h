#ifndef NET_TLS_TICKETS_H
#define NET_TLS_TICKETS_H

#include "base/err.h"
#include "net/libssl.h"

/*
 * The keys of session tickets (RFC 5077, RFC 8446 4.6.1): in memory only, changed every hour, so
 * that whoever gets one reads an hour of resumed sessions at most. Counted and shared by the TLS
 * contexts that follow one another, and by all threads.
 */
enum { TLS_TICKET_LIFE = 3600 }; /* seconds */

struct tls_tickets;
int tls_tickets_new(struct tls_tickets **ret, struct err *e) MUST_CHECK;
struct tls_tickets *tls_tickets_ref(struct tls_tickets *tickets);
void tls_tickets_free(struct tls_tickets *tickets); /* gives up one reference; NULL is fine */
DEFINE_FREEP(struct tls_tickets *, tls_tickets_free)

/* Prepare the ciphers of one ticket, as SSL_CTX_set_tlsext_ticket_key_evp_cb wants it. Seal: 1, or
 * -1. Open: 0: none of our keys, or too old; 1; 2: it is good, but renew it. */
int tls_tickets_seal(struct tls_tickets *tickets, uint8_t name[16], uint8_t iv[16],
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);
int tls_tickets_open(struct tls_tickets *tickets, const uint8_t name[16], const uint8_t iv[16],
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);
/* Of tests: as if so many seconds had passed. */
void tls_tickets_age(struct tls_tickets *tickets, int64_t seconds);

#endif
