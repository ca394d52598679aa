#include "base/alloc.h"
#include "crypto/aead.h"
#include "keeper/keeper_data.h"
#include <assert.h>

int keeper_open(struct keeper **ret, int root_key_fd, const char *installation, struct err *e)
{
    CLEANUP(keeper_closep) struct keeper *keeper = xcalloc(1, sizeof *keeper);

    assert(installation && installation[0]);
    keeper->installation = xstrdup(installation);
    if (root_key_read(&keeper->wrap_base, keeper->root_id, root_key_fd, e) ||
        secret_alloc(&keeper->wrap_key, AEAD_KEY_LEN, e))
        return -1;
    *ret = keeper;
    keeper = NULL;
    return 0;
}

void keeper_close(struct keeper *keeper)
{
    if (!keeper)
        return;
    assert(keeper->signers == 0);
    secret_clear(&keeper->wrap_base);
    secret_clear(&keeper->wrap_key);
    key_free(keeper->identity);
    free(keeper->installation);
    free(keeper);
}

const char *keeper_root_id(const struct keeper *keeper)
{
    return keeper->root_id;
}

int64_t keeper_signatures(const struct keeper *keeper)
{
    return keeper->signatures;
}

void keeper_count_from(struct keeper *keeper, int64_t signatures)
{
    if (signatures > keeper->signatures && signatures <= INT64_MAX / 2)
        keeper->signatures = signatures;
}

void buf_replace(struct buf *to, struct buf *from)
{
    buf_clear(to);
    *to = *from;
    *from = (struct buf){ 0 };
}
