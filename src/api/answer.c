#include "api/answer.h"

#include "wire/gzip.h"
#include <strings.h>

void api_stream_clear(struct api_stream *stream)
{
    if (stream->src)
        stream->free(stream->src);
    *stream = (struct api_stream){ 0 };
}

void api_response_clear(struct api_response *response)
{
    buf_clear(&response->body);
    api_stream_clear(&response->stream);
}

void answer_begin(struct api_response *response)
{
    struct buf body = response->body;

    api_stream_clear(&response->stream);
    buf_reset(&body);
    *response = (struct api_response){ .status = 200, .type = "application/json", .body = body };
}

void answer_options(struct api_response *response)
{
    response->status = 204;
    response->type = NULL;
}

void answer_gzip(struct api_response *response)
{
    CLEANUP(buf_clear) struct buf packed = { 0 };

    if (response->body.len < API_GZIP_FROM || response->stream.src ||
        gzip_pack(&packed, buf_slice(&response->body), NULL))
        return;
    buf_clear(&response->body);
    response->body = packed;
    packed = (struct buf){ 0 };
    response->gzip = true;
}

/* ---- problems: RFC 9457 ---- */

void api_problem(struct buf *out, const struct err *e, const char *request, bool pretty)
{
    const struct err_kind *kind = err_kind(e->code);
    struct json_writer w;

    json_writer_init(&w, out, pretty);
    json_put_object(&w, NULL);
    json_put_text(&w, "apiVersion", "poterne/v1");
    json_put_text(&w, "kind", "Problem");
    json_put_text(&w, "type", "about:blank");
    json_put_text(&w, "title", kind->title);
    json_put_int(&w, "status", kind->http_status);
    json_put_text(&w, "detail", err_text(e));
    json_put_text(&w, "code", kind->name);
    if (request[0])
        json_put_text(&w, "request", request);
    if (e->field[0]) {
        json_put_array(&w, "errors");
        json_put_object(&w, NULL);
        json_put_text(&w, "field", e->field);
        json_put_text(&w, "detail", err_text(e));
        json_put_end(&w);
        json_put_end(&w);
    }
    json_put_end(&w);
}

void answer_problem(struct api_response *response, const struct err *e, const char *request)
{
    answer_begin(response);
    response->status = err_kind(e->code)->http_status;
    response->type = "application/problem+json";
    if (response->status == 503)
        response->retry_after = 1;
    api_problem(&response->body, e, request, false);
}

/* ---- entity tags: RFC 9110 8.8.3; ours are "REVISION", all strong ---- */

/* Never a record's: revisions are counted from 1. */
#define NO_REVISION INT64_MAX

/* Cuts the next element of a list of tags. A tag may hold a comma, ours never does: a piece of such
 * a one matches nothing, which is right. */
static bool next_tag(struct slice *list, struct slice *tag)
{
    if (!list->len)
        return false;
    if (!slice_cut(list, ',', tag)) {
        *tag = *list;
        list->len = 0;
    }
    *tag = slice_trim(*tag);
    return true;
}

/* weak: a tag that says W/ matches too (If-None-Match), else never (If-Match). */
static int64_t revision_of(struct slice tag, bool weak)
{
    int64_t revision = 0;

    if (weak && slice_starts(tag, "W/"))
        tag = slice_of(tag.ptr + 2, tag.len - 2);
    if (tag.len < 3 || tag.len > 20 || tag.ptr[0] != '"' || tag.ptr[tag.len - 1] != '"')
        return NO_REVISION;
    for (size_t i = 1; i + 1 < tag.len; i++) {
        if (tag.ptr[i] < '0' || tag.ptr[i] > '9')
            return NO_REVISION;
        revision = revision * 10 + (tag.ptr[i] - '0');
    }
    return revision ? revision : NO_REVISION;
}

static bool matches(struct slice field, int64_t revision, bool weak)
{
    struct slice tag;

    if (slice_eq_str(slice_trim(field), "*"))
        return true;
    while (next_tag(&field, &tag))
        if (revision_of(tag, weak) == revision)
            return true;
    return false;
}

int condition_expected(int64_t *revision, struct slice if_match, const struct route *route,
                       struct err *e)
{
    struct slice tag;

    *revision = 0;
    if (route->method == HTTP_GET || slice_eq_str(slice_trim(if_match), "*"))
        return 0;
    if (!(route->flags & ROUTE_REVISION))
        return err_set(e, ERR_STALE, "If-Match: this path has no entity tag");
    if (!next_tag(&if_match, &tag) || if_match.len)
        return err_set(e, ERR_INVALID, "If-Match must name one entity tag");
    *revision = revision_of(tag, false);
    return 0;
}

int condition_check(const struct api_request *request, struct api_response *response, struct err *e)
{
    if (request->method != HTTP_GET && request->method != HTTP_HEAD)
        return 0;
    if (request->if_match.ptr && !matches(request->if_match, response->revision, false))
        return err_set(e, ERR_STALE, "it has another entity tag than If-Match names");
    if (!request->if_none_match.ptr || !response->revision ||
        !matches(request->if_none_match, response->revision, true))
        return 0;
    response->status = 304;
    response->type = NULL;
    buf_reset(&response->body);
    return 0;
}

/* ---- types ---- */

/* q=0, q=0.0, q=0.000: not this one (RFC 9110 12.4.2). */
static bool refuses(struct slice parameter)
{
    if (!slice_starts(parameter, "q=0"))
        return false;
    for (size_t i = 2; i < parameter.len; i++)
        if (parameter.ptr[i] != '0' && parameter.ptr[i] != '.')
            return false;
    return true;
}

/* "text/html" of "text/html; q=0.8"; taken: false when q=0 refuses it. */
static struct slice type_of(struct slice *list, bool *taken)
{
    struct slice range, type, parameter;

    if (!slice_cut(list, ',', &range)) {
        range = *list;
        list->len = 0;
    }
    *taken = true;
    if (!slice_cut(&range, ';', &type))
        return slice_trim(range);
    while (range.len) {
        if (!slice_cut(&range, ';', &parameter)) {
            parameter = range;
            range.len = 0;
        }
        if (refuses(slice_trim(parameter)))
            *taken = false;
    }
    return slice_trim(type);
}

static bool type_is(struct slice type, const char *name)
{
    return type.len == strlen(name) && strncasecmp((const char *)type.ptr, name, type.len) == 0;
}

static bool accepts(struct slice list)
{
    static const char *const ranges[] = { "*/*",
                                          "application/*",
                                          "application/json",
                                          "application/x-ndjson",
                                          "text/*",
                                          "text/plain",
                                          "application/openmetrics-text" };
    bool taken;

    while (list.len) {
        struct slice type = type_of(&list, &taken);

        for (size_t i = 0; taken && i < ARRAY_LEN(ranges); i++)
            if (type_is(type, ranges[i]))
                return true;
    }
    return false;
}

int condition_types(const struct api_request *request, struct err *e)
{
    struct slice type = request->content_type;
    bool taken;

    if (request->body.len && type.ptr && !type_is(type_of(&type, &taken), "application/json"))
        return err_set(e, ERR_TYPE, "Content-Type is '" SLICE_FMT "': send application/json",
                       (int)(request->content_type.len < 64 ? request->content_type.len : 64),
                       (const char *)request->content_type.ptr);
    if (request->accept.len && !accepts(request->accept))
        return err_set(e, ERR_ACCEPT, "Accept is '" SLICE_FMT "': answers are application/json",
                       (int)(request->accept.len < 64 ? request->accept.len : 64),
                       (const char *)request->accept.ptr);
    return 0;
}
