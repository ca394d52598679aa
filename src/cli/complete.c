#include "api/client_login.h"
#include "base/alloc.h"
#include "cli/nouns.h"
#include "cli/parse.h"
#include "cli/place.h"
#include "cli/text.h"
#include <signal.h>
#include <unistd.h>

/*
 * `poterne __complete -- WORD...`: what can stand in the place of the last word. A line for each:
 * the word, a tab, what it is. ":file" and ":folder" tell the shell to complete a path itself.
 * Nothing is an error, and nothing takes longer than a person waits.
 */
enum { PATIENCE_S = 2 };

struct completion {
    struct buf *out;
    const struct line *line; /* what stands before */
    const char *word;        /* what is being typed */
    const char *lead;        /* "--out=": stays in front of every value */
};

static void offer(const struct completion *c, struct slice value, const char *help)
{
    if (!slice_starts(value, c->word))
        return;
    buf_add_str(c->out, c->lead);
    text_add_safe(c->out, value);
    if (help)
        buf_addf(c->out, "\t%s", help);
    buf_add_byte(c->out, '\n');
}

/* ---- names from the store ---- */

/* clang-format off */
static const struct {
    const char *what, *path, *items; /* '@' in the path: the cluster that was named */
} sources[] = {
    { "cluster", "/v1/clusters?limit=1000", "items"    },
    { "machine", "/v1/clusters/@",          "machines" },
    { "profile", "/v1/profiles",            "items"    },
    { "operator", "/v1/operators?limit=1000", "items"  },
};
/* clang-format on */

static void offer_items(const struct completion *c, const struct json_value *items)
{
    struct json_iter it = json_iter(items);
    const struct json_value *item;
    const char *key;

    while (json_next(&it, &key, &item))
        if (json_text(json_get(item, "name")))
            offer(c, json_slice(json_get(item, "name")), NULL);
}

static void give_up(int signal)
{
    (void)signal;
    _exit(0);
}

static void offer_stored(const struct completion *c, const char *path, const char *items)
{
    const char *cluster = line_text(c->line, "cluster");
    CLEANUP(place_clear) struct place place = { 0 };
    CLEANUP(door_closep) struct door *door = NULL;
    CLEANUP(json_freep) struct json *reply = NULL;
    CLEANUP(buf_clear) struct buf whole = { 0 };
    struct client client = { 0 };

    if (strchr(path, '@') && !cluster)
        return;
    if (place_find(&place, c->line, NULL) || door_open(&door, &place.options, NULL))
        return;
    (void)signal(SIGALRM, give_up);
    (void)alarm(PATIENCE_S); /* somebody may hold the state directory: then there is no answer */
    client.door = door;
    client_path(&whole, path, &cluster);
    if (client_call(&client, HTTP_GET, buf_str(&whole), slice_of(NULL, 0), &reply, NULL))
        return;
    offer_items(c, json_get(json_root(reply), items));
}

/* ---- names from the table ---- */

static void offer_nouns(const struct completion *c)
{
    for (const struct noun *n = nouns; n->name; n++)
        if (!n->hidden)
            offer(c, slice_str(n->name), n->summary);
}

static void offer_verbs(const struct completion *c, const struct noun *n)
{
    for (const struct command *v = n ? n->commands : NULL; v && v->verb; v++)
        offer(c, slice_str(v->verb), v->summary);
}

static void offer_choices(const struct completion *c, const char *choices)
{
    struct slice rest = slice_str(choices), head;
    bool more = true;

    while (more) {
        more = slice_cut(&rest, '|', &head);
        offer(c, more ? head : rest, NULL);
    }
}

static void offer_options(const struct completion *c)
{
    const struct option *o;

    for (size_t i = 0; (o = option_at(c->line->command, i)); i++) {
        CLEANUP(buf_clear) struct buf name = { 0 };

        if (line_text(c->line, o->json) && !o->repeated)
            continue;
        buf_addf(&name, "--%s", o->name);
        offer(c, buf_slice(&name), o->help);
    }
}

static void offer_contexts(const struct completion *c)
{
    CLEANUP(contexts_clear) struct contexts contexts = { 0 };

    offer(c, slice_str(CONTEXT_LOCAL), "this machine");
    if (client_contexts(&contexts, NULL))
        return;
    for (size_t i = 0; i < contexts.count; i++)
        offer(c, slice_str(contexts.context[i].name), contexts.context[i].server);
}

static void offer_named(const struct completion *c, const char *what)
{
    if (!what)
        return;
    if (strcmp(what, "file") == 0 || strcmp(what, "folder") == 0)
        buf_addf(c->out, ":%s\n", what);
    if (strcmp(what, "context") == 0)
        offer_contexts(c);
    if (strcmp(what, "noun") == 0)
        offer_nouns(c);
    if (strcmp(what, "verb") == 0 && line_text(c->line, "noun"))
        offer_verbs(c, noun_find(line_text(c->line, "noun")));
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        if (strcmp(what, sources[i].what) == 0)
            offer_stored(c, sources[i].path, sources[i].items);
}

static void offer_values(const struct completion *c, const struct option *o)
{
    if (o->choices)
        offer_choices(c, o->choices);
    else if (o->type == OPTION_FILE || o->type == OPTION_FOLDER)
        offer_named(c, o->type == OPTION_FILE ? "file" : "folder");
    else
        offer_named(c, o->complete);
}

static void offer_words(const struct completion *c)
{
    const struct positional *p = c->line->command->positional;

    for (size_t i = 0; p && p->name && !p->repeated && i < c->line->words; i++)
        p++;
    if (!p || !p->name)
        return;
    if (p->choices)
        offer_choices(c, p->choices);
    else
        offer_named(c, p->complete);
}

/* ---- where the word stands ---- */

/* "--out=x": the value of an option in the same word. */
static bool offer_joined(struct completion *c)
{
    const char *equals = strchr(c->word, '=');
    CLEANUP(freep) char *lead = NULL;
    const struct option *o;

    if (!slice_starts(slice_str(c->word), "--") || !equals)
        return false;
    o = option_find(c->line->command, slice_of(c->word + 2, (size_t)(equals - c->word) - 2));
    lead = slice_dup(slice_of(c->word, (size_t)(equals - c->word) + 1));
    c->lead = lead;
    c->word = equals + 1;
    if (o)
        offer_values(c, o);
    return true;
}

static void complete(struct completion *c, bool only_words)
{
    const struct line *line = c->line;

    if (line->waiting)
        offer_values(c, line->waiting);
    else if (!only_words && offer_joined(c))
        return;
    else if (!only_words && c->word[0] == '-')
        offer_options(c);
    else if (!line->noun)
        offer_nouns(c);
    else if (!line->command)
        offer_verbs(c, line->noun);
    else
        offer_words(c);
}

/* bash makes three words of "--out=x"; the value is then a word of its own. */
static bool is_equals_sign(char *const *argv, int count, const char *word)
{
    return strcmp(word, "=") == 0 && count > 1 && strncmp(argv[count - 1], "--", 2) == 0;
}

int builtin_complete(const struct line *line, struct buf *out, struct err *e)
{
    CLEANUP(line_clear) struct line before = { 0 };
    char **argv = xcalloc(line->count + 2, sizeof *argv), *last = NULL;
    struct completion c = { .out = out, .line = &before, .lead = "" };
    bool only_words = false;
    int count = 1;

    (void)e;
    argv[0] = xstrdup("poterne");
    for (size_t i = 0; i < line->count; i++)
        if (line->value[i].positional && !is_equals_sign(argv, count, line->value[i].text))
            argv[count++] = xstrdup(line->value[i].text);
    if (count > 1 && strcmp(line->value[line->count - 1].text, "=") != 0)
        last = argv[--count];
    for (int i = 1; i < count; i++)
        only_words = only_words || strcmp(argv[i], "--") == 0;
    line_parse_partly(&before, count, argv);
    c.word = last ? last : "";
    complete(&c, only_words);
    while (count--)
        free(argv[count]);
    free(last);
    free(argv);
    return 0;
}
