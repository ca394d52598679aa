#include "base/encode.h"
#include "store/engine.h"

/*
 * A cursor is base64url of: version, order, 8 bytes that tell queries apart, the time (8 bytes, big
 * endian, 0 by name), then text: scope NUL name or uid; by expiry the scope is empty. It says where
 * a page ended, no more: a forged one shows nothing that the query may not.
 */
enum { CURSOR_VERSION = 1, CURSOR_HEAD = 2 + 8 + 8 };

void cursor_clear(struct cursor *c)
{
    buf_clear(&c->bytes);
}

/* FNV-1a over what must be the same from page to page; bounds may move with the clock. */
static uint64_t query_print(const struct store_query *query)
{
    const char *const parts[] = { query->kind, query->scope, query->scope_under };
    uint64_t print = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const char *text = parts[i] ? parts[i] : "\xff"; /* in no UTF-8 */

        for (size_t at = 0; at <= strlen(text); at++) {
            print ^= (uint8_t)text[at];
            print *= UINT64_C(1099511628211);
        }
    }
    return print;
}

static void put64(struct buf *out, uint64_t n)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_add_byte(out, (uint8_t)(n >> shift));
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t n = 0;

    for (int i = 0; i < 8; i++)
        n = n << 8 | at[i];
    return n;
}

static int not_ours(struct err *e)
{
    return err_set(e, ERR_INVALID, "this cursor is not one of this list: start again without it");
}

/* Only what cursor_format writes for such an order. */
static bool good_key(const struct cursor *c)
{
    return c->order == STORE_BY_CREATED || (c->order == STORE_BY_NAME ? c->key == 0 : c->key > 0);
}

/* The text part, NUL-ended in c->bytes by the caller. */
static int parse_text(struct cursor *c, const struct store_query *query, struct slice text,
                      struct err *e)
{
    struct slice scope, left = text;

    if (!utf8_valid(text) || !slice_cut(&left, 0, &scope) || slice_has_nul(left))
        return not_ours(e);
    if (c->order != STORE_BY_NAME && left.len != UID_TEXT - 1)
        return not_ours(e);
    c->scope = (const char *)scope.ptr;
    c->last = (const char *)left.ptr;
    if (c->order == STORE_BY_EXPIRES)
        return scope.len ? not_ours(e) : 0;
    if ((query->scope && !slice_eq_str(scope, query->scope)) ||
        (query->scope_under && !slice_starts(scope, query->scope_under)))
        return not_ours(e);
    return 0;
}

int cursor_parse(struct cursor *c, const char *text, const struct store_query *query, struct err *e)
{
    CLEANUP(cursor_clear) struct cursor made = { 0 };
    struct err ignored;
    const uint8_t *at;

    if (strnlen(text, STORE_CURSOR) >= STORE_CURSOR ||
        base64url_decode(&made.bytes, slice_str(text), &ignored))
        return not_ours(e);
    (void)buf_str(&made.bytes); /* the NUL behind */
    at = made.bytes.ptr;
    if (made.bytes.len <= CURSOR_HEAD || at[0] != CURSOR_VERSION ||
        at[1] != (uint8_t)query->order || get64(at + 2) != query_print(query))
        return not_ours(e);
    made.order = query->order;
    made.key = (int64_t)get64(at + 10);
    if (!good_key(&made))
        return not_ours(e);
    if (parse_text(&made, query, slice_of(at + CURSOR_HEAD, made.bytes.len - CURSOR_HEAD), e))
        return -1;
    *c = made;
    made = (struct cursor){ 0 };
    return 0;
}

int cursor_format(char out[STORE_CURSOR], const struct store_query *query,
                  const struct record *last, struct err *e)
{
    CLEANUP(buf_clear) struct buf bytes = { 0 }, text = { 0 };
    int64_t expires = last->expires ? last->expires : RECORD_NEVER;
    int64_t keys[] = {
        [STORE_BY_NAME] = 0, [STORE_BY_EXPIRES] = expires, [STORE_BY_CREATED] = last->created
    };

    buf_add_byte(&bytes, CURSOR_VERSION);
    buf_add_byte(&bytes, (uint8_t)query->order);
    put64(&bytes, query_print(query));
    put64(&bytes, (uint64_t)keys[query->order]);
    if (query->order != STORE_BY_EXPIRES)
        buf_add_str(&bytes, last->scope);
    buf_add_byte(&bytes, 0);
    buf_add_str(&bytes, query->order == STORE_BY_NAME ? last->name : last->uid);
    base64url_encode(&text, buf_slice(&bytes));
    if (buf_check(&text, e))
        return -1;
    if (text.len >= STORE_CURSOR) /* store_insert limits what goes in */
        return err_set(e, ERR_INTERNAL, "a cursor of %zu characters", text.len);
    memcpy(out, buf_str(&text), text.len + 1);
    return 0;
}
