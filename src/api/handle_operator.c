#include "api/handlers.h"
#include "crypto/pem.h"
#include "pki/operator.h"

/* ---- operators ---- */

static void put_operator(struct json_writer *reply, const struct operator* o)
{
    json_put_text(reply, "uid", o->uid);
    json_put_text(reply, "name", o->name);
    json_put_int(reply, "revision", o->revision);
    json_put_time(reply, "created", o->created);
    if (o->last_login)
        json_put_time(reply, "last_login", o->last_login);
    json_put_bool(reply, "blocked", o->blocked);
}

struct showing {
    struct handle_page page;
    struct store_tx *tx;
    const char *name; /* of one operator; NULL: all */
    int64_t revision;
};

static int put_role(const struct assignment *a, void *ctx, struct err *e)
{
    struct showing *s = ctx;
    CLEANUP(buf_clear) struct buf scope = { 0 };

    if (operator_scope_text(s->tx, a->scope, &scope, e))
        return -1;
    json_put_object(s->page.reply, NULL);
    json_put_text(s->page.reply, "role", role_name(a->role));
    json_put_text(s->page.reply, "scope", buf_str(&scope));
    json_put_text(s->page.reply, "scope_uid", a->scope);
    json_put_time(s->page.reply, "created", a->created);
    json_put_end(s->page.reply);
    return 0;
}

static int put_one(struct showing *s, const struct operator* o, struct err *e)
{
    int rc;

    put_operator(s->page.reply, o);
    json_put_array(s->page.reply, "roles");
    rc = assignment_list(s->tx, o->uid, put_role, s, e);
    json_put_end(s->page.reply);
    return rc;
}

static int put_row(const struct record *r, void *ctx, struct err *e)
{
    struct showing *s = ctx;
    struct operator o;
    int rc;

    if (operator_of_record(&o, r, e))
        return -1;
    json_put_object(s->page.reply, NULL);
    rc = put_one(s, &o, e);
    json_put_end(s->page.reply);
    return rc;
}

static int list_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct showing *s = ctx;
    struct store_query query = { .kind = KIND_OPERATOR,
                                 .scope = "/",
                                 .order = STORE_BY_NAME,
                                 .cursor = api_query(s->page.args, "cursor"),
                                 .limit = s->page.limit };

    s->tx = tx;
    return store_list(tx, &query, put_row, s, s->page.next, e);
}

int list_operators(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct showing s = { .page = { .args = args, .reply = reply } };

    return handle_list(&s.page, list_in, &s, e);
}

static int show_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct showing *s = ctx;
    struct operator o;

    s->tx = tx;
    if (operator_load(tx, s->page.args->param[0], &o, e))
        return -1;
    s->revision = o.revision;
    return put_one(s, &o, e);
}

int show_operator(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct showing s = { .page = { .args = args, .reply = reply } };

    if (store_read(pki_store(args->request->pki), show_in, &s, e))
        return -1;
    handle_shows(args, s.revision);
    return 0;
}

int invite_operator(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    static const char *const known[] = { "name", "role", "scope", "ttl", NULL };
    struct invitation i = { .role = json_text(json_get(args->body, "role")),
                            .scope = json_text(json_get(args->body, "scope")) };

    if (json_only(args->body, known, e) || json_want_text(args->body, "name", &i.name, e) ||
        handle_seconds(args->body, "ttl", &i.ttl, e) || operator_invite(args->request, &i, e))
        return -1;
    put_operator(reply, &i.operator);
    json_put_bool(reply, "changed", i.made);
    json_put_text(reply, "role", i.role);
    json_put_text(reply, "scope", i.scope);
    json_put_text(reply, "code", i.code);
    json_put_time(reply, "expires", i.expires);
    explicit_bzero(i.code, sizeof i.code);
    return 0;
}

int remove_operator(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    if (operator_remove(args->request, args->param[0], e))
        return -1;
    json_put_text(reply, "name", args->param[0]);
    return 0;
}

/* ---- login ---- */

static int log_in(const struct api_args *args, struct operator_login *login,
                  struct json_writer *reply, struct err *e)
{
    CLEANUP(buf_clear) struct buf csr = { 0 };
    CLEANUP(buf_clear) struct buf ca = { 0 };

    if (handle_csr(args->body, &csr, e))
        return -1;
    login->csr = buf_slice(&csr);
    if (operator_login(args->request, login, e) ||
        installation_bundle(args->request->pki, AUTHORITY_POTERNE_SERVER, &ca, e))
        return -1;
    handle_put_pem(reply, "certificate", buf_slice(&login->issued.cert));
    json_put_slice(reply, "ca", buf_slice(&ca));
    json_put_object(reply, "operator");
    json_put_text(reply, "uid", login->operator.uid);
    json_put_text(reply, "name", login->operator.name);
    json_put_end(reply);
    json_put_time(reply, "expires", login->issued.not_after);
    return 0;
}

int redeem_code(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    static const char *const known[] = { "code", "csr", NULL };
    struct operator_login login = { 0 };
    int rc;

    if (json_only(args->body, known, e) || json_want_text(args->body, "code", &login.code, e))
        return -1;
    rc = log_in(args, &login, reply, e);
    issued_clear(&login.issued);
    return rc;
}

int renew_login(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    static const char *const known[] = { "csr", NULL };
    struct operator_login login = { 0 };
    int rc;

    if (json_only(args->body, known, e))
        return -1;
    rc = log_in(args, &login, reply, e);
    issued_clear(&login.issued);
    return rc;
}

struct self {
    const struct principal *who;
    struct json_writer *reply;
};

static int self_in(struct store_tx *tx, void *ctx, struct err *e)
{
    struct self *s = ctx;

    for (size_t i = 0; i < s->who->grant_count; i++) {
        CLEANUP(buf_clear) struct buf scope = { 0 };

        if (operator_scope_text(tx, s->who->grant[i].scope, &scope, e))
            return -1;
        json_put_object(s->reply, NULL);
        json_put_text(s->reply, "role", role_name(s->who->grant[i].role));
        json_put_text(s->reply, "scope", buf_str(&scope));
        json_put_end(s->reply);
    }
    return 0;
}

int show_self(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    const struct principal *who = args->request->who;
    struct self s = { who, reply };
    int rc;

    json_put_text(reply, "name", who->name);
    if (who->uid[0])
        json_put_text(reply, "uid", who->uid);
    json_put_text(reply, "via", who->via);
    json_put_array(reply, "roles");
    rc = store_read(pki_store(args->request->pki), self_in, &s, e);
    json_put_end(reply);
    return rc;
}

/* ---- the installation ---- */

static int put_authority(struct store_tx *tx, const struct api_args *args, enum authority_role role,
                         struct json_writer *reply, struct err *e)
{
    CLEANUP(authority_clear) struct authority a = { 0 };
    CLEANUP(buf_clear) struct buf bundle = { 0 };
    const struct generation *g;
    char pin[INSTALLATION_PIN];
    struct err why = { 0 };

    if (installation_authority(tx, args->request->pki, role, &a, &why))
        return why.code == ERR_NOT_FOUND ? 0 : err_pass(e, &why);
    if (authority_bundle(&a, &bundle, e) || installation_pin(&a, pin, e))
        return -1;
    g = &a.generation[a.issuing];
    json_put_object(reply, NULL);
    json_put_text(reply, "name", authority_role_name(role));
    json_put_text(reply, "ca", a.ca);
    json_put_int(reply, "generation", g->number);
    json_put_int(reply, "generations", (int64_t)a.generation_count);
    json_put_text(reply, "custody", custody_name(g->custody));
    json_put_time(reply, "not_after", g->view.not_after);
    json_put_text(reply, "pin", pin);
    json_put_slice(reply, "bundle", buf_slice(&bundle));
    json_put_end(reply);
    return 0;
}

struct two {
    const struct api_args *args;
    struct json_writer *reply;
};

static int put_two(struct store_tx *tx, void *ctx, struct err *e)
{
    struct two *t = ctx;

    for (int role = AUTHORITY_ROLES; role < AUTHORITY_ALL; role++)
        if (put_authority(tx, t->args, (enum authority_role)role, t->reply, e))
            return -1;
    return 0;
}

int show_installation(const struct api_args *args, struct json_writer *reply, struct err *e)
{
    struct two t = { args, reply };
    int rc;

    json_put_text(reply, "uid", pki_installation(args->request->pki));
    json_put_array(reply, "authorities");
    rc = store_read(pki_store(args->request->pki), put_two, &t, e);
    json_put_end(reply);
    return rc;
}
