#include "pki/ledger.h"

#include "base/clock.h"
#include "pki/record_body.h"

/*
 * Two lists, people's and machines' certificates and the authorities' own, are read as one in the
 * order of their ends. A place in it is the last row that was dealt with, and where in each list
 * the page begins that it was on.
 */
enum { PAGE_LEAST = 50, PAGE_AUTHORITIES = 50 };

/* What is superseded has no end to be watched, and is behind all that has. */
#define LAST (TIME_MAX + 1)

struct place {
    int64_t expires;
    char uid[UID_TEXT];
    char leaves[STORE_CURSOR / 3], authorities[STORE_CURSOR / 3]; /* the store's cursors */
};

struct listing {
    struct store_tx *tx;
    const struct ledger_query *query;
    ledger_visit *visit;
    void *ctx;
    struct place at;
    int left;                              /* rows that may still be visited */
    struct record ahead[PAGE_AUTHORITIES]; /* authorities' own, read ahead */
    size_t ahead_next, ahead_count;
    char ahead_cursor[STORE_CURSOR / 3]; /* of the page behind `ahead` */
    bool ahead_done;                     /* there is no such page */
};

static void listing_clear(struct listing *l)
{
    for (size_t i = 0; i < l->ahead_count; i++)
        record_clear(&l->ahead[i]);
    l->ahead_next = l->ahead_count = 0;
}

/* ---- places as text: EXPIRES.UID.CURSOR.CURSOR ---- */

static int refuse_cursor(struct err *e)
{
    return err_set(e, ERR_INVALID, "this cursor is not one of this list: start again without it");
}

static bool take_word(struct slice *rest, char *out, size_t size)
{
    struct slice word;

    if (!slice_cut(rest, '.', &word)) {
        word = *rest;
        *rest = slice_of(NULL, 0);
    }
    if (word.len >= size)
        return false;
    memcpy(out, word.ptr ? (const char *)word.ptr : "", word.len);
    out[word.len] = '\0';
    return true;
}

static int parse_place(struct place *at, const char *cursor, struct err *e)
{
    struct slice rest = slice_str(cursor);
    struct place read = { 0 };
    char number[20];
    size_t digits;

    if (!cursor || !cursor[0]) {
        *at = read;
        return 0;
    }
    if (!take_word(&rest, number, sizeof number) || !take_word(&rest, read.uid, sizeof read.uid) ||
        !take_word(&rest, read.leaves, sizeof read.leaves) ||
        !take_word(&rest, read.authorities, sizeof read.authorities) || rest.len)
        return refuse_cursor(e);
    if (strlen(read.uid) != UID_TEXT - 1)
        return refuse_cursor(e);
    digits = strspn(number, "0123456789");
    if (digits == 0 || digits > 12 || number[digits])
        return refuse_cursor(e);
    for (size_t i = 0; i < digits; i++)
        read.expires = read.expires * 10 + (number[i] - '0');
    *at = read;
    return 0;
}

static void format_place(const struct place *at, char out[STORE_CURSOR])
{
    (void)snprintf(out, STORE_CURSOR, "%lld.%s.%s.%s", (long long)at->expires, at->uid, at->leaves,
                   at->authorities);
}

/* ---- rows ---- */

static int64_t end_of(const struct record *r)
{
    return r->expires ? r->expires : LAST;
}

static bool is_behind(const struct record *r, int64_t end, const char *uid)
{
    return end_of(r) != end ? end_of(r) > end : strcmp(r->uid, uid) > 0;
}

static bool wanted(const struct listing *l, const struct record *r, const struct json_value *body)
{
    const struct ledger_query *q = l->query;
    bool person = slice_eq_str(json_slice(json_get(body, "authority")), "operators") &&
                  !slice_eq_str(json_slice(json_get(body, "profile")), "authority");

    if (q->profile && !slice_eq_str(json_slice(json_get(body, "profile")), q->profile))
        return false;
    if (q->people && !person)
        return false;
    if (!q->expiring_until)
        return true;
    if (!slice_eq_str(json_slice(json_get(body, "status")), "current"))
        return false;
    if (slice_eq_str(json_slice(json_get(body, "authority")), "poterne-client"))
        person = json_get(body, "holder") != NULL;
    return !(person && !json_get(body, "slot") && r->expires < q->now);
}

/* What everybody may see of an authority's record: all but the sealed key. */
static int public_body(const struct record *r, struct buf *body, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *value;
    bool withdrawn;
    struct json_writer w;
    struct json_iter it;
    const char *key;

    if (record_json(&doc, r, e))
        return -1;
    withdrawn = slice_eq_str(json_slice(json_get(json_root(doc), "state")), "withdrawn");
    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    it = json_iter(json_root(doc));
    while (json_next(&it, &key, &value)) {
        if (strcmp(key, "sealed") == 0)
            continue;
        json_put_value(&w, key, value);
        if (strcmp(key, "cluster") == 0)
            json_put_text(&w, "profile", "authority");
    }
    json_put_text(&w, "status", withdrawn ? "superseded" : "current");
    json_put_end(&w);
    return buf_check(body, e);
}

static int show(struct listing *l, const struct record *r, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(buf_clear) struct buf body = { 0 };
    struct record shown = *r;
    struct ledger_row row = { .record = &shown };

    if (strcmp(r->kind, KIND_GENERATION) == 0) {
        if (public_body(r, &body, e))
            return -1;
        shown.body = lend(buf_str(&body));
    }
    if (record_json(&doc, &shown, e))
        return -1;
    row.body = json_root(doc);
    row.not_after = r->expires;
    if (!r->expires && time_parse(&row.not_after, json_slice(json_get(row.body, "not_after")), e))
        return record_damaged(r, e);
    l->at.expires = end_of(r);
    memcpy(l->at.uid, r->uid, sizeof l->at.uid);
    if (!wanted(l, r, row.body))
        return 0;
    l->left--;
    return l->visit(&row, l->ctx, e);
}

/* ---- the two lists ---- */

/* One kind of records, as the query bounds it; scope is the caller's, and must live as long. */
static struct store_query query_of(const struct listing *l, const char *kind, char scope[64])
{
    struct store_query query = { .kind = kind,
                                 .expires_until = l->query->expiring_until,
                                 .order = STORE_BY_EXPIRES };

    if (l->query->cluster_uid) {
        (void)snprintf(scope, 64, SCOPE_TENANT "/%s", l->query->cluster_uid);
        query.scope = scope;
    }
    return query;
}

static int keep_ahead(const struct record *r, void *ctx, struct err *e)
{
    struct listing *l = ctx;

    (void)e;
    if (!is_behind(r, l->at.expires, l->at.uid))
        return 0;
    record_copy(&l->ahead[l->ahead_count++], r);
    return 0;
}

/* *ret: the next of the authorities' own, NULL when there are no more. */
static int look_ahead(struct listing *l, const struct record **ret, struct err *e)
{
    char scope[64], next[STORE_CURSOR];
    struct store_query query = query_of(l, KIND_GENERATION, scope);

    query.limit = PAGE_AUTHORITIES;
    query.cursor = l->at.authorities;
    while (l->ahead_next == l->ahead_count && !l->ahead_done) {
        listing_clear(l);
        memcpy(l->at.authorities, l->ahead_cursor, sizeof l->at.authorities);
        if (store_list(l->tx, &query, keep_ahead, l, next, e))
            return -1;
        l->ahead_done = next[0] == '\0';
        (void)snprintf(l->ahead_cursor, sizeof l->ahead_cursor, "%.*s",
                       (int)sizeof l->ahead_cursor - 1, next);
    }
    *ret = l->ahead_next < l->ahead_count ? &l->ahead[l->ahead_next] : NULL;
    return 0;
}

/* Shows the authorities' own that end before this one; NULL: all that are left. */
static int show_ahead_of(struct listing *l, const struct record *before, struct err *e)
{
    const struct record *next;

    while (l->left > 0) {
        if (look_ahead(l, &next, e))
            return -1;
        if (!next || (before && is_behind(next, end_of(before), before->uid)))
            return 0;
        l->ahead_next++;
        if (show(l, next, e))
            return -1;
    }
    return 0;
}

static int visit_leaf(const struct record *r, void *ctx, struct err *e)
{
    struct listing *l = ctx;

    if (l->left == 0 || !is_behind(r, l->at.expires, l->at.uid))
        return 0;
    if (show_ahead_of(l, r, e))
        return -1;
    return l->left > 0 ? show(l, r, e) : 0;
}

static int list_all(struct listing *l, bool *done, struct err *e)
{
    char scope[64], next[STORE_CURSOR];
    struct store_query query = query_of(l, KIND_CERTIFICATE, scope);

    query.limit = l->left < PAGE_LEAST ? PAGE_LEAST : l->left;
    query.cursor = l->at.leaves;
    while (l->left > 0) {
        if (store_list(l->tx, &query, visit_leaf, l, next, e))
            return -1;
        if (l->left == 0)
            break;
        if (!next[0]) {
            if (show_ahead_of(l, NULL, e))
                return -1;
            break;
        }
        (void)snprintf(l->at.leaves, sizeof l->at.leaves, "%.*s", (int)sizeof l->at.leaves - 1,
                       next);
    }
    *done = l->left > 0;
    return 0;
}

int ledger_list(struct store_tx *tx, const struct ledger_query *query, ledger_visit *visit,
                void *ctx, char next[STORE_CURSOR], struct err *e)
{
    struct listing l = {
        .tx = tx, .query = query, .visit = visit, .ctx = ctx, .left = query->limit
    };
    bool done = false;
    int rc;

    if (query->limit < 1 || query->limit > STORE_MAX_PAGE)
        return err_set(e, ERR_INVALID, "a page has 1 to %d entries, not %d", STORE_MAX_PAGE,
                       query->limit);
    if (parse_place(&l.at, query->cursor, e))
        return -1;
    memcpy(l.ahead_cursor, l.at.authorities, sizeof l.ahead_cursor);
    l.ahead_done = !query->authorities || query->people ||
                   (query->profile && strcmp(query->profile, "authority") != 0);
    rc = list_all(&l, &done, e);
    listing_clear(&l);
    if (rc)
        return -1;
    next[0] = '\0';
    if (!done)
        format_place(&l.at, next);
    return 0;
}

/* ---- one of them ---- */

/* Hex digits alone, lower case. */
static int normal_hex(const char *text, char *out, size_t size, struct err *e)
{
    size_t len = 0;

    for (const char *p = text; *p; p++) {
        char c = *p >= 'A' && *p <= 'F' ? (char)(*p + 32) : *p;

        if (c == ':' || c == ' ')
            continue;
        if (!strchr("0123456789abcdef", c) || len == size - 1)
            return err_set(
                e, ERR_INVALID,
                "'%.80s' is neither a serial number nor a SHA-256 fingerprint: both are hex digits",
                text);
        out[len++] = c;
    }
    out[len] = '\0';
    return len ? 0 : err_set(e, ERR_INVALID, "a serial number or a SHA-256 fingerprint is missing");
}

int ledger_find(struct store_tx *tx, const char *serial_or_fingerprint, struct record *ret,
                struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(buf_clear) struct buf body = { 0 };
    char hex[65];
    struct err why = { 0 };
    int rc;

    if (normal_hex(serial_or_fingerprint, hex, sizeof hex, e))
        return -1;
    rc = strlen(hex) == 64 ? store_find_fingerprint(tx, hex, &r, &why)
                           : store_find_serial(tx, hex, &r, &why);
    if (rc && why.code == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "there is no certificate '%.80s' on record",
                       serial_or_fingerprint);
    if (rc)
        return err_pass(e, &why);
    if (strcmp(r.kind, KIND_GENERATION) == 0) {
        if (public_body(&r, &body, e))
            return -1;
        free(r.body);
        r.body = buf_take_str(&body);
    }
    *ret = r;
    r = (struct record){ 0 };
    return 0;
}
