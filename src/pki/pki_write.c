#include "pki/pki_internal.h"

#include "base/clock.h"
#include <stdarg.h>

static int record_event(struct pki_write *w, const char *outcome, const char *reason,
                        const char *detail, struct err *e)
{
    struct pki *pki = w->request->pki;
    struct audit_writer writer = { pki->installation, AUDIT_CHAIN, w->now };
    struct audit_event event = {
        .actor = w->request->who->name,
        .via = w->request->who->via,
        .uid = w->request->who->uid,
        .address = w->request->who->address,
        .request = w->request->id,
        .action = w->action,
        .target = w->target,
        .outcome = outcome,
        .reason = reason,
        .detail = detail,
    };

    if (audit_append(w->tx, &writer, &event, e))
        return err_wrap(e, "audit trail");
    w->recorded++;
    return 0;
}

static int sign_checkpoint(struct pki_write *w, struct err *e)
{
    struct pki *pki = w->request->pki;
    struct audit_writer writer = { pki->installation, AUDIT_CHAIN, w->now };
    struct audit_signer signer;

    if (w->recorded == 0)
        return 0;
    pki_audit_signer(pki, &signer);
    if (audit_checkpoint(w->tx, &writer, keeper_signatures(pki->keeper), &signer, e))
        return err_wrap(e, "audit trail");
    return 0;
}

void pki_deciding(struct pki_write *w, const char *action, const char *target_format, ...)
{
    va_list ap;

    (void)snprintf(w->action, sizeof w->action, "%s", action);
    va_start(ap, target_format);
    (void)vsnprintf(w->target, sizeof w->target, target_format, ap);
    va_end(ap);
}

int pki_granted(struct pki_write *w, const char *detail, struct err *e)
{
    return record_event(w, "granted", "", detail, e);
}

int pki_refused(struct pki_write *w, const char *reason, const char *detail, struct err *e)
{
    return record_event(w, "refused", reason, detail, e);
}

/* On a trail that was wiped the next record would be the first, and nothing show what was before.
 */
static int check_trail(int64_t last, struct err *e)
{
    if (last)
        return 0;
    return err_set(e, ERR_CORRUPT,
                   "the audit trail of this installation is gone: restore a backup with 'poterne "
                   "state restore FILE'");
}

/* Certificates follow the clock: one that went back would issue what ends too early, and hide the
 * order of what happened. */
static int check_clock(struct pki_write *w, struct err *e)
{
    CLEANUP(buf_clear) struct buf here = { 0 };
    CLEANUP(buf_clear) struct buf there = { 0 };
    char detail[128];
    int64_t last;

    if (audit_last_time(w->tx, &last, e) || check_trail(last, e))
        return -1;
    if (w->now >= last - AUDIT_CLOCK_SLACK)
        return 0;
    time_format(&here, w->now);
    time_format(&there, last);
    if (!w->request->accept_clock)
        return err_set(
            e, ERR_REFUSED,
            "the clock says %s, but the last record was made at %s: set the clock, or accept it "
            "with --accept-clock",
            buf_str(&here), buf_str(&there));
    (void)snprintf(detail, sizeof detail, "{\"last\":\"%s\",\"behind\":%lld}", buf_str(&there),
                   (long long)(last - w->now));
    pki_deciding(w, "clock.accept", "installation/%s", w->request->pki->installation);
    if (pki_granted(w, detail, e))
        return -1;
    w->action[0] = w->target[0] = '\0';
    return 0;
}

int pki_expected(const struct request *request, int64_t revision, struct err *e)
{
    if (!request->expected || request->expected == revision)
        return 0;
    return err_set(e, ERR_STALE, "it was changed meanwhile: its revision is %lld",
                   (long long)revision);
}

struct write_call {
    struct pki_write w;
    pki_write_fn *fn;
    void *ctx;
};

static int begin(struct pki_write *w, struct store_tx *tx, struct err *e)
{
    int64_t signatures;

    w->tx = tx;
    w->recorded = 0;
    if (!w->request->pki->keeper)
        return installation_make(w, e);
    /* Another process may have signed since we opened: the numbers go on from its last one. */
    if (signatures_counted(tx, &signatures, e))
        return -1;
    keeper_count_from(w->request->pki->keeper, signatures);
    return 0;
}

static int write_tx(struct store_tx *tx, void *ctx, struct err *e)
{
    struct write_call *call = ctx;

    const struct request *request = call->w.request;

    if (begin(&call->w, tx, e) || check_clock(&call->w, e) || call->fn(&call->w, call->ctx, e))
        return -1;
    if (request->also && request->also(&call->w, request->also_ctx, e))
        return -1;
    return sign_checkpoint(&call->w, e);
}

struct refusal {
    struct pki_write *w;
    const char *reason;
};

static int refusal_tx(struct store_tx *tx, void *ctx, struct err *e)
{
    struct refusal *refusal = ctx;

    if (begin(refusal->w, tx, e) || record_event(refusal->w, "refused", refusal->reason, NULL, e))
        return -1;
    return sign_checkpoint(refusal->w, e);
}

/* One transaction, and what follows from its end. */
static int run(struct pki *pki, store_fn *fn, void *ctx, struct err *e)
{
    struct err late = { 0 };
    int rc = store_write(pki->store, fn, ctx, e);

    if (!installation_made(pki, rc == 0, &late))
        return rc;
    return err_pass(e, &late);
}

int pki_write(struct request *request, pki_write_fn *fn, void *ctx, struct err *e)
{
    struct write_call call = { .w = { .request = request, .now = request->pki->now },
                               .fn = fn,
                               .ctx = ctx };
    struct err why = { 0 }, lost = { 0 };
    struct refusal refusal = { &call.w, why.msg };

    if (!request->id[0])
        uid_new(request->id);
    if (!run(request->pki, write_tx, &call, &why))
        return 0;
    /* The transaction is gone; the refusal is kept. One of the clock is not: its time would be
     * wrong. */
    request->refused = why.code == ERR_REFUSED && call.w.action[0];
    if (request->refused && run(request->pki, refusal_tx, &refusal, &lost))
        return err_set(e, why.code, "%s (and it could not be recorded: %s)", why.msg, lost.msg);
    return err_pass(e, &why);
}
