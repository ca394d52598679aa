#include "store/engine.h"
#include <assert.h>

/* What is taken for a cursor is what we write for the record it names, byte for byte. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct store_query queries[] = {
        { .kind = "certificate", .order = STORE_BY_NAME },
        { .kind = "certificate", .order = STORE_BY_NAME, .scope = "/default/a" },
        { .kind = "certificate", .order = STORE_BY_NAME, .scope_under = "/default/" },
        { .kind = "certificate", .order = STORE_BY_EXPIRES },
        { .kind = "certificate", .order = STORE_BY_CREATED },
        { .kind = "certificate", .order = STORE_BY_CREATED, .scope = "/default/a" },
    };
    CLEANUP(freep) char *text = slice_dup(slice_of(data, len));

    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        CLEANUP(cursor_clear) struct cursor c = { 0 };
        struct record r = { 0 };
        char again[STORE_CURSOR];
        struct err e = { 0 };

        if (cursor_parse(&c, text, &queries[i], &e))
            continue;
        r.scope = (char *)(uintptr_t)c.scope;
        r.name = (char *)(uintptr_t)c.last;
        r.created = c.key;
        r.expires = c.key == RECORD_NEVER ? 0 : c.key;
        if (c.order != STORE_BY_NAME)
            memcpy(r.uid, c.last, UID_TEXT);
        assert(cursor_format(again, &queries[i], &r, &e) == 0);
        assert(strcmp(again, text) == 0);
    }
    return 0;
}
