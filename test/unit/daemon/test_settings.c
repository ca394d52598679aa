#include "unit.h"

#include "daemon/settings.h"
#include "files.h"
#include "wire/yaml.h"

static char folder[] = "/tmp/poterne-settings-XXXXXX";
static char path[64];

static int read_settings(struct settings *s, const char *flags, const char *file, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;

    write_bytes(path, file, strlen(file));
    buf_addf(&text, "{\"config\":\"%s\",\"socket\":\"/s\"%s%s}", path, flags[0] ? "," : "", flags);
    assert_int_equal(json_parse(&doc, buf_slice(&text), NULL, NULL), 0);
    return settings_read(s, json_root(doc), "/state", e);
}

/* ---- what is refused, and how it is said ---- */

/* clang-format off */
static const struct { const char *flags, *file, *want; } wrong[] = {
    { "", "lisen: [1.2.3.4:1]\n",            "line 1: unknown option 'lisen'; did you mean 'listen'?" },
    { "", "# x\nthreads: 2\nzzzzzz: 1\n",    "line 3: unknown option 'zzzzzz'" },
    { "", "threads: 2\nthreads: 3\n",        "threads" },
    { "", "threads: 0\n",                    "line 1: threads must be from 1 to 32, not 0" },
    { "", "threads: 33\n",                   "line 1: threads must be from 1 to 32, not 33" },
    { "", "threads: 1.5\n",                  "threads wants a whole number" },
    { "", "threads: many\n",                 "threads wants a whole number" },
    { "", "threads: [2]\n",                  "threads wants a whole number" },
    { "", "drain-timeout: 2h\n",             "drain-timeout must be from 1s to 1h" },
    { "", "drain-timeout: soon\n",           "drain-timeout: " },
    { "", "drain-timeout: -1s\n",            "drain-timeout: " },
    { "", "log-format: xml\n",               "log-format 'xml' is none of text|json" },
    { "", "log-format: true\n",              "log-format '' is none of text|json" },
    { "", "listen: 8443\n",                  "listen wants a list of texts" },
    { "", "listen: [8443]\n",                "listen wants a text" },
    { "", "listen: ['localhost:8443']\n",    "'localhost:8443' is no address and port" },
    { "", "listen: ['::1:8443']\n",          "is no address and port" },
    { "", "listen: ['10.0.0.1']\n",          "is no address and port" },
    { "", "listen: ['10.0.0.1:65536']\n",    "is no address and port" },
    { "", "listen: ['10.0.0.1:08']\n",       "is no address and port" },
    { "", "names: [Upper.example]\n",        "names: 'Upper.example' is neither" },
    { "", "names: [a..b]\n",                 "is neither" },
    { "", "names: ['x.*.example']\n",        "is neither" },
    { "", "socket: relative\n",              "socket 'relative' must be an absolute path" },
    { "", "user: ''\n",                      "user is empty or longer" },
    { "", "check: true\n",                   "option 'check' is a flag only" },
    { "", "config: /x\n",                    "option 'config' is a flag only" },
    { "", "- a\n",                           "it must be lines of 'option: value'" },
    { "", "threads: 2\n---\nthreads: 3\n",   "2 YAML documents" },
    { "", "a: &x 1\n",                       "anchors are not allowed" },
    { "", "{\n",                             "not YAML" },
    { "\"threads\":\"0\"", "",               "threads must be from 1 to 32, not 0" },
    { "\"thread\":\"1\"", "",                "unknown option 'thread'; did you mean 'threads'?" },
};
/* clang-format on */

static void test_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        CLEANUP(settings_clear) struct settings s = { 0 };
        struct err e = { 0 };

        if (!read_settings(&s, wrong[i].flags, wrong[i].file, &e) || !strstr(e.msg, wrong[i].want))
            fail_msg("%s%s: %s", wrong[i].flags, wrong[i].file, err_text(&e));
        if (wrong[i].file[0] && !strstr(e.msg, path))
            fail_msg("no file named: %s", err_text(&e));
        assert_null(s.state); /* nothing was changed */
    }
}

/* ---- what is read ---- */

static void test_defaults(void **state)
{
    CLEANUP(settings_clear) struct settings s = { 0 };
    struct err e = { 0 };

    (void)state;
    if (read_settings(&s, "", "# nothing\n", &e))
        fail_msg("%s", err_text(&e));
    assert_string_equal(s.state, "/state");
    assert_string_equal(s.user, "poterne");
    assert_int_equal(s.listen.count, 0);
    assert_int_equal(s.drain_timeout, 10);
    assert_int_equal(s.certificate_lifetime, 86400);
    assert_int_equal(s.log_format, LOG_FORMAT_TEXT);
    assert_int_equal(s.sandbox, SANDBOX_MODE_ENFORCE);
    assert_true(s.threads >= 8 && s.threads <= 16);
}

/* Flags go before the file, the file before the default. */
static void test_order(void **state)
{
    CLEANUP(settings_clear) struct settings s = { 0 };
    struct err e = { 0 };

    (void)state;
    if (read_settings(&s, "\"threads\":\"3\",\"listen\":[\"*:1\"]",
                      "threads: 2\nmax-connections: 5\nlisten:\n  - 10.0.0.1:8443\n  - '[::1]:0'\n"
                      "names: one.example\nlog-format: json\ndrain-timeout: 1m\n",
                      &e))
        fail_msg("%s", err_text(&e));
    assert_int_equal(s.threads, 3);
    assert_int_equal(s.max_connections, 5);
    assert_int_equal(s.listen.count, 1);
    assert_string_equal(s.listen.text[0], "*:1");
    assert_int_equal(s.names.count, 1);
    assert_string_equal(s.names.text[0], "one.example");
    assert_int_equal(s.log_format, LOG_FORMAT_JSON);
    assert_int_equal(s.drain_timeout, 60);
}

static void write_settings(const struct settings *s, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out, false);
    settings_write(s, &w, NULL);
}

/* What is handed to a process reads back as it was. */
static void test_round_trip(void **state)
{
    CLEANUP(settings_clear) struct settings s = { 0 };
    CLEANUP(settings_clear) struct settings again = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(buf_clear) struct buf other = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct err e = { 0 };

    (void)state;
    if (read_settings(&s, "", "listen: ['*:1', '[::]:2']\nnames: [a, 10.0.0.1]\nsandbox: log\n",
                      &e))
        fail_msg("%s", err_text(&e));
    write_settings(&s, &text);
    assert_int_equal(json_parse(&doc, buf_slice(&text), NULL, NULL), 0);
    assert_int_equal(settings_apply(&again, json_root(doc), &e), 0);
    write_settings(&again, &other);
    assert_string_equal(buf_str(&text), buf_str(&other));
    assert_int_equal(again.sandbox, SANDBOX_MODE_LOG);
}

static void test_reload(void **state)
{
    CLEANUP(settings_clear) struct settings s = { 0 };
    CLEANUP(settings_clear) struct settings next = { 0 };
    CLEANUP(buf_clear) struct buf taken = { 0 };
    CLEANUP(buf_clear) struct buf waiting = { 0 };
    struct err e = { 0 };

    (void)state;
    if (read_settings(&s, "", "names: [a]\nthreads: 2\n", &e) ||
        read_settings(&next, "", "names: [b, c]\nthreads: 3\nlog-level: warn\nlisten: ['*:1']\n",
                      &e))
        fail_msg("%s", err_text(&e));
    settings_reload(&s, &next, &taken, &waiting);
    assert_string_equal(buf_str(&taken), "names, log-level");
    assert_string_equal(buf_str(&waiting), "listen, threads");
    assert_int_equal(s.names.count, 2);
    assert_int_equal(s.threads, 2);
    assert_int_equal(next.names.count, 1);
    buf_reset(&taken);
    buf_reset(&waiting);
    settings_reload(&s, &s, &taken, &waiting);
    assert_int_equal(taken.len + waiting.len, 0);
}

/* ---- the table and its page ---- */

static void test_table(void **state)
{
    (void)state;
    for (const struct daemon_option *o = daemon_options; o->name; o++) {
        assert_non_null(o->help);
        if (daemon_option_find(o->name) != o)
            fail_msg("%s is there twice", o->name);
        if ((o->type == DAEMON_CHOICE) != (o->choices != NULL) ||
            (o->type != DAEMON_FLAG) != (o->value != NULL))
            fail_msg("%s: choices or value", o->name);
        if ((o->type == DAEMON_NUMBER || o->type == DAEMON_DURATION) && o->least >= o->most)
            fail_msg("%s has no range", o->name);
        if (o->type != DAEMON_FLAG && !o->otherwise && !o->derived)
            fail_msg("%s: nothing says what is taken without it", o->name);
    }
}

/* docs/configuration.md is printed from the table. */
static void test_page(void **state)
{
    CLEANUP(buf_clear) struct buf page = { 0 };
    CLEANUP(buf_clear) struct buf have = { 0 };
    const char *mode = getenv("POTERNE_GOLDEN");

    (void)state;
    daemon_options_page(&page);
    if (mode && strcmp(mode, "write") == 0)
        write_bytes("docs/configuration.md", page.ptr, page.len);
    read_bytes(&have, "docs/configuration.md");
    if (!slice_eq(buf_slice(&page), buf_slice(&have)))
        fail_msg("docs/configuration.md is not what the table says: POTERNE_GOLDEN=write");
}

/* ---- lines of keys ---- */

static void test_lines(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *key; size_t want; } cases[] = {
        { "a: 1\nb: 2\n",                     "b", 2 },
        { "a: b\nc: 2\n",                     "b", 0 },
        { "a:\n  b: 1\n  c: 2\nb: 3\n",       "b", 4 },
        { "a: [b, c]\nb: 1\n",                "b", 2 },
        { "\n\n{a: {x: 1},\n b: 2}\n",        "b", 4 },
        { "- b\n- b: 1\n",                    "b", 0 },
        { "",                                 "b", 0 },
        { "a: [\n",                           "b", 0 },
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (yaml_key_line(slice_str(cases[i].text), cases[i].key) != cases[i].want)
            fail_msg("'%s'", cases[i].text);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/poterne.yaml", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return remove_tree(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong),  cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_order),  cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_reload), cmocka_unit_test(test_table),
        cmocka_unit_test(test_page),   cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
