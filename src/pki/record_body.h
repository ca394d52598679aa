#ifndef PKI_RECORD_BODY_H
#define PKI_RECORD_BODY_H

#include "pki/pki.h"
#include "wire/json.h"

/* Reading and making records: for pki, and for fleet, which keeps records beside them. */

/* For a struct record that is given to store_insert or store_update and never cleared. */
static inline char *lend(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* The body as JSON, an object; ERR_CORRUPT naming the record. */
int record_json(struct json **doc, const struct record *r, struct err *e) MUST_CHECK;
/* Whatever went wrong with what we stored ourselves is damage: sets ERR_CORRUPT and names the
 * record. */
int record_damaged(const struct record *r, struct err *e);
/* Replaces or adds members of a record's body: `members` is the text of a JSON object. */
int record_merge(struct pki_write *w, const char *uid, struct buf *members, struct err *e)
    MUST_CHECK;
/* Marks a certificate's record as superseded. Its end is no longer one to be watched, so the column
 * by which they are listed forgets it: a list of what expires does not pass by all that ever did.
 */
int record_supersede(struct pki_write *w, const char *uid, struct err *e) MUST_CHECK;
/* Appends a member that is base64; ERR_CORRUPT when it is not. */
int body_base64(const struct json_value *body, const char *key, struct buf *out, struct err *e)
    MUST_CHECK;

#endif
