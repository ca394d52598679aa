#ifndef CLI_RENDER_H
#define CLI_RENDER_H

#include "cli/parse.h"

/*
 * Prints replies as the columns of a command say. A list comes page by page and goes out so: what
 * is kept is one page. Nothing here knows where the bytes go: `flush` takes them, and empties the
 * buffer.
 */
struct renderer {
    const struct command *command;
    enum format format;
    bool color;
    int64_t now;                                             /* for what is left of a time */
    struct buf out;                                          /* what flush has not taken yet */
    int (*flush)(struct buf *out, void *ctx, struct err *e); /* NULL: everything stays in `out` */
    void *ctx;
    int64_t rows; /* of tables, so far */
};
void renderer_clear(struct renderer *r);

/* The page behind `cursor` (NULL: the first). */
typedef int page_fn(const char *cursor, struct json **page, void *ctx, struct err *e);

/* A reply that is one object. */
int render_object(struct renderer *r, const struct json_value *reply, struct err *e) MUST_CHECK;
/* A reply that is a list in pages. */
int render_list(struct renderer *r, page_fn *fetch, void *ctx, struct err *e) MUST_CHECK;

/* One change of a list that is followed: a row, or "deleted UID"; with json a line of its own. t
 * starts as { 0 } and is the same for all. */
struct table;
int render_event(struct renderer *r, struct table *t, const char *type,
                 const struct json_value *object, struct err *e) MUST_CHECK;

/* Tables (table.c). Widths only grow from one page to the next; the first page has the titles. */
enum { TABLE_COLUMNS = 24 };
struct table {
    const struct column *columns;
    const char *skip; /* as a command's */
    size_t width[TABLE_COLUMNS];
    bool titled;
};
void table_rows(struct renderer *r, struct table *t, const struct json_value *items);
/* "Title:   value" lines; those without a value are left out. */
void table_fields(struct renderer *r, const struct column *fields, const struct json_value *object);

#endif
