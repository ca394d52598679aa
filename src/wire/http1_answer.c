#include "wire/http1.h"

#include <assert.h>
#include <string.h>

/* A head is written in one go into room that was made for it. */
struct pen {
    uint8_t *at;
};

static void put(struct pen *pen, const char *text, size_t len)
{
    memcpy(pen->at, text, len);
    pen->at += len;
}

static void put_str(struct pen *pen, const char *text)
{
    put(pen, text, strlen(text));
}

static void put_field(struct pen *pen, const char *name, const char *value)
{
    put_str(pen, name);
    put(pen, ": ", 2);
    put_str(pen, value);
    put(pen, "\r\n", 2);
}

enum { DIGITS = 20 }; /* of 64 bits */

static void put_number(struct pen *pen, uint64_t n, unsigned base)
{
    char digits[DIGITS];
    size_t at = sizeof digits;

    do {
        digits[--at] = "0123456789abcdef"[n % base];
        n /= base;
    } while (n);
    put(pen, digits + at, sizeof digits - at);
}

static void put_status(struct pen *pen, int status)
{
    put(pen, "HTTP/1.1 ", 9);
    put_number(pen, (unsigned)status, 10);
    put(pen, " ", 1);
    put_str(pen, http_status_text(status));
    put(pen, "\r\n", 2);
}

void http1_continue(struct http1 *c)
{
    http_queue_add(&c->out, slice_str("HTTP/1.1 100 Continue\r\n\r\n"));
}

/* RFC 9112 section 6.3: what tells the reader where the answer ends. */
static void put_length(const struct http1 *c, struct pen *pen, const struct http_response *response)
{
    if (!http_status_has_body(response->status))
        return;
    if (!response->stream) {
        put_str(pen, "content-length: ");
        put_number(pen, response->body.len, 10);
        put(pen, "\r\n", 2);
    } else if (!c->old) {
        put_field(pen, "transfer-encoding", "chunked");
    }
}

/* What put_head may write, at most. */
static size_t head_room(const struct http_response *response, const char *date)
{
    size_t room = 256; /* status line, names and line ends of what is not counted here */

    room += date ? strlen(date) : 0;
    room += response->type ? strlen(response->type) : 0;
    for (size_t i = 0; i < response->field_count; i++)
        room += strlen(response->field[i].name) + strlen(response->field[i].value) + 4;
    return room;
}

static void put_head(struct http1 *c, const struct http_response *response)
{
    const char *date = http_conn_date(&c->conn);
    size_t room = head_room(response, date);
    uint8_t *start = http_queue_room(&c->out, room);
    struct pen pen = { start };

    if (!start)
        return;
    put_status(&pen, response->status);
    if (date)
        put_field(&pen, "date", date);
    if (response->type)
        put_field(&pen, "content-type", response->type);
    put_length(c, &pen, response);
    for (size_t i = 0; i < response->field_count; i++)
        put_field(&pen, response->field[i].name, response->field[i].value);
    if (c->last)
        put_str(&pen, "connection: close\r\n");
    put(&pen, "\r\n", 2);
    assert((size_t)(pen.at - start) <= room);
    http_queue_wrote(&c->out, (size_t)(pen.at - start));
}

static void finish(struct http1 *c)
{
    c->state = c->last ? HTTP1_OVER : HTTP1_START;
}

static void add_part(struct http1 *c, struct slice part, bool end)
{
    if (part.len && !c->old) {
        uint8_t size[DIGITS];
        struct pen pen = { size };

        put_number(&pen, part.len, 16);
        put(&pen, "\r\n", 2);
        http_queue_add(&c->out, slice_of(size, (size_t)(pen.at - size)));
    }
    http_queue_add(&c->out, part);
    if (part.len && !c->old)
        http_queue_add(&c->out, slice_of("\r\n", 2));
    if (end && !c->old)
        http_queue_add(&c->out, slice_str("0\r\n\r\n"));
}

void http1_respond(struct http_conn *conn, int32_t stream, struct http_response *response)
{
    struct http1 *c = (struct http1 *)conn;
    bool body = c->head.method != HTTP_HEAD && http_status_has_body(response->status);

    if (c->state != HTTP1_ANSWER || stream != c->stream)
        return;
    assert(response->status >= 200 && response->status <= 599);
    put_head(c, response);
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
