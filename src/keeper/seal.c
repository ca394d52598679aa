#include "crypto/aead.h"
#include "crypto/hash.h"
#include "keeper/keeper_data.h"
#include "keeper/log.h"
#include <assert.h>

/*
 * Blobs. A wrapped data key: version, the root key's id in hexadecimal, AES-256-GCM. A sealed
 * value: version, class, AES-256-GCM. What stands in clear is in the associated data too, whose
 * parts each have their length in front, so that no two labels give the same bytes.
 */
enum { BLOB_VERSION = 1, VALUE_HEAD = 2, WRAP_HEAD = 1 + ROOT_KEY_ID - 1 };

static void aad_number(struct buf *aad, uint64_t n)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_add_byte(aad, (uint8_t)(n >> shift));
}

static void aad_text(struct buf *aad, const char *text)
{
    aad_number(aad, strlen(text));
    buf_add_str(aad, text);
}

void data_key_clear(struct data_key *dk)
{
    buf_clear(&dk->wrapped);
    *dk = (struct data_key){ 0 };
}

/* Ours are well-formed; what comes out of a store may be anything. */
static int check_data_key(const struct data_key *dk, struct err *e)
{
    if (!memchr(dk->uid, '\0', sizeof dk->uid) || !memchr(dk->subject, '\0', sizeof dk->subject) ||
        !dk->uid[0] || !dk->subject[0] || dk->generation < 1 || dk->seals < 0 ||
        (dk->purpose != DATA_KEY_AUTHORITY && dk->purpose != DATA_KEY_KIND))
        return err_set(e, ERR_CORRUPT, "a data key without uid, subject, purpose or generation");
    return 0;
}

static void wrap_aad(struct buf *aad, const struct keeper *keeper, const struct data_key *dk)
{
    aad_text(aad, "poterne data key v1");
    aad_text(aad, keeper->root_id);
    aad_text(aad, keeper->installation);
    aad_text(aad, dk->uid);
    aad_number(aad, dk->purpose);
    aad_text(aad, dk->subject);
    aad_number(aad, (uint64_t)dk->generation);
}

/* A key of its own for each data key, so that there are no seals under the root key to be counted.
 * *key is good until the next call. */
static int wrap_key(const struct keeper *keeper, const struct data_key *dk, struct slice *key,
                    struct err *e)
{
    *key = secret_slice(&keeper->wrap_key);
    return hmac_sha256(keeper->wrap_key.ptr, secret_slice(&keeper->wrap_base), slice_str(dk->uid),
                       e);
}

static int wrap(const struct keeper *keeper, const struct data_key *dk, const struct secret *plain,
                struct buf *wrapped, struct err *e)
{
    CLEANUP(buf_clear) struct buf aad = { 0 };
    CLEANUP(buf_clear) struct buf blob = { 0 };
    struct slice key;

    wrap_aad(&aad, keeper, dk);
    buf_add_byte(&blob, BLOB_VERSION);
    buf_add_str(&blob, keeper->root_id);
    if (buf_check(&aad, e) || wrap_key(keeper, dk, &key, e) ||
        aead_seal(&blob, key, buf_slice(&aad), secret_slice(plain), e) || buf_check(&blob, e))
        return err_wrap(e, "wrap data key '%s'", dk->uid);
    buf_replace(wrapped, &blob);
    return 0;
}

/* Whether the blob names this keeper's root key; *id gets the one it names. */
static bool wrapped_here(const struct keeper *keeper, const struct data_key *dk, struct slice *id)
{
    *id = slice_of(dk->wrapped.ptr + 1, ROOT_KEY_ID - 1);
    return slice_eq_str(*id, keeper->root_id);
}

static int unwrap(const struct keeper *keeper, const struct data_key *dk, struct secret *plain,
                  struct err *e)
{
    CLEANUP(buf_clear) struct buf aad = { 0 };
    struct slice id, key, wrapped = buf_slice(&dk->wrapped);

    if (check_data_key(dk, e))
        return -1;
    if (wrapped.len < WRAP_HEAD || wrapped.ptr[0] != BLOB_VERSION)
        return err_set(e, ERR_CORRUPT, "data key '%s' is damaged", dk->uid);
    if (!wrapped_here(keeper, dk, &id))
        return err_set(e, ERR_CORRUPT,
                       "data key '%s' is sealed under root key " SLICE_FMT ", this is root key %s",
                       dk->uid, SLICE_ARG(id), keeper->root_id);
    wrap_aad(&aad, keeper, dk);
    if (buf_check(&aad, e) || wrap_key(keeper, dk, &key, e) ||
        aead_open(plain, key, buf_slice(&aad),
                  slice_of(wrapped.ptr + WRAP_HEAD, wrapped.len - WRAP_HEAD), e))
        return err_wrap(e, "data key '%s' for '%s', generation %lld", dk->uid, dk->subject,
                        (long long)dk->generation);
    if (plain->len != AEAD_KEY_LEN)
        return err_set(e, ERR_CORRUPT, "data key '%s' has %zu bytes", dk->uid, plain->len);
    return 0;
}

int local_data_key_new(struct keeper *keeper, struct data_key *dk, int64_t generation,
                       struct err *e)
{
    CLEANUP(secret_clear) struct secret key = { 0 };
    struct data_key fresh = *dk;

    uid_new(fresh.uid);
    fresh.generation = generation ? generation : 1;
    fresh.seals = 0;
    fresh.wrapped = (struct buf){ 0 };
    if (check_data_key(&fresh, e) || secret_alloc(&key, AEAD_KEY_LEN, e))
        return err_wrap(e, "make a data key");
    random_bytes(key.ptr, key.len);
    if (wrap(keeper, &fresh, &key, &fresh.wrapped, e))
        return -1;
    buf_clear(&dk->wrapped);
    *dk = fresh;
    return 0;
}

int local_data_key_rewrap(struct keeper *keeper, struct keeper *next, struct data_key *dk,
                          struct err *e)
{
    CLEANUP(secret_clear) struct secret key = { 0 };
    struct slice id;

    assert(strcmp(keeper->installation, next->installation) == 0);
    /* Done already, by a run that was cut short: only see that it opens. */
    if (dk->wrapped.len >= WRAP_HEAD && wrapped_here(next, dk, &id))
        return unwrap(next, dk, &key, e);
    if (unwrap(keeper, dk, &key, e))
        return -1;
    return wrap(next, dk, &key, &dk->wrapped, e);
}

static void value_aad(struct buf *aad, const struct keeper *keeper, enum seal_class class,
                      const struct seal_place *place)
{
    const struct seal_label *label = &place->label;

    assert(label->kind && label->uid && label->field);
    aad_text(aad, "poterne sealed value v1");
    aad_number(aad, class);
    aad_text(aad, keeper->installation);
    aad_text(aad, label->kind);
    aad_text(aad, label->uid);
    aad_text(aad, label->field);
    aad_number(aad, (uint64_t)place->dk->generation);
}

static int wrap_label(const struct seal_label *label, struct err *e)
{
    return err_wrap(e, "%s '%s', %s", label->kind, label->uid, label->field);
}

/* Authorities' keys under the data keys that are theirs, plain values under others. */
static int check_purpose(enum seal_class class, const struct data_key *dk, struct err *e)
{
    if (check_data_key(dk, e))
        return -1;
    if (class == SEAL_VALUE && dk->purpose == DATA_KEY_AUTHORITY)
        return err_set(e, ERR_REFUSED, "data key '%s' is for an authority's key alone", dk->uid);
    if (class == SEAL_AUTHORITY && dk->purpose != DATA_KEY_AUTHORITY)
        return err_set(e, ERR_REFUSED, "data key '%s' is not for an authority's key", dk->uid);
    return 0;
}

int seal_value(struct keeper *keeper, enum seal_class class, const struct seal_place *place,
               struct slice plain, struct buf *sealed, struct err *e)
{
    struct data_key *dk = place->dk;
    CLEANUP(secret_clear) struct secret key = { 0 };
    CLEANUP(buf_clear) struct buf aad = { 0 };
    CLEANUP(buf_clear) struct buf blob = { 0 };
    int64_t made;

    if (check_purpose(class, dk, e))
        return wrap_label(&place->label, e);
    made = seals_made(keeper, dk->uid);
    if (made < dk->seals)
        made = dk->seals;
    if (made >= KEEPER_SEALS)
        return err_set(e, ERR_LIMIT, "data key '%s' has sealed %lld values: reseal under a new one",
                       dk->uid, (long long)made);
    value_aad(&aad, keeper, class, place);
    buf_add_byte(&blob, BLOB_VERSION);
    buf_add_byte(&blob, (uint8_t) class);
    if (buf_check(&aad, e) || unwrap(keeper, dk, &key, e) ||
        aead_seal(&blob, secret_slice(&key), buf_slice(&aad), plain, e) || buf_check(&blob, e))
        return wrap_label(&place->label, e);
    dk->seals = made + 1;
    seals_count(keeper, dk->uid);
    buf_replace(sealed, &blob);
    return 0;
}

/* SEAL_NONE: it is not a sealed value. */
static enum seal_class value_class(struct slice sealed)
{
    if (sealed.len < VALUE_HEAD || sealed.ptr[0] != BLOB_VERSION || sealed.ptr[1] > SEAL_IDENTITY)
        return SEAL_NONE;
    return (enum seal_class)sealed.ptr[1];
}

static int check_class(enum seal_class class, struct slice sealed, struct err *e)
{
    enum seal_class found = value_class(sealed);

    if (found == SEAL_NONE)
        return err_set(e, ERR_CORRUPT, "not a sealed value");
    if (found != class)
        return err_set(e, ERR_REFUSED, "not a sealed value of this kind");
    return 0;
}

int open_value(struct keeper *keeper, enum seal_class class, const struct seal_place *place,
               struct slice sealed, struct secret *plain, struct err *e)
{
    CLEANUP(secret_clear) struct secret key = { 0 };
    CLEANUP(buf_clear) struct buf aad = { 0 };

    if (check_class(class, sealed, e) || check_purpose(class, place->dk, e) ||
        unwrap(keeper, place->dk, &key, e))
        return wrap_label(&place->label, e);
    value_aad(&aad, keeper, class, place);
    if (buf_check(&aad, e) ||
        aead_open(plain, secret_slice(&key), buf_slice(&aad),
                  slice_of(sealed.ptr + VALUE_HEAD, sealed.len - VALUE_HEAD), e))
        return wrap_label(&place->label, e);
    return 0;
}

int local_seal(struct keeper *keeper, const struct seal_place *place, struct slice plain,
               struct buf *sealed, struct err *e)
{
    return seal_value(keeper, SEAL_VALUE, place, plain, sealed, e);
}

int local_unseal(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                 struct secret *plain, struct err *e)
{
    CLEANUP(secret_clear) struct secret opened = { 0 };

    if (open_value(keeper, SEAL_VALUE, place, sealed, &opened, e) ||
        keeper_log_unseal(keeper->log, &place->label, e))
        return -1;
    secret_clear(plain);
    *plain = opened;
    opened = (struct secret){ 0 };
    return 0;
}

int local_reseal(struct keeper *keeper, const struct seal_place *from, struct data_key *to,
                 struct slice sealed, struct buf *resealed, struct err *e)
{
    CLEANUP(secret_clear) struct secret plain = { 0 };
    enum seal_class class = value_class(sealed);
    struct seal_place place = { to, from->label };

    if (check_data_key(from->dk, e) || check_data_key(to, e))
        return -1;
    if (from->dk->purpose != to->purpose || strcmp(from->dk->subject, to->subject) != 0)
        return err_set(e, ERR_REFUSED, "data key '%s' is not another generation of '%s'", to->uid,
                       from->dk->uid);
    if (open_value(keeper, class, from, sealed, &plain, e))
        return -1;
    return seal_value(keeper, class, &place, secret_slice(&plain), resealed, e);
}
