#include "base/secret.h"
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

/* A sanitized build gives every secret a mapping of its own: a use after secret_clear then stops
 * the program. */
#if defined(__SANITIZE_ADDRESS__)
#define POOLED false
#elif defined(__has_feature)
#define POOLED !__has_feature(address_sanitizer)
#else
#define POOLED true
#endif

/*
 * A few pages, protected once and kept, one for each short secret: to map, lock, mark and unmap one
 * costs 28 us, and a command needs sixty. They are free for all of the program's life, and wiped
 * while nobody has them.
 */
enum { POOL_PAGES = 16 };
static struct {
    pthread_mutex_t lock;
    uint8_t *pages; /* NULL: not made yet */
    unsigned used;  /* a bit a page */
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint8_t *map_protected(size_t len, struct err *e)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED) {
        err_errno(e, "map %zu bytes for a secret", len);
        return NULL;
    }
    if (madvise(at, len, MADV_DONTDUMP) || madvise(at, len, MADV_WIPEONFORK)) {
        err_errno(e, "protect %zu bytes for a secret", len);
        (void)munmap(at, len);
        return NULL;
    }
    return at;
}

/* NULL: the pool is used up, or cannot be made. */
static uint8_t *pool_take(size_t page)
{
    uint8_t *at = NULL;

    if (!POOLED)
        return NULL;
    pthread_mutex_lock(&pool.lock);
    if (!pool.pages)
        pool.pages = map_protected(POOL_PAGES * page, NULL);
    for (size_t i = 0; pool.pages && !at && i < POOL_PAGES; i++) {
        if (pool.used & 1u << i)
            continue;
        pool.used |= 1u << i;
        at = pool.pages + i * page;
    }
    pthread_mutex_unlock(&pool.lock);
    return at;
}

/* False: not one of the pool's. */
static bool pool_give(const uint8_t *at, size_t page)
{
    bool ours;

    pthread_mutex_lock(&pool.lock);
    ours = pool.pages && at >= pool.pages && at < pool.pages + POOL_PAGES * page;
    if (ours)
        pool.used &= ~(1u << (size_t)(at - pool.pages) / page);
    pthread_mutex_unlock(&pool.lock);
    return ours;
}

int secret_alloc(struct secret *s, size_t len, struct err *e)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct secret fresh = { .len = len, .mapped = page };

    if (len > SIZE_MAX - page)
        return err_set(e, ERR_LIMIT, "a secret of %zu bytes is too long", len);
    if (len > page)
        fresh.mapped = (len + page - 1) / page * page;
    else
        fresh.ptr = pool_take(page);
    if (!fresh.ptr)
        fresh.ptr = map_protected(fresh.mapped, e);
    if (!fresh.ptr)
        return -1;
    /* RLIMIT_MEMLOCK may be small: an unlocked secret is better than none. Also for a page of the
     * pool, whose lock a forked child does not inherit. */
    (void)mlock(fresh.ptr, fresh.mapped);
    secret_clear(s);
    *s = fresh;
    return 0;
}

int secret_copy(struct secret *s, struct slice from, struct err *e)
{
    CLEANUP(secret_clear) struct secret fresh = { 0 };

    if (secret_alloc(&fresh, from.len, e)) /* aside: `from` may be a part of s */
        return -1;
    if (from.len)
        memcpy(fresh.ptr, from.ptr, from.len);
    secret_clear(s);
    *s = fresh;
    fresh = (struct secret){ 0 };
    return 0;
}

void secret_clear(struct secret *s)
{
    if (s->ptr) {
        explicit_bzero(s->ptr, s->mapped);
        if (!pool_give(s->ptr, (size_t)sysconf(_SC_PAGESIZE)))
            (void)munmap(s->ptr, s->mapped);
    }
    *s = (struct secret){ 0 };
}

struct slice secret_slice(const struct secret *s)
{
    return slice_of(s->ptr, s->len);
}
