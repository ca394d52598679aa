#include "pki/issue_internal.h"

#include "base/alloc.h"
#include "base/encode.h"
#include "pki/inspect.h"
#include "pki/record_body.h"

/* ---- slots: what is where in a machine's export ---- */

void machine_slots_clear(struct machine_slots *slots)
{
    for (size_t i = 0; i < slots->count; i++)
        free(slots->slot[i].name);
    free(slots->slot);
    *slots = (struct machine_slots){ 0 };
}

static struct slot *find_slot(struct machine_slots *slots, const char *name)
{
    for (size_t i = 0; i < slots->count; i++)
        if (strcmp(slots->slot[i].name, name) == 0)
            return &slots->slot[i];
    return NULL;
}

static void set_slot(struct machine_slots *slots, const char *name, const char *uid)
{
    struct slot *slot = find_slot(slots, name);

    if (!slot) {
        slots->slot = xrealloc_array(slots->slot, slots->count + 1, sizeof *slots->slot);
        slot = &slots->slot[slots->count++];
        slot->name = xstrdup(name);
    }
    (void)snprintf(slot->uid, sizeof slot->uid, "%s", uid);
}

static int load_slots(struct machine_slots *slots, struct store_tx *tx, const struct machine *m,
                      struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *uid;
    struct json_iter it;
    const char *name;

    if (store_get(tx, m->uid, &r, e) || record_json(&doc, &r, e))
        return err_wrap(e, "machine '%s'", m->name);
    slots->machine = m;
    it = json_iter(json_get(json_root(doc), "slots"));
    while (json_next(&it, &name, &uid))
        if (json_text(uid))
            set_slot(slots, name, json_text(uid));
    return 0;
}

static int slots_of(struct issuer *issuer, const struct machine *m, struct machine_slots **ret,
                    struct err *e)
{
    struct machine_slots *slots;

    for (size_t i = 0; i < issuer->machine_count; i++) {
        if (issuer->machine[i].machine == m) {
            *ret = &issuer->machine[i];
            return 0;
        }
    }
    issuer->machine =
        xrealloc_array(issuer->machine, issuer->machine_count + 1, sizeof *issuer->machine);
    slots = &issuer->machine[issuer->machine_count++];
    *slots = (struct machine_slots){ 0 };
    *ret = slots;
    return load_slots(slots, issuer->w->tx, m, e);
}

static int write_slots(struct pki_write *w, const struct machine_slots *slots, struct err *e)
{
    CLEANUP(buf_clear) struct buf members = { 0 };
    struct json_writer json;

    json_writer_init(&json, &members, false);
    json_put_object(&json, NULL);
    json_put_object(&json, "slots");
    for (size_t i = 0; i < slots->count; i++)
        json_put_text(&json, slots->slot[i].name, slots->slot[i].uid);
    json_put_end(&json);
    json_put_end(&json);
    return record_merge(w, slots->machine->uid, &members, e);
}

int issuer_finish(struct issuer *issuer, struct err *e)
{
    for (size_t i = 0; i < issuer->machine_count; i++) {
        struct machine_slots *slots = &issuer->machine[i];

        if (slots->changed && write_slots(issuer->w, slots, e))
            return err_wrap(e, "machine '%s'", slots->machine->name);
        slots->changed = false;
    }
    return 0;
}

static int supersede(struct pki_write *w, const char *uid, struct err *e)
{
    struct err why = { 0 };

    /* its record may have been cleared away meanwhile */
    if (record_supersede(w, uid, &why) && why.code != ERR_NOT_FOUND)
        return err_pass(e, &why);
    return 0;
}

/* The certificate that was in the slot is superseded; *before gets its uid, "" when there was none.
 */
static int move_slot(struct issuer *issuer, const char *name, const char *uid,
                     char before[UID_TEXT], struct err *e)
{
    struct machine_slots *slots;
    const struct slot *slot;

    before[0] = '\0';
    if (slots_of(issuer, issuer->resolved.machine, &slots, e))
        return -1;
    slot = find_slot(slots, name);
    if (slot) {
        memcpy(before, slot->uid, UID_TEXT);
        if (supersede(issuer->w, before, e))
            return -1;
    }
    set_slot(slots, name, uid);
    slots->changed = true;
    return 0;
}

/* ---- the record ---- */

/* Whom the API server takes the holder for: only of people's certificates. */
static void put_person(struct json_writer *w, const struct resolved *r)
{
    if (r->profile->role != AUTHORITY_OPERATORS)
        return;
    json_put_text(w, "user", r->profile->subject == SUBJECT_USER ? r->name : r->profile->cn);
    json_put_array(w, "groups");
    if (r->profile->org)
        json_put_text(w, NULL, r->profile->org);
    for (size_t i = 0; i < r->group_count; i++)
        json_put_text(w, NULL, r->group[i]);
    json_put_end(w);
}

static void put_sans(struct json_writer *w, const struct resolved *r)
{
    json_put_array(w, "sans");
    for (size_t i = 0; i < r->san_count; i++)
        inspect_write_san(w, &r->sans[i]);
    json_put_end(w);
}

static void put_place(struct json_writer *w, const struct issuer *issuer,
                      const struct issue_order *order)
{
    const struct resolved *r = &issuer->resolved;

    json_put_text(w, "profile", r->profile->name);
    json_put_text(w, "authority", authority_role_name(r->profile->role));
    if (r->machine)
        json_put_text(w, "machine", r->machine->name);
    if (order->slot)
        json_put_text(w, "slot", order->slot);
    put_person(w, r);
}

/* struct record for it; text lies in here. */
struct certificate {
    char scope[64], name[96], issuer_serial[96], fingerprint[65];
    struct record r;
};

static int insert_certificate(struct issuer *issuer, const struct issue_order *order,
                              struct certificate *c, struct issued *issued, struct err *e)
{
    const struct resolved *r = &issuer->resolved;
    const struct authority *a = &issuer->role[issued->role].authority;
    CLEANUP(buf_clear) struct buf body = { 0 };
    struct json_writer w;

    json_writer_init(&w, &body, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "cluster", issuer->c->name);
    put_place(&w, issuer, order);
    json_put_int(&w, "generation", a->generation[a->issuing].number);
    inspect_write_name(&w, "subject", buf_slice(&r->subject));
    put_sans(&w, r);
    json_put_time(&w, "not_before", issued->not_before);
    json_put_time(&w, "not_after", issued->not_after);
    json_put_text(&w, "key_type", key_type_name(r->key_type));
    json_put_text(&w, "status", "current");
    json_put_bool(&w, "privileged", r->privileged);
    json_put_base64(&w, "der", buf_slice(&issued->cert));
    json_put_end(&w);
    if (buf_check(&body, e))
        return -1;
    c->r.body = lend(buf_str(&body));
    if (store_insert(issuer->w->tx, &c->r, issuer->w->now, e))
        return -1;
    memcpy(issued->uid, c->r.uid, sizeof issued->uid);
    return 0;
}

static void name_certificate(const struct issuer *issuer, struct certificate *c,
                             const struct issued *issued)
{
    const struct authority *a = &issuer->role[issued->role].authority;
    const char *skid = a->generation[a->issuing].skid;
    CLEANUP(buf_clear) struct buf hex = { 0 };
    uint8_t digest[32];

    x509_fingerprint(digest, buf_slice(&issued->cert));
    hex_encode(&hex, slice_of(digest, sizeof digest));
    cluster_scope(issuer->c, c->scope);
    (void)snprintf(c->name, sizeof c->name, "%s/%s", skid, issued->serial);
    (void)snprintf(c->issuer_serial, sizeof c->issuer_serial, "%s/%s", issued->serial, skid);
    (void)snprintf(c->fingerprint, sizeof c->fingerprint, "%s", buf_str(&hex));
    c->r = (struct record){ .kind = lend(KIND_CERTIFICATE),
                            .scope = c->scope,
                            .name = c->name,
                            .schema = 1,
                            .expires = issued->not_after,
                            .issuer_serial = c->issuer_serial,
                            .fingerprint = c->fingerprint };
    uid_new(c->r.uid);
}

static int grant(struct issuer *issuer, const struct issue_order *order,
                 const struct issued *issued, const struct certificate *c, const char *before,
                 struct err *e)
{
    CLEANUP(buf_clear) struct buf detail = { 0 };
    struct json_writer w;

    json_writer_init(&w, &detail, false);
    json_put_object(&w, NULL);
    put_place(&w, issuer, order);
    json_put_text(&w, "serial", issued->serial);
    inspect_write_name(&w, "subject", buf_slice(&issuer->resolved.subject));
    json_put_time(&w, "not_after", issued->not_after);
    json_put_text(&w, "fingerprint", c->fingerprint);
    json_put_int(&w, "keeper_number", issuer->result.number);
    if (before[0])
        json_put_text(&w, "supersedes", before);
    if (issuer->resolved.privileged)
        json_put_bool(&w, "privileged", true);
    json_put_end(&w);
    if (buf_check(&detail, e))
        return -1;
    pki_deciding(issuer->w, "certificate.issue", "cluster/%s/certificate/%s", issuer->c->name,
                 issued->serial);
    return pki_granted(issuer->w, buf_str(&detail), e);
}

int issue_record(struct issuer *issuer, const struct issue_order *order, struct issued *issued,
                 struct err *e)
{
    struct certificate c;
    char before[UID_TEXT] = "";

    name_certificate(issuer, &c, issued);
    if (insert_certificate(issuer, order, &c, issued, e) ||
        (order->slot && move_slot(issuer, order->slot, issued->uid, before, e)))
        return -1;
    return grant(issuer, order, issued, &c, before, e);
}
