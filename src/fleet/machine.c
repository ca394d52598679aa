#include "fleet/machine.h"

#include "base/clock.h"
#include "base/encode.h"
#include "crypto/hash.h"
#include "pki/record_body.h"
#include <stddef.h>

static const char *const state_names[] = { "uninvited", "invited", "joined", "blocked", "removed" };

const char *enrolment_state_name(enum enrolment_state state)
{
    return state_names[state];
}

/* ---- the record ---- */

/* Members that are one text each. */
/* clang-format off */
static const struct {
    const char *name;
    size_t offset, size;
} texts[] = {
#define TEXT(name, member) { name, offsetof(struct enrolment, member), sizeof((struct enrolment *)0)->member }
    TEXT("machine",     machine_uid),
    TEXT("token",       token),
    TEXT("token_key",   token_key),
    TEXT("certificate", current.uid),
    TEXT("serial",      current.serial),
    TEXT("key",         current.key),
    TEXT("next",        next.uid),
    TEXT("next_serial", next.serial),
    TEXT("next_key",    next.key),
    TEXT("instance",    instance),
    TEXT("past_0",      past[0]),
    TEXT("past_1",      past[1]),
    TEXT("past_2",      past[2]),
    TEXT("past_3",      past[3]),
    TEXT("layout",      layout),
    TEXT("prefix",      prefix),
    TEXT("reason",      reason),
#undef TEXT
};
static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    { "token_expires",  offsetof(struct enrolment, token_expires) },
    { "not_after",      offsetof(struct enrolment, current.not_after) },
    { "next_not_after", offsetof(struct enrolment, next.not_after) },
    { "renew",          offsetof(struct enrolment, renew) },
    { "joined",         offsetof(struct enrolment, joined) },
};
/* clang-format on */

static void set_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text ? text : "");
}

static int read_body(struct enrolment *n, const struct json_value *body, struct err *e)
{
    const char *state = json_text(json_get(body, "state"));

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        set_text((char *)n + texts[i].offset, texts[i].size,
                 json_text(json_get(body, texts[i].name)));
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        int64_t value = json_int(json_get(body, numbers[i].name), 0);

        memcpy((char *)n + numbers[i].offset, &value, sizeof value);
    }
    n->cordoned = json_bool(json_get(body, "cordoned"), false);
    for (size_t i = 0; state && i < ARRAY_LEN(state_names); i++) {
        if (strcmp(state, state_names[i]) == 0) {
            n->state = (enum enrolment_state)i;
            return 0;
        }
    }
    return err_set(e, ERR_CORRUPT, "'state' is missing");
}

static int write_body(struct buf *body, const struct enrolment *n, struct err *e)
{
    struct json_writer w;

    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "state", state_names[n->state]);
    json_put_bool(&w, "cordoned", n->cordoned);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *text = (const char *)n + texts[i].offset;

        if (text[0])
            json_put_text(&w, texts[i].name, text);
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        int64_t value;

        memcpy(&value, (const char *)n + numbers[i].offset, sizeof value);
        if (value)
            json_put_int(&w, numbers[i].name, value);
    }
    json_put_end(&w);
    return buf_check(body, e);
}

int enrolment_load(struct store_tx *tx, const struct cluster *c, const char *machine,
                   struct enrolment *ret, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    struct enrolment n = { .state = ENROLMENT_NONE };
    struct err why = { 0 };
    char scope[64];

    cluster_scope(c, scope);
    set_text(n.machine, sizeof n.machine, machine);
    if (store_find(tx, KIND_ENROLMENT, scope, machine, &r, &why)) {
        if (why.code != ERR_NOT_FOUND)
            return err_pass(e, &why);
        *ret = n;
        return 0;
    }
    if (record_json(&doc, &r, e))
        return -1;
    if (read_body(&n, json_root(doc), e))
        return record_damaged(&r, e);
    memcpy(n.uid, r.uid, sizeof n.uid);
    *ret = n;
    return 0;
}

int enrolment_save(struct pki_write *w, const struct cluster *c, struct enrolment *n, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    char scope[64];
    struct record r = {
        .kind = lend(KIND_ENROLMENT), .scope = scope, .name = n->machine, .schema = 1
    };

    cluster_scope(c, scope);
    if (write_body(&body, n, e))
        return -1;
    r.body = lend(buf_str(&body));
    if (n->uid[0]) {
        memcpy(r.uid, n->uid, sizeof r.uid);
        return store_update(w->tx, &r, STORE_ANY_REVISION, w->now, e);
    }
    if (store_insert(w->tx, &r, w->now, e))
        return -1;
    memcpy(n->uid, r.uid, sizeof n->uid);
    return 0;
}

void enrolment_write_json(struct json_writer *out, const struct enrolment *n)
{
    json_put_text(out, "name", n->machine);
    json_put_text(out, "state", state_names[n->state]);
    json_put_bool(out, "cordoned", n->cordoned);
    json_put_text(out, "serial", n->current.serial[0] ? n->current.serial : NULL);
    if (n->current.not_after)
        json_put_time(out, "not_after", n->current.not_after);
    if (n->state == ENROLMENT_INVITED || (n->token[0] && !n->token_key[0]))
        json_put_time(out, "invited_until", n->token_expires);
    if (n->joined)
        json_put_time(out, "joined", n->joined);
    if (n->layout[0]) {
        json_put_text(out, "layout", n->layout);
        json_put_text(out, "prefix", n->prefix);
    }
    json_put_text(out, "reason", n->reason);
}

/* ---- joining ---- */

static void hash_text(char out[ENROLMENT_HASH], const char *text)
{
    CLEANUP(buf_clear) struct buf hex = { 0 };

    sha256_hex(&hex, slice_str(text));
    set_text(out, ENROLMENT_HASH, buf_str(&hex));
}

int enrolment_expiry(int64_t now, int64_t ttl, int64_t *expires, struct err *e)
{
    if (ttl < MINUTES(1) || ttl > DAYS(30))
        return err_set(e, ERR_INVALID, "an invitation lasts from 1m to 30d");
    *expires = now + ttl;
    return 0;
}

void enrolment_invite(struct enrolment *n, const struct machine *m, int64_t expires,
                      struct buf *token)
{
    uint8_t secret[32];

    random_bytes(secret, sizeof secret);
    buf_addf(token, "%s.", m->uid);
    base64url_encode(token, slice_of(secret, sizeof secret));
    explicit_bzero(secret, sizeof secret);
    hash_text(n->token, buf_str(token));
    n->token_key[0] = '\0';
    n->token_expires = expires;
    set_text(n->machine, sizeof n->machine, m->name);
    set_text(n->machine_uid, sizeof n->machine_uid, m->uid);
    if (n->state == ENROLMENT_NONE || n->state == ENROLMENT_REMOVED)
        n->state = ENROLMENT_INVITED;
}

int join_token_machine(char uid[UID_TEXT], const char *token, struct err *e)
{
    size_t len = strlen(token);

    if (len >= JOIN_TOKEN_MAX || len < UID_TEXT || token[UID_TEXT - 1] != '.' ||
        strspn(token, "0123456789abcdefghjkmnpqrstvwxyz") != UID_TEXT - 1)
        return err_set(e, ERR_REFUSED, "this is no join token: 'poterne node add' makes one");
    memcpy(uid, token, UID_TEXT - 1);
    uid[UID_TEXT - 1] = '\0';
    return 0;
}

int enrolment_admit(const struct enrolment *n, const char *token, const char *key, int64_t now,
                    struct err *e)
{
    char hash[ENROLMENT_HASH];

    hash_text(hash, token);
    if (!n->token[0] || !slice_eq_secret(slice_str(hash), slice_str(n->token)))
        return err_set(e, ERR_REFUSED,
                       "the join token is not the one of machine '%s': a newer one took its place, "
                       "or it was never given out",
                       n->machine);
    if (n->state == ENROLMENT_REMOVED)
        return err_set(e, ERR_REFUSED, "machine '%s' was removed", n->machine);
    if (n->token_key[0] && strcmp(n->token_key, key) != 0)
        return err_set(e, ERR_REFUSED,
                       "the join token of machine '%s' was used already, with another key: if that "
                       "was not you, remove the machine",
                       n->machine);
    if (n->token_key[0] && !n->next.uid[0])
        return err_set(e, ERR_REFUSED, "the join token of machine '%s' was used already",
                       n->machine);
    if (now >= n->token_expires)
        return err_set(e, ERR_REFUSED,
                       "the join token of machine '%s' has expired: 'poterne node add' makes "
                       "another",
                       n->machine);
    return 0;
}

void enrolment_join(struct enrolment *n, const struct enrolment_cert *cert, int64_t now)
{
    set_text(n->token_key, sizeof n->token_key, cert->key);
    n->current = (struct enrolment_cert){ .uid = "" }; /* refused from now on */
    n->next = *cert;
    n->state = ENROLMENT_JOINED;
    n->joined = now;
    n->renew++; /* keys that were here before, written by an export, have travelled */
    n->reason[0] = n->instance[0] = '\0';
    memset(n->past, 0, sizeof n->past);
}

/* ---- living ---- */

static bool is_past(const struct enrolment *n, const char *instance)
{
    for (size_t i = 0; i < ENROLMENT_PAST; i++)
        if (n->past[i][0] && strcmp(n->past[i], instance) == 0)
            return true;
    return false;
}

static int check_instance(const char *instance, struct err *e)
{
    size_t len = strlen(instance);

    if (!len || len >= ENROLMENT_INSTANCE ||
        strspn(instance, "0123456789abcdefghijklmnopqrstuvwxyz-") < len)
        return err_set(e, ERR_INVALID, "'instance' is 1 to %d lower-case letters, digits and '-'",
                       ENROLMENT_INSTANCE - 1);
    return 0;
}

static int check_state(const struct enrolment *n, const char *cert, struct err *e)
{
    if (n->state == ENROLMENT_BLOCKED)
        return err_set(e, ERR_REFUSED, "machine '%s' is blocked, %s: 'poterne node approve'",
                       n->machine, n->reason);
    if (n->state != ENROLMENT_JOINED)
        return err_set(e, ERR_REFUSED, "machine '%s' has not joined: it is %s", n->machine,
                       state_names[n->state]);
    if (!cert[0] || (strcmp(cert, n->current.uid) != 0 && strcmp(cert, n->next.uid) != 0))
        return err_set(e, ERR_REFUSED,
                       "the certificate of machine '%s' was replaced by a newer one", n->machine);
    return 0;
}

bool enrolment_settled(const struct enrolment *n, const char *cert, const char *instance)
{
    return n->state == ENROLMENT_JOINED && cert[0] && strcmp(cert, n->current.uid) == 0 &&
           strcmp(instance, n->instance) == 0;
}

static int block(struct enrolment *n, struct err *e)
{
    n->state = ENROLMENT_BLOCKED;
    set_text(n->reason, sizeof n->reason, "two agents use one certificate");
    return err_set(e, ERR_REFUSED,
                   "two agents use the certificate of machine '%s': it was cloned, and both are "
                   "blocked until 'poterne node approve'",
                   n->machine);
}

int enrolment_use(struct enrolment *n, const char *cert, const char *instance, bool *changed,
                  struct err *e)
{
    *changed = false;
    if (check_instance(instance, e) || check_state(n, cert, e))
        return -1;
    if (is_past(n, instance)) {
        *changed = true;
        return block(n, e);
    }
    if (strcmp(instance, n->instance) != 0) {
        *changed = true;
        memmove(n->past[1], n->past[0], sizeof n->past - sizeof n->past[0]);
        memcpy(n->past[0], n->instance, sizeof n->past[0]);
        set_text(n->instance, sizeof n->instance, instance);
    }
    if (strcmp(cert, n->current.uid) != 0) {
        *changed = true;
        n->current = n->next;
        n->next = (struct enrolment_cert){ .uid = "" };
    }
    return 0;
}

int enrolment_approve(struct enrolment *n, struct err *e)
{
    if (n->state != ENROLMENT_BLOCKED)
        return err_set(e, ERR_CONFLICT, "machine '%s' is not blocked: it is %s", n->machine,
                       state_names[n->state]);
    n->state = ENROLMENT_JOINED;
    n->reason[0] = n->instance[0] = '\0';
    memset(n->past, 0, sizeof n->past);
    return 0;
}
