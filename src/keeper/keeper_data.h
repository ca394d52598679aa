#ifndef KEEPER_KEEPER_DATA_H
#define KEEPER_KEEPER_DATA_H

#include "keeper/keeper.h"

/* Inside the keeper only. */

struct keeper {
    struct secret wrap_base; /* derived from the root key, which is not kept */
    struct secret wrap_key;  /* room for the one of a data key */
    char root_id[ROOT_KEY_ID];
    char *installation;
    struct key *identity; /* NULL until keeper_identity_open */
    int64_t signatures;
    int64_t signers; /* open ones */
};

/* ---- root_key.c ---- */
/* wrap_base: what keys that wrap data keys are made of. */
int root_key_read(struct secret *wrap_base, char id[ROOT_KEY_ID], int fd, struct err *e) MUST_CHECK;

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
