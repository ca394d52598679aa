#include "fleet/desired.h"

#include "base/encode.h"
#include "crypto/hash.h"
#include "fleet/component.h"
#include "pki/layout.h"

enum { LOOK_BACK = 2000 };

/* ---- who uses it ---- */

/* What goes into every row. */
struct place {
    unsigned needs; /* of enum need: which components the machine runs */
    unsigned api_port;
};

static bool runs(const struct place *place, const char *component)
{
    for (int i = 0; i < COMPONENTS; i++)
        if (strcmp(component_name((enum component)i), component) == 0)
            return (component_need((enum component)i) & place->needs) != 0;
    return false;
}

static void put_uses(struct json_writer *w, const char *path, const struct place *place)
{
    json_put_array(w, "uses");
    for (size_t i = 0; path && i < component_use_count; i++) {
        const struct component_use *use = &component_uses[i];

        if (strcmp(use->path, path) != 0 || !runs(place, use->component))
            continue;
        json_put_object(w, NULL);
        json_put_text(w, "component", use->component);
        json_put_text(w, "take", take_up_name(use->take));
        json_put_int(w, "seconds", use->seconds);
        json_put_text(w, "confirm", confirm_name(use->confirm));
        json_put_int(w, "port", use->port == PORT_API ? place->api_port : use->port);
        json_put_end(w);
    }
    json_put_end(w);
}

/* A leaf without files of its own is in a kubeconfig: that one's readers are its own. */
static const char *used_path(const struct json_value *plan, const struct json_value *leaf)
{
    struct json_iter it = json_iter(json_get(plan, "kubeconfigs"));
    const struct json_value *row;
    const char *key;

    if (json_get(leaf, "certificate"))
        return json_text(json_get(leaf, "certificate"));
    while (json_next(&it, &key, &row))
        if (slice_eq(json_slice(json_get(row, "slot")), json_slice(json_get(leaf, "slot"))))
            return json_text(json_get(row, "path"));
    return NULL;
}

static void put_members(struct json_writer *w, const struct json_value *row)
{
    struct json_iter it = json_iter(row);
    const struct json_value *value;
    const char *key;

    while (json_next(&it, &key, &value))
        json_put_value(w, key, value);
}

static void put_list(struct json_writer *w, const struct json_value *plan, const char *name,
                     const struct place *place)
{
    struct json_iter it = json_iter(json_get(plan, name));
    bool leaves = strcmp(name, "leaves") == 0;
    const struct json_value *row;
    const char *key;

    json_put_array(w, name);
    while (json_next(&it, &key, &row)) {
        /* configuration can start programs (kubelet.yaml, units): it stays with people and export
         */
        if (strcmp(name, "files") == 0 && !slice_starts(json_slice(json_get(row, "path")), "pki/"))
            continue;

        const char *path = leaves ? used_path(plan, row) : json_text(json_get(row, "path"));

        json_put_object(w, NULL);
        put_members(w, row);
        if (leaves)
            json_put_int(w, "reload", path ? component_slowest(path, NULL) : 0);
        put_uses(w, path, place);
        json_put_end(w);
    }
    json_put_end(w);
}

/* ---- the whole ---- */

static int fetch_plan(struct json **plan, struct request *request, struct store_tx *tx,
                      const struct cluster *c, const struct enrolment *n, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct plan_request what = { .machine = n->machine,
                                 .prefix = n->prefix[0] ? n->prefix : "/etc/kubernetes" };
    struct json_limits limits = { .bytes = BUF_MAX };
    struct json_writer w;

    json_writer_init(&w, &text, false);
    json_put_object(&w, NULL);
    if (layout_parse(&what.layout, n->layout[0] ? n->layout : "systemd", e) ||
        plan_write(request, tx, c, &what, &w, e))
        return -1;
    json_put_end(&w);
    return buf_check(&text, e) || json_parse(plan, buf_slice(&text), &limits, e) ? -1 : 0;
}

int desired_write(struct request *request, struct store_tx *tx, const struct cluster *c,
                  const struct enrolment *n, struct buf *out, struct err *e)
{
    static const char *const lists[] = { "files", "secrets", "leaves", "kubeconfigs" };
    static const char *const same[] = { "cluster",       "machine", "layout",  "prefix",
                                        "local_address", "address", "api_port" };
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *plan;
    struct json_writer w;
    struct place place = { .needs = 0 };

    if (fetch_plan(&doc, request, tx, c, n, e))
        return -1;
    plan = json_root(doc);
    place.needs = layout_needs(c, cluster_machine(c, n->machine));
    place.api_port = (unsigned)json_int(json_get(plan, "api_port"), 6443);
    json_writer_init(&w, out, false);
    json_put_object(&w, NULL);
    json_put_int(&w, "protocol", AGENT_PROTOCOL);
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        json_put_value(&w, same[i], json_get(plan, same[i]));
    json_put_bool(&w, "cordoned", n->cordoned);
    json_put_int(&w, "renew", n->renew);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        put_list(&w, plan, lists[i], &place);
    json_put_end(&w);
    return buf_check(out, e);
}

/* ---- revisions ---- */

void desired_revision(char out[DESIRED_REVISION], int64_t sequence, struct slice desired)
{
    CLEANUP(buf_clear) struct buf hex = { 0 };

    sha256_hex(&hex, desired);
    (void)snprintf(out, DESIRED_REVISION, "%lld-%.32s", (long long)sequence, buf_str(&hex));
}

bool desired_same(const char *a, const char *b)
{
    const char *hash_a = strchr(a, '-'), *hash_b = strchr(b, '-');

    return hash_a && hash_b && strcmp(hash_a, hash_b) == 0;
}

struct look {
    const char *scope;
    int seen;
    bool differs;
};

/* Of the kinds that a plan is made from; issued certificates and statuses are most of what is
 * written, and are not among them. */
static int look_at(const struct store_change *change, void *ctx, struct err *e)
{
    static const char *const kinds[] = {
        KIND_MACHINE,    KIND_AUTHORITY, KIND_CA,
        KIND_GENERATION, KIND_ENROLMENT, KIND_SERVICE_ACCOUNT_KEY
    };
    struct look *look = ctx;

    (void)e;
    look->seen++;
    if (strcmp(change->kind, KIND_CLUSTER) == 0)
        look->differs = true;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(change->kind, kinds[i]) == 0 && strcmp(change->scope, look->scope) == 0)
            look->differs = true;
    return 0;
}

bool desired_may_differ(struct store_tx *tx, const char *scope, const char *revision)
{
    struct look look = { .scope = scope };
    char *end;
    long long sequence = strtoll(revision, &end, 10);

    if (end == revision || *end != '-' || sequence < 0 || sequence > store_sequence(tx))
        return true;
    if (store_changes(tx, sequence, LOOK_BACK, look_at, &look, NULL))
        return true;
    return look.differs || look.seen == LOOK_BACK;
}
