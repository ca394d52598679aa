#include "wire/yaml.h"
#include "base/alloc.h"
#include "base/encode.h"
#include "wire/json_tree.h"
#include "wire/yaml_scalar.h"
#include <yaml.h>

enum {
    MOST_EVENTS = 1000000,
    DEEPEST = 512, /* whatever the limits say: yyjson copies a tree by recursion */
};

/* An open sequence or mapping; `key` waits for its value. */
struct level {
    yyjson_mut_val *container, *key;
};

struct reader {
    yaml_parser_t parser;
    struct slice text;
    unsigned depth, limit;
    struct level levels[DEEPEST];
    size_t events, documents;
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;
};

static int fail_at(const yaml_mark_t *mark, const char *what, struct err *e)
{
    return err_set(e, ERR_INVALID, "line %zu, column %zu: %s", mark->line + 1, mark->column + 1,
                   what);
}

static int check_scanner(const struct reader *r, struct err *e)
{
    const yaml_parser_t *p = &r->parser;

    switch (p->error) {
    case YAML_MEMORY_ERROR:
        return err_set(e, ERR_LIMIT, "no memory for %zu bytes of YAML", r->text.len);
    case YAML_READER_ERROR:
        return err_set(e, ERR_INVALID, "not YAML: %s at byte %zu", p->problem, p->problem_offset);
    default:
        return err_set(e, ERR_INVALID, "not YAML: %s at line %zu, column %zu",
                       p->problem ? p->problem : "wrong", p->problem_mark.line + 1,
                       p->problem_mark.column + 1);
    }
}

static bool key_is_next(const struct reader *r)
{
    const struct level *top = r->depth ? &r->levels[r->depth - 1] : NULL;

    return top && yyjson_mut_is_obj(top->container) && !top->key;
}

static int read_scalar(struct reader *r, const yaml_event_t *event, yyjson_mut_val **ret,
                       struct err *e)
{
    struct slice text = slice_of(event->data.scalar.value, event->data.scalar.length);
    const char *tag = (const char *)event->data.scalar.tag;
    enum yaml_kind kind = yaml_kind_of_tag(tag);

    if (event->data.scalar.anchor)
        return fail_at(&event->start_mark, "anchors are not allowed", e);
    if (kind == YAML_KIND_FOREIGN)
        return fail_at(&event->start_mark, "this tag is not allowed", e);
    if (key_is_next(r)) /* a key is the text that stands there: 1, true and null too */
        kind = YAML_KIND_STRING;
    else if (!tag && event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        kind = YAML_KIND_STRING;
    if (yaml_scalar_read(r->doc, text, kind, ret))
        return fail_at(&event->start_mark, "this scalar is not what its tag or form says", e);
    return 0;
}

/* Puts a value where the innermost open container, or the document, waits for one. */
static int place(struct reader *r, const yaml_event_t *event, yyjson_mut_val *v, struct err *e)
{
    struct level *top = r->depth ? &r->levels[r->depth - 1] : NULL;

    if (!v)
        return err_set(e, ERR_LIMIT, "no memory for %zu bytes of YAML", r->text.len);
    if (!top)
        yyjson_mut_arr_append(r->root, v);
    else if (yyjson_mut_is_arr(top->container))
        yyjson_mut_arr_append(top->container, v);
    else if (!top->key && !yyjson_mut_is_str(v))
        return fail_at(&event->start_mark, "a key must be a scalar", e);
    else if (!top->key)
        top->key = v;
    else {
        yyjson_mut_obj_add(top->container, top->key, v);
        top->key = NULL;
    }
    return 0;
}

static int on_scalar(struct reader *r, const yaml_event_t *event, struct err *e)
{
    yyjson_mut_val *v;

    if (r->depth >= r->limit)
        return err_set(e, ERR_LIMIT, "nested deeper than %u levels", r->limit);
    if (read_scalar(r, event, &v, e))
        return -1;
    return place(r, event, v, e);
}

static int on_open(struct reader *r, const yaml_event_t *event, struct err *e)
{
    bool map = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *anchor =
        map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    const yaml_char_t *tag = map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    yyjson_mut_val *v = map ? yyjson_mut_obj(r->doc) : yyjson_mut_arr(r->doc);

    if (anchor)
        return fail_at(&event->start_mark, "anchors are not allowed", e);
    if (tag && strcmp((const char *)tag, map ? YAML_MAP_TAG : YAML_SEQ_TAG) != 0)
        return fail_at(&event->start_mark, "this tag is not allowed", e);
    if (r->depth >= r->limit)
        return err_set(e, ERR_LIMIT, "nested deeper than %u levels", r->limit);
    if (place(r, event, v, e))
        return -1;
    r->levels[r->depth++] = (struct level){ .container = v };
    return 0;
}

static int on_event(struct reader *r, const yaml_event_t *event, struct err *e)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end)
            return fail_at(&event->start_mark, "%TAG is not allowed", e);
        r->documents++;
        return 0;
    case YAML_ALIAS_EVENT:
        return fail_at(&event->start_mark, "aliases are not allowed", e);
    case YAML_SCALAR_EVENT:
        return on_scalar(r, event, e);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return on_open(r, event, e);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        r->depth--;
        return 0;
    default:
        return 0;
    }
}

static int read_events(struct reader *r, struct err *e)
{
    bool more = true;

    while (more) {
        CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };

        if (!yaml_parser_parse(&r->parser, &event))
            return check_scanner(r, e);
        if (++r->events > MOST_EVENTS)
            return err_set(e, ERR_LIMIT, "more than %d values in one YAML text", MOST_EVENTS);
        if (on_event(r, &event, e))
            return -1;
        more = event.type != YAML_STREAM_END_EVENT;
    }
    return 0;
}

static void reader_freep(struct reader **r)
{
    if (*r) {
        yaml_parser_delete(&(*r)->parser);
        yyjson_mut_doc_free((*r)->doc);
        free(*r);
    }
}

static int finish(struct json **ret, yyjson_mut_val *root, unsigned depth, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = (struct json *)yyjson_mut_val_imut_copy(root, NULL);

    if (!doc)
        return err_set(e, ERR_LIMIT, "no memory for this YAML");
    if (json_check_tree(json_inside(json_root(doc)), depth, false, e))
        return -1;
    *ret = doc;
    doc = NULL;
    return 0;
}

static int parse(struct json **ret, struct slice text, const struct json_limits *limits,
                 bool stream, struct err *e)
{
    struct json_limits l = json_limits_or_default(limits);
    CLEANUP(reader_freep) struct reader *r = NULL;

    if (text.len > l.bytes)
        return err_set(e, ERR_LIMIT, "%zu bytes of YAML, at most %zu are read", text.len, l.bytes);
    if (!utf8_valid(text)) /* libyaml would take UTF-16 too, which nothing else here does */
        return err_set(e, ERR_INVALID, "not YAML: it is not UTF-8");
    r = xcalloc(1, sizeof *r);
    r->text = text;
    r->limit = l.depth < DEEPEST ? l.depth : DEEPEST;
    r->doc = yyjson_mut_doc_new(NULL);
    r->root = yyjson_mut_arr(r->doc);
    if (!yaml_parser_initialize(&r->parser) || !r->root)
        return err_set(e, ERR_LIMIT, "no memory for YAML");
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, text.len ? text.ptr : (const uint8_t *)"", text.len);
    if (read_events(r, e))
        return -1;
    if (stream)
        return finish(ret, r->root, r->limit + 1, e);
    if (r->documents != 1)
        return err_set(e, ERR_INVALID, "%zu YAML documents, exactly one is wanted", r->documents);
    return finish(ret, yyjson_mut_arr_get_first(r->root), r->limit, e);
}

int yaml_parse(struct json **ret, struct slice text, const struct json_limits *limits,
               struct err *e)
{
    return parse(ret, text, limits, false, e);
}

int yaml_parse_stream(struct json **ret, struct slice text, const struct json_limits *limits,
                      struct err *e)
{
    return parse(ret, text, limits, true, e);
}
