#ifndef ACCESS_TRAIL_H
#define ACCESS_TRAIL_H

#include "access/audit.h"

/* What audit.c, audit_verify.c and audit_export.c share; nobody else. */

enum { AUDIT_HASH_TEXT = 65, AUDIT_MAX_DETAIL = 64 << 10, AUDIT_MAX_TEXT = 1024 };

/* SHA-256 in lower-case hex. */
void audit_hash(char out[AUDIT_HASH_TEXT], struct slice bytes);
/* A JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void audit_put_text(struct buf *out, struct slice text);
/* {"statement":"...","signature":"base64"} without a type; prefix: further members behind the
 * brace. */
void audit_put_signed(struct buf *out, const char *prefix, struct slice statement,
                      struct slice signature);

/* A record, checkpoint or tombstone as read back. Text is cut to fit: a longer one compares
 * unequal. */
struct audit_entry {
    char type[16]; /* "" for a record */
    char installation[64], chain[64];
    char action[32]; /* of a record */
    int64_t sequence, time, signatures;
    char hash[AUDIT_HASH_TEXT]; /* a record's prev, else the hash of the record it covers */
};
/* false: not the JSON that we write. */
bool audit_parse(struct audit_entry *entry, struct slice bytes);

#endif
