#include "keeper/peer_signer.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/hash.h"

struct shared_signer {
    struct shared_signer *next;
    uint8_t order[SHA256_LEN]; /* of all that it was opened with */
    struct signer *signer;
    size_t users;
    int64_t idle_since; /* milliseconds, monotonic; while there are no users */
};

static void drop(struct shared_signer **at)
{
    struct shared_signer *gone = *at;

    *at = gone->next;
    signer_close(gone->signer);
    free(gone);
}

void signer_cache_clear(struct signer_cache *cache)
{
    while (cache->first)
        drop(&cache->first);
}

bool signer_cache_expire(struct signer_cache *cache, int64_t now_ms)
{
    bool left = false;

    for (struct shared_signer **at = &cache->first; *at;) {
        bool idle = (*at)->users == 0;

        if (idle && now_ms - (*at)->idle_since >= CACHED_SECONDS * 1000) {
            drop(at);
            continue;
        }
        left = left || idle;
        at = &(*at)->next;
    }
    return left;
}

/* Room for one more: the one that was idle longest goes. */
static void make_room(struct signer_cache *cache)
{
    struct shared_signer **oldest = NULL;
    size_t idle = 0;

    for (struct shared_signer **at = &cache->first; *at; at = &(*at)->next) {
        if ((*at)->users)
            continue;
        idle++;
        if (!oldest || (*at)->idle_since < (*oldest)->idle_since)
            oldest = at;
    }
    if (idle > CACHED_SIGNERS)
        drop(oldest);
}

static int share(struct peer *peer, const struct signer_order *order, struct shared_signer **ret,
                 struct err *e)
{
    uint8_t id[SHA256_LEN];
    struct shared_signer *s = peer->cache->first;

    sha256(id, order->all);
    while (s && memcmp(s->order, id, sizeof id) != 0)
        s = s->next;
    if (!s) {
        struct signer *signer = NULL;

        if (keeper_signer_open(&signer, peer->keeper, order->place, order->sealed, order->cert, e))
            return -1;
        s = xcalloc(1, sizeof *s);
        memcpy(s->order, id, sizeof id);
        s->signer = signer;
        s->next = peer->cache->first;
        peer->cache->first = s;
    }
    s->users++;
    *ret = s;
    return 0;
}

int peer_signer_open(struct peer *peer, const struct signer_order *order, int64_t *handle,
                     enum sig_alg *alg, struct err *e)
{
    struct peer_signer *free_one = NULL;

    for (size_t i = 0; i < PEER_SIGNERS && !free_one; i++)
        if (!peer->signer[i].shared)
            free_one = &peer->signer[i];
    if (!free_one)
        return err_set(e, ERR_LIMIT, "%d authorities are open: close one first", PEER_SIGNERS);
    if (share(peer, order, &free_one->shared, e))
        return -1;
    /* Never used twice, also not by another caller: a mistaken one is seen. */
    free_one->handle = ++peer->cache->last_handle;
    *handle = free_one->handle;
    *alg = signer_alg(free_one->shared->signer);
    return 0;
}

static struct peer_signer *find(const struct peer *peer, int64_t handle)
{
    for (size_t i = 0; i < PEER_SIGNERS; i++)
        if (peer->signer[i].shared && peer->signer[i].handle == handle)
            return (struct peer_signer *)&peer->signer[i];
    return NULL;
}

struct signer *peer_signer_find(const struct peer *peer, int64_t handle)
{
    const struct peer_signer *s = find(peer, handle);

    return s ? s->shared->signer : NULL;
}

static void give_back(struct peer *peer, struct peer_signer *s)
{
    if (--s->shared->users == 0)
        s->shared->idle_since = clock_monotonic_ms();
    *s = (struct peer_signer){ 0 };
    make_room(peer->cache);
}

bool peer_signer_close(struct peer *peer, int64_t handle)
{
    struct peer_signer *s = find(peer, handle);

    if (s)
        give_back(peer, s);
    return s;
}

void peer_signers_close(struct peer *peer)
{
    for (size_t i = 0; i < PEER_SIGNERS; i++)
        if (peer->signer[i].shared)
            give_back(peer, &peer->signer[i]);
}
