#include "keeper/keeper_data.h"
#include <assert.h>

/* Every call of keeper.h goes on from here, to local.c or to remote.c. */

void keeper_close(struct keeper *keeper)
{
    if (!keeper)
        return;
    assert(keeper->signers == 0);
    keeper->ops->close(keeper);
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
        keeper->ops->count_from(keeper, signatures);
}

int keeper_data_key_new(struct keeper *keeper, struct data_key *dk, int64_t generation,
                        struct err *e)
{
    return keeper->ops->data_key_new(keeper, dk, generation, e);
}

int keeper_data_key_rewrap(struct keeper *keeper, struct keeper *next, struct data_key *dk,
                           struct err *e)
{
    assert(strcmp(keeper->installation, next->installation) == 0);
    if (keeper != next && (keeper->remote || next->remote))
        return err_set(e, ERR_REFUSED,
                       "a keeper of another process does not change its root key: "
                       "stop the daemon first");
    return keeper->ops->data_key_rewrap(keeper, next, dk, e);
}

int keeper_seal(struct keeper *keeper, const struct seal_place *place, struct slice plain,
                struct buf *sealed, struct err *e)
{
    return keeper->ops->seal(keeper, place, plain, sealed, e);
}

int keeper_unseal(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                  struct secret *plain, struct err *e)
{
    return keeper->ops->unseal(keeper, place, sealed, plain, e);
}

int keeper_reseal(struct keeper *keeper, const struct seal_place *from, struct data_key *to,
                  struct slice sealed, struct buf *resealed, struct err *e)
{
    return keeper->ops->reseal(keeper, from, to, sealed, resealed, e);
}

int keeper_authority_new(struct keeper *keeper, const struct seal_place *place,
                         const struct authority_spec *spec, struct buf *sealed, struct buf *cert,
                         struct err *e)
{
    return keeper->ops->authority_new(keeper, place, spec, sealed, cert, e);
}

int keeper_authority_import(struct keeper *keeper, const struct seal_place *place,
                            const struct authority_import *import, struct buf *sealed,
                            struct err *e)
{
    return keeper->ops->authority_import(keeper, place, import, sealed, e);
}

int keeper_signer_open(struct signer **ret, struct keeper *keeper, const struct seal_place *place,
                       struct slice sealed, struct slice cert, struct err *e)
{
    return keeper->ops->signer_open(ret, keeper, place, sealed, cert, e);
}

void signer_close(struct signer *signer)
{
    if (signer)
        signer->keeper->ops->signer_close(signer);
}

enum sig_alg signer_alg(const struct signer *signer)
{
    return signer->alg;
}

int keeper_sign(struct signer *signer, const struct sign_request *request,
                struct sign_result *result, struct err *e)
{
    struct sign_job job = { .signer = signer, .request = request, .result = result };

    signer->keeper->ops->sign(&job, 1);
    return job.why.code == ERR_NONE ? 0 : err_pass(e, &job.why);
}

int keeper_sign_all(struct sign_job *jobs, size_t count, struct err *e)
{
    if (count == 0)
        return 0;
    for (size_t i = 1; i < count; i++)
        assert(jobs[i].signer->keeper == jobs[0].signer->keeper);
    jobs[0].signer->keeper->ops->sign(jobs, count);
    for (size_t i = 0; i < count; i++)
        if (jobs[i].why.code != ERR_NONE)
            return err_pass(e, &jobs[i].why);
    return 0;
}

int keeper_key_new(struct keeper *keeper, const struct seal_place *place, enum key_type type,
                   struct buf *sealed, struct buf *public_pem, struct err *e)
{
    return keeper->ops->key_new(keeper, place, type, sealed, public_pem, e);
}

int keeper_key_release(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                       struct secret *pkcs8, struct err *e)
{
    return keeper->ops->key_release(keeper, place, sealed, pkcs8, e);
}

int keeper_identity_new(struct keeper *keeper, const struct seal_place *place, struct buf *sealed,
                        struct buf *public_pem, struct err *e)
{
    return keeper->ops->identity_new(keeper, place, sealed, public_pem, e);
}

int keeper_identity_open(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                         int64_t signatures, struct err *e)
{
    return keeper->ops->identity_open(keeper, place, sealed, signatures, e);
}

int keeper_sign_statement(struct keeper *keeper, struct slice statement, struct buf *sig,
                          struct err *e)
{
    return keeper->ops->sign_statement(keeper, statement, sig, e);
}

int keeper_verify_statement(struct keeper *keeper, struct slice statement, struct slice sig,
                            struct err *e)
{
    return keeper->ops->verify_statement(keeper, statement, sig, e);
}

int keeper_log_key(struct keeper *keeper, struct buf *public_pem, struct err *e)
{
    return keeper->ops->log_key(keeper, public_pem, e);
}

void buf_replace(struct buf *to, struct buf *from)
{
    buf_clear(to);
    *to = *from;
    *from = (struct buf){ 0 };
}
