#include "caller.h"

/* What a caller gets that was taken over: what the fences allow, and no more. */

static struct data_key copy_key(const struct data_key *dk)
{
    struct data_key copy = *dk;

    copy.wrapped = (struct buf){ 0 };
    buf_add_slice(&copy.wrapped, buf_slice(&dk->wrapped));
    return copy;
}

/* ---- signatures ---- */

/* More than one flight; each job has its own outcome. */
static void test_sign_all(void **state)
{
    enum { JOBS = 40 };
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(signer_closep) struct signer *signer = NULL;
    struct sign_job jobs[JOBS];
    struct sign_request request[JOBS];
    struct sign_result result[JOBS] = { 0 };
    struct buf tbs[JOBS] = { 0 };
    int end;

    if (world_remote)
        serve_new(&end, 1);
    world_open_with(&w, world_remote ? connect_to(end) : new_keeper(), KEY_P256);
    signer = open_signer(&w);
    for (size_t i = 0; i < JOBS; i++) {
        write_leaf(&tbs[i], &w, signer, i == 1 ? "O=system:masters\nCN=a" : "CN=alice");
        request[i] = (struct sign_request){ "c1", false, LEAF_NOW, buf_slice(&tbs[i]) };
        jobs[i] = (struct sign_job){ signer, &request[i], &result[i], { 0 } };
    }
    GOOD(keeper_sign_all(jobs, 0, e));
    BAD(ERR_REFUSED, "must be asked for as privileged", keeper_sign_all(jobs, JOBS, e));
    for (size_t i = 0; i < JOBS; i++) {
        bool good = i == 0 || i == 2 || i == 3; /* three an hour */

        assert_int_equal(jobs[i].why.code, good ? ERR_NONE : i == 1 ? ERR_REFUSED : ERR_LIMIT);
        assert_int_equal(result[i].cert.len > 0, good);
        if (good)
            assert_int_equal(result[i].number, i ? i : 1);
        buf_clear(&tbs[i]);
        buf_clear(&result[i].cert);
    }
    (void)state;
}

/* Closing and opening again, another connection, another data key: it is the same authority. */
static void test_rate_is_the_keys(void **state)
{
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(keeper_closep) struct keeper *other = NULL;
    CLEANUP(data_key_clear)
    struct data_key next = { .purpose = DATA_KEY_AUTHORITY, .subject = "s1" };
    CLEANUP(buf_clear) struct buf resealed = { 0 };
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    struct sign_result result = { 0 };
    struct signer *signer;
    int ends[2];

    (void)state;
    if (world_remote)
        serve_new(ends, 2);
    world_open_with(&w, world_remote ? connect_to(ends[0]) : new_keeper(), KEY_P256);
    other = world_remote ? connect_to(ends[1]) : NULL;
    for (int i = 0; i < 3; i++) {
        signer = open_signer(&w);
        write_leaf(&tbs, &w, signer, "CN=alice");
        GOOD(sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
        signer_close(signer);
    }
    signer = open_signer(&w);
    BAD(ERR_LIMIT, "has made 3", sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    signer_close(signer);
    GOOD(keeper_data_key_new(w.keeper, &next, 2, e));
    GOOD(keeper_reseal(w.keeper, AT(&w.dk), &next, buf_slice(&w.sealed), &resealed, e));
    GOOD(keeper_signer_open(&signer, other ? other : w.keeper, AT(&next), buf_slice(&resealed),
                            buf_slice(&w.cert), e));
    BAD(ERR_LIMIT, "has made 3", sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    signer_close(signer);
    buf_clear(&result.cert);
}

/* The caller's clock moves neither the rate nor the life of a certificate. */
static void test_clock(void **state)
{
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(signer_closep) struct signer *signer = NULL;
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    struct sign_result result = { 0 };
    struct sign_request request = { "c1", false, LEAF_NOW, { 0 } };
    int end;

    (void)state;
    serve_new(&end, 1);
    world_open_with(&w, connect_to(end), KEY_P256);
    signer = open_signer(&w);
    write_leaf(&tbs, &w, signer, "CN=alice");
    request.tbs = buf_slice(&tbs);
    for (int64_t off = -301; off <= 301; off += 602) {
        world_now = LEAF_NOW + off;
        BAD(ERR_REFUSED, "over 300 s from the keeper's clock",
            keeper_sign(signer, &request, &result, e));
    }
    world_now = LEAF_NOW + 300;
    GOOD(keeper_sign(signer, &request, &result, e));
    buf_clear(&result.cert);
}

static void test_many_signers(void **state)
{
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(keeper_closep) struct keeper *other = NULL;
    struct signer *signer[64], *one = NULL;
    int ends[2];

    (void)state;
    serve_new(ends, 2);
    world_open_with(&w, connect_to(ends[0]), KEY_P256);
    other = connect_to(ends[1]);
    for (size_t i = 0; i < ARRAY_LEN(signer); i++)
        signer[i] = open_signer(&w);
    BAD(ERR_LIMIT, "64 authorities are open",
        keeper_signer_open(&one, w.keeper, AT(&w.dk), buf_slice(&w.sealed), buf_slice(&w.cert), e));
    GOOD(keeper_signer_open(&one, other, AT(&w.dk), buf_slice(&w.sealed), buf_slice(&w.cert), e));
    signer_close(one);
    signer_close(signer[7]);
    signer[7] = open_signer(&w);
    for (size_t i = 0; i < ARRAY_LEN(signer); i++)
        signer_close(signer[i]);
}

/* ---- a caller that was taken over ---- */

/* What a front could say by hand about a signer of another front: its number. */
static void test_foreign_handle(void **state)
{
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(signer_closep) struct signer *signer = NULL;
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    CLEANUP(frames_clear) struct frames out = { 0 };
    CLEANUP(fd_closep) int hostile = -1;
    CLEANUP(buf_clear) struct buf hello = { 0 };
    struct sign_result result = { 0 };
    struct message_value values[5];
    struct served *s;
    int ends[2];

    (void)state;
    s = serve_new(ends, 2);
    hostile = ends[1];
    world_open_with(&w, connect_to(ends[0]), KEY_P256);
    signer = open_signer(&w); /* handle 1 */
    write_leaf(&tbs, &w, signer, "CN=alice");
    values[0] = value_number(1);
    values[1] = value_text("c1");
    values[2] = value_number(0);
    values[3] = value_number(LEAF_NOW);
    values[4] = value_bytes(buf_slice(&tbs));
    GOOD(frames_add_request(&out, MESSAGE_SIGN, values, e));
    add_hello(&hello);
    send_bytes(hostile, buf_slice(&hello));
    send_bytes(hostile, frames_slice(&out));
    assert_int_equal(read_to_end(hostile), 4 + 10 + 4 + 33); /* the greeting's answer alone */
    assert_non_null(strstr(s->ended, "sign a certificate: a signer that is not open"));
    GOOD(sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    assert_int_equal(result.number, 1);
    buf_clear(&result.cert);
}

/* Blobs that it can read, in every order that is not theirs. */
static void test_hostile_blobs(void **state)
{
    CLEANUP(world_clear) struct world a = { 0 };
    CLEANUP(world_clear) struct world b = { 0 };
    CLEANUP(data_key_clear) struct data_key lie = { 0 };
    CLEANUP(data_key_clear) struct data_key kind = { 0 };
    CLEANUP(buf_clear) struct buf out = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };
    struct signer *signer = NULL;
    struct seal_place elsewhere = { &a.dk, { "generation", "u2", "key" } };
    int ends[2];

    (void)state;
    serve_new(ends, 2);
    world_open_with(&a, connect_to(ends[0]), KEY_P256);
    world_open_with(&b, connect_to(ends[1]), KEY_P256);
#define OPEN(place, sealed, cert)                                                                  \
    keeper_signer_open(&signer, a.keeper, place, buf_slice(sealed), buf_slice(cert), e)
    BAD(ERR_CORRUPT, "", OPEN(&elsewhere, &a.sealed, &a.cert));
    BAD(ERR_CORRUPT, "", OPEN(AT(&a.dk), &b.sealed, &a.cert));
    BAD(ERR_CORRUPT, "", OPEN(AT(&b.dk), &a.sealed, &a.cert));
    BAD(ERR_CORRUPT, "key and certificate differ", OPEN(AT(&a.dk), &a.sealed, &b.cert));
#undef OPEN
    /* no way to bytes */
    lie = copy_key(&a.dk);
    lie.purpose = DATA_KEY_KIND;
    kind = new_data_key(a.keeper, DATA_KEY_KIND);
    BAD(ERR_REFUSED, "", keeper_unseal(a.keeper, AT(&a.dk), buf_slice(&a.sealed), &plain, e));
    BAD(ERR_REFUSED, "", keeper_unseal(a.keeper, AT(&lie), buf_slice(&a.sealed), &plain, e));
    BAD(ERR_REFUSED, "", keeper_key_release(a.keeper, AT(&a.dk), buf_slice(&a.sealed), &plain, e));
    BAD(ERR_REFUSED, "", keeper_reseal(a.keeper, AT(&a.dk), &kind, buf_slice(&a.sealed), &out, e));
    a.sealed.ptr[1] = 1; /* as if it were a plain value */
    BAD(ERR_CORRUPT, "", keeper_unseal(a.keeper, AT(&lie), buf_slice(&a.sealed), &plain, e));
    /* a wrapped data key is no value, and no value is one */
    BAD(ERR_CORRUPT, "", keeper_unseal(a.keeper, AT(&kind), buf_slice(&kind.wrapped), &plain, e));
    assert_null(plain.ptr);
}

static void test_hostile_orders(void **state)
{
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(world_clear) struct world v = { 0 };
    CLEANUP(signer_closep) struct signer *signer = NULL;
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    struct sign_result result = { 0 };
    struct sign_request request = { "c2", false, LEAF_NOW, { 0 } };
    int ends[2];

    (void)state;
    serve_new(ends, 2);
    world_open_with(&w, connect_to(ends[0]), KEY_P256);
    world_open_with(&v, connect_to(ends[1]), KEY_P256);
    signer = open_signer(&w);
    write_leaf(&tbs, &v, signer, "CN=alice"); /* of the other authority's name and key id */
    BAD(ERR_REFUSED, "authority key identifier", sign_at(signer, &tbs, true, LEAF_NOW, &result, e));
    write_leaf(&tbs, &w, signer, "O=system:masters\nCN=alice");
    BAD(ERR_REFUSED, "as privileged", sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    request.tbs = buf_slice(&tbs);
    BAD(ERR_REFUSED, "cluster 'c2'", keeper_sign(signer, &request, &result, e));
    request.cluster = NULL;
    BAD(ERR_REFUSED, "cluster ''", keeper_sign(signer, &request, &result, e));
    request.cluster = "c1";
    request.tbs = slice_str("sign these bytes");
    BAD(ERR_INVALID, "certificate to be signed", keeper_sign(signer, &request, &result, e));
    assert_int_equal(keeper_signatures(w.keeper), 0);
    BAD(ERR_REFUSED, "stop the daemon first", keeper_data_key_rewrap(w.keeper, v.keeper, &w.dk, e));
    GOOD(keeper_data_key_rewrap(w.keeper, w.keeper, &w.dk, e));
}

/* It brings back an old number of seals, and the keeper goes on from its own. */
static void test_seals_lie(void **state)
{
    CLEANUP(keeper_closep) struct keeper *keeper = new_keeper();
    CLEANUP(data_key_clear) struct data_key dk = new_data_key(keeper, DATA_KEY_KIND);
    CLEANUP(buf_clear) struct buf sealed = { 0 };

    (void)state;
    for (int64_t i = 1; i <= 5; i++) {
        dk.seals = 0;
        GOOD(keeper_seal(keeper, AT(&dk), slice_str("x"), &sealed, e));
        assert_int_equal(dk.seals, i);
    }
    dk.seals = 1000; /* another process sealed: its word for more counts */
    GOOD(keeper_seal(keeper, AT(&dk), slice_str("x"), &sealed, e));
    assert_int_equal(dk.seals, 1001);
}

#define CHECKPOINT "{\"v\":1,\"type\":\"checkpoint\",\"seq\":1}"

/* The keeper's own key is one for all callers: the first opens it, others show that they mean it.
 */
static void test_identity_shared(void **state)
{
    CLEANUP(keeper_closep) struct keeper *one = NULL;
    CLEANUP(keeper_closep) struct keeper *two = NULL;
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf other = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(buf_clear) struct buf sig = { 0 };
    int ends[2];

    (void)state;
    serve_new(ends, 2);
    one = connect_to(ends[0]);
    two = connect_to(ends[1]);
    dk = new_data_key(one, DATA_KEY_KIND);
    GOOD(keeper_identity_new(one, AT(&dk), &sealed, &pem, e));
    GOOD(keeper_identity_new(two, AT(&dk), &other, &pem, e));
    GOOD(keeper_identity_open(one, AT(&dk), buf_slice(&sealed), 7, e));
    GOOD(keeper_sign_statement(one, slice_str(CHECKPOINT), &sig, e));
    BAD(ERR_INTERNAL, "not open", keeper_sign_statement(two, slice_str(CHECKPOINT), &sig, e));
    BAD(ERR_REFUSED, "is another one", keeper_identity_open(two, AT(&dk), buf_slice(&other), 7, e));
    GOOD(keeper_identity_open(two, AT(&dk), buf_slice(&sealed), 7, e));
    GOOD(keeper_verify_statement(two, slice_str(CHECKPOINT), buf_slice(&sig), e));
    BAD(ERR_REFUSED, "checkpoints and tombstones",
        keeper_sign_statement(two, slice_str("{\"v\":1,\"type\":\"token\"}"), &sig, e));
    BAD(ERR_REFUSED, "checkpoints and tombstones",
        keeper_sign_statement(two, slice_str("poterne keeper log v1\n{\"v\":1}"), &sig, e));
    assert_int_equal(keeper_signatures(two), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_sign_all),         BOTH(test_rate_is_the_keys), REMOTE(test_clock),
        REMOTE(test_many_signers),   REMOTE(test_foreign_handle), REMOTE(test_hostile_blobs),
        REMOTE(test_hostile_orders), BOTH(test_seals_lie),        REMOTE(test_identity_shared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
