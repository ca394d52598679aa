/*
 * Puts leaf certificates on record, as many as a large fleet has after some years: a third ended
 * and superseded long ago; the others end within a year, and of those with less than a third of it
 * left all but one in a thousand were renewed in time, hence superseded. All have the one body, a
 * real one's but for the certificate: nobody looks into it here.
 *
 *     fill STORE COUNT        STORE: the SQLite file
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "store/store.h"

enum { BATCH = 2000, YEAR = 365 * 86400, DER = 640 };

struct fill {
    int64_t now, next, count;
    char der[DER + 1]; /* base64 */
};

static int add(struct store_tx *tx, struct fill *f, int64_t n, struct err *e)
{
    /* 7919 is prime: ends are spread evenly, in no order */
    int64_t left = n % 3 ? n * 7919 % YEAR : -(n * 7919 % (2 * (int64_t)YEAR)) - 1;
    bool current = left > YEAR / 3 || (left > 0 && n % 1000 == 1);
    CLEANUP(freep) char *name = xasprintf("bench/%032lld", (long long)n);
    CLEANUP(freep) char *serial = xasprintf("%032lld/bench", (long long)n);
    CLEANUP(freep) char *fingerprint = xasprintf("%064lld", (long long)n);
    CLEANUP(freep)
    char *scope = xasprintf("/default/%026lld", (long long)n / 45),
         *body = xasprintf(
             "{\"cluster\":\"bench\",\"profile\":\"kubelet-client\",\"authority\":\"kubelet\","
             "\"machine\":\"w1\",\"slot\":\"kubelet.conf\",\"generation\":1,\"subject\":"
             "\"O=system:nodes,CN=system:node:w1\",\"sans\":[],\"not_before\":\"2026-01-01T00:00:"
             "00Z\","
             "\"not_after\":\"2027-01-01T00:00:00Z\",\"key_type\":\"p256\",\"status\":\"%s\","
             "\"privileged\":false,\"der\":\"%s\"}",
             current ? "current" : "superseded", f->der);
    struct record r = { .kind = (char *)(uintptr_t) "certificate",
                        .scope = scope,
                        .name = name,
                        .schema = 1,
                        .expires = current ? f->now + left : 0, /* as record_supersede does */
                        .issuer_serial = serial,
                        .fingerprint = fingerprint,
                        .body = body };

    return store_insert(tx, &r, f->now, e);
}

static int add_batch(struct store_tx *tx, void *ctx, struct err *e)
{
    struct fill *f = ctx;

    for (int64_t end = f->next + BATCH; f->next < end && f->next < f->count; f->next++)
        if (add(tx, f, f->next, e))
            return -1;
    return 0;
}

int main(int argc, char **argv)
{
    CLEANUP(store_closep) struct store *store = NULL;
    struct store_options options = { .busy_ms = 1000 };
    struct fill f = { .now = clock_wall() };
    struct err e = { 0 };
    int rc;

    if (argc != 3)
        return 2;
    options.path = argv[1];
    f.count = strtoll(argv[2], NULL, 10);
    memset(f.der, 'A', DER);
    rc = store_open(&store, &options, &e);
    while (!rc && f.next < f.count)
        rc = store_write(store, add_batch, &f, &e);
    if (rc)
        fprintf(stderr, "fill: %s\n", err_text(&e));
    return rc ? 1 : 0;
}
