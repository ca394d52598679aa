#include "wire/yaml.h"
#include <assert.h>

static const struct json_limits limits = { .bytes = 1 << 14 };
/* YAML written is longer than YAML read, by quotes, escapes and indentation. */
static const struct json_limits roomy = { .bytes = 16 << 20, .depth = 64 };

static void print(const struct json *doc, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out, false);
    json_put_value(&w, NULL, json_root(doc));
    assert(!out->failed && w.depth == 0);
}

/* Property: what parses is written, and what is written parses back to the same tree. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(buf_clear) struct buf text = { 0 }, tree = { 0 }, again = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(json_freep) struct json *reread = NULL;
    struct err e = { 0 };

    if (yaml_parse_stream(&doc, slice_of(data, len), &limits, &e)) {
        assert(!doc && (e.code == ERR_INVALID || e.code == ERR_LIMIT));
        return 0;
    }
    yaml_write(&text, json_root(doc));
    assert(!text.failed);
    if (yaml_parse(&reread, buf_slice(&text), &roomy, &e))
        abort();
    print(doc, &tree);
    print(reread, &again);
    assert(slice_eq(buf_slice(&tree), buf_slice(&again)));
    return 0;
}
