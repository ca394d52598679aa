#include "cli/look_up.h"

#include "base/suggest.h"

enum { SHOWN = LINE_SHOWN };

static int unknown_noun(const char *word, struct err *e)
{
    struct suggestion s = { .typed = word };

    for (const struct noun *n = nouns; n->name; n++)
        if (!n->hidden)
            suggest(&s, n->name);
    if (s.best)
        return err_set(e, ERR_INVALID, "unknown command '%.*s'; did you mean '%s'?", SHOWN, word,
                       s.best);
    return err_set(e, ERR_INVALID, "unknown command '%.*s'", SHOWN, word);
}

/* `poterne create cluster` */
static bool is_swapped(const char *first, const char *second)
{
    const struct noun *n = noun_find(second);

    return n && !noun_is_command(n) && noun_command(n, first);
}

static int unknown_verb(const struct noun *noun, const char *word, struct err *e)
{
    CLEANUP(buf_clear) struct buf verbs = { 0 };
    struct suggestion s = { .typed = word };

    for (const struct command *c = noun->commands; c->noun; c++) {
        suggest(&s, c->verb);
        buf_addf(&verbs, "%s%s", verbs.len ? ", " : "", c->verb);
    }
    if (s.best)
        return err_set(e, ERR_INVALID, "'%s' has no command '%.*s'; did you mean '%s %s'?",
                       noun->name, SHOWN, word, noun->name, s.best);
    return err_set(e, ERR_INVALID, "'%s' has no command '%.*s'; it has: %s", noun->name, SHOWN,
                   word, buf_str(&verbs));
}

int look_up_noun(const struct noun **ret, const char *word, const char *next, struct err *e)
{
    const struct noun *n = noun_find(word);

    if (!n && next && is_swapped(word, next))
        return err_set(e, ERR_INVALID, "the noun comes first: 'poterne %s %s'", next, word);
    if (!n)
        return unknown_noun(word, e);
    *ret = n;
    return 0;
}

int look_up_verb(const struct command **ret, const struct noun *noun, const char *word,
                 struct err *e)
{
    if (noun_is_command(noun))
        return err_set(e, ERR_INVALID, "'%s' has no command '%.*s'", noun->name, SHOWN, word);
    *ret = noun_command(noun, word);
    return *ret ? 0 : unknown_verb(noun, word, e);
}

int look_up_subject(const struct line *line, const struct noun **noun,
                    const struct command **command, struct err *e)
{
    const char *first = line_text(line, "noun"), *second = line_text(line, "verb");

    *noun = NULL;
    *command = NULL;
    if (!first)
        return 0;
    if (look_up_noun(noun, first, second, e))
        return -1;
    if (second)
        return look_up_verb(command, *noun, second, e);
    if (noun_is_command(*noun))
        *command = (*noun)->commands;
    return 0;
}
