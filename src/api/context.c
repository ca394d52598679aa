#include "api/context.h"

#include "base/alloc.h"
#include "store/file.h"
#include "wire/yaml.h"
#include <unistd.h>

/* ---- memory ---- */

static void context_clear(struct context *c)
{
    free(c->name);
    free(c->server);
    free(c->ca);
    free(c->certificate);
    free(c->key);
    *c = (struct context){ 0 };
}

void contexts_clear(struct contexts *c)
{
    for (size_t i = 0; i < c->count; i++)
        context_clear(&c->context[i]);
    free(c->path);
    free(c->folder);
    free(c->current);
    *c = (struct contexts){ 0 };
}

void context_set(char **member, const char *text)
{
    char *copy = text ? xstrdup(text) : NULL;

    free(*member);
    *member = copy;
}

/* ---- names and places ---- */

int context_name_check(const char *name, struct err *e)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
              (name[i] >= '0' && name[i] <= '9') || (i && strchr(".-_", name[i]))))
            len = 0;
    if (len == 0 || len > CONTEXT_MAX_NAME)
        return err_set(e, ERR_INVALID,
                       "'%.80s' is no name of a context: letters, digits, '.', '-' and '_', "
                       "at most %d",
                       name, CONTEXT_MAX_NAME);
    if (strcmp(name, CONTEXT_LOCAL) == 0)
        return err_set(e, ERR_INVALID, "'%s' is this machine, and is always there", CONTEXT_LOCAL);
    return 0;
}

int contexts_default(char **path, struct err *e)
{
    const char *config = getenv("POTERNE_CONFIG"), *xdg = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");

    if (config && config[0])
        *path = xstrdup(config);
    else if (xdg && xdg[0] == '/')
        *path = xasprintf("%s/poterne/config.yaml", xdg);
    else if (home && home[0] == '/')
        *path = xasprintf("%s/.config/poterne/config.yaml", home);
    else
        return err_set(e, ERR_INVALID, "there is no home folder: set POTERNE_CONFIG to a file");
    return 0;
}

char *context_path(const struct contexts *c, const char *path)
{
    if (!path)
        return NULL;
    return path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", c->folder, path);
}

char *context_file(const struct contexts *c, const struct context *which, const char *file)
{
    return xasprintf("%s/%s/%s", c->folder, which->name, file);
}

struct context *contexts_find(struct contexts *c, const char *name)
{
    for (size_t i = 0; name && i < c->count; i++)
        if (strcmp(c->context[i].name, name) == 0)
            return &c->context[i];
    return NULL;
}

struct context *contexts_find_server(struct contexts *c, const char *server)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->context[i].server, server) == 0)
            return &c->context[i];
    return NULL;
}

int contexts_put(struct contexts *c, const char *name, struct context **ret, struct err *e)
{
    struct context *found = contexts_find(c, name);

    if (!found) {
        if (context_name_check(name, e))
            return -1;
        if (c->count == CONTEXT_MAX)
            return err_set(e, ERR_LIMIT, "more than %d contexts: remove one", CONTEXT_MAX);
        found = &c->context[c->count++];
        found->name = xstrdup(name);
        found->server = xstrdup("");
    }
    *ret = found;
    return 0;
}

void contexts_remove(struct contexts *c, struct context *which)
{
    if (c->current && strcmp(c->current, which->name) == 0)
        context_set(&c->current, NULL);
    context_clear(which);
    *which = c->context[--c->count];
    c->context[c->count] = (struct context){ 0 };
}

/* ---- the file ---- */

static int read_one(struct contexts *c, const struct json_value *row, struct err *e)
{
    static const char *const known[] = { "name", "server", "ca", "certificate", "key", NULL };
    struct context *one;
    const char *name, *server;

    if (json_only(row, known, e) || json_want_text(row, "name", &name, e) ||
        json_want_text(row, "server", &server, e))
        return -1;
    if (contexts_find(c, name))
        return err_set(e, ERR_INVALID, "the context '%.80s' is there twice", name);
    if (contexts_put(c, name, &one, e))
        return -1;
    context_set(&one->server, server);
    context_set(&one->ca, json_text(json_get(row, "ca")));
    context_set(&one->certificate, json_text(json_get(row, "certificate")));
    context_set(&one->key, json_text(json_get(row, "key")));
    if (!one->certificate != !one->key)
        return err_set(e, ERR_INVALID, "certificate and key of '%s' go together", name);
    return 0;
}

static int read_all(struct contexts *c, const struct json_value *root, struct err *e)
{
    static const char *const known[] = { "current", "contexts", NULL };
    struct json_iter it = json_iter(json_get(root, "contexts"));
    const struct json_value *row;
    const char *key;

    if (json_only(root, known, e))
        return -1;
    while (json_next(&it, &key, &row))
        if (read_one(c, row, e))
            return -1;
    context_set(&c->current, json_text(json_get(root, "current")));
    if (c->current && !contexts_find(c, c->current))
        return err_set(e, ERR_INVALID, "'current' names '%.80s', and there is no such context",
                       c->current);
    return 0;
}

int contexts_read(struct contexts *ret, const char *path, struct err *e)
{
    CLEANUP(contexts_clear) struct contexts c = { .path = xstrdup(path) };
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const char *slash = strrchr(path, '/');
    struct err why = { 0 };

    c.folder = slash ? xasprintf("%.*s", (int)(slash - path), path) : xstrdup(".");
    if (file_read(&text, path, CONTEXT_MAX_FILE, &why)) {
        if (why.code != ERR_NOT_FOUND)
            return err_pass(e, &why);
    } else if (yaml_parse(&doc, buf_slice(&text), NULL, e) || read_all(&c, json_root(doc), e)) {
        return err_wrap(e, "%s", path);
    }
    *ret = c;
    c = (struct contexts){ 0 };
    return 0;
}

static void put_one(struct json_writer *w, const struct context *one)
{
    json_put_object(w, NULL);
    json_put_text(w, "name", one->name);
    json_put_text(w, "server", one->server);
    if (one->ca)
        json_put_text(w, "ca", one->ca);
    if (one->certificate) {
        json_put_text(w, "certificate", one->certificate);
        json_put_text(w, "key", one->key);
    }
    json_put_end(w);
}

int contexts_write(const struct contexts *c, struct err *e)
{
    CLEANUP(buf_clear) struct buf json = { 0 };
    CLEANUP(buf_clear) struct buf yaml = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct json_writer w;

    json_writer_init(&w, &json, false);
    json_put_object(&w, NULL);
    if (c->current)
        json_put_text(&w, "current", c->current);
    json_put_array(&w, "contexts");
    for (size_t i = 0; i < c->count; i++)
        put_one(&w, &c->context[i]);
    json_put_end(&w);
    json_put_end(&w);
    if (json_parse(&doc, buf_slice(&json), NULL, e))
        return -1;
    yaml_write(&yaml, json_root(doc));
    if (file_make_folders(c->folder, 0700, e))
        return -1;
    return file_replace(c->path, buf_slice(&yaml), 0600, e);
}

/* ---- a client's options ---- */

void context_target_clear(struct context_target *target)
{
    for (size_t i = 0; i < ARRAY_LEN(target->owned); i++)
        free(target->owned[i]);
    *target = (struct context_target){ 0 };
}

void context_target_init(struct context_target *target, const struct contexts *c,
                         const struct context *which)
{
    bool pinned = which->ca && strncmp(which->ca, "sha256:", 7) == 0;
    char **own = target->owned;

    *target = (struct context_target){ 0 };
    own[0] = xstrdup(which->server);
    own[1] = pinned ? xstrdup(which->ca) : context_path(c, which->ca);
    own[2] = context_path(c, which->certificate);
    own[3] = context_path(c, which->key);
    target->options = (struct net_client_options){ .url = own[0],
                                                   .ca = pinned ? NULL : own[1],
                                                   .pin = pinned ? own[1] : NULL,
                                                   .cert = own[2],
                                                   .key = own[3] };
}
