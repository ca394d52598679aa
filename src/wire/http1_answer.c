#include "wire/http1.h"

#include <assert.h>
#include <string.h>

enum { FIRST_OUT = 512 };

static void add_str(struct http1 *c, const char *text)
{
    http_queue_add(&c->out, slice_str(text));
}

static void add_field(struct http1 *c, const char *name, const char *value)
{
    add_str(c, name);
    http_queue_add(&c->out, slice_of(": ", 2));
    add_str(c, value);
    http_queue_add(&c->out, slice_of("\r\n", 2));
}

static void add_number(struct http1 *c, uint64_t n, unsigned base)
{
    char digits[24];
    size_t at = sizeof digits;

    do {
        digits[--at] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n);
    http_queue_add(&c->out, slice_of(digits + at, sizeof digits - at));
}

static void add_status(struct http1 *c, int status)
{
    if (c->out.first.cap == 0)
        (void)buf_room(&c->out.first, FIRST_OUT);
    add_str(c, "HTTP/1.1 ");
    add_number(c, (unsigned)status, 10);
    http_queue_add(&c->out, slice_of(" ", 1));
    add_str(c, http_status_text(status));
    http_queue_add(&c->out, slice_of("\r\n", 2));
}

void http1_continue(struct http1 *c)
{
    add_status(c, 100);
    add_str(c, "\r\n");
}

/* RFC 9112 section 6.3: what tells the reader where the answer ends. */
static void add_length(struct http1 *c, const struct http_response *response)
{
    if (!http_status_has_body(response->status))
        return;
    if (!response->stream) {
        add_str(c, "content-length: ");
        add_number(c, response->body.len, 10);
        add_str(c, "\r\n");
    } else if (!c->old) {
        add_field(c, "transfer-encoding", "chunked");
    }
}

static void add_head(struct http1 *c, const struct http_response *response)
{
    const char *date = http_conn_date(&c->conn);

    add_status(c, response->status);
    if (date)
        add_field(c, "date", date);
    if (response->type)
        add_field(c, "content-type", response->type);
    add_length(c, response);
    for (size_t i = 0; i < response->field_count; i++)
        add_field(c, response->field[i].name, response->field[i].value);
    if (c->last)
        add_str(c, "connection: close\r\n");
    http_queue_add(&c->out, slice_of("\r\n", 2));
}

static void finish(struct http1 *c)
{
    c->state = c->last ? HTTP1_OVER : HTTP1_START;
}

static void add_part(struct http1 *c, struct slice part, bool end)
{
    if (part.len && !c->old) {
        add_number(c, part.len, 16);
        http_queue_add(&c->out, slice_of("\r\n", 2));
    }
    http_queue_add(&c->out, part);
    if (part.len && !c->old)
        http_queue_add(&c->out, slice_of("\r\n", 2));
    if (end && !c->old)
        add_str(c, "0\r\n\r\n");
}

void http1_respond(struct http_conn *conn, int32_t stream, struct http_response *response)
{
    struct http1 *c = (struct http1 *)conn;
    bool body = c->head.method != HTTP_HEAD && http_status_has_body(response->status);

    if (c->state != HTTP1_ANSWER || stream != c->stream)
        return;
    assert(response->status >= 200 && response->status <= 599);
    add_head(c, response);
    if (!body) {
        finish(c);
    } else if (response->stream) {
        c->state = HTTP1_STREAMING;
        add_part(c, buf_slice(&response->body), false);
    } else {
        http_queue_move(&c->out, &response->body);
        finish(c);
    }
}

void http1_write(struct http_conn *conn, int32_t stream, struct slice part, bool end)
{
    struct http1 *c = (struct http1 *)conn;

    if (c->state != HTTP1_STREAMING || stream != c->stream)
        return;
    add_part(c, part, end);
    if (end)
        finish(c);
}

void http1_give_up(struct http_conn *conn, int status, const char *detail)
{
    struct http1 *c = (struct http1 *)conn;
    struct http_response response = { 0 };

    c->last = true;
    if (c->state < HTTP1_STREAMING) {
        c->state = HTTP1_ANSWER;
        http_response_problem(&response, status, detail);
        http1_respond(conn, c->stream, &response);
        http_response_clear(&response);
    }
    c->state = HTTP1_OVER;
}

int http1_refuse(struct http1 *c, int status, const char *detail, struct err *e)
{
    http1_give_up(&c->conn, status, detail);
    return err_set(e, http_status_code(status), "%s", detail);
}
