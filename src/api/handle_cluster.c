#include "api/handlers.h"
#include "pki/adopt.h"

#include "base/alloc.h"
#include "base/encode.h"

/* ---- list and show ---- */

struct listing {
    struct handle_page page;
    struct store_tx *tx;
};

static int put_cluster_row(const struct record *r, void *ctx, struct err *e)
{
    struct listing *l = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    char scope[64];

    memcpy(c.uid, r->uid, sizeof c.uid);
    cluster_scope(&c, scope);
    if (!handle_may(l->page.args, scope))
        return 0;
    if (cluster_load(l->tx, r->name, &c, e))
        return -1;
    json_put_object(l->page.reply, NULL);
    cluster_write_json(l->page.reply, &c);
    json_put_end(l->page.reply);
    return 0;
}

static int list_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct listing *l = ctx;
    struct store_query query = { .kind = KIND_CLUSTER,
                                 .scope = SCOPE_TENANT,
                                 .order = STORE_BY_NAME,
                                 .cursor = api_query(l->page.args, "cursor"),
                                 .limit = l->page.limit };

    l->tx = tx;
    return store_list(tx, &query, put_cluster_row, l, l->page.next, e);
}

int list_clusters(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct listing l = { .page = { .args = args, .reply = reply } };

    return handle_list(&l.page, list_in, &l, e);
}

int show_cluster(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };

    if (handle_cluster(args, &c, e))
        return -1;
    handle_shows(args, c.revision);
    cluster_write_json(reply, &c);
    return 0;
}

/* ---- make and delete ---- */

static void put_warnings(struct json_writer *reply, struct slice warnings)
{
    struct slice line;

    json_put_array(reply, "warnings");
    while (slice_cut(&warnings, '\n', &line))
        json_put_slice(reply, NULL, line);
    json_put_end(reply);
}

int create_cluster(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    CLEANUP(cluster_clear) struct cluster spec = { 0 };
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    bool made;

    if (cluster_parse(&spec, args->body, &warnings, e) ||
        cluster_create(args->request, &spec, &made, e))
        return -1;
    if (made)
        handle_made(args, spec.revision, "/v1/clusters/@", spec.name);
    else
        handle_shows(args, spec.revision);
    json_put_bool(reply, "changed", made);
    put_warnings(reply, buf_slice(&warnings));
    cluster_write_json(reply, &spec);
    return 0;
}

int delete_cluster(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    int64_t records;

    if (cluster_delete(args->request, args->param[0], &records, e))
        return -1;
    json_put_text(reply, "name", args->param[0]);
    json_put_int(reply, "records", records);
    return 0;
}

/* ---- adopt ---- */

enum { ADOPT_FILES = 256 };

static int decode_files(const struct json_value *list, struct adopt_file *files, struct buf *bytes,
                        struct err *e)
{
    struct json_iter it = json_iter(list);
    const struct json_value *row;
    const char *key, *base64;

    for (size_t i = 0; json_next(&it, &key, &row); i++) {
        if (json_want_text(row, "path", &files[i].path, e) ||
            json_want_text(row, "base64", &base64, e) ||
            base64_decode(&bytes[i], slice_str(base64), e))
            return err_wrap(e, "files");
        files[i].bytes = buf_slice(&bytes[i]);
    }
    return 0;
}

int adopt_cluster(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    const struct json_value *list = json_get(args->body, "files");
    struct adopt_request what = { .name = args->param[0], .file_count = json_len(list) };
    struct adopt_file *files;
    struct buf *bytes;
    bool made = false;
    int rc;

    if (json_want_text(args->body, "layout", &what.layout, e))
        return -1;
    if (what.file_count > ADOPT_FILES)
        return err_set(e, ERR_LIMIT, "%zu files are over the limit of %d", what.file_count,
                       ADOPT_FILES);
    files = xcalloc(what.file_count + 1, sizeof *files);
    bytes = xcalloc(what.file_count + 1, sizeof *bytes);
    what.file = files;
    rc = decode_files(list, files, bytes, e);
    if (!rc)
        rc = cluster_adopt(args->request, &what, &made, reply, e);
    if (!rc)
        json_put_bool(reply, "changed", made);
    for (size_t i = 0; i < what.file_count; i++)
        buf_clear(&bytes[i]);
    free(bytes);
    free(files);
    return rc;
}
