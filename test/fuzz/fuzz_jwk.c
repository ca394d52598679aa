#include "crypto/jose.h"
#include <assert.h>

/* Property: what we read is a public key that we write, and read back as the same key. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(buf_clear) struct buf once = { 0 }, again = { 0 }, print = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(key_freep) struct key *reread = NULL;
    struct err e = { 0 };

    if (jwk_read(&key, slice_of(data, len), &e)) {
        assert(!key && (e.code == ERR_INVALID || e.code == ERR_LIMIT));
        return 0;
    }
    assert(!key_is_private(key));
    if (jwk_write(&once, key, NULL, &e) || jwk_read(&reread, buf_slice(&once), &e) ||
        jwk_write(&again, reread, NULL, &e) || jwk_thumbprint(&print, reread, &e))
        abort();
    assert(key_same_public(key, reread) && slice_eq(buf_slice(&once), buf_slice(&again)));
    assert(print.len == 43);
    return 0;
}
