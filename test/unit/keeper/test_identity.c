#include "world.h"

/* ---- keys that are given out ---- */

static void test_key(void **state)
{
    static const enum key_type types[] = { KEY_RSA2048, KEY_P256 };
    CLEANUP(keeper_closep) struct keeper *keeper = new_keeper();
    CLEANUP(data_key_clear) struct data_key dk = new_data_key(keeper, DATA_KEY_KIND);
    CLEANUP(data_key_clear) struct data_key authority = new_data_key(keeper, DATA_KEY_AUTHORITY);
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(buf_clear) struct buf again = { 0 };
    CLEANUP(secret_clear) struct secret pkcs8 = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        CLEANUP(key_freep) struct key *key = NULL;

        GOOD(keeper_key_new(keeper, AT(&dk), types[i], &sealed, &pem, e));
        GOOD(keeper_key_release(keeper, AT(&dk), buf_slice(&sealed), &pkcs8, e));
        GOOD(key_read_private(&key, secret_slice(&pkcs8), e));
        assert_int_equal(key_type(key), types[i]);
        buf_reset(&again);
        GOOD(key_write_public_pem(key, &again, e));
        assert_true(slice_eq(buf_slice(&again), buf_slice(&pem)));
        /* one that came from elsewhere, in PEM */
        buf_reset(&again);
        GOOD(key_write_private_pem(key, &again, e));
        GOOD(keeper_seal(keeper, AT(&dk), buf_slice(&again), &sealed, e));
        GOOD(keeper_key_release(keeper, AT(&dk), buf_slice(&sealed), &pkcs8, e));
    }
    GOOD(keeper_seal(keeper, AT(&dk), slice_str("plain"), &sealed, e));
    BAD(ERR_INVALID, "not a private key",
        keeper_key_release(keeper, AT(&dk), buf_slice(&sealed), &pkcs8, e));
    BAD(ERR_REFUSED, "for an authority's key alone",
        keeper_key_new(keeper, AT(&authority), KEY_P256, &sealed, &pem, e));
}

/* ---- the keeper's own key ---- */

#define CHECKPOINT "{\"v\":1,\"type\":\"checkpoint\",\"seq\":1}"

static void test_identity(void **state)
{
    CLEANUP(keeper_closep) struct keeper *keeper = new_keeper();
    CLEANUP(data_key_clear) struct data_key dk = new_data_key(keeper, DATA_KEY_KIND);
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(buf_clear) struct buf sig = { 0 };
    CLEANUP(buf_clear) struct buf value = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };
    struct slice statement = slice_str(CHECKPOINT);

    (void)state;
    GOOD(keeper_identity_new(keeper, AT(&dk), &sealed, &pem, e));
    assert_true(slice_starts(buf_slice(&pem), "-----BEGIN PUBLIC KEY-----\n"));
    BAD(ERR_REFUSED, "", keeper_unseal(keeper, AT(&dk), buf_slice(&sealed), &plain, e));
    BAD(ERR_REFUSED, "", keeper_key_release(keeper, AT(&dk), buf_slice(&sealed), &plain, e));
    BAD(ERR_INTERNAL, "not open", keeper_sign_statement(keeper, statement, &sig, e));
    BAD(ERR_INTERNAL, "not open", keeper_verify_statement(keeper, statement, buf_slice(&sig), e));
    GOOD(keeper_seal(keeper, AT(&dk), slice_str("x"), &value, e));
    BAD(ERR_REFUSED, "", keeper_identity_open(keeper, AT(&dk), buf_slice(&value), 0, e));
    BAD(ERR_INVALID, "-1", keeper_identity_open(keeper, AT(&dk), buf_slice(&sealed), -1, e));
    GOOD(keeper_identity_open(keeper, AT(&dk), buf_slice(&sealed), 41, e));
    assert_int_equal(keeper_signatures(keeper), 41);
    BAD(ERR_INTERNAL, "already", keeper_identity_open(keeper, AT(&dk), buf_slice(&sealed), 0, e));
    GOOD(keeper_sign_statement(keeper, statement, &sig, e));
    assert_int_equal(sig.len, 64);
    GOOD(keeper_verify_statement(keeper, statement, buf_slice(&sig), e));
    BAD(ERR_INVALID, "statement",
        keeper_verify_statement(keeper, slice_str("other"), buf_slice(&sig), e));
    sig.ptr[5] ^= 1;
    BAD(ERR_INVALID, "statement", keeper_verify_statement(keeper, statement, buf_slice(&sig), e));
    BAD(ERR_INVALID, "statement", keeper_verify_statement(keeper, statement, slice_str(""), e));
    assert_int_equal(keeper_signatures(keeper), 41);
}

static void test_statements(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        { CHECKPOINT, true },
        { "{\"v\":1,\"type\":\"tombstone\",\"seq\":1}", true },
        { "", false },
        { "{}", false },
        { "{\"v\":1,\"type\":\"checkpoin", false },
        { "{\"v\":1,\"type\":\"checkpoints\"}", false },
        { "{\"v\":2,\"type\":\"checkpoint\"}", false },
        { " {\"v\":1,\"type\":\"checkpoint\"}", false },
        { "{\"type\":\"checkpoint\",\"v\":1}", false },
        { "{\"v\":1,\"type\":\"record\"}", false },
        { "{\"v\":1, \"type\":\"checkpoint\"}", false },
    };
    CLEANUP(keeper_closep) struct keeper *keeper = new_keeper();
    CLEANUP(data_key_clear) struct data_key dk = new_data_key(keeper, DATA_KEY_KIND);
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };

    (void)state;
    GOOD(keeper_identity_new(keeper, AT(&dk), &sealed, &text, e));
    GOOD(keeper_identity_open(keeper, AT(&dk), buf_slice(&sealed), 0, e));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_clear) struct buf sig = { 0 };
        struct err e = { 0 };
        int rc = keeper_sign_statement(keeper, slice_str(rows[i].text), &sig, &e);

        if ((rc == 0) != rows[i].good || (rc && e.code != ERR_REFUSED) || (rc && sig.len))
            fail_msg("%s: %s", rows[i].text, err_text(&e));
    }
    buf_reset(&text);
    buf_add_str(&text, CHECKPOINT);
    for (int i = 0; i < 70000; i++)
        buf_add_byte(&text, ' ');
    BAD(ERR_LIMIT, "statement", keeper_sign_statement(keeper, buf_slice(&text), &sealed, e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_key),
        BOTH(test_identity),
        BOTH(test_statements),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
