#include "api/handlers.h"
#include "pki/authority.h"
#include "pki/inspect.h"
#include "pki/profile.h"

struct authorities {
    const struct api_args *args;
    struct json_writer *reply;
    struct cluster cluster;
};

static void put_generation(struct json_writer *reply, const struct generation *g, int64_t now,
                           bool pem)
{
    json_put_object(reply, NULL);
    json_put_int(reply, "number", g->number);
    json_put_text(reply, "state", generation_state_name(g->state));
    json_put_text(reply, "custody", custody_name(g->custody));
    json_put_text(reply, "skid", g->skid);
    inspect_write(reply, &g->view, now);
    if (pem)
        handle_put_pem(reply, "certificate", buf_slice(&g->cert));
    json_put_end(reply);
}

/* A generation that people mean when they name the authority: the one that signs, or else the
 * newest. */
static const struct generation *current(const struct authority *a)
{
    if (!a->generation_count)
        return NULL;
    return &a->generation[a->issuing < a->generation_count ? a->issuing : a->generation_count - 1];
}

static int put_authority(struct authorities *x, const struct authority *a, bool whole,
                         struct err *e)
{
    CLEANUP(buf_clear) struct buf bundle = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    int64_t now = pki_now(x->args->request->pki);
    const struct generation *g = current(a);
    CLEANUP(buf_clear) struct buf eku = { 0 };

    json_put_text(x->reply, "cluster", x->cluster.name);
    json_put_text(x->reply, "name", authority_role_name(a->role));
    json_put_text(x->reply, "ca", a->ca);
    if (g) {
        x509_eku_names(&eku, g->view.ext.eku);
        json_put_int(x->reply, "generation", g->number);
        json_put_text(x->reply, "custody", custody_name(g->custody));
        json_put_text(x->reply, "usage", g->view.ext.has_eku ? buf_str(&eku) : "any");
        json_put_time(x->reply, "not_after", g->view.not_after);
    }
    json_put_array(x->reply, "generations");
    for (size_t i = 0; i < a->generation_count; i++)
        put_generation(x->reply, &a->generation[i], now, whole);
    json_put_end(x->reply);
    if (!whole)
        return 0;
    if (authority_bundle(a, &bundle, e) || authority_current_pem(a, &pem, e))
        return -1;
    json_put_slice(x->reply, "certificate", buf_slice(&pem));
    json_put_slice(x->reply, "bundle", buf_slice(&bundle));
    return 0;
}

static int list_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct authorities *x = ctx;

    if (cluster_load(tx, x->args->param[0], &x->cluster, e))
        return -1;
    for (int i = 0; i < AUTHORITY_ROLES; i++) {
        CLEANUP(authority_clear) struct authority a = { 0 };
        struct err why = { 0 };

        if (authority_load(tx, &x->cluster, (enum authority_role)i, &a, &why)) {
            /* an adopted cluster may keep its etcd elsewhere */
            if (why.code == ERR_NOT_FOUND && x->cluster.adopted[0])
                continue;
            return err_pass(e, &why);
        }
        json_put_object(x->reply, NULL);
        if (put_authority(x, &a, false, e))
            return -1;
        json_put_end(x->reply);
    }
    return 0;
}

int list_authorities(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct authorities x = { .args = args, .reply = reply };
    int rc;

    json_put_array(reply, "items");
    rc = store_read(pki_store(args->request->pki), list_in, &x, e);
    json_put_end(reply);
    cluster_clear(&x.cluster);
    return rc;
}

static int show_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct authorities *x = ctx;
    CLEANUP(authority_clear) struct authority a = { 0 };
    enum authority_role role;

    if (cluster_load(tx, x->args->param[0], &x->cluster, e) ||
        authority_role_parse(&role, x->args->param[1], e) ||
        authority_load(tx, &x->cluster, role, &a, e))
        return -1;
    return put_authority(x, &a, true, e);
}

int show_authority(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct authorities x = { .args = args, .reply = reply };
    int rc = store_read(pki_store(args->request->pki), show_in, &x, e);

    cluster_clear(&x.cluster);
    return rc;
}

int list_profiles(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    (void)args;
    (void)e;
    json_put_array(reply, "items");
    for (size_t i = 0; i < profile_count; i++) {
        CLEANUP(buf_clear) struct buf eku = { 0 };

        x509_eku_names(&eku, profiles[i].eku);
        json_put_object(reply, NULL);
        json_put_text(reply, "name", profiles[i].name);
        json_put_text(reply, "authority", authority_role_name(profiles[i].role));
        json_put_text(reply, "usage", buf_str(&eku));
        json_put_text(reply, "common_name", profiles[i].cn);
        json_put_text(reply, "group", profiles[i].org);
        json_put_text(reply, "help", profiles[i].help);
        json_put_end(reply);
    }
    json_put_end(reply);
    return 0;
}
