#include "access/assignment.h"

#include "base/alloc.h"

#define SCOPE_OF_OPERATOR "/operator/"

/* ---- reading ---- */

static int read_assignment(struct assignment *a, const struct record *r, struct err *e)
{
    struct slice name = slice_str(r->name), word;
    char role[16];

    *a = (struct assignment){ .created = r->created };
    if (!slice_cut(&name, ' ', &word) || word.len >= sizeof role || name.len >= sizeof a->scope ||
        strlen(r->scope) <= strlen(SCOPE_OF_OPERATOR))
        return err_set(e, ERR_CORRUPT, "the record of role-assignment '%.80s' is damaged", r->name);
    (void)snprintf(role, sizeof role, SLICE_FMT, SLICE_ARG(word));
    if (role_parse(&a->role, role, NULL))
        return err_set(e, ERR_CORRUPT, "the record of role-assignment '%.80s' is damaged", r->name);
    memcpy(a->uid, r->uid, sizeof a->uid);
    (void)snprintf(a->operator_uid, sizeof a->operator_uid, "%s",
                   r->scope + strlen(SCOPE_OF_OPERATOR));
    (void)snprintf(a->scope, sizeof a->scope, SLICE_FMT, SLICE_ARG(name));
    return 0;
}

struct listing {
    assignment_visit *visit;
    void *ctx;
};

static int visit_record(const struct record *r, void *ctx, struct err *e)
{
    struct listing *l = ctx;
    struct assignment a;

    if (read_assignment(&a, r, e))
        return -1;
    return l->visit(&a, l->ctx, e);
}

static void operator_scope(char scope[64], const char *operator_uid)
{
    (void)snprintf(scope, 64, SCOPE_OF_OPERATOR "%.26s", operator_uid);
}

int assignment_list(struct store_tx *tx, const char *operator_uid, assignment_visit *visit,
                    void *ctx, struct err *e)
{
    struct listing l = { visit, ctx };
    char scope[64];
    struct store_query query = { .kind = KIND_ROLE_ASSIGNMENT, .order = STORE_BY_NAME };

    if (operator_uid) {
        operator_scope(scope, operator_uid);
        query.scope = scope;
    }
    return store_list_all(tx, &query, visit_record, &l, e);
}

static int add_grant(const struct assignment *a, void *ctx, struct err *e)
{
    (void)e;
    (void)principal_add(ctx, a->role, a->scope);
    return 0;
}

int assignment_load(struct store_tx *tx, struct principal *p, struct err *e)
{
    return assignment_list(tx, p->uid, add_grant, p, e);
}

/* ---- writing ---- */

/* Which of an operator's it is, and how many there are. */
struct finding {
    const struct assignment *want;
    char uid[UID_TEXT];
    size_t count;
};

static int compare(const struct assignment *a, void *ctx, struct err *e)
{
    struct finding *f = ctx;

    (void)e;
    f->count++;
    if (a->role == f->want->role && strcmp(a->scope, f->want->scope) == 0)
        memcpy(f->uid, a->uid, sizeof f->uid);
    return 0;
}

static char *borrow(const char *text)
{
    return (char *)(uintptr_t)text; /* store_insert only reads it */
}

int assignment_add(struct store_tx *tx, const struct assignment *a, int64_t now, bool *changed,
                   struct err *e)
{
    struct finding f = { .want = a };
    char scope[64], name[ACCESS_SCOPE + 16], body[256];
    struct record r = { .kind = borrow(KIND_ROLE_ASSIGNMENT),
                        .scope = scope,
                        .name = name,
                        .schema = 1,
                        .body = body };

    if (assignment_list(tx, a->operator_uid, compare, &f, e))
        return -1;
    *changed = !f.uid[0];
    if (f.uid[0])
        return 0;
    if (f.count >= PRINCIPAL_GRANTS)
        return err_set(e, ERR_LIMIT,
                       "an operator has %d roles at most: revoke one, or give one in a wider scope",
                       PRINCIPAL_GRANTS);
    operator_scope(scope, a->operator_uid);
    (void)snprintf(name, sizeof name, "%s %s", role_name(a->role), a->scope);
    /* a role, a scope and a uid hold nothing that JSON would escape */
    (void)snprintf(body, sizeof body,
                   "{\"principal\":\"operator:%s\",\"role\":\"%s\",\"scope\":\"%s\"}",
                   a->operator_uid, role_name(a->role), a->scope);
    return store_insert(tx, &r, now, e);
}

int assignment_remove(struct store_tx *tx, const struct assignment *a, int64_t now, bool *changed,
                      struct err *e)
{
    struct finding f = { .want = a };

    if (assignment_list(tx, a->operator_uid, compare, &f, e))
        return -1;
    *changed = f.uid[0] != '\0';
    return f.uid[0] ? store_delete(tx, f.uid, STORE_ANY_REVISION, now, e) : 0;
}

struct uids {
    const char *scope; /* NULL: all */
    char (*uid)[UID_TEXT];
    size_t count;
};

static void uids_clear(struct uids *uids)
{
    free(uids->uid);
}

static int note(const struct assignment *a, void *ctx, struct err *e)
{
    struct uids *uids = ctx;

    (void)e;
    if (uids->scope && !scope_covers(uids->scope, a->scope))
        return 0;
    uids->uid = xrealloc_array(uids->uid, uids->count + 1, sizeof *uids->uid);
    memcpy(uids->uid[uids->count++], a->uid, UID_TEXT);
    return 0;
}

int assignment_forget(struct store_tx *tx, const char *operator_uid, const char *scope, int64_t now,
                      struct err *e)
{
    CLEANUP(uids_clear) struct uids uids = { .scope = operator_uid ? NULL : scope };

    if (assignment_list(tx, operator_uid, note, &uids, e))
        return -1;
    for (size_t i = 0; i < uids.count; i++)
        if (store_delete(tx, uids.uid[i], STORE_ANY_REVISION, now, e))
            return -1;
    return 0;
}
