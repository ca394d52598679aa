#include "pki/root_key.h"

#include "base/alloc.h"
#include "pki/pki_internal.h"
#include "pki/record_body.h"

/* "" or absent: no resealing is under way; else how far it came: START or the store's cursor, by
 * name. */
#define SETTING_RESEAL "reseal"
#define START "start"
enum { PAGE = 200, VALUES_A_TRANSACTION = 100 };

/* ---- pages of records, copied so that they may be written ---- */

struct page {
    struct record *record;
    size_t count;
    char next[STORE_CURSOR];
};

static void page_clear(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        record_clear(&page->record[i]);
    free(page->record);
    *page = (struct page){ 0 };
}

static int keep(const struct record *r, void *ctx, struct err *e)
{
    struct page *page = ctx;

    (void)e;
    page->record = xrealloc_array(page->record, page->count + 1, sizeof *page->record);
    record_copy(&page->record[page->count++], r);
    return 0;
}

static int read_page(struct store_tx *tx, const char *kind, const char *cursor, int limit,
                     struct page *page, struct err *e)
{
    struct store_query query = {
        .kind = kind, .order = STORE_BY_NAME, .cursor = cursor, .limit = limit
    };

    return store_list(tx, &query, keep, page, page->next, e);
}

/* ---- another root key ---- */

struct rotation {
    struct keeper *next;
    bool reseal;
    struct root_key_report *report;
};

static int rewrap_page(struct pki_write *w, struct rotation *rotation, const struct page *page,
                       struct err *e)
{
    for (size_t i = 0; i < page->count; i++) {
        CLEANUP(data_key_clear) struct data_key dk = { 0 };

        if (data_key_of_record(&dk, &page->record[i], e) ||
            keeper_data_key_rewrap(pki_keeper(w->request->pki), rotation->next, &dk, e) ||
            pki_data_key_update(w, &dk, e))
            return -1;
        rotation->report->rewrapped++;
    }
    return 0;
}

static int rewrap_all(struct pki_write *w, struct rotation *rotation, struct err *e)
{
    char cursor[STORE_CURSOR] = "";

    do {
        CLEANUP(page_clear) struct page page = { 0 };

        if (read_page(w->tx, KIND_DATA_KEY, cursor, PAGE, &page, e) ||
            rewrap_page(w, rotation, &page, e))
            return -1;
        memcpy(cursor, page.next, sizeof cursor);
    } while (cursor[0]);
    return 0;
}

static int rotate_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct rotation *rotation = ctx;
    struct root_key_report *report = rotation->report;
    char detail[192];

    pki_deciding(w, "root-key.rotate", "root-key/%s", report->new_id);
    if (rewrap_all(w, rotation, e) ||
        store_setting_put(w->tx, SETTING_ROOT_KEY, slice_str(report->new_id), e) ||
        (rotation->reseal && store_setting_put(w->tx, SETTING_RESEAL, slice_str(START), e)))
        return -1;
    (void)snprintf(detail, sizeof detail, "{\"old\":\"%s\",\"rewrapped\":%lld,\"reseal\":%s}",
                   report->old_id, (long long)report->rewrapped,
                   rotation->reseal ? "true" : "false");
    return pki_granted(w, detail, e);
}

static int open_identity(struct store_tx *tx, void *ctx, struct err *e)
{
    return identity_open(ctx, tx, e);
}

/* From the commit on the store is sealed under the new key, whatever fails afterwards; a
 * root.key.next that may be the one is never removed. */
static int rotate(struct request *request, bool reseal, struct root_key_report *report,
                  struct err *e)
{
    struct pki *pki = request->pki;
    CLEANUP(keeper_closep) struct keeper *next = NULL;
    struct rotation rotation = { .reseal = reseal, .report = report };
    struct keeper *old = pki->keeper;

    if (root_key_file_new(pki, &next, e))
        return -1;
    rotation.next = next;
    (void)snprintf(report->new_id, sizeof report->new_id, "%s", keeper_root_id(next));
    if (pki_write(request, rotate_in, &rotation, e))
        return err_wrap(e, "the root key stays as it was");
    if (store_read(pki->store, open_identity, next, e))
        return -1;
    keeper_count_from(next, keeper_signatures(old));
    pki->keeper = next;
    next = old; /* closed at the end */
    return state_dir_key_promote(pki->dir, ROOT_KEY_NEXT, ROOT_KEY_FILE, e);
}

/* ---- new data keys ---- */

struct resealing {
    struct root_key_report *report;
    bool done;
};

/* Every kind keeps what is sealed in the member "sealed", labelled (kind, uid, "key"). */
static int reseal_value(struct pki_write *w, struct data_key *from, struct data_key *to,
                        const struct record *r, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf resealed = { 0 };
    CLEANUP(buf_clear) struct buf members = { 0 };
    struct seal_place place = { from, { r->kind, r->uid, "key" } };
    struct json_writer json;

    if (record_json(&doc, r, e))
        return -1;
    if (!json_get(json_root(doc), "sealed")) /* an adopted one whose key is elsewhere */
        return 0;
    if (body_base64(json_root(doc), "sealed", &sealed, e) ||
        keeper_reseal(pki_keeper(w->request->pki), &place, to, buf_slice(&sealed), &resealed, e))
        return err_wrap(e, "%s '%s'", r->kind, r->name);
    json_writer_init(&json, &members, false);
    json_put_object(&json, NULL);
    json_put_base64(&json, "sealed", buf_slice(&resealed));
    json_put_end(&json);
    return record_merge(w, r->uid, &members, e);
}

static int reseal_kind(struct pki_write *w, struct data_key *from, struct data_key *to,
                       int64_t *values, struct err *e)
{
    char cursor[STORE_CURSOR] = "";

    do {
        CLEANUP(page_clear) struct page page = { 0 };

        if (read_page(w->tx, from->subject, cursor, PAGE, &page, e))
            return -1;
        for (size_t i = 0; i < page.count; i++, ++*values)
            if (reseal_value(w, from, to, &page.record[i], e))
                return -1;
        memcpy(cursor, page.next, sizeof cursor);
    } while (cursor[0]);
    return 0;
}

static int reseal_authority(struct pki_write *w, struct data_key *from, struct data_key *to,
                            int64_t *values, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };

    if (store_get(w->tx, from->subject, &r, e) || reseal_value(w, from, to, &r, e))
        return -1;
    ++*values;
    return 0;
}

static int reseal_key(struct pki_write *w, const struct record *r, int64_t *values, struct err *e)
{
    CLEANUP(data_key_clear) struct data_key from = { 0 };
    CLEANUP(data_key_clear) struct data_key to = { 0 };
    bool authority;

    if (data_key_of_record(&from, r, e))
        return -1;
    authority = from.purpose == DATA_KEY_AUTHORITY;
    to.purpose = from.purpose;
    memcpy(to.subject, from.subject, sizeof to.subject);
    if (keeper_data_key_new(pki_keeper(w->request->pki), &to, from.generation + 1, e) ||
        (authority ? reseal_authority(w, &from, &to, values, e)
                   : reseal_kind(w, &from, &to, values, e)) ||
        store_delete(w->tx, r->uid, STORE_ANY_REVISION, w->now, e))
        return err_wrap(e, "data key '%s'", r->name);
    return pki_data_key_insert(w, &to, e);
}

/* Some data keys, each with all that it seals, and how far that came. */
static int reseal_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct resealing *r = ctx;
    CLEANUP(buf_clear) struct buf setting = { 0 };
    char cursor[STORE_CURSOR] = "", detail[64];
    int64_t values = 0;

    pki_deciding(w, "root-key.reseal", "root-key/%s", keeper_root_id(pki_keeper(w->request->pki)));
    if (store_setting_get(w->tx, SETTING_RESEAL, &setting, e))
        return -1;
    if (strcmp(buf_str(&setting), START) != 0)
        (void)snprintf(cursor, sizeof cursor, "%s", buf_str(&setting));
    do {
        CLEANUP(page_clear) struct page page = { 0 };

        if (read_page(w->tx, KIND_DATA_KEY, cursor, 1, &page, e) ||
            (page.count && reseal_key(w, &page.record[0], &values, e)))
            return -1;
        memcpy(cursor, page.next, sizeof cursor);
    } while (cursor[0] && values < VALUES_A_TRANSACTION);
    r->done = cursor[0] == '\0';
    r->report->resealed += values;
    if (store_setting_put(w->tx, SETTING_RESEAL, slice_str(cursor), e))
        return -1;
    (void)snprintf(detail, sizeof detail, "{\"values\":%lld,\"done\":%s}", (long long)values,
                   r->done ? "true" : "false");
    return pki_granted(w, detail, e);
}

static int reseal_all(struct request *request, struct root_key_report *report, struct err *e)
{
    struct resealing r = { .report = report };

    while (!r.done)
        if (pki_write(request, reseal_in, &r, e))
            return err_wrap(e, "resealing was cut short: run the same command again to finish it");
    return 0;
}

/* ---- both ---- */

static int read_pending(struct store_tx *tx, void *ctx, struct err *e)
{
    return store_setting_get(tx, SETTING_RESEAL, ctx, e);
}

int root_key_rotate(struct request *request, bool reseal, struct root_key_report *report,
                    struct err *e)
{
    CLEANUP(buf_clear) struct buf pending = { 0 };
    struct pki *pki = request->pki;
    struct root_key_report made = { 0 };

    if (!pki->keeper)
        return err_set(e, ERR_NOT_FOUND, "nothing has been made in '%s' yet",
                       state_dir_path(pki->dir));
    if (store_read(pki->store, read_pending, &pending, e))
        return -1;
    made.resumed = pending.len > 0;
    (void)snprintf(made.old_id, sizeof made.old_id, "%s", keeper_root_id(pki->keeper));
    (void)snprintf(made.new_id, sizeof made.new_id, "%s", made.old_id);
    /* one that was cut short had its new root key already */
    if (!(reseal && made.resumed) && rotate(request, reseal, &made, e))
        return -1;
    if ((reseal || made.resumed) && reseal_all(request, &made, e))
        return -1;
    *report = made;
    if (store_scrub(pki->store, e))
        return err_wrap(
            e,
            "the root key is changed, but what the old one opens may still lie in the store's log");
    return 0;
}
