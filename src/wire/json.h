#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include <stdint.h>

/*
 * JSON (RFC 8259) over yyjson: bytes in, a tree that is only read; and a writer that appends text.
 * On top of yyjson: limits before allocation, duplicate keys refused (unless told to keep them: the
 * API server takes the last, our rule language needs to see both), \u0000 refused. A whole number
 * beyond int64 is a JSON_REAL. Text that is no JSON is ERR_INVALID, beyond a limit ERR_LIMIT.
 */
struct json_limits {
    size_t bytes;         /* longest input */
    unsigned depth;       /* deepest nesting; a scalar has depth 1 */
    bool keep_duplicates; /* false: a repeated key is ERR_INVALID */
};
extern const struct json_limits json_default_limits; /* 4 MiB, depth 32, no duplicates */

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json;       /* a parsed document: owns every value in it */
struct json_value; /* borrowed from its document */

int json_parse(struct json **ret, struct slice text, const struct json_limits *limits,
               struct err *e) MUST_CHECK; /* limits NULL, a limit 0: the default ones */
void json_free(struct json *doc);
DEFINE_FREEP(struct json *, json_free)
const struct json_value *json_root(const struct json *doc);

/* All accept NULL and answer "nothing": JSON_NULL, NULL, an empty slice, 0, false. */
enum json_type json_type(const struct json_value *v);
const struct json_value *json_get(const struct json_value *object, const char *key);
const struct json_value *json_path(const struct json_value *v, const char *dotted); /* a.b.0.c */
const struct json_value *json_at(const struct json_value *array, size_t index);
size_t json_len(const struct json_value *v);       /* members, elements, or bytes of a string */
const char *json_text(const struct json_value *v); /* NUL-ended; NULL unless a string */
struct slice json_slice(const struct json_value *v);
int64_t json_int(const struct json_value *v, int64_t otherwise);
double json_real(const struct json_value *v, double otherwise); /* an integer too */
bool json_bool(const struct json_value *v, bool otherwise);

/* Members or elements in document order: while (json_next(&it, &key, &value)). key "" in arrays. */
struct json_iter {
    const struct json_value *container;
    const void *at;
    size_t left;
};
struct json_iter json_iter(const struct json_value *container);
bool json_next(struct json_iter *it, const char **key, const struct json_value **value);

/* ERR_INVALID naming the member when it is absent or of another type; *out is borrowed. */
int json_want_text(const struct json_value *object, const char *key, const char **out,
                   struct err *e) MUST_CHECK;
int json_want_int(const struct json_value *object, const char *key, int64_t *out, struct err *e)
    MUST_CHECK;
/* ERR_INVALID for a member that is not among `known` (NULL-ended). */
int json_only(const struct json_value *object, const char *const *known, struct err *e) MUST_CHECK;

/*
 * Writer: appends to `out` (sticky failure is buf's). `key` is NULL inside arrays and at the top.
 * Invalid UTF-8 in a string becomes U+FFFD. pretty: two spaces, one member a line. Deeper than
 * JSON_WRITER_DEPTH containers: the buffer fails.
 */
enum { JSON_WRITER_DEPTH = 64 };
struct json_writer {
    struct buf *out;
    bool pretty;
    unsigned depth;
    bool filled[JSON_WRITER_DEPTH];
    char closer[JSON_WRITER_DEPTH];
};
void json_writer_init(struct json_writer *w, struct buf *out, bool pretty);
void json_put_object(struct json_writer *w, const char *key);
void json_put_array(struct json_writer *w, const char *key);
void json_put_end(struct json_writer *w); /* closes the innermost object or array */
void json_put_text(struct json_writer *w, const char *key, const char *text); /* NULL: null */
void json_put_slice(struct json_writer *w, const char *key, struct slice text);
void json_put_int(struct json_writer *w, const char *key, int64_t n);
void json_put_bool(struct json_writer *w, const char *key, bool yes);
void json_put_null(struct json_writer *w, const char *key);
void json_put_time(struct json_writer *w, const char *key, int64_t t); /* RFC 3339 */
void json_put_base64(struct json_writer *w, const char *key, struct slice bytes);
void json_put_value(struct json_writer *w, const char *key,
                    const struct json_value *v); /* a copy */

#endif
