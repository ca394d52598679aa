#include "base/clock.h"
#include "caller.h"
#include "crypto/hash.h"
#include "keeper/keeper_data.h"
#include "keeper/log.h"
#include <fcntl.h>
#include <sys/stat.h>

/* The keeper's own log: what is in it, and what is noticed when it is not as it was written. */

#define CHECKPOINT "{\"v\":1,\"type\":\"checkpoint\",\"seq\":1}"

static int log_file(struct slice text)
{
    int fd = memfd_create("keeper.log", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
    return fd;
}

static void read_log(int fd, struct buf *text)
{
    struct stat info;
    uint8_t *room;

    buf_reset(text);
    assert_int_equal(fstat(fd, &info), 0);
    room = buf_room(text, (size_t)info.st_size);
    assert_int_equal(pread(fd, room, (size_t)info.st_size, 0), info.st_size);
    text->len = (size_t)info.st_size;
}

static struct keeper_log_verdict verify(struct slice text, const struct buf *key)
{
    CLEANUP(fd_closep) int fd = log_file(text);
    struct keeper_log_verdict verdict;
    struct slice keys[] = { slice_str("other"), buf_slice(key) };

    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    GOOD(keeper_log_verify(fd, keys, key ? 2 : 1, &verdict, e));
    return verdict;
}

/* A keeper with a log did a few things; its root key, its log, the log's key. */
struct past {
    struct secret root_key;
    struct buf log, key, tbs;
};

static void past_clear(struct past *p)
{
    secret_clear(&p->root_key);
    buf_clear(&p->log);
    buf_clear(&p->key);
    buf_clear(&p->tbs);
}

static void act(struct past *p, struct world *w)
{
    CLEANUP(signer_closep) struct signer *signer = open_signer(w);
    CLEANUP(data_key_clear) struct data_key dk = new_data_key(w->keeper, DATA_KEY_KIND);
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };
    struct sign_result result = { 0 };

    GOOD(keeper_log_key(w->keeper, &p->key, e));
    write_leaf(&p->tbs, w, signer, "O=system:masters\nCN=alice");
    BAD(ERR_REFUSED, "privileged", sign_at(signer, &p->tbs, false, LEAF_NOW, &result, e));
    GOOD(sign_at(signer, &p->tbs, true, LEAF_NOW, &result, e));
    write_leaf(&p->tbs, w, signer, "CN=alice");
    GOOD(sign_at(signer, &p->tbs, false, LEAF_NOW, &result, e));
    GOOD(keeper_seal(w->keeper, AT(&dk), slice_str("plain"), &sealed, e));
    GOOD(keeper_unseal(w->keeper, AT(&dk), buf_slice(&sealed), &plain, e));
    GOOD(keeper_identity_new(w->keeper, AT(&dk), &sealed, &pem, e));
    GOOD(keeper_identity_open(w->keeper, AT(&dk), buf_slice(&sealed), 0, e));
    GOOD(keeper_sign_statement(w->keeper, slice_str(CHECKPOINT), &sealed, e));
    buf_clear(&result.cert);
}

static void past_make(struct past *p)
{
    CLEANUP(fd_closep) int fd = log_file(slice_of("", 0));
    struct world w = { 0 };
    char id[ROOT_KEY_ID];
    int end;

    *p = (struct past){ 0 };
    GOOD(keeper_root_key_new(&p->root_key, id, e));
    world_now = LEAF_NOW;
    world_run(world_start(world_root_key(secret_slice(&p->root_key)), dup(fd), &end, 1));
    world_open_with(&w, connect_to(end), KEY_P256);
    act(p, &w);
    world_clear(&w);
    world_join(NULL);
    read_log(fd, &p->log);
}

static bool has(const struct buf *text, const char *what)
{
    return memmem(text->ptr, text->len, what, strlen(what));
}

static void test_lines(void **state)
{
    CLEANUP(past_clear) struct past p;
    CLEANUP(buf_clear) struct buf want = { 0 };
    struct keeper_log_verdict v;

    (void)state;
    past_make(&p);
    v = verify(buf_slice(&p.log), &p.key);
    if (!v.good)
        fail_msg("%s at %lld: %s", v.kind, (long long)v.at, v.text);
    assert_int_equal(v.lines, 7); /* start, authority, two certificates, unseal, statement, head */
    assert_int_equal(v.certificates, 2);
    assert_int_equal(v.heads, 1);
    assert_int_equal(v.last, 7);
    assert_int_equal(v.signed_to, 7);
    assert_int_equal(v.torn, 0);
    assert_true(has(&p.log, "{\"v\":1,\"n\":1,\"prev\":\"0000"));
    assert_true(has(&p.log, "\"time\":\"2027-01-15T08:00:00Z\",\"type\":\"certificate\","
                            "\"number\":1,\"cluster\":\"c1\",\"authority\":\"u1\","
                            "\"issuer\":\""));
    assert_true(has(&p.log, "\",\"profile\":\"admin\",\"serial\":\"11020300"));
    assert_true(has(&p.log, "\"privileged\":true}\n"));
    buf_add_str(&want, "\"tbs\":\"");
    sha256_hex(&want, buf_slice(&p.tbs));
    buf_add_str(&want, "\",\"privileged\":false}\n");
    assert_true(has(&p.log, buf_str(&want)));
    buf_reset(&want);
    sha256_hex(&want, slice_str(CHECKPOINT));
    assert_true(has(&p.log, buf_str(&want)));
    assert_true(
        has(&p.log, "\"unseal\",\"kind\":\"generation\",\"uid\":\"u1\",\"field\":\"key\"}\n"));
    assert_true(has(&p.log, "\"authority\",\"cluster\":\"c1\",\"authority\":\"u1\",\"cert\":\""));
}

/* One bit of it, anywhere; but for the line end of the last line. */
static void test_changed(void **state)
{
    CLEANUP(past_clear) struct past p;

    (void)state;
    past_make(&p);
    for (size_t i = 0; i < p.log.len - 1; i++) {
        p.log.ptr[i] ^= (uint8_t)(1 << i % 7);
        if (verify(buf_slice(&p.log), &p.key).good)
            fail_msg("byte %zu of %zu was changed", i, p.log.len);
        p.log.ptr[i] ^= (uint8_t)(1 << i % 7);
    }
}

static struct slice line_at(const struct buf *log, size_t index)
{
    struct slice rest = buf_slice(log), line = { 0 };

    for (size_t i = 0; i <= index; i++)
        assert_true(slice_cut(&rest, '\n', &line));
    return slice_of(line.ptr, line.len + 1);
}

static void test_rearranged(void **state)
{
    static const struct {
        const char *lines; /* of 0 to 6 */
        const char *kind;
    } rows[] = {
        { "0123456", "" },        { "123456", "missing" }, { "012456", "missing" },
        { "0124356", "missing" }, { "0112345", "broken" }, { "00123456", "" },
        { "6", "missing" },       { "0123450", "broken" }, { "01234566", "broken" },
        { "01234560", "broken" }, { "012345", "" },
    };
    CLEANUP(past_clear) struct past p;

    (void)state;
    past_make(&p);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct keeper_log_verdict v;

        for (const char *c = rows[i].lines; *c; c++)
            buf_add_slice(&text, line_at(&p.log, (size_t)(*c - '0')));
        v = verify(buf_slice(&text), &p.key);
        if (strcmp(v.kind, rows[i].kind) != 0 || v.good != !rows[i].kind[0])
            fail_msg("%s: %s", rows[i].lines, v.kind);
    }
}

static void test_other_keys(void **state)
{
    CLEANUP(past_clear) struct past p;
    CLEANUP(past_clear) struct past q;
    struct keeper_log_verdict v;

    (void)state;
    past_make(&p);
    past_make(&q);
    assert_false(slice_eq(buf_slice(&p.key), buf_slice(&q.key)));
    v = verify(buf_slice(&p.log), &q.key);
    assert_string_equal(v.kind, "other-key");
    assert_int_equal(v.at, 0);
}

static struct keeper *open_past(const struct past *p)
{
    CLEANUP(fd_closep) int fd = world_root_key(secret_slice(&p->root_key));
    struct keeper *keeper = NULL;

    GOOD(keeper_open(&keeper, fd, "i1", e));
    return keeper;
}

/* Cut off by a crash anywhere, and gone on with: it verifies. */
static void test_torn(void **state)
{
    CLEANUP(past_clear) struct past p;
    CLEANUP(keeper_closep) struct keeper *keeper = NULL;

    (void)state;
    past_make(&p);
    keeper = open_past(&p);
    for (size_t len = 0; len <= p.log.len; len++) {
        CLEANUP(fd_closep) int fd = log_file(slice_of(p.log.ptr, len));
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct keeper_log *log = NULL;
        struct keeper_log_verdict v;
        bool whole = len == 0 || p.log.ptr[len - 1] == '\n';

        GOOD(keeper_log_open(&log, keeper, fd, e));
        GOOD(keeper_log_statement(log, slice_str("x"), e));
        GOOD(keeper_log_head(log, e));
        keeper_log_close(log);
        read_log(fd, &text);
        v = verify(buf_slice(&text), &p.key);
        if (!v.good || v.torn != !whole || v.signed_to != v.last)
            fail_msg("cut at %zu: %s, %lld torn", len, v.text, (long long)v.torn);
    }
}

static void test_no_log(void **state)
{
    CLEANUP(past_clear) struct past p;
    CLEANUP(keeper_closep) struct keeper *keeper = NULL;
    CLEANUP(fd_closep) int text = log_file(slice_str("dear diary\n"));
    CLEANUP(fd_closep) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct keeper_log *none = NULL;

    (void)state;
    past_make(&p);
    keeper = open_past(&p);
    BAD(ERR_CORRUPT, "holds no line of a log", keeper_log_open(&none, keeper, text, e));
    BAD(ERR_INVALID, "not a regular file", keeper_log_open(&none, keeper, null, e));
    assert_null(none);
}

/* A caller that never pauses does not keep the head away. */
static void test_head_in_time(void **state)
{
    CLEANUP(fd_closep) int fd = log_file(slice_of("", 0));
    CLEANUP(secret_clear) struct secret root_key = { 0 };
    CLEANUP(keeper_closep) struct keeper *keeper = NULL;
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(secret_clear) struct secret plain = { 0 };
    int64_t start = clock_monotonic_ms();
    char id[ROOT_KEY_ID];
    int end;

    (void)state;
    GOOD(keeper_root_key_new(&root_key, id, e));
    world_now = LEAF_NOW;
    world_run(world_start(world_root_key(secret_slice(&root_key)), dup(fd), &end, 1));
    keeper = connect_to(end);
    dk = new_data_key(keeper, DATA_KEY_KIND);
    GOOD(keeper_seal(keeper, AT(&dk), slice_str("plain"), &sealed, e));
    do {
        GOOD(keeper_unseal(keeper, AT(&dk), buf_slice(&sealed), &plain, e));
        read_log(fd, &text);
    } while (!has(&text, "\"type\":\"head\"") && clock_monotonic_ms() - start < 10000);
    assert_true(has(&text, "\"type\":\"head\""));
}

/* No line, no signature. */
static void test_disk_full(void **state)
{
    CLEANUP(fd_closep) int fd = log_file(slice_of("", 0));
    CLEANUP(secret_clear) struct secret root_key = { 0 };
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    CLEANUP(world_clear) struct world w = { 0 };
    CLEANUP(signer_closep) struct signer *signer = NULL;
    struct sign_result result = { 0 };
    char id[ROOT_KEY_ID];
    int end;

    (void)state;
    GOOD(keeper_root_key_new(&root_key, id, e));
    world_now = LEAF_NOW;
    world_run(world_start(world_root_key(secret_slice(&root_key)), dup(fd), &end, 1));
    world_open_with(&w, connect_to(end), KEY_P256);
    signer = open_signer(&w);
    write_leaf(&tbs, &w, signer, "CN=alice");
    GOOD(sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    BAD(ERR_IO, "write the keeper's log", sign_at(signer, &tbs, false, LEAF_NOW, &result, e));
    assert_int_equal(result.cert.len, 0);
    assert_int_equal(keeper_signatures(w.keeper), 1);
    buf_clear(&result.cert);
}

static void log_certificates(struct keeper_log *log, const uint8_t *issuer, int count)
{
    struct log_certificate c = { .cluster = "c1",
                                 .authority = "\",\"issuer\":\"",
                                 .profile = "p",
                                 .issuer = issuer,
                                 .serial = slice_str("12345678"),
                                 .tbs = slice_str("x") };

    while (count-- > 0)
        GOOD(keeper_log_certificate(log, &c, e));
}

static void log_statements(struct keeper_log *log, int count)
{
    while (count-- > 0)
        GOOD(keeper_log_statement(log, slice_str("x"), e));
}

/* The hour before a keeper starts counts, however much else is in the log. */
static void test_rate_restored(void **state)
{
    static const struct {
        int before, between, behind; /* lines of other kinds */
    } rows[] = { { 0, 0, 0 }, { 2000, 0, 0 }, { 0, 2000, 10 }, { 3000, 3000, 3000 } };
    CLEANUP(past_clear) struct past p;
    uint8_t issuer[SHA256_LEN];

    (void)state;
    past_make(&p);
    sha256(issuer, slice_str("spki"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(fd_closep) int fd = log_file(slice_of("", 0));
        CLEANUP(keeper_closep) struct keeper *one = open_past(&p);
        CLEANUP(keeper_closep) struct keeper *two = open_past(&p);
        struct rate *rate;

        one->clock = two->clock = world_clock;
        world_now = LEAF_NOW - 7200;
        GOOD(keeper_log_open(&one->log, one, fd, e));
        log_certificates(one->log, issuer, 9);
        log_statements(one->log, rows[i].before);
        world_now = LEAF_NOW - 1800;
        log_certificates(one->log, issuer, 2);
        log_statements(one->log, rows[i].between);
        world_now = LEAF_NOW - 60;
        log_certificates(one->log, issuer, 1);
        log_statements(one->log, rows[i].behind);
        world_now = LEAF_NOW;
        GOOD(keeper_log_open(&two->log, two, fd, e));
        rate = rate_open(two, slice_str("spki"));
        assert_false(rate_allows(rate, 3, world_now));
        assert_true(rate_allows(rate, 4, world_now));
        assert_true(rate_allows(rate, 2, world_now + 1900));
        assert_true(rate_allows(rate, 1, world_now + 7200));
        rate_close(rate);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REMOTE(test_lines),        REMOTE(test_changed),   REMOTE(test_rearranged),
        REMOTE(test_other_keys),   REMOTE(test_torn),      REMOTE(test_no_log),
        REMOTE(test_head_in_time), REMOTE(test_disk_full), REMOTE(test_rate_restored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
