#include "keeper/message.h"
#include "crypto/x509.h"
#include "keeper/keeper.h"
#include <assert.h>

enum { FIRST_ROOM = 16 << 10, KEPT_ROOM = 64 << 10, WRAPPED_MAX = 1024, LABEL_MAX = 128 };

#define NUMBER(name, low, high)                                                                    \
    {                                                                                              \
        name, FIELD_NUMBER, low, high                                                              \
    }
#define ANY_NUMBER(name) NUMBER(name, INT64_MIN, INT64_MAX)
#define BYTES(name, low, high)                                                                     \
    {                                                                                              \
        name, FIELD_BYTES, low, high                                                               \
    }
#define TEXT(name, high)                                                                           \
    {                                                                                              \
        name, FIELD_TEXT, 0, high                                                                  \
    }
#define TEXT_OR_NULL(name, high)                                                                   \
    {                                                                                              \
        name, FIELD_TEXT_OR_NULL, 0, high                                                          \
    }
/* The two arrays of struct data_key travel whole: whether they hold text is the keeper's to say. */
#define DATA_KEY                                                                                   \
    BYTES("data key's uid", UID_TEXT, UID_TEXT), NUMBER("data key's purpose", 0, 255),             \
        BYTES("data key's subject", DATA_KEY_SUBJECT, DATA_KEY_SUBJECT),                           \
        ANY_NUMBER("data key's generation"), ANY_NUMBER("data key's seals"),                       \
        BYTES("wrapped data key", 0, WRAPPED_MAX)
#define PLACE                                                                                      \
    DATA_KEY, TEXT("kind of record", LABEL_MAX), TEXT("uid of record", LABEL_MAX),                 \
        TEXT("field of record", LABEL_MAX)
#define SEALED BYTES("sealed value", 0, MESSAGE_VALUE_MAX + 64)
#define MADE ANY_NUMBER("seals"), SEALED
#define CERT BYTES("certificate", 0, X509_MAX_DER)
#define FENCE BYTES("fence", 0, 64 << 10)

/* clang-format off */
static const struct message_row rows[MESSAGE_NUMBERS] = {
    [MESSAGE_HELLO] = { "hello", .first = true,
        .request = { NUMBER("protocol", 0, 255), TEXT("installation", 64) },
        .answer = { TEXT("root key's id", ROOT_KEY_ID - 1) } },
    [MESSAGE_DATA_KEY_NEW] = { "make a data key",
        .request = { NUMBER("data key's purpose", 0, 255),
                     BYTES("data key's subject", DATA_KEY_SUBJECT, DATA_KEY_SUBJECT),
                     ANY_NUMBER("generation") },
        .answer = { BYTES("data key's uid", UID_TEXT, UID_TEXT), ANY_NUMBER("generation"),
                    BYTES("wrapped data key", 0, WRAPPED_MAX) } },
    [MESSAGE_DATA_KEY_CHECK] = { "check a data key",
        .request = { DATA_KEY } },
    [MESSAGE_SEAL] = { "seal",
        .request = { PLACE, BYTES("value", 0, MESSAGE_VALUE_MAX) },
        .answer = { MADE } },
    [MESSAGE_UNSEAL] = { "unseal",
        .request = { PLACE, SEALED },
        .answer = { BYTES("value", 0, MESSAGE_VALUE_MAX + 64) } },
    [MESSAGE_RESEAL] = { "reseal",
        .request = { PLACE, DATA_KEY, SEALED },
        .answer = { MADE } },
    [MESSAGE_AUTHORITY_NEW] = { "new authority",
        .request = { PLACE, TEXT_OR_NULL("cluster", LABEL_MAX), NUMBER("key type", 0, 255),
                     BYTES("subject", 0, 64 << 10), ANY_NUMBER("not before"),
                     ANY_NUMBER("not after"), NUMBER("extended key usage", 0, UINT32_MAX), FENCE },
        .answer = { MADE, CERT } },
    [MESSAGE_AUTHORITY_IMPORT] = { "import an authority",
        .request = { PLACE, BYTES("private key", 0, 64 << 10), CERT, FENCE },
        .answer = { MADE } },
    [MESSAGE_SIGNER_OPEN] = { "open an authority",
        .request = { PLACE, SEALED, CERT },
        .answer = { NUMBER("handle", 1, INT64_MAX), NUMBER("algorithm", 0, SIG_OTHER) } },
    [MESSAGE_SIGNER_CLOSE] = { "close an authority", .mute = true,
        .request = { NUMBER("handle", 1, INT64_MAX) } },
    [MESSAGE_SIGN] = { "sign a certificate",
        .request = { NUMBER("handle", 1, INT64_MAX), TEXT_OR_NULL("cluster", LABEL_MAX),
                     NUMBER("privileged", 0, 1), ANY_NUMBER("time"),
                     BYTES("certificate to be signed", 0, X509_MAX_DER) },
        .answer = { BYTES("certificate", 0, X509_MAX_DER + 2048), TEXT("profile", LABEL_MAX),
                    ANY_NUMBER("number") } },
    [MESSAGE_KEY_NEW] = { "new key",
        .request = { PLACE, NUMBER("key type", 0, 255) },
        .answer = { MADE, BYTES("public key", 0, 4096) } },
    [MESSAGE_KEY_RELEASE] = { "release a key",
        .request = { PLACE, SEALED },
        .answer = { BYTES("private key", 0, MESSAGE_VALUE_MAX) } },
    [MESSAGE_IDENTITY_NEW] = { "new key of the keeper",
        .request = { PLACE },
        .answer = { MADE, BYTES("public key", 0, 4096) } },
    [MESSAGE_IDENTITY_OPEN] = { "open the keeper's own key",
        .request = { PLACE, SEALED, ANY_NUMBER("signatures") } },
    [MESSAGE_COUNT_FROM] = { "count from", .mute = true,
        .request = { NUMBER("signatures", 0, INT64_MAX / 2) } },
    [MESSAGE_SIGN_STATEMENT] = { "sign a statement",
        .request = { BYTES("statement", 0, 64 << 10) },
        .answer = { BYTES("signature", 64, 64) } },
    [MESSAGE_VERIFY_STATEMENT] = { "verify a statement",
        .request = { BYTES("statement", 0, MESSAGE_VALUE_MAX), BYTES("signature", 0, 4096) } },
    [MESSAGE_LOG_KEY] = { "key of the keeper's log",
        .answer = { BYTES("public key", 0, 4096) } },
};
/* clang-format on */
static const struct message_field error_fields[] = {
    TEXT("error", sizeof((struct err *)0)->msg - 1), { 0 }
};

const struct message_row *message_row(unsigned number)
{
    return number < MESSAGE_NUMBERS && rows[number].name ? &rows[number] : NULL;
}

/* ---- frames ---- */

void frames_clear(struct frames *f)
{
    secret_clear(&f->pages);
    *f = (struct frames){ 0 };
}

void frames_wipe(struct frames *f)
{
    if (f->pages.len > KEPT_ROOM)
        frames_clear(f);
    if (f->len)
        explicit_bzero(f->pages.ptr, f->len);
    f->from = f->len = 0;
}

struct slice frames_slice(const struct frames *f)
{
    return f->len == 0 ? slice_of(NULL, 0) : slice_of(f->pages.ptr + f->from, f->len - f->from);
}

int frames_room(struct frames *f, size_t more, struct err *e)
{
    CLEANUP(secret_clear) struct secret grown = { 0 };
    struct slice rest = frames_slice(f);
    size_t room = f->pages.len ? f->pages.len * 2 : FIRST_ROOM;

    if (f->pages.len - f->len >= more)
        return 0;
    if (f->pages.len >= rest.len + more) {
        memmove(f->pages.ptr, rest.ptr, rest.len);
        explicit_bzero(f->pages.ptr + rest.len, f->len - rest.len);
        f->from = 0;
        f->len = rest.len;
        return 0;
    }
    if (room < rest.len + more)
        room = rest.len + more;
    if (secret_alloc(&grown, room, e))
        return -1;
    if (rest.len)
        memcpy(grown.ptr, rest.ptr, rest.len);
    secret_clear(&f->pages);
    *f = (struct frames){ .pages = grown, .len = rest.len };
    grown = (struct secret){ 0 };
    return 0;
}

void frames_take(struct frames *f, size_t len)
{
    assert(len <= f->len - f->from);
    f->from += len;
    if (f->from == f->len)
        frames_wipe(f);
}

static uint64_t get_number(const uint8_t *at, int bytes)
{
    uint64_t n = 0;

    for (int i = 0; i < bytes; i++)
        n = n << 8 | at[i];
    return n;
}

/* Room was made before. */
static void put_number(struct frames *f, uint64_t n, int bytes)
{
    while (bytes-- > 0)
        f->pages.ptr[f->len++] = (uint8_t)(n >> 8 * bytes);
}

static void put_bytes(struct frames *f, struct slice bytes)
{
    if (bytes.len)
        memcpy(f->pages.ptr + f->len, bytes.ptr, bytes.len);
    f->len += bytes.len;
}

int frames_next(struct frames *f, struct slice *body, bool *whole, size_t *want, struct err *e)
{
    struct slice rest = frames_slice(f);
    uint64_t len;

    *whole = false;
    *want = MESSAGE_LENGTH;
    if (rest.len < MESSAGE_LENGTH)
        return 0;
    len = get_number(rest.ptr, MESSAGE_LENGTH);
    if (len == 0 || len > MESSAGE_MAX)
        return err_set(e, ERR_INVALID, "a message of %llu bytes", (unsigned long long)len);
    *want = MESSAGE_LENGTH + (size_t)len;
    if (rest.len < *want)
        return 0;
    *body = slice_of(rest.ptr + MESSAGE_LENGTH, (size_t)len);
    *whole = true;
    return 0;
}

/* ---- fields ---- */

static bool is_text(const struct message_field *field)
{
    return field->type == FIELD_TEXT || field->type == FIELD_TEXT_OR_NULL;
}

/* Bytes of the field in its frame; ERR_LIMIT: not within its bounds. */
static int field_size(const struct message_field *field, const struct message_value *v,
                      size_t *size, struct err *e)
{
    bool number = field->type == FIELD_NUMBER;
    int64_t measure = number ? v->number : (int64_t)v->bytes.len;

    if (measure < field->min || measure > field->max)
        return err_set(e, ERR_LIMIT, "the %s has %lld%s, the keeper takes at most %lld",
                       field->name, (long long)measure, number ? "" : " bytes",
                       (long long)field->max);
    if (field->type == FIELD_TEXT)
        assert(v->bytes.ptr);
    *size += number ? 8 : MESSAGE_LENGTH + v->bytes.len + (is_text(field) && v->bytes.ptr);
    return 0;
}

static void put_field(struct frames *f, const struct message_field *field,
                      const struct message_value *v)
{
    bool nul = is_text(field) && v->bytes.ptr;

    if (field->type == FIELD_NUMBER) {
        put_number(f, (uint64_t)v->number, 8);
        return;
    }
    put_number(f, v->bytes.len + nul, MESSAGE_LENGTH);
    put_bytes(f, v->bytes);
    if (nul)
        put_number(f, 0, 1);
}

static int fields_size(const struct message_field *fields, const struct message_value *values,
                       size_t *size, struct err *e)
{
    for (; fields->type != FIELD_END; fields++, values++)
        if (field_size(fields, values, size, e))
            return -1;
    assert(*size <= MESSAGE_MAX);
    return 0;
}

int frames_add_request(struct frames *f, enum message_number number,
                       const struct message_value *values, struct err *e)
{
    const struct message_row *row = message_row(number);
    size_t size = 1;

    if (fields_size(row->request, values, &size, e))
        return err_wrap(e, "%s", row->name);
    if (frames_room(f, MESSAGE_LENGTH + size, e))
        return -1;
    put_number(f, size, MESSAGE_LENGTH);
    put_number(f, number, 1);
    for (const struct message_field *field = row->request; field->type != FIELD_END; field++)
        put_field(f, field, values++);
    return 0;
}

int frames_add_answer(struct frames *f, const struct message_answer *answer, struct err *e)
{
    bool good = answer->why->code == ERR_NONE;
    struct message_value text = value_text(answer->why->msg);
    const struct message_field *field = good ? message_row(answer->number)->answer : error_fields;
    const struct message_value *values = good ? answer->values : &text;
    size_t size = 1 + MESSAGE_CODE;

    if (fields_size(field, values, &size, e) || frames_room(f, MESSAGE_LENGTH + size, e))
        return -1;
    put_number(f, size, MESSAGE_LENGTH);
    put_number(f, answer->number, 1);
    put_number(f, answer->why->code, 1);
    put_number(f, (uint64_t)answer->signatures, 8);
    for (; field->type != FIELD_END; field++)
        put_field(f, field, values++);
    return 0;
}

static bool take(struct slice *body, size_t len, const uint8_t **at)
{
    if (body->len < len)
        return false;
    *at = body->ptr;
    *body = slice_of(body->ptr + len, body->len - len);
    return true;
}

static bool read_text(const struct message_field *field, struct slice *bytes)
{
    if (bytes->len == 0) {
        bytes->ptr = NULL;
        return field->type == FIELD_TEXT_OR_NULL;
    }
    bytes->len--;
    return bytes->ptr[bytes->len] == '\0' && !slice_has_nul(*bytes);
}

static bool read_field(const struct message_field *field, struct slice *body,
                       struct message_value *v)
{
    const uint8_t *at;
    int64_t measure;

    *v = (struct message_value){ 0 };
    if (field->type == FIELD_NUMBER) {
        if (!take(body, 8, &at))
            return false;
        measure = v->number = (int64_t)get_number(at, 8);
    } else {
        if (!take(body, MESSAGE_LENGTH, &at))
            return false;
        v->bytes.len = (size_t)get_number(at, MESSAGE_LENGTH);
        if (!take(body, v->bytes.len, &v->bytes.ptr) ||
            (is_text(field) && !read_text(field, &v->bytes)))
            return false;
        measure = (int64_t)v->bytes.len;
    }
    return measure >= field->min && measure <= field->max;
}

int message_read(const struct message_field *fields, struct slice body,
                 struct message_value values[MESSAGE_FIELDS], struct err *e)
{
    for (; fields->type != FIELD_END; fields++, values++)
        if (!read_field(fields, &body, values))
            return err_set(e, ERR_INVALID, "field '%s' is missing or out of its bounds",
                           fields->name);
    if (body.len)
        return err_set(e, ERR_INVALID, "%zu bytes behind the last field", body.len);
    return 0;
}

int message_read_answer(struct slice *body, struct message_answer_head *head, struct err *e)
{
    const struct message_row *row;
    const uint8_t *at;

    if (!take(body, 1 + MESSAGE_CODE, &at) || !(row = message_row(at[0])) || at[1] >= ERR_CODES)
        return err_set(e, ERR_INVALID, "not an answer");
    head->number = at[0];
    head->code = (enum err_code)at[1];
    head->signatures = (int64_t)get_number(at + 2, 8);
    head->fields = head->code == ERR_NONE ? row->answer : error_fields;
    return 0;
}
