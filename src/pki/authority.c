#include "pki/authority_record.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/pem.h"
#include "pki/record_body.h"

static const char *const custody_names[] = {
    [CUSTODY_SEALED] = "sealed", [CUSTODY_ELSEWHERE] = "elsewhere"
};
static const char *const state_names[] = { [GENERATION_TRUSTED] = "trusted",
                                           [GENERATION_ISSUING] = "issuing",
                                           [GENERATION_WITHDRAWN] = "withdrawn" };
enum { MAX_GENERATIONS = 1000 };

const char *custody_name(enum custody custody)
{
    return custody_names[custody];
}

const char *generation_state_name(enum generation_state state)
{
    return state_names[state];
}

void generation_clear(struct generation *g)
{
    buf_clear(&g->cert);
    buf_clear(&g->sealed);
    *g = (struct generation){ 0 };
}

void authority_clear(struct authority *a)
{
    for (size_t i = 0; i < a->generation_count; i++)
        generation_clear(&a->generation[i]);
    free(a->generation);
    *a = (struct authority){ 0 };
}

/* ---- reading ---- */

static int read_word(const struct json_value *body, const char *key, const char *const *names,
                     size_t count, int *ret)
{
    struct slice word = json_slice(json_get(body, key));

    for (size_t i = 0; i < count; i++) {
        if (slice_eq_str(word, names[i])) {
            *ret = (int)i;
            return 0;
        }
    }
    return -1;
}

static int read_state(struct generation *g, const struct json_value *body, struct err *e)
{
    int custody, state;

    if (read_word(body, "custody", custody_names, ARRAY_LEN(custody_names), &custody) ||
        read_word(body, "state", state_names, ARRAY_LEN(state_names), &state))
        return err_set(e, ERR_CORRUPT, "'custody' or 'state' is unknown");
    g->custody = (enum custody)custody;
    g->state = (enum generation_state)state;
    return 0;
}

static int read_generation(struct generation *g, const struct record *r, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *body;
    const char *ca, *skid;
    int64_t number;

    if (record_json(&doc, r, e))
        return -1;
    body = json_root(doc);
    if (json_want_text(body, "ca", &ca, e) || json_want_text(body, "skid", &skid, e) ||
        json_want_int(body, "generation", &number, e) || read_state(g, body, e) ||
        body_base64(body, "der", &g->cert, e) || x509_cert_read(&g->view, buf_slice(&g->cert), e))
        return -1;
    if (g->custody == CUSTODY_SEALED && body_base64(body, "sealed", &g->sealed, e))
        return -1;
    if (number < 1 || number > INT32_MAX)
        return err_set(e, ERR_CORRUPT, "'generation' is out of range");
    g->number = (int)number;
    g->revision = r->revision;
    memcpy(g->uid, r->uid, sizeof g->uid);
    (void)snprintf(g->ca, sizeof g->ca, "%s", ca);
    (void)snprintf(g->skid, sizeof g->skid, "%s", skid);
    return 0;
}

int generation_of_record(struct generation *g, const struct record *r, struct err *e)
{
    CLEANUP(generation_clear) struct generation read = { 0 };

    if (read_generation(&read, r, e))
        return record_damaged(r, e);
    *g = read;
    read = (struct generation){ 0 };
    return 0;
}

int authority_find_ca(struct store_tx *tx, const struct cluster *c, enum authority_role role,
                      char ca[UID_TEXT], struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    char scope[64];
    const char *uid;

    cluster_scope(c, scope);
    if (store_find(tx, KIND_AUTHORITY, scope, authority_role_name(role), &r, e)) {
        if (e && e->code == ERR_NOT_FOUND)
            return err_set(e, ERR_NOT_FOUND, "cluster '%s' has no %s authority", c->name,
                           authority_role_name(role));
        return -1;
    }
    if (record_json(&doc, &r, e) || json_want_text(json_root(doc), "ca", &uid, e))
        return record_damaged(&r, e);
    (void)snprintf(ca, UID_TEXT, "%s", uid);
    return 0;
}

/* A record that another one names: its absence is damage, not a question that was wrong. */
static int get_named(struct store_tx *tx, const char *uid, const char *what, struct record *r,
                     struct err *e)
{
    if (!store_get(tx, uid, r, e))
        return 0;
    if (e && e->code == ERR_NOT_FOUND)
        e->code = ERR_CORRUPT;
    return err_wrap(e, "%s", what);
}

static int load_generations(struct store_tx *tx, const struct json_value *ca, struct authority *a,
                            struct err *e)
{
    const struct json_value *list = json_get(ca, "generations");
    const char *issuing = json_text(json_get(ca, "issuing"));

    if (json_type(list) != JSON_ARRAY || json_len(list) == 0 || json_len(list) > MAX_GENERATIONS)
        return err_set(e, ERR_CORRUPT, "'generations' is not a list");
    a->generation = xcalloc(json_len(list), sizeof *a->generation);
    a->issuing = json_len(list);
    for (size_t i = 0; i < json_len(list); i++) {
        CLEANUP(record_clear) struct record r = { 0 };
        const char *uid = json_text(json_at(list, i));

        if (get_named(tx, uid ? uid : "", "generation", &r, e) ||
            generation_of_record(&a->generation[i], &r, e))
            return -1;
        a->generation_count++;
        if (issuing && strcmp(issuing, r.uid) == 0)
            a->issuing = i;
    }
    return 0;
}

int authority_load(struct store_tx *tx, const struct cluster *c, enum authority_role role,
                   struct authority *ret, struct err *e)
{
    CLEANUP(authority_clear) struct authority a = { .role = role };
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;

    if (authority_find_ca(tx, c, role, a.ca, e))
        return -1;
    if (get_named(tx, a.ca, "CA", &r, e) || record_json(&doc, &r, e) ||
        load_generations(tx, json_root(doc), &a, e))
        return err_wrap(e, "cluster '%s', %s authority", c->name, authority_role_name(role));
    *ret = a;
    a = (struct authority){ 0 };
    return 0;
}

/* ---- bundles ---- */

int authority_bundle(const struct authority *a, struct buf *pem, struct err *e)
{
    for (size_t i = 0; i < a->generation_count; i++)
        if (a->generation[i].state != GENERATION_WITHDRAWN)
            pem_write(pem, "CERTIFICATE", buf_slice(&a->generation[i].cert));
    return buf_check(pem, e);
}

int authority_current_pem(const struct authority *a, struct buf *pem, struct err *e)
{
    const struct generation *found =
        a->issuing < a->generation_count ? &a->generation[a->issuing] : NULL;

    for (size_t i = a->generation_count; i > 0 && !found; i--)
        if (a->generation[i - 1].state != GENERATION_WITHDRAWN)
            found = &a->generation[i - 1];
    if (!found)
        return err_set(e, ERR_NOT_FOUND, "every generation of the %s authority is withdrawn",
                       authority_role_name(a->role));
    pem_write(pem, "CERTIFICATE", buf_slice(&found->cert));
    return buf_check(pem, e);
}

int authority_client_bundle(struct store_tx *tx, const struct cluster *c, struct buf *pem,
                            struct err *e)
{
    static const enum authority_role order[] = { AUTHORITY_CONTROL_PLANE, AUTHORITY_OPERATORS,
                                                 AUTHORITY_KUBELET };
    char seen[ARRAY_LEN(order)][UID_TEXT] = { "" };

    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        CLEANUP(authority_clear) struct authority a = { 0 };
        bool again = false;

        if (authority_load(tx, c, order[i], &a, e))
            return -1;
        for (size_t k = 0; k < i; k++)
            again = again || strcmp(seen[k], a.ca) == 0;
        memcpy(seen[i], a.ca, UID_TEXT);
        if (!again && authority_bundle(&a, pem, e))
            return -1;
    }
    return 0;
}

/* ---- signing ---- */

static int check_issuing(const struct authority *a, int64_t now, struct err *e)
{
    CLEANUP(buf_clear) struct buf end = { 0 };
    const char *role = authority_role_name(a->role);
    const struct generation *g = &a->generation[a->issuing];

    if (a->issuing >= a->generation_count)
        return err_set(e, ERR_REFUSED, "no generation of the %s authority issues", role);
    if (g->custody != CUSTODY_SEALED)
        return err_set(e, ERR_REFUSED,
                       "the key of the %s authority is elsewhere: poterne watches it, but cannot "
                       "issue with it",
                       role);
    if (g->view.not_after > now)
        return 0;
    time_format(&end, g->view.not_after);
    return err_set(e, ERR_REFUSED, "the %s authority expired at %s", role, buf_str(&end));
}

int authority_signer(struct pki_write *w, const struct authority *a, struct signer **ret,
                     struct err *e)
{
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    const struct generation *g = &a->generation[a->issuing];
    struct seal_place place = { &dk, { KIND_GENERATION, g->uid, "key" } };

    if (check_issuing(a, w->now, e))
        return -1;
    if (pki_data_key_load(w->tx, DATA_KEY_AUTHORITY, g->uid, &dk, e) ||
        keeper_signer_open(ret, pki_keeper(w->request->pki), &place, buf_slice(&g->sealed),
                           buf_slice(&g->cert), e))
        return err_wrap(e, "the %s authority", authority_role_name(a->role));
    return 0;
}
