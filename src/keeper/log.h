#ifndef KEEPER_LOG_H
#define KEEPER_LOG_H

#include "keeper/keeper.h"

/*
 * The keeper's own log: what a keeper that serves others (keeper/server.h) did for them, whatever
 * they tell of it. Only the keeper writes it, to a descriptor given at its start; a keeper in the
 * caller's process writes none, its acts are in the audit trail alone.
 *
 * A line is a JSON object, members in this order:
 *   {"v":1,"n":N,"prev":HEX,"time":"RFC 3339","type":"..", ...}
 * n counts up by one, prev is the SHA-256 (hex) of the bytes of the line before, without its line
 * end; 64 zeros in line 1. Behind "type" stand, for
 *   "start"        "root":ID of the root key,"key":BASE64 of the log key's SubjectPublicKeyInfo
 *   "certificate"  "number":N as keeper_sign gave it,"cluster":UID,"authority":UID of the
 *                  generation,"issuer":SHA-256 of its SubjectPublicKeyInfo,"profile":..,
 *                  "serial":HEX,"tbs":SHA-256 of the TBSCertificate,"privileged":BOOL
 *   "authority"    "cluster":UID,"authority":UID,"cert":SHA-256 of its certificate,"imported":BOOL
 *   "statement"    "sha256":of what the keeper's own key signed (an audit checkpoint)
 *   "unseal"       "kind":..,"uid":..,"field":.. of a value that left the keeper
 *   "head"         "signature":BASE64, Ed25519 by the log key of "poterne keeper log v1\n" and this
 *                  line's bytes up to the comma before "signature"
 *
 * A line is in the file before the signature is made, so there is none without; a line that cannot
 * be written is ERR_IO, and nothing is signed. A head follows within a second and brings the file
 * to the disk (fdatasync). The log key is derived from the root key: no caller has a say in it, and
 * another root key has another one, told by the start line that follows. What a crash cut short is
 * left as it is, and the next line is a start that goes on from the last whole one. A keeper that
 * starts takes the last hour's signatures from its log, so that the fences' rates outlive it.
 */
struct keeper_log;

/* fd: a regular file, opened for reading and appending; stays the caller's. ERR_CORRUPT: it is not
 * empty, and holds no line of a log. */
int keeper_log_open(struct keeper_log **ret, struct keeper *keeper, int fd, struct err *e)
    MUST_CHECK;
void keeper_log_close(struct keeper_log *log); /* NULL is fine; signs nothing */

struct log_certificate {
    int64_t number;
    const char *cluster, *authority, *profile;
    const uint8_t *issuer; /* SHA256_LEN bytes */
    struct slice serial, tbs;
    bool privileged;
};
/* All four do nothing when log is NULL. */
int keeper_log_certificate(struct keeper_log *log, const struct log_certificate *c, struct err *e)
    MUST_CHECK;
struct log_authority {
    const char *cluster, *authority;
    struct slice cert;
    bool imported;
};
int keeper_log_authority(struct keeper_log *log, const struct log_authority *a, struct err *e)
    MUST_CHECK;
int keeper_log_statement(struct keeper_log *log, struct slice statement, struct err *e) MUST_CHECK;
int keeper_log_unseal(struct keeper_log *log, const struct seal_label *label, struct err *e)
    MUST_CHECK;

/* Signs what is not signed yet. */
int keeper_log_head(struct keeper_log *log, struct err *e) MUST_CHECK;
/* The same when it is time; returns the milliseconds until then, -1: all is signed. */
int keeper_log_duty(struct keeper_log *log);

/*
 * Reads a log from its first line. keys: the public keys that may have signed it (keeper_log_key),
 * in PEM. Lines behind signed_to are chained, but not signed yet. That lines are missing at the end
 * only a number that was kept elsewhere tells: of the records of certificates, "number".
 */
struct keeper_log_verdict {
    bool good;
    int64_t lines, certificates, heads;
    int64_t torn;      /* lines that a crash cut short, and nobody was given anything for */
    int64_t last;      /* number of the last line */
    int64_t signed_to; /* number of the last head */
    char kind[24];     /* of the first fault: broken, missing, bad-signature, other-key; "" */
    int64_t at;        /* the last good line before it */
    char text[256];
};
int keeper_log_verify(int fd, const struct slice *keys, size_t key_count,
                      struct keeper_log_verdict *ret, struct err *e) MUST_CHECK;

/* ---- shared by log.c, log_restore.c and log_verify.c ---- */
#define KEEPER_LOG_CONTEXT "poterne keeper log v1\n"
#define KEEPER_LOG_SIGNATURE ",\"signature\":\""
enum { KEEPER_LOG_LINE = 8 << 10, KEEPER_LOG_HASH = 65 };
struct keeper_log_place {
    int64_t n;
    char hash[KEEPER_LOG_HASH]; /* of that line */
};
/* The members that every line has; false: not a line of ours. */
struct keeper_log_line {
    int64_t n;
    char prev[KEEPER_LOG_HASH], type[16];
    struct buf key, signature; /* raw; empty when it has none */
};
void keeper_log_line_clear(struct keeper_log_line *line);
bool keeper_log_parse(struct keeper_log_line *ret, struct slice bytes);
/* Counts what the log's certificates of the hour before `now` took of their authorities' rates. */
int keeper_log_restore(int fd, struct keeper *keeper, int64_t now, struct err *e) MUST_CHECK;
void keeper_log_hash(char out[KEEPER_LOG_HASH], struct slice line);

#endif
