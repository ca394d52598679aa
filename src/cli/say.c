#include "cli/say.h"

#include "api/api.h"
#include "cli/text.h"
#include <errno.h>
#include <unistd.h>

bool color_wanted(const struct line *line, int fd)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM"); /* https://no-color.org */

    if (line_flag(line, "no_color") || (no && no[0]) || !term || strcmp(term, "dumb") == 0)
        return false;
    return isatty(fd);
}

void voice_init(struct voice *v, const struct line *line)
{
    *v = (struct voice){ .quiet = line_flag(line, "quiet"),
                         .color = color_wanted(line, STDERR_FILENO),
                         .terminal = isatty(STDERR_FILENO),
                         .json = line_format(line) == FORMAT_JSON };
}

/* One write for one line, so that lines of several programs do not mix. */
static void put(struct buf *line)
{
    buf_add_byte(line, '\n');
    if (!line->failed && write(STDERR_FILENO, line->ptr, line->len) < 0)
        return; /* nobody left to tell */
}

void say_error(const struct voice *v, const struct err *e)
{
    CLEANUP(buf_clear) struct buf line = { 0 };

    if (v->json)
        api_problem(&line, e, "", true);
    else
        buf_addf(&line, v->color ? "\033[31mpoterne:\033[0m %s" : "poterne: %s", err_text(e));
    put(&line);
}

void say_usage(const struct line *line)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    buf_add_str(&text, "see 'poterne");
    if (line->noun)
        buf_addf(&text, " %s", line->noun->name);
    if (line->command && line->command->verb)
        buf_addf(&text, " %s", line->command->verb);
    buf_add_str(&text, " --help'");
    put(&text);
}

void say_warning(const struct voice *v, const char *text)
{
    CLEANUP(buf_clear) struct buf line = { 0 };

    buf_add_str(&line, v->color ? "\033[33mwarning:\033[0m " : "warning: ");
    text_add_safe(&line, slice_str(text));
    put(&line);
}

void say_line(const struct voice *v, struct slice text)
{
    CLEANUP(buf_clear) struct buf line = { 0 };

    if (v->quiet)
        return;
    text_add_safe(&line, text);
    put(&line);
}

void say_progress(const struct voice *v, const char *text)
{
    CLEANUP(buf_clear) struct buf line = { 0 };

    if (v->quiet || !v->terminal)
        return;
    text_add_safe(&line, slice_str(text));
    buf_add_str(&line, " ...");
    put(&line);
}

int write_stdout(struct voice *v, struct buf *out, struct err *e)
{
    size_t done = 0;

    if (buf_check(out, e))
        return -1;
    while (done < out->len) {
        ssize_t n = write(STDOUT_FILENO, out->ptr + done, out->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            v->broken_pipe = errno == EPIPE;
            (void)err_errno(e, "write to stdout");
            e->code = ERR_IO;
            return -1;
        }
        done += (size_t)n;
    }
    buf_reset(out);
    return 0;
}
