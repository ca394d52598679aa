#include "access/audit.h"
#include "access/trail.h"
#include "base/encode.h"
#include <stdarg.h>
#include <yyjson.h>

/* A walk along one chain. Nothing is kept but the record before. */
struct walk {
    struct store_tx *tx;
    const char *chain;
    const struct audit_signer *signer;
    struct audit_verdict *verdict;
    bool stopped;     /* at the first fault; the visitor's -1 is then no error */
    int64_t expected; /* number of the next record */
    char prev[AUDIT_HASH_TEXT];
    bool certain;                  /* the record before is known to be right: signed, or none */
    char installation[64];         /* of the first entry; "": not seen yet */
    char present[AUDIT_HASH_TEXT]; /* hash of the record that is being looked at */
    bool kept;                     /* a head was given, */
    struct audit_entry head;       /* this one, */
    bool rewritten;                /* and its record is another one now */
};

/* Notes the first fault; -1, so that lists end there. */
static int fault(struct walk *w, const char *kind, int64_t at, const char *format, ...)
    PRINTF_LIKE(4, 5);
static int fault(struct walk *w, const char *kind, int64_t at, const char *format, ...)
{
    va_list ap;

    if (w->stopped)
        return -1;
    w->stopped = true;
    w->verdict->good = false;
    w->verdict->at = at;
    (void)snprintf(w->verdict->kind, sizeof w->verdict->kind, "%s", kind);
    va_start(ap, format);
    (void)vsnprintf(w->verdict->text, sizeof w->verdict->text, format, ap);
    va_end(ap);
    return -1;
}

static bool same_trail(struct walk *w, const struct audit_entry *entry)
{
    if (!w->installation[0])
        memcpy(w->installation, entry->installation, sizeof w->installation);
    return strcmp(entry->installation, w->installation) == 0 && strcmp(entry->chain, w->chain) == 0;
}

/* What holds for checkpoints and tombstones alike; the hash is the caller's to compare. */
static int check_signed(struct walk *w, const struct store_audit_row *row, const char *type,
                        struct audit_entry *entry)
{
    long long at = (long long)row->sequence;
    struct err why = { 0 };

    if (w->signer->verify(w->signer->ctx, row->bytes, row->signature, &why))
        return fault(w, "bad-signature", row->sequence,
                     "the %s of record %lld has a bad signature: %.100s", type, at, err_text(&why));
    if (!audit_parse(entry, row->bytes) || strcmp(entry->type, type) != 0 || !same_trail(w, entry))
        return fault(w, "bad-signature", row->sequence,
                     "the %s of record %lld is signed, but of another trail or kind", type, at);
    if (entry->sequence != row->sequence)
        return fault(w, "reordered", row->sequence,
                     "the %s of record %lld stands where that of %lld belongs", type,
                     (long long)entry->sequence, at);
    return 0;
}

static int visit_tombstone(const struct store_audit_row *row, void *ctx, struct err *e)
{
    struct walk *w = ctx;
    struct audit_entry entry;

    (void)e;
    if (check_signed(w, row, "tombstone", &entry))
        return -1;
    w->expected = entry.sequence + 1;
    memcpy(w->prev, entry.hash, sizeof w->prev);
    return 0;
}

/* A checkpoint at the record that is being looked at. */
static int visit_checkpoint(const struct store_audit_row *row, void *ctx, struct err *e)
{
    struct walk *w = ctx;
    struct audit_entry entry;

    (void)e;
    if (check_signed(w, row, "checkpoint", &entry))
        return -1;
    if (strcmp(entry.hash, w->present) != 0)
        return fault(w, "broken", row->sequence,
                     "record %lld has been changed: the checkpoint signed another one",
                     (long long)row->sequence);
    w->certain = true;
    w->verdict->checkpoints++;
    return 0;
}

/* Number, place and link of a record whose text could be read. */
static int check_place(struct walk *w, const struct store_audit_row *row,
                       const struct audit_entry *entry)
{
    long long at = (long long)row->sequence;
    bool linked = strcmp(entry->hash, w->prev) == 0;

    if (entry->sequence != row->sequence && !linked)
        return fault(w, "reordered", row->sequence, "record %lld stands where record %lld belongs",
                     (long long)entry->sequence, at);
    if (entry->sequence != row->sequence || entry->time != row->time || entry->type[0] ||
        !same_trail(w, entry))
        return fault(w, "broken", row->sequence,
                     "record %lld has been changed: its number, time or origin is not the one it "
                     "was kept under",
                     at);
    if (!linked && w->certain)
        return fault(w, "broken", row->sequence,
                     "record %lld has been changed: it does not link to the one before", at);
    if (!linked)
        return fault(w, "broken", row->sequence - 1,
                     "record %lld has been changed: record %lld links to another one", at - 1, at);
    return 0;
}

static int visit_record(const struct store_audit_row *row, void *ctx, struct err *e)
{
    struct walk *w = ctx;
    struct audit_entry entry;
    struct store_audit_query signed_here = { .kind = STORE_AUDIT_CHECKPOINT,
                                             .chain = w->chain,
                                             .from = row->sequence,
                                             .until = row->sequence };

    if (row->sequence > w->expected)
        return fault(w, "missing", w->expected, "record %lld is missing: the next one is %lld",
                     (long long)w->expected, (long long)row->sequence);
    if (row->sequence < w->expected)
        return fault(w, "reordered", row->sequence,
                     "record %lld stands before the first one, which is %lld",
                     (long long)row->sequence, (long long)w->expected);
    if (!audit_parse(&entry, row->bytes))
        return fault(w, "broken", row->sequence,
                     "record %lld has been changed: it is not the JSON it was",
                     (long long)row->sequence);
    if (check_place(w, row, &entry))
        return -1;
    if (row->sequence == 1 && strcmp(entry.action, AUDIT_FIRST_ACTION) != 0)
        return fault(w, "cut-off", 1,
                     "the trail does not begin with %s: what was before it is gone",
                     AUDIT_FIRST_ACTION);
    audit_hash(w->present, row->bytes);
    w->certain = false;
    if (store_audit_list(w->tx, &signed_here, visit_checkpoint, w, e))
        return -1;
    if (w->kept && w->head.sequence == row->sequence)
        w->rewritten = strcmp(w->head.hash, w->present) != 0;
    if (w->verdict->records++ == 0)
        w->verdict->first = row->sequence;
    w->verdict->last = row->sequence;
    w->expected = row->sequence + 1;
    memcpy(w->prev, w->present, sizeof w->prev);
    return 0;
}

/* The newest checkpoint's record must be there, and be the last one. */
static int visit_beyond(const struct store_audit_row *row, void *ctx, struct err *e)
{
    struct walk *w = ctx;
    struct audit_entry entry;

    (void)e;
    if (check_signed(w, row, "checkpoint", &entry))
        return -1;
    return fault(w, "cut-off", w->expected,
                 "the trail ends before record %lld, but there is a checkpoint of record %lld",
                 (long long)w->expected, (long long)row->sequence);
}

static int check_end(struct walk *w, struct err *e)
{
    struct store_audit_query beyond = {
        .kind = STORE_AUDIT_CHECKPOINT, .chain = w->chain, .from = w->expected, .limit = 1
    };

    if (store_audit_list(w->tx, &beyond, visit_beyond, w, e))
        return -1;
    if (w->verdict->records == 0 && w->expected > 1) /* pruning leaves the newest */
        return fault(w, "cut-off", w->expected,
                     "the trail ends with a pruning, its records are gone");
    if (w->verdict->records > 0 && !w->certain)
        return fault(w, "bad-signature", w->verdict->last,
                     "no signed checkpoint covers the last record, %lld",
                     (long long)w->verdict->last);
    return 0;
}

/* What a kept head proves that the trail itself cannot: that it was once longer, or another one. */
static int check_kept(struct walk *w, struct err *e)
{
    long long at = (long long)w->head.sequence;

    if (!w->kept)
        return 0;
    if (w->installation[0] && strcmp(w->head.installation, w->installation) != 0)
        return err_set(e, ERR_INVALID, "the kept head is of another installation (%s, this is %s)",
                       w->head.installation, w->installation);
    if (w->head.sequence >= w->expected)
        return fault(w, "rolled-back", w->expected,
                     "the trail ends before record %lld, but the kept head is of record %lld",
                     (long long)w->expected, at);
    if (w->rewritten)
        return fault(
            w, "rolled-back", w->head.sequence,
            "record %lld is not the one of which the head was kept: the trail was written anew",
            at);
    return 0;
}

/* Whoever wipes all of it, tombstones included, leaves nothing that could speak against them. */
static int check_begun(struct walk *w)
{
    if (w->verdict->records == 0)
        return fault(w, "cut-off", 1,
                     "the trail is empty, although this installation began with a record");
    return 0;
}

static int take_member(struct buf *out, yyjson_val *root, const char *key, bool base64,
                       struct err *e)
{
    yyjson_val *v = yyjson_obj_get(root, key);
    struct slice text = slice_of(yyjson_get_str(v), yyjson_get_len(v));
    struct err ignored;

    if (!yyjson_is_str(v) || (base64 && base64_decode(out, text, &ignored)))
        return err_set(e, ERR_INVALID,
                       "the kept head has no good member '%s': is it what 'poterne audit "
                       "head' printed?",
                       key);
    if (!base64)
        buf_add_slice(out, text);
    return buf_check(out, e);
}

static int read_head(struct walk *w, struct slice json, struct err *e)
{
    CLEANUP(buf_clear) struct buf statement = { 0 }, signature = { 0 };
    struct err why = { 0 };
    yyjson_doc *doc = yyjson_read((const char *)json.ptr, json.len, YYJSON_READ_NOFLAG);
    yyjson_val *root = yyjson_doc_get_root(doc);
    int rc = take_member(&statement, root, "statement", false, e);

    if (!rc)
        rc = take_member(&signature, root, "signature", true, e);
    yyjson_doc_free(doc);
    if (rc)
        return -1;
    if (!audit_parse(&w->head, buf_slice(&statement)) || strcmp(w->head.type, "checkpoint") != 0)
        return err_set(e, ERR_INVALID, "the kept head is no checkpoint");
    if (strcmp(w->head.chain, w->chain) != 0)
        return err_set(e, ERR_INVALID, "the kept head is of the trail '%s', not of '%s'",
                       w->head.chain, w->chain);
    if (w->signer->verify(w->signer->ctx, buf_slice(&statement), buf_slice(&signature), &why))
        return fault(w, "bad-signature", w->head.sequence,
                     "the kept head, of record %lld, has a bad signature: %.100s",
                     (long long)w->head.sequence, err_text(&why));
    w->kept = true;
    return 0;
}

static int verify(struct walk *w, struct slice from_head, struct err *e)
{
    struct store_audit_query tombstones = { .kind = STORE_AUDIT_TOMBSTONE, .chain = w->chain };
    struct store_audit_query records = { .kind = STORE_AUDIT_RECORD, .chain = w->chain };

    if (from_head.len > 0 && read_head(w, from_head, e))
        return -1;
    if (store_audit_list(w->tx, &tombstones, visit_tombstone, w, e))
        return -1;
    if (w->kept && w->head.sequence == w->expected - 1)
        w->rewritten = strcmp(w->head.hash, w->prev) != 0;
    if (store_audit_list(w->tx, &records, visit_record, w, e) || check_end(w, e))
        return -1;
    return check_kept(w, e) ? -1 : check_begun(w);
}

int audit_verify(struct store_tx *tx, const char *chain, struct slice from_head,
                 const struct audit_signer *signer, struct audit_verdict *ret, struct err *e)
{
    struct audit_verdict verdict = { .good = true };
    struct walk w = { .tx = tx,
                      .chain = chain,
                      .signer = signer,
                      .verdict = &verdict,
                      .expected = 1,
                      .certain = true };

    memset(w.prev, '0', sizeof w.prev - 1);
    if (verify(&w, from_head, e) && !w.stopped)
        return -1;
    *ret = verdict;
    return 0;
}
