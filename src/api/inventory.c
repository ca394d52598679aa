#include "api/metrics.h"

#include "base/clock.h"
#include "fleet/machine.h"
#include "pki/ledger.h"
#include <pthread.h>

/*
 * One text for the whole process, made again when the store's sequence has moved. Of the leaves the
 * ROWS that end soonest are looked at: with more, a class that ends late may be missing.
 */
enum { ROWS = 20000, CLASSES = 512, CHANGES = 10000, STATES = 16, PROFILES = 32 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct buf text;
static char of_installation[UID_TEXT];
static int64_t of_sequence = -1;
static struct {
    char profile[32];
    uint64_t count;
} issued[PROFILES];
static size_t issued_count;

struct class_row {
    char cluster[64], profile[32];
    int64_t expires;
};
struct inventory {
    struct store_tx *tx;
    struct pki *pki;
    struct buf *out;
    struct class_row class_row[CLASSES];
    size_t classes, rows;
    struct {
        char name[24];
        int64_t count;
    } state[STATES];
    size_t states;
    /* of the authority that is being printed */
    char ca[UID_TEXT], cluster[64], role[32];
};

/* ---- authorities ---- */

static void name_cluster(const struct inventory *v, const char *scope, char name[64])
{
    CLEANUP(record_clear) struct record r = { 0 };
    const char *uid = strrchr(scope, '/');

    name[0] = '\0';
    if (uid && uid[1] && store_get(v->tx, uid + 1, &r, NULL) == 0)
        (void)snprintf(name, 64, "%.63s", r.name);
}

static int put_generation(const struct record *r, void *ctx, struct err *e)
{
    struct inventory *v = ctx;
    CLEANUP(buf_clear) struct buf labels = { 0 };
    struct slice name = slice_str(r->name), ca;

    (void)e;
    if (!slice_cut(&name, '/', &ca) || !slice_eq_str(ca, v->ca))
        return 0;
    metrics_label(&labels, "cluster", v->cluster);
    metrics_label(&labels, "authority", v->role);
    metrics_label(&labels, "generation", r->name + ca.len + 1);
    metrics_sample(v->out, "poterne_authority_expiry_timestamp_seconds", buf_str(&labels),
                   (double)r->expires);
    return 0;
}

static int put_authority(const struct record *r, void *ctx, struct err *e)
{
    struct inventory *v = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;
    struct store_query query = { .kind = KIND_GENERATION, .scope = r->scope };
    const char *ca;

    if (json_parse(&doc, slice_str(r->body), NULL, e) ||
        json_want_text(json_root(doc), "ca", &ca, e))
        return err_wrap(e, "authority '%s'", r->name);
    (void)snprintf(v->ca, sizeof v->ca, "%s", ca);
    (void)snprintf(v->role, sizeof v->role, "%s", r->name);
    name_cluster(v, r->scope, v->cluster);
    return store_list_all(v->tx, &query, put_generation, v, e);
}

/* ---- leaves ---- */

static int note_leaf(const struct ledger_row *row, void *ctx, struct err *e)
{
    struct inventory *v = ctx;
    const char *cluster = json_text(json_get(row->body, "cluster"));
    const char *profile = json_text(json_get(row->body, "profile"));
    size_t i = 0;

    (void)e;
    v->rows++;
    if (!row->record->expires || !profile)
        return 0;
    cluster = cluster ? cluster : "";
    while (i < v->classes && (strcmp(v->class_row[i].cluster, cluster) != 0 ||
                              strcmp(v->class_row[i].profile, profile) != 0))
        i++;
    if (i < v->classes || i == CLASSES)
        return 0;
    (void)snprintf(v->class_row[i].cluster, sizeof v->class_row[i].cluster, "%s", cluster);
    (void)snprintf(v->class_row[i].profile, sizeof v->class_row[i].profile, "%s", profile);
    v->class_row[i].expires = row->not_after; /* the first is the soonest */
    v->classes++;
    return 0;
}

static int put_leaves(struct inventory *v, struct err *e)
{
    char next[STORE_CURSOR] = "", cursor[STORE_CURSOR];

    do {
        struct ledger_query query = { .expiring_until = TIME_MAX,
                                      .now = pki_now(v->pki),
                                      .cursor = cursor,
                                      .limit = STORE_MAX_PAGE };

        memcpy(cursor, next, sizeof cursor);
        if (ledger_list(v->tx, &query, note_leaf, v, next, e))
            return -1;
    } while (next[0] && v->rows < ROWS);
    metrics_family(v->out, "poterne_certificate_expiry_timestamp_seconds", "gauge",
                   "End of the certificate of each cluster and profile that ends first.");
    for (size_t i = 0; i < v->classes; i++) {
        CLEANUP(buf_clear) struct buf labels = { 0 };

        metrics_label(&labels, "cluster", v->class_row[i].cluster);
        metrics_label(&labels, "profile", v->class_row[i].profile);
        metrics_sample(v->out, "poterne_certificate_expiry_timestamp_seconds", buf_str(&labels),
                       (double)v->class_row[i].expires);
    }
    return 0;
}

/* ---- agents ---- */

static int note_agent(const struct record *r, void *ctx, struct err *e)
{
    struct inventory *v = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;
    const char *state;
    size_t i = 0;

    if (json_parse(&doc, slice_str(r->body), NULL, e))
        return err_wrap(e, "enrolment '%s'", r->name);
    state = json_text(json_get(json_root(doc), "state"));
    state = state ? state : "unknown";
    while (i < v->states && strcmp(v->state[i].name, state) != 0)
        i++;
    if (i == STATES)
        return 0;
    if (i == v->states)
        (void)snprintf(v->state[v->states++].name, sizeof v->state[i].name, "%s", state);
    v->state[i].count++;
    return 0;
}

static int put_agents(struct inventory *v, struct err *e)
{
    struct store_query query = { .kind = KIND_ENROLMENT };

    if (store_list_all(v->tx, &query, note_agent, v, e))
        return -1;
    metrics_family(v->out, "poterne_agents", "gauge", "Machines by the state of their enrolment.");
    for (size_t i = 0; i < v->states; i++) {
        CLEANUP(buf_clear) struct buf labels = { 0 };

        metrics_label(&labels, "state", v->state[i].name);
        metrics_sample(v->out, "poterne_agents", buf_str(&labels), (double)v->state[i].count);
    }
    return 0;
}

/* ---- what was issued since ---- */

static int note_change(const struct store_change *c, void *ctx, struct err *e)
{
    struct inventory *v = ctx;
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const char *profile;
    size_t i = 0;

    (void)e;
    if (strcmp(c->kind, KIND_CERTIFICATE) != 0 || strcmp(c->operation, "insert") != 0 ||
        store_get(v->tx, c->uid, &r, NULL) || json_parse(&doc, slice_str(r.body), NULL, NULL))
        return 0; /* gone again */
    profile = json_text(json_get(json_root(doc), "profile"));
    profile = profile ? profile : "unknown";
    while (i < issued_count && strcmp(issued[i].profile, profile) != 0)
        i++;
    if (i == PROFILES)
        return 0;
    if (i == issued_count)
        (void)snprintf(issued[issued_count++].profile, sizeof issued[i].profile, "%s", profile);
    issued[i].count++;
    return 0;
}

static void put_issued(struct buf *out)
{
    metrics_family(out, "poterne_certificates_issued", "counter",
                   "Certificates signed, since the daemon was first asked.");
    for (size_t i = 0; i < issued_count; i++) {
        CLEANUP(buf_clear) struct buf labels = { 0 };

        metrics_label(&labels, "profile", issued[i].profile);
        metrics_sample(out, "poterne_certificates_issued_total", buf_str(&labels),
                       (double)issued[i].count);
    }
}

/* ---- all together ---- */

static int write_all(struct inventory *v, struct err *e)
{
    struct store_query query = { .kind = KIND_AUTHORITY };

    metrics_family(v->out, "poterne_authority_expiry_timestamp_seconds", "gauge",
                   "End of each generation of each authority; cluster is empty for the "
                   "installation's own.");
    if (store_list_all(v->tx, &query, put_authority, v, e) || put_leaves(v, e) || put_agents(v, e))
        return -1;
    put_issued(v->out);
    return 0;
}

static int refresh(struct store_tx *tx, void *ctx, struct err *e)
{
    struct inventory *v = ctx;
    int64_t sequence = store_sequence(tx);
    bool same = strcmp(of_installation, pki_installation(v->pki)) == 0;

    v->tx = tx;
    if (same && of_sequence == sequence)
        return 0;
    if (same && of_sequence >= 0 && store_changes(tx, of_sequence, CHANGES, note_change, v, e))
        return -1;
    buf_reset(&text);
    if (write_all(v, e)) {
        of_sequence = -1;
        return -1;
    }
    (void)snprintf(of_installation, sizeof of_installation, "%s", pki_installation(v->pki));
    of_sequence = sequence;
    return 0;
}

int metrics_inventory(struct pki *pki, struct buf *out, struct err *e)
{
    static struct inventory v; /* large, and guarded as the text is */
    int rc;

    pthread_mutex_lock(&lock);
    v = (struct inventory){ .pki = pki, .out = &text };
    rc = store_read(pki_store(pki), refresh, &v, e);
    if (!rc)
        buf_add_slice(out, buf_slice(&text));
    pthread_mutex_unlock(&lock);
    return rc;
}
