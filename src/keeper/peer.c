#include "keeper/peer.h"
#include "base/alloc.h"
#include "keeper/peer_signer.h"
#include <assert.h>

/* What a handler works with: the request's values in order, and the answer's to be filled. */
struct task {
    struct peer *peer;
    struct slice body; /* all of the request behind its number */
    const struct message_value *next;
    struct message_value answer[MESSAGE_FIELDS];
    size_t answers;
    struct buf first, second; /* what the answer's values may be views of */
    struct secret secret;
    struct data_key dk;
    bool broken; /* our own end never asks that: the connection ends */
};

static void task_clear(struct task *t)
{
    buf_clear(&t->first);
    buf_clear(&t->second);
    secret_clear(&t->secret);
    data_key_clear(&t->dk);
}

static int64_t next_number(struct task *t)
{
    return (t->next++)->number;
}

static struct slice next_bytes(struct task *t)
{
    return (t->next++)->bytes;
}

static const char *next_text(struct task *t)
{
    return value_str(t->next++);
}

/* Borrows: no local call changes what is wrapped but those that were given a fresh one. */
static struct data_key next_data_key(struct task *t)
{
    struct data_key dk;

    memcpy(dk.uid, next_bytes(t).ptr, sizeof dk.uid);
    dk.purpose = (enum data_key_purpose)next_number(t);
    memcpy(dk.subject, next_bytes(t).ptr, sizeof dk.subject);
    dk.generation = next_number(t);
    dk.seals = next_number(t);
    dk.wrapped = (struct buf){ .ptr = (uint8_t *)t->next->bytes.ptr,
                               .len = t->next->bytes.len,
                               .cap = t->next->bytes.len };
    t->next++;
    return dk;
}

static struct seal_place next_place(struct task *t, struct data_key *dk)
{
    struct seal_place place = { .dk = dk };

    *dk = next_data_key(t);
    place.label.kind = next_text(t);
    place.label.uid = next_text(t);
    place.label.field = next_text(t);
    return place;
}

static void answer(struct task *t, struct message_value v)
{
    t->answer[t->answers++] = v;
}

/* What every call that seals answers with. */
static int answer_made(struct task *t, const struct data_key *dk)
{
    answer(t, value_number(dk->seals));
    answer(t, value_bytes(buf_slice(&t->first)));
    return 0;
}

static int broken(struct task *t, struct err *e, const char *why)
{
    t->broken = true;
    return err_set(e, ERR_INVALID, "%s", why);
}

/* ---- the connection ---- */

static int handle_hello(struct task *t, struct err *e)
{
    struct peer *peer = t->peer;
    struct keeper *keeper = peer->keeper;
    int64_t protocol = next_number(t);
    const char *installation = next_text(t);

    if (protocol != MESSAGE_PROTOCOL)
        return err_set(e, ERR_INVALID, "protocol %lld, this keeper speaks %d", (long long)protocol,
                       MESSAGE_PROTOCOL);
    if (!installation[0])
        return broken(t, e, "an installation without a name");
    if (*peer->unnamed) {
        free(keeper->installation);
        keeper->installation = xstrdup(installation);
        *peer->unnamed = false;
    }
    if (strcmp(installation, keeper->installation) != 0)
        return err_set(e, ERR_INVALID, "installation '%s', this keeper is of '%s'", installation,
                       keeper->installation);
    peer->greeted = true;
    answer(t, value_text(keeper->root_id));
    return 0;
}

/* ---- sealing ---- */

static int handle_data_key_new(struct task *t, struct err *e)
{
    struct data_key *dk = &t->dk;
    int64_t generation;

    dk->purpose = (enum data_key_purpose)next_number(t);
    memcpy(dk->subject, next_bytes(t).ptr, sizeof dk->subject);
    generation = next_number(t);
    if (keeper_data_key_new(t->peer->keeper, dk, generation, e))
        return -1;
    answer(t, value_bytes(slice_of(dk->uid, sizeof dk->uid)));
    answer(t, value_number(dk->generation));
    answer(t, value_bytes(buf_slice(&dk->wrapped)));
    return 0;
}

static int handle_data_key_check(struct task *t, struct err *e)
{
    struct data_key dk = next_data_key(t);

    return keeper_data_key_rewrap(t->peer->keeper, t->peer->keeper, &dk, e);
}

static int handle_seal(struct task *t, struct err *e)
{
    struct data_key dk;
    struct seal_place place = next_place(t, &dk);

    return keeper_seal(t->peer->keeper, &place, next_bytes(t), &t->first, e) ? -1
                                                                             : answer_made(t, &dk);
}

static int handle_unseal(struct task *t, struct err *e)
{
    struct data_key dk;
    struct seal_place place = next_place(t, &dk);

    if (keeper_unseal(t->peer->keeper, &place, next_bytes(t), &t->secret, e))
        return -1;
    answer(t, value_bytes(secret_slice(&t->secret)));
    return 0;
}

static int handle_reseal(struct task *t, struct err *e)
{
    struct data_key dk, to;
    struct seal_place place = next_place(t, &dk);

    to = next_data_key(t);
    return keeper_reseal(t->peer->keeper, &place, &to, next_bytes(t), &t->first, e)
               ? -1
               : answer_made(t, &to);
}

/* ---- authorities ---- */

static int handle_authority_new(struct task *t, struct err *e)
{
    struct data_key dk;
    struct seal_place place = next_place(t, &dk);
    struct authority_spec spec;

    spec.cluster = next_text(t);
    spec.key_type = (enum key_type)next_number(t);
    spec.subject = next_bytes(t);
    spec.not_before = next_number(t);
    spec.not_after = next_number(t);
    spec.eku = (unsigned)next_number(t);
    spec.fence = next_bytes(t);
    if (keeper_authority_new(t->peer->keeper, &place, &spec, &t->first, &t->second, e))
        return -1;
    answer_made(t, &dk);
    answer(t, value_bytes(buf_slice(&t->second)));
    return 0;
}

static int handle_authority_import(struct task *t, struct err *e)
{
    struct data_key dk;
    struct seal_place place = next_place(t, &dk);
    struct authority_import import;

    import.private_key = next_bytes(t);
    import.cert = next_bytes(t);
    import.fence = next_bytes(t);
    return keeper_authority_import(t->peer->keeper, &place, &import, &t->first, e)
               ? -1
               : answer_made(t, &dk);
}

static int handle_signer_open(struct task *t, struct err *e)
{
    struct data_key dk;
    struct seal_place place = next_place(t, &dk);
    struct signer_order order = { .place = &place, .all = t->body };
    enum sig_alg alg;
    int64_t handle;

    order.sealed = next_bytes(t);
    order.cert = next_bytes(t);
    if (peer_signer_open(t->peer, &order, &handle, &alg, e))
        return -1;
    answer(t, value_number(handle));
    answer(t, value_number(alg));
    return 0;
}

static int handle_signer_close(struct task *t, struct err *e)
{
    if (!peer_signer_close(t->peer, next_number(t)))
        return broken(t, e, "a signer that is not open on this connection");
    return 0;
}

static int handle_sign(struct task *t, struct err *e)
{
    struct signer *signer = peer_signer_find(t->peer, next_number(t));
    struct sign_result result = { .cert = t->peer->cert };
    struct sign_request request;
    int rc;

    if (!signer)
        return broken(t, e, "a signer that is not open on this connection");
    request.cluster = next_text(t);
    request.privileged = next_number(t);
    request.now = next_number(t);
    request.tbs = next_bytes(t);
    rc = keeper_sign(signer, &request, &result, e);
    t->peer->cert = result.cert;
    if (rc)
        return -1;
    answer(t, value_bytes(buf_slice(&t->peer->cert)));
    answer(t, value_text(result.profile));
    answer(t, value_number(result.number));
    return 0;
}

/* ---- keys ---- */

static int handle_key_new(struct task *t, struct err *e)
{
    struct data_key dk;
    struct seal_place place = next_place(t, &dk);
    enum key_type type = (enum key_type)next_number(t);

    if (keeper_key_new(t->peer->keeper, &place, type, &t->first, &t->second, e))
        return -1;
    answer_made(t, &dk);
    answer(t, value_bytes(buf_slice(&t->second)));
    return 0;
}

static int handle_key_release(struct task *t, struct err *e)
{
    struct data_key dk;
    struct seal_place place = next_place(t, &dk);

    if (keeper_key_release(t->peer->keeper, &place, next_bytes(t), &t->secret, e))
        return -1;
    answer(t, value_bytes(secret_slice(&t->secret)));
    return 0;
}

static int handle_identity_new(struct task *t, struct err *e)
{
    struct data_key dk;
    struct seal_place place = next_place(t, &dk);

    if (keeper_identity_new(t->peer->keeper, &place, &t->first, &t->second, e))
        return -1;
    answer_made(t, &dk);
    answer(t, value_bytes(buf_slice(&t->second)));
    return 0;
}

/* Each caller opens it for itself, as one in-process would; the first one opens it for all. */
static int handle_identity_open(struct task *t, struct err *e)
{
    struct peer *peer = t->peer;
    struct keeper *keeper = peer->keeper;
    struct data_key dk;
    struct seal_place place = next_place(t, &dk);
    struct slice sealed = next_bytes(t);
    int64_t signatures = next_number(t);

    if (keeper->identity && !peer->identity) {
        if (identity_check(keeper, &place, sealed, e))
            return -1;
        keeper_count_from(keeper, signatures);
    } else if (keeper_identity_open(keeper, &place, sealed, signatures, e)) {
        return -1;
    }
    peer->identity = true;
    return 0;
}

static int want_identity(const struct peer *peer, struct err *e)
{
    return peer->identity ? 0 : err_set(e, ERR_INTERNAL, "the keeper's own key is not open");
}

static int handle_count_from(struct task *t, struct err *e)
{
    (void)e;
    keeper_count_from(t->peer->keeper, next_number(t));
    return 0;
}

static int handle_sign_statement(struct task *t, struct err *e)
{
    if (want_identity(t->peer, e) ||
        keeper_sign_statement(t->peer->keeper, next_bytes(t), &t->first, e))
        return -1;
    answer(t, value_bytes(buf_slice(&t->first)));
    return 0;
}

static int handle_verify_statement(struct task *t, struct err *e)
{
    struct slice statement = next_bytes(t), sig = next_bytes(t);

    if (want_identity(t->peer, e))
        return -1;
    return keeper_verify_statement(t->peer->keeper, statement, sig, e);
}

static int handle_log_key(struct task *t, struct err *e)
{
    if (keeper_log_key(t->peer->keeper, &t->first, e))
        return -1;
    answer(t, value_bytes(buf_slice(&t->first)));
    return 0;
}

static int (*const handlers[MESSAGE_NUMBERS])(struct task *t, struct err *e) = {
    [MESSAGE_HELLO] = handle_hello,
    [MESSAGE_DATA_KEY_NEW] = handle_data_key_new,
    [MESSAGE_DATA_KEY_CHECK] = handle_data_key_check,
    [MESSAGE_SEAL] = handle_seal,
    [MESSAGE_UNSEAL] = handle_unseal,
    [MESSAGE_RESEAL] = handle_reseal,
    [MESSAGE_AUTHORITY_NEW] = handle_authority_new,
    [MESSAGE_AUTHORITY_IMPORT] = handle_authority_import,
    [MESSAGE_SIGNER_OPEN] = handle_signer_open,
    [MESSAGE_SIGNER_CLOSE] = handle_signer_close,
    [MESSAGE_SIGN] = handle_sign,
    [MESSAGE_KEY_NEW] = handle_key_new,
    [MESSAGE_KEY_RELEASE] = handle_key_release,
    [MESSAGE_IDENTITY_NEW] = handle_identity_new,
    [MESSAGE_IDENTITY_OPEN] = handle_identity_open,
    [MESSAGE_COUNT_FROM] = handle_count_from,
    [MESSAGE_SIGN_STATEMENT] = handle_sign_statement,
    [MESSAGE_VERIFY_STATEMENT] = handle_verify_statement,
    [MESSAGE_LOG_KEY] = handle_log_key,
};

void peer_clear(struct peer *peer)
{
    peer_signers_close(peer);
    buf_clear(&peer->cert);
}

static int add_answer(struct task *t, enum message_number number, const struct err *why,
                      struct frames *out, struct err *e)
{
    struct err late = { 0 };
    struct message_answer a = { number, t->peer->keeper->signatures, t->answer, why };

    if (!frames_add_answer(out, &a, &late))
        return 0;
    if (late.code != ERR_LIMIT)
        return err_pass(e, &late);
    a.why = &late; /* what was sealed elsewhere may be longer than what travels */
    return frames_add_answer(out, &a, e);
}

int peer_handle(struct peer *peer, struct slice body, struct frames *out, struct err *e)
{
    unsigned number = body.ptr[0];
    const struct message_row *row = message_row(number);
    struct message_value values[MESSAGE_FIELDS];
    CLEANUP(task_clear)
    struct task t = { .peer = peer, .next = values, .body = slice_of(body.ptr + 1, body.len - 1) };
    struct err why = { 0 };

    if (!row)
        return err_set(e, ERR_INVALID, "no message has number %u", number);
    if (row->first == peer->greeted)
        return err_set(e, ERR_INVALID, "%s: %s", row->name,
                       row->first ? "said before" : "before the greeting");
    if (message_read(row->request, t.body, values, e))
        return err_wrap(e, "%s", row->name);
    if (handlers[number](&t, &why) && t.broken)
        return err_set(e, why.code, "%s: %s", row->name, why.msg);
    return row->mute ? 0 : add_answer(&t, (enum message_number)number, &why, out, e);
}
