#include "net/peers.h"
#include "base/alloc.h"
#include "base/random.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct peer {
    struct peer *next;
    struct peer_key key;
    unsigned count;
};

/* No more entries than connections are open, which are limited. */
struct peers {
    pthread_mutex_t lock;
    uint64_t seed[2]; /* so that nobody can choose addresses that fall into one bucket */
    struct peer *bucket[BUCKETS];
};

/* The address as IPv4 in four bytes, or as IPv6 in sixteen; the number of them. */
static size_t take_address(uint8_t out[16], const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        memcpy(out, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
        return 4;
    }
    memcpy(out, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    if (!IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)out))
        return 16;
    memmove(out, out + 12, 4);
    return 4;
}

void peer_key_make(struct peer_key *key, const struct sockaddr_storage *address)
{
    uint8_t bytes[16];

    *key = (struct peer_key){ .bytes = { 0 } };
    if (take_address(bytes, address) == 4) {
        key->bytes[10] = key->bytes[11] = 0xff; /* as IPv6 writes it: no /64 looks like that */
        memcpy(key->bytes + 12, bytes, 4);
    } else {
        memcpy(key->bytes, bytes, 8);
    }
}

bool peer_key_eq(const struct peer_key *a, const struct peer_key *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

void peer_address(char text[64], const struct sockaddr_storage *address)
{
    uint8_t bytes[16];
    bool four = take_address(bytes, address) == 4;

    if (!inet_ntop(four ? AF_INET : AF_INET6, bytes, text, 64))
        (void)snprintf(text, 64, "?");
}

struct peers *peers_new(void)
{
    struct peers *peers = xcalloc(1, sizeof *peers);

    (void)pthread_mutex_init(&peers->lock, NULL);
    random_bytes(peers->seed, sizeof peers->seed);
    return peers;
}

void peers_free(struct peers *peers)
{
    if (!peers)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct peer *p = peers->bucket[i], *next; p; p = next) {
            next = p->next;
            free(p);
        }
    }
    (void)pthread_mutex_destroy(&peers->lock);
    free(peers);
}

static struct peer **find(struct peers *peers, const struct peer_key *key)
{
    uint64_t half[2], hash;
    struct peer **p;

    memcpy(half, key, sizeof half);
    hash = (half[0] ^ peers->seed[0]) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 32 ^ half[1] ^ peers->seed[1]) * UINT64_C(0xff51afd7ed558ccd);
    p = &peers->bucket[(hash >> 40) % BUCKETS];
    while (*p && !peer_key_eq(&(*p)->key, key))
        p = &(*p)->next;
    return p;
}

bool peers_enter(struct peers *peers, const struct peer_key *key, unsigned most)
{
    struct peer **at;
    bool room;

    (void)pthread_mutex_lock(&peers->lock);
    at = find(peers, key);
    room = (*at ? (*at)->count : 0) < most;
    if (room && !*at) {
        *at = xcalloc(1, sizeof **at);
        (*at)->key = *key;
    }
    if (room)
        (*at)->count++;
    (void)pthread_mutex_unlock(&peers->lock);
    return room;
}

void peers_leave(struct peers *peers, const struct peer_key *key)
{
    struct peer **at;

    (void)pthread_mutex_lock(&peers->lock);
    at = find(peers, key);
    if (*at && --(*at)->count == 0) {
        struct peer *gone = *at;

        *at = gone->next;
        free(gone);
    }
    (void)pthread_mutex_unlock(&peers->lock);
}
