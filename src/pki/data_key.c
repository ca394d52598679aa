#include "pki/record_body.h"

static const char *const purpose_names[] = {
    [DATA_KEY_AUTHORITY] = "authority", [DATA_KEY_KIND] = "kind"
};

enum { DATA_KEY_NAME = 96 };

static void record_name(char name[DATA_KEY_NAME], enum data_key_purpose purpose,
                        const char *subject)
{
    (void)snprintf(name, DATA_KEY_NAME, "%s/%s", purpose_names[purpose], subject);
}

static void write_body(struct buf *body, const struct data_key *dk)
{
    struct json_writer w;

    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "purpose", purpose_names[dk->purpose]);
    json_put_text(&w, "subject", dk->subject);
    json_put_int(&w, "generation", dk->generation);
    json_put_int(&w, "seals", dk->seals);
    json_put_base64(&w, "wrapped", buf_slice(&dk->wrapped));
    json_put_end(&w);
}

static int read_body(struct data_key *dk, const struct record *r, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *body;
    const char *purpose, *subject;

    if (record_json(&doc, r, e))
        return -1;
    body = json_root(doc);
    if (json_want_text(body, "purpose", &purpose, e) ||
        json_want_text(body, "subject", &subject, e) ||
        json_want_int(body, "generation", &dk->generation, e) ||
        json_want_int(body, "seals", &dk->seals, e) ||
        body_base64(body, "wrapped", &dk->wrapped, e))
        return -1;
    dk->purpose = strcmp(purpose, purpose_names[DATA_KEY_AUTHORITY]) == 0 ? DATA_KEY_AUTHORITY
                                                                          : DATA_KEY_KIND;
    (void)snprintf(dk->subject, sizeof dk->subject, "%s", subject);
    memcpy(dk->uid, r->uid, sizeof dk->uid);
    return 0;
}

int data_key_of_record(struct data_key *dk, const struct record *r, struct err *e)
{
    CLEANUP(data_key_clear) struct data_key read = { 0 };

    if (read_body(&read, r, e))
        return record_damaged(r, e);
    *dk = read;
    read = (struct data_key){ 0 };
    return 0;
}

int pki_data_key_new(struct pki_write *w, enum data_key_purpose purpose, const char *subject,
                     struct data_key *dk, struct err *e)
{
    CLEANUP(data_key_clear) struct data_key made = { .purpose = purpose };

    (void)snprintf(made.subject, sizeof made.subject, "%s", subject);
    if (keeper_data_key_new(pki_keeper(w->request->pki), &made, 1, e))
        return -1;
    *dk = made;
    made = (struct data_key){ 0 };
    return 0;
}

int pki_data_key_insert(struct pki_write *w, const struct data_key *dk, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    char name[DATA_KEY_NAME];
    struct record r = {
        .kind = lend(KIND_DATA_KEY), .scope = lend("/"), .name = name, .schema = 1
    };

    record_name(name, dk->purpose, dk->subject);
    memcpy(r.uid, dk->uid, sizeof r.uid);
    write_body(&body, dk);
    if (buf_check(&body, e))
        return -1;
    r.body = lend(buf_str(&body));
    return store_insert(w->tx, &r, w->now, e);
}

int pki_data_key_update(struct pki_write *w, const struct data_key *dk, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    struct record r = { .schema = 1 };

    memcpy(r.uid, dk->uid, sizeof r.uid);
    write_body(&body, dk);
    if (buf_check(&body, e))
        return -1;
    r.body = lend(buf_str(&body));
    /* loaded within this transaction, and nobody else writes during it */
    return store_update(w->tx, &r, STORE_ANY_REVISION, w->now, e);
}

int pki_data_key_load(struct store_tx *tx, enum data_key_purpose purpose, const char *subject,
                      struct data_key *dk, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    char name[DATA_KEY_NAME];

    record_name(name, purpose, subject);
    if (store_find(tx, KIND_DATA_KEY, "/", name, &r, e))
        return -1;
    return data_key_of_record(dk, &r, e);
}

int pki_data_key_delete(struct pki_write *w, enum data_key_purpose purpose, const char *subject,
                        struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    char name[DATA_KEY_NAME];

    record_name(name, purpose, subject);
    if (store_find(w->tx, KIND_DATA_KEY, "/", name, &r, e))
        return -1;
    return store_delete(w->tx, r.uid, STORE_ANY_REVISION, w->now, e);
}

int pki_kind_key(struct pki_write *w, const char *kind, struct data_key *dk, struct err *e)
{
    struct err why = { 0 };

    if (!pki_data_key_load(w->tx, DATA_KEY_KIND, kind, dk, &why))
        return 0;
    if (why.code != ERR_NOT_FOUND)
        return err_pass(e, &why);
    if (pki_data_key_new(w, DATA_KEY_KIND, kind, dk, e))
        return -1;
    if (pki_data_key_insert(w, dk, e)) {
        data_key_clear(dk);
        return -1;
    }
    return 0;
}
