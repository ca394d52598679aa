#include "crypto/key.h"
#include "pki/bundle.h"
#include <assert.h>

/* What is handed out keeps its promise: a key that reads, a text where there is to be one. */
static int take(const struct bundle_item *item, void *ctx, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;
    size_t *count = ctx;

    (void)e;
    ++*count;
    switch (item->kind) {
    case BUNDLE_KEY:
        if (key_read_private(&key, item->bytes, NULL))
            abort();
        break;
    case BUNDLE_REFERENCE:
    case BUNDLE_SERVER:
        assert(item->text && item->entry);
        break;
    case BUNDLE_CERT:
    case BUNDLE_PUBLIC:
        assert(item->bytes.len > 0);
        break;
    case BUNDLE_HIDDEN_KEY:
        assert(item->bytes.len == 0);
        break;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct slice bytes = slice_of(data, len);
    struct err e = { 0 };
    size_t count = 0;
    int rc = bundle_read(bytes, take, &count, &e);

    assert(rc == 0 || e.code == ERR_INVALID || e.code == ERR_LIMIT);
    assert(bundle_form(bytes) != BUNDLE_NOTHING || (rc && count == 0));
    return 0;
}
