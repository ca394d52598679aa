#include "cli/help.h"

#include "cli/look_up.h"
#include "cli/nouns.h"
#include <errno.h>
#include <sys/stat.h>

/*
 * Manual pages (man(7)) from the table: poterne(1), poterne-NOUN(1), poterne-NOUN-VERB(1).
 */

/* A piece of a line: what roff would read as its own is escaped. */
static void put_text(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.ptr[i];

        if (c == '\\')
            buf_add_str(out, "\\e");
        else if (c == '-')
            buf_add_str(out, "\\-");
        else if ((c == '.' || c == '\'') && (i == 0 || text.ptr[i - 1] == '\n'))
            buf_addf(out, "\\&%c", (int)c);
        else
            buf_add_byte(out, (uint8_t)c);
    }
}

static void put_line(struct buf *out, const char *text)
{
    put_text(out, slice_str(text));
    buf_add_byte(out, '\n');
}

static void put_paragraphs(struct buf *out, const char *text)
{
    const char *end;

    for (; (end = strstr(text, "\n\n")); text = end + 2) {
        put_text(out, slice_of(text, (size_t)(end - text)));
        buf_add_str(out, "\n.PP\n");
    }
    put_line(out, text);
}

static void put_name(struct buf *out, const struct noun *noun, const struct command *command,
                     char separator)
{
    buf_add_str(out, "poterne");
    if (noun)
        buf_addf(out, "%c%s", (int)separator, noun->name);
    if (command && command->verb)
        buf_addf(out, "%c%s", (int)separator, command->verb);
}

static void put_head(struct buf *out, const struct noun *noun, const struct command *command,
                     const char *summary)
{
    CLEANUP(buf_clear) struct buf name = { 0 };

    put_name(&name, noun, command, '-');
    buf_add_str(out, ".TH ");
    for (size_t i = 0; i < name.len; i++)
        buf_add_byte(out, (uint8_t)(name.ptr[i] >= 'a' && name.ptr[i] <= 'z' ? name.ptr[i] - 32
                                                                             : name.ptr[i]));
    buf_add_str(out, " 1 \"\" \"poterne " POTERNE_VERSION "\" \"poterne\"\n.ad l\n.nh\n.SH NAME\n");
    put_text(out, buf_slice(&name));
    buf_add_str(out, " \\- ");
    put_line(out, summary);
}

/* ---- parts of a page ---- */

static void put_option(struct buf *out, const struct option *o)
{
    CLEANUP(buf_clear) struct buf title = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };

    option_title(&title, o);
    buf_add_str(&text, o->help);
    option_remark(&text, o);
    buf_add_str(out, ".TP\n.B ");
    put_line(out, buf_str(&title));
    put_line(out, buf_str(&text));
}

static void put_options(struct buf *out, const struct command *command)
{
    const struct option *o;

    buf_add_str(out, ".SH OPTIONS\n");
    for (size_t i = 0; (o = option_at(command, i)); i++)
        put_option(out, o);
}

static void put_arguments(struct buf *out, const struct positional *p)
{
    if (!p)
        return;
    buf_add_str(out, ".SH ARGUMENTS\n");
    for (; p->name; p++) {
        buf_add_str(out, ".TP\n.I ");
        put_line(out, p->name);
        put_text(out, slice_str(p->help));
        if (p->choices) {
            buf_add_str(out, " (");
            put_text(out, slice_str(p->choices));
            buf_add_byte(out, ')');
        }
        buf_add_byte(out, '\n');
    }
}

static void put_example(struct buf *out, const char *example)
{
    struct slice rest = slice_str(example), line;
    bool more = example != NULL;

    if (!more)
        return;
    buf_add_str(out, ".SH EXAMPLES\n.nf\n");
    while (more) {
        more = slice_cut(&rest, '\n', &line);
        put_text(out, more ? line : rest);
        buf_add_byte(out, '\n');
    }
    buf_add_str(out, ".fi\n");
}

static void put_exit_status(struct buf *out)
{
    static const struct {
        const char *code, *text;
    } rows[] = {
        { "0", "done" },
        { "1", "failed" },
        { "2", "the command line, or what was asked for, is not valid" },
        { "3", "there is no such thing" },
        { "4", "it exists already and differs" },
        { "5", "refused" },
        { "6", "a check found what is expiring, and nothing else" },
        { "7", "a check found a fault" },
        { "8", "the other side does not answer" },
    };

    buf_add_str(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        buf_addf(out, ".TP\n%s\n%s\n", rows[i].code, rows[i].text);
}

/* ---- the pages ---- */

static void put_command(struct buf *out, const struct noun *n, const struct command *c)
{
    CLEANUP(buf_clear) struct buf usage = { 0 };

    put_head(out, n, c, c->summary);
    usage_write(&usage, c);
    buf_add_str(out, ".SH SYNOPSIS\n");
    put_line(out, buf_str(&usage));
    if (c->details) {
        buf_add_str(out, ".SH DESCRIPTION\n");
        put_paragraphs(out, c->details);
    }
    put_arguments(out, c->positional);
    put_options(out, c);
    put_example(out, c->example);
    put_exit_status(out);
    buf_add_str(out, ".SH SEE ALSO\n.BR poterne (1)\n");
}

static void put_page_row(struct buf *out, const struct noun *n, const struct command *c,
                         const char *summary)
{
    CLEANUP(buf_clear) struct buf name = { 0 };

    put_name(&name, n, c, '-');
    buf_add_str(out, ".TP\n.BR ");
    put_text(out, buf_slice(&name));
    buf_add_str(out, " (1)\n");
    put_line(out, summary);
}

static void put_noun(struct buf *out, const struct noun *n)
{
    put_head(out, n, NULL, n->summary);
    buf_addf(out, ".SH SYNOPSIS\npoterne %s COMMAND [arguments] [options]\n.SH COMMANDS\n",
             n->name);
    for (const struct command *c = n->commands; c->noun; c++)
        put_page_row(out, n, c, c->summary);
    buf_add_str(out, ".SH SEE ALSO\n.BR poterne (1)\n");
}

static void put_whole(struct buf *out)
{
    put_head(out, NULL, NULL, "the security plane of a Kubernetes cluster");
    buf_add_str(out, ".SH SYNOPSIS\npoterne COMMAND ... [options]\n.SH DESCRIPTION\n");
    put_paragraphs(out,
                   "Makes and keeps every key, certificate, kubeconfig and flag that the control "
                   "plane of a cluster needs, under five separate certificate authorities. Every "
                   "command is a request of an API, which runs on the local state directory.");
    buf_add_str(out, ".SH COMMANDS\n");
    for (const struct noun *n = nouns; n->name; n++)
        if (!n->hidden)
            put_page_row(out, n, NULL, n->summary);
    put_options(out, NULL);
    buf_add_str(out, ".SH ENVIRONMENT\n.TP\n.B POTERNE_STATE\nthe state directory, unless ");
    put_line(out, "--state names another");
    buf_add_str(out, ".TP\n.B NO_COLOR\nno colour when it is not empty\n");
    put_exit_status(out);
}

static void put_page(struct buf *out, const struct noun *noun, const struct command *command)
{
    if (command)
        put_command(out, noun, command);
    else if (noun)
        put_noun(out, noun);
    else
        put_whole(out);
}

/* ---- poterne man ---- */

static int write_page(const char *folder, const struct noun *noun, const struct command *command,
                      struct err *e)
{
    CLEANUP(buf_clear) struct buf path = { 0 };
    CLEANUP(buf_clear) struct buf page = { 0 };
    FILE *file;
    size_t written;

    buf_addf(&path, "%s/", folder);
    put_name(&path, noun, command, '-');
    buf_add_str(&path, ".1");
    put_page(&page, noun, command);
    if (buf_check(&page, e))
        return -1;
    (void)remove(buf_str(&path)); /* so that the folder is as new as its pages: a build asks */
    file = fopen(buf_str(&path), "we");
    if (!file)
        return err_errno(e, "write '%s'", buf_str(&path));
    written = fwrite(page.ptr, 1, page.len, file);
    if (fchmod(fileno(file), 0644) || fclose(file) || written != page.len)
        return err_errno(e, "write '%s'", buf_str(&path));
    return 0;
}

static int write_pages(const char *folder, struct err *e)
{
    if (mkdir(folder, 0755) ? errno != EEXIST : chmod(folder, 0755) != 0)
        return err_errno(e, "make the folder '%s'", folder);
    if (write_page(folder, NULL, NULL, e))
        return -1;
    for (const struct noun *n = nouns; n->name; n++) {
        if (n->hidden)
            continue;
        if (!noun_is_command(n) && write_page(folder, n, NULL, e))
            return -1;
        for (const struct command *c = n->commands; c->noun; c++)
            if (write_page(folder, n, c, e))
                return -1;
    }
    return 0;
}

int builtin_man(const struct line *line, struct buf *out, struct err *e)
{
    const char *folder = line_text(line, "all");
    const struct noun *noun;
    const struct command *command;

    if (folder)
        return write_pages(folder, e);
    if (look_up_subject(line, &noun, &command, e))
        return -1;
    put_page(out, noun, command);
    return buf_check(out, e);
}
