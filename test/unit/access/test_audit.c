#include "../store/helper.h"

#include "access/audit.h"
#include "access/decide.h"
#include "sql.h"
#include <pwd.h>

/*
 * The signer of these tests: not a signature, but one that another statement, or another key (ctx),
 * does not have.
 */
static void seal(const void *key, struct slice statement, uint8_t out[64])
{
    uint64_t h = 7 + (uint64_t)(uintptr_t)key;

    for (size_t i = 0; i < statement.len; i++)
        h = (h ^ statement.ptr[i]) * UINT64_C(1099511628211);
    for (int i = 0; i < 64; i++)
        out[i] = (uint8_t)(h >> (i % 8 * 8));
}

static int sign(void *ctx, struct slice statement, struct buf *sig, struct err *e)
{
    uint8_t bytes[64];

    (void)e;
    seal(ctx, statement, bytes);
    buf_add(sig, bytes, sizeof bytes);
    return 0;
}

static int check(void *ctx, struct slice statement, struct slice sig, struct err *e)
{
    uint8_t bytes[64];

    seal(ctx, statement, bytes);
    return slice_eq(sig, slice_of(bytes, sizeof bytes)) ? 0
                                                        : err_set(e, ERR_CORRUPT, "does not fit");
}

static const struct audit_signer signer = { sign, check, NULL };

static const struct audit_event plain = { .actor = "local:root",
                                          .via = "cli",
                                          .request = "r1",
                                          .action = "certificate.issue",
                                          .target = "cluster/demo/certificate/01",
                                          .outcome = "granted",
                                          .reason = "" };

/* What a transaction of these tests does. */
struct act {
    struct audit_event event;
    struct audit_writer writer;
    int count;
    bool no_checkpoint, other_first;
};

static struct act act_at(int64_t now, int count)
{
    return (struct act){ .event = plain,
                         .writer = { .installation = "inst", .chain = "local", .now = now },
                         .count = count };
}

static int run(struct store_tx *tx, void *ctx, struct err *e)
{
    struct act *act = ctx;
    struct audit_event event = act->event;
    int64_t last;

    if (audit_last_time(tx, &last, e))
        return -1;
    for (int i = 0; i < act->count; i++) {
        event.action =
            i == 0 && !last && !act->other_first ? AUDIT_FIRST_ACTION : act->event.action;
        if (audit_append(tx, &act->writer, &event, e))
            return -1;
    }
    return act->no_checkpoint ? 0 : audit_checkpoint(tx, &act->writer, 5, &signer, e);
}

static void add(struct store *store, int64_t now, int count)
{
    struct act act = act_at(now, count);
    struct err e = { 0 };

    assert_ok(store_write(store, run, &act, &e));
}

/* Five transactions of two records: numbers 1 to 10, checkpoints at the even ones, minutes apart.
 */
static void fill(struct store *store)
{
    for (int i = 0; i < 5; i++)
        add(store, 1000 + i * 100, 2);
}

struct question {
    struct slice head;
    struct audit_verdict verdict;
    struct buf out;
    int64_t number, removed;
};

static int verify(struct store_tx *tx, void *ctx, struct err *e)
{
    struct question *q = ctx;

    return audit_verify(tx, "local", q->head, &signer, &q->verdict, e);
}

static int head(struct store_tx *tx, void *ctx, struct err *e)
{
    struct question *q = ctx;

    return audit_head(tx, "local", &q->out, e);
}

static int last_time(struct store_tx *tx, void *ctx, struct err *e)
{
    struct question *q = ctx;

    return audit_last_time(tx, &q->number, e);
}

static int prune(struct store_tx *tx, void *ctx, struct err *e)
{
    struct question *q = ctx;
    struct audit_writer writer = { .installation = "inst", .chain = "local", .now = 5000 };

    return audit_prune(tx, &writer, q->number, &signer, &q->removed, e);
}

static void expect_good(struct store *store, struct slice kept, int64_t records,
                        int64_t checkpoints)
{
    struct question q = { .head = kept };
    struct err e = { 0 };

    assert_ok(store_read(store, verify, &q, &e));
    if (!q.verdict.good)
        fail_msg("%s at %lld: %s", q.verdict.kind, (long long)q.verdict.at, q.verdict.text);
    assert_int_equal(q.verdict.records, records);
    assert_int_equal(q.verdict.checkpoints, checkpoints);
    assert_string_equal(q.verdict.kind, "");
}

static void expect_fault(struct store *store, struct slice kept, const char *kind, int64_t at)
{
    struct question q = { .head = kept };
    struct err e = { 0 };

    assert_ok(store_read(store, verify, &q, &e));
    if (q.verdict.good || strcmp(q.verdict.kind, kind) != 0 || q.verdict.at != at)
        fail_msg("not %s at %lld but %s at %lld: %s", kind, (long long)at,
                 q.verdict.good ? "good" : q.verdict.kind, (long long)q.verdict.at, q.verdict.text);
    assert_true(strlen(q.verdict.text) > 20);
}

static int put_row(const struct store_audit_row *row, void *ctx, struct err *e)
{
    (void)e;
    buf_add_slice(ctx, row->bytes);
    buf_add_byte(ctx, '\n');
    return 0;
}

static int all_rows(struct store_tx *tx, void *ctx, struct err *e)
{
    return store_audit_list(tx, &(struct store_audit_query){ .kind = STORE_AUDIT_RECORD }, put_row,
                            ctx, e) ||
           store_audit_list(tx, &(struct store_audit_query){ .kind = STORE_AUDIT_CHECKPOINT },
                            put_row, ctx, e);
}

/* The exact bytes are a promise: scripts of users verify them. */
static void test_bytes(void **state)
{
    static const char want[] =
        "{\"v\":1,\"installation\":\"inst\",\"chain\":\"local\",\"seq\":1,\"prev\":"
        "\"00000000000000000000"
        "00000000000000000000000000000000000000000000\",\"time\":\"1970-01-01T00:16:40Z\","
        "\"actor\":"
        "\"local:root\",\"via\":\"cli\",\"request\":\"r1\",\"action\":\"certificate.issue\","
        "\"target\":"
        "\"a\\\"\\\\\\u000a\xef\xbf\xbd\xc3\xa9\\u202e\",\"outcome\":\"granted\",\"reason\":\"\","
        "\"detail\":"
        "{\"a\":[1,\"x\"]}}\n"
        "{\"v\":1,\"type\":\"checkpoint\",\"installation\":\"inst\",\"chain\":\"local\",\"seq\":1,"
        "\"hash\":"
        "\"a9e9ee363fbb9a3823f5d20464901dbaf1d4f99189a3a46d18c1959d43d79c47\",\"time\":"
        "\"1970-01-01T00:16:40Z\",\"signatures\":5}\n";
    struct store *store = open_store_in(state);
    CLEANUP(buf_clear) struct buf out = { 0 };
    struct act act = act_at(1000, 1);
    struct err e = { 0 };

    act.other_first = true;
    act.event.target = "a\"\\\n\xff\xc3\xa9\xe2\x80\xae";
    act.event.detail = " { \"a\" : [ 1, \"x\" ] }\n";
    assert_ok(store_write(store, run, &act, &e));
    assert_ok(store_read(store, all_rows, &out, &e));
    assert_string_equal(buf_str(&out), want);
    store_close(store);
}

static void test_refused_details(void **state)
{
    CLEANUP(freep) char *longest = xcalloc(1, (64 << 10) + 20);
    const char *const bad[] = { "", "[]", "{", "{} {}", "\"text\"", "{\"a\":\"\xff\"}", longest };
    struct store *store = open_store_in(state);
    struct question q = { 0 };
    struct err e = { 0 };

    memset(longest, ' ', (64 << 10) + 10);
    memcpy(longest, "{}", 2);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct act act = act_at(1000, 1);

        act.event.detail = bad[i];
        assert_err(store_write(store, run, &act, &e), ERR_INVALID);
    }
    expect_fault(store, q.head, "cut-off", 1);
    assert_err(store_read(store, head, &q, &e), ERR_NOT_FOUND);
    assert_ok(store_read(store, last_time, &q, &e));
    assert_int_equal(q.number, 0);
    store_close(store);
}

static void test_good(void **state)
{
    struct store *store = open_store_in(state);
    struct question q = { 0 };
    struct act nothing = act_at(2000, 0);
    struct err e = { 0 };

    fill(store);
    expect_good(store, q.head, 10, 5);
    assert_ok(store_write(store, run, &nothing, &e)); /* signs nothing */
    expect_good(store, q.head, 10, 5);
    assert_ok(store_read(store, last_time, &q, &e));
    assert_int_equal(q.number, 1400);
    add(store, 900,
        1); /* a clock set back and accepted: the last record counts, not the latest time */
    assert_ok(store_read(store, last_time, &q, &e));
    assert_int_equal(q.number, 900);
    expect_good(store, q.head, 11, 6);
    store_close(store);
}

static char *store_path(void **state)
{
    return path_in(state, "store.db");
}

static void damage(void **state, const char *sql)
{
    CLEANUP(freep) char *path = store_path(state);

    (void)run_sql(path, sql);
}

#define SWAP(kind, a, b)                                                                           \
    "UPDATE audit SET sequence=-1 WHERE kind=" kind " AND sequence=" a ";"                         \
    "UPDATE audit SET sequence=" a " WHERE kind=" kind " AND sequence=" b ";"                      \
    "UPDATE audit SET sequence=" b " WHERE kind=" kind " AND sequence=-1"
#define CHANGE(where, from, to)                                                                    \
    "UPDATE audit SET bytes=CAST(replace(CAST(bytes AS TEXT), '" from "', '" to "') AS BLOB) "     \
    "WHERE " where

/* Each on a fresh trail of ten records with checkpoints at 2, 4, 6, 8 and 10. */
static const struct {
    const char *sql, *kind;
    int64_t at;
} damages[] = {
    { CHANGE("kind=0 AND sequence=3", "root", "rooT"), "broken", 3 },
    { CHANGE("kind=0 AND sequence=4", "root", "rooT"), "broken", 4 },
    { CHANGE("kind=0 AND sequence=10", "granted", "refused"), "broken", 10 },
    { CHANGE("kind=0 AND sequence=1", "root", "rooT"), "broken", 1 },
    { CHANGE("kind=0 AND sequence=5", "\"prev\":\"", "\"prev\":\"0"), "broken", 5 },
    { CHANGE("kind=0 AND sequence=5", "\"seq\":5", "\"seq\":6"), "broken", 5 },
    { CHANGE("kind=0 AND sequence=5", "\"chain\":\"local\"", "\"chain\":\"other\""), "broken", 5 },
    { CHANGE("kind=0 AND sequence=5", "inst", "tsni"), "broken", 5 },
    { "UPDATE audit SET time=time+1 WHERE kind=0 AND sequence=6", "broken", 6 },
    { "UPDATE audit SET bytes=x'7b' WHERE kind=0 AND sequence=6", "broken", 6 },
    { "UPDATE audit SET bytes=x'' WHERE kind=0 AND sequence=6", "broken", 6 },
    { "DELETE FROM audit WHERE kind=0 AND sequence=5", "missing", 5 },
    { "DELETE FROM audit WHERE kind=0 AND sequence BETWEEN 5 AND 7", "missing", 5 },
    { "DELETE FROM audit WHERE kind=0 AND sequence=1", "missing", 1 },
    { "DELETE FROM audit WHERE sequence<=4", "missing", 1 },
    { SWAP("0", "3", "5"), "reordered", 3 },
    { SWAP("0", "9", "10"), "reordered", 9 },
    { SWAP("1", "2", "4"), "reordered", 2 },
    { "UPDATE audit SET sequence=0 WHERE kind=0 AND sequence=10", "reordered", 0 },
    { "DELETE FROM audit WHERE kind=0 AND sequence=10", "cut-off", 10 },
    { "DELETE FROM audit WHERE kind=0 AND sequence>=7", "cut-off", 7 },
    { "DELETE FROM audit WHERE kind=0", "cut-off", 1 },
    { "DELETE FROM audit", "cut-off", 1 },
    { CHANGE("kind=0 AND sequence=1", "installation.create", "certificate.issue"), "cut-off", 1 },
    { "DELETE FROM audit WHERE kind=1 AND sequence=10", "bad-signature", 10 },
    { "DELETE FROM audit WHERE kind=1", "bad-signature", 10 },
    { "UPDATE audit SET signature=x'00' WHERE kind=1 AND sequence=6", "bad-signature", 6 },
    { CHANGE("kind=1 AND sequence=6", "\"signatures\":5", "\"signatures\":4"), "bad-signature", 6 },
    { "UPDATE audit SET kind=1, sequence=11, bytes=(SELECT bytes FROM audit WHERE kind=0 LIMIT 1) "
      "WHERE kind=1 AND sequence=10",
      "bad-signature", 11 },
};

static void test_damages(void **state)
{
    CLEANUP(freep) char *path = store_path(state);
    CLEANUP(buf_clear) struct buf whole = { 0 };
    struct store *store = open_store(path);
    struct err e = { 0 };

    fill(store);
    assert_ok(store_snapshot(store, &whole, &e));
    store_close(store);
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        struct question q = { 0 };

        assert_int_equal(unlink(path), 0);
        CLEANUP(freep) char *log = path_in(state, "store.db-wal");
        unlink(log);
        write_bytes(path, whole.ptr, whole.len);
        damage(state, damages[i].sql);
        store = open_store(path);
        print_message("# %zu %s at %lld\n", i, damages[i].kind, (long long)damages[i].at);
        expect_fault(store, q.head, damages[i].kind, damages[i].at);
        q.number = 9999;
        assert_err(store_write(store, prune, &q, &e), ERR_REFUSED);
        store_close(store);
    }
}

/* One that was wiped and begun anew, well signed: it begins with something else. */
static void test_begun_anew(void **state)
{
    struct store *store = open_store_in(state);
    struct act act = act_at(1000, 2);
    struct slice none = { 0 };
    struct err e = { 0 };

    act.other_first = true;
    assert_ok(store_write(store, run, &act, &e));
    expect_fault(store, none, "cut-off", 1);
    store_close(store);
}

/* An older state that is whole in itself: only what was kept elsewhere shows it. */
static void test_rolled_back(void **state)
{
    CLEANUP(freep) char *older = path_in(state, "older.db"), *other = path_in(state, "other.db");
    CLEANUP(buf_clear) struct buf copy = { 0 };
    struct store *store = open_store_in(state);
    struct question early = { 0 }, late = { 0 };
    struct slice none = { 0 };
    struct err e = { 0 };

    add(store, 1000, 3);
    assert_ok(store_read(store, head, &early, &e));
    assert_ok(store_snapshot(store, &copy, &e));
    add(store, 1100, 3);
    assert_ok(store_read(store, head, &late, &e));
    expect_good(store, buf_slice(&early.out), 6, 2);
    expect_good(store, buf_slice(&late.out), 6, 2);
    store_close(store);
    write_bytes(older, copy.ptr, copy.len);
    store = open_store(older);
    expect_good(store, none, 3, 1);
    expect_good(store, buf_slice(&early.out), 3, 1);
    expect_fault(store, buf_slice(&late.out), "rolled-back", 4);
    add(store, 1200, 3); /* and goes on: as long, but another one */
    expect_good(store, none, 6, 2);
    expect_fault(store, buf_slice(&late.out), "rolled-back", 6);
    add(store, 1300, 3);
    expect_fault(store, buf_slice(&late.out), "rolled-back", 6);
    store_close(store);
    store = open_store(other); /* nothing at all */
    expect_fault(store, buf_slice(&early.out), "rolled-back", 1);
    store_close(store);
    buf_clear(&early.out);
    buf_clear(&late.out);
}

static void test_kept_heads(void **state)
{
    static const char *const bad[] = { "x",
                                       "{}",
                                       "[]",
                                       "{\"statement\":\"{}\",\"signature\":\"AA==\"}",
                                       "{\"statement\":1,\"signature\":\"\"}",
                                       "{\"statement\":\"{}\",\"signature\":\"?\"}" };
    struct store *store = open_store_in(state);
    struct question q = { 0 };
    struct act elsewhere = act_at(1000, 1);
    struct err e = { 0 };
    char *at;

    fill(store);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        q.head = slice_str(bad[i]);
        assert_err(store_read(store, verify, &q, &e), ERR_INVALID);
    }
    assert_ok(store_read(store, head, &q, &e));
    at = strstr((char *)(uintptr_t)buf_str(&q.out), "\\\"signatures\\\":5");
    assert_non_null(at);
    at[strlen("\\\"signatures\\\":")] = '4';
    expect_fault(store, buf_slice(&q.out), "bad-signature", 10);
    buf_clear(&q.out);
    store_close(store);
    CLEANUP(freep) char *path = path_in(state, "other.db");

    store = open_store(path);
    elsewhere.writer.installation = "another";
    assert_ok(store_write(store, run, &elsewhere, &e));
    assert_ok(store_read(store, head, &q, &e));
    store_close(store);
    store = open_store_in(state);
    q.head = buf_slice(&q.out);
    assert_err(store_read(store, verify, &q, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "another installation"));
    buf_clear(&q.out);
    store_close(store);
}

static void test_prune(void **state)
{
    struct store *store = open_store_in(state);
    struct question q = { .number = 1200 }, late = { 0 }, early = { 0 };
    struct slice none = { 0 };
    struct err e = { 0 };

    add(store, 1000, 1);
    assert_ok(store_read(store, head, &early, &e));
    store_close(store);
    store = open_store_in(state);
    add(store, 1000, 1);
    for (int i = 1; i < 5; i++)
        add(store, 1000 + i * 100, 2);
    assert_ok(store_read(store, head, &late, &e));
    assert_ok(store_write(store, prune, &q, &e));
    assert_int_equal(q.removed, 4);
    expect_good(store, none, 6, 3);
    expect_good(store, buf_slice(&late.out), 6, 3);
    expect_good(store, buf_slice(&early.out), 6, 3); /* too old to say anything, and no fault */
    assert_ok(store_write(store, prune, &q, &e));
    assert_int_equal(q.removed, 0);
    q.number = 99999; /* the newest stays in any case */
    assert_ok(store_write(store, prune, &q, &e));
    assert_int_equal(q.removed, 5);
    expect_good(store, none, 1, 1);
    add(store, 6000, 2);
    expect_good(store, buf_slice(&late.out), 3, 2);
    store_close(store);
    damage(state, "DELETE FROM audit WHERE kind=0 AND sequence=10");
    store = open_store_in(state);
    expect_fault(store, none, "missing", 10);
    store_close(store);
    damage(state, "DELETE FROM audit WHERE kind=2 AND sequence=9");
    store = open_store_in(state);
    expect_fault(store, none, "missing", 5);
    store_close(store);
    damage(state, "UPDATE audit SET signature=x'00' WHERE kind=2");
    store = open_store_in(state);
    expect_fault(store, none, "bad-signature", 4);
    store_close(store);
    buf_clear(&late.out);
    buf_clear(&early.out);
}

static int find_text(const struct store_audit_row *row, void *ctx, struct err *e)
{
    struct question *q = ctx;

    (void)e;
    q->removed += memmem(row->bytes.ptr, row->bytes.len, "audit.collapse", 14) != NULL;
    buf_reset(&q->out);
    buf_add_slice(&q->out, row->bytes);
    return 0;
}

static int find_collapsed(struct store_tx *tx, void *ctx, struct err *e)
{
    return store_audit_list(
        tx, &(struct store_audit_query){ .kind = STORE_AUDIT_RECORD, .chain = "local" }, find_text,
        ctx, e);
}

static void test_refusals(void **state)
{
    struct store *store = open_store_in(state);
    struct question q = { 0 };
    struct act act = act_at(6000, 1);
    struct slice none = { 0 };
    struct err e = { 0 };

    act.event.outcome = "refused";
    for (int i = 0; i < 50; i++)
        assert_ok(store_write(store, run, &act, &e));
    expect_good(store, none, 30, 30);
    act.event.outcome = "granted"; /* others are written as ever */
    assert_ok(store_write(store, run, &act, &e));
    expect_good(store, none, 31, 31);
    act.writer.now = 6060; /* the minute is over: one record for twenty */
    assert_ok(store_write(store, run, &act, &e));
    expect_good(store, none, 33, 32);
    assert_ok(store_read(store, find_collapsed, &q, &e));
    assert_int_equal(q.removed, 1);
    act.event.outcome = "refused";
    assert_ok(store_write(store, run, &act, &e));
    expect_good(store, none, 34, 33);
    for (int i = 0; i < 40; i++)
        assert_ok(store_write(store, run, &act, &e));
    expect_good(store, none, 63, 62);
    act.writer.now = 6120; /* the first refusal of the next minute brings the count with it */
    assert_ok(store_write(store, run, &act, &e));
    expect_good(store, none, 65, 63);
    q.removed = 0;
    assert_ok(store_read(store, find_collapsed, &q, &e));
    assert_int_equal(q.removed, 2);
    buf_clear(&q.out);
    store_close(store);
}

static int put_line(struct slice line, void *ctx, struct err *e)
{
    (void)e;
    buf_add_slice(ctx, line);
    buf_add_byte(ctx, '\n');
    return 0;
}

/* Parts of a few records each, as a client fetches them. */
static int export_parts(struct store_tx *tx, void *ctx, struct err *e)
{
    struct question *q = ctx;
    struct audit_part part = { .installation = "inst",
                               .key_pem = "PEM\n",
                               .limit = (int)q->number };

    do {
        if (audit_export(tx, "local", &part, put_line, &q->out, e))
            return -1;
        part.after = part.last;
    } while (part.limit && part.last);
    return 0;
}

static void test_export(void **state)
{
    static const char *const starts[] = {
        "{\"type\":\"audit-export\",\"v\":1,\"installation\":\"inst\",\"chain\":\"local\",",
        "{\"type\":\"tombstone\",\"statement\":\"{\\\"v\\\":1,\\\"type\\\":\\\"tombstone\\\"",
        "{\"type\":\"record\",\"bytes\":\"{\\\"v\\\":1,\\\"installation\\\":\\\"inst\\\"",
        "{\"type\":\"record\",\"bytes\":\"{\\\"v\\\":1,\\\"installation\\\":\\\"inst\\\"",
        "{\"type\":\"checkpoint\",\"statement\":\"{\\\"v\\\":1,\\\"type\\\":\\\"checkpoint\\\"",
    };
    struct store *store = open_store_in(state);
    struct question q = { .number = 1050 }, whole = { 0 }, parts = { .number = 1 };
    struct slice left, line;
    struct err e = { 0 };

    add(store, 1000, 2);
    add(store, 1100, 2);
    assert_ok(store_write(store, prune, &q, &e));
    assert_ok(store_read(store, export_parts, &whole, &e));
    assert_ok(store_read(store, export_parts, &parts, &e));
    assert_true(slice_eq(buf_slice(&whole.out), buf_slice(&parts.out)));
    left = buf_slice(&whole.out);
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        assert_true(slice_cut(&left, '\n', &line));
        if (!slice_starts(line, starts[i]))
            fail_msg("line %zu: " SLICE_FMT, i, SLICE_ARG(line));
    }
    assert_int_equal(left.len, 0);
    assert_non_null(strstr(buf_str(&whole.out), ",\"key\":\"PEM\\u000a\"}\n"));
    buf_clear(&whole.out);
    buf_clear(&parts.out);
    store_close(store);
}

/* Root works on another user's directory as that user; what it does is root's all the same. */
static void test_actor(void **state)
{
    struct passwd *user = getpwuid(getuid());
    CLEANUP(freep)
    char *want =
        user ? xasprintf("local:%.80s", user->pw_name) : xasprintf("local:%u", (unsigned)getuid());
    struct principal p;

    (void)state;
    if (getuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    principal_local(&p);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_string_equal(p.name, want);
    assert_string_equal(p.via, "cli");
}

static void test_rights(void **state)
{
    struct principal p;
    struct err e = { 0 };

    (void)state;
    principal_local(&p);
    assert_int_equal(strncmp(p.name, "local:", 6), 0);
    for (int right = RIGHT_READ; right <= RIGHT_OWN; right++)
        assert_ok(access_decide(&p, (enum right)right, "/", &e));
    assert_err(access_decide(&p, RIGHT_NONE, "/", &e), ERR_REFUSED);
    assert_err(access_decide(&p, RIGHTS, "/", &e), ERR_REFUSED);
    assert_err(access_decide(&p, RIGHT_NODE, "/", &e), ERR_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        folder_test(test_bytes),       folder_test(test_refused_details),
        folder_test(test_good),        folder_test(test_damages),
        folder_test(test_rolled_back), folder_test(test_prune),
        folder_test(test_kept_heads),  folder_test(test_refusals),
        folder_test(test_export),      folder_test(test_begun_anew),
        cmocka_unit_test(test_actor),  cmocka_unit_test(test_rights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
