#include "store/engine.h"

/* How a query bounds the scope: the columns of the table below. */
enum span { ANY, EXACT, UNDER, SPANS };
enum { ORDERS = STORE_BY_CREATED + 1 };

/*
 * One statement an order and span, each a walk along one index from where the last page ended.
 * Every one binds the same: ?1 kind, ?2 ?3 ?4 where to go on (scope, time, name or uid), ?5 ?6
 * bounds of expires, ?7 limit, ?8 the scope or the first of the scopes, ?9 the first scope behind.
 * That a walk by scope does not begin before ?8 is the cursor's business: a bound here would be the
 * one to start from. INDEXED BY: a plan along another index would be an error.
 */
/* clang-format off */
#define FROM(index)  "SELECT " RECORD_COLUMNS " FROM record INDEXED BY " index " WHERE kind=?1 "
#define BOUNDS       "AND expires>=?5 AND expires<=?6 "
#define BY_NAME      "AND (scope, name)>(?2, ?4) " BOUNDS
#define BY_EXPIRES   "AND (expires, uid)>(?3, ?4) AND expires<=?6 "
#define BY_CREATED   "AND (scope, created, uid)>(?2, ?3, ?4) " BOUNDS
#define ORDER(by)    "ORDER BY " by " LIMIT ?7"

static const char *const statements[ORDERS][SPANS] = {
    [STORE_BY_NAME] = {
        [ANY]   = FROM("record_name") BY_NAME ORDER("scope, name"),
        [EXACT] = FROM("record_name") "AND scope=?8 AND name>?4 " BOUNDS ORDER("name"),
        [UNDER] = FROM("record_name") BY_NAME "AND scope<?9 " ORDER("scope, name"),
    },
    [STORE_BY_EXPIRES] = {
        [ANY]   = FROM("record_expires") BY_EXPIRES ORDER("expires, uid"),
        [EXACT] = FROM("record_scope_expires") "AND scope=?8 " BY_EXPIRES ORDER("expires, uid"),
        [UNDER] = FROM("record_expires") BY_EXPIRES "AND scope>=?8 AND scope<?9 " ORDER("expires, uid"),
    },
    [STORE_BY_CREATED] = {
        [ANY]   = FROM("record_created") BY_CREATED ORDER("scope, created, uid"),
        [EXACT] = FROM("record_created") "AND scope=?8 AND (created, uid)>(?3, ?4) " BOUNDS
                  ORDER("created, uid"),
        [UNDER] = FROM("record_created") BY_CREATED "AND scope<?9 " ORDER("scope, created, uid"),
    },
};
/* clang-format on */

static int check_query(const struct store_query *query, struct err *e)
{
    if (!query->kind || (query->scope && query->scope_under))
        return err_set(e, ERR_INTERNAL, "a list without a kind, or with two scopes");
    if ((int)query->order < 0 || (int)query->order >= ORDERS)
        return err_set(e, ERR_INVALID, "no such order of a list");
    if (query->limit < 1 || query->limit > STORE_MAX_PAGE)
        return err_set(e, ERR_INVALID, "a page has 1 to %d entries, not %d", STORE_MAX_PAGE,
                       query->limit);
    if (query->scope_under &&
        (!query->scope_under[0] || strlen(query->scope_under) > STORE_MAX_SCOPE))
        return err_set(e, ERR_INVALID, "the scope to list below is empty or too long");
    return 0;
}

/* Where a list starts and ends: what its statement binds. */
struct walk {
    struct cursor cursor;
    int64_t from, until;              /* of expires, both included */
    char behind[STORE_MAX_SCOPE + 1]; /* the first scope that no longer has the prefix */
};

static void walk_clear(struct walk *walk)
{
    cursor_clear(&walk->cursor);
}

static int plan(struct walk *walk, const struct store_query *query, struct err *e)
{
    bool bound = query->expires_from || query->expires_until;

    walk->from = query->expires_from;
    walk->until = query->expires_until ? query->expires_until - 1 : RECORD_NEVER - (bound ? 1 : 0);
    if (query->cursor && query->cursor[0])
        return cursor_parse(&walk->cursor, query->cursor, query, e);
    walk->cursor = (struct cursor){
        .order = query->order,
        .key = query->order == STORE_BY_EXPIRES ? walk->from : INT64_MIN,
        .scope = query->scope_under ? query->scope_under : "",
        .last = "",
    };
    return 0;
}

/* Prefixes end in '/' in practice; any byte but 0xff, which UTF-8 has not, has one behind it. */
static void set_behind(struct walk *walk, const char *prefix)
{
    size_t len = strlen(prefix);

    memcpy(walk->behind, prefix, len + 1);
    walk->behind[len - 1] = (char)(walk->behind[len - 1] + 1);
}

static void bind(struct query *q, const struct store_query *query, struct walk *walk)
{
    enum span span = query->scope ? EXACT : query->scope_under ? UNDER : ANY;

    query_text(q, query->kind);
    query_text(q, walk->cursor.scope);
    query_int(q, walk->cursor.key);
    query_text(q, walk->cursor.last);
    query_int(q, walk->from);
    query_int(q, walk->until);
    query_int(q, query->limit + 1); /* one more tells whether there is a next page */
    if (span == ANY)
        return;
    query_text(q, span == EXACT ? query->scope : query->scope_under);
    if (span == UNDER) {
        set_behind(walk, query->scope_under);
        query_text(q, walk->behind);
    }
}

static int visit_page(struct query *q, const struct store_query *query, store_visit *visit,
                      void *ctx, char next[STORE_CURSOR], struct err *e)
{
    char end[STORE_CURSOR] = "";
    bool row;

    for (int n = 0;; n++) {
        struct record r;

        if (query_step(q, &row, e))
            return -1;
        if (!row || n == query->limit)
            break;
        record_of_row(&r, q);
        if (n == query->limit - 1 && cursor_format(end, query, &r, e))
            return -1;
        if (visit(&r, ctx, e))
            return -1;
    }
    memcpy(next, row ? end : "", row ? sizeof end : 1);
    return 0;
}

int store_list(struct store_tx *tx, const struct store_query *query, store_visit *visit, void *ctx,
               char next[STORE_CURSOR], struct err *e)
{
    CLEANUP(walk_clear) struct walk walk = { 0 };
    CLEANUP(query_close) struct query q = { 0 };
    enum span span = query->scope ? EXACT : query->scope_under ? UNDER : ANY;

    if (check_query(query, e) || plan(&walk, query, e) ||
        query_open(&q, tx, statements[query->order][span], e))
        return -1;
    bind(&q, query, &walk);
    return visit_page(&q, query, visit, ctx, next, e);
}

int store_list_all(struct store_tx *tx, const struct store_query *query, store_visit *visit,
                   void *ctx, struct err *e)
{
    char cursor[STORE_CURSOR] = "";
    struct store_query page = *query;

    page.cursor = cursor;
    page.limit = STORE_MAX_PAGE;
    do {
        if (store_list(tx, &page, visit, ctx, cursor, e))
            return -1;
    } while (cursor[0]);
    return 0;
}

int store_count(struct store_tx *tx, const char *kind, const char *scope, int64_t *count,
                struct err *e)
{
    static const char any[] = "SELECT count(*) FROM record INDEXED BY record_name WHERE kind=?";
    static const char one[] = "SELECT count(*) FROM record INDEXED BY record_name "
                              "WHERE kind=? AND scope=?";
    CLEANUP(query_close) struct query q = { 0 };
    bool row;

    if (query_open(&q, tx, scope ? one : any, e))
        return -1;
    query_text(&q, kind);
    if (scope)
        query_text(&q, scope);
    if (query_step(&q, &row, e))
        return -1;
    *count = row ? query_column_int(&q, 0) : 0;
    return 0;
}
