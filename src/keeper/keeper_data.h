#ifndef KEEPER_KEEPER_DATA_H
#define KEEPER_KEEPER_DATA_H

#include "keeper/keeper.h"

/* Inside the keeper only. */

/* What keeper.h does, by a keeper in this process (local.c) or in another one (remote.c). */
struct keeper_ops {
    void (*close)(struct keeper *keeper);
    int (*data_key_new)(struct keeper *keeper, struct data_key *dk, int64_t generation,
                        struct err *e);
    int (*data_key_rewrap)(struct keeper *keeper, struct keeper *next, struct data_key *dk,
                           struct err *e);
    int (*seal)(struct keeper *keeper, const struct seal_place *place, struct slice plain,
                struct buf *sealed, struct err *e);
    int (*unseal)(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                  struct secret *plain, struct err *e);
    int (*reseal)(struct keeper *keeper, const struct seal_place *from, struct data_key *to,
                  struct slice sealed, struct buf *resealed, struct err *e);
    int (*authority_new)(struct keeper *keeper, const struct seal_place *place,
                         const struct authority_spec *spec, struct buf *sealed, struct buf *cert,
                         struct err *e);
    int (*authority_import)(struct keeper *keeper, const struct seal_place *place,
                            const struct authority_import *import, struct buf *sealed,
                            struct err *e);
    int (*signer_open)(struct signer **ret, struct keeper *keeper, const struct seal_place *place,
                       struct slice sealed, struct slice cert, struct err *e);
    void (*signer_close)(struct signer *signer);
    void (*sign)(struct sign_job *jobs, size_t count);
    int (*key_new)(struct keeper *keeper, const struct seal_place *place, enum key_type type,
                   struct buf *sealed, struct buf *public_pem, struct err *e);
    int (*key_release)(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                       struct secret *pkcs8, struct err *e);
    int (*identity_new)(struct keeper *keeper, const struct seal_place *place, struct buf *sealed,
                        struct buf *public_pem, struct err *e);
    int (*identity_open)(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                         int64_t signatures, struct err *e);
    void (*count_from)(struct keeper *keeper, int64_t signatures);
    int (*sign_statement)(struct keeper *keeper, struct slice statement, struct buf *sig,
                          struct err *e);
    int (*verify_statement)(struct keeper *keeper, struct slice statement, struct slice sig,
                            struct err *e);
    int (*log_key)(struct keeper *keeper, struct buf *public_pem, struct err *e);
};

struct rate;
struct seal_count;
struct keeper_log;
struct remote;

struct keeper {
    const struct keeper_ops *ops;
    char root_id[ROOT_KEY_ID];
    char *installation;
    int64_t signatures; /* of a remote one: as its last answer said */
    int64_t signers;    /* open ones */
    struct remote *remote;
    /* of a keeper in this process */
    struct secret wrap_base; /* derived from the root key, which is not kept */
    struct secret wrap_key;  /* room for the one of a data key */
    struct key *identity;    /* NULL until keeper_identity_open */
    struct rate *rates;
    struct seal_count *seals;
    /* of one that serves others (server.c): whose word the time is not */
    int64_t (*clock)(void *ctx); /* NULL: the caller's time holds */
    void *clock_ctx;
    struct keeper_log *log; /* NULL: no lines are written */
};

/* What every signer begins with. */
struct signer {
    struct keeper *keeper;
    enum sig_alg alg;
};

/* ---- local.c ---- */
/* Inside the local keeper callers go on to these, not by way of keeper.h. */
void local_close(struct keeper *keeper);
int local_data_key_new(struct keeper *keeper, struct data_key *dk, int64_t generation,
                       struct err *e) MUST_CHECK;
int local_data_key_rewrap(struct keeper *keeper, struct keeper *next, struct data_key *dk,
                          struct err *e) MUST_CHECK;
int local_seal(struct keeper *keeper, const struct seal_place *place, struct slice plain,
               struct buf *sealed, struct err *e) MUST_CHECK;
int local_unseal(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                 struct secret *plain, struct err *e) MUST_CHECK;
int local_reseal(struct keeper *keeper, const struct seal_place *from, struct data_key *to,
                 struct slice sealed, struct buf *resealed, struct err *e) MUST_CHECK;
int local_authority_new(struct keeper *keeper, const struct seal_place *place,
                        const struct authority_spec *spec, struct buf *sealed, struct buf *cert,
                        struct err *e) MUST_CHECK;
int local_authority_import(struct keeper *keeper, const struct seal_place *place,
                           const struct authority_import *import, struct buf *sealed, struct err *e)
    MUST_CHECK;
int local_signer_open(struct signer **ret, struct keeper *keeper, const struct seal_place *place,
                      struct slice sealed, struct slice cert, struct err *e) MUST_CHECK;
void local_signer_close(struct signer *signer);
void local_sign(struct sign_job *jobs, size_t count);
int local_key_new(struct keeper *keeper, const struct seal_place *place, enum key_type type,
                  struct buf *sealed, struct buf *public_pem, struct err *e) MUST_CHECK;
int local_key_release(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                      struct secret *pkcs8, struct err *e) MUST_CHECK;
int local_identity_new(struct keeper *keeper, const struct seal_place *place, struct buf *sealed,
                       struct buf *public_pem, struct err *e) MUST_CHECK;
int local_identity_open(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                        int64_t signatures, struct err *e) MUST_CHECK;
void local_count_from(struct keeper *keeper, int64_t signatures);
int local_sign_statement(struct keeper *keeper, struct slice statement, struct buf *sig,
                         struct err *e) MUST_CHECK;
int local_verify_statement(struct keeper *keeper, struct slice statement, struct slice sig,
                           struct err *e) MUST_CHECK;
int local_log_key(struct keeper *keeper, struct buf *public_pem, struct err *e) MUST_CHECK;

/* ---- identity.c ---- */
/* Whether it is the one that is open: another caller of the same keeper. ERR_REFUSED when not. */
int identity_check(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                   struct err *e) MUST_CHECK;

/* ---- root_key.c ---- */
/* wrap_base: what keys that wrap data keys are made of. */
int root_key_read(struct secret *wrap_base, char id[ROOT_KEY_ID], int fd, struct err *e) MUST_CHECK;

/* ---- rate.c ---- */
/*
 * Signatures of the last hour by an authority's key, whoever opened it, how often, and under
 * whichever data key: closing a signer gives nothing back. In memory; a keeper with a log has them
 * from there when it starts again.
 */
struct rate *rate_open(struct keeper *keeper, struct slice spki);
void rate_close(struct rate *rate);
bool rate_allows(struct rate *rate, int64_t limit, int64_t now);
void rate_count(struct rate *rate);
const uint8_t *rate_key(const struct rate *rate); /* SHA-256 of the SubjectPublicKeyInfo */
/* One signature that was made at `time` by another life of this keeper. */
void rate_restore(struct keeper *keeper, const uint8_t *key, int64_t time);
void rates_free(struct rate *rates);

/* ---- seal_count.c ---- */
/*
 * Seals made here under a data key, by its uid, so that a caller that brings back a lower number
 * than it was told wins nothing while the keeper runs. Count only what has been made: the uid is
 * then proven by the wrapped key.
 */
int64_t seals_made(const struct keeper *keeper, const char *uid);
void seals_count(struct keeper *keeper, const char *uid);
void seals_free(struct seal_count *seals);

/* ---- seal.c ---- */
/*
 * What a sealed value is; it stands in front of the value in clear, and in the associated data. An
 * authority or identity never opens as a value, whatever the caller says about its label.
 */
enum seal_class { SEAL_NONE, SEAL_VALUE, SEAL_AUTHORITY, SEAL_IDENTITY };

int seal_value(struct keeper *keeper, enum seal_class class, const struct seal_place *place,
               struct slice plain, struct buf *sealed, struct err *e) MUST_CHECK;
/* ERR_REFUSED when it is of another class, ERR_CORRUPT when it does not open. */
int open_value(struct keeper *keeper, enum seal_class class, const struct seal_place *place,
               struct slice sealed, struct secret *plain, struct err *e) MUST_CHECK;

/* ---- authority.c ---- */
/* What is sealed of an authority: its fence and its key, one container. */
struct authority_key {
    struct secret container;
    struct slice fence, pkcs8; /* views into it */
};
void authority_key_clear(struct authority_key *a);
int authority_key_open(struct authority_key *ret, struct keeper *keeper,
                       const struct seal_place *place, struct slice sealed, struct err *e)
    MUST_CHECK;

/* The outcome of a call replaces what the caller's buffer held. */
void buf_replace(struct buf *to, struct buf *from);

#endif
