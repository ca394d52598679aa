#include "unit.h"

#include "base/suggest.h"
#include "cli/parse.h"

enum { WORDS = 24 };

/* A command line in one text; '|' divides the words. */
struct typed {
    char text[512];
    char *argv[WORDS];
    int argc;
};

static void type(struct typed *t, const char *text)
{
    char *word = t->text;

    (void)snprintf(t->text, sizeof t->text, "poterne%s%s", text[0] ? "|" : "", text);
    t->argc = 0;
    while (word) {
        char *end = strchr(word, '|');

        if (end)
            *end = '\0';
        assert_true(t->argc < WORDS);
        t->argv[t->argc++] = word;
        word = end ? end + 1 : NULL;
    }
}

/* clang-format off */
static const struct { const char *label, *text, *json; } right[] = {
    { "nothing but the command",    "cluster|list",                        "{}" },
    { "a word",                     "cluster|show|demo",                   "{\"cluster\":\"demo\"}" },
    { "a value of its own",         "cert|list|--expiring|30d",            "{\"expiring\":\"30d\"}" },
    { "a value in the same word",   "cert|list|--expiring=30d",            "{\"expiring\":\"30d\"}" },
    { "an optional word",           "cert|list|demo|--expiring=30d",       "{\"cluster\":\"demo\",\"expiring\":\"30d\"}" },
    { "global options are no args", "cluster|show|demo|-o|json|-q",        "{\"cluster\":\"demo\"}" },
    { "options in front",           "-o|json|--state|/x|cluster|show|demo", "{\"cluster\":\"demo\"}" },
    { "options between",            "cert|--expiring|30d|list|demo",       "{\"cluster\":\"demo\",\"expiring\":\"30d\"}" },
    { "own options in front",       "--expiring|30d|cert|list|demo",       "{\"cluster\":\"demo\",\"expiring\":\"30d\"}" },
    { "letters together",           "cluster|show|demo|-qojson",           "{\"cluster\":\"demo\"}" },
    { "letters, value apart",       "-qo|yaml|cluster|show|demo",          "{\"cluster\":\"demo\"}" },
    { "a flag",                     "authority|cert|demo|etcd|--bundle",   "{\"cluster\":\"demo\",\"authority\":\"etcd\",\"bundle\":true}" },
    { "a flag twice",               "authority|cert|demo|etcd|--bundle|--bundle", "{\"cluster\":\"demo\",\"authority\":\"etcd\",\"bundle\":true}" },
    { "words with a dash",          "cluster|show|--|-demo",               "{\"cluster\":\"-demo\"}" },
    { "a dash alone is a word",     "cert|show|-",                         "{\"target\":\"-\"}" },
    { "repeated words",             "cert|check|a|b|--within|1d|c",        "{\"targets\":[\"a\",\"b\",\"c\"],\"within\":\"1d\"}" },
    { "repeated options",           "kubeconfig|issue|demo|bob|--group|a|--group=b", "{\"cluster\":\"demo\",\"user\":\"bob\",\"groups\":[\"a\",\"b\"]}" },
    { "a value with an equals sign", "cluster|create|x|--endpoint|h:1|--control-plane=a=1.2.3.4", "{\"name\":\"x\",\"endpoint\":\"h:1\",\"control_plane\":[\"a=1.2.3.4\"]}" },
    { "a value with one dash",      "audit|list|--action|-x",              "{\"action\":\"-x\"}" },
    { "a value that is an option",  "audit|list|--action=--state",         "{\"action\":\"--state\"}" },
    { "the noun alone",             "version",                             "{}" },
    { "--yes is no argument",       "cluster|delete|demo|--yes",           "{\"cluster\":\"demo\"}" },
    { "text beyond ASCII",          "cluster|show|d\xc3\xa9mo",            "{\"cluster\":\"d\xc3\xa9mo\"}" },
};

static const struct { const char *label, *text, *want; } wrong[] = {
    { "an unknown noun",            "clustr|list",                  "unknown command 'clustr'; did you mean 'cluster'?" },
    { "a noun like nothing",        "xyzzy",                        "unknown command 'xyzzy'" },
    { "the plural",                 "clusters|list",                "did you mean 'cluster'?" },
    { "a hidden noun is not named", "__complet",                    "unknown command '__complet'" },
    { "an unknown verb",            "cluster|lst",                  "did you mean 'cluster list'?" },
    { "a verb like nothing",        "cluster|frobnicate",           "it has: create, adopt, list, show, status, delete, export" },
    { "the verb first",             "list|cluster",                 "the noun comes first: 'poterne cluster list'" },
    { "an unknown option",          "cluster|list|--sate|/x",       "unknown option '--sate'; did you mean '--state'?" },
    { "an option of another",       "cluster|list|--bundle",        "unknown option '--bundle'" },
    { "an option cut short",        "cluster|export|x|--mach|y",    "unknown option '--mach'; did you mean '--machine'?" },
    { "--yes where nothing dies",   "cluster|list|--yes",           "unknown option '--yes'" },
    { "an unknown letter",          "cluster|list|-x",              "unknown option '-x'" },
    { "one dash for two",           "cluster|list|-state",          "long options begin with two dashes" },
    { "no value",                   "cert|list|--expiring",         "option '--expiring' needs a value: --expiring DURATION" },
    { "an option for a value",      "cluster|export|x|--out|--force", "write --out=--force if that is it" },
    { "the end for a value",        "cert|list|--expiring|--|x",    "option '--expiring' needs a value" },
    { "a flag with a value",        "cluster|list|--quiet=yes",     "option '--quiet' takes no value" },
    { "an option twice",            "cert|list|--expiring|1d|--expiring|2d", "option '--expiring' is given twice" },
    { "too many words",             "cluster|show|a|b",             "unexpected argument 'b'" },
    { "words for none",             "cluster|list|a",               "unexpected argument 'a'" },
    { "no word",                    "cluster|show",                 "NAME is missing" },
    { "no second word",             "authority|show|demo",          "AUTHORITY is missing" },
    { "a missing option",           "cluster|adopt|x|--from|/y",    "option '--layout LAYOUT' is missing" },
    { "an empty word",              "cluster|show|",                "NAME is empty" },
    { "an empty value",             "cluster|list|--state=",        "--state is empty" },
    { "a wrong choice",             "cluster|list|-o|jsn",          "--output 'jsn' is none of table|wide|json|yaml|name; did you mean 'json'?" },
    { "a wrong shell",              "completion|csh",               "SHELL 'csh' is none of bash|zsh|fish; did you mean 'zsh'?" },
    { "a wrong choice of a word",   "authority|show|demo|etdc",     "AUTHORITY 'etdc' is none of" },
    { "no duration",                "cert|list|--expiring|soon",    "--expiring: " },
    { "a duration of nothing",      "cert|list|--expiring|0d",      "--expiring: " },
    { "a duration below it",        "cert|list|--expiring|-5h",     "--expiring: " },
    { "not UTF-8",                  "cluster|show|\xff\xfe",        "NAME '?\?' is not UTF-8" },
    { "a control is not echoed",    "\x1b[31m",                     "unknown command '?[31m'" },
    { "nor is a mark of direction", "\xe2\x80\xae" "abc",           "unknown command '?abc'" },
};

static const struct { const char *label, *text; const char *noun, *verb; bool help, version; } bare[] = {
    { "nothing",              "",                         NULL,      NULL,     false, false },
    { "help",                 "--help",                   NULL,      NULL,     true,  false },
    { "version",              "--version",                NULL,      NULL,     false, true  },
    { "a noun",               "cluster",                  "cluster", NULL,     false, false },
    { "help on a noun",       "cluster|-h",               "cluster", NULL,     true,  false },
    { "help in front",        "-h|cluster|create",        "cluster", "create", true,  false },
    { "help, all else wrong", "cluster|create|--nope|-h", "cluster", "create", true,  false },
    { "help, no value",       "cluster|create|-h|--san",  "cluster", "create", true,  false },
    { "help after the end",   "cluster|show|--|-h",       "cluster", "show",   false, false },
};
/* clang-format on */

static void test_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        CLEANUP(line_clear) struct line line = { 0 };
        CLEANUP(buf_clear) struct buf json = { 0 };
        struct err e = { 0 };
        struct typed t;

        type(&t, right[i].text);
        if (line_parse(&line, t.argc, t.argv, &e))
            fail_msg("%s: %s", right[i].label, err_text(&e));
        line_json(&line, &json);
        if (strcmp(buf_str(&json), right[i].json) != 0)
            fail_msg("%s: %s", right[i].label, buf_str(&json));
    }
}

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        CLEANUP(line_clear) struct line line = { 0 };
        struct err e = { 0 };
        struct typed t;

        type(&t, wrong[i].text);
        if (line_parse(&line, t.argc, t.argv, &e) == 0)
            fail_msg("%s: taken", wrong[i].label);
        if (!strstr(e.msg, wrong[i].want) || e.code != ERR_INVALID)
            fail_msg("%s: %s", wrong[i].label, err_text(&e));
    }
}

static void test_bare(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bare); i++) {
        CLEANUP(line_clear) struct line line = { 0 };
        struct err e = { 0 };
        struct typed t;
        const char *noun, *verb;

        type(&t, bare[i].text);
        if (line_parse(&line, t.argc, t.argv, &e))
            fail_msg("%s: %s", bare[i].label, err_text(&e));
        noun = line.noun ? line.noun->name : NULL;
        verb = line.command ? line.command->verb : NULL;
        if (!slice_eq(slice_str(noun), slice_str(bare[i].noun)) ||
            !slice_eq(slice_str(verb), slice_str(bare[i].verb)))
            fail_msg("%s: %s %s", bare[i].label, noun ? noun : "-", verb ? verb : "-");
        assert_int_equal(line.help, bare[i].help);
        assert_int_equal(line.version, bare[i].version);
    }
}

/* ---- the table itself ---- */

static void check_names(const struct command *c)
{
    const struct option *a, *b;

    for (size_t i = 0; (a = option_at(c, i)); i++) {
        assert_non_null(a->help);
        assert_non_null(a->json);
        if ((a->type == OPTION_FLAG) != !a->value || (a->type == OPTION_CHOICE) != !!a->choices)
            fail_msg("%s %s --%s", c->noun, c->verb ? c->verb : "", a->name);
        for (size_t k = i + 1; (b = option_at(c, k)); k++)
            if (strcmp(a->name, b->name) == 0 || strcmp(a->json, b->json) == 0 ||
                (a->letter && a->letter == b->letter))
                fail_msg("%s %s: --%s and --%s", c->noun, c->verb ? c->verb : "", a->name, b->name);
    }
}

static void check_positional(const struct command *c)
{
    bool optional = false;

    for (const struct positional *p = c->positional; p && p->name; p++) {
        const struct option *o;

        assert_non_null(p->help);
        if (optional && !p->optional)
            fail_msg("%s %s: %s behind an optional one", c->noun, c->verb, p->name);
        if (p->repeated && p[1].name)
            fail_msg("%s %s: %s before another", c->noun, c->verb, p->name);
        optional = p->optional;
        for (size_t i = 0; (o = option_at(c, i)); i++)
            if (strcmp(o->json, p->json) == 0)
                fail_msg("%s %s: --%s and %s", c->noun, c->verb, o->name, p->name);
    }
}

/* An option that stands before its command must be read without it. */
static void check_agreement(const struct option *o)
{
    for (const struct noun *n = nouns; n->name; n++)
        for (const struct command *c = n->commands; c->noun; c++) {
            const struct option *other = option_find(c, slice_str(o->name));

            if (other && (other->type == OPTION_FLAG) != (o->type == OPTION_FLAG))
                fail_msg("--%s is a flag in one command, not in %s", o->name, c->noun);
        }
}

static void check_command(const struct noun *n, const struct command *c)
{
    const struct option *o;

    assert_string_equal(n->name, c->noun);
    assert_non_null(c->summary);
    if (!!c->path + !!c->local + !!c->builtin + c->program != 1)
        fail_msg("%s %s does not do just one thing", c->noun, c->verb ? c->verb : "");
    if (c->local && (!c->kind || !c->fields))
        fail_msg("%s %s: a local reply has a kind and fields", c->noun, c->verb);
    if (c->path && !c->fields && (!c->items || !c->columns || c->method != HTTP_GET))
        fail_msg("%s %s: a list has columns", c->noun, c->verb);
    check_names(c);
    check_positional(c);
    for (size_t i = 0; (o = option_at(c, i)); i++)
        check_agreement(o);
}

static void test_table(void **state)
{
    (void)state;
    for (const struct noun *n = nouns; n->name; n++) {
        assert_non_null(n->commands[0].noun);
        for (const struct command *c = n->commands; c->noun; c++) {
            if (!noun_is_command(n))
                assert_non_null(c->verb);
            check_command(n, c);
        }
    }
}

/* ---- suggestions ---- */

static void test_distance(void **state)
{
    /* clang-format off */
    static const struct { const char *a, *b; size_t want; } cases[] = {
        { "",        "",         0 },
        { "",        "abc",      3 },
        { "cluster", "cluster",  0 },
        { "clutser", "cluster",  1 },
        { "cluter",  "cluster",  1 },
        { "clusterr", "cluster", 1 },
        { "xluster", "cluster",  1 },
        { "kitten",  "sitting",  3 },
        { "ca",      "abc",      3 },
    };
    /* clang-format on */
    char longer[80] = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(edit_distance(cases[i].a, cases[i].b), cases[i].want);
        assert_int_equal(edit_distance(cases[i].b, cases[i].a), cases[i].want);
    }
    memset(longer, 'x', sizeof longer - 1);
    assert_true(edit_distance(longer, "x") == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right), cmocka_unit_test(test_wrong),    cmocka_unit_test(test_bare),
        cmocka_unit_test(test_table), cmocka_unit_test(test_distance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
