#ifndef WIRE_YAML_SCALAR_H
#define WIRE_YAML_SCALAR_H

#include "base/slice.h"
#include <yyjson.h>

/* What a scalar's text means, by the core schema of YAML 1.2, section 10.3.2. */
enum yaml_kind {
    YAML_KIND_ANY, /* no tag, plain: the text decides */
    YAML_KIND_STRING,
    YAML_KIND_NULL,
    YAML_KIND_BOOL,
    YAML_KIND_INT,
    YAML_KIND_FLOAT,
    YAML_KIND_FOREIGN, /* a tag that is none of the core schema's */
};

enum yaml_kind yaml_kind_of_tag(const char *tag); /* NULL: YAML_KIND_ANY */
/* What plain `text` is; never YAML_KIND_ANY, YAML_KIND_FOREIGN for .inf and .nan, which JSON lacks.
 */
enum yaml_kind yaml_kind_of_plain(struct slice text);
/* -1 when the text is not of that kind, or a number is beyond what JSON holds. */
int yaml_scalar_read(yyjson_mut_doc *doc, struct slice text, enum yaml_kind kind,
                     yyjson_mut_val **ret);

#endif
