#include "base/alloc.h"
#include "crypto/aead.h"
#include "keeper/keeper_data.h"
#include "keeper/log.h"
#include <assert.h>

static const struct keeper_ops local_ops = {
    .close = local_close,
    .data_key_new = local_data_key_new,
    .data_key_rewrap = local_data_key_rewrap,
    .seal = local_seal,
    .unseal = local_unseal,
    .reseal = local_reseal,
    .authority_new = local_authority_new,
    .authority_import = local_authority_import,
    .signer_open = local_signer_open,
    .signer_close = local_signer_close,
    .sign = local_sign,
    .key_new = local_key_new,
    .key_release = local_key_release,
    .identity_new = local_identity_new,
    .identity_open = local_identity_open,
    .count_from = local_count_from,
    .sign_statement = local_sign_statement,
    .verify_statement = local_verify_statement,
    .log_key = local_log_key,
};

int keeper_open(struct keeper **ret, int root_key_fd, const char *installation, struct err *e)
{
    CLEANUP(keeper_closep) struct keeper *keeper = xcalloc(1, sizeof *keeper);

    assert(installation && installation[0]);
    keeper->ops = &local_ops;
    keeper->installation = xstrdup(installation);
    if (root_key_read(&keeper->wrap_base, keeper->root_id, root_key_fd, e) ||
        secret_alloc(&keeper->wrap_key, AEAD_KEY_LEN, e))
        return -1;
    *ret = keeper;
    keeper = NULL;
    return 0;
}

void local_close(struct keeper *keeper)
{
    secret_clear(&keeper->wrap_base);
    secret_clear(&keeper->wrap_key);
    key_free(keeper->identity);
    rates_free(keeper->rates);
    seals_free(keeper->seals);
    keeper_log_close(keeper->log);
    free(keeper->installation);
    free(keeper);
}

void local_count_from(struct keeper *keeper, int64_t signatures)
{
    keeper->signatures = signatures;
}
