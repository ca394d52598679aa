#include "pki/operator_internal.h"

#include "base/alloc.h"
#include "base/encode.h"
#include "crypto/hash.h"
#include "pki/record_body.h"

enum { CODE_BYTES = 24 };   /* 192 bits: nobody guesses one */
#define CODE_PREFIX "poti_" /* for scanners of secrets, and never a dash in front */
#define CODE_TTL HOURS(1)
#define CODE_MAX_TTL DAYS(7)
#define CODE_KEPT DAYS(30) /* so that one that comes late is called used or expired */

static void hash_code(const char *code, char hex[65])
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    sha256_hex(&text, slice_str(code));
    (void)snprintf(hex, 65, "%s", buf_str(&text));
}

/* ---- codes that are there ---- */

struct codes {
    struct pki_write *w;
    const char *operator_uid;
    struct code {
        char uid[UID_TEXT];
        bool old;
    } * code;
    size_t count;
};

static void codes_clear(struct codes *codes)
{
    free(codes->code);
}

static int note_code(const struct record *r, void *ctx, struct err *e)
{
    struct codes *codes = ctx;
    CLEANUP(json_freep) struct json *doc = NULL;
    bool old = r->expires && r->expires < codes->w->now - CODE_KEPT, open;

    if (record_json(&doc, r, e))
        return -1;
    open = slice_eq_str(json_slice(json_get(json_root(doc), "status")), "open") &&
           slice_eq_str(json_slice(json_get(json_root(doc), "operator")), codes->operator_uid);
    if (!old && !open)
        return 0;
    codes->code = xrealloc_array(codes->code, codes->count + 1, sizeof *codes->code);
    codes->code[codes->count].old = old;
    memcpy(codes->code[codes->count++].uid, r->uid, UID_TEXT);
    return 0;
}

static int set_status(struct pki_write *w, const char *uid, const char *status, struct err *e)
{
    CLEANUP(buf_clear) struct buf members = { 0 };

    buf_addf(&members, "{\"status\":\"%s\"}", status);
    return record_merge(w, uid, &members, e);
}

int invitations_void(struct pki_write *w, const char *operator_uid, struct err *e)
{
    CLEANUP(codes_clear) struct codes codes = { .w = w, .operator_uid = operator_uid };
    struct store_query query = { .kind = KIND_INVITATION, .scope = "/" };

    if (store_list_all(w->tx, &query, note_code, &codes, e))
        return -1;
    for (size_t i = 0; i < codes.count; i++)
        if (codes.code[i].old
                ? store_delete(w->tx, codes.code[i].uid, STORE_ANY_REVISION, w->now, e)
                : set_status(w, codes.code[i].uid, "void", e))
            return -1;
    return 0;
}

/* ---- invite ---- */

static int insert_operator(struct pki_write *w, struct invitation *i, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    struct record r = {
        .kind = lend(KIND_OPERATOR), .scope = lend("/"), .name = lend(i->name), .schema = 1
    };
    struct json_writer json;

    json_writer_init(&json, &body, false);
    json_put_object(&json, NULL);
    json_put_text(&json, "invited_by", w->request->who->name);
    json_put_end(&json);
    if (buf_check(&body, e))
        return -1;
    r.body = lend(buf_str(&body));
    if (store_insert(w->tx, &r, w->now, e))
        return -1;
    i->made = true;
    return operator_of_record(&i->operator, & r, e);
}

/* A code is as good as all its operator may do: only who could give all that may give it out. */
static int may_give(const struct assignment *a, void *ctx, struct err *e)
{
    const struct pki_write *w = ctx;

    return access_decide(w->request->who, RIGHT_GRANT, a->scope, e);
}

static int find_operator(struct pki_write *w, struct invitation *i, struct err *e)
{
    struct err why = { 0 };

    if (!operator_load(w->tx, i->name, &i->operator, & why))
        return assignment_list(w->tx, i->operator.uid, may_give, w, e);
    if (why.code != ERR_NOT_FOUND || !i->role)
        return err_pass(e, &why);
    return insert_operator(w, i, e);
}

static int insert_code(struct pki_write *w, struct invitation *i, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    uint8_t bytes[CODE_BYTES];
    char hash[65], body[96];
    struct record r = { .kind = lend(KIND_INVITATION),
                        .scope = lend("/"),
                        .name = hash,
                        .schema = 1,
                        .expires = i->expires,
                        .body = body };

    random_bytes(bytes, sizeof bytes);
    base64url_encode(&text, slice_of(bytes, sizeof bytes));
    (void)snprintf(i->code, sizeof i->code, CODE_PREFIX "%s", buf_str(&text));
    hash_code(i->code, hash);
    (void)snprintf(body, sizeof body, "{\"operator\":\"%s\",\"status\":\"open\"}", i->operator.uid);
    return store_insert(w->tx, &r, w->now, e);
}

static int record_invitation(struct pki_write *w, const struct invitation *i, struct err *e)
{
    CLEANUP(buf_clear) struct buf detail = { 0 };
    struct json_writer json;

    json_writer_init(&json, &detail, false);
    json_put_object(&json, NULL);
    json_put_text(&json, "operator", i->operator.uid);
    json_put_time(&json, "code_expires", i->expires);
    json_put_bool(&json, "new", i->made);
    json_put_end(&json);
    pki_deciding(w, "operator.invite", "operator/%s", i->name);
    return buf_check(&detail, e) ? -1 : pki_granted(w, buf_str(&detail), e);
}

static int give_role(struct pki_write *w, const struct invitation *i, struct err *e)
{
    struct assignment a;
    bool changed;

    if (!i->role)
        return 0;
    pki_deciding(w, "role.grant", "operator/%.64s/role/%.16s", i->name, i->role);
    if (role_target(w, &i->operator, i->role, i->scope, &a, e) ||
        assignment_add(w->tx, &a, w->now, &changed, e))
        return -1;
    return changed ? role_record(w, &a, e) : 0;
}

static int invite_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct invitation *i = ctx;

    pki_deciding(w, "operator.invite", "operator/%.64s", i->name);
    i->expires = w->now + i->ttl;
    if (installation_make_authorities(w, e))
        return -1;
    pki_deciding(w, "operator.invite", "operator/%.64s", i->name);
    if (find_operator(w, i, e) || give_role(w, i, e) || invitations_void(w, i->operator.uid, e) ||
        insert_code(w, i, e))
        return -1;
    return record_invitation(w, i, e);
}

int operator_invite(struct request *request, struct invitation *invitation, struct err *e)
{
    if (invitation->ttl == 0)
        invitation->ttl = CODE_TTL;
    if (invitation->ttl < 0 || invitation->ttl > CODE_MAX_TTL)
        return err_set(e, ERR_INVALID, "a code works for 7 days at most");
    if (operator_name_check(invitation->name, e))
        return -1;
    if (!invitation->role != !invitation->scope)
        return err_set(e, ERR_INVALID, "a role is held in a scope: give both, or neither");
    return pki_write(request, invite_in, invitation, e);
}

/* ---- login ---- */

struct redeeming {
    struct operator_login *login;
    char code[UID_TEXT]; /* of its record */
    struct principal as; /* whom the trail names */
};

static int find_code(struct store_tx *tx, const char *code, struct record *r, struct err *e)
{
    char hash[65];

    hash_code(code, hash);
    if (!store_find(tx, KIND_INVITATION, "/", hash, r, e))
        return 0;
    if (e && e->code == ERR_NOT_FOUND)
        return err_set(e, ERR_REFUSED, "this code is not known here: ask for another one");
    return -1;
}

static int operator_of_uid(struct store_tx *tx, const char *uid, struct operator* ret,
                           struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    struct err why = { 0 };

    if (!store_get(tx, uid, &r, &why) && strcmp(r.kind, KIND_OPERATOR) == 0)
        return operator_of_record(ret, &r, e);
    if (why.code && why.code != ERR_NOT_FOUND)
        return err_pass(e, &why);
    return err_set(e, ERR_REFUSED, "the operator was removed");
}

/* Whose code it is, before anything is written. */
static int look(struct store_tx *tx, void *ctx, struct err *e)
{
    struct redeeming *x = ctx;
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const char *uid;

    if (!x->login->code)
        return operator_of_uid(tx, x->as.uid, &x->login->operator, e);
    if (find_code(tx, x->login->code, &r, e) || record_json(&doc, &r, e))
        return -1;
    if (json_want_text(json_root(doc), "operator", &uid, e))
        return record_damaged(&r, e);
    memcpy(x->code, r.uid, sizeof x->code);
    return operator_of_uid(tx, uid, &x->login->operator, e);
}

static int use_code(struct pki_write *w, const struct redeeming *x, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct slice status;

    if (store_get(w->tx, x->code, &r, e) || record_json(&doc, &r, e))
        return -1;
    status = json_slice(json_get(json_root(doc), "status"));
    if (slice_eq_str(status, "used"))
        return err_set(e, ERR_REFUSED,
                       "this code was used already: if it was not you, somebody else is in as "
                       "'%s'; have the operator removed, and ask for another one",
                       x->login->operator.name);
    if (!slice_eq_str(status, "open"))
        return err_set(e, ERR_REFUSED, "a newer code has taken the place of this one");
    if (r.expires <= w->now)
        return err_set(e, ERR_REFUSED, "this code has expired: ask for another one");
    return set_status(w, x->code, "used", e);
}

static int note_login(struct pki_write *w, const struct operator* operator, struct err * e)
{
    CLEANUP(buf_clear) struct buf members = { 0 };
    struct json_writer json;

    json_writer_init(&json, &members, false);
    json_put_object(&json, NULL);
    json_put_time(&json, "last_login", w->now);
    json_put_end(&json);
    return record_merge(w, operator->uid, &members, e);
}

static int login_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct redeeming *x = ctx;
    struct operator_login *login = x->login;
    const char *action = login->code ? "operator.login" : "operator.renew";
    struct installation_order order = { .profile = INSTALLATION_OPERATOR,
                                        .csr = login->csr,
                                        .name = login->operator.name,
                                        .uid = login->operator.uid };
    struct err gone = { 0 };
    char detail[96];

    pki_deciding(w, action, "operator/%s", login->operator.name);
    if (operator_of_uid(w->tx, login->operator.uid, &login->operator, & gone))
        return err_pass(e, &gone);
    if (login->operator.blocked)
        return err_set(e, ERR_REFUSED, "operator '%s' is blocked", login->operator.name);
    if (login->code && use_code(w, x, e))
        return -1;
    if (installation_issue(w, &order, &login->issued, e) || note_login(w, &login->operator, e))
        return -1;
    pki_deciding(w, action, "operator/%s", login->operator.name);
    (void)snprintf(detail, sizeof detail, "{\"serial\":\"%s\"}", login->issued.serial);
    return pki_granted(w, detail, e);
}

/* Who redeems a code is nobody yet; the trail names whose it is. */
int operator_login(struct request *request, struct operator_login *login, struct err *e)
{
    struct redeeming x = { .login = login, .as = *request->who };
    struct request as = *request;
    int rc;

    if (!login->code && request->who->kind != PRINCIPAL_OPERATOR)
        return err_set(e, ERR_REFUSED, "'%s' is no operator: there is nothing to renew",
                       request->who->name);
    if (store_read(pki_store(request->pki), look, &x, e))
        return -1;
    (void)snprintf(x.as.name, sizeof x.as.name, "operator:%s", login->operator.name);
    memcpy(x.as.uid, login->operator.uid, sizeof x.as.uid);
    as.who = &x.as;
    rc = pki_write(&as, login_in, &x, e);
    request->refused = as.refused;
    return rc;
}
