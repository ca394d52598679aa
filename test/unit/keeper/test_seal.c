#include "world.h"

/* The same data key as another struct; the caller clears it. */
static struct data_key copy_data_key(const struct data_key *dk)
{
    struct data_key copy = *dk;

    copy.wrapped = (struct buf){ 0 };
    buf_add_slice(&copy.wrapped, buf_slice(&dk->wrapped));
    return copy;
}

/* ---- root key ---- */

static void test_root_key(void **state)
{
    CLEANUP(keeper_closep) struct keeper *keeper = NULL;
    CLEANUP(secret_clear) struct secret text = { 0 };
    CLEANUP(secret_clear) struct secret other = { 0 };
    char id[ROOT_KEY_ID], other_id[ROOT_KEY_ID];
    struct slice rest;

    (void)state;
    GOOD(keeper_root_key_new(&text, id, e));
    GOOD(keeper_root_key_new(&other, other_id, e));
    assert_string_not_equal(id, other_id);
    rest = secret_slice(&text);
    assert_int_equal(rest.len, 20 + 3 + 32 + 1 + 4 + 44 + 1);
    assert_true(slice_starts(rest, "poterne-root-key v1\nid "));
    assert_memory_equal(rest.ptr + 23, id, 32);
    assert_memory_equal(rest.ptr + 55, "\nkey ", 5);
    assert_true(slice_ends(rest, "=\n"));
    GOOD(open_text(&keeper, rest, "i1", e));
    assert_string_equal(keeper_root_id(keeper), id);
}

/* One bit of it changed, anywhere: it is never taken for another key. */
static void test_root_key_damaged(void **state)
{
    CLEANUP(secret_clear) struct secret text = { 0 };
    struct keeper *none = NULL;
    char id[ROOT_KEY_ID];

    (void)state;
    GOOD(keeper_root_key_new(&text, id, e));
    for (size_t i = 0; i < text.len * 8; i++) {
        text.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
        BAD(ERR_CORRUPT, i < 20 * 8 ? "not a root key file" : "damaged",
            open_text(&none, secret_slice(&text), "i1", e));
        text.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t len = 0; len < text.len; len++)
        BAD(ERR_CORRUPT, "root key file", open_text(&none, slice_of(text.ptr, len), "i1", e));
    assert_null(none);
}

static void test_root_key_other_files(void **state)
{
    static const struct {
        const char *text, *want;
    } files[] = {
        { "", "is empty" },
        { "\n", "not a root key file" },
        { "poterne-root-key v2\nid 0\nkey 0\n", "not a root key file of version 1" },
        { "-----BEGIN PRIVATE KEY-----\n", "not a root key file" },
        { "poterne-root-key v1\nid 00000000000000000000000000000000\nkey "
          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
          "do not fit" },
        { "poterne-root-key v1\nid 00000000000000000000000000000000\nkey AAAA\n", "32 bytes" },
        { "poterne-root-key v1\nid \nkey \n", "32 bytes" },
    };
    CLEANUP(secret_clear) struct secret text = { 0 };
    CLEANUP(buf_clear) struct buf more = { 0 };
    struct keeper *none = NULL;
    char id[ROOT_KEY_ID];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        BAD(ERR_CORRUPT, files[i].want, open_text(&none, slice_str(files[i].text), "i1", e));
    GOOD(keeper_root_key_new(&text, id, e));
    buf_add_slice(&more, secret_slice(&text));
    buf_add_byte(&more, '\n');
    BAD(ERR_CORRUPT, "damaged", open_text(&none, buf_slice(&more), "i1", e));
    for (int i = 0; i < 1000; i++)
        buf_add_byte(&more, 'a');
    BAD(ERR_CORRUPT, "damaged", open_text(&none, buf_slice(&more), "i1", e));
    BAD(ERR_IO, "read the root key file", keeper_open(&none, -1, "i1", e));
    assert_null(none);
}

/* ---- sealing ---- */

static void test_seal(void **state)
{
    CLEANUP(keeper_closep) struct keeper *keeper = new_keeper();
    CLEANUP(data_key_clear) struct data_key dk = new_data_key(keeper, DATA_KEY_KIND);
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };

    (void)state;
    for (size_t len = 0; len < 40; len += 13) {
        GOOD(keeper_seal(keeper, AT(&dk), slice_of("0123456789012345678901234567890123456789", len),
                         &sealed, e));
        GOOD(keeper_unseal(keeper, AT(&dk), buf_slice(&sealed), &plain, e));
        assert_true(slice_eq(secret_slice(&plain),
                             slice_of("0123456789012345678901234567890123456789", len)));
    }
    assert_int_equal(dk.seals, 4);
    for (size_t i = 0; i < sealed.len * 8; i++) {
        struct err e = { 0 };

        sealed.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
        if (keeper_unseal(keeper, AT(&dk), buf_slice(&sealed), &plain, &e) != -1 ||
            (e.code != ERR_CORRUPT && e.code != ERR_REFUSED))
            fail_msg("bit %zu: %s", i, err_text(&e));
        sealed.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t len = 0; len < sealed.len; len++)
        BAD(ERR_CORRUPT, "", keeper_unseal(keeper, AT(&dk), slice_of(sealed.ptr, len), &plain, e));
    assert_int_equal(plain.len, 39);
}

/* A sealed value opens where it was sealed, nowhere else. */
static void test_swapped(void **state)
{
    static const struct {
        const char *what;
        struct seal_label label;
        const char *dk_uid, *dk_subject; /* NULL: its own */
        int64_t generation;              /* added to its own */
        bool authority;
    } rows[] = {
        { "kind", { "generatioN", "u1", "key" }, NULL, NULL, 0, false },
        { "uid", { "generation", "u2", "key" }, NULL, NULL, 0, false },
        { "field", { "generation", "u1", "kez" }, NULL, NULL, 0, false },
        { "shifted", { "generation", "u1k", "ey" }, NULL, NULL, 0, false },
        { "shifted left", { "generationu", "1", "key" }, NULL, NULL, 0, false },
        { "empty", { "", "", "" }, NULL, NULL, 0, false },
        { "key's uid",
          { "generation", "u1", "key" },
          "01234567890123456789012345",
          NULL,
          0,
          false },
        { "key's subject", { "generation", "u1", "key" }, NULL, "s2", 0, false },
        { "key's generation", { "generation", "u1", "key" }, NULL, NULL, 1, false },
        { "generation 0", { "generation", "u1", "key" }, NULL, NULL, -1, false },
    };
    CLEANUP(keeper_closep) struct keeper *keeper = new_keeper();
    CLEANUP(data_key_clear) struct data_key dk = new_data_key(keeper, DATA_KEY_KIND);
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };

    (void)state;
    GOOD(keeper_seal(keeper, AT(&dk), slice_str("plain"), &sealed, e));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct data_key other = dk;
        struct seal_place place = { &other, rows[i].label };
        struct err e = { 0 };

        if (rows[i].dk_uid)
            memcpy(other.uid, rows[i].dk_uid, UID_TEXT);
        if (rows[i].dk_subject)
            memcpy(other.subject, rows[i].dk_subject, strlen(rows[i].dk_subject) + 1);
        other.generation += rows[i].generation;
        if (keeper_unseal(keeper, &place, buf_slice(&sealed), &plain, &e) != -1 ||
            e.code != ERR_CORRUPT)
            fail_msg("%s: %s", rows[i].what, err_text(&e));
    }
    assert_null(plain.ptr);
}

static void test_other_key_and_installation(void **state)
{
    CLEANUP(secret_clear) struct secret text = { 0 };
    CLEANUP(keeper_closep) struct keeper *keeper = NULL;
    CLEANUP(keeper_closep) struct keeper *moved = NULL;
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    CLEANUP(data_key_clear) struct data_key other = { 0 };
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };
    char id[ROOT_KEY_ID];

    (void)state;
    GOOD(keeper_root_key_new(&text, id, e));
    GOOD(open_text(&keeper, secret_slice(&text), "i1", e));
    GOOD(open_text(&moved, secret_slice(&text), "i2", e));
    dk = new_data_key(keeper, DATA_KEY_KIND);
    other = new_data_key(keeper, DATA_KEY_KIND);
    GOOD(keeper_seal(keeper, AT(&dk), slice_str("plain"), &sealed, e));
    BAD(ERR_CORRUPT, "generation 'u1', key",
        keeper_unseal(keeper, AT(&other), buf_slice(&sealed), &plain, e));
    BAD(ERR_CORRUPT, dk.uid, keeper_unseal(moved, AT(&dk), buf_slice(&sealed), &plain, e));
    GOOD(keeper_unseal(keeper, AT(&dk), buf_slice(&sealed), &plain, e));
}

/* A value of an old generation does not come back, nor does one of the new open under the old. */
static void test_reseal(void **state)
{
    CLEANUP(keeper_closep) struct keeper *keeper = new_keeper();
    CLEANUP(data_key_clear) struct data_key old = new_data_key(keeper, DATA_KEY_KIND);
    CLEANUP(data_key_clear) struct data_key new = { .purpose = DATA_KEY_KIND, .subject = "s1" };
    CLEANUP(data_key_clear) struct data_key foreign = { .purpose = DATA_KEY_KIND, .subject = "s2" };
    CLEANUP(data_key_clear)
    struct data_key authority = { .purpose = DATA_KEY_AUTHORITY, .subject = "s1" };
    CLEANUP(buf_clear) struct buf before = { 0 };
    CLEANUP(buf_clear) struct buf after = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };

    (void)state;
    GOOD(keeper_data_key_new(keeper, &new, 2, e));
    GOOD(keeper_data_key_new(keeper, &foreign, 2, e));
    GOOD(keeper_data_key_new(keeper, &authority, 2, e));
    assert_int_equal(new.generation, 2);
    GOOD(keeper_seal(keeper, AT(&old), slice_str("plain"), &before, e));
    GOOD(keeper_reseal(keeper, AT(&old), &new, buf_slice(&before), &after, e));
    assert_int_equal(new.seals, 1);
    GOOD(keeper_unseal(keeper, AT(&new), buf_slice(&after), &plain, e));
    assert_true(slice_eq_str(secret_slice(&plain), "plain"));
    BAD(ERR_CORRUPT, "", keeper_unseal(keeper, AT(&new), buf_slice(&before), &plain, e));
    BAD(ERR_CORRUPT, "", keeper_unseal(keeper, AT(&old), buf_slice(&after), &plain, e));
    BAD(ERR_CORRUPT, "", keeper_reseal(keeper, AT(&new), &old, buf_slice(&before), &after, e));
    BAD(ERR_REFUSED, "not another generation",
        keeper_reseal(keeper, AT(&old), &foreign, buf_slice(&before), &after, e));
    BAD(ERR_REFUSED, "not another generation",
        keeper_reseal(keeper, AT(&old), &authority, buf_slice(&before), &after, e));
    BAD(ERR_CORRUPT, "not a sealed value",
        keeper_reseal(keeper, AT(&old), &new, slice_str("x"), &after, e));
    GOOD(keeper_unseal(keeper, AT(&new), buf_slice(&after), &plain, e));
}

static void test_rewrap(void **state)
{
    CLEANUP(keeper_closep) struct keeper *one = new_keeper();
    CLEANUP(keeper_closep) struct keeper *two = new_keeper();
    CLEANUP(keeper_closep) struct keeper *three = new_keeper();
    CLEANUP(data_key_clear) struct data_key dk = new_data_key(one, DATA_KEY_KIND);
    CLEANUP(data_key_clear) struct data_key before = copy_data_key(&dk);
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };
    char want[128];

    (void)state;
    GOOD(keeper_seal(one, AT(&dk), slice_str("plain"), &sealed, e));
    snprintf(want, sizeof want, "is sealed under root key %s, this is root key %s",
             keeper_root_id(one), keeper_root_id(two));
    BAD(ERR_CORRUPT, want, keeper_unseal(two, AT(&dk), buf_slice(&sealed), &plain, e));
    GOOD(keeper_data_key_rewrap(one, two, &dk, e));
    GOOD(keeper_unseal(two, AT(&dk), buf_slice(&sealed), &plain, e));
    snprintf(want, sizeof want, "is sealed under root key %s, this is root key %s",
             keeper_root_id(two), keeper_root_id(one));
    BAD(ERR_CORRUPT, want, keeper_unseal(one, AT(&dk), buf_slice(&sealed), &plain, e));
    /* a run that is done again changes nothing */
    buf_reset(&before.wrapped);
    buf_add_slice(&before.wrapped, buf_slice(&dk.wrapped));
    GOOD(keeper_data_key_rewrap(one, two, &dk, e));
    assert_true(slice_eq(buf_slice(&before.wrapped), buf_slice(&dk.wrapped)));
    BAD(ERR_CORRUPT, keeper_root_id(two), keeper_data_key_rewrap(one, three, &dk, e));
    assert_true(slice_eq(buf_slice(&before.wrapped), buf_slice(&dk.wrapped)));
    GOOD(keeper_unseal(two, AT(&dk), buf_slice(&sealed), &plain, e));
}

static void test_data_key_damaged(void **state)
{
    CLEANUP(keeper_closep) struct keeper *keeper = new_keeper();
    CLEANUP(data_key_clear) struct data_key dk = new_data_key(keeper, DATA_KEY_KIND);
    CLEANUP(buf_clear) struct buf again = { 0 };
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };
    size_t len = dk.wrapped.len;

    (void)state;
    GOOD(keeper_seal(keeper, AT(&dk), slice_str("plain"), &sealed, e));
    for (size_t i = 0; i < len * 8; i++) {
        dk.wrapped.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
        BAD(ERR_CORRUPT, dk.uid, keeper_unseal(keeper, AT(&dk), buf_slice(&sealed), &plain, e));
        dk.wrapped.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (dk.wrapped.len = 0; dk.wrapped.len < len; dk.wrapped.len++)
        BAD(ERR_CORRUPT, dk.uid, keeper_unseal(keeper, AT(&dk), buf_slice(&sealed), &plain, e));
    dk.seals = -1;
    BAD(ERR_CORRUPT, "data key", keeper_seal(keeper, AT(&dk), slice_str("x"), &sealed, e));
    dk.seals = 0;
    memset(dk.uid, 'x', sizeof dk.uid);
    BAD(ERR_CORRUPT, "data key", keeper_unseal(keeper, AT(&dk), buf_slice(&sealed), &plain, e));
    BAD(ERR_CORRUPT, "data key", keeper_data_key_rewrap(keeper, keeper, &dk, e));
    BAD(ERR_CORRUPT, "data key",
        keeper_reseal(keeper, AT(&dk), &dk, buf_slice(&sealed), &again, e));
}

static void test_seal_limit(void **state)
{
    CLEANUP(keeper_closep) struct keeper *keeper = new_keeper();
    CLEANUP(data_key_clear) struct data_key dk = new_data_key(keeper, DATA_KEY_KIND);
    CLEANUP(data_key_clear) struct data_key from = new_data_key(keeper, DATA_KEY_KIND);
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf other = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };

    (void)state;
    GOOD(keeper_seal(keeper, AT(&from), slice_str("plain"), &other, e));
    dk.seals = KEEPER_SEALS - 1;
    GOOD(keeper_seal(keeper, AT(&dk), slice_str("plain"), &sealed, e));
    assert_int_equal(dk.seals, KEEPER_SEALS);
    BAD(ERR_LIMIT, "has sealed 4294967296 values",
        keeper_seal(keeper, AT(&dk), slice_str("plain"), &sealed, e));
    BAD(ERR_LIMIT, "has sealed 4294967296 values",
        keeper_reseal(keeper, AT(&from), &dk, buf_slice(&other), &sealed, e));
    assert_int_equal(dk.seals, KEEPER_SEALS);
    GOOD(keeper_unseal(keeper, AT(&dk), buf_slice(&sealed), &plain, e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_key),
        cmocka_unit_test(test_root_key_damaged),
        cmocka_unit_test(test_root_key_other_files),
        BOTH(test_seal),
        BOTH(test_swapped),
        BOTH(test_other_key_and_installation),
        BOTH(test_reseal),
        cmocka_unit_test(test_rewrap),
        BOTH(test_data_key_damaged),
        BOTH(test_seal_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
