#include "daemon/front.h"

#include "base/encode.h"
#include "base/log.h"

enum { SHOWN_PATH = 512 };

/* Without the query, which may hold what is nobody's business. */
static void put_path(struct buf *out, struct slice target)
{
    struct slice path;

    if (!slice_cut(&target, '?', &path))
        path = target;
    buf_add(out, path.ptr, path.len < SHOWN_PATH ? path.len : SHOWN_PATH);
    buf_add_str(out, path.len > SHOWN_PATH ? "..." : "");
}

/* Before it was known who asks, what the connection shows. */
static void put_who(struct buf *out, const struct request_log *l)
{
    if (l->who[0])
        buf_add_str(out, l->who);
    else if (l->peer->local)
        buf_addf(out, "uid:%u", (unsigned)l->peer->uid);
    else
        buf_add_str(out, l->peer->cert.ptr ? "certificate" : "anonymous");
}

static void write_members(const struct request_log *l, struct buf *out)
{
    CLEANUP(buf_clear) struct buf object = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct json_writer w;

    json_writer_init(&w, &object, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "request", l->id);
    put_who(&text, l);
    json_put_slice(&w, "who", buf_slice(&text));
    json_put_text(&w, "address", l->peer->address);
    json_put_text(&w, "method", http_method_name(l->request->method));
    buf_reset(&text);
    put_path(&text, l->request->target);
    json_put_slice(&w, "path", buf_slice(&text));
    json_put_int(&w, "status", l->response->status);
    json_put_int(&w, "bytes", (int64_t)l->response->body.len);
    json_put_int(&w, "microseconds", l->microseconds);
    json_put_bool(&w, "stream", l->stream);
    json_put_end(&w);
    buf_add(out, object.ptr + 1, object.len - 2); /* without its braces */
}

static void write_text(const struct request_log *l, struct buf *out)
{
    put_who(out, l);
    buf_addf(out, "@%s %s ", l->peer->address, http_method_name(l->request->method));
    put_path(out, l->request->target);
    buf_addf(out, " %d %zu bytes%s %lld.%03lld ms", l->response->status, l->response->body.len,
             l->stream ? " and more" : "", (long long)l->microseconds / 1000,
             (long long)l->microseconds % 1000);
    if (l->id[0])
        buf_addf(out, " %s", l->id);
}

void request_log(const struct request_log *l)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(buf_clear) struct buf members = { 0 };

    if (!log_wants(LOG_LEVEL_INFO))
        return;
    write_text(l, &text);
    write_members(l, &members);
    text_make_safe((char *)(uintptr_t)buf_str(&text));
    log_event(LOG_LEVEL_INFO, buf_str(&text), buf_str(&members));
}
