#include "pki/installation_internal.h"

#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/pem.h"

enum { RATE = 100000 };

/* clang-format off */
const struct installation_leaf installation_leaves[] = {
    [INSTALLATION_SERVER]   = { "poterne-server",   AUTHORITY_POTERNE_SERVER, EKU_SERVER, "poterne-server",
                                NULL, DAYS(90), DAYS(366) },
    [INSTALLATION_OPERATOR] = { "poterne-operator", AUTHORITY_POTERNE_CLIENT, EKU_CLIENT, "*",
                                "operator/*", HOURS(8), HOURS(24) },
    [INSTALLATION_MACHINE]  = { "poterne-machine",  AUTHORITY_POTERNE_CLIENT, EKU_CLIENT, "*",
                                "machine/*/*", DAYS(30), DAYS(366) },
};
/* clang-format on */
const size_t installation_leaf_count = ARRAY_LEN(installation_leaves);

const char *installation_profile_name(enum installation_profile profile)
{
    return installation_leaves[profile].name;
}

void installation_domain(struct cluster *c, const struct pki *pki)
{
    *c = (struct cluster){
        .installation = true, .key_type = KEY_P256, .authority_ttl = YEARS(10), .name = "poterne"
    };
    (void)snprintf(c->uid, sizeof c->uid, "%s", pki_installation(pki));
}

/* ---- the fence ---- */

static void put_form(struct json_writer *w, const struct installation_leaf *leaf,
                     const char *installation)
{
    char uri[160];

    json_put_object(w, NULL);
    json_put_text(w, "profile", leaf->name);
    json_put_array(w, "eku");
    json_put_text(w, NULL, leaf->eku == EKU_SERVER ? "server" : "client");
    json_put_end(w);
    json_put_text(w, "cn", leaf->cn);
    json_put_array(w, "o");
    json_put_end(w);
    json_put_array(w, "san");
    json_put_text(w, NULL, leaf->uri ? "uri" : "dns");
    if (!leaf->uri)
        json_put_text(w, NULL, "ip");
    json_put_end(w);
    (void)snprintf(uri, sizeof uri, "poterne://%s/%s", installation, leaf->uri ? leaf->uri : "");
    if (leaf->uri)
        json_put_text(w, "uri", uri);
    json_put_int(w, "max_ttl", leaf->max_ttl);
    json_put_end(w);
}

int installation_fence(struct buf *json, const struct cluster *domain, unsigned roles,
                       struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct json_writer w;
    int64_t most = 0;

    authority_roles_text(&text, roles);
    for (size_t i = 0; i < installation_leaf_count; i++)
        if (roles & 1U << installation_leaves[i].role && installation_leaves[i].max_ttl > most)
            most = installation_leaves[i].max_ttl;
    json_writer_init(&w, json, false);
    json_put_object(&w, NULL);
    json_put_int(&w, "v", 1);
    json_put_text(&w, "cluster", domain->uid);
    json_put_text(&w, "role", buf_str(&text));
    json_put_array(&w, "eku");
    json_put_text(&w, NULL, authority_eku(roles) == EKU_SERVER ? "server" : "client");
    json_put_end(&w);
    json_put_array(&w, "subject");
    json_put_end(&w);
    json_put_int(&w, "max_ttl", most);
    json_put_int(&w, "rate", RATE);
    json_put_array(&w, "forms");
    for (size_t i = 0; i < installation_leaf_count; i++)
        if (roles & 1U << installation_leaves[i].role)
            put_form(&w, &installation_leaves[i], domain->uid);
    json_put_end(&w);
    json_put_end(&w);
    return buf_check(json, e);
}

/* ---- the two ---- */

int installation_authority(struct store_tx *tx, const struct pki *pki, enum authority_role role,
                           struct authority *ret, struct err *e)
{
    struct cluster domain;
    struct err why = { 0 };

    installation_domain(&domain, pki);
    if (!authority_load(tx, &domain, role, ret, &why))
        return 0;
    if (why.code == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND,
                       "the installation has no %s authority yet: it is made by 'poterne serve' "
                       "or the first 'poterne operator invite'",
                       authority_role_name(role));
    return err_pass(e, &why);
}

static int make_one(struct pki_write *w, enum authority_role role, struct err *e)
{
    CLEANUP(authority_clear) struct authority a = { 0 };
    struct cluster domain;
    struct err why = { 0 };

    installation_domain(&domain, w->request->pki);
    if (!installation_authority(w->tx, w->request->pki, role, &a, &why))
        return 0;
    if (why.code != ERR_NOT_FOUND)
        return err_pass(e, &why);
    if (authority_create(w, &domain, 1U << role, e))
        return err_wrap(e, "%s authority", authority_role_name(role));
    return 0;
}

int installation_make_authorities(struct pki_write *w, struct err *e)
{
    for (int role = AUTHORITY_ROLES; role < AUTHORITY_ALL; role++)
        if (make_one(w, (enum authority_role)role, e))
            return -1;
    return 0;
}

struct looking {
    const struct pki *pki;
    enum authority_role role;
    struct buf *pem;
};

static int look(struct store_tx *tx, void *ctx, struct err *e)
{
    struct looking *l = ctx;
    CLEANUP(authority_clear) struct authority a = { 0 };

    if (installation_authority(tx, l->pki, l->role, &a, e))
        return -1;
    return l->pem ? authority_bundle(&a, l->pem, e) : 0;
}

static int make(struct pki_write *w, void *ctx, struct err *e)
{
    (void)ctx;
    return installation_make_authorities(w, e);
}

int installation_ready(struct request *request, struct err *e)
{
    struct looking last = { request->pki, AUTHORITY_POTERNE_CLIENT, NULL };
    struct err why = { 0 };

    if (!store_read(pki_store(request->pki), look, &last, &why))
        return 0;
    if (why.code != ERR_NOT_FOUND)
        return err_pass(e, &why);
    return pki_write(request, make, NULL, e);
}

int installation_bundle(struct pki *pki, enum authority_role role, struct buf *pem, struct err *e)
{
    return store_read(pki_store(pki), look, &(struct looking){ pki, role, pem }, e);
}

int installation_pin(const struct authority *server, char pin[INSTALLATION_PIN], struct err *e)
{
    CLEANUP(buf_clear) struct buf hex = { 0 };

    if (server->issuing >= server->generation_count)
        return err_set(e, ERR_REFUSED, "no generation of the %s authority issues",
                       authority_role_name(server->role));
    sha256_hex(&hex, server->generation[server->issuing].view.spki);
    (void)snprintf(pin, INSTALLATION_PIN, "sha256:%s", buf_str(&hex));
    return 0;
}
