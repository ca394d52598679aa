#include "daemon/settings.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "store/file.h"
#include "store/state_dir.h"
#include "wire/yaml.h"
#include <unistd.h>

/* A thread that writes waits for the disk, and those that wait together share one commit: more of
 * them than processors. */
enum { SHOWN = 80, THREADS_A_PROCESSOR = 4, THREADS_FEW = 8, THREADS_MANY = 16 };

static const char root_config[] = "/etc/poterne/poterne.yaml";

/* ---- where a value lies ---- */

static void *place(const struct settings *s, const struct daemon_option *o)
{
    return (char *)s + o->offset;
}

static void list_clear(struct settings_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->text[i]);
    free(list->text);
    *list = (struct settings_list){ 0 };
}

static void value_clear(struct settings *s, const struct daemon_option *o)
{
    char **text = place(s, o);

    if (o->type == DAEMON_LIST) {
        list_clear(place(s, o));
    } else if (o->type == DAEMON_TEXT || o->type == DAEMON_PATH) {
        free(*text);
        *text = NULL;
    }
}

void settings_clear(struct settings *s)
{
    for (const struct daemon_option *o = daemon_options; o->name; o++)
        value_clear(s, o);
    *s = (struct settings){ 0 };
}

/* ---- one value ---- */

static int wrong(const struct daemon_option *o, const char *wanted, struct err *e)
{
    return err_set(e, ERR_INVALID, "%s wants %s", o->name, wanted);
}

static int check_range(const struct daemon_option *o, int64_t n, struct err *e)
{
    CLEANUP(buf_clear) struct buf least = { 0 };
    CLEANUP(buf_clear) struct buf most = { 0 };

    if (n >= o->least && n <= o->most)
        return 0;
    if (o->type == DAEMON_NUMBER)
        return err_set(e, ERR_INVALID, "%s must be from %lld to %lld, not %lld", o->name,
                       (long long)o->least, (long long)o->most, (long long)n);
    duration_format(&least, o->least);
    duration_format(&most, o->most);
    return err_set(e, ERR_INVALID, "%s must be from %s to %s", o->name, buf_str(&least),
                   buf_str(&most));
}

/* Flags and durations are text; the file may hold a number. */
static int read_number(const struct daemon_option *o, const struct json_value *v, int64_t *n,
                       struct err *e)
{
    const char *text = json_text(v);
    char *end = NULL;

    if (json_type(v) == JSON_INT) {
        *n = json_int(v, 0);
        return check_range(o, *n, e);
    }
    if (text && o->type == DAEMON_DURATION)
        return duration_parse(n, slice_str(text), e) ? err_wrap(e, "%s", o->name)
                                                     : check_range(o, *n, e);
    if (!text || !text[0] || strlen(text) > 18)
        return wrong(o, o->type == DAEMON_NUMBER ? "a whole number" : "a duration as 30s or 1h30m",
                     e);
    *n = strtoll(text, &end, 10);
    return *end ? wrong(o, "a whole number", e) : check_range(o, *n, e);
}

static int read_text(const struct daemon_option *o, const struct json_value *v, char **ret,
                     struct err *e)
{
    const char *text = json_text(v);

    if (!text)
        return wrong(o, "a text", e);
    if (!text[0] || strlen(text) > SETTINGS_TEXT)
        return err_set(e, ERR_INVALID, "%s is empty or longer than %d bytes", o->name,
                       SETTINGS_TEXT);
    if (o->type == DAEMON_PATH && text[0] != '/')
        return err_set(e, ERR_INVALID, "%s '%.*s' must be an absolute path", o->name, SHOWN, text);
    if (o->check && o->check(text, e))
        return err_wrap(e, "%s", o->name);
    *ret = xstrdup(text);
    return 0;
}

static int read_list(const struct daemon_option *o, const struct json_value *v,
                     struct settings_list *list, struct err *e)
{
    struct json_iter it = json_iter(v);
    const struct json_value *element;
    const char *key;

    if (json_type(v) != JSON_ARRAY && json_type(v) != JSON_STRING)
        return wrong(o, "a list of texts", e);
    if (json_type(v) == JSON_ARRAY && json_len(v) > SETTINGS_LIST)
        return err_set(e, ERR_LIMIT, "%s has more than %d elements", o->name, SETTINGS_LIST);
    list->text = xcalloc(SETTINGS_LIST, sizeof *list->text);
    if (json_type(v) == JSON_STRING)
        return read_text(o, v, &list->text[list->count], e) ? -1 : (list->count++, 0);
    while (json_next(&it, &key, &element)) {
        if (read_text(o, element, &list->text[list->count], e))
            return -1;
        list->count++;
    }
    return 0;
}

static int read_choice(const struct daemon_option *o, const struct json_value *v, int64_t *n,
                       struct err *e)
{
    const char *text = json_text(v);
    int index = text ? daemon_choice(o->choices, text) : -1;

    if (index < 0)
        return err_set(e, ERR_INVALID, "%s '%.*s' is none of %s", o->name, SHOWN, text ? text : "",
                       o->choices);
    *n = index;
    return 0;
}

/* The value that stood there goes only once the new one is read. */
static int apply_one(struct settings *s, const struct daemon_option *o, const struct json_value *v,
                     struct err *e)
{
    struct settings_list list = { 0 };
    char *text = NULL;

    switch (o->type) {
    case DAEMON_LIST:
        if (read_list(o, v, &list, e)) {
            list_clear(&list);
            return -1;
        }
        value_clear(s, o);
        *(struct settings_list *)place(s, o) = list;
        return 0;
    case DAEMON_TEXT:
    case DAEMON_PATH:
        if (read_text(o, v, &text, e))
            return -1;
        value_clear(s, o);
        *(char **)place(s, o) = text;
        return 0;
    case DAEMON_FLAG:
        if (json_type(v) != JSON_BOOL)
            return wrong(o, "true or false", e);
        *(bool *)place(s, o) = json_bool(v, false);
        return 0;
    case DAEMON_CHOICE:
        return read_choice(o, v, place(s, o), e);
    default:
        return read_number(o, v, place(s, o), e);
    }
}

static int apply_member(struct settings *s, const char *name, const struct json_value *v,
                        struct err *e)
{
    const struct daemon_option *o = daemon_option_find(name);

    return o ? apply_one(s, o, v, e) : daemon_option_unknown(name, e);
}

int settings_apply(struct settings *s, const struct json_value *values, struct err *e)
{
    struct json_iter it = json_iter(values);
    const struct json_value *v;
    const char *name;

    while (json_next(&it, &name, &v))
        if (apply_member(s, name, v, e))
            return -1;
    return 0;
}

/* ---- the file ---- */

static int apply_file(struct settings *s, const struct json_value *root, struct slice text,
                      struct err *e)
{
    struct json_iter it = json_iter(root);
    const struct json_value *v;
    const char *name;

    if (json_type(root) == JSON_NULL) /* nothing, or nothing but remarks */
        return 0;
    if (json_type(root) != JSON_OBJECT)
        return err_set(e, ERR_INVALID, "it must be lines of 'option: value'");
    while (json_next(&it, &name, &v)) {
        const struct daemon_option *o = daemon_option_find(name);
        int rc = o && o->place == DAEMON_FLAG_ONLY
                     ? err_set(e, ERR_INVALID, "option '%s' is a flag only", name)
                     : apply_member(s, name, v, e);

        if (rc)
            return err_wrap(e, "line %zu", yaml_key_line(text, name));
    }
    return 0;
}

static int read_file(struct settings *s, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;

    if (file_read(&text, s->config, SETTINGS_FILE, e))
        return -1;
    if (yaml_parse_stream(&doc, buf_slice(&text), NULL, e))
        return err_wrap(e, "'%s'", s->config);
    if (json_len(json_root(doc)) > 1)
        return err_set(e, ERR_INVALID, "'%s': %zu YAML documents, one is read", s->config,
                       json_len(json_root(doc)));
    if (apply_file(s, json_at(json_root(doc), 0), buf_slice(&text), e))
        return err_wrap(e, "'%s'", s->config);
    return 0;
}

/* ---- all together ---- */

static int apply_defaults(struct settings *s, struct err *e)
{
    for (const struct daemon_option *o = daemon_options; o->name; o++) {
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(json_freep) struct json *doc = NULL;
        struct json_writer w;

        if (!o->otherwise)
            continue;
        json_writer_init(&w, &text, false);
        json_put_text(&w, NULL, o->otherwise);
        if (json_parse(&doc, buf_slice(&text), NULL, e) || apply_one(s, o, json_root(doc), e))
            return -1;
    }
    return 0;
}

static int derive_socket(struct settings *s, struct err *e)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (geteuid() == 0)
        s->socket = xstrdup("/run/poterne/poterne.sock");
    else if (runtime && runtime[0] == '/')
        s->socket = xasprintf("%s/poterne.sock", runtime);
    else
        return err_set(e, ERR_INVALID,
                       "no place for the unix socket: XDG_RUNTIME_DIR is not set; name one with "
                       "--socket PATH");
    return 0;
}

static int64_t default_threads(void)
{
    int64_t threads = sysconf(_SC_NPROCESSORS_ONLN) * THREADS_A_PROCESSOR;

    return threads < THREADS_FEW ? THREADS_FEW : threads > THREADS_MANY ? THREADS_MANY : threads;
}

static int derive(struct settings *s, struct err *e)
{
    const char *state = getenv("POTERNE_STATE");

    if (!s->state && state && state[0]) {
        if (state[0] != '/')
            return err_set(e, ERR_INVALID, "POTERNE_STATE must be an absolute path for a daemon");
        s->state = xstrdup(state);
    }
    if (!s->state && state_dir_default(&s->state, e))
        return -1;
    if (!s->threads)
        s->threads = default_threads();
    return s->socket ? 0 : derive_socket(s, e);
}

int settings_read(struct settings *s, const struct json_value *flags, const char *state,
                  struct err *e)
{
    CLEANUP(settings_clear) struct settings made = { 0 };

    if (apply_defaults(&made, e) || settings_apply(&made, flags, e))
        return -1;
    if (!made.config && geteuid() == 0 && access(root_config, F_OK) == 0)
        made.config = xstrdup(root_config);
    /* flags again: they go before the file */
    if ((made.config && read_file(&made, e)) || settings_apply(&made, flags, e))
        return -1;
    if (state) {
        free(made.state);
        made.state = xstrdup(state);
    }
    if (derive(&made, e))
        return -1;
    settings_clear(s);
    *s = made;
    made = (struct settings){ 0 };
    return 0;
}

/* ---- handing on ---- */

static void write_list(const struct settings_list *list, struct json_writer *w, const char *name)
{
    json_put_array(w, name);
    for (size_t i = 0; i < list->count; i++)
        json_put_text(w, NULL, list->text[i]);
    json_put_end(w);
}

static void write_choice(const struct daemon_option *o, int64_t n, struct json_writer *w)
{
    struct slice rest = slice_str(o->choices), head = rest;

    while (n-- >= 0)
        if (!slice_cut(&rest, '|', &head))
            head = rest;
    json_put_slice(w, o->name, head);
}

static void write_one(const struct settings *s, const struct daemon_option *o,
                      struct json_writer *w)
{
    char *const *text = place(s, o);

    switch (o->type) {
    case DAEMON_LIST:
        write_list(place(s, o), w, o->name);
        return;
    case DAEMON_TEXT:
    case DAEMON_PATH:
        if (*text)
            json_put_text(w, o->name, *text);
        return;
    case DAEMON_FLAG:
        json_put_bool(w, o->name, *(bool *)place(s, o));
        return;
    case DAEMON_CHOICE:
        write_choice(o, *(int64_t *)place(s, o), w);
        return;
    default:
        json_put_int(w, o->name, *(int64_t *)place(s, o));
    }
}

void settings_write(const struct settings *s, struct json_writer *w, const char *key)
{
    json_put_object(w, key);
    for (const struct daemon_option *o = daemon_options; o->name; o++)
        write_one(s, o, w);
    json_put_end(w);
}

/* ---- reload ---- */

static bool differs(const struct settings *a, const struct settings *b,
                    const struct daemon_option *o)
{
    CLEANUP(buf_clear) struct buf one = { 0 };
    CLEANUP(buf_clear) struct buf other = { 0 };
    struct json_writer w;

    json_writer_init(&w, &one, false);
    json_put_object(&w, NULL);
    write_one(a, o, &w);
    json_writer_init(&w, &other, false);
    json_put_object(&w, NULL);
    write_one(b, o, &w);
    return !slice_eq(buf_slice(&one), buf_slice(&other));
}

static size_t size_of(const struct daemon_option *o)
{
    switch (o->type) {
    case DAEMON_LIST:
        return sizeof(struct settings_list);
    case DAEMON_TEXT:
    case DAEMON_PATH:
        return sizeof(char *);
    case DAEMON_FLAG:
        return sizeof(bool);
    default:
        return sizeof(int64_t);
    }
}

/* `next` gets the old value, which settings_clear releases with it. */
static void swap(struct settings *running, struct settings *next, const struct daemon_option *o)
{
    char kept[sizeof(struct settings_list)];
    size_t size = size_of(o);

    memcpy(kept, place(running, o), size);
    memcpy(place(running, o), place(next, o), size);
    memcpy(place(next, o), kept, size);
}

void settings_reload(struct settings *running, struct settings *next, struct buf *taken,
                     struct buf *waiting)
{
    for (const struct daemon_option *o = daemon_options; o->name; o++) {
        struct buf *names = o->reload ? taken : waiting;

        if (!differs(running, next, o))
            continue;
        buf_addf(names, "%s%s", names->len ? ", " : "", o->name);
        if (o->reload)
            swap(running, next, o);
    }
}
