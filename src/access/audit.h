#ifndef ACCESS_AUDIT_H
#define ACCESS_AUDIT_H

#include "store/store.h"

/*
 * The audit trail (DESIGN.md section 4). One decision is one record, appended in the transaction of
 * the act. A record is exact bytes of one JSON object, members in this order:
 *   {"v":1,"installation":UID,"chain":"local","seq":N,"prev":HEX,"time":"RFC 3339","actor":"..",
 *    "via":"..",["uid":"..","address":"..",]"request":"..","action":"..","target":"..","outcome":"granted|refused|failed",
 *    "reason":"..","detail":{..}}
 * prev is the SHA-256 (hex) of the bytes of the record before it in its chain, 64 zeros for the
 * first.
 */
struct audit_event {
    const char *actor;   /* "local:root" (user name of the real user), "operator:NAME" ... */
    const char *via;     /* "cli", "unix", "tls" */
    const char *uid;     /* of the actor's record; NULL or "": left out */
    const char *address; /* where it asks from; NULL or "": left out */
    const char *request; /* id of the request: one command may write several records */
    const char *action;  /* "certificate.issue", "cluster.create", "root-key.rotate" ... */
    const char *target;  /* "cluster/demo/certificate/SERIAL" */
    const char *outcome; /* "granted", "refused", "failed" */
    const char *reason;  /* why refused; "" otherwise */
    const char *detail;  /* a JSON object as text, at most 64 KiB, or NULL for {} */
};
/* Texts are cut at 1024 bytes; what is not UTF-8 in them becomes U+FFFD. */

/* Who signs checkpoints and tombstones: the keeper's own Ed25519 key, given from above so that this
 * layer needs no keys. `statement` is the exact bytes to be signed; sig is 64 raw bytes. */
struct audit_signer {
    int (*sign)(void *ctx, struct slice statement, struct buf *sig, struct err *e);
    int (*verify)(void *ctx, struct slice statement, struct slice sig, struct err *e);
    void *ctx;
};

/* Every trail begins with this record: the transaction that makes an installation writes it. */
#define AUDIT_FIRST_ACTION "installation.create"

struct audit_writer {
    const char *installation;
    const char *chain; /* "local" for in-process commands */
    int64_t now;
};
/*
 * Appends one record; call inside the store_write transaction of the act. Of the refusals of one
 * minute 30 are written, the others counted, and a record of the count follows when the minute is
 * over.
 */
int audit_append(struct store_tx *tx, const struct audit_writer *writer,
                 const struct audit_event *event, struct err *e) MUST_CHECK;
/*
 * Signs the present head of the chain, once at the end of a transaction that appended. Statement:
 *   {"v":1,"type":"checkpoint","installation":UID,"chain":..,"seq":N,"hash":HEX,"time":..,
 *    "signatures":M}
 * hash is that of record N, M how many signatures the keeper has made in all. Nothing is signed
 * when the head has its checkpoint already (a refusal that was only counted appends no record).
 */
int audit_checkpoint(struct store_tx *tx, const struct audit_writer *writer, int64_t signatures,
                     const struct audit_signer *signer, struct err *e) MUST_CHECK;

/* Time of the last record (0: none): issuing stops when the clock is behind it by over five
 * minutes. */
int audit_last_time(struct store_tx *tx, int64_t *time, struct err *e) MUST_CHECK;
enum { AUDIT_CLOCK_SLACK = 300 };

/* The newest checkpoint as a JSON object {"statement":"<exact bytes>","signature":"<base64>"}, to
 * be kept elsewhere; ERR_NOT_FOUND in an empty trail. */
int audit_head(struct store_tx *tx, const char *chain, struct buf *json, struct err *e) MUST_CHECK;

/*
 * Checks the chain from its first record (or last tombstone) to its end, every checkpoint's
 * signature, and that the newest checkpoint's record is there; with from_head (a kept audit_head,
 * or empty) also that the trail still contains that record unchanged. The first fault is named in
 * `fault`: its kind is one word of broken, missing, reordered, cut-off, rolled-back, bad-signature,
 * with the sequence number and a sentence.
 */
struct audit_verdict {
    bool good;
    int64_t records, checkpoints; /* checked */
    int64_t first, last;          /* sequence numbers */
    char kind[24];                /* of the first fault; "" when good */
    int64_t at;
    char text[256];
};
int audit_verify(struct store_tx *tx, const char *chain, struct slice from_head,
                 const struct audit_signer *signer, struct audit_verdict *ret, struct err *e)
    MUST_CHECK;

/*
 * Removes records older than `before`, all but the newest one at most, and leaves a signed
 * tombstone
 *   {"v":1,"type":"tombstone","installation":..,"chain":..,"seq":N,"hash":HEX,"removed":M,"time":..}
 * N is the last of the M removed ones. ERR_REFUSED when the trail does not verify.
 */
int audit_prune(struct store_tx *tx, const struct audit_writer *writer, int64_t before,
                const struct audit_signer *signer, int64_t *removed, struct err *e) MUST_CHECK;

/*
 * Export: JSON Lines in order, `line` gets each without its line end. First a header, then
 * tombstones, then the records, each followed by its checkpoint if it has one:
 *   {"type":"audit-export","v":1,"installation":..,"chain":..,"key":PEM of the keeper's public key}
 *   {"type":"tombstone","statement":"<exact bytes>","signature":"<base64>"}
 *   {"type":"record","bytes":"<exact bytes as a JSON string>"}
 *   {"type":"checkpoint","statement":"<exact bytes>","signature":"<base64>"}
 * Twenty lines of shell with jq and openssl verify it without us.
 */
typedef int audit_line(struct slice line, void *ctx, struct err *e);
struct audit_part {
    const char *installation, *key_pem;
    int64_t after; /* sequence number to go on behind; 0: from the start, header first */
    int limit;     /* records; 0: all */
    int64_t last;  /* out: where this part ended; 0: there was no record in it */
};
int audit_export(struct store_tx *tx, const char *chain, struct audit_part *part, audit_line *line,
                 void *ctx, struct err *e) MUST_CHECK;

#endif
