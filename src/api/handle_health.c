#include "api/handlers.h"
#include "api/health.h"
#include "api/metrics.h"

#include <stdatomic.h>

/* What a load balancer, a supervisor and Prometheus ask; plain text, as the API server of
 * Kubernetes answers. */
#define PLAIN "text/plain; charset=utf-8"
#define OPEN_METRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

static atomic_bool draining;

void health_set_draining(bool yes)
{
    atomic_store(&draining, yes);
}

/* ---- what can be wrong ---- */

static int look_at_clock(struct store_tx *tx, void *ctx, struct err *e)
{
    struct request *request = ctx;
    int64_t last;

    if (audit_last_time(tx, &last, e))
        return -1;
    if (last && pki_now(request->pki) < last - AUDIT_CLOCK_SLACK)
        return err_set(e, ERR_REFUSED, "it is behind the last record: nothing is issued");
    return 0;
}

static int check_clock(struct request *request, struct err *e)
{
    return store_read(pki_store(request->pki), look_at_clock, request, e);
}

static int read_nothing(struct store_tx *tx, void *ctx, struct err *e)
{
    (void)ctx;
    return store_sequence(tx) < 0 ? err_set(e, ERR_CORRUPT, "it has no sequence") : 0;
}

static int check_store(struct request *request, struct err *e)
{
    return store_read(pki_store(request->pki), read_nothing, NULL, e);
}

static int check_keeper(struct request *request, struct err *e)
{
    CLEANUP(buf_clear) struct buf key = { 0 };

    if (!pki_keeper(request->pki)) /* nothing was made here yet */
        return 0;
    return keeper_log_key(pki_keeper(request->pki), &key, e);
}

static int check_draining(struct request *request, struct err *e)
{
    (void)request;
    return atomic_load(&draining) ? err_set(e, ERR_BUSY, "the daemon is about to end") : 0;
}

static const struct check {
    const char *name;
    int (*run)(struct request *request, struct err *e);
    bool health; /* of /healthz too: a daemon that ends is not ill */
} checks[] = {
    { "store", check_store, true },
    { "keeper", check_keeper, true },
    { "clock", check_clock, true },
    { "running", check_draining, false },
};

/* ---- answers ---- */

/* The causes with ?verbose=1, or when something is wrong; "ok" otherwise. */
static int answer(const struct api_args *args, struct json_writer *reply, const char *name,
                  bool ready)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    bool good = true;

    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        struct err why = { 0 };

        if (!ready && !checks[i].health)
            continue;
        if (checks[i].run(args->request, &why)) {
            good = false;
            buf_addf(&text, "[-]%s failed: %s\n", checks[i].name, err_text(&why));
        } else {
            buf_addf(&text, "[+]%s ok\n", checks[i].name);
        }
    }
    args->answer->type = PLAIN;
    args->answer->status = good ? 200 : 503;
    if (good && !api_query(args, "verbose"))
        buf_add_str(reply->out, "ok");
    else
        buf_addf(reply->out, "%s%s check %s\n", buf_str(&text), name, good ? "passed" : "failed");
    return 0;
}

int show_health(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    (void)e;
    return answer(args, reply, "healthz", false);
}

int show_ready(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    (void)e;
    return answer(args, reply, "readyz", true);
}

/* This process answers: that is all that restarting it could help. */
int show_live(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    (void)e;
    args->answer->type = PLAIN;
    buf_add_str(reply->out, "ok");
    return 0;
}

/* ---- metrics ---- */

static void put_store(struct pki *pki, struct buf *out)
{
    struct store_stats s;

    store_stats(pki_store(pki), &s);
    metrics_family(out, "poterne_store_read_seconds", "summary", "Reading transactions.");
    metrics_sample(out, "poterne_store_read_seconds_count", "", (double)s.reads);
    metrics_sample(out, "poterne_store_read_seconds_sum", "", (double)s.read_us / 1e6);
    metrics_family(out, "poterne_store_write_seconds", "summary",
                   "Writing transactions, with their wait for the disk.");
    metrics_sample(out, "poterne_store_write_seconds_count", "", (double)s.writes);
    metrics_sample(out, "poterne_store_write_seconds_sum", "", (double)s.write_us / 1e6);
    metrics_family(out, "poterne_store_batches", "counter",
                   "Commits; writes divided by these is the size of a group commit.");
    metrics_sample(out, "poterne_store_batches_total", "", (double)s.batches);
    metrics_family(out, "poterne_store_writes_waiting", "gauge", "Writes that wait for a commit.");
    metrics_sample(out, "poterne_store_writes_waiting", "", (double)s.waiting);
}

static void (*_Atomic extra)(struct buf *out);

void health_set_metrics(void (*write)(struct buf *out))
{
    atomic_store(&extra, write);
}

static void put_extra(struct buf *out)
{
    void (*write)(struct buf *) = atomic_load(&extra);

    if (write)
        write(out);
}

int show_metrics(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct buf *out = reply->out;

    args->answer->type = OPEN_METRICS;
    metrics_family(out, "poterne_build", "info", "The program.");
    metrics_sample(out, "poterne_build_info", "version=\"" POTERNE_VERSION "\"", 1);
    metrics_render(out);
    put_store(args->request->pki, out);
    if (metrics_inventory(args->request->pki, out, e))
        return -1;
    put_extra(out);
    buf_add_str(out, "# EOF\n");
    return 0;
}
