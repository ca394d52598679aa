#include "fleet/lease.h"

#include "pki/record_body.h"

static const char lease_name[] = "rollout";

static void set_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text ? text : "");
}

int lease_load(struct store_tx *tx, const struct cluster *c, struct lease *ret, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const struct json_value *body;
    struct err why = { 0 };
    char scope[64];

    *ret = (struct lease){ .uid = "" };
    cluster_scope(c, scope);
    if (store_find(tx, KIND_LEASE, scope, lease_name, &r, &why))
        return why.code == ERR_NOT_FOUND ? 0 : err_pass(e, &why);
    if (record_json(&doc, &r, e))
        return -1;
    body = json_root(doc);
    memcpy(ret->uid, r.uid, sizeof ret->uid);
    set_text(ret->holder, sizeof ret->holder, json_text(json_get(body, "holder")));
    set_text(ret->stopped, sizeof ret->stopped, json_text(json_get(body, "stopped")));
    set_text(ret->reason, sizeof ret->reason, json_text(json_get(body, "reason")));
    ret->until = json_int(json_get(body, "until"), 0);
    return 0;
}

int lease_save(struct pki_write *w, const struct cluster *c, struct lease *l, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    char scope[64];
    struct record r = {
        .kind = lend(KIND_LEASE), .scope = scope, .name = lend(lease_name), .schema = 1
    };
    struct json_writer json;

    cluster_scope(c, scope);
    json_writer_init(&json, &body, false);
    json_put_object(&json, NULL);
    json_put_text(&json, "holder", l->holder);
    json_put_int(&json, "until", l->until);
    json_put_text(&json, "stopped", l->stopped);
    json_put_text(&json, "reason", l->reason);
    json_put_end(&json);
    if (buf_check(&body, e))
        return -1;
    r.body = lend(buf_str(&body));
    if (l->uid[0]) {
        memcpy(r.uid, l->uid, sizeof r.uid);
        return store_update(w->tx, &r, STORE_ANY_REVISION, w->now, e);
    }
    if (store_insert(w->tx, &r, w->now, e))
        return -1;
    memcpy(l->uid, r.uid, sizeof l->uid);
    return 0;
}

bool lease_take(struct lease *l, const char *machine, int64_t now)
{
    if (l->stopped[0])
        return false;
    if (l->holder[0] && l->until > now && strcmp(l->holder, machine) != 0)
        return false;
    set_text(l->holder, sizeof l->holder, machine);
    l->until = now + LEASE_SECONDS;
    return true;
}

void lease_release(struct lease *l, const char *machine)
{
    if (strcmp(l->holder, machine) != 0)
        return;
    l->holder[0] = '\0';
    l->until = 0;
}

void lease_stop(struct lease *l, const char *machine, const char *reason)
{
    lease_release(l, machine);
    if (l->stopped[0]) /* the first one is what stopped it */
        return;
    set_text(l->stopped, sizeof l->stopped, machine);
    set_text(l->reason, sizeof l->reason, reason);
}

bool lease_resume(struct lease *l, const char *machine)
{
    if (!l->stopped[0] || strcmp(l->stopped, machine) != 0)
        return false;
    l->stopped[0] = l->reason[0] = '\0';
    return true;
}
