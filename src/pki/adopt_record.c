#include "pki/adopt_internal.h"

#include "base/alloc.h"
#include "pki/authority.h"
#include "pki/cluster_spec.h"
#include "pki/record_body.h"
#include "pki/service_account.h"

struct recording {
    struct pki_write *w;
    struct adoption *a;
    char scope[64];
    bool created, machine;
    int64_t leaves, service_account_keys;
};

/* ---- the cluster and its machine ---- */

/* Another machine's folder of a cluster that is here already: the machine comes in as well, unless
 * it does not fit beside the others. */
static int add_machine(struct recording *r, struct cluster *have, struct err *e)
{
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    struct cluster *found = &r->a->spec;
    struct err why = { 0 };

    if (!found->machine_count || cluster_machine(have, found->machine[0].name))
        return 0;
    have->machine = xrealloc_array(have->machine, have->machine_count + 1, sizeof *have->machine);
    have->machine[have->machine_count++] = found->machine[0];
    found->machine_count = 0; /* moved over */
    if (cluster_check(have, &warnings, &why) == 0) {
        r->machine = true;
        return cluster_insert_machine(r->w, have, have->machine_count - 1, e);
    }
    adopt_note(r->a, NULL, "guessed", "the machine of this folder is left out: %s", why.msg);
    machine_clear(&have->machine[--have->machine_count]);
    return 0;
}

static int record_cluster(struct recording *r, struct err *e)
{
    struct cluster *spec = &r->a->spec;
    CLEANUP(cluster_clear) struct cluster have = { 0 };
    struct cluster swapped;
    struct err why = { 0 };

    if (cluster_load(r->w->tx, spec->name, &have, &why)) {
        if (why.code != ERR_NOT_FOUND)
            return err_pass(e, &why);
        r->created = true;
        if (cluster_insert(r->w, spec, e))
            return -1;
        cluster_scope(spec, r->scope);
        return 0;
    }
    if (strcmp(have.adopted, spec->adopted) != 0)
        return err_set(e, ERR_CONFLICT, "cluster '%s' exists already and was %s%s", have.name,
                       have.adopted[0] ? "adopted from layout " : "made here, not adopted",
                       have.adopted);
    cluster_scope(&have, r->scope);
    if (add_machine(r, &have, e))
        return -1;
    swapped = *spec;
    *spec = have;
    have = swapped;
    return 0;
}

/* ---- authorities ---- */

/* A key that the keeper refuses stays elsewhere; the certificate is watched all the same. */
static int record_authority(struct recording *r, struct adopt_ca *ca, struct err *e)
{
    struct slice none = slice_of(NULL, 0), cert = buf_slice(&ca->cert);
    struct err why = { 0 };

    if (authority_adopt(r->w, &r->a->spec, ca->roles, cert, buf_slice(&ca->key), &why) == 0)
        return 0;
    if (!ca->key.len || (why.code != ERR_REFUSED && why.code != ERR_INVALID))
        return err_set(e, why.code, "'%s': %s", ca->path, why.msg);
    adopt_note(r->a, ca->path, "key-refused", "its key stays elsewhere: %s", why.msg);
    buf_reset(&ca->key);
    if (authority_adopt(r->w, &r->a->spec, ca->roles, cert, none, e))
        return err_wrap(e, "'%s'", ca->path);
    return 0;
}

/* Its key may be in the store from an earlier time. */
static int look_at_custody(struct recording *r, struct adopt_ca *ca, struct err *e)
{
    CLEANUP(authority_clear) struct authority have = { 0 };
    int role = 0;

    while (!(ca->roles & 1U << role))
        role++;
    if (authority_load(r->w->tx, &r->a->spec, (enum authority_role)role, &have, e))
        return -1;
    for (size_t i = 0; i < have.generation_count; i++)
        if (slice_eq(buf_slice(&have.generation[i].cert), buf_slice(&ca->cert)))
            ca->sealed = have.generation[i].custody == CUSTODY_SEALED;
    return 0;
}

static int record_authorities(struct recording *r, struct err *e)
{
    for (size_t i = 0; i < r->a->ca_count; i++) {
        struct adopt_ca *ca = &r->a->ca[i];

        if (ca->roles && (record_authority(r, ca, e) || look_at_custody(r, ca, e)))
            return -1;
    }
    return 0;
}

/* ---- the keys of service accounts ---- */

struct sa_present {
    struct slice public; /* PEM */
    char uid[UID_TEXT];  /* "" when it is not there */
    bool sealed;
    int64_t number, highest;
};

static int look_at_key(const struct record *record, void *ctx, struct err *e)
{
    struct sa_present *p = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;
    int64_t number;

    if (record_json(&doc, record, e))
        return -1;
    number = json_int(json_get(json_root(doc), "number"), 0);
    if (number > p->highest)
        p->highest = number;
    if (slice_eq(json_slice(json_get(json_root(doc), "public")), p->public)) {
        p->number = number;
        memcpy(p->uid, record->uid, sizeof p->uid);
        p->sealed = json_len(json_get(json_root(doc), "sealed")) > 0;
    }
    return 0;
}

static int seal_key(struct recording *r, const struct key *key, const char *uid, struct buf *sealed,
                    struct err *e)
{
    CLEANUP(secret_clear) struct secret pkcs8 = { 0 };
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    struct seal_place place = { &dk, { KIND_SERVICE_ACCOUNT_KEY, uid, "key" } };

    if (key_write_private_der(key, &pkcs8, e) ||
        pki_kind_key(r->w, KIND_SERVICE_ACCOUNT_KEY, &dk, e) ||
        keeper_seal(pki_keeper(r->w->request->pki), &place, secret_slice(&pkcs8), sealed, e))
        return -1;
    return pki_data_key_update(r->w, &dk, e);
}

/* age: how many keys of the file are newer, so that the store has them in their order. */
static int write_key(struct recording *r, const struct adopt_key *sa, const struct sa_present *p,
                     int64_t age, struct err *e)
{
    CLEANUP(key_freep) struct key *public = NULL;
    CLEANUP(key_freep) struct key *private = NULL;
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf json = { 0 };
    struct service_account_key body = { .number = p->uid[0] ? p->number : p->highest + 1,
                                        .public = p->public };
    char name[24];
    struct record record = { .kind = lend(KIND_SERVICE_ACCOUNT_KEY),
                             .scope = r->scope,
                             .name = name,
                             .created = r->w->now - age,
                             .schema = 1 };

    if (p->uid[0])
        memcpy(record.uid, p->uid, sizeof record.uid);
    else
        uid_new(record.uid);
    if (key_read_public(&public, buf_slice(&sa->spki), e) ||
        (sa->key.len && (key_read_private(&private, buf_slice(&sa->key), e) ||
                         seal_key(r, private, record.uid, &sealed, e))))
        return -1;
    (void)snprintf(name, sizeof name, "%lld", (long long)body.number);
    body.type = key_type(public);
    body.sealed = buf_slice(&sealed);
    if (service_account_write(&json, &body, e))
        return -1;
    record.body = lend(buf_str(&json));
    r->service_account_keys++;
    return p->uid[0] ? store_update(r->w->tx, &record, STORE_ANY_REVISION, r->w->now, e)
                     : store_insert(r->w->tx, &record, r->w->now, e);
}

static int record_key(struct recording *r, size_t at, struct err *e)
{
    struct adopt_key *sa = &r->a->sa[at];
    CLEANUP(key_freep) struct key *public = NULL;
    CLEANUP(buf_clear) struct buf pem = { 0 };
    struct sa_present present = { .sealed = false };
    struct store_query query = { .kind = KIND_SERVICE_ACCOUNT_KEY, .scope = r->scope };

    if (key_read_public(&public, buf_slice(&sa->spki), e) || key_write_public_pem(public, &pem, e))
        return -1;
    present.public = buf_slice(&pem);
    if (store_list_all(r->w->tx, &query, look_at_key, &present, e))
        return -1;
    sa->sealed = present.sealed || sa->key.len > 0;
    if (present.uid[0] && (present.sealed || !sa->key.len))
        return 0;
    return write_key(r, sa, &present, (int64_t)at, e);
}

/* The newest signs: in the file that is the first. */
static int record_keys(struct recording *r, struct err *e)
{
    for (size_t i = r->a->sa_count; i > 0; i--)
        if (record_key(r, i - 1, e))
            return err_wrap(e, "the key of service accounts");
    return 0;
}

/* ---- all together ---- */

static int grant(struct recording *r, struct err *e)
{
    CLEANUP(buf_clear) struct buf detail = { 0 };
    struct json_writer w;

    if (!r->created && !r->machine && !r->leaves && !r->service_account_keys)
        return 0;
    json_writer_init(&w, &detail, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "layout", r->a->layout->name);
    json_put_bool(&w, "created", r->created);
    json_put_int(&w, "certificates", r->leaves);
    json_put_int(&w, "service_account_keys", r->service_account_keys);
    json_put_end(&w);
    pki_deciding(r->w, "cluster.adopt", "cluster/%s", r->a->spec.name);
    return pki_granted(r->w, buf_str(&detail), e);
}

int adopt_record(struct pki_write *w, struct adoption *a, struct err *e)
{
    struct recording r = { .w = w, .a = a };
    unsigned before = w->recorded;

    pki_deciding(w, "cluster.adopt", "cluster/%s", a->spec.name);
    if (record_cluster(&r, e) || record_authorities(&r, e) || record_keys(&r, e) ||
        adopt_record_leaves(w, a, r.scope, &r.leaves, e) || grant(&r, e))
        return -1;
    a->changed = w->recorded > before;
    return 0;
}
