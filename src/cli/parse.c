#include "cli/parse.h"

#include "base/alloc.h"
#include "base/suggest.h"
#include "cli/look_up.h"

enum { SHOWN = LINE_SHOWN };

struct reader {
    struct line *line;
    int argc;
    char *const *argv;
    int noun_at, verb_at; /* which words these were; 0: none */
    bool partly;
    struct err *e;
};

/* ---- which command ---- */

/* Before the command is known, any option of that name says whether it takes a value: they all
 * agree. */
static bool takes_value(const char *name, size_t len)
{
    struct slice text = slice_of(name, len);
    const struct option *o = option_find(NULL, text);

    for (const struct noun *n = nouns; !o && n->name; n++)
        for (const struct command *c = n->commands; !o && c->noun; c++)
            o = option_find(c, text);
    return o && o->type != OPTION_FLAG;
}

/* Whether the value of a "-xyz" is the next word: letters are global options. */
static bool letters_take_next(const char *letters)
{
    for (; *letters; letters++) {
        const struct option *o = option_of_letter(NULL, *letters);

        if (o && o->type != OPTION_FLAG)
            return letters[1] == '\0';
    }
    return false;
}

/* Steps over an option and its value; false at a word. */
static bool skip_option(const struct reader *r, int *i)
{
    const char *arg = r->argv[*i];
    size_t len;

    if (arg[0] != '-' || !arg[1])
        return false;
    if (arg[1] != '-') {
        *i += letters_take_next(arg + 1);
        return true;
    }
    len = strcspn(arg + 2, "=");
    if (!arg[2 + len] && takes_value(arg + 2, len))
        (*i)++;
    return true;
}

static int find_command(struct reader *r)
{
    struct line *line = r->line;

    for (int i = 1; i < r->argc && !line->command; i++) {
        const char *word = r->argv[i];

        if (strcmp(word, "--") == 0)
            break;
        if (skip_option(r, &i))
            continue;
        if (!line->noun) {
            r->noun_at = i;
            if (look_up_noun(&line->noun, word, i + 1 < r->argc ? r->argv[i + 1] : NULL, r->e))
                return -1;
            if (noun_is_command(line->noun))
                line->command = line->noun->commands;
            continue;
        }
        r->verb_at = i;
        if (look_up_verb(&line->command, line->noun, word, r->e))
            return -1;
    }
    return 0;
}

/* ---- options ---- */

/* A flag that is there already says nothing new. */
static bool is_repeated_flag(const struct line *line, const struct option *o)
{
    for (size_t i = 0; o && o->type == OPTION_FLAG && i < line->count; i++)
        if (line->value[i].option == o)
            return true;
    return false;
}

static void keep(struct line *line, const struct option *o, const struct positional *p,
                 const char *text)
{
    if (is_repeated_flag(line, o))
        return;
    line->value[line->count++] = (struct line_value){ o, p, text };
    if (o && strcmp(o->name, "help") == 0)
        line->help = true;
}

static int unknown_option(const struct reader *r, struct slice name)
{
    CLEANUP(freep) char *typed = slice_dup(name);
    struct suggestion s = { .typed = typed };
    const struct option *o;

    for (size_t i = 0; (o = option_at(r->line->command, i)); i++)
        suggest(&s, o->name);
    if (s.best)
        return err_set(r->e, ERR_INVALID, "unknown option '--%.*s'; did you mean '--%s'?", SHOWN,
                       typed, s.best);
    return err_set(r->e, ERR_INVALID, "unknown option '--%.*s'", SHOWN, typed);
}

/* A value that is an option of this command was forgotten rather than meant. */
static bool looks_like_option(const struct reader *r, const char *text)
{
    return strncmp(text, "--", 2) == 0 &&
           (!text[2] || option_find(r->line->command, slice_of(text + 2, strcspn(text + 2, "="))));
}

/* The value is the next word. */
static int take_next(struct reader *r, const struct option *o, int *i)
{
    const char *next = *i + 1 < r->argc ? r->argv[*i + 1] : NULL;

    if (!next) {
        r->line->waiting = o;
        return err_set(r->e, ERR_INVALID, "option '--%s' needs a value: --%s %s", o->name, o->name,
                       o->value);
    }
    if (looks_like_option(r, next))
        return err_set(r->e, ERR_INVALID,
                       "option '--%s' needs a value: --%s %s (write --%s=%.40s if that is it)",
                       o->name, o->name, o->value, o->name, next);
    (*i)++;
    keep(r->line, o, NULL, next);
    return 0;
}

static int read_long(struct reader *r, int *i)
{
    const char *name = r->argv[*i] + 2;
    size_t len = strcspn(name, "=");
    const struct option *o = option_find(r->line->command, slice_of(name, len));

    if (!o && !r->line->noun && slice_eq_str(slice_of(name, len), "version")) {
        r->line->version = true;
        return 0;
    }
    if (!o)
        return unknown_option(r, slice_of(name, len));
    if (o->type == OPTION_FLAG) {
        if (name[len])
            return err_set(r->e, ERR_INVALID, "option '--%s' takes no value", o->name);
        keep(r->line, o, NULL, "");
        return 0;
    }
    if (!name[len])
        return take_next(r, o, i);
    keep(r->line, o, NULL, name + len + 1);
    return 0;
}

static int read_letters(struct reader *r, int *i)
{
    for (const char *letter = r->argv[*i] + 1; *letter; letter++) {
        const struct option *o = option_of_letter(r->line->command, *letter);

        if (!o)
            return err_set(r->e, ERR_INVALID,
                           "unknown option '%.*s': long options begin with two dashes, and a name "
                           "with a dash in front goes behind '--'",
                           SHOWN, r->argv[*i]);
        if (o->type != OPTION_FLAG) {
            if (!letter[1])
                return take_next(r, o, i);
            keep(r->line, o, NULL, letter + 1);
            return 0;
        }
        keep(r->line, o, NULL, "");
    }
    return 0;
}

/* ---- words ---- */

static int read_word(struct reader *r, const char *word)
{
    struct line *line = r->line;
    const struct positional *p = line->command ? line->command->positional : NULL;

    for (size_t i = 0; p && p->name && !p->repeated && i < line->words; i++)
        p++;
    line->words++;
    if (!line->command) /* completion of a noun or verb */
        return 0;
    if (!p || !p->name)
        return err_set(r->e, ERR_INVALID, "unexpected argument '%.*s'", SHOWN, word);
    keep(line, NULL, p, word);
    return 0;
}

static int read_argument(struct reader *r, int *i, bool *only_words)
{
    const char *arg = r->argv[*i];

    if (!*only_words && (*i == r->noun_at || *i == r->verb_at))
        return 0;
    if (!*only_words && strcmp(arg, "--") == 0) {
        *only_words = true;
        return 0;
    }
    if (*only_words || arg[0] != '-' || !arg[1])
        return read_word(r, arg);
    return arg[1] == '-' ? read_long(r, i) : read_letters(r, i);
}

/* ---- the whole line ---- */

static int read_line(struct reader *r)
{
    bool only_words = false;

    for (int i = 1; i < r->argc; i++)
        if (read_argument(r, &i, &only_words) && !r->partly)
            return -1;
    return 0;
}

/* A value for each word at most, and each flag once. */
static void make_room(struct line *line, int argc)
{
    line->value = xcalloc((size_t)argc + 64, sizeof *line->value);
}

/* Somebody who asks for help gets it, whatever else is wrong. */
static bool asks_for_help(int argc, char *const *argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int line_parse(struct line *line, int argc, char *const *argv, struct err *e)
{
    struct reader r = { .line = line, .argc = argc, .argv = argv, .e = e };
    int rc;

    make_room(line, argc);
    if (find_command(&r))
        return -1;
    rc = read_line(&r);
    if (rc && asks_for_help(argc, argv)) {
        line->help = true;
        return 0;
    }
    return rc || line->help || line->version ? rc : line_check(line, e);
}

void line_parse_partly(struct line *line, int argc, char *const *argv)
{
    struct reader r = { .line = line, .argc = argc, .argv = argv, .partly = true };

    make_room(line, argc);
    (void)find_command(&r);
    (void)read_line(&r);
}
