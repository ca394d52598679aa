#ifndef UNIT_SQL_H
#define UNIT_SQL_H

#include "unit.h"
#include <sqlite3.h>

/* Runs SQL on a store behind its back; how many rows it changed. */
static inline int run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    int changes;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why))
        fail_msg("%s: %s", sql, why);
    changes = sqlite3_total_changes(db);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return changes;
}

#endif
