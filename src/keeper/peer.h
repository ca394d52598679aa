#ifndef KEEPER_PEER_H
#define KEEPER_PEER_H

#include "keeper/keeper_data.h"
#include "keeper/message.h"

/*
 * One caller of a keeper that serves, without its socket: frames in, answers out. What a caller may
 * ask, and when, is the table of message.c; what is asked is done by the same code as in-process.
 */
enum {
    PEER_SIGNERS = 64,   /* most open ones of a caller: ERR_LIMIT beyond */
    CACHED_SIGNERS = 64, /* kept open when nobody has them */
    CACHED_SECONDS = 300
};

/*
 * Open authorities, shared by those who open the same: to unseal one costs more than ten
 * signatures. Who gets one has shown all that opens it.
 */
struct shared_signer;
struct signer_cache {
    struct shared_signer *first;
    int64_t last_handle;
};
void signer_cache_clear(struct signer_cache *cache); /* callers are gone before */
/* Closes what nobody has had for CACHED_SECONDS; false: there is none left to wait for. */
bool signer_cache_expire(struct signer_cache *cache, int64_t now_ms);

struct peer_signer {
    int64_t handle;
    struct shared_signer *shared;
};
struct peer {
    struct keeper *keeper;
    struct signer_cache *cache;
    bool *unnamed; /* the keeper has no installation yet: the first caller says which */
    bool greeted, identity;
    struct peer_signer signer[PEER_SIGNERS];
    struct buf cert; /* of the last signature; its memory is used again */
};
void peer_clear(struct peer *peer);
/* One frame's body: the answer, if it has one, is appended. -1: this is no caller of ours, or out
 * of memory for secrets: end the connection, nothing was appended. */
int peer_handle(struct peer *peer, struct slice body, struct frames *out, struct err *e) MUST_CHECK;

#endif
