#include "base/alloc.h"
#include "keeper/fence.h"
#include "keeper/keeper_data.h"

/* Signatures of the last hour, in buckets of a minute, the present one not yet full. When the clock
 * jumps back, it stands still here. */
enum { RATE_BUCKETS = 61, BUCKET_SECONDS = 60 };
struct rate {
    int64_t minute, total;
    int64_t made[RATE_BUCKETS];
};

struct signer {
    struct keeper *keeper;
    struct key *key;
    enum sig_alg alg;
    struct fence *fence;
    struct buf cert; /* the authority's, owned: `issuer` is a view into it */
    struct x509_cert issuer;
    struct rate rate;
    struct buf sig; /* reused */
};

void signer_close(struct signer *signer)
{
    if (!signer)
        return;
    if (signer->keeper)
        signer->keeper->signers--;
    key_free(signer->key);
    fence_free(signer->fence);
    buf_clear(&signer->cert);
    buf_clear(&signer->sig);
    free(signer);
}

/* The certificate must be the one of the key, else every leaf would carry a wrong issuer. */
static int read_issuer(struct signer *signer, struct slice cert, struct err *e)
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

int keeper_signer_open(struct signer **ret, struct keeper *keeper, const struct seal_place *place,
                       struct slice sealed, struct slice cert, struct err *e)
{
    const struct seal_label *label = &place->label;
    CLEANUP(signer_closep) struct signer *signer = xcalloc(1, sizeof *signer);
    CLEANUP(authority_key_clear) struct authority_key authority = { 0 };
    struct err why = { 0 };

    if (authority_key_open(&authority, keeper, place, sealed, e))
        return err_wrap(e, "open an authority");
    /* What was sealed was good: whatever does not read now is damage. */
    if (key_read_private(&signer->key, authority.pkcs8, &why) ||
        fence_read(&signer->fence, authority.fence, &why) || read_issuer(signer, cert, &why))
        return err_set(e, ERR_CORRUPT, "open an authority: %s '%s', %s: %s", label->kind,
                       label->uid, label->field, err_text(&why));
    signer->alg = key_sig_alg(signer->key);
    signer->keeper = keeper;
    keeper->signers++;
    *ret = signer;
    signer = NULL;
    return 0;
}

enum sig_alg signer_alg(const struct signer *signer)
{
    return signer->alg;
}

static bool rate_allows(struct rate *rate, int64_t limit, int64_t now)
{
    int64_t minute = now / BUCKET_SECONDS;

    if (minute > rate->minute + RATE_BUCKETS)
        rate->minute = minute - RATE_BUCKETS;
    while (rate->minute < minute) {
        int64_t *oldest = &rate->made[++rate->minute % RATE_BUCKETS];

        rate->total -= *oldest;
        *oldest = 0;
    }
    return rate->total < limit;
}

static void rate_count(struct rate *rate)
{
    rate->made[rate->minute % RATE_BUCKETS]++;
    rate->total++;
}

static int sign_checked(struct signer *signer, const struct sign_request *request,
                        struct sign_result *result, struct err *e)
{
    buf_reset(&signer->sig);
    if (key_sign(signer->key, request->tbs, &signer->sig, e) || buf_check(&signer->sig, e))
        return err_wrap(e, "sign a certificate");
    x509_assemble(&result->cert, request->tbs, signer->alg, buf_slice(&signer->sig));
    return buf_check(&result->cert, e);
}

int keeper_sign(struct signer *signer, const struct sign_request *request,
                struct sign_result *result, struct err *e)
{
    struct x509_cert tbs;
    struct fence_request order = {
        .cluster = request->cluster,
        .privileged = request->privileged,
        .now = request->now,
        .issuer = &signer->issuer,
        .tbs = &tbs,
        .alg = signer->alg,
    };
    const char *profile;

    buf_reset(&result->cert);
    if (x509_tbs_read(&tbs, request->tbs, e))
        return err_wrap(e, "certificate to be signed");
    if (fence_check(signer->fence, &order, &profile, e))
        return -1;
    if (!rate_allows(&signer->rate, fence_rate(signer->fence), request->now))
        return err_set(e, ERR_LIMIT,
                       "the authority has made %lld signatures within an hour, its limit",
                       (long long)fence_rate(signer->fence));
    if (sign_checked(signer, request, result, e))
        return -1;
    rate_count(&signer->rate);
    result->profile = profile;
    result->number = ++signer->keeper->signatures;
    return 0;
}
