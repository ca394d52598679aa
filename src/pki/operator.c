#include "pki/operator_internal.h"

#include "keeper/fence.h"
#include "pki/cluster.h"
#include "pki/record_body.h"

int operator_name_check(const char *name, struct err *e)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t len = strlen(name);

    if (len == 0 || len > OPERATOR_MAX_NAME || !strchr(letters, name[0]) ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@+-") < len)
        return err_set(e, ERR_INVALID,
                       "operator '%.80s': 1 to %d letters, digits and . _ @ + -, a letter or digit "
                       "first",
                       name, OPERATOR_MAX_NAME);
    if (fence_reserved_name(slice_str(name)))
        return err_set(e, ERR_INVALID, "operator '%s': the name is reserved", name);
    return 0;
}

static int64_t member_time(const struct json_value *body, const char *key)
{
    int64_t t = 0;

    return time_parse(&t, json_slice(json_get(body, key)), NULL) ? 0 : t;
}

int operator_of_record(struct operator* ret, const struct record *r, struct err *e)
{
    CLEANUP(json_freep) struct json *doc = NULL;

    if (record_json(&doc, r, e))
        return -1;
    *ret = (struct operator){ .revision = r->revision, .created = r->created };
    memcpy(ret->uid, r->uid, sizeof ret->uid);
    (void)snprintf(ret->name, sizeof ret->name, "%s", r->name);
    ret->blocked = json_bool(json_get(json_root(doc), "blocked"), false);
    ret->last_login = member_time(json_root(doc), "last_login");
    return 0;
}

int operator_load(struct store_tx *tx, const char *name, struct operator* ret, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };

    if (store_find(tx, KIND_OPERATOR, "/", name, &r, e)) {
        if (e && e->code == ERR_NOT_FOUND)
            return err_set(e, ERR_NOT_FOUND,
                           "there is no operator '%.80s': invite with 'poterne operator invite'",
                           name);
        return -1;
    }
    return operator_of_record(ret, &r, e);
}

/* ---- scopes ---- */

static int find_below(struct store_tx *tx, const char *kind, const char *name, char *scope,
                      struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    char below[ACCESS_SCOPE];

    if (store_find(tx, kind, scope, name, &r, e)) {
        if (e && e->code == ERR_NOT_FOUND)
            return err_set(e, ERR_NOT_FOUND, "there is no %s '%.64s'", kind, name);
        return -1;
    }
    (void)snprintf(below, sizeof below, "%.50s/%s", scope, r.uid);
    memcpy(scope, below, sizeof below);
    return 0;
}

int operator_scope_parse(struct store_tx *tx, const char *text, char scope[ACCESS_SCOPE],
                         struct err *e)
{
    struct slice rest = slice_str(text), cluster;
    char found[ACCESS_SCOPE] = SCOPE_TENANT, name[2][64] = { "", "" };

    if (strcmp(text, "/") == 0) {
        (void)snprintf(scope, ACCESS_SCOPE, "/");
        return 0;
    }
    if (slice_starts(rest, SCOPE_TENANT "/"))
        rest = slice_str(text + strlen(SCOPE_TENANT "/"));
    if (!slice_cut(&rest, '/', &cluster)) {
        cluster = rest;
        rest = slice_of(NULL, 0);
    }
    if (cluster.len == 0 || cluster.len >= sizeof name[0] || rest.len >= sizeof name[1] ||
        (rest.ptr && rest.len == 0))
        return err_set(e, ERR_INVALID,
                       "scope '%.80s': write '/' for everything, CLUSTER or CLUSTER/MACHINE", text);
    (void)snprintf(name[0], sizeof name[0], SLICE_FMT, SLICE_ARG(cluster));
    if (rest.len)
        (void)snprintf(name[1], sizeof name[1], SLICE_FMT, SLICE_ARG(rest));
    if (find_below(tx, KIND_CLUSTER, name[0], found, e) ||
        (rest.len && find_below(tx, KIND_MACHINE, name[1], found, e)))
        return -1;
    memcpy(scope, found, sizeof found);
    return 0;
}

int operator_scope_text(struct store_tx *tx, const char *scope, struct buf *out, struct err *e)
{
    struct slice rest = slice_str(scope), uid;
    bool more = slice_starts(rest, SCOPE_TENANT "/");

    if (!more) {
        buf_add_str(out, scope);
        return buf_check(out, e);
    }
    rest = slice_str(scope + strlen(SCOPE_TENANT "/"));
    for (const char *between = ""; more; between = "/") {
        CLEANUP(record_clear) struct record r = { 0 };
        char text[UID_TEXT];

        more = slice_cut(&rest, '/', &uid);
        if (!more)
            uid = rest;
        (void)snprintf(text, sizeof text, "%.*s", (int)(uid.len < 26 ? uid.len : 26),
                       (const char *)uid.ptr);
        buf_add_str(out, between);
        buf_add_str(out, store_get(tx, text, &r, NULL) ? text : r.name);
    }
    return buf_check(out, e);
}

/* ---- roles ---- */

int role_target(struct pki_write *w, const struct operator* operator, const char * role,
                const char *scope, struct assignment *a, struct err *e)
{
    *a = (struct assignment){ .created = w->now };
    memcpy(a->operator_uid, operator->uid, sizeof a->operator_uid);
    if (role_parse(&a->role, role, e) || operator_scope_parse(w->tx, scope, a->scope, e))
        return -1;
    if (!role_is_given(a->role))
        return err_set(e, ERR_INVALID,
                       "the role '%s' comes with a machine's certificate: people are owner, "
                       "operator or auditor",
                       role);
    return access_decide(w->request->who, RIGHT_GRANT, a->scope, e);
}

int role_record(struct pki_write *w, const struct assignment *a, struct err *e)
{
    char detail[192];

    (void)snprintf(detail, sizeof detail, "{\"operator\":\"%s\",\"role\":\"%s\",\"scope\":\"%s\"}",
                   a->operator_uid, role_name(a->role), a->scope);
    return pki_granted(w, detail, e);
}

static int grant_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct role_change *change = ctx;
    struct operator operator;
    struct assignment a;

    pki_deciding(w, "role.grant", "operator/%.64s/role/%.16s", change->operator, change->role);
    if (operator_load(w->tx, change->operator, & operator, e) ||
        role_target(w, &operator, change->role, change->scope, &a, e) ||
        assignment_add(w->tx, &a, w->now, &change->changed, e))
        return -1;
    return change->changed ? role_record(w, &a, e) : 0;
}

int operator_grant(struct request *request, struct role_change *change, struct err *e)
{
    return pki_write(request, grant_in, change, e);
}

/* ---- the last owner ---- */

struct owners {
    const char *but; /* uid of an operator */
    bool there;
};

static int look_for_owner(const struct assignment *a, void *ctx, struct err *e)
{
    struct owners *owners = ctx;

    (void)e;
    if (a->role == ROLE_OWNER && strcmp(a->scope, "/") == 0 &&
        strcmp(a->operator_uid, owners->but) != 0)
        owners->there = true;
    return 0;
}

/* From afar nobody may lock everybody out; at the machine itself root stays owner anyway. */
static int keep_an_owner(struct pki_write *w, const struct operator* operator, struct err * e)
{
    struct owners owners = { .but = operator->uid };

    if (w->request->who->kind == PRINCIPAL_LOCAL)
        return 0;
    if (assignment_list(w->tx, NULL, look_for_owner, &owners, e))
        return -1;
    if (owners.there)
        return 0;
    return err_set(e, ERR_REFUSED,
                   "'%s' is the last owner of all: make another one first, or do it on the "
                   "daemon's own machine",
                   operator->name);
}

static int revoke_in(struct pki_write *w, void *ctx, struct err *e)
{
    struct role_change *change = ctx;
    struct operator operator;
    struct assignment a;

    pki_deciding(w, "role.revoke", "operator/%.64s/role/%.16s", change->operator, change->role);
    if (operator_load(w->tx, change->operator, & operator, e) ||
        role_target(w, &operator, change->role, change->scope, &a, e))
        return -1;
    if (a.role == ROLE_OWNER && strcmp(a.scope, "/") == 0 && keep_an_owner(w, &operator, e))
        return -1;
    if (assignment_remove(w->tx, &a, w->now, &change->changed, e))
        return -1;
    return change->changed ? role_record(w, &a, e) : 0;
}

int operator_revoke(struct request *request, struct role_change *change, struct err *e)
{
    return pki_write(request, revoke_in, change, e);
}

/* ---- remove ---- */

static int is_owner(const struct assignment *a, void *ctx, struct err *e)
{
    bool *owner = ctx;

    (void)e;
    *owner = *owner || (a->role == ROLE_OWNER && strcmp(a->scope, "/") == 0);
    return 0;
}

static int remove_in(struct pki_write *w, void *ctx, struct err *e)
{
    const char *name = ctx;
    struct operator operator;
    bool owner = false;
    char detail[64];

    pki_deciding(w, "operator.remove", "operator/%.64s", name);
    if (operator_load(w->tx, name, &operator, e) ||
        assignment_list(w->tx, operator.uid, is_owner, &owner, e) ||
        (owner && keep_an_owner(w, &operator, e)) || invitations_void(w, operator.uid, e) ||
        assignment_forget(w->tx, operator.uid, NULL, w->now, e) ||
        store_delete(w->tx, operator.uid, STORE_ANY_REVISION, w->now, e))
        return -1;
    (void)snprintf(detail, sizeof detail, "{\"operator\":\"%s\"}", operator.uid);
    return pki_granted(w, detail, e);
}

int operator_remove(struct request *request, const char *name, struct err *e)
{
    return pki_write(request, remove_in, (void *)(uintptr_t)name, e);
}
