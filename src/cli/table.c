#include "base/clock.h"
#include "cli/render.h"
#include "cli/text.h"

/* ANSI X3.64, what every terminal knows. */
#define BOLD "\033[1m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

enum { GAP = 2, SOON = 30 * 86400 };

static bool shown(const struct renderer *r, const struct column *c)
{
    return !c->wide || r->format == FORMAT_WIDE;
}

/* ---- a value ---- */

/* What a cell says, and how: NULL or a colour. */
static const char *put_time_left(const struct renderer *r, const struct json_value *v,
                                 struct buf *cell)
{
    int64_t time;

    if (!json_text(v) || time_parse(&time, json_slice(v), NULL)) {
        text_add_value(cell, v);
        return NULL;
    }
    duration_round(cell, time - r->now);
    if (time <= r->now)
        return RED;
    return time - r->now < SOON ? YELLOW : NULL;
}

static const char *put_cell(const struct renderer *r, const struct column *c,
                            const struct json_value *item, struct buf *cell)
{
    const struct json_value *v = json_path(item, c->path);

    switch (c->type) {
    case COLUMN_TIME_LEFT:
        return put_time_left(r, v, cell);
    case COLUMN_COUNT:
        buf_addf(cell, "%zu", json_type(v) == JSON_ARRAY ? json_len(v) : 0);
        return NULL;
    default:
        text_add_value(cell, v);
        return NULL;
    }
}

static void put_colored(struct renderer *r, const char *color, struct slice text)
{
    if (r->color && color)
        buf_add_str(&r->out, color);
    buf_add_slice(&r->out, text);
    if (r->color && color)
        buf_add_str(&r->out, PLAIN);
}

/* ---- tables ---- */

static void grow(struct renderer *r, struct table *t, const struct json_value *item)
{
    for (size_t i = 0; t->columns[i].title; i++) {
        CLEANUP(buf_clear) struct buf cell = { 0 };
        size_t width;

        (void)put_cell(r, &t->columns[i], item, &cell);
        width = text_width(buf_slice(&cell));
        if (width > t->width[i])
            t->width[i] = width;
    }
}

static bool is_last(const struct renderer *r, const struct table *t, size_t i)
{
    while (t->columns[++i].title)
        if (shown(r, &t->columns[i]))
            return false;
    return true;
}

/* An empty cell in the middle shows as "-", so that a line can be cut into words. */
static void put_padded(struct renderer *r, const struct table *t, size_t i, const char *color,
                       struct slice text)
{
    size_t width;

    if (!text.len && !is_last(r, t, i))
        text = slice_str("-");
    width = text_width(text);
    put_colored(r, color, text);
    if (!is_last(r, t, i))
        text_pad(&r->out, t->width[i] + GAP - width);
}

static void put_titles(struct renderer *r, const struct table *t)
{
    for (size_t i = 0; t->columns[i].title; i++)
        if (shown(r, &t->columns[i]))
            put_padded(r, t, i, BOLD, slice_str(t->columns[i].title));
    buf_add_byte(&r->out, '\n');
}

static void put_row(struct renderer *r, const struct table *t, const struct json_value *item)
{
    size_t end;

    for (size_t i = 0; t->columns[i].title; i++) {
        CLEANUP(buf_clear) struct buf cell = { 0 };
        const char *color;

        if (!shown(r, &t->columns[i]))
            continue;
        color = put_cell(r, &t->columns[i], item, &cell);
        put_padded(r, t, i, color, buf_slice(&cell));
    }
    for (end = r->out.len; end && r->out.ptr[end - 1] == ' '; end--)
        ;
    r->out.len = end;
    buf_add_byte(&r->out, '\n');
}

static bool skipped(const struct renderer *r, const struct table *t, const struct json_value *item)
{
    struct slice value = slice_str(t->skip), member;
    char path[32];

    if (!t->skip || r->format == FORMAT_WIDE || !slice_cut(&value, '=', &member))
        return false;
    (void)snprintf(path, sizeof path, SLICE_FMT, SLICE_ARG(member));
    return slice_eq(json_slice(json_path(item, path)), value);
}

static bool next_row(const struct renderer *r, const struct table *t, struct json_iter *it,
                     const struct json_value **item)
{
    const char *key;

    while (json_next(it, &key, item))
        if (!skipped(r, t, *item))
            return true;
    return false;
}

void table_rows(struct renderer *r, struct table *t, const struct json_value *items)
{
    struct json_iter it = json_iter(items);
    const struct json_value *item;

    for (size_t i = 0; t->columns[i].title && !t->titled; i++)
        t->width[i] = strlen(t->columns[i].title);
    while (next_row(r, t, &it, &item))
        grow(r, t, item);
    for (it = json_iter(items); next_row(r, t, &it, &item); r->rows++) {
        if (!t->titled)
            put_titles(r, t);
        t->titled = true;
        put_row(r, t, item);
    }
}

/* ---- fields ---- */

void table_fields(struct renderer *r, const struct column *fields, const struct json_value *object)
{
    size_t width = 0;

    for (const struct column *c = fields; c->title; c++)
        if (shown(r, c) && strlen(c->title) > width)
            width = strlen(c->title);
    for (const struct column *c = fields; c->title; c++) {
        CLEANUP(buf_clear) struct buf cell = { 0 };
        const char *color;

        if (!shown(r, c))
            continue;
        color = put_cell(r, c, object, &cell);
        if (!cell.len)
            continue;
        put_colored(r, BOLD, slice_str(c->title));
        buf_add_byte(&r->out, ':');
        text_pad(&r->out, width - strlen(c->title) + GAP);
        put_colored(r, color, buf_slice(&cell));
        buf_add_byte(&r->out, '\n');
    }
}
