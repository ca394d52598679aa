#ifndef CLI_SAY_H
#define CLI_SAY_H

#include "cli/parse.h"

/* What goes to people, on stderr, and to stdout. */
struct voice {
    bool quiet, color, terminal; /* of stderr */
    bool json;                   /* errors as problem bodies */
    bool broken_pipe;            /* who read stdout is gone: nobody to tell */
};
void voice_init(struct voice *v, const struct line *line);

void say_error(const struct voice *v, const struct err *e);
void say_usage(const struct line *line); /* where to read on */
void say_warning(const struct voice *v, const char *text);
void say_line(const struct voice *v, struct slice text);    /* not when quiet */
void say_progress(const struct voice *v, const char *text); /* on a terminal only */

bool color_wanted(const struct line *line, int fd);
/* All of it, to stdout; empties the buffer. */
int write_stdout(struct voice *v, struct buf *out, struct err *e) MUST_CHECK;

#endif
