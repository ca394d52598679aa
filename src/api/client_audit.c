#include "api/client.h"
#include "store/file.h"
#include <inttypes.h>

/*
 * The audit trail's heads and exports, as files on this side.
 */
enum { MAX_HEAD = 64 << 10, EXIT_FAULT = 7 };

/* The body of a verification against a head: what `audit head` printed, or its member "head". */
static int read_head(const char *file, struct buf *body, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *head;
    struct json_writer w;

    if (file_read(&text, file, MAX_HEAD, e))
        return -1;
    if (json_parse(&doc, buf_slice(&text), NULL, e))
        return err_wrap(e, "'%s' is not a head of an audit trail", file);
    head = json_get(json_root(doc), "head") ? json_get(json_root(doc), "head") : json_root(doc);
    if (!json_text(json_get(head, "statement")) || !json_text(json_get(head, "signature")))
        return err_set(e, ERR_INVALID,
                       "'%s' is not a head of an audit trail: it is what 'poterne audit head' "
                       "prints",
                       file);
    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    json_put_value(&w, "head", head);
    json_put_end(&w);
    return buf_check(body, e);
}

int client_audit_verify(struct client *client, const struct json_value *args,
                        struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(json_freep) struct json *verdict = NULL;
    const char *file = json_text(json_get(args, "from_head"));

    if (file && read_head(file, &body, e))
        return -1;
    if (client_call(client, HTTP_POST, "/v1/audit/verification", buf_slice(&body), &verdict, e))
        return -1;
    client_put_answer(reply, json_root(verdict));
    if (!json_bool(json_get(json_root(verdict), "good"), false))
        result->exit = EXIT_FAULT;
    return 0;
}

int client_audit_head(struct client *client, const struct json_value *args,
                      struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(json_freep) struct json *head = NULL;
    struct json_writer w;

    (void)args;
    (void)reply;
    if (client_call(client, HTTP_GET, "/v1/audit/head", slice_of(NULL, 0), &head, e))
        return -1;
    json_writer_init(&w, &result->stdout_text, false);
    json_put_value(&w, NULL, json_root(head));
    buf_add_byte(&result->stdout_text, '\n');
    return buf_check(&result->stdout_text, e);
}

/* ---- export ---- */

static int print_lines(struct client *client, struct client_result *result,
                       const struct json_value *lines, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct json_iter it = json_iter(lines);
    const struct json_value *line;
    const char *key;

    while (json_next(&it, &key, &line)) {
        buf_add_slice(&text, json_slice(line));
        buf_add_byte(&text, '\n');
    }
    return buf_check(&text, e) ? -1 : client_print(client, result, buf_slice(&text), e);
}

int client_audit_export(struct client *client, const struct json_value *args,
                        struct json_writer *reply, struct client_result *result, struct err *e)
{
    int64_t after = 0;

    (void)args;
    (void)reply;
    do {
        CLEANUP(json_freep) struct json *part = NULL;
        char path[64] = "/v1/audit/export";

        if (after)
            (void)snprintf(path, sizeof path, "/v1/audit/export?after=%" PRId64, after);
        if (client_call(client, HTTP_GET, path, slice_of(NULL, 0), &part, e) ||
            print_lines(client, result, json_get(json_root(part), "lines"), e))
            return -1;
        after = json_int(json_get(json_root(part), "after"), 0);
    } while (after);
    return 0;
}
