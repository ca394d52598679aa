#include "api/client.h"
#include "api/client_login.h"

#include "base/clock.h"
#include "store/file.h"
#include <limits.h>
#include <unistd.h>

int client_contexts(struct contexts *ret, struct err *e)
{
    CLEANUP(freep) char *path = NULL;

    return contexts_default(&path, e) ? -1 : contexts_read(ret, path, e);
}

static int want(struct contexts *c, const char *name, struct context **ret, struct err *e)
{
    *ret = contexts_find(c, name);
    if (*ret)
        return 0;
    return err_set(e, ERR_NOT_FOUND, "there is no context '%.80s'", name);
}

/* ---- list and show ---- */

static void put_context(struct json_writer *w, const struct contexts *c, const struct context *one)
{
    CLEANUP(freep) char *file = context_path(c, one->certificate);
    struct identity_view view;

    json_put_text(w, "name", one->name);
    json_put_bool(w, "current", c->current && strcmp(c->current, one->name) == 0);
    json_put_text(w, "server", one->server);
    json_put_text(w, "ca", one->ca);
    json_put_text(w, "certificate", one->certificate);
    json_put_text(w, "key", one->key);
    if (!file || identity_view_read(&view, file, NULL))
        return;
    json_put_text(w, "identity", view.uri);
    json_put_time(w, "expires", view.not_after);
}

int client_context_list(struct client *client, const struct json_value *args,
                        struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(contexts_clear) struct contexts c = { 0 };

    (void)client;
    (void)args;
    (void)result;
    if (client_contexts(&c, e))
        return -1;
    json_put_array(reply, "items");
    json_put_object(reply, NULL);
    json_put_text(reply, "name", CONTEXT_LOCAL);
    json_put_bool(reply, "current", !c.current);
    json_put_text(reply, "server", "this machine");
    json_put_end(reply);
    for (size_t i = 0; i < c.count; i++) {
        json_put_object(reply, NULL);
        put_context(reply, &c, &c.context[i]);
        json_put_end(reply);
    }
    json_put_end(reply);
    return 0;
}

int client_context_show(struct client *client, const struct json_value *args,
                        struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(contexts_clear) struct contexts c = { 0 };
    const char *name = json_text(json_get(args, "name"));
    struct context *one;

    (void)client;
    (void)result;
    if (client_contexts(&c, e))
        return -1;
    if (!name)
        name = c.current ? c.current : CONTEXT_LOCAL;
    if (strcmp(name, CONTEXT_LOCAL) == 0) {
        json_put_text(reply, "name", CONTEXT_LOCAL);
        json_put_bool(reply, "current", !c.current);
        json_put_text(reply, "server", "this machine");
        return 0;
    }
    if (want(&c, name, &one, e))
        return -1;
    put_context(reply, &c, one);
    return 0;
}

/* ---- change ---- */

int client_context_use(struct client *client, const struct json_value *args,
                       struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(contexts_clear) struct contexts c = { 0 };
    const char *name = json_text(json_get(args, "name"));
    bool local = strcmp(name, CONTEXT_LOCAL) == 0;
    struct context *one;

    (void)client;
    (void)result;
    if (client_contexts(&c, e) || (!local && want(&c, name, &one, e)))
        return -1;
    context_set(&c.current, local ? NULL : name);
    json_put_text(reply, "name", name);
    return contexts_write(&c, e);
}

/* A file is named as it is found from here, and must be found from anywhere. */
static int set_file(char **member, const char *path, struct err *e)
{
    char whole[PATH_MAX];

    if (!path)
        return 0;
    if (!realpath(path, whole))
        return err_errno(e, "'%s'", path);
    context_set(member, whole);
    return 0;
}

/* What would fail at the next command fails here. */
static int try_open(const struct contexts *c, const struct context *one, struct err *e)
{
    CLEANUP(context_target_clear) struct context_target target = { 0 };
    CLEANUP(net_client_closep) struct net_client *net = NULL;

    context_target_init(&target, c, one);
    return net_client_open(&net, &target.options, e);
}

int client_context_add(struct client *client, const struct json_value *args,
                       struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(contexts_clear) struct contexts c = { 0 };
    const char *name = json_text(json_get(args, "name")), *ca = json_text(json_get(args, "ca"));
    struct context *one;

    (void)client;
    (void)result;
    if (client_contexts(&c, e))
        return -1;
    if (contexts_find(&c, name))
        return err_set(e, ERR_CONFLICT, "there is a context '%s' already: remove it first", name);
    if (contexts_put(&c, name, &one, e))
        return -1;
    context_set(&one->server, json_text(json_get(args, "server")));
    if (ca && strncmp(ca, "sha256:", 7) == 0)
        context_set(&one->ca, ca);
    else if (set_file(&one->ca, ca, e))
        return -1;
    if (set_file(&one->certificate, json_text(json_get(args, "certificate")), e) ||
        set_file(&one->key, json_text(json_get(args, "key")), e))
        return -1;
    if (!one->certificate != !one->key)
        return err_set(e, ERR_INVALID, "--certificate and --key go together");
    if (try_open(&c, one, e) || contexts_write(&c, e))
        return -1;
    put_context(reply, &c, one);
    return 0;
}

/* What a login made; files of others stay. */
static void remove_files(const struct contexts *c, const struct context *one)
{
    static const char *const files[] = { LOGIN_PAIR, LOGIN_CA };
    CLEANUP(freep) char *folder = context_file(c, one, ".");

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(freep) char *path = context_file(c, one, files[i]);

        (void)unlink(path);
    }
    folder[strlen(folder) - 2] = '\0'; /* rmdir(2) takes no "." */
    (void)rmdir(folder);
}

int client_context_remove(struct client *client, const struct json_value *args,
                          struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(contexts_clear) struct contexts c = { 0 };
    const char *name = json_text(json_get(args, "name"));
    struct context *one;

    (void)client;
    (void)result;
    if (client_contexts(&c, e) || want(&c, name, &one, e))
        return -1;
    remove_files(&c, one);
    contexts_remove(&c, one);
    json_put_text(reply, "name", name);
    return contexts_write(&c, e);
}
