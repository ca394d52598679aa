#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include "wire/json.h"

/* Text for people. */

/* Characters, as a terminal counts them (no wide ones, no combining ones). */
size_t text_width(struct slice text);
void text_pad(struct buf *out, size_t spaces);
/* Appends text with what may not reach a terminal as '?'. */
void text_add_safe(struct buf *out, struct slice text);

/* Words filled into lines of `width` characters; a line after the first begins with `indent`
 * spaces. `column` is where the first begins. An empty line divides paragraphs. Ends with a line
 * end. */
struct fill {
    size_t indent, width, column;
};
void text_fill(struct buf *out, const char *text, const struct fill *fill);

/* {member} stands for that member of `first`, else of `second` (dotted paths), a list with commas;
 * of neither: "". */
void text_expand(struct buf *out, const char *text, const struct json_value *first,
                 const struct json_value *second);
/* A scalar as people read it: a text as it is, numbers, yes and no, a list with commas, "" for
 * null. */
void text_add_value(struct buf *out, const struct json_value *v);

#endif
