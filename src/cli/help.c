#include "cli/help.h"

#include "cli/look_up.h"
#include "cli/nouns.h"
#include "cli/text.h"

enum { WIDTH = 80, LEFT = 2, LONGEST_TITLE = 24 };

static void put_paragraphs(struct buf *out, const char *text)
{
    text_fill(out, text, &(struct fill){ .width = WIDTH });
}

/* Two columns: what it is called, what it is. A long name has a line of its own. */
static void put_row(struct buf *out, const char *title, const char *text, size_t width)
{
    size_t used = LEFT + strlen(title);

    text_pad(out, LEFT);
    buf_add_str(out, title);
    if (strlen(title) > width) {
        buf_add_byte(out, '\n');
        used = 0;
    }
    text_pad(out, LEFT + width + 2 - used);
    text_fill(out, text, &(struct fill){ LEFT + width + 2, WIDTH, LEFT + width + 2 });
}

/* A summary as a sentence. */
static void put_sentence(struct buf *out, const char *summary)
{
    bool small = summary[0] >= 'a' && summary[0] <= 'z';

    buf_add_byte(out, (uint8_t)(small ? summary[0] - 'a' + 'A' : summary[0]));
    buf_addf(out, "%s.\n", summary + 1);
}

/* ---- options ---- */

void option_title(struct buf *out, const struct option *option)
{
    if (option->letter)
        buf_addf(out, "-%c, ", (int)option->letter);
    buf_addf(out, "--%s", option->name);
    if (option->value)
        buf_addf(out, " %s", option->value);
}

void option_remark(struct buf *out, const struct option *option)
{
    const char *separator = " (";

    if (option->choices) {
        buf_addf(out, "%s%s", separator, option->choices);
        separator = "; ";
    }
    if (option->required) {
        buf_addf(out, "%srequired", separator);
        separator = "; ";
    }
    if (option->repeated) {
        buf_addf(out, "%scan be repeated", separator);
        separator = "; ";
    }
    if (option->otherwise) {
        buf_addf(out, "%sdefault: %s", separator, option->otherwise);
        separator = "; ";
    }
    if (separator[0] == ';')
        buf_add_byte(out, ')');
}

static void put_option(struct buf *out, const struct option *o, size_t width)
{
    CLEANUP(buf_clear) struct buf title = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };

    option_title(&title, o);
    buf_add_str(&text, o->help);
    option_remark(&text, o);
    put_row(out, buf_str(&title), buf_str(&text), width);
}

static bool is_global(const struct option *o)
{
    for (const struct option *g = global_options; g->name; g++)
        if (g == o)
            return true;
    return false;
}

static void put_options(struct buf *out, const struct command *command, bool global,
                        const char *title)
{
    const struct option *o;
    bool any = false;

    for (size_t i = 0; (o = option_at(command, i)); i++) {
        if (is_global(o) != global)
            continue;
        if (!any)
            buf_addf(out, "\n%s:\n", title);
        any = true;
        put_option(out, o, LONGEST_TITLE);
    }
}

/* ---- a command ---- */

static void put_required(struct buf *out, const struct option *o)
{
    buf_addf(out, " --%s %s%s", o->name, o->value, o->repeated ? "..." : "");
}

void usage_write(struct buf *out, const struct command *command)
{
    const struct positional *p = command->positional;
    const struct option *o = command->options;

    buf_addf(out, "poterne %s", command->noun);
    if (command->verb)
        buf_addf(out, " %s", command->verb);
    for (; p && p->name; p++)
        buf_addf(out, p->optional ? " [%s]%s" : " %s%s", p->name, p->repeated ? "..." : "");
    for (; o && o->name; o++)
        if (o->required)
            put_required(out, o);
    buf_add_str(out, " [options]");
}

static void put_arguments(struct buf *out, const struct positional *p)
{
    size_t width = 0;

    if (!p)
        return;
    for (const struct positional *q = p; q->name; q++)
        width = strlen(q->name) > width ? strlen(q->name) : width;
    buf_add_str(out, "\nArguments:\n");
    for (; p->name; p++) {
        CLEANUP(buf_clear) struct buf text = { 0 };

        buf_add_str(&text, p->help);
        if (p->choices)
            buf_addf(&text, " (%s)", p->choices);
        put_row(out, p->name, buf_str(&text), width);
    }
}

static void put_example(struct buf *out, const char *example)
{
    struct slice rest = slice_str(example), line;
    bool more = example != NULL;

    if (more)
        buf_add_str(out, "\nExamples:\n");
    while (more) {
        more = slice_cut(&rest, '\n', &line);
        if (!more)
            line = rest;
        buf_addf(out, "  " SLICE_FMT "\n", SLICE_ARG(line));
    }
}

static void put_command(struct buf *out, const struct command *c)
{
    CLEANUP(buf_clear) struct buf usage = { 0 };

    usage_write(&usage, c);
    buf_add_str(out, "usage: ");
    text_fill(out, buf_str(&usage), &(struct fill){ 11, WIDTH, 7 });
    buf_add_byte(out, '\n');
    put_sentence(out, c->summary);
    if (c->details) {
        buf_add_byte(out, '\n');
        put_paragraphs(out, c->details);
    }
    put_arguments(out, c->positional);
    put_options(out, c, false, "Options");
    put_options(out, c, true, "Options of every command");
    put_example(out, c->example);
}

/* ---- a noun, and the whole ---- */

static void put_noun(struct buf *out, const struct noun *n)
{
    size_t width = 0;

    buf_addf(out, "usage: poterne %s COMMAND [arguments] [options]\n\n", n->name);
    put_sentence(out, n->summary);
    buf_add_str(out, "\nCommands:\n");
    for (const struct command *c = n->commands; c->noun; c++)
        width = strlen(c->verb) > width ? strlen(c->verb) : width;
    for (const struct command *c = n->commands; c->noun; c++)
        put_row(out, c->verb, c->summary, width);
    buf_addf(out, "\n'poterne %s COMMAND --help' says more.\n", n->name);
}

static void put_verbs(struct buf *out, const struct noun *n)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    buf_add_str(&text, n->summary);
    if (!noun_is_command(n)) {
        buf_add_str(&text, " (");
        for (const struct command *c = n->commands; c->noun; c++)
            buf_addf(&text, "%s%s", c == n->commands ? "" : ", ", c->verb);
        buf_add_byte(&text, ')');
    }
    put_row(out, n->name, buf_str(&text), 10);
}

static void put_whole(struct buf *out)
{
    buf_add_str(out, "usage: poterne COMMAND ... [options]\n\n");
    put_paragraphs(out, "The security plane of a Kubernetes cluster: every key, certificate, "
                        "kubeconfig and flag that "
                        "its control plane needs, under five separate authorities.");
    buf_add_str(out, "\nCommands:\n");
    for (const struct noun *n = nouns; n->name; n++)
        if (!n->hidden)
            put_verbs(out, n);
    put_options(out, NULL, true, "Options of every command");
    buf_add_str(out, "\nExit codes:\n"
                     "  0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 refused,\n"
                     "  6 expiring only, 7 a check found a fault, 8 unreachable\n"
                     "\n'poterne COMMAND --help' says more.\n");
}

void help_write(struct buf *out, const struct noun *noun, const struct command *command)
{
    if (command)
        put_command(out, command);
    else if (noun)
        put_noun(out, noun);
    else
        put_whole(out);
}

/* ---- poterne help [NOUN [VERB]] ---- */

int builtin_help(const struct line *line, struct buf *out, struct err *e)
{
    const struct noun *noun;
    const struct command *command;

    if (look_up_subject(line, &noun, &command, e))
        return -1;
    help_write(out, noun, command);
    return 0;
}
