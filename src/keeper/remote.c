#include "keeper/remote.h"
#include "base/alloc.h"
#include "keeper/keeper_data.h"
#include <assert.h>
#include <stdlib.h>

/* ---- what calls have in common ---- */

static void put_data_key(struct call *c, const struct data_key *dk)
{
    call_bytes(c, slice_of(dk->uid, sizeof dk->uid));
    call_number(c, dk->purpose);
    call_bytes(c, slice_of(dk->subject, sizeof dk->subject));
    call_number(c, dk->generation);
    call_number(c, dk->seals);
    call_bytes(c, buf_slice(&dk->wrapped));
}

static void put_place(struct call *c, const struct seal_place *place)
{
    const struct seal_label *label = &place->label;

    assert(label->kind && label->uid && label->field);
    put_data_key(c, place->dk);
    call_text(c, label->kind);
    call_text(c, label->uid);
    call_text(c, label->field);
}

/* An answer's bytes as the caller's; copied aside first, so that a failure changes nothing. */
static int copy_out(struct buf *to, const struct message_value *v, struct err *e)
{
    buf_add_slice(to, v->bytes);
    return buf_check(to, e);
}

/* Of a call that seals: the answer begins with the seals and what was sealed. */
static int take_made(struct call *c, struct data_key *dk, struct buf *sealed, struct buf *second,
                     struct err *e)
{
    CLEANUP(buf_clear) struct buf blob = { 0 };
    CLEANUP(buf_clear) struct buf other = { 0 };

    if (copy_out(&blob, &c->answer[1], e) || (second && copy_out(&other, &c->answer[2], e)))
        return -1;
    dk->seals = c->answer[0].number;
    buf_replace(sealed, &blob);
    if (second)
        buf_replace(second, &other);
    return 0;
}

/* ---- sealing ---- */

static int remote_data_key_new(struct keeper *keeper, struct data_key *dk, int64_t generation,
                               struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_DATA_KEY_NEW);
    CLEANUP(buf_clear) struct buf wrapped = { 0 };

    call_number(&c, dk->purpose);
    call_bytes(&c, slice_of(dk->subject, sizeof dk->subject));
    call_number(&c, generation);
    if (call_run(&c, e) || copy_out(&wrapped, &c.answer[2], e))
        return -1;
    memcpy(dk->uid, c.answer[0].bytes.ptr, sizeof dk->uid);
    dk->generation = c.answer[1].number;
    dk->seals = 0;
    buf_replace(&dk->wrapped, &wrapped);
    return 0;
}

/* keeper.c lets only one keeper through: see that it opens. */
static int remote_data_key_rewrap(struct keeper *keeper, struct keeper *next, struct data_key *dk,
                                  struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_DATA_KEY_CHECK);

    assert(keeper == next);
    put_data_key(&c, dk);
    return call_run(&c, e);
}

static int remote_seal(struct keeper *keeper, const struct seal_place *place, struct slice plain,
                       struct buf *sealed, struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_SEAL);

    put_place(&c, place);
    call_bytes(&c, plain);
    return call_run(&c, e) ? -1 : take_made(&c, place->dk, sealed, NULL, e);
}

static int remote_unseal(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                         struct secret *plain, struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_UNSEAL);

    put_place(&c, place);
    call_bytes(&c, sealed);
    return call_run(&c, e) ? -1 : secret_copy(plain, c.answer[0].bytes, e);
}

static int remote_reseal(struct keeper *keeper, const struct seal_place *from, struct data_key *to,
                         struct slice sealed, struct buf *resealed, struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_RESEAL);

    put_place(&c, from);
    put_data_key(&c, to);
    call_bytes(&c, sealed);
    return call_run(&c, e) ? -1 : take_made(&c, to, resealed, NULL, e);
}

/* ---- authorities ---- */

static int remote_authority_new(struct keeper *keeper, const struct seal_place *place,
                                const struct authority_spec *spec, struct buf *sealed,
                                struct buf *cert, struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_AUTHORITY_NEW);

    put_place(&c, place);
    call_text(&c, spec->cluster);
    call_number(&c, spec->key_type);
    call_bytes(&c, spec->subject);
    call_number(&c, spec->not_before);
    call_number(&c, spec->not_after);
    call_number(&c, spec->eku);
    call_bytes(&c, spec->fence);
    return call_run(&c, e) ? -1 : take_made(&c, place->dk, sealed, cert, e);
}

static int remote_authority_import(struct keeper *keeper, const struct seal_place *place,
                                   const struct authority_import *import, struct buf *sealed,
                                   struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_AUTHORITY_IMPORT);

    put_place(&c, place);
    call_bytes(&c, import->private_key);
    call_bytes(&c, import->cert);
    call_bytes(&c, import->fence);
    return call_run(&c, e) ? -1 : take_made(&c, place->dk, sealed, NULL, e);
}

struct profile_name {
    struct profile_name *next;
    char text[];
};

struct remote_signer {
    struct signer base;
    int64_t handle;
    struct profile_name *profiles; /* those that were told: results borrow them */
};

static int remote_signer_open(struct signer **ret, struct keeper *keeper,
                              const struct seal_place *place, struct slice sealed,
                              struct slice cert, struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_SIGNER_OPEN);
    struct remote_signer *signer;

    put_place(&c, place);
    call_bytes(&c, sealed);
    call_bytes(&c, cert);
    if (call_run(&c, e))
        return -1;
    signer = xcalloc(1, sizeof *signer);
    signer->base.keeper = keeper;
    signer->handle = c.answer[0].number;
    signer->base.alg = (enum sig_alg)c.answer[1].number;
    keeper->signers++;
    *ret = &signer->base;
    return 0;
}

static void remote_signer_close(struct signer *base)
{
    struct remote_signer *signer = (struct remote_signer *)base;
    struct keeper *keeper = base->keeper;
    struct message_value handle = value_number(signer->handle);

    remote_tell(keeper, MESSAGE_SIGNER_CLOSE, &handle);
    while (signer->profiles) {
        struct profile_name *next = signer->profiles->next;

        free(signer->profiles);
        signer->profiles = next;
    }
    free(signer);
    keeper->signers--;
}

/* There are as many as the fence has forms. */
static const char *keep_profile(struct remote_signer *signer, struct slice name)
{
    struct profile_name *p = signer->profiles;

    while (p && !slice_eq_str(name, p->text))
        p = p->next;
    if (!p) {
        p = xcalloc(1, sizeof *p + name.len + 1);
        memcpy(p->text, name.ptr, name.len);
        p->next = signer->profiles;
        signer->profiles = p;
    }
    return p->text;
}

static int ask_sign(const struct sign_job *job, struct err *e)
{
    const struct sign_request *request = job->request;
    CLEANUP(call_end) struct call c = call_begin(job->signer->keeper, MESSAGE_SIGN);

    call_number(&c, ((struct remote_signer *)job->signer)->handle);
    call_text(&c, request->cluster);
    call_number(&c, request->privileged);
    call_number(&c, request->now);
    call_bytes(&c, request->tbs);
    return call_send_later(&c, e);
}

static int take_signed(struct sign_job *job, struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(job->signer->keeper, MESSAGE_SIGN);
    struct sign_result *result = job->result;

    if (call_receive(&c, e))
        return -1;
    buf_add_slice(&result->cert, c.answer[0].bytes);
    if (buf_check(&result->cert, e))
        return -1;
    result->profile = keep_profile((struct remote_signer *)job->signer, c.answer[1].bytes);
    result->number = c.answer[2].number;
    return 0;
}

/* A few at a time: what both sides have under way must fit into the socket, or they would wait for
 * each other. */
enum { FLIGHT_JOBS = 16, FLIGHT_BYTES = 48 << 10 };

static size_t sign_flight(struct sign_job *jobs, size_t count)
{
    struct keeper *keeper = jobs[0].signer->keeper;
    struct err lost = { 0 };
    size_t n = 0, bytes = 0;

    for (; n < count && n < FLIGHT_JOBS && bytes < FLIGHT_BYTES; n++) {
        jobs[n].why = (struct err){ 0 };
        buf_reset(&jobs[n].result->cert);
        bytes += jobs[n].request->tbs.len;
        (void)ask_sign(&jobs[n], &jobs[n].why);
    }
    (void)remote_flush(keeper, &lost); /* when that fails, so will every answer */
    for (size_t i = 0; i < n; i++)
        if (jobs[i].why.code == ERR_NONE)
            (void)take_signed(&jobs[i], &jobs[i].why);
    return n;
}

static void remote_sign(struct sign_job *jobs, size_t count)
{
    for (size_t done = 0; done < count;)
        done += sign_flight(jobs + done, count - done);
}

/* ---- keys ---- */

static int remote_key_new(struct keeper *keeper, const struct seal_place *place, enum key_type type,
                          struct buf *sealed, struct buf *public_pem, struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_KEY_NEW);

    put_place(&c, place);
    call_number(&c, type);
    return call_run(&c, e) ? -1 : take_made(&c, place->dk, sealed, public_pem, e);
}

static int remote_key_release(struct keeper *keeper, const struct seal_place *place,
                              struct slice sealed, struct secret *pkcs8, struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_KEY_RELEASE);

    put_place(&c, place);
    call_bytes(&c, sealed);
    return call_run(&c, e) ? -1 : secret_copy(pkcs8, c.answer[0].bytes, e);
}

static int remote_identity_new(struct keeper *keeper, const struct seal_place *place,
                               struct buf *sealed, struct buf *public_pem, struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_IDENTITY_NEW);

    put_place(&c, place);
    return call_run(&c, e) ? -1 : take_made(&c, place->dk, sealed, public_pem, e);
}

static int remote_identity_open(struct keeper *keeper, const struct seal_place *place,
                                struct slice sealed, int64_t signatures, struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_IDENTITY_OPEN);

    put_place(&c, place);
    call_bytes(&c, sealed);
    call_number(&c, signatures);
    return call_run(&c, e);
}

static void remote_count_from(struct keeper *keeper, int64_t signatures)
{
    struct message_value count = value_number(signatures);

    keeper->signatures = signatures;
    remote_tell(keeper, MESSAGE_COUNT_FROM, &count);
}

static int remote_sign_statement(struct keeper *keeper, struct slice statement, struct buf *sig,
                                 struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_SIGN_STATEMENT);
    CLEANUP(buf_clear) struct buf fresh = { 0 };

    call_bytes(&c, statement);
    if (call_run(&c, e) || copy_out(&fresh, &c.answer[0], e))
        return -1;
    buf_replace(sig, &fresh);
    return 0;
}

static int remote_verify_statement(struct keeper *keeper, struct slice statement, struct slice sig,
                                   struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_VERIFY_STATEMENT);

    call_bytes(&c, statement);
    call_bytes(&c, sig);
    return call_run(&c, e);
}

static int remote_log_key(struct keeper *keeper, struct buf *public_pem, struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_LOG_KEY);
    CLEANUP(buf_clear) struct buf pem = { 0 };

    if (call_run(&c, e) || copy_out(&pem, &c.answer[0], e))
        return -1;
    buf_replace(public_pem, &pem);
    return 0;
}

/* ---- the keeper ---- */

static void remote_close(struct keeper *keeper)
{
    remote_free(keeper->remote);
    free(keeper->installation);
    free(keeper);
}

static const struct keeper_ops remote_ops = {
    .close = remote_close,
    .data_key_new = remote_data_key_new,
    .data_key_rewrap = remote_data_key_rewrap,
    .seal = remote_seal,
    .unseal = remote_unseal,
    .reseal = remote_reseal,
    .authority_new = remote_authority_new,
    .authority_import = remote_authority_import,
    .signer_open = remote_signer_open,
    .signer_close = remote_signer_close,
    .sign = remote_sign,
    .key_new = remote_key_new,
    .key_release = remote_key_release,
    .identity_new = remote_identity_new,
    .identity_open = remote_identity_open,
    .count_from = remote_count_from,
    .sign_statement = remote_sign_statement,
    .verify_statement = remote_verify_statement,
    .log_key = remote_log_key,
};

static int say_hello(struct keeper *keeper, struct err *e)
{
    CLEANUP(call_end) struct call c = call_begin(keeper, MESSAGE_HELLO);

    call_number(&c, MESSAGE_PROTOCOL);
    call_text(&c, keeper->installation);
    if (call_run(&c, e))
        return err_wrap(e, "connect to the keeper");
    memcpy(keeper->root_id, value_str(&c.answer[0]), c.answer[0].bytes.len);
    return 0;
}

int keeper_connect(struct keeper **ret, int fd, const char *installation, struct err *e)
{
    CLEANUP(keeper_closep) struct keeper *keeper = xcalloc(1, sizeof *keeper);

    assert(installation && installation[0]);
    keeper->ops = &remote_ops;
    keeper->installation = xstrdup(installation);
    keeper->remote = remote_new(fd);
    if (say_hello(keeper, e))
        return -1;
    *ret = keeper;
    keeper = NULL;
    return 0;
}
