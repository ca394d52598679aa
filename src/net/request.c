#include "base/alloc.h"
#include "base/clock.h"
#include "net/connection.h"
#include <time.h>

static int64_t now_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void log_request(struct connection *c, struct server_log *entry)
{
    const struct server_config *config = &c->thread->server->config;
    int class = entry->status / 100;

    server_count(&c->thread->stats.requests[class >= 0 && class < 6 ? class : 5], 1);
    entry->peer = &c->peer;
    if (config->log)
        config->log(config->ctx, entry);
}

/* ---- streamed answers ---- */

static void end_stream(struct connection *c, struct stream *s, bool broken, const char *reason)
{
    struct stream **at = &c->streams;

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    log_request(c, &(struct server_log){ .method = s->method,
                                         .path = slice_str(s->path),
                                         .status = s->status,
                                         .bytes = s->bytes,
                                         .microseconds = now_us() - s->began,
                                         .broken = broken,
                                         .reason = reason });
    if (s->source.free)
        s->source.free(s->source.src);
    free(s->path);
    free(s);
}

void connection_drop_streams(struct connection *c)
{
    while (c->streams)
        end_stream(c, c->streams, true, NULL);
}

/* One turn of one source: 1 when it had something, 0 when not, or when it ended. */
static int pull(struct connection *c, struct stream *s, bool last)
{
    CLEANUP(buf_clear) struct buf part = { 0 };
    struct err e = { 0 };
    bool end = false;

    if (s->source.more(s->source.src, &part, &end, &e) || buf_check(&part, &e)) {
        end_stream(c, s, true, err_text(&e));
        return -1;
    }
    end |= last && part.len == 0;
    s->bytes += part.len;
    if (part.len || end)
        http_conn_write(c->http, s->id, buf_slice(&part), end);
    if (end)
        end_stream(c, s, false, NULL);
    return !end && part.len;
}

int connection_pump(struct connection *c)
{
    size_t most = c->thread->server->config.limits.stream_queue;
    int any = 0;

    for (struct stream *s = c->streams, *next; s; s = next) {
        int more = 1;

        next = s->next;
        while (more > 0 && connection_waiting(c) < most)
            any |= more = pull(c, s, c->thread->draining);
        if (more < 0)
            return -1;
    }
    return any;
}

static void start_stream(struct connection *c, int32_t id, struct server_source *source,
                         const struct server_log *entry)
{
    struct stream *s = xcalloc(1, sizeof *s);

    *s = (struct stream){ .next = c->streams,
                          .id = id,
                          .source = *source,
                          .method = entry->method,
                          .path = slice_dup(entry->path),
                          .status = entry->status,
                          .bytes = entry->bytes,
                          .began = now_us() - entry->microseconds };
    c->streams = s;
    *source = (struct server_source){ 0 };
}

/* ---- what HTTP tells ---- */

static size_t max_body(void *ctx, const struct http_request *head)
{
    struct connection *c = ctx;
    const struct server_config *config = &c->thread->server->config;

    return config->max_body ? config->max_body(c->thread->ctx, &c->peer, head)
                            : config->limits.http.body;
}

static struct slice path_of(struct slice target)
{
    struct slice path;

    return slice_cut(&target, '?', &path) ? path : target;
}

static void request(void *ctx, int32_t id, const struct http_request *request)
{
    struct connection *c = ctx;
    const struct server_config *config = &c->thread->server->config;
    struct server_log entry = { .method = request->method, .path = path_of(request->target) };
    struct server_reply reply = { .response = { .status = 0 } };
    int64_t began = now_us();
    bool stream;

    c->requests++;
    config->handle(c->thread->ctx, &c->peer, request, &reply);
    if (reply.response.status == 0) {
        http_response_clear(&reply.response);
        http_response_problem(&reply.response, 500, "the handler gave no answer");
    }
    stream = reply.response.stream && reply.source.more;
    reply.response.stream = stream;
    entry.status = reply.response.status;
    entry.bytes = reply.response.body.len;
    http_conn_respond(c->http, id, &reply.response);
    entry.microseconds = now_us() - began;
    if (stream)
        start_stream(c, id, &reply.source, &entry);
    else
        log_request(c, &entry);
    if (reply.source.free)
        reply.source.free(reply.source.src);
    http_response_clear(&reply.response);
}

static void closed(void *ctx, int32_t id)
{
    struct connection *c = ctx;

    for (struct stream *s = c->streams; s; s = s->next) {
        if (s->id == id) {
            end_stream(c, s, true, NULL);
            return;
        }
    }
}

/* RFC 9110 section 5.6.7; made once a second for all connections of a thread. */
static const char *date(void *ctx)
{
    static const char days[7][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct server_thread *t = ((struct connection *)ctx)->thread;
    int64_t now = clock_wall();
    struct civil at;

    if (now == t->date_at)
        return t->date;
    civil_of_time(&at, now);
    (void)snprintf(t->date, sizeof t->date, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                   days[now / 86400 % 7], at.day, months[at.month - 1], at.year, at.hour, at.minute,
                   at.second);
    t->date_at = now;
    return t->date;
}

int connection_http(struct connection *c, enum http_version version, struct err *e)
{
    const struct http_events events = {
        .max_body = max_body, .request = request, .closed = closed, .date = date, .ctx = c
    };

    c->peer.protocol = version == HTTP_2 ? "HTTP/2" : "HTTP/1.1";
    return http_conn_new(&c->http, version, &c->thread->server->config.limits.http, &events, e);
}

size_t connection_waiting(const struct connection *c)
{
    return c->output.len - c->sent + (c->http ? http_conn_queued(c->http) : 0);
}
