#include "store/engine.h"

int store_audit_append(struct store_tx *tx, const struct store_audit_row *row, struct err *e)
{
    static const char sql[] = "INSERT INTO audit (kind, chain, sequence, time, bytes, signature) "
                              "VALUES (?, ?, ?, ?, ?, ?)";
    CLEANUP(query_close) struct query q = { 0 };
    struct err why = { 0 };

    if (tx_wants_write(tx, e) || query_open(&q, tx, sql, e))
        return -1;
    query_int(&q, row->kind);
    query_text(&q, row->chain);
    query_int(&q, row->sequence);
    query_int(&q, row->time);
    query_bytes(&q, row->bytes);
    if (row->kind != STORE_AUDIT_RECORD)
        query_bytes(&q, row->signature);
    if (query_run(&q, &why) == 0)
        return 0;
    if (why.code == ERR_CONFLICT)
        return err_set(e, ERR_CONFLICT, "the audit trail '%s' has an entry %lld already",
                       row->chain, (long long)row->sequence);
    return err_pass(e, &why);
}

static void row_of(struct store_audit_row *row, const struct query *q)
{
    *row = (struct store_audit_row){
        .kind = (enum store_audit_kind)query_column_int(q, 0),
        .chain = query_column_text(q, 1),
        .sequence = query_column_int(q, 2),
        .time = query_column_int(q, 3),
        .bytes = query_column_bytes(q, 4),
        .signature = query_column_bytes(q, 5),
    };
}

#define SELECT_AUDIT "SELECT kind, chain, sequence, time, bytes, signature FROM audit "

int store_audit_list(struct store_tx *tx, const struct store_audit_query *query,
                     store_audit_visit *visit, void *ctx, struct err *e)
{
    static const char all[] = SELECT_AUDIT "INDEXED BY audit_sequence WHERE kind=?1 "
                                           "AND sequence>=?2 AND sequence<=?3 "
                                           "ORDER BY chain, sequence LIMIT ?4";
    static const char one[] = SELECT_AUDIT "INDEXED BY audit_sequence WHERE kind=?1 AND chain=?5 "
                                           "AND sequence>=?2 AND sequence<=?3 "
                                           "ORDER BY sequence LIMIT ?4";
    CLEANUP(query_close) struct query q = { 0 };
    bool found;

    if (query_open(&q, tx, query->chain ? one : all, e))
        return -1;
    query_int(&q, query->kind);
    query_int(&q, query->from ? query->from : INT64_MIN);
    query_int(&q, query->until ? query->until : INT64_MAX);
    query_int(&q, query->limit > 0 ? query->limit : -1);
    if (query->chain)
        query_text(&q, query->chain);
    for (;;) {
        struct store_audit_row row;

        if (query_step(&q, &found, e))
            return -1;
        if (!found)
            return 0;
        row_of(&row, &q);
        if (visit(&row, ctx, e))
            return -1;
    }
}

void store_audit_last_clear(struct store_audit_last *last)
{
    buf_clear(&last->bytes);
    buf_clear(&last->signature);
    *last = (struct store_audit_last){ 0 };
}

int store_audit_last(struct store_tx *tx, enum store_audit_kind kind, const char *chain,
                     struct store_audit_last *ret, struct err *e)
{
    /* From the end of the table: what is written last is a record, or the checkpoint behind one. */
    static const char any[] = SELECT_AUDIT "NOT INDEXED WHERE kind=? ORDER BY id DESC LIMIT 1";
    static const char one[] = SELECT_AUDIT "INDEXED BY audit_sequence WHERE kind=? AND chain=? "
                                           "ORDER BY sequence DESC LIMIT 1";
    CLEANUP(query_close) struct query q = { 0 };
    CLEANUP(store_audit_last_clear) struct store_audit_last last = { 0 };
    struct store_audit_row row;

    if (query_open(&q, tx, chain ? one : any, e))
        return -1;
    query_int(&q, kind);
    if (chain)
        query_text(&q, chain);
    if (query_step(&q, &last.found, e))
        return -1;
    if (last.found) {
        row_of(&row, &q);
        last.sequence = row.sequence;
        last.time = row.time;
        buf_add_slice(&last.bytes, row.bytes);
        buf_add_slice(&last.signature, row.signature);
        if (buf_check(&last.bytes, e) || buf_check(&last.signature, e))
            return -1;
    }
    *ret = last;
    last = (struct store_audit_last){ 0 };
    return 0;
}

int store_audit_prune(struct store_tx *tx, const char *chain, int64_t sequence, int64_t *count,
                      struct err *e)
{
    static const char records[] = "DELETE FROM audit WHERE kind=0 AND chain=? AND sequence<=?";
    static const char checkpoints[] = "DELETE FROM audit WHERE kind=1 AND chain=? AND sequence<?";
    CLEANUP(query_close) struct query first = { 0 }, second = { 0 };
    int64_t removed;

    if (tx_wants_write(tx, e) || query_open(&first, tx, records, e) ||
        query_open(&second, tx, checkpoints, e))
        return -1;
    query_text(&first, chain);
    query_int(&first, sequence);
    if (query_run(&first, e))
        return -1;
    removed = sqlite3_changes64(tx->conn->db);
    query_text(&second, chain);
    query_int(&second, sequence);
    if (query_run(&second, e))
        return -1;
    *count = removed;
    return 0;
}
