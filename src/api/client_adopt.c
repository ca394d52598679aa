#include "api/client.h"
#include "base/alloc.h"
#include "crypto/pem.h"
#include "pki/adopt.h"
#include "pki/bundle.h"
#include "store/file.h"
#include "wire/yaml.h"
#include <dirent.h>
#include <sys/stat.h>

/*
 * `cluster adopt`: reads the folder and sends what adoption needs, no more: certificates, the CAs'
 * keys and that of service accounts, and kubeconfigs without what is secret in them. Keys of leaves
 * stay where they are.
 */
enum { MAX_DEPTH = 3, MAX_TOTAL = 16 << 20 };

struct gathering {
    const char *from, *layout;
    struct json_writer *w;
    struct client *client;
    size_t count, total;
};

/* ---- one file, reduced ---- */

static int take_cert(const struct bundle_item *item, void *ctx, struct err *e)
{
    (void)e;
    if (item->kind == BUNDLE_CERT)
        pem_write(ctx, "CERTIFICATE", item->bytes);
    return 0;
}

static bool is_secret(const char *key)
{
    static const char *const secret[] = { "client-key-data", "token", "password", "auth-provider",
                                          "exec" };

    for (size_t i = 0; i < ARRAY_LEN(secret); i++)
        if (strcmp(key, secret[i]) == 0)
            return true;
    return false;
}

/* A copy without the members that are secret, at any depth. */
static void copy_open(struct json_writer *w, const char *key, const struct json_value *v)
{
    struct json_iter it = json_iter(v);
    const struct json_value *inner;
    const char *name;

    if (json_type(v) != JSON_OBJECT && json_type(v) != JSON_ARRAY) {
        json_put_value(w, key, v);
        return;
    }
    if (json_type(v) == JSON_OBJECT)
        json_put_object(w, key);
    else
        json_put_array(w, key);
    while (json_next(&it, &name, &inner))
        if (json_type(v) == JSON_ARRAY || !is_secret(name))
            copy_open(w, json_type(v) == JSON_ARRAY ? NULL : name, inner);
    json_put_end(w);
}

static int reduce_kubeconfig(struct slice bytes, struct buf *out, struct err *e)
{
    static const struct json_limits limits = { .bytes = ADOPT_MAX_SIZE, .depth = 16 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct json_writer w;

    if (yaml_parse(&doc, bytes, &limits, e))
        return -1;
    json_writer_init(&w, out, false);
    copy_open(&w, NULL, json_root(doc));
    return buf_check(out, e);
}

/* Empty when there is nothing in it that is wanted. */
static int reduce(const struct gathering *g, const char *path, struct slice bytes, struct buf *out,
                  struct err *e)
{
    bool key;

    if (adopt_wants_key(g->layout, path, &key, e))
        return -1;
    if (key) {
        buf_add_slice(out, bytes);
        return buf_check(out, e);
    }
    switch (bundle_form(bytes)) {
    case BUNDLE_PEM:
    case BUNDLE_DER:
        return bundle_read(bytes, take_cert, out, e);
    case BUNDLE_KUBECONFIG:
        return reduce_kubeconfig(bytes, out, e);
    case BUNDLE_NOTHING:
        break;
    }
    return 0;
}

/* ---- the folder ---- */

static void warn(const struct gathering *g, const char *path, const char *why)
{
    CLEANUP(freep) char *text = xasprintf("'%s' is left out: %s", path, why);

    if (g->client->warn)
        g->client->warn(text, g->client->ctx);
}

static int gather_file(struct gathering *g, const char *path, struct err *e)
{
    CLEANUP(freep) char *whole = xasprintf("%s/%s", g->from, path);
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    CLEANUP(buf_clear) struct buf reduced = { 0 };
    struct err why = { 0 };
    struct stat st;

    if (stat(whole, &st) || !S_ISREG(st.st_mode) || st.st_size > ADOPT_MAX_SIZE)
        return 0;
    if (file_read(&bytes, whole, ADOPT_MAX_SIZE, &why) ||
        reduce(g, path, buf_slice(&bytes), &reduced, &why)) {
        warn(g, path, err_text(&why));
        return 0;
    }
    if (!reduced.len)
        return 0;
    g->total += reduced.len;
    if (++g->count > ADOPT_MAX_FILES || g->total > MAX_TOTAL)
        return err_set(e, ERR_LIMIT,
                       "'%s' holds more than %d files or %d MiB of certificates: is it the folder "
                       "of a control-plane machine?",
                       g->from, ADOPT_MAX_FILES, MAX_TOTAL >> 20);
    json_put_object(g->w, NULL);
    json_put_text(g->w, "path", path);
    json_put_base64(g->w, "base64", buf_slice(&reduced));
    json_put_end(g->w);
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int gather_folder(struct gathering *g, const char *path, int depth, struct err *e)
{
    CLEANUP(freep) char *whole = xasprintf("%s/%s", g->from, path);
    struct dirent **list = NULL;
    int count = scandir(whole, &list, not_dots, by_name), rc = 0;

    if (count < 0)
        return err_errno(e, "list the folder '%s'", whole);
    for (int i = 0; i < count; i++) {
        CLEANUP(freep) char *inner = xasprintf("%s%s%s", path, path[0] ? "/" : "", list[i]->d_name);
        CLEANUP(freep) char *name = xasprintf("%s/%s", g->from, inner);
        struct stat st;

        free(list[i]);
        if (rc || lstat(name, &st))
            continue;
        if (!S_ISDIR(st.st_mode))
            rc = gather_file(g, inner, e);
        else if (depth < MAX_DEPTH)
            rc = gather_folder(g, inner, depth + 1, e);
    }
    free(list);
    return rc;
}

/* ---- the request ---- */

static int write_request(struct gathering *g, struct buf *body, struct err *e)
{
    struct json_writer w;
    bool key;

    if (adopt_wants_key(g->layout, "", &key, e)) /* an unknown layout, before anything is read */
        return -1;
    g->w = &w;
    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "layout", g->layout);
    json_put_array(&w, "files");
    if (gather_folder(g, "", 0, e))
        return -1;
    json_put_end(&w);
    json_put_end(&w);
    if (!g->count)
        return err_set(e, ERR_NOT_FOUND, "'%s' holds no certificate", g->from);
    return buf_check(body, e);
}

int client_adopt(struct client *client, const struct json_value *args, struct json_writer *reply,
                 struct client_result *result, struct err *e)
{
    struct gathering g = { .client = client };
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(buf_clear) struct buf path = { 0 };
    CLEANUP(json_freep) struct json *answer = NULL;
    const char *name;

    (void)result;
    if (json_want_text(args, "name", &name, e) || json_want_text(args, "from", &g.from, e) ||
        json_want_text(args, "layout", &g.layout, e) || write_request(&g, &body, e))
        return -1;
    client_path(&path, "/v1/clusters/@/adoption", &name);
    if (client_call(client, HTTP_POST, buf_str(&path), buf_slice(&body), &answer, e))
        return -1;
    client_put_answer(reply, json_root(answer));
    return 0;
}
