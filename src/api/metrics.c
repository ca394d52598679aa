#include "api/metrics.h"

#include "base/alloc.h"
#include <stdatomic.h>

enum { ROUTES = 192, BUCKETS = 11 };
static const int64_t bucket_us[BUCKETS] = { 100,    500,    1000,    5000,    10000,   50000,
                                            100000, 500000, 1000000, 5000000, 30000000 };
static const int statuses[] = { 200, 201, 204, 304, 400, 401, 403, 404, 405, 406,
                                409, 410, 412, 413, 415, 422, 429, 500, 503 };
enum { STATUSES = ARRAY_LEN(statuses) + 1 }; /* the last: any other */

/* Written by its own thread alone: a store is enough, and no bus is locked. */
typedef _Atomic(uint64_t) counter;
struct block {
    struct block *next;
    counter requests[ROUTES + 1][STATUSES]; /* the last row: no such route */
    counter bucket[ROUTES + 1][BUCKETS + 1];
    counter microseconds[ROUTES + 1];
};
static _Atomic(struct block *) blocks;
static _Thread_local struct block *mine;

/* Blocks stay when their thread ends: what it counted has happened. */
static struct block *own_block(void)
{
    if (mine)
        return mine;
    mine = xcalloc(1, sizeof *mine);
    mine->next = atomic_load(&blocks);
    while (!atomic_compare_exchange_weak(&blocks, &mine->next, mine))
        ;
    return mine;
}

static void add(counter *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static size_t status_index(int status)
{
    size_t i = 0;

    while (i < ARRAY_LEN(statuses) && statuses[i] != status)
        i++;
    return i;
}

void metrics_request(const struct route *route, int status, int64_t microseconds)
{
    struct block *b = own_block();
    size_t row = route ? (size_t)(route - routes) : ROUTES, bucket = 0;

    if (row > ROUTES)
        row = ROUTES;
    while (bucket < BUCKETS && microseconds > bucket_us[bucket])
        bucket++;
    add(&b->requests[row][status_index(status)], 1);
    add(&b->bucket[row][bucket], 1);
    add(&b->microseconds[row], microseconds > 0 ? (uint64_t)microseconds : 0);
}

/* ---- text: https://prometheus.io/docs/specs/om/open_metrics_spec/ ---- */

void metrics_family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

void metrics_sample(struct buf *out, const char *name, const char *labels, double value)
{
    buf_addf(out, labels[0] ? "%s{%s} " : "%s%s ", name, labels);
    buf_addf(out, "%.15g\n", value);
}

void metrics_label(struct buf *labels, const char *name, const char *value)
{
    buf_addf(labels, "%s%s=\"", labels->len ? "," : "", name);
    for (; *value; value++) {
        if (*value == '\n') {
            buf_add_str(labels, "\\n");
            continue;
        }
        if (*value == '"' || *value == '\\')
            buf_add_byte(labels, '\\');
        buf_add_byte(labels, (uint8_t)*value);
    }
    buf_add_byte(labels, '"');
}

static void route_labels(struct buf *labels, size_t row)
{
    metrics_label(labels, "route", row < route_count ? routes[row].path : "none");
    metrics_label(labels, "method",
                  row < route_count ? http_method_name(routes[row].method) : "none");
}

/* ---- sums ---- */

static uint64_t sum(size_t offset)
{
    uint64_t total = 0;

    for (struct block *b = atomic_load(&blocks); b; b = b->next)
        total +=
            atomic_load_explicit((counter *)(void *)((char *)b + offset), memory_order_relaxed);
    return total;
}

static uint64_t requests_of(size_t row, size_t status)
{
    return sum(offsetof(struct block, requests) + (row * STATUSES + status) * sizeof(counter));
}

static uint64_t bucket_of(size_t row, size_t bucket)
{
    return sum(offsetof(struct block, bucket) + (row * (BUCKETS + 1) + bucket) * sizeof(counter));
}

static void put_requests(struct buf *out, size_t row)
{
    for (size_t i = 0; i < STATUSES; i++) {
        CLEANUP(buf_clear) struct buf labels = { 0 };
        uint64_t n = requests_of(row, i);
        char status[12] = "other";

        if (!n)
            continue;
        if (i < ARRAY_LEN(statuses))
            (void)snprintf(status, sizeof status, "%d", statuses[i]);
        route_labels(&labels, row);
        metrics_label(&labels, "status", status);
        metrics_sample(out, "poterne_http_requests_total", buf_str(&labels), (double)n);
    }
}

static void put_latency(struct buf *out, size_t row)
{
    CLEANUP(buf_clear) struct buf labels = { 0 };
    uint64_t total = 0, us;

    for (size_t i = 0; i <= BUCKETS; i++)
        total += bucket_of(row, i);
    if (!total)
        return;
    route_labels(&labels, row);
    total = 0;
    for (size_t i = 0; i <= BUCKETS; i++) {
        CLEANUP(buf_clear) struct buf whole = { 0 };
        char le[24] = "+Inf";

        total += bucket_of(row, i);
        if (i < BUCKETS)
            (void)snprintf(le, sizeof le, "%g", (double)bucket_us[i] / 1e6);
        buf_add_slice(&whole, buf_slice(&labels));
        metrics_label(&whole, "le", le);
        metrics_sample(out, "poterne_http_request_seconds_bucket", buf_str(&whole), (double)total);
    }
    us = sum(offsetof(struct block, microseconds) + row * sizeof(counter));
    metrics_sample(out, "poterne_http_request_seconds_count", buf_str(&labels), (double)total);
    metrics_sample(out, "poterne_http_request_seconds_sum", buf_str(&labels), (double)us / 1e6);
}

void metrics_render(struct buf *out)
{
    metrics_family(out, "poterne_http_requests", "counter", "Requests answered.");
    for (size_t row = 0; row <= ROUTES; row++)
        put_requests(out, row);
    metrics_family(out, "poterne_http_request_seconds", "histogram",
                   "From a request's last byte to its answer.");
    for (size_t row = 0; row <= ROUTES; row++)
        put_latency(out, row);
}
