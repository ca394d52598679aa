#include "api/handlers.h"
#include "pki/operator.h"

static void put_rights(struct json_writer *reply, unsigned rights)
{
    json_put_array(reply, "rights");
    for (int right = RIGHT_READ; right < RIGHT_SELF; right++)
        if (rights & 1U << right)
            json_put_text(reply, NULL, right_name((enum right)right));
    json_put_end(reply);
}

int list_roles(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    (void)args;
    (void)e;
    json_put_array(reply, "items");
    for (int role = 0; role < ROLES; role++) {
        json_put_object(reply, NULL);
        json_put_text(reply, "name", role_name((enum role)role));
        put_rights(reply, role_rights((enum role)role));
        json_put_text(reply, "help", role_help((enum role)role));
        json_put_end(reply);
    }
    json_put_end(reply);
    return 0;
}

/* ---- assignments ---- */

struct listing {
    const struct api_args *args;
    struct json_writer *reply;
    struct store_tx *tx;
};

static int put_row(const struct assignment *a, void *ctx, struct err *e)
{
    struct listing *l = ctx;
    CLEANUP(buf_clear) struct buf scope = { 0 };
    CLEANUP(record_clear) struct record r = { 0 };

    if (!handle_may(l->args, a->scope))
        return 0;
    if (operator_scope_text(l->tx, a->scope, &scope, e) || store_get(l->tx, a->operator_uid, &r, e))
        return -1;
    json_put_object(l->reply, NULL);
    json_put_text(l->reply, "uid", a->uid);
    json_put_text(l->reply, "operator", r.name);
    json_put_text(l->reply, "role", role_name(a->role));
    json_put_text(l->reply, "scope", buf_str(&scope));
    json_put_text(l->reply, "scope_uid", a->scope);
    json_put_time(l->reply, "created", a->created);
    json_put_end(l->reply);
    return 0;
}

static int list_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct listing *l = ctx;
    const char *name = api_query(l->args, "operator");
    struct operator o;

    l->tx = tx;
    if (name && operator_load(tx, name, &o, e))
        return -1;
    return assignment_list(tx, name ? o.uid : NULL, put_row, l, e);
}

int list_assignments(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct listing l = { .args = args, .reply = reply };
    int rc;

    json_put_array(reply, "items");
    rc = store_read(pki_store(args->request->pki), list_in, &l, e);
    json_put_end(reply);
    return rc;
}

typedef int change_fn(struct request *request, struct role_change *change, struct err *e);

static int change(const struct api_args *args, const struct json_value *from, change_fn *fn,
                  struct json_writer *reply, struct err *e)
{
    struct role_change c = { .changed = false };

    if (json_want_text(from, "operator", &c.operator, e) ||
        json_want_text(from, "role", &c.role, e) || json_want_text(from, "scope", &c.scope, e) ||
        fn(args->request, &c, e))
        return -1;
    json_put_bool(reply, "changed", c.changed);
    json_put_text(reply, "operator", c.operator);
    json_put_text(reply, "role", c.role);
    json_put_text(reply, "scope", c.scope);
    return 0;
}

int grant_role(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    static const char *const known[] = { "operator", "role", "scope", NULL };

    if (json_only(args->body, known, e))
        return -1;
    return change(args, args->body, operator_grant, reply, e);
}

int revoke_role(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    return change(args, args->query, operator_revoke, reply, e);
}

/* ---- why, or why not ---- */

struct explaining {
    const char *principal, *action, *where;
    struct principal who;
    enum right right;
    char scope[ACCESS_SCOPE];
    struct buf because; /* the scope of the grant, in words */
    const struct grant *grant;
};

static int find_machine(struct store_tx *tx, struct principal *who, const char *name, struct err *e)
{
    char scope[ACCESS_SCOPE];

    if (!strchr(name, '/'))
        return err_set(e, ERR_INVALID, "machine '%.80s': write machine:CLUSTER/MACHINE", name);
    if (operator_scope_parse(tx, name, scope, e))
        return -1;
    who->kind = PRINCIPAL_MACHINE;
    (void)snprintf(who->name, sizeof who->name, "machine:%.80s", name);
    (void)principal_add(who, ROLE_NODE, scope);
    return 0;
}

static int find_operator(struct store_tx *tx, struct principal *who, const char *name,
                         struct err *e)
{
    struct operator o;

    if (operator_load(tx, name, &o, e))
        return -1;
    memcpy(who->uid, o.uid, sizeof who->uid);
    (void)snprintf(who->name, sizeof who->name, "operator:%s", o.name);
    who->kind = o.blocked ? PRINCIPAL_ANONYMOUS : PRINCIPAL_OPERATOR;
    return assignment_load(tx, who, e);
}

static int find_principal(struct store_tx *tx, struct explaining *x, struct err *e)
{
    struct slice name = slice_str(x->principal);

    if (slice_eq_str(name, "root") || slice_starts(name, "local:")) {
        x->who = (struct principal){ .kind = PRINCIPAL_LOCAL };
        (void)snprintf(x->who.name, sizeof x->who.name, "%.80s", x->principal);
        if (slice_eq_str(name, "root") || slice_eq_str(name, "local:root"))
            (void)principal_add(&x->who, ROLE_OWNER, "/");
        return 0;
    }
    if (slice_eq_str(name, "anonymous")) {
        principal_anonymous(&x->who, "none");
        return 0;
    }
    if (slice_starts(name, "machine:"))
        return find_machine(tx, &x->who, x->principal + strlen("machine:"), e);
    return find_operator(
        tx, &x->who, x->principal + (slice_starts(name, "operator:") ? strlen("operator:") : 0), e);
}

static int explain_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct explaining *x = ctx;

    if (right_parse(&x->right, x->action, e) || operator_scope_parse(tx, x->where, x->scope, e) ||
        find_principal(tx, x, e))
        return -1;
    x->grant = access_find(&x->who, x->right, x->scope);
    return x->grant ? operator_scope_text(tx, x->grant->scope, &x->because, e) : 0;
}

static void put_reason(struct explaining *x, struct json_writer *reply)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    const char *separator = "";

    if (x->grant) {
        buf_addf(&text, "the role %s in '%s' has the right '%s'", role_name(x->grant->role),
                 buf_str(&x->because), right_name(x->right));
    } else {
        buf_addf(&text, "nobody gave it the right '%s' in '%s' or above; it comes with: ",
                 right_name(x->right), x->where);
        for (int role = 0; role < ROLES; role++)
            if (role_rights((enum role)role) & 1U << x->right) {
                buf_addf(&text, "%s%s", separator, role_name((enum role)role));
                separator = ", ";
            }
    }
    json_put_text(reply, "reason", buf_str(&text));
}

int explain_access(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct explaining x = { .scope = "" };
    int rc = -1;

    if (!json_want_text(args->query, "principal", &x.principal, e) &&
        !json_want_text(args->query, "action", &x.action, e) &&
        !json_want_text(args->query, "scope", &x.where, e))
        rc = store_read(pki_store(args->request->pki), explain_in, &x, e);
    if (!rc) {
        json_put_text(reply, "principal", x.who.name);
        json_put_text(reply, "action", right_name(x.right));
        json_put_text(reply, "scope", x.where);
        json_put_bool(reply, "allowed", x.grant != NULL);
        if (x.grant) {
            json_put_text(reply, "role", role_name(x.grant->role));
            json_put_text(reply, "role_scope", buf_str(&x.because));
        }
        put_reason(&x, reply);
    }
    buf_clear(&x.because);
    return rc;
}
