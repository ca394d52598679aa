#include "wire/http_head.h"

#include "base/alloc.h"
#include <stdlib.h>

enum {
    FIRST_TEXT = 512,
    FIRST_LINES = 16,
    KEPT_TEXT = 2 << 10, /* memory that stays for the next request */
    KEPT_LINES = 32,
};

static void clear_lines(struct http_head *head)
{
    free(head->line);
    free(head->field);
    head->line = NULL;
    head->field = NULL;
    head->room = 0;
}

void http_head_clear(struct http_head *head)
{
    buf_clear(&head->text);
    clear_lines(head);
    *head = (struct http_head){ 0 };
}

void http_head_reset(struct http_head *head)
{
    if (head->text.cap > KEPT_TEXT)
        buf_clear(&head->text);
    else
        buf_reset(&head->text);
    if (head->room > KEPT_LINES)
        clear_lines(head);
    head->count = 0;
    head->method = HTTP_GET;
    head->target = head->host = (struct http_piece){ 0 };
}

struct http_piece http_head_text(struct http_head *head, struct slice bytes)
{
    struct http_piece piece = { .at = (uint32_t)head->text.len };

    if (head->text.cap == 0)
        (void)buf_room(&head->text, FIRST_TEXT);
    buf_add_slice(&head->text, bytes);
    piece.len = (uint32_t)head->text.len - piece.at;
    return piece;
}

void http_head_keep(struct http_head *head, struct http_line line)
{
    if (head->count == head->room) {
        head->room = head->room ? head->room * 2 : FIRST_LINES;
        head->line = xrealloc_array(head->line, head->room, sizeof *head->line);
        head->field = xrealloc_array(head->field, head->room, sizeof *head->field);
    }
    head->line[head->count++] = line;
}

struct http_request http_head_request(struct http_head *head)
{
    for (size_t i = 0; i < head->count; i++)
        head->field[i] = (struct http_field){ http_head_slice(head, head->line[i].name),
                                              http_head_slice(head, head->line[i].value) };
    return (struct http_request){ .method = head->method,
                                  .target = http_head_slice(head, head->target),
                                  .authority = http_head_slice(head, head->host),
                                  .field = head->field,
                                  .field_count = head->count };
}
