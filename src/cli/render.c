#include "cli/render.h"

#include "cli/text.h"
#include "wire/yaml.h"

void renderer_clear(struct renderer *r)
{
    buf_clear(&r->out);
}

static int flush(struct renderer *r, struct err *e)
{
    if (buf_check(&r->out, e))
        return -1;
    return r->flush ? r->flush(&r->out, r->ctx, e) : 0;
}

static void put_name(struct renderer *r, const struct json_value *item)
{
    const char *path = r->command->identity ? r->command->identity : "name";
    size_t before = r->out.len;

    text_add_value(&r->out, json_path(item, path));
    if (r->out.len > before)
        buf_add_byte(&r->out, '\n');
}

static void put_json(struct buf *out, const struct json_value *v)
{
    struct json_writer w;

    json_writer_init(&w, out, true);
    json_put_value(&w, NULL, v);
    buf_add_byte(out, '\n');
}

/* ---- one object ---- */

/* A table of the object, an empty line before it unless it is the first that shows. */
static void put_section(struct renderer *r, const struct json_value *reply,
                        const struct section *section, const char *skip)
{
    struct table t = { .columns = section->columns, .skip = skip };
    size_t before = r->out.len, start;

    if (before)
        buf_add_byte(&r->out, '\n');
    start = r->out.len;
    table_rows(r, &t, json_path(reply, section->items));
    if (r->out.len == start)
        r->out.len = before;
}

static void put_object_table(struct renderer *r, const struct json_value *reply)
{
    const struct command *c = r->command;

    table_fields(r, c->fields, reply);
    if (c->items)
        put_section(r, reply, &(struct section){ c->items, c->columns }, c->skip);
    for (const struct section *s = c->more; s && s->items; s++)
        put_section(r, reply, s, NULL);
}

int render_object(struct renderer *r, const struct json_value *reply, struct err *e)
{
    switch (r->format) {
    case FORMAT_JSON:
        put_json(&r->out, reply);
        break;
    case FORMAT_YAML:
        yaml_write(&r->out, reply);
        break;
    case FORMAT_NAME:
        put_name(r, reply);
        break;
    default:
        if (r->command->fields)
            put_object_table(r, reply);
    }
    return flush(r, e);
}

/* ---- lists ---- */

/* A list under way: what was opened with the first page is closed after the last. */
struct listing {
    struct table table;
    struct json_writer json;
    int64_t items;
};

/* Members of a page but its items: those before them, or those behind. */
static void put_members(struct renderer *r, struct listing *l, const struct json_value *page,
                        bool behind)
{
    struct json_iter it = json_iter(page);
    const struct json_value *value;
    const char *key;
    bool passed = false;

    while (json_next(&it, &key, &value)) {
        if (strcmp(key, r->command->items) == 0)
            passed = true;
        else if (passed == behind && strcmp(key, "next") != 0)
            json_put_value(&l->json, key, value);
    }
}

static void begin_json(struct renderer *r, struct listing *l, const struct json_value *page)
{
    json_writer_init(&l->json, &r->out, true);
    json_put_object(&l->json, NULL);
    put_members(r, l, page, false);
    json_put_array(&l->json, r->command->items);
}

static void end_json(struct renderer *r, struct listing *l, const struct json_value *page)
{
    json_put_end(&l->json);
    put_members(r, l, page, true);
    json_put_end(&l->json);
    buf_add_byte(&r->out, '\n');
}

/* An object of some members of the page, as YAML; nothing when there is none. */
static int put_yaml_members(struct renderer *r, const struct json_value *page, bool behind,
                            struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct listing part;

    json_writer_init(&part.json, &text, false);
    json_put_object(&part.json, NULL);
    put_members(r, &part, page, behind);
    json_put_end(&part.json);
    if (json_parse(&doc, buf_slice(&text), NULL, e))
        return -1;
    if (json_len(json_root(doc)))
        yaml_write(&r->out, json_root(doc));
    return 0;
}

/* An element of a sequence: the lines of the item, the first behind a dash. */
static void put_yaml_item(struct renderer *r, struct listing *l, const struct json_value *item)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct slice rest, line;
    const char *lead = "- ";

    if (l->items++ == 0)
        buf_addf(&r->out, "%s:\n", r->command->items);
    yaml_write(&text, item);
    rest = buf_slice(&text);
    for (; slice_cut(&rest, '\n', &line); lead = "  ") {
        if (line.len)
            buf_add_str(&r->out, lead);
        buf_add_slice(&r->out, line);
        buf_add_byte(&r->out, '\n');
    }
}

static int begin(struct renderer *r, struct listing *l, const struct json_value *page,
                 struct err *e)
{
    if (r->format == FORMAT_JSON)
        begin_json(r, l, page);
    return r->format == FORMAT_YAML ? put_yaml_members(r, page, false, e) : 0;
}

static void put_page(struct renderer *r, struct listing *l, const struct json_value *page)
{
    const struct json_value *items = json_get(page, r->command->items), *item;
    struct json_iter it = json_iter(items);
    const char *key;

    if (r->format == FORMAT_TABLE || r->format == FORMAT_WIDE) {
        table_rows(r, &l->table, items);
        return;
    }
    while (json_next(&it, &key, &item)) {
        if (r->format == FORMAT_JSON)
            json_put_value(&l->json, NULL, item);
        else if (r->format == FORMAT_YAML)
            put_yaml_item(r, l, item);
        else
            put_name(r, item);
    }
}

static int end(struct renderer *r, struct listing *l, const struct json_value *page, struct err *e)
{
    if (r->format == FORMAT_JSON)
        end_json(r, l, page);
    if (r->format != FORMAT_YAML)
        return 0;
    if (l->items == 0)
        buf_addf(&r->out, "%s: []\n", r->command->items);
    return put_yaml_members(r, page, true, e);
}

int render_list(struct renderer *r, page_fn *fetch, void *ctx, struct err *e)
{
    struct listing l = { .table = { .columns = r->command->columns } };
    CLEANUP(json_freep) struct json *page = NULL;
    const char *next = NULL;

    do {
        CLEANUP(json_freep) struct json *before = page; /* `next` points into it */
        bool first = !before;

        page = NULL;
        if (fetch(next, &page, ctx, e))
            return -1;
        next = json_text(json_get(json_root(page), "next"));
        if (first && begin(r, &l, json_root(page), e))
            return -1;
        put_page(r, &l, json_root(page));
        if ((!next && end(r, &l, json_root(page), e)) || flush(r, e))
            return -1;
    } while (next);
    return 0;
}

/* ---- what changes ---- */

static int put_event_row(struct renderer *r, struct table *t, const struct json_value *object,
                         struct err *e)
{
    CLEANUP(buf_clear) struct buf list = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct json_writer w;

    json_writer_init(&w, &list, false);
    json_put_array(&w, NULL);
    json_put_value(&w, NULL, object);
    json_put_end(&w);
    if (json_parse(&doc, buf_slice(&list), NULL, e))
        return -1;
    t->columns = r->command->columns;
    table_rows(r, t, json_root(doc));
    return 0;
}

static void put_event_line(struct renderer *r, const char *type, const struct json_value *object)
{
    struct json_writer w;

    json_writer_init(&w, &r->out, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "type", type);
    json_put_value(&w, "object", object);
    json_put_end(&w);
    buf_add_byte(&r->out, '\n');
}

int render_event(struct renderer *r, struct table *t, const char *type,
                 const struct json_value *object, struct err *e)
{
    bool deleted = strcmp(type, "DELETED") == 0;

    if (r->format == FORMAT_JSON || r->format == FORMAT_YAML) {
        put_event_line(r, type, object);
    } else if (deleted) {
        buf_add_str(&r->out, "deleted ");
        text_add_value(&r->out, json_get(object, "uid"));
        buf_add_byte(&r->out, '\n');
    } else if (r->format == FORMAT_NAME) {
        put_name(r, object);
    } else if (put_event_row(r, t, object, e)) {
        return -1;
    }
    return flush(r, e);
}
