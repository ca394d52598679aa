#ifndef TEST_KEEPER_AUTHORITY_H
#define TEST_KEEPER_AUTHORITY_H

#include "leaf.h"
#include "world.h"

/* An authority to sign with, and leaves for it. */

#define FENCE(cluster, rate)                                                                       \
    "{\"v\":1,\"cluster\":\"" cluster "\",\"role\":\"operators\",\"eku\":[\"client\"],"            \
    "\"subject\":[],\"max_ttl\":100000,\"rate\":" rate ",\"forms\":["                              \
    "{\"profile\":\"person\",\"eku\":[\"client\"],\"cn\":\"*\",\"o\":[\"*\"],\"san\":[],"          \
    "\"max_ttl\":100000},"                                                                         \
    "{\"profile\":\"admin\",\"eku\":[\"client\"],\"cn\":\"*\",\"o\":[\"!*\"],\"san\":[],"          \
    "\"max_ttl\":100000,\"privileged\":true}]}"

/* A keeper with one authority. */
struct world {
    struct keeper *keeper;
    struct data_key dk;
    struct buf name, sealed, cert;
    struct x509_cert issuer; /* views into cert */
};

static inline void world_clear(struct world *w)
{
    keeper_close(w->keeper);
    data_key_clear(&w->dk);
    buf_clear(&w->name);
    buf_clear(&w->sealed);
    buf_clear(&w->cert);
}

static inline struct authority_spec good_spec(const struct world *w, enum key_type type)
{
    return (struct authority_spec){ .cluster = "c1",
                                    .key_type = type,
                                    .subject = buf_slice(&w->name),
                                    .not_before = LEAF_NOW - 300,
                                    .not_after = LEAF_NOW + 200000,
                                    .eku = EKU_CLIENT,
                                    .fence = slice_str(FENCE("c1", "3")) };
}

/* `keeper`: taken over. */
static inline void world_open_with(struct world *w, struct keeper *keeper, enum key_type type)
{
    struct authority_spec spec;

    *w = (struct world){ .keeper = keeper };
    w->dk = new_data_key(w->keeper, DATA_KEY_AUTHORITY);
    leaf_name(&w->name, "O=Exoscale\nCN=operators 1", 0, false);
    spec = good_spec(w, type);
    GOOD(keeper_authority_new(w->keeper, AT(&w->dk), &spec, &w->sealed, &w->cert, e));
    GOOD(x509_cert_read(&w->issuer, buf_slice(&w->cert), e));
}

static inline void world_open(struct world *w, enum key_type type)
{
    world_open_with(w, new_keeper(), type);
}

static inline struct signer *open_signer(struct world *w)
{
    struct signer *signer = NULL;

    GOOD(keeper_signer_open(&signer, w->keeper, AT(&w->dk), buf_slice(&w->sealed),
                            buf_slice(&w->cert), e));
    return signer;
}

/* A leaf that the fence lets pass, or one that says `subject`. */
static inline void write_leaf(struct buf *tbs, const struct world *w, const struct signer *signer,
                              const char *subject)
{
    struct leaf_spec leaf = { .issuer = w->issuer.subject,
                              .akid = w->issuer.ext.skid,
                              .eku = EKU_CLIENT,
                              .alg = signer_alg(signer),
                              .subject = subject };

    buf_reset(tbs);
    leaf_write(tbs, &leaf);
}

static inline int sign_at(struct signer *signer, const struct buf *tbs, bool privileged,
                          int64_t now, struct sign_result *result, struct err *e)
{
    struct sign_request request = { "c1", privileged, now, buf_slice(tbs) };

    world_now = now;
    return keeper_sign(signer, &request, result, e);
}

#endif
