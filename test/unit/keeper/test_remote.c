#include "caller.h"

/* Messages and connections, good ones and others. */

/* ---- bytes that no caller of ours sends ---- */

/* A frame of that number around bytes. */
static void add_frame(struct buf *out, unsigned number, struct slice body)
{
    size_t len = body.len + 1;

    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_byte(out, (uint8_t)(len >> shift));
    buf_add_byte(out, (uint8_t)number);
    buf_add_slice(out, body);
}

#define RAW(text)                                                                                  \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }
#define N1 "\0\0\0\0\0\0\0\1"

static const struct {
    const char *label;
    bool greeted;    /* behind a good greeting */
    unsigned number; /* of the frame; 0: the bytes are the whole stream */
    struct slice bytes;
    const char *want;
} malformed[] = {
    { "length 0", true, 0, RAW("\0\0\0\0"), "a message of 0 bytes" },
    { "length beyond", true, 0, RAW("\0\x10\0\1\x01"), "a message of 1048577 bytes" },
    { "all ones", true, 0, RAW("\xff\xff\xff\xff\xff\xff\xff\xff"), "a message of 4294967295" },
    { "text", false, 0, RAW("GET / HTTP/1.1\r\n\r\n"), "a message of" },
    { "number 0", true, 0, RAW("\0\0\0\1\0"), "no message has number 0" },
    { "number behind the last", true, MESSAGE_NUMBERS, RAW(""), "no message has number 20" },
    { "number 255", true, 255, RAW(""), "no message has number 255" },
    { "no greeting", false, MESSAGE_LOG_KEY, RAW(""), "before the greeting" },
    { "signs first", false, MESSAGE_SIGN, RAW(N1), "before the greeting" },
    { "greets twice", true, MESSAGE_HELLO, RAW(N1 "\0\0\0\3i1\0"), "said before" },
    { "empty greeting", false, MESSAGE_HELLO, RAW(""), "field 'protocol'" },
    { "greeting cut short", false, MESSAGE_HELLO, RAW(N1 "\0\0\0\3i1"), "field 'installation'" },
    { "no NUL", false, MESSAGE_HELLO, RAW(N1 "\0\0\0\2i1"), "field 'installation'" },
    { "two NULs", false, MESSAGE_HELLO, RAW(N1 "\0\0\0\4i\0001\0"), "field 'installation'" },
    { "text NULL", false, MESSAGE_HELLO, RAW(N1 "\0\0\0\0"), "field 'installation'" },
    { "text empty", false, MESSAGE_HELLO, RAW(N1 "\0\0\0\1\0"), "without a name" },
    { "protocol 256", false, MESSAGE_HELLO, RAW("\0\0\0\0\0\0\1\0\0\0\0\3i1\0"),
      "field 'protocol'" },
    { "trailing byte", false, MESSAGE_HELLO, RAW(N1 "\0\0\0\3i1\0x"), "1 bytes behind" },
    { "trailing byte of none", true, MESSAGE_LOG_KEY, RAW("x"), "1 bytes behind" },
    { "length of a field", true, MESSAGE_SIGN_STATEMENT, RAW("\xff\xff\xff\xff{"),
      "field 'statement'" },
    { "field one too long", true, MESSAGE_SIGN_STATEMENT, RAW("\0\0\0\2{"), "field 'statement'" },
    { "number cut short", true, MESSAGE_SIGNER_CLOSE, RAW("\0\0\0\0"), "field 'handle'" },
    { "handle 0", true, MESSAGE_SIGNER_CLOSE, RAW("\0\0\0\0\0\0\0\0"), "field 'handle'" },
    { "handle below 0", true, MESSAGE_SIGNER_CLOSE, RAW("\xff\xff\xff\xff\xff\xff\xff\xff"),
      "field 'handle'" },
    { "closes what it has not", true, MESSAGE_SIGNER_CLOSE, RAW(N1), "not open on this" },
    { "signs with what it has not", true, MESSAGE_SIGN, RAW(N1 "\0\0\0\3c1\0" N1 N1 "\0\0\0\1x"),
      "not open on this" },
    { "a flag of 2", true, MESSAGE_SIGN, RAW(N1 "\0\0\0\3c1\0\0\0\0\0\0\0\0\2" N1 "\0\0\0\1x"),
      "field 'privileged'" },
    { "counts back", true, MESSAGE_COUNT_FROM, RAW("\xff\xff\xff\xff\xff\xff\xff\xff"),
      "field 'signatures'" },
    { "counts to the end", true, MESSAGE_COUNT_FROM, RAW("\x7f\xff\xff\xff\xff\xff\xff\xff"),
      "field 'signatures'" },
    { "data key's uid short", true, MESSAGE_DATA_KEY_CHECK, RAW("\0\0\0\1x" N1), "data key's uid" },
};

/* Each ends its connection with its reason, and no other. */
static void test_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        CLEANUP(buf_clear) struct buf bytes = { 0 };
        CLEANUP(keeper_closep) struct keeper *honest = NULL;
        CLEANUP(data_key_clear) struct data_key dk = { 0 };
        CLEANUP(fd_closep) int end = -1;
        int ends[2];
        struct served *s = serve_new(ends, 2);

        end = ends[0];
        honest = connect_to(ends[1]);
        if (malformed[i].greeted)
            add_hello(&bytes);
        if (malformed[i].number)
            add_frame(&bytes, malformed[i].number, malformed[i].bytes);
        else
            buf_add_slice(&bytes, malformed[i].bytes);
        send_bytes(end, buf_slice(&bytes));
        if ((read_to_end(end) > 0) != malformed[i].greeted)
            fail_msg("%s: answered", malformed[i].label);
        if (!strstr(s->ended, malformed[i].want))
            fail_msg("%s: %s", malformed[i].label, s->ended);
        dk = new_data_key(honest, DATA_KEY_KIND);
        keeper_close(honest);
        honest = NULL;
        world_join(NULL);
    }
}

/* Every message with its fields cut off at every byte, and one byte added. */
static void test_cut_short(void **state)
{
    struct message_value values[MESSAGE_FIELDS], read[MESSAGE_FIELDS];
    static const char zeros[DATA_KEY_SUBJECT];

    (void)state;
    for (unsigned number = 1; number < MESSAGE_NUMBERS; number++) {
        const struct message_row *row = message_row(number);
        CLEANUP(frames_clear) struct frames frame = { 0 };
        CLEANUP(buf_clear) struct buf more = { 0 };
        struct slice body;

        for (size_t i = 0; row->request[i].type != FIELD_END; i++) {
            bool is_number = row->request[i].type == FIELD_NUMBER;

            values[i] = value_number(row->request[i].min > 0 ? row->request[i].min : 0);
            if (!is_number)
                values[i] = value_bytes(slice_of(
                    zeros, row->request[i].type == FIELD_BYTES ? (size_t)row->request[i].min : 0));
        }
        GOOD(frames_add_request(&frame, number, values, e));
        body = frames_slice(&frame);
        body = slice_of(body.ptr + 5, body.len - 5);
        GOOD(message_read(row->request, body, read, e));
        for (size_t len = 0; len < body.len; len++)
            BAD(ERR_INVALID, "field '",
                message_read(row->request, slice_of(body.ptr, len), read, e));
        buf_add_slice(&more, body);
        buf_add_byte(&more, 0);
        BAD(ERR_INVALID, "1 bytes behind", message_read(row->request, buf_slice(&more), read, e));
    }
}

static void test_hello(void **state)
{
    struct keeper *none = NULL;
    CLEANUP(keeper_closep) struct keeper *second = NULL;
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    uint8_t answer[64];
    int ends[3];

    (void)state;
    serve_new(ends, 3);
    BAD(ERR_INVALID, "installation 'i2', this keeper is of 'i1'",
        keeper_connect(&none, ends[0], "i2", e));
    second = connect_to(ends[1]);
    assert_int_equal(strlen(keeper_root_id(second)), ROOT_KEY_ID - 1);
    add_hello(&bytes);
    bytes.ptr[12] = 2;
    send_bytes(ends[2], buf_slice(&bytes));
    assert_true(recv(ends[2], answer, sizeof answer, 0) > 14);
    assert_int_equal(answer[5], ERR_INVALID);
    assert_non_null(memmem(answer, sizeof answer, "protocol 2, this", 16));
    (void)close(ends[2]);
}

/* ---- what happens to connections ---- */

static void test_keeper_gone(void **state)
{
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(signer_closep) struct signer *signer = NULL;
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    CLEANUP(data_key_clear) struct data_key dk = { .purpose = DATA_KEY_KIND, .subject = "s" };
    struct sign_result result = { 0 };
    struct served *s;
    int end;

    (void)state;
    s = serve_new(&end, 1);
    world_open_with(&w, connect_to(end), KEY_P256);
    signer = open_signer(&w);
    write_leaf(&tbs, &w, signer, "CN=alice");
    GOOD(sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    (void)eventfd_write(s->stop_fd, 1);
    (void)pthread_join(s->thread, NULL);
    s->running = false;
    BAD(ERR_UNREACHABLE, "keeper's process", sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    assert_int_equal(result.cert.len, 0);
    BAD(ERR_UNREACHABLE, "keeper's process", keeper_data_key_new(w.keeper, &dk, 0, e));
    assert_null(dk.wrapped.ptr);
    assert_int_equal(keeper_signatures(w.keeper), 1);
    buf_clear(&result.cert);
}

/* A caller that ends within a message, or never reads an answer, is no one else's trouble. */
static void test_bad_callers(void **state)
{
    CLEANUP(keeper_closep) struct keeper *honest = NULL;
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    int ends[3];
    ssize_t n = 0;

    (void)state;
    serve_new(ends, 3);
    honest = connect_to(ends[0]);
    add_hello(&bytes);
    send_bytes(ends[1], slice_of(bytes.ptr, bytes.len - 1));
    (void)close(ends[1]);
    for (int i = 0; i < 1000; i++)
        add_frame(&bytes, MESSAGE_LOG_KEY, slice_of(NULL, 0));
    send_bytes(ends[2], slice_of(bytes.ptr, 20));
    for (int idle = 0; idle < 20; idle += n < 0) { /* until it takes no more */
        n = send(ends[2], bytes.ptr + 20, bytes.len - 20, MSG_DONTWAIT | MSG_NOSIGNAL);
        dk = new_data_key(honest, DATA_KEY_KIND);
        data_key_clear(&dk);
    }
    (void)close(ends[2]);
    dk = new_data_key(honest, DATA_KEY_KIND);
}

/* What is too long to travel is told, and nothing is sent. */
static void test_too_long(void **state)
{
    CLEANUP(keeper_closep) struct keeper *keeper = NULL;
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    CLEANUP(buf_clear) struct buf plain = { 0 };
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(secret_clear) struct secret again = { 0 };
    char text[200];
    struct seal_place place = { &dk, { text, "u", "f" } };
    int end;

    (void)state;
    serve_new(&end, 1);
    keeper = connect_to(end);
    dk = new_data_key(keeper, DATA_KEY_KIND);
    while (plain.len < MESSAGE_VALUE_MAX)
        buf_add_byte(&plain, (uint8_t)(plain.len * 7));
    GOOD(keeper_seal(keeper, AT(&dk), buf_slice(&plain), &sealed, e));
    GOOD(keeper_unseal(keeper, AT(&dk), buf_slice(&sealed), &again, e));
    assert_true(slice_eq(secret_slice(&again), buf_slice(&plain)));
    buf_add_byte(&plain, 0);
    BAD(ERR_LIMIT, "the value has 458753 bytes, the keeper takes at most 458752",
        keeper_seal(keeper, AT(&dk), buf_slice(&plain), &sealed, e));
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    BAD(ERR_LIMIT, "kind of record", keeper_seal(keeper, &place, slice_str("x"), &sealed, e));
    assert_int_equal(dk.seals, 1);
    GOOD(keeper_seal(keeper, AT(&dk), slice_str("x"), &sealed, e));
}

enum { CALLERS = 8, ROUNDS = 125 };

/* A thousand requests in turn on eight connections: each gets its own answers. */
static void test_interleaved(void **state)
{
    struct keeper *keeper[CALLERS];
    struct data_key dk[CALLERS];
    int ends[CALLERS];

    (void)state;
    serve_new(ends, CALLERS);
    for (size_t i = 0; i < CALLERS; i++) {
        keeper[i] = connect_to(ends[i]);
        dk[i] = new_data_key(keeper[i], DATA_KEY_KIND);
    }
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < CALLERS; i++) {
            CLEANUP(buf_clear) struct buf sealed = { 0 };
            CLEANUP(secret_clear) struct secret plain = { 0 };
            char text[32];

            snprintf(text, sizeof text, "%d of %zu", round, i);
            GOOD(keeper_seal(keeper[i], AT(&dk[i]), slice_str(text), &sealed, e));
            GOOD(keeper_unseal(keeper[(i + 1) % CALLERS], AT(&dk[i]), buf_slice(&sealed), &plain,
                               e));
            assert_true(slice_eq_str(secret_slice(&plain), text));
            assert_int_equal(dk[i].seals, round + 1);
        }
    for (size_t i = 0; i < CALLERS; i++) {
        data_key_clear(&dk[i]);
        keeper_close(keeper[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REMOTE(test_malformed),   cmocka_unit_test(test_cut_short), REMOTE(test_hello),
        REMOTE(test_keeper_gone), REMOTE(test_bad_callers),         REMOTE(test_too_long),
        REMOTE(test_interleaved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
