#include "unit.h"

#include "cli/nouns.h"
#include "cli/parse.h"

enum { WORDS = 16 };

/* clang-format off */
/* Words with '|' between them, the last is under way; what is offered, without the remarks. */
static const struct { const char *label, *words, *want; } cases[] = {
    { "a noun",                      "au",                              "authority audit" },
    { "no noun",                     "x",                               "" },
    { "the hidden one",              "__",                              "" },
    { "every verb",                  "cluster|",                        "create adopt list show status delete export" },
    { "a verb",                      "cluster|d",                       "delete" },
    { "an option",                   "cluster|export|demo|--l",         "--layout" },
    { "an option of all",            "cluster|list|--st",               "--state" },
    { "not again",                   "cluster|export|demo|--layout|kubeadm|--l", "" },
    { "but what repeats",            "kubeconfig|issue|demo|bob|--group|x|--gr", "--group" },
    { "--yes",                       "cluster|delete|demo|--y",         "--yes" },
    { "a choice",                    "cluster|export|demo|--layout|k",  "kubeadm" },
    { "a choice, joined",            "cluster|export|demo|--layout=k",  "--layout=kubeadm" },
    { "a choice, as bash cuts it",   "cluster|export|demo|--layout|=|k", "kubeadm" },
    { "a choice, as bash begins it", "cluster|export|demo|--layout|=",  "kubeadm systemd" },
    { "of a letter",                 "cluster|list|-o|",                "table wide json yaml name" },
    { "the second word",             "authority|show|demo|",            "etcd control-plane operators kubelet aggregation" },
    { "the second word, begun",      "authority|cert|demo|c",           "control-plane" },
    { "no third word",               "authority|show|demo|etcd|",       "" },
    { "options before words",        "authority|show|-o|json|demo|k",   "kubelet" },
    { "options before the noun",     "-o|json|cluster|sh",              "show" },
    { "a file",                      "cert|check|",                     ":file" },
    { "a second file",               "cert|check|a|b",                  ":file" },
    { "a file of an option",         "cert|sign|demo|--csr|/et",        ":file" },
    { "a folder",                    "cluster|adopt|x|--from|",         ":folder" },
    { "a folder, joined",            "cluster|list|--state=/va",        ":folder" },
    { "behind the end of options",   "authority|show|demo|--|e",        "etcd" },
    { "no option there",             "authority|show|demo|--|--s",      "" },
    { "help on a noun",              "help|prof",                       "profile" },
    { "help on a verb",              "help|cluster|cr",                 "create" },
    { "a shell",                     "completion|",                     "bash zsh fish" },
    { "a free text",                 "cluster|create|x|--endpoint|",    "" },
    { "an unknown option",           "cluster|list|--nope=",            "" },
    { "an unknown noun",             "clustr|li",                       "" },
    { "an unknown verb",             "cluster|lst|x",                   "" },
    { "nothing is stored",           "cluster|show|",                   "" },
    { "no word at all",              "",                                "cluster node authority kubeconfig cert profile audit key state agent serve operator role installation context login api help man completion version" },
};
/* clang-format on */

/* "one\tremark\ntwo\n" as "one two" */
static void offered(struct buf *out, struct slice text)
{
    struct slice line, word;

    while (slice_cut(&text, '\n', &line)) {
        if (out->len)
            buf_add_byte(out, ' ');
        buf_add_slice(out, slice_cut(&line, '\t', &word) ? word : line);
    }
}

static void test_offers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(line_clear) struct line line = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 }, got = { 0 };
        char text[256], *argv[WORDS] = { 0 }, *word = text;
        int argc = 0;
        struct err e = { 0 };

        (void)snprintf(text, sizeof text, "poterne|__complete|--|%s", cases[i].words);
        for (char *end; word; word = end ? end + 1 : NULL) {
            end = strchr(word, '|');
            if (end)
                *end = '\0';
            argv[argc++] = word;
        }
        if (line_parse(&line, argc, argv, &e) || builtin_complete(&line, &out, &e))
            fail_msg("%s: %s", cases[i].label, err_text(&e));
        offered(&got, buf_slice(&out));
        if (strcmp(buf_str(&got), cases[i].want) != 0)
            fail_msg("%s: '%s'", cases[i].label, buf_str(&got));
    }
}

/* A state directory that is not there: asked for names, it is not made. */
static int leave_home(void **state)
{
    (void)state;
    return setenv("POTERNE_STATE", "/nonexistent/poterne", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_offers) };

    return cmocka_run_group_tests(tests, leave_home, NULL);
}
