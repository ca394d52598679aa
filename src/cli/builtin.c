#include "cli/nouns.h"

#include "api/api.h"
#include "cli/render.h"

int builtin_describe(const struct line *line, struct buf *out, struct err *e)
{
    (void)line;
    api_describe(out);
    buf_add_byte(out, '\n');
    return buf_check(out, e);
}

static int render_version(struct renderer *r, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct json_writer w;

    json_writer_init(&w, &text, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "apiVersion", "poterne/v1");
    json_put_text(&w, "kind", "Version");
    json_put_text(&w, "version", POTERNE_VERSION);
    json_put_end(&w);
    if (json_parse(&doc, buf_slice(&text), NULL, e))
        return -1;
    return render_object(r, json_root(doc), e);
}

int builtin_version(const struct line *line, struct buf *out, struct err *e)
{
    CLEANUP(renderer_clear)
    struct renderer r = { .command = version_commands, .format = line_format(line) };

    if (r.format == FORMAT_TABLE || r.format == FORMAT_WIDE) {
        buf_add_str(out, "poterne " POTERNE_VERSION "\n");
        return 0;
    }
    if (render_version(&r, e))
        return -1;
    buf_add_slice(out, buf_slice(&r.out));
    return 0;
}
