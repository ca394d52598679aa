#include "wire/json.h"
#include <assert.h>

/* Within the writer's depth, so that whatever is read can be written. */
static const struct json_limits limits = { .bytes = 1 << 16, .depth = JSON_WRITER_DEPTH };
static const struct json_limits roomy = { .bytes = 64 << 20, .depth = JSON_WRITER_DEPTH };

static void print(const struct json *doc, bool pretty, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out, pretty);
    json_put_value(&w, NULL, json_root(doc));
    assert(!out->failed && w.depth == 0);
}

/* Property: what parses is written, and what is written parses back to the same text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(buf_clear) struct buf once = { 0 }, pretty = { 0 }, again = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(json_freep) struct json *reread = NULL;
    struct err e = { 0 };

    if (json_parse(&doc, slice_of(data, len), &limits, &e)) {
        assert(!doc && (e.code == ERR_INVALID || e.code == ERR_LIMIT));
        return 0;
    }
    print(doc, false, &once);
    print(doc, true, &pretty);
    if (json_parse(&reread, buf_slice(&pretty), &roomy, &e))
        abort();
    print(reread, false, &again);
    assert(slice_eq(buf_slice(&once), buf_slice(&again)));
    return 0;
}
