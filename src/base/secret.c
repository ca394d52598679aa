#include "base/secret.h"
#include <sys/mman.h>
#include <unistd.h>

int secret_alloc(struct secret *s, size_t len, struct err *e)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct secret fresh = { .len = len };
    void *at;

    if (len > SIZE_MAX - page)
        return err_set(e, ERR_LIMIT, "a secret of %zu bytes is too long", len);
    fresh.mapped = len ? (len + page - 1) / page * page : page;
    at = mmap(NULL, fresh.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return err_errno(e, "map %zu bytes for a secret", len);
    fresh.ptr = at;
    /* RLIMIT_MEMLOCK may be small: an unlocked secret is better than none. */
    (void)mlock(at, fresh.mapped);
    if (madvise(at, fresh.mapped, MADV_DONTDUMP) || madvise(at, fresh.mapped, MADV_WIPEONFORK)) {
        err_errno(e, "protect %zu bytes for a secret", len);
        (void)munmap(at, fresh.mapped);
        return -1;
    }
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
        (void)munmap(s->ptr, s->mapped);
    }
    *s = (struct secret){ 0 };
}

struct slice secret_slice(const struct secret *s)
{
    return slice_of(s->ptr, s->len);
}
