#include "unit.h"

#include "base/alloc.h"
#include "corpora.h"
#include "wire/json.h"
#include <dirent.h>

/* JSONTestSuite: y_ must parse, n_ must not, i_ is free. Our own rules refuse four that are JSON.
 */
static const struct {
    const char *name, *reason;
} refused[] = {
    { "y_object_duplicated_key.json", "the key 'a' appears twice in one object" },
    { "y_object_duplicated_key_and_value.json", "the key 'a' appears twice in one object" },
    { "y_object_escaped_null_in_key.json", "a string holds the character U+0000" },
    { "y_string_null_escape.json", "a string holds the character U+0000" },
};

static const char *reason_to_refuse(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (strcmp(name, refused[i].name) == 0)
            return refused[i].reason;
    return NULL;
}

#define FOLDER "json/test_parsing"

static void check(const char *name)
{
    CLEANUP(freep) char *path = xasprintf(FOLDER "/%s", name);
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const char *reason = reason_to_refuse(name);
    struct err e = { 0 };
    int rc;

    assert_true(corpus_read(&text, path));
    rc = json_parse(&doc, buf_slice(&text), NULL, &e);
    if (name[0] == 'y' && !reason && rc)
        fail_msg("%s: %s", name, err_text(&e));
    if (name[0] == 'n' && rc == 0)
        fail_msg("%s: parsed", name);
    if (reason && (rc == 0 || strcmp(err_text(&e), reason) != 0))
        fail_msg("%s: %s", name, err_text(&e));
    if (rc && e.code != ERR_INVALID && e.code != ERR_LIMIT)
        fail_msg("%s: code %d", name, (int)e.code);
}

static void test_suite(void **state)
{
    char folder[CORPUS_PATH];
    size_t yes = 0, no = 0;
    struct dirent *entry;
    DIR *dir;

    (void)state;
    corpus_path(folder, FOLDER);
    dir = opendir(folder);
    if (!dir) {
        corpus_absent(FOLDER);
        return;
    }
    while ((entry = readdir(dir))) {
        if (!strstr(entry->d_name, ".json"))
            continue;
        check(entry->d_name);
        yes += entry->d_name[0] == 'y';
        no += entry->d_name[0] == 'n';
    }
    closedir(dir);
    print_message("# %zu to parse, %zu to refuse\n", yes, no);
    assert_true(yes >= 95 && no >= 188);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
