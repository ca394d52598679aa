#ifndef WIRE_HTTP_HEAD_H
#define WIRE_HTTP_HEAD_H

#include "wire/http.h"

/*
 * The head of a request while it comes: one text, into which the parts point. It grows, so the
 * parts are numbers until it is handed out. Who fills it holds the limits. All zero: empty.
 */
struct http_piece {
    uint32_t at, len; /* of the text */
};
struct http_line {
    struct http_piece name, value;
};
struct http_head {
    enum http_method method;
    struct buf text;
    struct http_piece target, host;
    struct http_line *line;
    struct http_field *field; /* the same as slices, made by http_head_request */
    size_t room, count;       /* of both */
};

void http_head_clear(struct http_head *head);
void http_head_reset(struct http_head *head); /* empty; a little memory stays for the next */
struct http_piece http_head_text(struct http_head *head, struct slice bytes); /* appends it */
void http_head_keep(struct http_head *head, struct http_line line);
struct http_request http_head_request(struct http_head *head); /* but for the body */

static inline struct slice http_head_slice(const struct http_head *head, struct http_piece p)
{
    return slice_of(head->text.ptr + p.at, p.len);
}

#endif
