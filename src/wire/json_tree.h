#ifndef WIRE_JSON_TREE_H
#define WIRE_JSON_TREE_H

#include "wire/json.h"
#include <yyjson.h>

/*
 * What is behind json.h, for the readers of this folder alone: a struct json is a yyjson_doc, a
 * struct json_value a yyjson_val.
 */

/* ERR_LIMIT for depth, ERR_INVALID for a repeated key (unless kept) or a NUL in a string. */
int json_check_tree(yyjson_val *root, unsigned depth, bool keep_duplicates, struct err *e)
    MUST_CHECK;
/* The number as JSON writes it. */
void json_add_number(struct buf *out, const struct json_value *v);
/* A limit of 0, and limits that are NULL, stand for the default ones. */
struct json_limits json_limits_or_default(const struct json_limits *limits);

static inline yyjson_val *json_inside(const struct json_value *v)
{
    return (yyjson_val *)(uintptr_t)v;
}

static inline const struct json_value *json_outside(const yyjson_val *v)
{
    return (const struct json_value *)v;
}

#endif
