#include "api/client.h"

#include "store/state_dir.h"

/* Replies are ours: as large as a backup of the whole store. */
static const struct json_limits reply_limits = { .bytes = BUF_MAX, .depth = 32 };

static int problem_of(const struct json_value *body, struct err *e)
{
    const char *detail = json_text(json_get(body, "detail"));
    enum err_code code = err_code_of_name(json_text(json_get(body, "code")));

    return err_set(e, code, "%s", detail ? detail : "the reply does not say why");
}

static void say_warnings(const struct client *client, const struct json_value *reply)
{
    struct json_iter it = json_iter(json_get(reply, "warnings"));
    const struct json_value *text;
    const char *key;

    while (client->warn && json_next(&it, &key, &text))
        if (json_text(text))
            client->warn(json_text(text), client->ctx);
}

static int read_reply(struct json **reply, int status, struct slice body, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;

    if (json_parse(&doc, body, &reply_limits, e))
        return err_wrap(e, "the reply");
    if (status >= 400)
        return problem_of(json_root(doc), e);
    *reply = doc;
    doc = NULL;
    return 0;
}

static int no_poterne(const char *from, int status, struct err *e)
{
    return err_set(e, ERR_UNREACHABLE,
                   "'%s' answers %d, and not as a poterne does: is there a proxy between?", from,
                   status);
}

int client_read_answer(struct json **reply, const struct net_answer *answer, const char *from,
                       struct err *e)
{
    if (!strstr(answer->type, "json"))
        return no_poterne(from, answer->status, e);
    return read_reply(reply, answer->status, buf_slice(&answer->body), e);
}

int client_read_response(struct json **reply, struct client *client,
                         const struct api_response *response, struct err *e)
{
    CLEANUP(json_freep) struct json *ignored = NULL;

    if (!response->type)
        return no_poterne(door_name(client->door), response->status, e);
    return read_reply(reply ? reply : &ignored, response->status, buf_slice(&response->body), e);
}

int client_call(struct client *client, enum http_method method, const char *path, struct slice body,
                struct json **reply, struct err *e)
{
    CLEANUP(api_response_clear) struct api_response response = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct api_request request = { .method = method,
                                   .path = path,
                                   .body = body,
                                   .caller = { .via = API_VIA_PROCESS },
                                   .accept_clock = client->accept_clock };

    if (door_call(client->door, &request, &response, e))
        return -1;
    if (client_read_response(&doc, client, &response, e))
        return -1;
    say_warnings(client, json_root(doc));
    *reply = doc;
    doc = NULL;
    return 0;
}

/* RFC 3986, section 2.3: everything but the unreserved characters. */
void client_put_answer(struct json_writer *reply, const struct json_value *answer)
{
    struct json_iter it = json_iter(answer);
    const struct json_value *value;
    const char *key;

    while (json_next(&it, &key, &value))
        if (strcmp(key, "apiVersion") != 0 && strcmp(key, "kind") != 0)
            json_put_value(reply, key, value);
}

void client_escape(struct buf *out, const char *text)
{
    static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789-._~";

    for (; *text; text++) {
        if (strchr(unreserved, *text))
            buf_add_byte(out, (uint8_t)*text);
        else
            buf_addf(out, "%%%02X", (unsigned)(uint8_t)*text);
    }
}

int client_state_default(char **path, struct err *e)
{
    return state_dir_default(path, e);
}

/* ---- what the local functions share ---- */

void client_path(struct buf *out, const char *format, const char *const *segments)
{
    struct slice rest = slice_str(format), head;

    while (slice_cut(&rest, '@', &head)) {
        buf_add_slice(out, head);
        client_escape(out, *segments++);
    }
    buf_add_slice(out, rest);
}

int client_print(struct client *client, struct client_result *result, struct slice text,
                 struct err *e)
{
    if (client->print)
        return client->print(text, client->ctx, e);
    buf_add_slice(&result->stdout_text, text);
    return buf_check(&result->stdout_text, e);
}
