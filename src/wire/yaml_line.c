#include "wire/yaml.h"

#include <yaml.h>

/* Keys of the outermost mapping alternate with values, which may nest. */
struct walk {
    unsigned depth; /* of open sequences and mappings */
    bool mapping, value_next;
};

static bool is_key(struct walk *w, const yaml_event_t *event)
{
    bool opens =
        event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
    bool closes = event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT;
    bool key = false;

    if (closes && --w->depth == 1)
        w->value_next = false;
    if (w->depth == 0)
        w->mapping = event->type == YAML_MAPPING_START_EVENT;
    if (w->mapping && w->depth == 1 && event->type == YAML_SCALAR_EVENT) {
        key = !w->value_next;
        w->value_next = key;
    }
    w->depth += opens;
    return key;
}

size_t yaml_key_line(struct slice text, const char *key)
{
    CLEANUP(yaml_parser_delete) yaml_parser_t parser;
    struct walk walk = { 0 };
    size_t line = 0;
    bool more = yaml_parser_initialize(&parser);

    if (more)
        yaml_parser_set_input_string(&parser, text.ptr, text.len);
    while (more && !line) {
        CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };

        more = yaml_parser_parse(&parser, &event) && event.type != YAML_STREAM_END_EVENT;
        if (more && is_key(&walk, &event) &&
            slice_eq_str(slice_of(event.data.scalar.value, event.data.scalar.length), key))
            line = event.start_mark.line + 1;
    }
    return line;
}
