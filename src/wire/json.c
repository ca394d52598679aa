#include "base/alloc.h"
#include "wire/json_tree.h"
#include <stdlib.h>

const struct json_limits json_default_limits = { .bytes = 4 << 20, .depth = 32 };

struct json_limits json_limits_or_default(const struct json_limits *limits)
{
    struct json_limits l = limits ? *limits : json_default_limits;

    l.bytes = l.bytes ? l.bytes : json_default_limits.bytes;
    l.depth = l.depth ? l.depth : json_default_limits.depth;
    return l;
}

static int compare_keys(const void *a, const void *b)
{
    yyjson_val *left = *(yyjson_val *const *)a, *right = *(yyjson_val *const *)b;
    size_t left_len = unsafe_yyjson_get_len(left), right_len = unsafe_yyjson_get_len(right);

    if (left_len != right_len)
        return left_len < right_len ? -1 : 1;
    return memcmp(unsafe_yyjson_get_str(left), unsafe_yyjson_get_str(right), left_len);
}

/* Sorted, so that an object of a million keys costs no square. */
static int check_keys(yyjson_val *object, struct err *e)
{
    size_t count = unsafe_yyjson_get_len(object);
    yyjson_val *few[16], **keys = few, *key, *repeated = NULL;

    if (count > ARRAY_LEN(few))
        keys = xcalloc(count, sizeof(yyjson_val *));
    key = unsafe_yyjson_get_first(object);
    for (size_t i = 0; i < count; i++) {
        keys[i] = key;
        key = unsafe_yyjson_get_next(key + 1);
    }
    qsort(keys, count, sizeof(yyjson_val *), compare_keys);
    for (size_t i = 1; i < count && !repeated; i++)
        if (compare_keys(&keys[i - 1], &keys[i]) == 0)
            repeated = keys[i];
    if (keys != few)
        free(keys);
    if (repeated)
        return err_set(e, ERR_INVALID, "the key '%.100s' appears twice in one object",
                       unsafe_yyjson_get_str(repeated));
    return 0;
}

/* The values of a yyjson_doc lie behind each other in document order; `ends` holds where each open
 * container ends. */
static int walk(yyjson_val *root, yyjson_val **ends, unsigned depth, bool keep_duplicates,
                struct err *e)
{
    yyjson_val *end = unsafe_yyjson_get_next(root);
    unsigned open = 0;

    for (yyjson_val *v = root; v < end; v++) {
        while (open && v == ends[open - 1])
            open--;
        if (open >= depth)
            return err_set(e, ERR_LIMIT, "nested deeper than %u levels", depth);
        if (unsafe_yyjson_is_str(v) &&
            memchr(unsafe_yyjson_get_str(v), '\0', unsafe_yyjson_get_len(v)))
            return err_set(e, ERR_INVALID, "a string holds the character U+0000");
        if (!unsafe_yyjson_is_ctn(v) || unsafe_yyjson_get_len(v) == 0)
            continue;
        if (!keep_duplicates && unsafe_yyjson_is_obj(v) && check_keys(v, e))
            return -1;
        ends[open++] = unsafe_yyjson_get_next(v);
    }
    return 0;
}

int json_check_tree(yyjson_val *root, unsigned depth, bool keep_duplicates, struct err *e)
{
    size_t values = (size_t)(unsafe_yyjson_get_next(root) - root);
    yyjson_val **ends = xcalloc(values < depth ? values : depth, sizeof(yyjson_val *));
    int rc = walk(root, ends, depth, keep_duplicates, e);

    free(ends);
    return rc;
}

int json_parse(struct json **ret, struct slice text, const struct json_limits *limits,
               struct err *e)
{
    struct json_limits l = json_limits_or_default(limits);
    CLEANUP(json_freep) struct json *doc = NULL;
    yyjson_read_err why = { 0 };

    if (text.len > l.bytes)
        return err_set(e, ERR_LIMIT, "%zu bytes of JSON, at most %zu are read", text.len, l.bytes);
    if (text.len == 0)
        return err_set(e, ERR_INVALID, "not JSON: it is empty");
    /* Without YYJSON_READ_INSITU the text is only read. */
    doc = (struct json *)yyjson_read_opts((char *)(uintptr_t)text.ptr, text.len, 0, NULL, &why);
    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return err_set(e, ERR_LIMIT, "no memory for %zu bytes of JSON", text.len);
    if (!doc)
        return err_set(e, ERR_INVALID, "not JSON: %s at byte %zu", why.msg, why.pos);
    if (json_check_tree(json_inside(json_root(doc)), l.depth, l.keep_duplicates, e))
        return -1;
    *ret = doc;
    doc = NULL;
    return 0;
}

void json_free(struct json *doc)
{
    yyjson_doc_free((yyjson_doc *)doc);
}

const struct json_value *json_root(const struct json *doc)
{
    return json_outside(yyjson_doc_get_root((yyjson_doc *)(uintptr_t)doc));
}

enum json_type json_type(const struct json_value *v)
{
    yyjson_val *in = json_inside(v);

    switch (yyjson_get_type(in)) {
    case YYJSON_TYPE_BOOL:
        return JSON_BOOL;
    case YYJSON_TYPE_NUM:
        if (yyjson_is_real(in) || (yyjson_is_uint(in) && yyjson_get_uint(in) > INT64_MAX))
            return JSON_REAL;
        return JSON_INT;
    case YYJSON_TYPE_STR:
        return JSON_STRING;
    case YYJSON_TYPE_ARR:
        return JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return JSON_OBJECT;
    default:
        return JSON_NULL;
    }
}

static const struct json_value *get(const struct json_value *object, struct slice key)
{
    return json_outside(
        yyjson_obj_getn(json_inside(object), key.len ? (const char *)key.ptr : "", key.len));
}

const struct json_value *json_get(const struct json_value *object, const char *key)
{
    return get(object, slice_str(key));
}

const struct json_value *json_at(const struct json_value *array, size_t index)
{
    return json_outside(yyjson_arr_get(json_inside(array), index));
}

static const struct json_value *at_decimal(const struct json_value *array, struct slice digits)
{
    size_t index = 0;

    if (digits.len == 0 || digits.len > 9)
        return NULL;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return NULL;
        index = index * 10 + (size_t)(digits.ptr[i] - '0');
    }
    return json_at(array, index);
}

const struct json_value *json_path(const struct json_value *v, const char *dotted)
{
    struct slice left = slice_str(dotted), step;
    bool last = false;

    while (v && !last) {
        last = !slice_cut(&left, '.', &step);
        if (last)
            step = left;
        v = json_type(v) == JSON_ARRAY ? at_decimal(v, step) : get(v, step);
    }
    return v;
}

size_t json_len(const struct json_value *v)
{
    yyjson_val *in = json_inside(v);

    return yyjson_is_ctn(in) || yyjson_is_str(in) ? unsafe_yyjson_get_len(in) : 0;
}

const char *json_text(const struct json_value *v)
{
    return yyjson_get_str(json_inside(v));
}

struct slice json_slice(const struct json_value *v)
{
    const char *text = json_text(v);

    return slice_of(text, text ? json_len(v) : 0);
}

int64_t json_int(const struct json_value *v, int64_t otherwise)
{
    return json_type(v) == JSON_INT ? yyjson_get_sint(json_inside(v)) : otherwise;
}

double json_real(const struct json_value *v, double otherwise)
{
    return yyjson_is_num(json_inside(v)) ? yyjson_get_num(json_inside(v)) : otherwise;
}

bool json_bool(const struct json_value *v, bool otherwise)
{
    return yyjson_is_bool(json_inside(v)) ? yyjson_get_bool(json_inside(v)) : otherwise;
}

struct json_iter json_iter(const struct json_value *container)
{
    yyjson_val *in = json_inside(container);

    if (!yyjson_is_ctn(in) || unsafe_yyjson_get_len(in) == 0)
        return (struct json_iter){ .container = container };
    return (struct json_iter){ container, unsafe_yyjson_get_first(in), unsafe_yyjson_get_len(in) };
}

bool json_next(struct json_iter *it, const char **key, const struct json_value **value)
{
    yyjson_val *v = json_inside(it->at);

    if (it->left == 0)
        return false;
    it->left--;
    *key = "";
    if (json_type(it->container) == JSON_OBJECT)
        *key = unsafe_yyjson_get_str(v++);
    *value = json_outside(v);
    it->at = it->left ? unsafe_yyjson_get_next(v) : NULL;
    return true;
}

static int want(const struct json_value *object, const char *key, enum json_type type,
                const char *what, struct err *e)
{
    const struct json_value *v = json_get(object, key);

    if (v && json_type(v) == type)
        return 0;
    (void)err_set(e, ERR_INVALID, "member '%s' %s%s", key, v ? "must be " : "is missing",
                  v ? what : "");
    return err_field(e, key);
}

int json_want_text(const struct json_value *object, const char *key, const char **out,
                   struct err *e)
{
    if (want(object, key, JSON_STRING, "a string", e))
        return -1;
    *out = json_text(json_get(object, key));
    return 0;
}

int json_want_int(const struct json_value *object, const char *key, int64_t *out, struct err *e)
{
    if (want(object, key, JSON_INT, "a whole number of 64 bits", e))
        return -1;
    *out = json_int(json_get(object, key), 0);
    return 0;
}

int json_only(const struct json_value *object, const char *const *known, struct err *e)
{
    struct json_iter it = json_iter(object);
    const struct json_value *value;
    const char *key;

    if (json_type(object) != JSON_OBJECT)
        return err_set(e, ERR_INVALID, "an object is wanted here");
    while (json_next(&it, &key, &value)) {
        const char *const *name = known;

        while (*name && strcmp(*name, key) != 0)
            name++;
        if (!*name) {
            (void)err_set(e, ERR_INVALID, "member '%.100s' is not known", key);
            return err_field(e, key);
        }
    }
    return 0;
}
