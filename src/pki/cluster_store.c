#include "pki/cluster_spec.h"

#include "access/assignment.h"
#include "base/alloc.h"
#include "pki/authority.h"
#include "pki/record_body.h"
#include "pki/service_account.h"

/* ---- reading ---- */

static int read_cluster(struct cluster *c, const struct record *r, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;

    if (record_json(&doc, r, e))
        return -1;
    memcpy(c->uid, r->uid, sizeof c->uid);
    (void)snprintf(c->name, sizeof c->name, "%s", r->name);
    c->revision = r->revision;
    c->created = r->created;
    return cluster_read_body(c, json_root(doc), e) ? record_damaged(r, e) : 0;
}

/* Machines come by name; each says its place. */
struct machines {
    struct cluster *c;
    size_t count; /* places there are */
    size_t seen;
};

static int read_machine(struct machine *m, size_t *place, const struct record *r, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;

    if (record_json(&doc, r, e))
        return -1;
    memcpy(m->uid, r->uid, sizeof m->uid);
    (void)snprintf(m->name, sizeof m->name, "%s", r->name);
    return machine_read_body(m, place, json_root(doc), e);
}

static int take_machine(const struct record *r, void *ctx, struct err *e)
{
    struct machines *machines = ctx;
    CLEANUP(machine_clear) struct machine m = { 0 };
    size_t place = 0;

    if (read_machine(&m, &place, r, e))
        return record_damaged(r, e);
    if (place >= machines->count || machines->c->machine[place].name[0]) {
        err_set(e, ERR_CORRUPT, "its place is another one's");
        return record_damaged(r, e);
    }
    machines->c->machine[place] = m;
    m = (struct machine){ 0 };
    machines->seen++;
    return 0;
}

static int load_machines(struct store_tx *tx, struct cluster *c, struct err *e)
{
    char scope[64];
    struct store_query query = { .kind = KIND_MACHINE, .scope = scope };
    struct machines machines = { .c = c };
    int64_t count;

    cluster_scope(c, scope);
    if (store_count(tx, KIND_MACHINE, scope, &count, e))
        return -1;
    if (count > CLUSTER_MAX_MACHINES)
        return err_set(e, ERR_CORRUPT, "cluster '%s' has more than %d machines", c->name,
                       CLUSTER_MAX_MACHINES);
    machines.count = (size_t)count;
    c->machine = xcalloc(machines.count + 1, sizeof *c->machine);
    c->machine_count = machines.count;
    if (store_list_all(tx, &query, take_machine, &machines, e))
        return -1;
    return machines.seen == machines.count
               ? 0
               : err_set(e, ERR_CORRUPT, "machines of cluster '%s' are missing", c->name);
}

int cluster_load(struct store_tx *tx, const char *name, struct cluster *ret, struct err *e)
{
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(record_clear) struct record r = { 0 };

    if (store_find(tx, KIND_CLUSTER, SCOPE_TENANT, name, &r, e)) {
        if (e && e->code == ERR_NOT_FOUND)
            return err_set(e, ERR_NOT_FOUND, "there is no cluster '%.64s'", name);
        return -1;
    }
    if (read_cluster(&c, &r, e) || load_machines(tx, &c, e))
        return -1;
    *ret = c;
    c = (struct cluster){ 0 };
    return 0;
}

/* ---- writing ---- */

int cluster_insert_machine(struct pki_write *w, struct cluster *c, size_t place, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    struct machine *m = &c->machine[place];
    char scope[64];
    struct record r = { .kind = lend(KIND_MACHINE), .scope = scope, .name = m->name, .schema = 1 };
    struct json_writer json;

    cluster_scope(c, scope);
    json_writer_init(&json, &body, false);
    machine_write_body(&json, m, place, NULL);
    if (buf_check(&body, e))
        return -1;
    r.body = lend(buf_str(&body));
    if (store_insert(w->tx, &r, w->now, e))
        return -1;
    memcpy(m->uid, r.uid, sizeof m->uid);
    return 0;
}

int cluster_insert(struct pki_write *w, struct cluster *c, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    struct record r = {
        .kind = lend(KIND_CLUSTER), .scope = lend(SCOPE_TENANT), .name = c->name, .schema = 1
    };
    struct json_writer json;

    json_writer_init(&json, &body, false);
    cluster_write_body(&json, c);
    if (buf_check(&body, e))
        return -1;
    r.body = lend(buf_str(&body));
    if (store_insert(w->tx, &r, w->now, e))
        return -1;
    memcpy(c->uid, r.uid, sizeof c->uid);
    c->revision = r.revision;
    c->created = w->now;
    for (size_t i = 0; i < c->machine_count; i++)
        if (cluster_insert_machine(w, c, i, e))
            return -1;
    return 0;
}

static int make_service_account_key(struct pki_write *w, const struct cluster *c, struct err *e)
{
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf public = { 0 };
    CLEANUP(buf_clear) struct buf body = { 0 };
    char scope[64];
    struct record r = {
        .kind = lend(KIND_SERVICE_ACCOUNT_KEY), .scope = scope, .name = lend("1"), .schema = 1
    };
    struct seal_place place = { &dk, { KIND_SERVICE_ACCOUNT_KEY, r.uid, "key" } };
    struct service_account_key key = { .number = 1, .type = c->service_account_key_type };

    cluster_scope(c, scope);
    uid_new(r.uid);
    if (pki_kind_key(w, KIND_SERVICE_ACCOUNT_KEY, &dk, e) ||
        keeper_key_new(pki_keeper(w->request->pki), &place, c->service_account_key_type, &sealed,
                       &public, e) ||
        pki_data_key_update(w, &dk, e))
        return -1;
    key.public = buf_slice(&public);
    key.sealed = buf_slice(&sealed);
    if (service_account_write(&body, &key, e))
        return -1;
    r.body = lend(buf_str(&body));
    return store_insert(w->tx, &r, w->now, e);
}

/* ---- create ---- */

struct create {
    struct cluster *spec;
    bool made;
};

static int refuse_difference(const struct cluster *have, const struct cluster *want, struct err *e)
{
    CLEANUP(buf_clear) struct buf diff = { 0 };

    cluster_diff(&diff, have, want);
    if (diff.len == 0)
        return 0;
    diff.len--; /* the last line's end */
    for (size_t i = 0; i < diff.len; i++)
        if (diff.ptr[i] == '\n')
            diff.ptr[i] = ';';
    return err_set(e, ERR_CONFLICT, "cluster '%s' exists already and differs: %s", have->name,
                   buf_str(&diff));
}

/* 0 with *there true: it is there and is the same, and takes the place of the specification. */
static int compare_present(struct store_tx *tx, struct cluster *spec, bool *there, struct err *e)
{
    CLEANUP(cluster_clear) struct cluster have = { 0 };
    struct cluster mine;
    struct err why = { 0 };

    *there = false;
    if (cluster_load(tx, spec->name, &have, &why)) {
        if (why.code == ERR_NOT_FOUND)
            return 0;
        return err_pass(e, &why);
    }
    if (refuse_difference(&have, spec, e))
        return -1;
    mine = *spec;
    *spec = have;
    have = mine;
    *there = true;
    return 0;
}

static int look(struct store_tx *tx, void *ctx, struct err *e)
{
    struct create *create = ctx;
    bool there;

    if (compare_present(tx, create->spec, &there, e))
        return -1;
    create->made = !there;
    return 0;
}

static int make(struct pki_write *w, void *ctx, struct err *e)
{
    struct create *create = ctx;
    struct cluster *c = create->spec;
    bool there;

    /* another process may have been faster */
    if (compare_present(w->tx, c, &there, e))
        return -1;
    create->made = !there;
    if (there)
        return 0;
    pki_deciding(w, "cluster.create", "cluster/%s", c->name);
    if (cluster_insert(w, c, e) || make_service_account_key(w, c, e) || pki_granted(w, NULL, e))
        return -1;
    for (int role = 0; role < AUTHORITY_ROLES; role++)
        if (authority_create(w, c, 1U << role, e))
            return err_wrap(e, "%s authority", authority_role_name((enum authority_role)role));
    return 0;
}

int cluster_create(struct request *request, struct cluster *spec, bool *made, struct err *e)
{
    struct create create = { .spec = spec };

    if (store_read(pki_store(request->pki), look, &create, e) ||
        (create.made && pki_write(request, make, &create, e)))
        return -1;
    *made = create.made;
    return 0;
}

/* ---- delete ---- */

struct removal {
    const char *name;
    int64_t records;
    struct uids {
        char (*uid)[UID_TEXT];
        size_t count, destroyed;
    } generations;
};

static int note_generation(const struct record *r, void *ctx, struct err *e)
{
    struct uids *uids = ctx;

    (void)e;
    uids->uid = xrealloc_array(uids->uid, uids->count + 1, sizeof *uids->uid);
    memcpy(uids->uid[uids->count++], r->uid, UID_TEXT);
    return 0;
}

/* Without their data keys the authorities' keys are gone, in whatever copy of the record. */
static int destroy_keys(struct pki_write *w, const char *scope, struct uids *uids, struct err *e)
{
    struct store_query query = { .kind = KIND_GENERATION, .scope = scope };

    if (store_list_all(w->tx, &query, note_generation, uids, e))
        return -1;
    for (size_t i = 0; i < uids->count; i++) {
        struct err why = { 0 };

        /* custody elsewhere: there is none */
        if (!pki_data_key_delete(w, DATA_KEY_AUTHORITY, uids->uid[i], &why))
            uids->destroyed++;
        else if (why.code != ERR_NOT_FOUND)
            return err_pass(e, &why);
    }
    return 0;
}

static int remove_all(struct pki_write *w, void *ctx, struct err *e)
{
    struct removal *removal = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(record_clear) struct record r = { 0 };
    char scope[64], detail[96];

    pki_deciding(w, "cluster.delete", "cluster/%.64s", removal->name);
    if (store_find(w->tx, KIND_CLUSTER, SCOPE_TENANT, removal->name, &r, e)) {
        if (e && e->code == ERR_NOT_FOUND)
            return err_set(e, ERR_NOT_FOUND, "there is no cluster '%.64s'", removal->name);
        return -1;
    }
    memcpy(c.uid, r.uid, sizeof c.uid);
    cluster_scope(&c, scope);
    if (pki_expected(w->request, r.revision, e) ||
        destroy_keys(w, scope, &removal->generations, e) ||
        assignment_forget(w->tx, NULL, scope, w->now, e) ||
        store_delete_scope(w->tx, scope, w->now, &removal->records, e) ||
        store_delete(w->tx, r.uid, STORE_ANY_REVISION, w->now, e))
        return -1;
    removal->records += 1 + (int64_t)removal->generations.destroyed;
    (void)snprintf(detail, sizeof detail, "{\"uid\":\"%s\",\"records\":%lld}", c.uid,
                   (long long)removal->records);
    return pki_granted(w, detail, e);
}

int cluster_delete(struct request *request, const char *name, int64_t *records, struct err *e)
{
    struct removal removal = { .name = name };
    int rc = pki_write(request, remove_all, &removal, e);

    free(removal.generations.uid);
    if (rc)
        return -1;
    *records = removal.records;
    if (store_scrub(pki_store(request->pki), e))
        return err_wrap(
            e, "cluster '%.64s' is deleted, but its keys may still lie in the store's log", name);
    return 0;
}
