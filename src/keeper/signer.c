#include "base/alloc.h"
#include "keeper/fence.h"
#include "keeper/keeper_data.h"
#include "keeper/log.h"
#include <stdlib.h>

struct local_signer {
    struct signer base;
    struct key *key;
    struct fence *fence;
    struct buf cert; /* the authority's, owned: `issuer` is a view into it */
    struct x509_cert issuer;
    struct rate *rate;
    char *uid;      /* of the generation, as it was sealed */
    struct buf sig; /* reused */
};

static void free_signer(struct local_signer *signer)
{
    rate_close(signer->rate);
    key_free(signer->key);
    fence_free(signer->fence);
    buf_clear(&signer->cert);
    buf_clear(&signer->sig);
    free(signer->uid);
    free(signer);
}
DEFINE_FREEP(struct local_signer *, free_signer)

void local_signer_close(struct signer *signer)
{
    signer->keeper->signers--;
    free_signer((struct local_signer *)signer);
}

/* The certificate must be the one of the key, else every leaf would carry a wrong issuer. */
static int read_issuer(struct local_signer *signer, struct slice cert, struct err *e)
{
    CLEANUP(key_freep) struct key *public = NULL;

    buf_add_slice(&signer->cert, cert);
    if (buf_check(&signer->cert, e) ||
        x509_cert_read(&signer->issuer, buf_slice(&signer->cert), e) ||
        key_read_public(&public, signer->issuer.spki, e))
        return err_wrap(e, "the authority's certificate");
    if (!key_same_public(public, signer->key))
        return err_set(e, ERR_CORRUPT, "the authority's key and certificate differ");
    return 0;
}

int local_signer_open(struct signer **ret, struct keeper *keeper, const struct seal_place *place,
                      struct slice sealed, struct slice cert, struct err *e)
{
    const struct seal_label *label = &place->label;
    CLEANUP(free_signerp) struct local_signer *signer = xcalloc(1, sizeof *signer);
    CLEANUP(authority_key_clear) struct authority_key authority = { 0 };
    struct err why = { 0 };

    if (authority_key_open(&authority, keeper, place, sealed, e))
        return err_wrap(e, "open an authority");
    /* What was sealed was good: whatever does not read now is damage. */
    if (key_read_private(&signer->key, authority.pkcs8, &why) ||
        fence_read(&signer->fence, authority.fence, &why) || read_issuer(signer, cert, &why))
        return err_set(e, ERR_CORRUPT, "open an authority: %s '%s', %s: %s", label->kind,
                       label->uid, label->field, err_text(&why));
    signer->base.alg = key_sig_alg(signer->key);
    signer->base.keeper = keeper;
    signer->rate = rate_open(keeper, key_spki(signer->key));
    signer->uid = xstrdup(label->uid);
    keeper->signers++;
    *ret = &signer->base;
    signer = NULL;
    return 0;
}

/* The front's clock may be anything: the rate and a certificate's life follow the keeper's own. */
static int check_clock(const struct keeper *keeper, int64_t *now, struct err *e)
{
    int64_t here;

    if (!keeper->clock)
        return 0;
    here = keeper->clock(keeper->clock_ctx);
    if (*now < here - KEEPER_CLOCK_SLACK || *now > here + KEEPER_CLOCK_SLACK)
        return err_set(e, ERR_REFUSED,
                       "the request's time is over %d s from the keeper's clock: ask again",
                       KEEPER_CLOCK_SLACK);
    *now = here;
    return 0;
}

static int sign_checked(struct local_signer *signer, const struct sign_request *request,
                        struct sign_result *result, struct err *e)
{
    buf_reset(&signer->sig);
    if (key_sign(signer->key, request->tbs, &signer->sig, e) || buf_check(&signer->sig, e))
        return err_wrap(e, "sign a certificate");
    x509_assemble(&result->cert, request->tbs, signer->base.alg, buf_slice(&signer->sig));
    return buf_check(&result->cert, e);
}

static int sign_one(struct local_signer *signer, const struct sign_request *request,
                    struct sign_result *result, struct err *e)
{
    struct keeper *keeper = signer->base.keeper;
    struct x509_cert tbs;
    struct fence_request order = {
        .cluster = request->cluster,
        .privileged = request->privileged,
        .now = request->now,
        .issuer = &signer->issuer,
        .tbs = &tbs,
        .alg = signer->base.alg,
    };
    struct log_certificate line;
    int64_t now = request->now;
    const char *profile;

    buf_reset(&result->cert);
    if (x509_tbs_read(&tbs, request->tbs, e))
        return err_wrap(e, "certificate to be signed");
    if (check_clock(keeper, &now, e) || fence_check(signer->fence, &order, &profile, e))
        return -1;
    if (!rate_allows(signer->rate, fence_rate(signer->fence), now))
        return err_set(e, ERR_LIMIT,
                       "the authority has made %lld signatures within an hour, its limit",
                       (long long)fence_rate(signer->fence));
    line = (struct log_certificate){ .number = keeper->signatures + 1,
                                     .cluster = fence_cluster(signer->fence),
                                     .authority = signer->uid,
                                     .issuer = rate_key(signer->rate),
                                     .profile = profile,
                                     .serial = tbs.serial,
                                     .tbs = request->tbs,
                                     .privileged = request->privileged };
    if (keeper_log_certificate(keeper->log, &line, e) || sign_checked(signer, request, result, e))
        return -1;
    rate_count(signer->rate);
    result->profile = profile;
    result->number = ++keeper->signatures;
    return 0;
}

void local_sign(struct sign_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        jobs[i].why = (struct err){ 0 };
        (void)sign_one((struct local_signer *)jobs[i].signer, jobs[i].request, jobs[i].result,
                       &jobs[i].why);
    }
}
