#include "pki/adopt_internal.h"

#include "base/alloc.h"
#include "base/encode.h"
#include "crypto/name.h"
#include "pki/record_body.h"

/* Leaves that others issued, in the ledger: so that `cert list --expiring` names them too. */

/* ---- what a leaf is for ---- */

static bool has_org(const struct x509_cert *cert, const char *org)
{
    struct name_iter it = name_iter(cert->subject);
    struct name_part part;

    while (name_next(&it, &part))
        if (part.attr == NAME_O && slice_eq_str(part.value, org))
            return true;
    return false;
}

/* One CA for several roles: the names of kubeadm and k3s tell the flows apart. */
enum authority_role adopt_role_of(const struct adopt_leaf *leaf)
{
    static const char *const control_plane[] = { "kube-apiserver", "system:kube-", "system:k3s-",
                                                 "k3s-", "system:apiserver" };
    unsigned roles = leaf->issuer ? leaf->issuer->roles : 0;
    char cn[256];

    for (int role = 0; role < AUTHORITY_ROLES; role++)
        if (roles == 1U << role)
            return (enum authority_role)role;
    if (!roles) /* a watched CA: etcd's peers */
        return AUTHORITY_ETCD;
    adopt_common_name(&leaf->view, cn);
    if (has_org(&leaf->view, "system:nodes") || strncmp(cn, "system:node:", 12) == 0)
        return AUTHORITY_KUBELET;
    if (leaf->view.ext.eku & EKU_SERVER)
        return AUTHORITY_CONTROL_PLANE;
    for (size_t i = 0; i < ARRAY_LEN(control_plane); i++)
        if (strncmp(cn, control_plane[i], strlen(control_plane[i])) == 0)
            return AUTHORITY_CONTROL_PLANE;
    return AUTHORITY_OPERATORS;
}

/* ---- the record ---- */

struct leaf_record {
    struct pki_write *w;
    const struct adoption *a;
    const char *scope;
    const struct x509_cert *cert;
    const char *authority;
    bool person;
    char place[512]; /* where it was found: the one found there later takes over */
    char fingerprint[65];
};

static void write_body(struct buf *body, const struct leaf_record *l)
{
    CLEANUP(key_freep) struct key *key = NULL;
    enum key_type type =
        key_read_public(&key, l->cert->spki, NULL) == 0 ? key_type(key) : KEY_OTHER;
    struct json_writer w;

    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "cluster", l->a->spec.name);
    json_put_text(&w, "profile", "adopted");
    json_put_text(&w, "authority", l->authority);
    if (l->a->machine[0] && !l->person)
        json_put_text(&w, "machine", l->a->machine);
    if (l->person)
        inspect_write_person(&w, l->cert);
    json_put_int(&w, "generation", 1);
    inspect_write_names(&w, l->cert);
    json_put_time(&w, "not_before", l->cert->not_before);
    json_put_time(&w, "not_after", l->cert->not_after);
    json_put_text(&w, "key_type", key_type_name(type));
    json_put_text(&w, "found", l->place);
    json_put_text(&w, "status", "current");
    json_put_bool(&w, "privileged", false);
    json_put_base64(&w, "der", l->cert->der);
    json_put_end(&w);
}

static int insert(struct leaf_record *l, const char *skid, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(buf_clear) struct buf serial = { 0 };
    char name[96], issuer_serial[96];
    struct record r = { .kind = lend(KIND_CERTIFICATE),
                        .scope = lend(l->scope),
                        .name = name,
                        .schema = 1,
                        .expires = l->cert->not_after,
                        .issuer_serial = issuer_serial,
                        .fingerprint = l->fingerprint };
    struct err why = { 0 };

    x509_serial_hex(&serial, l->cert->serial);
    write_body(&body, l);
    if (buf_check(&body, e))
        return -1;
    (void)snprintf(name, sizeof name, "%s/%s", skid, buf_str(&serial));
    (void)snprintf(issuer_serial, sizeof issuer_serial, "%s/%s", buf_str(&serial), skid);
    r.body = lend(buf_str(&body));
    if (store_insert(l->w->tx, &r, l->w->now, &why) == 0)
        return 0;
    if (why.code != ERR_CONFLICT)
        return err_pass(e, &why);
    /* an issuer that numbers two alike, as scripts around openssl do */
    (void)snprintf(name, sizeof name, "%s/%.32s", skid, l->fingerprint);
    return store_insert(l->w->tx, &r, l->w->now, e);
}

/* ---- those that are on record ---- */

struct known {
    char uid[UID_TEXT], fingerprint[65];
    char *place; /* of an adopted one that is current, else NULL */
};
struct knowns {
    struct known *list;
    size_t count;
};

static void knowns_clear(struct knowns *k)
{
    for (size_t i = 0; i < k->count; i++)
        free(k->list[i].place);
    free(k->list);
}

static int look(const struct record *r, void *ctx, struct err *e)
{
    struct knowns *k = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *body;
    const char *place;
    struct known *known;

    if (record_json(&doc, r, e))
        return -1;
    body = json_root(doc);
    k->list = xrealloc_array(k->list, k->count + 1, sizeof *k->list);
    known = &k->list[k->count++];
    *known = (struct known){ .place = NULL };
    memcpy(known->uid, r->uid, sizeof known->uid);
    (void)snprintf(known->fingerprint, sizeof known->fingerprint, "%s",
                   r->fingerprint ? r->fingerprint : "");
    place = json_text(json_get(body, "found"));
    if (place && slice_eq_str(json_slice(json_get(body, "status")), "current"))
        known->place = xstrdup(place);
    return 0;
}

static int find_known(struct knowns *k, struct store_tx *tx, const char *scope, struct err *e)
{
    struct store_query query = { .kind = KIND_CERTIFICATE, .scope = scope };

    return store_list_all(tx, &query, look, k, e);
}

/* One that was renewed takes over from the one that was found in its place before. */
static int record_one(struct leaf_record *l, const struct knowns *k, const char *skid,
                      int64_t *count, struct err *e)
{
    CLEANUP(buf_clear) struct buf hex = { 0 };
    uint8_t digest[32];

    x509_fingerprint(digest, l->cert->der);
    hex_encode(&hex, slice_of(digest, sizeof digest));
    (void)snprintf(l->fingerprint, sizeof l->fingerprint, "%s", buf_str(&hex));
    for (size_t i = 0; i < k->count; i++)
        if (strcmp(k->list[i].fingerprint, l->fingerprint) == 0)
            return 0;
    for (size_t i = 0; i < k->count; i++)
        if (k->list[i].place && strcmp(k->list[i].place, l->place) == 0 &&
            record_supersede(l->w, k->list[i].uid, e))
            return err_wrap(e, "'%s'", l->place);
    if (insert(l, skid, e))
        return err_wrap(e, "'%s'", l->place);
    (*count)++;
    return 0;
}

/* A machine's files have the same names as every other's: the machine is part of the place. */
static void set_place(struct leaf_record *l, const char *path, const char *entry)
{
    (void)snprintf(l->place, sizeof l->place, "%s%s%.300s%s%.100s", l->a->machine,
                   l->a->machine[0] ? ":" : "", path, entry ? " " : "", entry ? entry : "");
}

static int record_leaf(struct leaf_record *l, const struct knowns *k, const struct adopt_leaf *leaf,
                       int64_t *count, struct err *e)
{
    enum authority_role role = adopt_role_of(leaf);

    if (!leaf->issuer) /* a chain finding says so */
        return 0;
    l->cert = &leaf->view;
    l->person = role == AUTHORITY_OPERATORS;
    l->authority = authority_role_name(role);
    set_place(l, leaf->path, leaf->entry);
    return record_one(l, k, leaf->issuer->skid, count, e);
}

int adopt_record_leaves(struct pki_write *w, struct adoption *a, const char *scope, int64_t *count,
                        struct err *e)
{
    CLEANUP(knowns_clear) struct knowns k = { NULL, 0 };
    struct leaf_record l = { .w = w, .a = a, .scope = scope };

    if (find_known(&k, w->tx, scope, e))
        return -1;
    for (size_t i = 0; i < a->leaf_count; i++)
        if (record_leaf(&l, &k, &a->leaf[i], count, e))
            return -1;
    l.person = false;
    l.authority = authority_role_name(AUTHORITY_ETCD);
    for (size_t i = 0; i < a->ca_count; i++) {
        if (a->ca[i].row->what != ADOPT_WATCHED)
            continue;
        l.cert = &a->ca[i].view;
        set_place(&l, a->ca[i].path, NULL);
        if (record_one(&l, &k, a->ca[i].skid, count, e))
            return -1;
    }
    return 0;
}
