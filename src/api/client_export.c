#include "api/client.h"
#include "api/client_files.h"
#include "api/client_leaf.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/pem.h"

/*
 * `cluster export`: asks for the plan of a machine, keeps what is still good in --out, makes keys
 * for the rest, has them signed in one request, and writes what changed. A second run changes
 * nothing.
 */
enum { MAX_LEAVES = 32 };

struct export_job {
    struct client *client;
    const char *cluster, *machine, *layout, *out, *prefix;
    bool dry_run, force;
    struct json *plan, *issued;
    struct leaf leaf[MAX_LEAVES];
    size_t leaf_count;
    struct file_set files;
};

static void export_clear(struct export_job *x)
{
    for (size_t i = 0; i < x->leaf_count; i++)
        leaf_clear(&x->leaf[i]);
    file_set_clear(&x->files);
    json_free(x->plan);
    json_free(x->issued);
}

static const struct json_value *plan_list(const struct export_job *x, const char *name)
{
    return json_get(json_root(x->plan), name);
}

/* ---- the plan ---- */

static int fetch_plan(struct export_job *x, struct err *e)
{
    CLEANUP(buf_clear) struct buf path = { 0 };

    buf_add_str(&path, "/v1/clusters/");
    client_escape(&path, x->cluster);
    buf_add_str(&path, "/machines/");
    client_escape(&path, x->machine);
    buf_add_str(&path, "/plan?layout=");
    client_escape(&path, x->layout);
    if (x->prefix) {
        buf_add_str(&path, "&prefix=");
        client_escape(&path, x->prefix);
    }
    return client_call(x->client, HTTP_GET, buf_str(&path), slice_of(NULL, 0), &x->plan, e);
}

static const char *kubeconfig_of(const struct export_job *x, const char *slot)
{
    struct json_iter it = json_iter(plan_list(x, "kubeconfigs"));
    const struct json_value *row;
    const char *key;

    while (json_next(&it, &key, &row))
        if (slice_eq_str(json_slice(json_get(row, "slot")), slot))
            return json_text(json_get(row, "path"));
    return NULL;
}

static int check_places(const struct export_job *x, const struct leaf *leaf, struct err *e)
{
    const char *const paths[] = { leaf->key_path, leaf->cert_path, leaf->kubeconfig };

    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        if (paths[i] && file_place_check(x->out, paths[i], e))
            return -1;
    return 0;
}

static int read_leaves(struct export_job *x, struct err *e)
{
    struct json_iter it = json_iter(plan_list(x, "leaves"));
    const struct json_value *row;
    const char *key;
    int64_t now = clock_wall();

    while (json_next(&it, &key, &row)) {
        struct leaf *leaf = &x->leaf[x->leaf_count];

        if (x->leaf_count == MAX_LEAVES)
            return err_set(e, ERR_LIMIT, "the plan has more than %d certificates", MAX_LEAVES);
        x->leaf_count++;
        leaf->plan = row;
        leaf->slot = json_text(json_get(row, "slot"));
        leaf->cert_path = json_text(json_get(row, "certificate"));
        leaf->key_path = json_text(json_get(row, "key"));
        leaf->kubeconfig = kubeconfig_of(x, leaf->slot);
        if (check_places(x, leaf, e))
            return -1;
        leaf_find(leaf, x->out);
        leaf_judge(leaf, now);
    }
    return 0;
}

/* The server would refuse it too, but a dry run does not ask, and keys would have been made. */
static int check_custody(const struct export_job *x, struct err *e)
{
    for (size_t i = 0; i < x->leaf_count; i++) {
        const struct json_value *plan = x->leaf[i].plan;
        const char *role = json_text(json_get(plan, "authority"));
        struct slice custody = json_slice(json_get(plan, "custody"));

        if (x->leaf[i].good || slice_eq_str(custody, "sealed"))
            continue;
        if (!custody.len)
            return err_set(e, ERR_REFUSED, "no generation of the %s authority issues", role);
        return err_set(e, ERR_REFUSED,
                       "the key of the %s authority is elsewhere: poterne watches it, but cannot "
                       "issue with it, and the pair of '%s' has to be made (%s)",
                       role, x->leaf[i].slot, x->leaf[i].reason);
    }
    return 0;
}

/* ---- new certificates ---- */

static void write_orders(struct export_job *x, struct buf *body)
{
    struct json_writer w;

    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    json_put_array(&w, "items");
    for (size_t i = 0; i < x->leaf_count; i++) {
        const struct leaf *leaf = &x->leaf[i];

        if (leaf->good)
            continue;
        json_put_object(&w, NULL);
        json_put_text(&w, "slot", leaf->slot);
        json_put_text(&w, "profile", json_text(json_get(leaf->plan, "profile")));
        json_put_slice(&w, "csr", buf_slice(&leaf->csr));
        json_put_end(&w);
    }
    json_put_end(&w);
    json_put_end(&w);
}

static int take_certificates(struct export_job *x, struct err *e)
{
    struct json_iter it = json_iter(json_get(json_root(x->issued), "items"));
    const struct json_value *row;
    const char *key;

    for (size_t i = 0; i < x->leaf_count; i++) {
        struct leaf *leaf = &x->leaf[i];

        if (leaf->good)
            continue;
        if (!json_next(&it, &key, &row) ||
            !slice_eq_str(json_slice(json_get(row, "slot")), leaf->slot))
            return err_set(e, ERR_INTERNAL, "no certificate came back for '%s'", leaf->slot);
        buf_add_slice(&leaf->cert, json_slice(json_get(row, "certificate")));
    }
    return 0;
}

static int renew_leaves(struct export_job *x, struct err *e)
{
    CLEANUP(buf_clear) struct buf path = { 0 };
    CLEANUP(buf_clear) struct buf body = { 0 };
    size_t wanted = 0;

    for (size_t i = 0; i < x->leaf_count; i++)
        wanted += !x->leaf[i].good;
    if (!wanted)
        return 0;
    if (x->client->progress && wanted > 1)
        x->client->progress("making keys and certificates", x->client->ctx);
    for (size_t i = 0; i < x->leaf_count; i++)
        if (!x->leaf[i].good && leaf_renew(&x->leaf[i], e))
            return -1;
    write_orders(x, &body);
    buf_add_str(&path, "/v1/clusters/");
    client_escape(&path, x->cluster);
    buf_add_str(&path, "/machines/");
    client_escape(&path, x->machine);
    buf_add_str(&path, "/certificates");
    if (client_call(x->client, HTTP_POST, buf_str(&path), buf_slice(&body), &x->issued, e))
        return -1;
    return take_certificates(x, e);
}

/* ---- files ---- */

static mode_t mode_of(const struct json_value *row)
{
    return (mode_t)strtoul(json_text(json_get(row, "mode")), NULL, 8);
}

static int add_files(struct export_job *x, struct err *e)
{
    struct json_iter it = json_iter(plan_list(x, "files"));
    const struct json_value *row;
    const char *key;

    while (json_next(&it, &key, &row)) {
        struct export_file *f =
            file_set_add(&x->files, json_text(json_get(row, "path")), mode_of(row), e);

        if (!f)
            return -1;
        buf_add_slice(&f->bytes, json_slice(json_get(row, "text")));
    }
    return 0;
}

static int add_leaf_files(struct export_job *x, struct err *e)
{
    for (size_t i = 0; i < x->leaf_count; i++) {
        struct leaf *leaf = &x->leaf[i];
        struct export_file *key, *cert;

        if (!leaf->cert_path)
            continue;
        /* the key first: a pair that does not fit is refused by every reader, which then keeps the
         * old one */
        if (!(key = file_set_add(&x->files, leaf->key_path, 0600, e)) ||
            !(cert = file_set_add(&x->files, leaf->cert_path, 0644, e)))
            return -1;
        key->reason = cert->reason = leaf->reason;
        key->pending = cert->pending = !leaf->good;
    }
    return 0;
}

static const struct leaf *leaf_of_slot(const struct export_job *x, const char *slot)
{
    for (size_t i = 0; i < x->leaf_count; i++)
        if (strcmp(x->leaf[i].slot, slot) == 0)
            return &x->leaf[i];
    return NULL;
}

static int add_kubeconfigs(struct export_job *x, struct err *e)
{
    struct json_iter it = json_iter(plan_list(x, "kubeconfigs"));
    const struct json_value *row;
    const char *key;

    while (json_next(&it, &key, &row)) {
        struct export_file *f =
            file_set_add(&x->files, json_text(json_get(row, "path")), mode_of(row), e);
        const struct leaf *leaf = leaf_of_slot(x, json_text(json_get(row, "slot")));

        if (!f || !leaf)
            return f ? err_set(e, ERR_INTERNAL, "kubeconfig '%s' has no certificate", f->path) : -1;
        f->pending = !leaf->cert_path && !leaf->good;
        f->reason = f->pending ? leaf->reason : NULL;
    }
    return 0;
}

/* The last public key of the set is that of the key which signs. */
static bool secret_fits(struct slice private_pem, struct slice public_pem)
{
    CLEANUP(pem_block_clear) struct pem_block block = { 0 };
    CLEANUP(key_freep) struct key *private = NULL;
    struct slice last = slice_of(NULL, 0);

    if (!private_pem.len || key_read_private(&private, private_pem, NULL))
        return false;
    while (pem_next(&public_pem, &block, NULL) == 1)
        last = buf_slice(&block.der);
    return slice_eq(key_spki(private), last);
}

static int fetch_secret(struct export_job *x, struct export_file *f, struct err *e)
{
    CLEANUP(buf_clear) struct buf path = { 0 };
    CLEANUP(json_freep) struct json *reply = NULL;

    buf_add_str(&path, "/v1/clusters/");
    client_escape(&path, x->cluster);
    buf_add_str(&path, "/machines/");
    client_escape(&path, x->machine);
    buf_add_str(&path, "/service-account-key");
    if (client_call(x->client, HTTP_POST, buf_str(&path), slice_of(NULL, 0), &reply, e))
        return -1;
    buf_add_slice(&f->bytes, json_slice(json_get(json_root(reply), "private_key")));
    return 0;
}

static int add_secrets(struct export_job *x, struct err *e)
{
    struct json_iter it = json_iter(plan_list(x, "secrets"));
    const struct json_value *row;
    const char *key;

    while (json_next(&it, &key, &row)) {
        struct export_file *public = file_set_find(&x->files, json_text(json_get(row, "public")));
        struct export_file *f =
            file_set_add(&x->files, json_text(json_get(row, "path")), mode_of(row), e);

        if (!f || !public)
            return f ? err_set(e, ERR_INTERNAL, "no public key for '%s'", f->path) : -1;
        f->pending = !secret_fits(buf_slice(&f->before), buf_slice(&public->bytes));
        if (!f->pending)
            buf_add_slice(&f->bytes, buf_slice(&f->before));
    }
    return 0;
}

/* Kubeconfigs are texts about a pair: written out as soon as the pair is there. */
static void fill_kubeconfigs(struct export_job *x)
{
    struct json_iter it = json_iter(plan_list(x, "kubeconfigs"));
    const struct json_value *row;
    const char *key;

    while (json_next(&it, &key, &row)) {
        struct export_file *f = file_set_find(&x->files, json_text(json_get(row, "path")));

        buf_reset(&f->bytes);
        leaf_fill(leaf_of_slot(x, json_text(json_get(row, "slot"))),
                  json_slice(json_get(row, "text")), &f->bytes);
    }
}

/* Bytes of everything that is known by now; pending files get theirs once keys and certificates are
 * made. */
static void fill_files(struct export_job *x)
{
    for (size_t i = 0; i < x->leaf_count; i++) {
        const struct leaf *leaf = &x->leaf[i];
        struct export_file *key, *cert;

        if (!leaf->cert_path)
            continue;
        key = file_set_find(&x->files, leaf->key_path);
        cert = file_set_find(&x->files, leaf->cert_path);
        buf_reset(&key->bytes);
        buf_reset(&cert->bytes);
        buf_add_slice(&key->bytes, buf_slice(&leaf->key));
        buf_add_slice(&cert->bytes, buf_slice(&leaf->cert));
    }
    fill_kubeconfigs(x);
}

static int fetch_secrets(struct export_job *x, struct err *e)
{
    struct json_iter it = json_iter(plan_list(x, "secrets"));
    const struct json_value *row;
    const char *key;

    while (json_next(&it, &key, &row)) {
        struct export_file *f = file_set_find(&x->files, json_text(json_get(row, "path")));

        if (f->pending && fetch_secret(x, f, e))
            return -1;
    }
    return 0;
}

/* ---- the command ---- */

static bool says_why(const struct export_file *f)
{
    return f->reason && (f->action == FILE_UPDATED || f->action == FILE_REMOVED);
}

static void reply_write(const struct export_job *x, struct json_writer *reply)
{
    int64_t count[FILE_ACTIONS] = { 0 };

    for (size_t i = 0; i < x->files.count; i++)
        count[x->files.file[i].action]++;
    json_put_text(reply, "cluster", x->cluster);
    json_put_text(reply, "machine", x->machine);
    json_put_text(reply, "layout", x->layout);
    json_put_text(reply, "out", x->out);
    json_put_text(reply, "prefix", json_text(plan_list(x, "prefix")));
    json_put_bool(reply, "dry_run", x->dry_run);
    for (size_t i = 0; i < ARRAY_LEN(count); i++)
        json_put_int(reply, file_action_name((enum file_action)i), count[i]);
    json_put_array(reply, "items");
    for (size_t i = 0; i < x->files.count; i++) {
        const struct export_file *f = &x->files.file[i];
        char mode[8];

        snprintf(mode, sizeof mode, "%04o", (unsigned)f->mode);
        json_put_object(reply, NULL);
        json_put_text(reply, "path", f->path);
        json_put_text(reply, "mode", mode);
        json_put_text(reply, "action", file_action_name(f->action));
        json_put_text(reply, "reason", says_why(f) ? f->reason : "");
        json_put_end(reply);
    }
    json_put_end(reply);
}

static void warn_of_left(const struct export_job *x)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    size_t count = x->files.left_count;

    if (!count || !x->client->warn)
        return;
    buf_addf(&text,
             "%zu file%s of an earlier export to '%s' changed since and stay%s there: ", count,
             count == 1 ? "" : "s", x->out, count == 1 ? "s" : "");
    for (size_t i = 0; i < count && i < 5; i++)
        buf_addf(&text, "%s%s", i ? ", " : "", x->files.left[i]);
    buf_addf(&text, "%s; this export has no use for %s", count > 5 ? ", ..." : "",
             count == 1 ? "it" : "them");
    x->client->warn(buf_str(&text), x->client->ctx);
}

static int export_run(struct export_job *x, struct err *e)
{
    if (fetch_plan(x, e) || file_place_check(x->out, manifest_name, e) ||
        manifest_read(&x->files.manifest, x->out, e))
        return -1;
    if (!x->force && manifest_check_owner(&x->files.manifest, x->cluster, x->machine, x->out, e))
        return -1;
    if (read_leaves(x, e) || check_custody(x, e) || add_files(x, e) || add_leaf_files(x, e) ||
        add_kubeconfigs(x, e) || add_secrets(x, e))
        return -1;
    fill_files(x);
    if (file_set_decide(&x->files, e))
        return -1;
    warn_of_left(x);
    if (x->dry_run)
        return 0;
    if (renew_leaves(x, e) || fetch_secrets(x, e))
        return -1;
    fill_files(x);
    return file_set_write(&x->files, x->cluster, x->machine, x->layout, e);
}

int client_export(struct client *client, const struct json_value *args, struct json_writer *reply,
                  struct client_result *result, struct err *e)
{
    struct export_job *x = xcalloc(1, sizeof *x);
    int rc;

    (void)result;
    x->client = client;
    x->cluster = json_text(json_get(args, "cluster"));
    x->machine = json_text(json_get(args, "machine"));
    x->layout = json_text(json_get(args, "layout"));
    x->out = json_text(json_get(args, "out"));
    x->prefix = json_text(json_get(args, "prefix"));
    x->dry_run = json_bool(json_get(args, "dry_run"), false);
    x->force = json_bool(json_get(args, "force"), false);
    x->files.folder = x->out;
    x->files.force = x->force;
    rc = export_run(x, e);
    if (!rc)
        reply_write(x, reply);
    export_clear(x);
    free(x);
    return rc;
}
