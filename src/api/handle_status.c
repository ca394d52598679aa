#include "api/handlers.h"
#include "fleet/lease.h"
#include "fleet/machine.h"
#include "fleet/status.h"

/*
 * `cluster status`: a line a machine and component's file, in the order of what is behind: failed,
 * stale, waiting, machines that never spoke, current.
 */
struct telling {
    const struct api_args *args;
    struct json_writer *reply;
    struct store_tx *tx;
    struct cluster c;
    int64_t count[5];
};

enum { SILENT = 3, RANKS_OF_STATE = 5 };
static const char *const ranks[RANKS_OF_STATE] = { "failed", "stale", "waiting", "silent",
                                                   "current" };

static void put_item(struct telling *t, const struct machine *m, const struct json_value *item)
{
    struct json_iter it = json_iter(item);
    const struct json_value *value;
    const char *key;

    json_put_object(t->reply, NULL);
    json_put_text(t->reply, "machine", m->name);
    while (json_next(&it, &key, &value))
        if (json_len(value))
            json_put_value(t->reply, key, value);
    json_put_end(t->reply);
}

/* said: what its agent reported, of itself alone; NULL: nothing yet. */
static void put_silent(struct telling *t, const struct machine *m, const struct enrolment *n,
                       const char *said)
{
    json_put_object(t->reply, NULL);
    json_put_text(t->reply, "machine", m->name);
    json_put_text(t->reply, "state", "silent");
    json_put_text(t->reply, "error",
                  n->state != ENROLMENT_JOINED ? enrolment_state_name(n->state)
                  : said                       ? said
                                               : "its agent has said nothing yet");
    json_put_end(t->reply);
}

static int tell_machine(struct telling *t, const struct machine *m, size_t rank, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *item;
    struct json_iter it;
    struct enrolment n;
    int64_t updated;
    const char *key;

    if (status_load(t->tx, &t->c, m->name, &doc, &updated, e) ||
        enrolment_load(t->tx, &t->c, m->name, &n, e))
        return -1;
    it = json_iter(json_get(json_root(doc), "items"));
    if ((!json_len(json_get(json_root(doc), "items")) || n.state == ENROLMENT_BLOCKED) &&
        rank == SILENT) {
        t->count[rank]++;
        put_silent(t, m, &n, json_text(json_get(json_root(doc), "error")));
    }
    while (json_next(&it, &key, &item)) {
        if (!slice_eq_str(json_slice(json_get(item, "state")), ranks[rank]))
            continue;
        t->count[rank]++;
        put_item(t, m, item);
    }
    return 0;
}

static int put_rollout(struct telling *t, struct err *e)
{
    struct lease lease;

    if (lease_load(t->tx, &t->c, &lease, e))
        return -1;
    json_put_text(t->reply, "rollout",
                  lease.stopped[0]  ? "stopped"
                  : lease.holder[0] ? "under way"
                                    : "idle");
    if (lease.stopped[0] || lease.holder[0])
        json_put_text(t->reply, "rollout_machine", lease.stopped[0] ? lease.stopped : lease.holder);
    if (lease.stopped[0])
        json_put_text(t->reply, "rollout_reason", lease.reason);
    return 0;
}

static int tell_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct telling *t = ctx;

    t->tx = tx;
    if (cluster_load(tx, t->args->param[0], &t->c, e))
        return -1;
    json_put_text(t->reply, "cluster", t->c.name);
    json_put_int(t->reply, "machines", (int64_t)t->c.machine_count);
    if (put_rollout(t, e))
        return -1;
    json_put_array(t->reply, "items");
    for (size_t rank = 0; rank < RANKS_OF_STATE; rank++)
        for (size_t i = 0; i < t->c.machine_count; i++)
            if (tell_machine(t, &t->c.machine[i], rank, e))
                return -1;
    json_put_end(t->reply);
    for (size_t rank = 0; rank < RANKS_OF_STATE; rank++)
        json_put_int(t->reply, ranks[rank], t->count[rank]);
    return 0;
}

int show_cluster_status(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct telling t = { .args = args, .reply = reply };
    int rc = store_read(pki_store(args->request->pki), tell_in, &t, e);

    cluster_clear(&t.c);
    return rc;
}
