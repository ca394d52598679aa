#include "base/encode.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "keeper/keeper_data.h"
#include <errno.h>
#include <unistd.h>

/* "poterne-root-key v1\nid HEX\nkey BASE64\n", nothing before, between or behind. */
#define LINE_1 "poterne-root-key v1\n"
#define LINE_2 "id "
#define LINE_3 "key "
enum { ID_BYTES = (ROOT_KEY_ID - 1) / 2, FILE_ROOM = 256 };

/*
 * A buffer over a secret's pages, so that the encoders of base write key material there. The secret
 * is longer than anything they ask for: the buffer never grows, hence never frees, and is not
 * cleared.
 */
static struct buf buf_over(const struct secret *s)
{
    return (struct buf){ .ptr = s->ptr, .cap = s->len };
}

/* By HKDF, so that the id says nothing about the key, and a damaged key does not fit its id. */
static int derive_id(char id[ROOT_KEY_ID], struct slice key, struct err *e)
{
    CLEANUP(secret_clear) struct secret bytes = { 0 };
    CLEANUP(buf_clear) struct buf hex = { 0 };

    if (hkdf_sha256(&bytes, ID_BYTES, key, slice_of(NULL, 0), slice_str("poterne root key id v1"),
                    e))
        return err_wrap(e, "derive the root key's id");
    hex_encode(&hex, secret_slice(&bytes));
    if (buf_check(&hex, e))
        return -1;
    memcpy(id, buf_str(&hex), ROOT_KEY_ID);
    return 0;
}

int keeper_root_key_new(struct secret *file, char id[ROOT_KEY_ID], struct err *e)
{
    CLEANUP(secret_clear) struct secret key = { 0 };
    CLEANUP(secret_clear) struct secret room = { 0 };
    struct buf text;

    if (secret_alloc(&key, AEAD_KEY_LEN, e) || secret_alloc(&room, FILE_ROOM, e))
        return err_wrap(e, "make a root key");
    random_bytes(key.ptr, key.len);
    if (derive_id(id, secret_slice(&key), e))
        return -1;
    text = buf_over(&room);
    buf_add_str(&text, LINE_1 LINE_2);
    buf_add_str(&text, id);
    buf_add_str(&text, "\n" LINE_3);
    base64_encode(&text, secret_slice(&key));
    buf_add_str(&text, "\n");
    return secret_copy(file, buf_slice(&text), e);
}

static int read_file(struct secret *text, int fd, struct err *e)
{
    size_t len = 0;

    if (secret_alloc(text, FILE_ROOM, e))
        return -1;
    while (len < FILE_ROOM) {
        ssize_t n = read(fd, text->ptr + len, FILE_ROOM - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "read the root key file");
        if (n == 0)
            break;
        len += (size_t)n;
    }
    text->len = len; /* the mapping stays as it is: it is wiped whole */
    return 0;
}

static bool take_text(struct slice *rest, const char *text)
{
    if (!slice_starts(*rest, text))
        return false;
    *rest = slice_of(rest->ptr + strlen(text), rest->len - strlen(text));
    return true;
}

/* The three lines in this order, each ended by a line feed, and no byte more. */
static bool split(struct slice text, struct slice *id, struct slice *key)
{
    return take_text(&text, LINE_1) && take_text(&text, LINE_2) && slice_cut(&text, '\n', id) &&
           take_text(&text, LINE_3) && slice_cut(&text, '\n', key) && text.len == 0;
}

int root_key_read(struct secret *wrap_base, char id[ROOT_KEY_ID], int fd, struct err *e)
{
    CLEANUP(secret_clear) struct secret text = { 0 };
    CLEANUP(secret_clear) struct secret room = { 0 };
    struct slice id_text, key_text;
    struct buf raw;

    if (read_file(&text, fd, e) || secret_alloc(&room, FILE_ROOM, e))
        return -1;
    if (text.len == 0)
        return err_set(e, ERR_CORRUPT,
                       "the root key file is empty: put back the one that was kept");
    if (!slice_starts(secret_slice(&text), LINE_1))
        return err_set(e, ERR_CORRUPT, "this is not a root key file of version 1");
    if (!split(secret_slice(&text), &id_text, &key_text))
        return err_set(e, ERR_CORRUPT, "the root key file is damaged: it is not its three lines");
    raw = buf_over(&room);
    if (base64_decode(&raw, key_text, NULL) || raw.len != AEAD_KEY_LEN)
        return err_set(e, ERR_CORRUPT,
                       "the root key file is damaged: the key is not 32 bytes of base64");
    if (derive_id(id, buf_slice(&raw), e))
        return -1;
    if (!slice_eq_str(id_text, id))
        return err_set(
            e, ERR_CORRUPT,
            "the root key file is damaged: key and id do not fit each other; put back the "
            "one that was kept");
    return hkdf_sha256(wrap_base, AEAD_KEY_LEN, buf_slice(&raw), slice_of(NULL, 0),
                       slice_str("poterne data key wrap v1"), e);
}
