#include "store/engine.h"

int store_setting_get(struct store_tx *tx, const char *name, struct buf *value, struct err *e)
{
    static const char sql[] = "SELECT value FROM setting WHERE name=?";
    CLEANUP(query_close) struct query q = { 0 };
    bool found;

    if (query_open(&q, tx, sql, e))
        return -1;
    query_text(&q, name);
    if (query_step(&q, &found, e))
        return -1;
    if (found)
        buf_add_slice(value, query_column_bytes(&q, 0));
    return buf_check(value, e);
}

int store_setting_put(struct store_tx *tx, const char *name, struct slice value, struct err *e)
{
    static const char sql[] = "INSERT INTO setting (name, value) VALUES (?, ?) "
                              "ON CONFLICT (name) DO UPDATE SET value=excluded.value";
    CLEANUP(query_close) struct query q = { 0 };

    if (tx_wants_write(tx, e) || query_open(&q, tx, sql, e))
        return -1;
    query_text(&q, name);
    query_bytes(&q, value);
    return query_run(&q, e);
}
