#ifndef WIRE_YAML_H
#define WIRE_YAML_H

#include "wire/json.h"

/*
 * YAML 1.1 as libyaml reads it, into the JSON tree. Refused on top: aliases and anchors, tags other
 * than the core schema's, duplicate keys, keys that are not scalars, depth and size over the
 * limits. Plain scalars follow the YAML 1.2 core schema (true/false, null/~, integers, floats):
 * "yes" and "on" are strings, as kubectl's reader would not take them for booleans in typed fields.
 */
int yaml_parse(struct json **ret, struct slice text, const struct json_limits *limits,
               struct err *e) MUST_CHECK; /* exactly one document */
int yaml_parse_stream(struct json **ret, struct slice text, const struct json_limits *limits,
                      struct err *e) MUST_CHECK; /* an array, an element a document */

/* The line, from 1, of a key of the one mapping that `text` is; 0 when there is none. For messages
 * about a text that was parsed before. */
size_t yaml_key_line(struct slice text, const char *key);

/* Block style, keys in the order of the tree, strings quoted where YAML 1.1 or 1.2 would read
 * something else; a newline at the end. What is written parses back to the same tree. */
void yaml_write(struct buf *out, const struct json_value *v);

#endif
