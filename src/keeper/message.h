#ifndef KEEPER_MESSAGE_H
#define KEEPER_MESSAGE_H

#include "base/err.h"
#include "base/secret.h"
#include <stdint.h>

/*
 * What travels between a keeper of another process and its callers, over a stream socketpair. A
 * frame is
 *
 *     length   4 bytes, of what follows: 1 to MESSAGE_MAX
 *     number   1 byte, enum message_number
 *     fields   of that message, in the order of its row in message.c
 *
 * and an answer, of the same number, one for each request in their order
 *
 *     length, number
 *     code     1 byte, enum err_code
 *     count    8 bytes: the signatures that the keeper has made in all
 *     fields   of the row's answer; a code that is not 0 has the error's text in their place
 *
 * Numbers are big-endian. A field is 8 bytes (a number), or 4 bytes of length and so many bytes;
 * a text's have a NUL at the end and none before; no byte at all is the text NULL. Nothing may be
 * missing, nothing follow, every value is within the bounds of its row. Our two ends never send
 * anything else: whoever does is cut off.
 */
enum {
    MESSAGE_PROTOCOL = 1,
    MESSAGE_MAX = 1 << 20,
    MESSAGE_VALUE_MAX = 448 << 10, /* the longest value to be sealed */
    MESSAGE_FIELDS = 16,
    MESSAGE_LENGTH = 4, /* bytes of length in front */
    MESSAGE_CODE = 9    /* bytes of code and count behind an answer's number */
};

enum message_number {
    MESSAGE_HELLO = 1,
    MESSAGE_DATA_KEY_NEW,
    MESSAGE_DATA_KEY_CHECK,
    MESSAGE_SEAL,
    MESSAGE_UNSEAL,
    MESSAGE_RESEAL,
    MESSAGE_AUTHORITY_NEW,
    MESSAGE_AUTHORITY_IMPORT,
    MESSAGE_SIGNER_OPEN,
    MESSAGE_SIGNER_CLOSE,
    MESSAGE_SIGN,
    MESSAGE_KEY_NEW,
    MESSAGE_KEY_RELEASE,
    MESSAGE_IDENTITY_NEW,
    MESSAGE_IDENTITY_OPEN,
    MESSAGE_COUNT_FROM,
    MESSAGE_SIGN_STATEMENT,
    MESSAGE_VERIFY_STATEMENT,
    MESSAGE_LOG_KEY,
    MESSAGE_NUMBERS
};

enum field_type { FIELD_END, FIELD_NUMBER, FIELD_BYTES, FIELD_TEXT, FIELD_TEXT_OR_NULL };
struct message_field {
    const char *name;
    enum field_type type;
    int64_t min, max; /* of the number, or of the length (a text's without its NUL) */
};
struct message_row {
    const char *name;
    bool first; /* the one a connection begins with; all others come behind it */
    bool mute;  /* has no answer */
    struct message_field request[MESSAGE_FIELDS + 1], answer[MESSAGE_FIELDS + 1];
};
/* NULL: no message has that number. */
const struct message_row *message_row(unsigned number);

struct message_value {
    int64_t number;
    struct slice bytes; /* a text's without its NUL, which is there */
};
static inline struct message_value value_number(int64_t n)
{
    return (struct message_value){ .number = n };
}
static inline struct message_value value_bytes(struct slice bytes)
{
    return (struct message_value){ .bytes = bytes };
}
static inline struct message_value value_text(const char *text)
{
    return (struct message_value){ .bytes = slice_str(text) };
}
/* The text as it lies in its frame; NULL when it was NULL. */
static inline const char *value_str(const struct message_value *v)
{
    return (const char *)v->bytes.ptr;
}

/* Frames on their way, in the pages of a secret: what is sealed and unsealed passes here. */
struct frames {
    struct secret pages;
    size_t from, len; /* the bytes from `from` on are not read or sent yet */
};
void frames_clear(struct frames *f);
void frames_wipe(
    struct frames *f); /* empty again; pages that one large message took are given back */
struct slice frames_slice(const struct frames *f);
/* Where at least `more` bytes can be put behind the last; frames_put counts them. */
int frames_room(struct frames *f, size_t more, struct err *e) MUST_CHECK;
void frames_take(struct frames *f, size_t len); /* the first `len` bytes are done with */

/* Cuts the first frame off; false: it is not whole yet, and `want` bytes in all would make it so.
 * ERR_INVALID: a length of 0 or beyond MESSAGE_MAX. *body: number and what follows. */
int frames_next(struct frames *f, struct slice *body, bool *whole, size_t *want, struct err *e)
    MUST_CHECK;

/* Appends a frame. ERR_LIMIT names the field that is out of its bounds; nothing is appended then.
 */
int frames_add_request(struct frames *f, enum message_number number,
                       const struct message_value *values, struct err *e) MUST_CHECK;
struct message_answer {
    enum message_number number;
    int64_t signatures;
    const struct message_value *values; /* when why->code is ERR_NONE */
    const struct err *why;
};
int frames_add_answer(struct frames *f, const struct message_answer *answer, struct err *e)
    MUST_CHECK;
/* Reads an answer's head off its body. */
struct message_answer_head {
    unsigned number;
    enum err_code code;
    int64_t signatures;
    const struct message_field *fields; /* what follows */
};
int message_read_answer(struct slice *body, struct message_answer_head *head, struct err *e)
    MUST_CHECK;
/* Reads all fields of a body; views into it. ERR_INVALID: not exactly what the row says. */
int message_read(const struct message_field *fields, struct slice body,
                 struct message_value values[MESSAGE_FIELDS], struct err *e) MUST_CHECK;

#endif
