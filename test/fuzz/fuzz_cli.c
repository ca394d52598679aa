#include "cli/parse.h"

#include "base/encode.h"
#include <assert.h>

enum { WORDS = 64, BYTES = 4096 };

/* A line of words, a NUL or line end between them: what is understood is one JSON object with the
 * same words in it, what is not is said in one safe sentence. Nothing is done. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(line_clear) struct line line = { 0 }, partly = { 0 };
    CLEANUP(buf_clear) struct buf json = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    char text[BYTES + 1], *argv[WORDS + 1] = { "poterne" };
    int argc = 1;
    struct err e = { 0 };

    len = len < BYTES ? len : BYTES;
    for (size_t i = 0; i < len; i++)
        text[i] = data[i] == '\n' ? '\0' : (char)data[i];
    text[len] = '\0';
    for (size_t i = 0; i < len && argc < WORDS; i += strlen(text + i) + 1)
        argv[argc++] = text + i;
    line_parse_partly(&partly, argc, argv);
    if (line_parse(&line, argc, argv, &e)) {
        assert(e.code == ERR_INVALID && e.msg[0] && utf8_valid(slice_str(e.msg)));
        return 0;
    }
    if (!line.command || line.help || line.version)
        return 0;
    assert(partly.command == line.command && partly.count == line.count);
    line_json(&line, &json);
    assert(json_parse(&doc, buf_slice(&json), NULL, &e) == 0);
    return 0;
}
