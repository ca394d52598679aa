#include "unit.h"

#include "cli/help.h"
#include "cli/nouns.h"
#include "cli/parse.h"
#include "golden.h"
#include <dirent.h>

/*
 * Every help is kept in test/golden/help: a change of the command line shows as a diff. With
 * POTERNE_GOLDEN=write the files are written anew.
 */
#define FOLDER "help"

/* At most 80 columns, but for examples; no blank at an end of a line. */
static void check_lines(const char *path, struct slice text)
{
    struct slice line;
    bool example = false;

    while (slice_cut(&text, '\n', &line)) {
        example = example || slice_eq_str(line, "Examples:");
        if (slice_ends(line, " ") || (line.len > 80 && !example))
            fail_msg("%s: '" SLICE_FMT "'", path, SLICE_ARG(line));
    }
    assert_int_equal(text.len, 0);
}

static void check(const struct noun *noun, const struct command *command)
{
    CLEANUP(buf_clear) struct buf path = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };

    buf_add_str(&path, FOLDER "/poterne");
    if (noun)
        buf_addf(&path, "-%s", noun->name);
    if (command && command->verb)
        buf_addf(&path, "-%s", command->verb);
    buf_add_str(&path, ".txt");
    help_write(&text, noun, command);
    check_lines(buf_str(&path), buf_slice(&text));
    golden_compare(buf_str(&path), &text);
}

static void test_golden(void **state)
{
    size_t count = 1, files = 0;
    struct dirent *entry;
    DIR *folder;

    (void)state;
    check(NULL, NULL);
    for (const struct noun *n = nouns; n->name; n++) {
        if (n->hidden)
            continue;
        if (!noun_is_command(n))
            check(n, NULL), count++;
        for (const struct command *c = n->commands; c->noun; c++, count++)
            check(n, c);
    }
    folder = opendir("test/golden/" FOLDER);
    assert_non_null(folder);
    while ((entry = readdir(folder)))
        files += entry->d_name[0] != '.';
    (void)closedir(folder);
    assert_int_equal(files, count); /* none is left of a command that is gone */
}

/* poterne help [NOUN [VERB]] */
static void test_asked(void **state)
{
    /* clang-format off */
    static const struct { const char *noun, *verb, *want; } cases[] = {
        { NULL,       NULL,     "usage: poterne COMMAND" },
        { "cluster",  NULL,     "usage: poterne cluster COMMAND" },
        { "cluster",  "create", "usage: poterne cluster create NAME" },
        { "version",  NULL,     "usage: poterne version" },
        { "clutser",  NULL,     NULL },
        { "cluster",  "creat",  NULL },
        { "version",  "x",      NULL },
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *words[] = { "poterne", "help", cases[i].noun, cases[i].verb };
        CLEANUP(line_clear) struct line line = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        char *argv[4];
        struct err e = { 0 };
        int argc = cases[i].verb ? 4 : cases[i].noun ? 3 : 2;

        memcpy(argv, words, sizeof argv);
        assert_int_equal(line_parse(&line, argc, argv, &e), 0);
        assert_int_equal(builtin_help(&line, &out, &e), cases[i].want ? 0 : -1);
        if (cases[i].want && !strstr(buf_str(&out), cases[i].want))
            fail_msg("%s", buf_str(&out));
    }
}

/* Manual pages name everything that the help names. */
static void test_man(void **state)
{
    const char *words[] = { "poterne", "man", "cluster", "create" };
    CLEANUP(line_clear) struct line line = { 0 };
    CLEANUP(buf_clear) struct buf out = { 0 };
    const struct command *c = noun_command(noun_find("cluster"), "create");
    char *argv[4];
    struct err e = { 0 };

    (void)state;
    memcpy(argv, words, sizeof argv);
    assert_int_equal(line_parse(&line, 4, argv, &e), 0);
    assert_int_equal(builtin_man(&line, &out, &e), 0);
    assert_non_null(strstr(buf_str(&out), ".TH POTERNE-CLUSTER-CREATE 1"));
    for (const struct option *o = c->options; o->name; o++) {
        CLEANUP(buf_clear) struct buf want = { 0 };

        buf_add_str(&want, ".B \\-\\-");
        for (const char *letter = o->name; *letter; letter++)
            buf_addf(&want, *letter == '-' ? "\\%c" : "%c", (int)*letter);
        if (!strstr(buf_str(&out), buf_str(&want)))
            fail_msg("%s is missing", buf_str(&want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_asked),
        cmocka_unit_test(test_man),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
