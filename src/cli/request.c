#include "cli/request.h"

#include "cli/text.h"

static bool in_path(const char *path, const char *name)
{
    size_t len = strlen(name);
    const char *at = path;

    while ((at = strchr(at, '{'))) {
        at++;
        if (strncmp(at, name, len) == 0 && at[len] == '}')
            return true;
    }
    return false;
}

static void put_escaped(struct buf *out, const struct json_value *v)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    if (json_type(v) == JSON_BOOL)
        buf_add_str(&text, json_bool(v, false) ? "true" : "false");
    else if (json_type(v) == JSON_STRING)
        buf_add_slice(&text, json_slice(v));
    else
        text_add_value(&text, v);
    client_escape(out, buf_str(&text));
}

static void put_segments(struct buf *out, const char *path, const struct json_value *args)
{
    struct slice rest = slice_str(path), head, name;

    while (slice_cut(&rest, '{', &head)) {
        char key[32];

        buf_add_slice(out, head);
        (void)slice_cut(&rest, '}', &name);
        (void)snprintf(key, sizeof key, SLICE_FMT, SLICE_ARG(name));
        put_escaped(out, json_get(args, key));
    }
    buf_add_slice(out, rest);
}

void request_path(struct buf *out, const struct command *command, const struct json_value *args,
                  const char *cursor)
{
    bool in_query = command->method == HTTP_GET || command->method == HTTP_DELETE;
    struct json_iter it = json_iter(args);
    const struct json_value *value;
    const char *key, *separator = "?";

    put_segments(out, command->path, args);
    while (in_query && json_next(&it, &key, &value)) {
        if (in_path(command->path, key))
            continue;
        buf_addf(out, "%s%s=", separator, key);
        put_escaped(out, value);
        separator = "&";
    }
    if (cursor) {
        buf_addf(out, "%scursor=", separator);
        client_escape(out, cursor);
    }
}

void request_body(struct buf *out, const struct command *command, const struct json_value *args)
{
    struct json_iter it = json_iter(args);
    const struct json_value *value;
    struct json_writer w;
    const char *key;
    size_t members = 0;

    if (command->method == HTTP_GET || command->method == HTTP_DELETE)
        return;
    json_writer_init(&w, out, false);
    json_put_object(&w, NULL);
    while (json_next(&it, &key, &value)) {
        if (in_path(command->path, key))
            continue;
        json_put_value(&w, key, value);
        members++;
    }
    json_put_end(&w);
    if (!members) /* a route that takes no body is sent none */
        buf_reset(out);
}
