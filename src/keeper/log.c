#include "keeper/log.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/encode.h"
#include "crypto/hash.h"
#include "keeper/keeper_data.h"
#include "wire/json.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_MS = 1000, HEAD_LINES = 4096, TAIL = 64 << 10, SEED = 32 };

struct keeper_log {
    int fd;
    const struct keeper *keeper;
    struct key *key;
    struct keeper_log_place last;
    int64_t unsigned_lines;
    int64_t head_due; /* milliseconds, monotonic; while there are unsigned lines */
    bool torn;        /* the file ends within a line */
    struct buf line;  /* being written */
    struct json_writer writer;
};

void keeper_log_close(struct keeper_log *log)
{
    if (!log)
        return;
    key_free(log->key);
    buf_clear(&log->line);
    free(log);
}
DEFINE_FREEP(struct keeper_log *, keeper_log_close)

/* Ed25519 as PKCS#8 (RFC 8410, section 7) of a seed that the root key's derivative gives. */
static int derive_key(struct key **ret, const struct keeper *keeper, struct err *e)
{
    static const uint8_t head[] = { 0x30, 0x2e, 2,    1,    0, 0x30, 5, 6,
                                    3,    0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20 };
    CLEANUP(secret_clear) struct secret seed = { 0 };
    CLEANUP(secret_clear) struct secret pkcs8 = { 0 };

    if (hkdf_sha256(&seed, SEED, secret_slice(&keeper->wrap_base), slice_of(NULL, 0),
                    slice_str("poterne keeper log key v1"), e) ||
        secret_alloc(&pkcs8, sizeof head + SEED, e))
        return -1;
    memcpy(pkcs8.ptr, head, sizeof head);
    memcpy(pkcs8.ptr + sizeof head, seed.ptr, SEED);
    return key_read_private(ret, secret_slice(&pkcs8), e);
}

int local_log_key(struct keeper *keeper, struct buf *public_pem, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(buf_clear) struct buf pem = { 0 };

    if (derive_key(&key, keeper, e) || key_write_public_pem(key, &pem, e) || buf_check(&pem, e))
        return err_wrap(e, "the key of the keeper's log");
    buf_replace(public_pem, &pem);
    return 0;
}

/* ---- a line ---- */

static int64_t now(const struct keeper_log *log)
{
    const struct keeper *keeper = log->keeper;

    return keeper->clock ? keeper->clock(keeper->clock_ctx) : clock_wall();
}

static struct json_writer *begin(struct keeper_log *log, const char *type)
{
    struct json_writer *w = &log->writer;

    buf_reset(&log->line);
    if (log->torn)
        buf_add_byte(&log->line, '\n');
    json_writer_init(w, &log->line, false);
    json_put_object(w, NULL);
    json_put_int(w, "v", 1);
    json_put_int(w, "n", log->last.n + 1);
    json_put_text(w, "prev", log->last.hash);
    json_put_time(w, "time", now(log));
    json_put_text(w, "type", type);
    return w;
}

/* A write that fails after some bytes leaves a torn line: the next one is a start behind it. */
static int append(struct keeper_log *log, struct slice bytes, struct err *e)
{
    while (bytes.len) {
        ssize_t n = write(log->fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "write the keeper's log");
        log->torn = true;
        bytes = slice_of(bytes.ptr + n, bytes.len - (size_t)n);
    }
    log->torn = false;
    return 0;
}

static int end(struct keeper_log *log, struct err *e)
{
    struct slice line;

    json_put_end(&log->writer);
    buf_add_byte(&log->line, '\n');
    if (buf_check(&log->line, e))
        return -1;
    line = buf_slice(&log->line);
    if (line.ptr[0] == '\n')
        line = slice_of(line.ptr + 1, line.len - 1);
    if (append(log, buf_slice(&log->line), e))
        return -1;
    log->last.n++;
    keeper_log_hash(log->last.hash, slice_of(line.ptr, line.len - 1));
    if (log->unsigned_lines++ == 0)
        log->head_due = clock_monotonic_ms() + HEAD_MS;
    return 0;
}

static int put_start(struct keeper_log *log, struct err *e)
{
    struct json_writer *w = begin(log, "start");

    json_put_text(w, "root", log->keeper->root_id);
    json_put_base64(w, "key", key_spki(log->key));
    return end(log, e);
}

/* NULL: it cannot be written now. */
static struct json_writer *begin_act(struct keeper_log *log, const char *type, struct err *e)
{
    if (log->torn && put_start(log, e))
        return NULL;
    return begin(log, type);
}

static void put_sha256(struct json_writer *w, const char *key, struct slice bytes)
{
    CLEANUP(buf_clear) struct buf hex = { 0 };

    sha256_hex(&hex, bytes);
    json_put_slice(w, key, buf_slice(&hex));
}

int keeper_log_certificate(struct keeper_log *log, const struct log_certificate *c, struct err *e)
{
    CLEANUP(buf_clear) struct buf serial = { 0 };
    CLEANUP(buf_clear) struct buf issuer = { 0 };
    struct json_writer *w;

    if (!log)
        return 0;
    if (!(w = begin_act(log, "certificate", e)))
        return -1;
    x509_serial_hex(&serial, c->serial);
    json_put_int(w, "number", c->number);
    json_put_text(w, "cluster", c->cluster);
    json_put_text(w, "authority", c->authority);
    hex_encode(&issuer, slice_of(c->issuer, SHA256_LEN));
    json_put_slice(w, "issuer", buf_slice(&issuer));
    json_put_text(w, "profile", c->profile);
    json_put_slice(w, "serial", buf_slice(&serial));
    put_sha256(w, "tbs", c->tbs);
    json_put_bool(w, "privileged", c->privileged);
    return end(log, e);
}

int keeper_log_authority(struct keeper_log *log, const struct log_authority *a, struct err *e)
{
    struct json_writer *w;

    if (!log)
        return 0;
    if (!(w = begin_act(log, "authority", e)))
        return -1;
    json_put_text(w, "cluster", a->cluster);
    json_put_text(w, "authority", a->authority);
    put_sha256(w, "cert", a->cert);
    json_put_bool(w, "imported", a->imported);
    return end(log, e);
}

int keeper_log_statement(struct keeper_log *log, struct slice statement, struct err *e)
{
    struct json_writer *w;

    if (!log)
        return 0;
    if (!(w = begin_act(log, "statement", e)))
        return -1;
    put_sha256(w, "sha256", statement);
    return end(log, e);
}

int keeper_log_unseal(struct keeper_log *log, const struct seal_label *label, struct err *e)
{
    struct json_writer *w;

    if (!log)
        return 0;
    if (!(w = begin_act(log, "unseal", e)))
        return -1;
    json_put_text(w, "kind", label->kind);
    json_put_text(w, "uid", label->uid);
    json_put_text(w, "field", label->field);
    return end(log, e);
}

/* ---- heads ---- */

static int sign_line(struct keeper_log *log, struct buf *sig, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    buf_add_str(&text, KEEPER_LOG_CONTEXT);
    buf_add_slice(&text, buf_slice(&log->line));
    if (buf_check(&text, e) || key_sign(log->key, buf_slice(&text), sig, e) || buf_check(sig, e))
        return err_wrap(e, "sign the keeper's log");
    return 0;
}

int keeper_log_head(struct keeper_log *log, struct err *e)
{
    CLEANUP(buf_clear) struct buf sig = { 0 };
    struct json_writer *w;

    if (log->unsigned_lines == 0)
        return 0;
    log->head_due = clock_monotonic_ms() + HEAD_MS; /* when it fails: try again then */
    if (!(w = begin_act(log, "head", e)) || sign_line(log, &sig, e))
        return -1;
    json_put_base64(w, "signature", buf_slice(&sig));
    if (end(log, e))
        return -1;
    if (fdatasync(log->fd))
        return err_errno(e, "write the keeper's log");
    log->unsigned_lines = 0;
    return 0;
}

int keeper_log_duty(struct keeper_log *log)
{
    int64_t left = log->head_due - clock_monotonic_ms();

    if (log->unsigned_lines == 0)
        return -1;
    if (left > 0 && log->unsigned_lines < HEAD_LINES)
        return (int)left;
    /* A full disk is told to those who want a signature, which then is refused. */
    return keeper_log_head(log, NULL) ? HEAD_MS : -1;
}

/* ---- opening ---- */

static int read_tail(int fd, struct buf *tail, struct err *e)
{
    struct stat info;
    off_t from;
    ssize_t n = 0;

    if (fstat(fd, &info))
        return err_errno(e, "look at it");
    if (!S_ISREG(info.st_mode))
        return err_set(e, ERR_INVALID, "not a regular file");
    from = info.st_size > TAIL ? info.st_size - TAIL : 0;
    while (tail->len < TAIL) {
        uint8_t *room = buf_room(tail, TAIL - tail->len);

        if (!room)
            return buf_check(tail, e);
        n = pread(fd, room, TAIL - tail->len, from + (off_t)tail->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        tail->len += (size_t)n;
    }
    return n < 0 ? err_errno(e, "read it") : 0;
}

/* The last whole line that is ours; what is behind it a crash cut short. */
static bool last_line(struct slice tail, struct keeper_log_place *place)
{
    struct slice line;
    bool found = false;

    while (slice_cut(&tail, '\n', &line)) {
        CLEANUP(keeper_log_line_clear) struct keeper_log_line read = { 0 };

        if (!keeper_log_parse(&read, line))
            continue;
        place->n = read.n;
        keeper_log_hash(place->hash, line);
        found = true;
    }
    return found;
}

static int go_on(struct keeper_log *log, struct err *e)
{
    CLEANUP(buf_clear) struct buf tail = { 0 };

    memset(log->last.hash, '0', KEEPER_LOG_HASH - 1);
    if (read_tail(log->fd, &tail, e))
        return -1;
    if (tail.len == 0)
        return 0;
    if (!last_line(buf_slice(&tail), &log->last) &&
        slice_cut(&(struct slice){ tail.ptr, tail.len }, '\n', &(struct slice){ 0 }))
        return err_set(e, ERR_CORRUPT, "it holds no line of a log: move it away");
    log->torn = tail.ptr[tail.len - 1] != '\n';
    return 0;
}

int keeper_log_open(struct keeper_log **ret, struct keeper *keeper, int fd, struct err *e)
{
    CLEANUP(keeper_log_closep) struct keeper_log *log = xcalloc(1, sizeof *log);

    log->fd = fd;
    log->keeper = keeper;
    if (derive_key(&log->key, keeper, e) || go_on(log, e) ||
        keeper_log_restore(fd, keeper, now(log), e) || put_start(log, e))
        return err_wrap(e, "the keeper's log");
    *ret = log;
    log = NULL;
    return 0;
}
