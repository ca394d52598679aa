#ifndef NET_PEERS_H
#define NET_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * How many connections each address has, over all threads. An IPv4 address counts alone, an IPv6
 * one with its /64, which is what one host gets.
 */
struct peer_key {
    uint8_t bytes[16];
};
void peer_key_make(struct peer_key *key, const struct sockaddr_storage *address);
bool peer_key_eq(const struct peer_key *a, const struct peer_key *b);
/* "192.0.2.1", "2001:db8::1"; IPv4 inside IPv6 as IPv4. */
void peer_address(char text[64], const struct sockaddr_storage *address);

struct peers;
struct peers *peers_new(void);
void peers_free(struct peers *peers); /* NULL is fine */
/* False: the address has `most` already. Else it has one more, until peers_leave. */
bool peers_enter(struct peers *peers, const struct peer_key *key, unsigned most);
void peers_leave(struct peers *peers, const struct peer_key *key);

#endif
