#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include "base/buf.h"
#include "base/random.h"
#include "base/secret.h"
#include "crypto/key.h"
#include "crypto/x509.h"

/*
 * The key holder: private keys and the sealing key; no network, no store. In this process
 * (keeper_open), or in one of its own behind a socketpair (keeper_connect, keeper/server.h): every
 * call below does the same there, with the same errors, but for what is said beside it. There is no
 * "sign these bytes" and nothing that returns an authority's key.
 *
 * Sealing (DESIGN.md section 4): the root key wraps data keys, a data key seals values; AES-256-GCM
 * with installation, kind, uid, field and key generation as associated data, so values cannot be
 * swapped or brought back. Blobs are opaque to the caller: base64 them into a record's body. A
 * keeper and its signers belong to one thread. Outcomes replace what a caller's buffer held.
 */
struct keeper;

enum { ROOT_KEY_ID = 33 };              /* 32 hex digits and the NUL; says nothing about the key */
#define KEEPER_SEALS (INT64_C(1) << 32) /* most seals under one key (NIST SP 800-38D 8.3) */

/* The text of a new root key file: "poterne-root-key v1\nid HEX\nkey BASE64\n". */
int keeper_root_key_new(struct secret *file, char id[ROOT_KEY_ID], struct err *e) MUST_CHECK;
/* Reads a root key file from a descriptor (not closed). ERR_CORRUPT: not a root key, or damaged. */
int keeper_open(struct keeper **ret, int root_key_fd, const char *installation, struct err *e)
    MUST_CHECK;
/*
 * The keeper that serves the other end of `fd`, a stream socket that is taken over also when this
 * fails. ERR_INVALID: it speaks another protocol, or is of another installation. A request longer
 * than keeper/message.h allows is ERR_LIMIT and is not sent. When the other process is gone every
 * call is ERR_UNREACHABLE from then on; whether the call that met its end was still done there is
 * not known.
 */
int keeper_connect(struct keeper **ret, int fd, const char *installation, struct err *e) MUST_CHECK;
void keeper_close(struct keeper *keeper); /* signers must be closed before */
DEFINE_FREEP(struct keeper *, keeper_close)
const char *keeper_root_id(const struct keeper *keeper);

/* A data key as the caller stores it. subject: the uid of an authority's generation, or a kind. */
enum data_key_purpose { DATA_KEY_AUTHORITY, DATA_KEY_KIND };
enum { DATA_KEY_SUBJECT = 64 };
struct data_key {
    char uid[UID_TEXT];
    enum data_key_purpose purpose;
    char subject[DATA_KEY_SUBJECT];
    int64_t generation; /* counts up with every reseal */
    /* Made under it so far: the caller stores it back. A keeper that has made more itself goes on
     * from there. */
    int64_t seals;
    struct buf wrapped;
};
void data_key_clear(struct data_key *dk);
/* Fills uid, generation 1 (or the given one), seals 0, wrapped. purpose and subject are the
 * caller's. */
int keeper_data_key_new(struct keeper *keeper, struct data_key *dk, int64_t generation,
                        struct err *e) MUST_CHECK;
/* The same data key under another root key: `next` is a keeper opened on the new root key file. One
 * that is there already (a run that was cut short) stays as it is. ERR_CORRUPT names both root keys
 * when it is under a third. Only in this process: with a connected keeper ERR_REFUSED, unless
 * `next` is the keeper itself, which sees that the data key opens. */
int keeper_data_key_rewrap(struct keeper *keeper, struct keeper *next, struct data_key *dk,
                           struct err *e) MUST_CHECK;

struct seal_label {
    const char *kind, *uid, *field; /* of the record: "generation", its uid, "key" */
};
/* Where a value is sealed, and the only place where it opens. */
struct seal_place {
    struct data_key *dk; /* sealing counts dk->seals, opening leaves it as it is */
    struct seal_label label;
};
/* Values that are not authorities' keys. ERR_REFUSED under a data key for authorities, and for the
 * keeper's own key; ERR_LIMIT: dk->seals has reached KEEPER_SEALS. ERR_CORRUPT: does not open in
 * this place. */
int keeper_seal(struct keeper *keeper, const struct seal_place *place, struct slice plain,
                struct buf *sealed, struct err *e) MUST_CHECK;
int keeper_unseal(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                  struct secret *plain, struct err *e) MUST_CHECK;
/* From one data key to another of the same purpose and subject (a new generation of it), under the
 * same label; authorities' keys and the keeper's own too: nothing leaves the keeper. */
int keeper_reseal(struct keeper *keeper, const struct seal_place *from, struct data_key *to,
                  struct slice sealed, struct buf *resealed, struct err *e) MUST_CHECK;

/* ---- authorities ---- */
struct authority_spec {
    const char *cluster; /* uid */
    enum key_type key_type;
    struct slice subject; /* Name DER */
    int64_t not_before, not_after;
    unsigned eku;       /* of the CA certificate, critical; 0 only for imported ones */
    struct slice fence; /* JSON, keeper/fence.h */
};
/* A new key, self-signed certificate (CA:TRUE, pathlen 0, keyCertSign + cRLSign, SKID), sealed with
 * its fence. */
int keeper_authority_new(struct keeper *keeper, const struct seal_place *place,
                         const struct authority_spec *spec, struct buf *sealed, struct buf *cert,
                         struct err *e) MUST_CHECK;
struct authority_import {
    struct slice private_key; /* PEM or DER */
    struct slice cert;        /* DER */
    struct slice fence;       /* JSON, keeper/fence.h */
};
/* A key from elsewhere (adopt): must fit the certificate, which must be an authority's; RSA of at
 * least 2048 bits. */
int keeper_authority_import(struct keeper *keeper, const struct seal_place *place,
                            const struct authority_import *import, struct buf *sealed,
                            struct err *e) MUST_CHECK;

/* An authority's key in use: unsealed once, for as many signatures as wanted. ERR_CORRUPT: it does
 * not open, or key and certificate differ. */
struct signer;
int keeper_signer_open(struct signer **ret, struct keeper *keeper, const struct seal_place *place,
                       struct slice sealed, struct slice cert, struct err *e) MUST_CHECK;
void signer_close(struct signer *signer);
DEFINE_FREEP(struct signer *, signer_close)
enum sig_alg signer_alg(const struct signer *signer);

struct sign_request {
    const char *cluster; /* uid; the fence knows its own */
    bool privileged;
    int64_t now;
    struct slice tbs; /* TBSCertificate DER */
};
struct sign_result {
    struct buf cert;     /* DER */
    const char *profile; /* the fence's form that it matched; borrowed from the signer */
    int64_t number;      /* of this signature: the keeper counts all it makes */
};
enum { KEEPER_CLOCK_SLACK = 300 }; /* seconds */
/* Reads the TBS, holds it against the fence, signs, counts. ERR_REFUSED names the broken rule;
 * ERR_LIMIT: more than the fence's rate, which counts all signatures of that key, by whichever
 * signer, while the keeper lives. result->cert is reset first and reused. A connected keeper goes
 * by a clock of its own: a request whose `now` is over KEEPER_CLOCK_SLACK from it is ERR_REFUSED.
 */
int keeper_sign(struct signer *signer, const struct sign_request *request,
                struct sign_result *result, struct err *e) MUST_CHECK;
/* Several at once, of any signers of one keeper; with a connected one they travel together, which
 * is cheaper. Each has its own outcome; -1 and *e: that of the first that failed. */
struct sign_job {
    struct signer *signer;
    const struct sign_request *request;
    struct sign_result *result;
    struct err why; /* out: ERR_NONE when it is signed */
};
int keeper_sign_all(struct sign_job *jobs, size_t count, struct err *e) MUST_CHECK;

/* ---- service-account keys: made here, sealed; given out, since API servers must hold them ---- */
int keeper_key_new(struct keeper *keeper, const struct seal_place *place, enum key_type type,
                   struct buf *sealed, struct buf *public_pem, struct err *e) MUST_CHECK;
/* The PKCS#8 DER of a sealed key that is not an authority's; also of one in PEM that keeper_seal
 * took. */
int keeper_key_release(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                       struct secret *pkcs8, struct err *e) MUST_CHECK;

/* ---- the keeper's own key: signs checkpoints of the audit trail, nothing else ---- */
int keeper_identity_new(struct keeper *keeper, const struct seal_place *place, struct buf *sealed,
                        struct buf *public_pem, struct err *e) MUST_CHECK;
/* Opens it, once, and takes up the count of signatures from where a checkpoint left it. */
int keeper_identity_open(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                         int64_t signatures, struct err *e) MUST_CHECK;
/* Made by keeper_sign; statements and authorities' own certificates do not count. Of a connected
 * keeper: as of its last answer here. */
int64_t keeper_signatures(const struct keeper *keeper);
/* Another process may have signed meanwhile: the count goes on from the larger of the two. */
void keeper_count_from(struct keeper *keeper, int64_t signatures);
/* Only statements that begin with {"v":1,"type":"checkpoint" or "type":"tombstone" are signed. 64
 * bytes. */
int keeper_sign_statement(struct keeper *keeper, struct slice statement, struct buf *sig,
                          struct err *e) MUST_CHECK;
int keeper_verify_statement(struct keeper *keeper, struct slice statement, struct slice sig,
                            struct err *e) MUST_CHECK;
/* The public key that verifies the log of a keeper under this root key (keeper/log.h), in PEM. */
int keeper_log_key(struct keeper *keeper, struct buf *public_pem, struct err *e) MUST_CHECK;

#endif
