#include "agent/transport.h"

#include "base/encode.h"

/* A daemon's answers are a stranger's: as large as a plan can be, no larger. */
static const struct json_limits reply_limits = { .bytes = 8 << 20, .depth = 16 };

static int problem_of(const struct json_value *body, int status, struct err *e)
{
    const char *detail = json_text(json_get(body, "detail"));
    const char *code = json_text(json_get(body, "code"));
    struct err why = { 0 };

    err_set(&why, code ? err_code_of_name(code) : ERR_UNREACHABLE, "%s",
            detail ? detail : "the daemon does not say why");
    if (!detail)
        err_wrap(&why, "status %d", status);
    text_make_safe(why.msg);
    return err_pass(e, &why);
}

static int call(const struct agent_transport *transport, const struct agent_request *request,
                struct json **reply, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    int status = 0;

    if (transport->call(transport->ctx, request, &status, &text, e))
        return -1;
    if (json_parse(&doc, buf_slice(&text), &reply_limits, e))
        return err_wrap(e, "the daemon's answer to %.60s", request->path);
    if (status < 200 || status > 299)
        return problem_of(json_root(doc), status, e);
    *reply = doc;
    doc = NULL;
    return 0;
}

int agent_get(const struct agent_transport *transport, const char *path, struct json **reply,
              struct err *e)
{
    return call(transport, &(struct agent_request){ .path = path }, reply, e);
}

int agent_post(const struct agent_transport *transport, const char *path, struct slice body,
               struct json **reply, struct err *e)
{
    return call(transport, &(struct agent_request){ true, path, body }, reply, e);
}
