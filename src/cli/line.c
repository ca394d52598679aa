#include "cli/parse.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/suggest.h"

enum { SHOWN = LINE_SHOWN };

/* ---- what was read ---- */

void line_clear(struct line *line)
{
    free(line->value);
    *line = (struct line){ 0 };
}

const char *line_text(const struct line *line, const char *json)
{
    for (size_t i = 0; i < line->count; i++) {
        const struct line_value *v = &line->value[i];

        if (strcmp(v->option ? v->option->json : v->positional->json, json) == 0)
            return v->text;
    }
    return NULL;
}

bool line_flag(const struct line *line, const char *json)
{
    return line_text(line, json) != NULL;
}

/* Of "a|b|c": the index of the word, or -1. */
static int choice_index(const char *choices, const char *word)
{
    struct slice rest = slice_str(choices), head;
    bool more = true;

    for (int i = 0; more; i++) {
        more = slice_cut(&rest, '|', &head);
        if (slice_eq_str(more ? head : rest, word))
            return i;
    }
    return -1;
}

enum format line_format(const struct line *line)
{
    const char *text = line_text(line, "output");
    int index = text ? choice_index(option_find(NULL, slice_str("output"))->choices, text) : -1;

    return index < 0 ? FORMAT_TABLE : (enum format)index;
}

static void put_values(const struct line *line, struct json_writer *w, const char *json)
{
    json_put_array(w, json);
    for (size_t i = 0; i < line->count; i++) {
        const struct line_value *v = &line->value[i];

        if (strcmp(v->option ? v->option->json : v->positional->json, json) == 0)
            json_put_text(w, NULL, v->text);
    }
    json_put_end(w);
}

static void put_option(const struct line *line, struct json_writer *w, const struct option *o)
{
    const char *text = line_text(line, o->json);

    if (!text)
        return;
    if (o->repeated)
        put_values(line, w, o->json);
    else if (o->type == OPTION_FLAG)
        json_put_bool(w, o->json, true);
    else if (o->type == OPTION_NUMBER)
        json_put_int(w, o->json, strtoll(text, NULL, 10));
    else
        json_put_text(w, o->json, text);
}

void line_json(const struct line *line, struct buf *out)
{
    const struct positional *p = line->command->positional;
    const struct option *o = line->command->options;
    struct json_writer w;

    json_writer_init(&w, out, false);
    json_put_object(&w, NULL);
    for (; p && p->name; p++) {
        if (p->repeated)
            put_values(line, &w, p->json);
        else if (line_text(line, p->json))
            json_put_text(&w, p->json, line_text(line, p->json));
    }
    for (; o && o->name; o++)
        put_option(line, &w, o);
    json_put_end(&w);
}

/* ---- whether it can be right ---- */

static int wrong_choice(const char *what, const char *choices, const char *text, struct err *e)
{
    struct suggestion s = { .typed = text };
    char copy[128], *word = copy;

    (void)snprintf(copy, sizeof copy, "%s", choices);
    while (word) {
        char *end = strchr(word, '|');

        if (end)
            *end = '\0';
        suggest(&s, word);
        word = end ? end + 1 : NULL;
    }
    if (s.best)
        return err_set(e, ERR_INVALID, "%s '%.*s' is none of %s; did you mean '%s'?", what, SHOWN,
                       text, choices, s.best);
    return err_set(e, ERR_INVALID, "%s '%.*s' is none of %s", what, SHOWN, text, choices);
}

static int check_option(const struct option *o, const char *text, struct err *e)
{
    char what[48];
    int64_t seconds;

    (void)snprintf(what, sizeof what, "--%s", o->name);
    switch (o->type) {
    case OPTION_DURATION:
        return duration_parse(&seconds, slice_str(text), e) ? err_wrap(e, "%s", what) : 0;
    case OPTION_NUMBER:
        if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 18)
            return err_set(e, ERR_INVALID, "%s '%.*s' is not a whole number", what, SHOWN, text);
        return 0;
    case OPTION_CHOICE:
        return choice_index(o->choices, text) < 0 ? wrong_choice(what, o->choices, text, e) : 0;
    default:
        return 0;
    }
}

static int check_value(const struct line_value *v, struct err *e)
{
    const char *name = v->option ? v->option->name : v->positional->name;
    const char *dashes = v->option ? "--" : "";

    if (v->option && v->option->type == OPTION_FLAG)
        return 0;
    if (!v->text[0] && !(v->positional && v->positional->may_be_empty))
        return err_set(e, ERR_INVALID, "%s%s is empty: %s", dashes, name,
                       v->option ? v->option->help : v->positional->help);
    if (!utf8_valid(slice_str(v->text)))
        return err_set(e, ERR_INVALID, "%s%s '%.*s' is not UTF-8", dashes, name, SHOWN, v->text);
    if (v->option)
        return check_option(v->option, v->text, e);
    if (v->positional->choices && choice_index(v->positional->choices, v->text) < 0)
        return wrong_choice(name, v->positional->choices, v->text, e);
    return 0;
}

static int check_repeats(const struct line *line, struct err *e)
{
    for (size_t i = 0; i < line->count; i++)
        for (size_t k = 0; k < i; k++)
            if (line->value[i].option && line->value[i].option == line->value[k].option &&
                !line->value[i].option->repeated && line->value[i].option->type != OPTION_FLAG)
                return err_set(e, ERR_INVALID, "option '--%s' is given twice",
                               line->value[i].option->name);
    return 0;
}

static int check_missing(const struct line *line, struct err *e)
{
    const struct option *o = line->command->options;
    const struct positional *p = line->command->positional;

    for (; p && p->name; p++)
        if (!p->optional && !line_text(line, p->json))
            return err_set(e, ERR_INVALID, "%s is missing: %s", p->name, p->help);
    for (; o && o->name; o++)
        if (o->required && !line_text(line, o->json))
            return err_set(e, ERR_INVALID, "option '--%s %s' is missing: %s", o->name, o->value,
                           o->help);
    return 0;
}

int line_check(const struct line *line, struct err *e)
{
    for (size_t i = 0; i < line->count; i++)
        if (check_value(&line->value[i], e))
            return -1;
    if (check_repeats(line, e))
        return -1;
    return line->command ? check_missing(line, e) : 0;
}
