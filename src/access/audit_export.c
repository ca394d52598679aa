#include "access/audit.h"
#include "access/trail.h"

struct export_job {
    struct store_tx *tx;
    const char *chain;
    struct audit_part *part;
    audit_line *line;
    void *ctx;
    struct buf text; /* of one line */
};

static void export_clear(struct export_job *x)
{
    buf_clear(&x->text);
}

static int put_line(struct export_job *x, struct err *e)
{
    return buf_check(&x->text, e) || x->line(buf_slice(&x->text), x->ctx, e) ? -1 : 0;
}

static int put_header(struct export_job *x, struct err *e)
{
    buf_add_str(&x->text, "{\"type\":\"audit-export\",\"v\":1,\"installation\":");
    audit_put_text(&x->text, slice_str(x->part->installation));
    buf_add_str(&x->text, ",\"chain\":");
    audit_put_text(&x->text, slice_str(x->chain));
    buf_add_str(&x->text, ",\"key\":");
    audit_put_text(&x->text, slice_str(x->part->key_pem));
    buf_add_byte(&x->text, '}');
    return put_line(x, e);
}

static int put_signed(const struct store_audit_row *row, void *ctx, struct err *e)
{
    struct export_job *x = ctx;

    buf_reset(&x->text);
    audit_put_signed(&x->text,
                     row->kind == STORE_AUDIT_TOMBSTONE ? "\"type\":\"tombstone\","
                                                        : "\"type\":\"checkpoint\",",
                     row->bytes, row->signature);
    return put_line(x, e);
}

static int put_record(const struct store_audit_row *row, void *ctx, struct err *e)
{
    struct export_job *x = ctx;
    struct store_audit_query signed_here = { .kind = STORE_AUDIT_CHECKPOINT,
                                             .chain = x->chain,
                                             .from = row->sequence,
                                             .until = row->sequence };

    x->part->last = row->sequence;
    buf_reset(&x->text);
    buf_add_str(&x->text, "{\"type\":\"record\",\"bytes\":");
    audit_put_text(&x->text, row->bytes);
    buf_add_byte(&x->text, '}');
    if (put_line(x, e))
        return -1;
    return store_audit_list(x->tx, &signed_here, put_signed, x, e);
}

int audit_export(struct store_tx *tx, const char *chain, struct audit_part *part, audit_line *line,
                 void *ctx, struct err *e)
{
    CLEANUP(export_clear)
    struct export_job x = { .tx = tx, .chain = chain, .part = part, .line = line, .ctx = ctx };
    struct store_audit_query tombstones = { .kind = STORE_AUDIT_TOMBSTONE, .chain = chain };
    struct store_audit_query records = {
        .kind = STORE_AUDIT_RECORD, .chain = chain, .from = part->after + 1, .limit = part->limit
    };

    part->last = 0;
    if (!part->after && (put_header(&x, e) || store_audit_list(tx, &tombstones, put_signed, &x, e)))
        return -1;
    return store_audit_list(tx, &records, put_record, &x, e);
}
