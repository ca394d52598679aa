#include "pki/cluster_spec.h"

#include "base/alloc.h"
#include "pki/record_body.h"

/* ---- one more ---- */

static int compare(const struct machine *have, const struct machine *want, struct err *e)
{
    CLEANUP(buf_clear) struct buf is = { 0 };
    CLEANUP(buf_clear) struct buf asked = { 0 };

    if (machine_same(have, want))
        return 0;
    machine_format(&is, have);
    machine_format(&asked, want);
    return err_set(e, ERR_CONFLICT, "machine '%s' is there already: %s, asked for %s", have->name,
                   buf_str(&is), buf_str(&asked));
}

/* One named without addresses has to be there. */
static int find_named(const struct cluster *c, const char *name, unsigned role, struct err *e)
{
    const struct machine *m = cluster_machine(c, name);

    if (!m)
        return err_set(e, ERR_NOT_FOUND,
                       "cluster '%s' has no machine '%.64s': a new one is given with its address, "
                       "MACHINE=ADDRESS",
                       c->name, name);
    if (!(m->roles & role))
        return err_set(e, ERR_CONFLICT, "machine '%s' is there already, with another role",
                       m->name);
    return 0;
}

/* Where no machine was named for etcd the control plane runs it; the first one named would end
 * that, and the members that run would be none. */
static int check_role(const struct cluster *c, const struct machine *m, struct err *e)
{
    if (m->roles != MACHINE_ETCD)
        return 0;
    for (size_t i = 0; i < c->machine_count; i++)
        if (c->machine[i].roles & MACHINE_ETCD)
            return 0;
    return err_set(e, ERR_REFUSED,
                   "etcd of cluster '%s' runs on its control plane: a machine for etcd alone would "
                   "take it away from there",
                   c->name);
}

int cluster_add_machine(struct pki_write *w, struct cluster *c, const char *text, unsigned role,
                        bool *made, struct err *e)
{
    CLEANUP(machine_clear) struct machine m = { 0 };
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    const struct machine *have;

    *made = false;
    if (!strchr(text, '='))
        return find_named(c, text, role, e);
    if (machine_parse(&m, text, e))
        return -1;
    m.roles = role;
    have = cluster_machine(c, m.name);
    if (have)
        return compare(have, &m, e);
    if (c->machine_count == CLUSTER_MAX_MACHINES)
        return err_set(e, ERR_LIMIT, "more than %d machines", CLUSTER_MAX_MACHINES);
    if (check_role(c, &m, e))
        return -1;
    c->machine = xrealloc_array(c->machine, c->machine_count + 1, sizeof *c->machine);
    c->machine[c->machine_count++] = m;
    m = (struct machine){ 0 };
    *made = true;
    if (cluster_check(c, &warnings, e))
        return -1;
    return cluster_insert_machine(w, c, c->machine_count - 1, e);
}

/* ---- one less ---- */

static int check_rest(const struct cluster *c, const struct machine *m, struct err *e)
{
    size_t control_plane = 0, etcd = 0;

    for (size_t i = 0; i < c->machine_count; i++) {
        if (&c->machine[i] == m)
            continue;
        control_plane += (c->machine[i].roles & MACHINE_CONTROL_PLANE) != 0;
        etcd += machine_runs_etcd(c, &c->machine[i]);
    }
    if (!control_plane || !etcd)
        return err_set(e, ERR_REFUSED,
                       "machine '%s' is the last one of %s: delete the cluster, or add another "
                       "first",
                       m->name, control_plane ? "etcd" : "the control plane");
    return 0;
}

/* Those behind it move up: places have no gap. */
static int move_up(struct pki_write *w, const struct machine *m, size_t place, struct err *e)
{
    CLEANUP(buf_clear) struct buf members = { 0 };

    buf_addf(&members, "{\"place\":%zu}", place);
    return record_merge(w, m->uid, &members, e);
}

/* Its certificates stay in the ledger, and `state check` must not miss it: "removed" in the
 * cluster's body. */
static int note_removed(struct pki_write *w, const struct cluster *c, const char *name,
                        struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(buf_clear) struct buf members = { 0 };
    struct json_writer json;

    if (store_get(w->tx, c->uid, &r, e) || record_json(&doc, &r, e))
        return -1;
    struct json_iter it = json_iter(json_get(json_root(doc), "removed"));
    const struct json_value *one;
    const char *key;

    json_writer_init(&json, &members, false);
    json_put_object(&json, NULL);
    json_put_array(&json, "removed");
    while (json_next(&it, &key, &one))
        json_put_value(&json, NULL, one);
    json_put_text(&json, NULL, name);
    json_put_end(&json);
    json_put_end(&json);
    return record_merge(w, c->uid, &members, e);
}

bool cluster_has_removed(const struct json_value *body, const char *machine)
{
    struct json_iter it = json_iter(json_get(body, "removed"));
    const struct json_value *one;
    const char *key;

    while (json_next(&it, &key, &one))
        if (json_text(one) && strcmp(json_text(one), machine) == 0)
            return true;
    return false;
}

int cluster_remove_machine(struct pki_write *w, struct cluster *c, const char *name, struct err *e)
{
    const struct machine *m = cluster_machine(c, name);
    size_t place;

    if (!m)
        return err_set(e, ERR_NOT_FOUND, "cluster '%s' has no machine '%.64s'", c->name, name);
    if (check_rest(c, m, e) || note_removed(w, c, m->name, e) ||
        store_delete(w->tx, m->uid, STORE_ANY_REVISION, w->now, e))
        return -1;
    place = (size_t)(m - c->machine);
    machine_clear(&c->machine[place]);
    c->machine_count--;
    memmove(&c->machine[place], &c->machine[place + 1],
            (c->machine_count - place) * sizeof *c->machine);
    for (size_t i = place; i < c->machine_count; i++)
        if (move_up(w, &c->machine[i], i, e))
            return -1;
    return 0;
}
