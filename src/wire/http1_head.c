#include "wire/http1.h"

#include "base/alloc.h"
#include "wire/http_syntax.h"
#include <string.h>

/* RFC 9112 section 3. */
static int method_end(struct http1 *c, struct err *e)
{
    struct slice name = slice_of(c->method_name, c->method_len);

    if (slice_eq_str(name, "PRI"))
        return http1_refuse(c, 400, "HTTP/2 was not agreed on for this connection", e);
    c->head.method = http_method_find(name);
    if (c->head.method == HTTP_METHODS)
        return http1_refuse(c, 501, "the request method is not known here", e);
    c->state = HTTP1_TARGET;
    return 0;
}

int http1_method(struct http1 *c, struct slice *in, struct err *e)
{
    while (in->len) {
        uint8_t byte = in->ptr[0];

        if (byte == ' ' && c->method_len) {
            http1_skip(in, 1);
            return method_end(c, e);
        }
        if (!(http_class[byte] & HTTP_TOKEN))
            return http1_refuse(c, 400, "the request does not begin with a method", e);
        if (c->method_len == sizeof c->method_name)
            return http1_refuse(c, 501, "the request method is not known here", e);
        c->method_name[c->method_len++] = (char)byte;
        http1_skip(in, 1);
    }
    return 0;
}

int http1_target(struct http1 *c, struct slice *in, struct err *e)
{
    size_t len = http_span(*in, HTTP_TARGET);
    const char *fault;

    if (c->head.text.len + len > c->conn.limits->target)
        return http1_refuse(c, 414, "the request target is too long", e);
    http_head_text(&c->head, slice_of(in->ptr, len));
    http1_skip(in, len);
    if (in->len == 0)
        return 0;
    if (in->ptr[0] != ' ')
        return http1_refuse(c, 400, "the request target holds a byte that must be percent-encoded",
                            e);
    http1_skip(in, 1);
    fault = http_target_form_fault(c->head.method, buf_slice(&c->head.text));
    if (fault)
        return http1_refuse(c, 400, fault, e);
    c->head.target.len = (uint32_t)c->head.text.len;
    c->state = HTTP1_VERSION;
    return 0;
}

/* HTTP/1.0 is served, for nginx as a proxy speaks it by default: one request, no chunks. */
int http1_version(struct http1 *c, struct slice *in, struct err *e)
{
    static const char name[] = "HTTP/1.";
    const size_t major = strlen("HTTP/"), minor = strlen(name);

    while (in->len) {
        uint8_t byte = in->ptr[0];

        if (c->version_len == minor && (byte == '0' || byte == '1')) {
            c->old = byte == '0';
            c->last |= c->old;
            c->state = HTTP1_LINE_CR;
            http1_skip(in, 1);
            return 0;
        }
        if (c->version_len == minor || byte != (uint8_t)name[c->version_len]) {
            if (c->version_len >= major && byte >= '0' && byte <= '9')
                return http1_refuse(c, 505, "the version of HTTP is not 1.1", e);
            return http1_refuse(c, 400, "behind the request target, HTTP/1.1 must stand", e);
        }
        c->version_len++;
        http1_skip(in, 1);
    }
    return 0;
}

int http1_line_cr(struct http1 *c, struct slice *in, struct err *e)
{
    return http1_want(c, in, '\r', HTTP1_LINE_LF, e);
}

int http1_line_lf(struct http1 *c, struct slice *in, struct err *e)
{
    return http1_want(c, in, '\n', HTTP1_FIELD, e);
}

/* Counts bytes of field lines before they are kept. */
static int charge(struct http1 *c, size_t len, struct err *e)
{
    c->head_len += len;
    if (c->head_len > c->conn.limits->head)
        return http1_refuse(c, 431, "the header fields are too large", e);
    return 0;
}

int http1_field(struct http1 *c, struct slice *in, struct err *e)
{
    if (in->ptr[0] == '\r') {
        http1_skip(in, 1);
        c->state = HTTP1_HEAD_LF;
        return 0;
    }
    /* RFC 9112 section 5.2, and 2.2 for the first line. */
    if (in->ptr[0] == ' ' || in->ptr[0] == '\t')
        return http1_refuse(c, 400, "a header line begins with white space", e);
    if (c->line_count == c->conn.limits->fields)
        return http1_refuse(c, 431, "there are too many header fields", e);
    c->line_count++;
    c->line = (struct http_line){ .name.at = (uint32_t)c->head.text.len };
    c->state = HTTP1_NAME;
    return 0;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

int http1_name(struct http1 *c, struct slice *in, struct err *e)
{
    size_t len = http_span(*in, HTTP_TOKEN);
    uint8_t *room;

    if (charge(c, len, e))
        return -1;
    room = len ? buf_room(&c->head.text, len) : NULL;
    for (size_t i = 0; room && i < len; i++)
        room[i] = lower(in->ptr[i]);
    c->head.text.len += room ? len : 0;
    http1_skip(in, len);
    if (in->len == 0)
        return 0;
    /* White space before the colon, too: RFC 9112 section 5.1. */
    if (in->ptr[0] != ':' || c->head.text.len == c->line.name.at)
        return http1_refuse(c, 400, "the name of a header field holds a byte that it may not", e);
    http1_skip(in, 1);
    c->line.name.len = (uint32_t)c->head.text.len - c->line.name.at;
    c->line.value.at = (uint32_t)c->head.text.len;
    c->state = HTTP1_SPACE;
    return charge(c, 1, e);
}

int http1_space(struct http1 *c, struct slice *in, struct err *e)
{
    size_t len = 0;

    while (len < in->len && (in->ptr[len] == ' ' || in->ptr[len] == '\t'))
        len++;
    http1_skip(in, len);
    if (in->len)
        c->state = HTTP1_VALUE;
    return charge(c, len, e);
}

int http1_value(struct http1 *c, struct slice *in, struct err *e)
{
    size_t len = http_span(*in, HTTP_VALUE);

    if (charge(c, len, e))
        return -1;
    buf_add(&c->head.text, in->ptr, len);
    http1_skip(in, len);
    if (in->len == 0)
        return 0;
    /* Bare LF, NUL and other controls: RFC 9110 section 5.5. */
    if (in->ptr[0] != '\r')
        return http1_refuse(c, 400, "the value of a header field holds a control character", e);
    http1_skip(in, 1);
    while (c->head.text.len > c->line.value.at && (c->head.text.ptr[c->head.text.len - 1] == ' ' ||
                                                   c->head.text.ptr[c->head.text.len - 1] == '\t'))
        c->head.text.len--;
    c->line.value.len = (uint32_t)c->head.text.len - c->line.value.at;
    c->state = HTTP1_VALUE_LF;
    return 0;
}

/* RFC 9112 section 3.2: one, and a valid one. */
static int see_host(struct http1 *c, struct slice value, struct err *e)
{
    if (c->head.host.len)
        return http1_refuse(c, 400, "there is more than one Host", e);
    if (!http_host_valid(value))
        return http1_refuse(c, 400, "Host is not a host name or address, with or without a port",
                            e);
    c->head.host = c->line.value;
    return 0;
}

/* RFC 9110 section 7.6.1: a list of tokens, of which we know one. */
static int see_connection(struct http1 *c, struct slice value, struct err *e)
{
    struct slice token;

    (void)e;
    while (slice_cut(&value, ',', &token))
        c->last |= http_slice_is(slice_trim(token), "close");
    c->last |= http_slice_is(slice_trim(value), "close");
    return 0;
}

/* What a proxy in front might read otherwise than we do is refused: RFC 9112 section 6.1. */
static int both_lengths(struct http1 *c, struct err *e)
{
    return http1_refuse(c, 400, "there are both Content-Length and Transfer-Encoding", e);
}

static int see_length(struct http1 *c, struct slice value, struct err *e)
{
    if (c->has_length)
        return http1_refuse(c, 400, "there is more than one Content-Length", e);
    if (c->chunked)
        return both_lengths(c, e);
    if (!http_length_parse(value, &c->length))
        return http1_refuse(c, 400, "Content-Length is not a number of bytes", e);
    c->has_length = true;
    return 0;
}

static int see_encoding(struct http1 *c, struct slice value, struct err *e)
{
    const size_t len = strlen("chunked");

    if (c->has_length)
        return both_lengths(c, e);
    if (c->old)
        return http1_refuse(c, 400, "HTTP/1.0 has no Transfer-Encoding", e);
    if (c->chunked)
        return http1_refuse(c, 400, "there is more than one Transfer-Encoding", e);
    c->chunked = http_slice_is(value, "chunked");
    if (c->chunked)
        return 0;
    if (value.len > len && http_slice_is(slice_of(value.ptr + (value.len - len), len), "chunked"))
        return http1_refuse(c, 501, "the only Transfer-Encoding known here is 'chunked'", e);
    return http1_refuse(c, 400, "the last Transfer-Encoding of a request must be 'chunked'", e);
}

/* RFC 9110 section 10.1.1. */
static int see_expect(struct http1 *c, struct slice value, struct err *e)
{
    if (!http_slice_is(value, "100-continue"))
        return http1_refuse(c, 417, "the only expectation known here is '100-continue'", e);
    c->expects = !c->old;
    return 0;
}

/* Fields that we act on. None of them may stand in trailers: RFC 9110 section 6.5.1. */
#define NAME(text) text, sizeof text - 1
static const struct {
    const char *name;
    size_t len;
    int (*see)(struct http1 *c, struct slice value, struct err *e);
} framing[] = {
    { NAME("host"), see_host },
    { NAME("connection"), see_connection },
    { NAME("expect"), see_expect },
    { NAME("content-length"), see_length },
    { NAME("transfer-encoding"), see_encoding },
};

int http1_value_lf(struct http1 *c, struct slice *in, struct err *e)
{
    struct slice name = http_head_slice(&c->head, c->line.name);

    if (http1_want(c, in, '\n', HTTP1_FIELD, e))
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(framing); i++) {
        if (name.len != framing[i].len || memcmp(name.ptr, framing[i].name, name.len) != 0)
            continue;
        if (c->trailers)
            return http1_refuse(c, 400, "a trailer may not say how a request is read", e);
        if (framing[i].see(c, http_head_slice(&c->head, c->line.value), e))
            return -1;
    }
    if (c->trailers)
        c->head.text.len = c->line.name.at; /* dropped */
    else
        http_head_keep(&c->head, c->line);
    return 0;
}

int http1_head_lf(struct http1 *c, struct slice *in, struct err *e)
{
    if (http1_want(c, in, '\n', HTTP1_ANSWER, e))
        return -1;
    if (c->trailers)
        return http1_deliver(c, buf_slice(&c->body), e);
    if (c->head.host.len == 0)
        return http1_refuse(c, 400, "there is no Host", e);
    return http1_head_end(c, e);
}
