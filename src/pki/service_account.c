#include "pki/service_account.h"

#include "pki/record_body.h"

int service_account_write(struct buf *body, const struct service_account_key *key, struct err *e)
{
    struct json_writer w;

    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    json_put_int(&w, "number", key->number);
    json_put_text(&w, "key_type", key_type_name(key->type));
    json_put_slice(&w, "public", key->public);
    if (key->sealed.len)
        json_put_base64(&w, "sealed", key->sealed);
    json_put_end(&w);
    return buf_check(body, e);
}

static int list_keys(struct store_tx *tx, const struct cluster *c, store_visit *visit, void *ctx,
                     struct err *e)
{
    struct store_query query = { .kind = KIND_SERVICE_ACCOUNT_KEY, .order = STORE_BY_CREATED };
    char scope[64];

    cluster_scope(c, scope);
    query.scope = scope;
    return store_list_all(tx, &query, visit, ctx, e);
}

static int add_public(const struct record *r, void *ctx, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    struct buf *pem = ctx;

    if (record_json(&doc, r, e))
        return -1;
    buf_add_slice(pem, json_slice(json_get(json_root(doc), "public")));
    return 0;
}

int service_account_public(struct store_tx *tx, const struct cluster *c, struct buf *pem,
                           struct err *e)
{
    return list_keys(tx, c, add_public, pem, e) || buf_check(pem, e) ? -1 : 0;
}

/* The newest key: the one that signs. */
struct signing_key {
    char uid[UID_TEXT];
    int64_t number;
    struct buf sealed;
};

static void signing_key_clear(struct signing_key *k)
{
    buf_clear(&k->sealed);
}

static int take_newest(const struct record *r, void *ctx, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    struct signing_key *k = ctx;

    if (record_json(&doc, r, e))
        return -1;
    memcpy(k->uid, r->uid, sizeof k->uid);
    k->number = json_int(json_get(json_root(doc), "number"), 0);
    buf_reset(&k->sealed);
    if (json_get(json_root(doc), "sealed") && body_base64(json_root(doc), "sealed", &k->sealed, e))
        return record_damaged(r, e);
    return 0;
}

static int release(struct pki_write *w, const struct signing_key *k, struct buf *pem, struct err *e)
{
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    CLEANUP(secret_clear) struct secret pkcs8 = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;
    struct seal_place place = { &dk, { KIND_SERVICE_ACCOUNT_KEY, k->uid, "key" } };

    if (pki_data_key_load(w->tx, DATA_KEY_KIND, KIND_SERVICE_ACCOUNT_KEY, &dk, e) ||
        keeper_key_release(pki_keeper(w->request->pki), &place, buf_slice(&k->sealed), &pkcs8, e) ||
        key_read_private(&key, secret_slice(&pkcs8), e))
        return -1;
    return key_write_private_pem(key, pem, e);
}

int service_account_release(struct pki_write *w, const struct cluster *c, const char *machine,
                            struct buf *pem, struct err *e)
{
    CLEANUP(signing_key_clear) struct signing_key k = { 0 };
    const struct machine *m = cluster_machine(c, machine);
    char detail[128];

    pki_deciding(w, "service-account-key.release", "cluster/%s/machine/%s", c->name, machine);
    if (!m)
        return err_set(e, ERR_NOT_FOUND, "cluster '%s' has no machine '%s'", c->name, machine);
    if (!(m->roles & MACHINE_CONTROL_PLANE))
        return err_set(e, ERR_REFUSED,
                       "machine '%s' is not of the control plane: only API servers and controller "
                       "managers hold "
                       "the service-account key",
                       machine);
    if (list_keys(w->tx, c, take_newest, &k, e))
        return -1;
    if (!k.sealed.len)
        return err_set(e, ERR_NOT_FOUND,
                       "the service-account key of cluster '%s' is elsewhere: adopt it with its "
                       "key, or keep the "
                       "sa.key that is there",
                       c->name);
    if (release(w, &k, pem, e))
        return -1;
    (void)snprintf(detail, sizeof detail, "{\"number\":%lld}", (long long)k.number);
    return pki_granted(w, detail, e);
}
