#include "access/audit.h"
#include "access/trail.h"
#include "base/clock.h"
#include <yyjson.h>

static const char no_hash[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* The last record of the writer's chain: its number (0: none) and hash. */
static int find_head(struct store_tx *tx, const char *chain, int64_t *sequence,
                     char hash[AUDIT_HASH_TEXT], struct err *e)
{
    CLEANUP(store_audit_last_clear) struct store_audit_last last = { 0 };

    if (store_audit_last(tx, STORE_AUDIT_RECORD, chain, &last, e))
        return -1;
    *sequence = last.sequence;
    if (last.found)
        audit_hash(hash, buf_slice(&last.bytes));
    else
        memcpy(hash, no_hash, AUDIT_HASH_TEXT);
    return 0;
}

static void put_member(struct buf *out, const char *key, const char *value)
{
    struct slice text = slice_str(value ? value : "");

    if (text.len > AUDIT_MAX_TEXT)
        text.len = AUDIT_MAX_TEXT;
    buf_addf(out, ",\"%s\":", key);
    audit_put_text(out, text);
}

static void put_time(struct buf *out, int64_t time)
{
    buf_add_str(out, ",\"time\":\"");
    time_format(out, time);
    buf_add_byte(out, '"');
}

/* Written anew, so that a record is one line whatever the caller's looks like. */
static int put_detail(struct buf *out, const char *detail, struct err *e)
{
    size_t len = detail ? strlen(detail) : 0, size = 0;
    yyjson_doc *doc = NULL;
    char *text = NULL;

    if (!detail) {
        buf_add_str(out, ",\"detail\":{}");
        return 0;
    }
    if (len <= AUDIT_MAX_DETAIL)
        doc = yyjson_read(detail, len, YYJSON_READ_NOFLAG);
    if (doc && yyjson_is_obj(yyjson_doc_get_root(doc)))
        text = yyjson_write(doc, YYJSON_WRITE_NOFLAG, &size);
    yyjson_doc_free(doc);
    if (!text)
        return err_set(e, ERR_INVALID,
                       "the detail of an audit record is no JSON object of at most %d bytes",
                       AUDIT_MAX_DETAIL);
    buf_add_str(out, ",\"detail\":");
    buf_add(out, text, size);
    free(text);
    return 0;
}

static void put_head(struct buf *out, const char *type, const struct audit_writer *writer)
{
    buf_addf(out, "{\"v\":1%s,\"installation\":", type);
    audit_put_text(out, slice_str(writer->installation));
    put_member(out, "chain", writer->chain);
}

static int append(struct store_tx *tx, const struct audit_writer *writer,
                  const struct audit_event *event, struct err *e)
{
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    struct store_audit_row row = { .kind = STORE_AUDIT_RECORD,
                                   .chain = writer->chain,
                                   .time = writer->now };
    char prev[AUDIT_HASH_TEXT];
    int64_t head;

    if (find_head(tx, writer->chain, &head, prev, e))
        return -1;
    row.sequence = head + 1;
    put_head(&bytes, "", writer);
    buf_addf(&bytes, ",\"seq\":%lld,\"prev\":\"%s\"", (long long)row.sequence, prev);
    put_time(&bytes, writer->now);
    put_member(&bytes, "actor", event->actor);
    put_member(&bytes, "via", event->via);
    if (event->uid && event->uid[0])
        put_member(&bytes, "uid", event->uid);
    if (event->address && event->address[0])
        put_member(&bytes, "address", event->address);
    put_member(&bytes, "request", event->request);
    put_member(&bytes, "action", event->action);
    put_member(&bytes, "target", event->target);
    put_member(&bytes, "outcome", event->outcome);
    put_member(&bytes, "reason", event->reason);
    if (put_detail(&bytes, event->detail, e))
        return -1;
    buf_add_byte(&bytes, '}');
    if (buf_check(&bytes, e))
        return -1;
    row.bytes = buf_slice(&bytes);
    return store_audit_append(tx, &row, e);
}

/*
 * Refusals cost whoever causes them nothing, so they may not fill the disk: beyond a number in a
 * minute they are only counted, and one record says how many when the minute is over. The count is
 * a setting.
 */
enum { REFUSALS_A_MINUTE = 30 };
struct refusals {
    int64_t minute, written, counted;
};

static void refusals_name(char name[96], const struct audit_writer *writer)
{
    (void)snprintf(name, 96, "audit.refusals.%s", writer->chain);
}

static int refusals_get(struct store_tx *tx, const char *name, struct refusals *r, struct err *e)
{
    CLEANUP(buf_clear) struct buf value = { 0 };
    long long minute = 0, written = 0, counted = 0;

    if (store_setting_get(tx, name, &value, e))
        return -1;
    if (value.len && sscanf(buf_str(&value), "%lld %lld %lld", &minute, &written, &counted) != 3)
        minute = written = counted = 0;
    *r = (struct refusals){ minute, written, counted };
    return 0;
}

static int refusals_put(struct store_tx *tx, const char *name, const struct refusals *r,
                        struct err *e)
{
    char value[96];
    int len = snprintf(value, sizeof value, "%lld %lld %lld", (long long)r->minute,
                       (long long)r->written, (long long)r->counted);

    return store_setting_put(tx, name, slice_of(value, (size_t)len), e);
}

/* The record that stands for those that were only counted. */
static int append_count(struct store_tx *tx, const struct audit_writer *writer,
                        const struct refusals *r, struct err *e)
{
    CLEANUP(buf_clear) struct buf detail = { 0 };
    struct audit_event event = { .actor = "poterne",
                                 .action = "audit.collapse",
                                 .outcome = "refused",
                                 .reason =
                                     "more refusals in a minute than are written one by one" };

    buf_addf(&detail, "{\"count\":%lld,\"minute\":\"", (long long)r->counted);
    time_format(&detail, r->minute * 60);
    buf_add_str(&detail, "\"}");
    event.detail = buf_str(&detail);
    return append(tx, writer, &event, e);
}

/* *only_counted: the event needs no record of its own. */
static int collapse(struct store_tx *tx, const struct audit_writer *writer, bool refused,
                    bool *only_counted, struct err *e)
{
    int64_t minute = writer->now / 60;
    struct refusals r;
    char name[96];

    *only_counted = false;
    refusals_name(name, writer);
    if (refusals_get(tx, name, &r, e))
        return -1;
    if (r.minute != minute && r.counted > 0) {
        if (append_count(tx, writer, &r, e))
            return -1;
        r.counted = 0;
        if (!refused)
            return refusals_put(tx, name, &r, e);
    }
    if (!refused)
        return 0;
    if (r.minute != minute)
        r = (struct refusals){ .minute = minute };
    *only_counted = r.written >= REFUSALS_A_MINUTE;
    if (*only_counted)
        r.counted++;
    else
        r.written++;
    return refusals_put(tx, name, &r, e);
}

int audit_append(struct store_tx *tx, const struct audit_writer *writer,
                 const struct audit_event *event, struct err *e)
{
    bool refused = event->outcome && strcmp(event->outcome, "refused") == 0, only_counted;

    if (collapse(tx, writer, refused, &only_counted, e))
        return -1;
    return only_counted ? 0 : append(tx, writer, event, e);
}

/* Signs a statement and appends it with its signature. */
static int append_signed(struct store_tx *tx, const struct store_audit_row *row,
                         const struct audit_signer *signer, struct err *e)
{
    CLEANUP(buf_clear) struct buf signature = { 0 };
    struct store_audit_row with = *row;

    if (signer->sign(signer->ctx, row->bytes, &signature, e))
        return err_wrap(e, "sign the audit trail");
    with.signature = buf_slice(&signature);
    return store_audit_append(tx, &with, e);
}

int audit_checkpoint(struct store_tx *tx, const struct audit_writer *writer, int64_t signatures,
                     const struct audit_signer *signer, struct err *e)
{
    CLEANUP(buf_clear) struct buf statement = { 0 };
    struct store_audit_row row = { .kind = STORE_AUDIT_CHECKPOINT,
                                   .chain = writer->chain,
                                   .time = writer->now };
    CLEANUP(store_audit_last_clear) struct store_audit_last last = { 0 };
    char hash[AUDIT_HASH_TEXT];

    if (find_head(tx, writer->chain, &row.sequence, hash, e) ||
        store_audit_last(tx, STORE_AUDIT_CHECKPOINT, writer->chain, &last, e))
        return -1;
    if (row.sequence == 0 || (last.found && last.sequence == row.sequence))
        return 0; /* nothing new: a refusal that was only counted */
    put_head(&statement, ",\"type\":\"checkpoint\"", writer);
    buf_addf(&statement, ",\"seq\":%lld,\"hash\":\"%s\"", (long long)row.sequence, hash);
    put_time(&statement, writer->now);
    buf_addf(&statement, ",\"signatures\":%lld}", (long long)signatures);
    if (buf_check(&statement, e))
        return -1;
    row.bytes = buf_slice(&statement);
    return append_signed(tx, &row, signer, e);
}

int audit_last_time(struct store_tx *tx, int64_t *time, struct err *e)
{
    CLEANUP(store_audit_last_clear) struct store_audit_last last = { 0 };

    if (store_audit_last(tx, STORE_AUDIT_RECORD, NULL, &last, e))
        return -1;
    *time = last.time;
    return 0;
}

int audit_head(struct store_tx *tx, const char *chain, struct buf *json, struct err *e)
{
    CLEANUP(store_audit_last_clear) struct store_audit_last last = { 0 };

    if (store_audit_last(tx, STORE_AUDIT_CHECKPOINT, chain, &last, e))
        return -1;
    if (!last.found)
        return err_set(e, ERR_NOT_FOUND, "the audit trail '%s' is empty", chain);
    audit_put_signed(json, "", buf_slice(&last.bytes), buf_slice(&last.signature));
    return buf_check(json, e);
}

/* Looks for the last record of the oldest ones that may go. */
struct pruning {
    int64_t before, head, last;
    int64_t removed;
    char hash[AUDIT_HASH_TEXT];
    bool done;
};

static int choose(const struct store_audit_row *row, void *ctx, struct err *e)
{
    struct pruning *p = ctx;

    (void)e;
    if (p->done || row->time >= p->before || row->sequence >= p->head) {
        p->done = true;
        return 0;
    }
    p->last = row->sequence;
    p->removed++;
    audit_hash(p->hash, row->bytes);
    return 0;
}

static int append_tombstone(struct store_tx *tx, const struct audit_writer *writer,
                            const struct pruning *p, const struct audit_signer *signer,
                            struct err *e)
{
    CLEANUP(buf_clear) struct buf statement = { 0 };
    struct store_audit_row row = { .kind = STORE_AUDIT_TOMBSTONE,
                                   .chain = writer->chain,
                                   .sequence = p->last,
                                   .time = writer->now };

    put_head(&statement, ",\"type\":\"tombstone\"", writer);
    buf_addf(&statement, ",\"seq\":%lld,\"hash\":\"%s\",\"removed\":%lld", (long long)p->last,
             p->hash, (long long)p->removed);
    put_time(&statement, writer->now);
    buf_add_byte(&statement, '}');
    if (buf_check(&statement, e))
        return -1;
    row.bytes = buf_slice(&statement);
    return append_signed(tx, &row, signer, e);
}

int audit_prune(struct store_tx *tx, const struct audit_writer *writer, int64_t before,
                const struct audit_signer *signer, int64_t *removed, struct err *e)
{
    struct store_audit_query records = { .kind = STORE_AUDIT_RECORD, .chain = writer->chain };
    struct pruning p = { .before = before };
    struct audit_verdict verdict;
    int64_t count;

    if (audit_verify(tx, writer->chain, slice_of(NULL, 0), signer, &verdict, e))
        return -1;
    if (!verdict.good)
        return err_set(e, ERR_REFUSED, "the audit trail is not whole (%s): nothing was removed",
                       verdict.text);
    p.head = verdict.last;
    if (store_audit_list(tx, &records, choose, &p, e))
        return -1;
    if (p.removed && (store_audit_prune(tx, writer->chain, p.last, &count, e) ||
                      append_tombstone(tx, writer, &p, signer, e)))
        return -1;
    *removed = p.removed;
    return 0;
}
