#include "base/encode.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/pem.h"
#include "keeper/log.h"
#include "wire/json.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void keeper_log_hash(char out[KEEPER_LOG_HASH], struct slice line)
{
    CLEANUP(buf_clear) struct buf hex = { 0 };

    sha256_hex(&hex, line);
    memcpy(out, buf_str(&hex), KEEPER_LOG_HASH);
}

void keeper_log_line_clear(struct keeper_log_line *line)
{
    buf_clear(&line->key);
    buf_clear(&line->signature);
    *line = (struct keeper_log_line){ 0 };
}

static bool copy_text(const struct json_value *root, const char *key, char *out, size_t room)
{
    const char *text = json_text(json_get(root, key));

    if (!text || strlen(text) >= room)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool copy_base64(const struct json_value *root, const char *key, struct buf *out)
{
    const struct json_value *v = json_get(root, key);

    return !v || base64_decode(out, json_slice(v), NULL) == 0;
}

bool keeper_log_parse(struct keeper_log_line *ret, struct slice bytes)
{
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(keeper_log_line_clear) struct keeper_log_line line = { 0 };
    const struct json_limits limits = { .bytes = KEEPER_LOG_LINE, .depth = 2 };
    const struct json_value *root;

    if (json_parse(&doc, bytes, &limits, NULL))
        return false;
    root = json_root(doc);
    line.n = json_int(json_get(root, "n"), 0);
    if (json_int(json_get(root, "v"), 0) != 1 || line.n < 1 ||
        !copy_text(root, "prev", line.prev, sizeof line.prev) ||
        !copy_text(root, "type", line.type, sizeof line.type) ||
        !copy_base64(root, "key", &line.key) || !copy_base64(root, "signature", &line.signature))
        return false;
    *ret = line;
    line = (struct keeper_log_line){ 0 };
    return true;
}

struct check {
    struct keeper_log_verdict *verdict;
    const struct slice *keys;
    size_t key_count;
    struct keeper_log_place last, before; /* before: of the line in front of the last */
    struct key *key;                      /* of the present start */
    bool certificate;                     /* the last one was of that type */
    bool torn;                            /* a line was not ours: only a start may follow */
};

static void check_clear(struct check *c)
{
    key_free(c->key);
}

static void fault(struct check *c, const char *kind, const char *text)
{
    struct keeper_log_verdict *v = c->verdict;

    (void)snprintf(v->kind, sizeof v->kind, "%s", kind);
    (void)snprintf(v->text, sizeof v->text, "%s", text);
    v->at = c->last.n;
}

static bool follows(const struct keeper_log_line *line, const struct keeper_log_place *place)
{
    return line->n == place->n + 1 && strcmp(line->prev, place->hash) == 0;
}

/* The key of a start must be one of those that are known. */
static bool take_key(struct check *c, const struct keeper_log_line *line)
{
    key_free(c->key);
    c->key = NULL;
    for (size_t i = 0; i < c->key_count; i++) {
        CLEANUP(key_freep) struct key *key = NULL;
        CLEANUP(buf_clear) struct buf der = { 0 };

        if (pem_or_der(&der, c->keys[i], "PUBLIC KEY", NULL) ||
            key_read_public(&key, buf_slice(&der), NULL) ||
            !slice_eq(key_spki(key), buf_slice(&line->key)))
            continue;
        c->key = key;
        key = NULL;
        return true;
    }
    return false;
}

static bool head_holds(const struct check *c, const struct keeper_log_line *line,
                       struct slice bytes)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    const uint8_t *cut =
        memmem(bytes.ptr, bytes.len, KEEPER_LOG_SIGNATURE, strlen(KEEPER_LOG_SIGNATURE));

    if (!cut || !c->key)
        return false;
    buf_add_str(&text, KEEPER_LOG_CONTEXT);
    buf_add(&text, bytes.ptr, (size_t)(cut - bytes.ptr));
    return !text.failed && key_verify(c->key, SIG_ED25519, slice_of(NULL, 0), buf_slice(&text),
                                      buf_slice(&line->signature), NULL) == 0;
}

/* A start also goes on from the line before the last: the last one may have lacked but its line
 * end, which the start then brought; nobody was given anything for it. */
static bool check_order(struct check *c, const struct keeper_log_line *line)
{
    bool start = strcmp(line->type, "start") == 0;

    if (c->torn && !start) {
        fault(c, "broken", "a line is damaged");
        return false;
    }
    if (follows(line, &c->last)) {
        c->verdict->torn += c->torn;
        return true;
    }
    if (start && follows(line, &c->before)) {
        c->verdict->torn++;
        c->verdict->heads -= c->verdict->signed_to == c->last.n;
        c->verdict->certificates -= c->certificate;
        if (c->verdict->signed_to > c->before.n)
            c->verdict->signed_to = c->before.n;
        return true;
    }
    fault(c, line->n > c->last.n + 1 ? "missing" : "broken",
          line->n > c->last.n + 1 ? "lines are missing" : "a line does not follow the one before");
    return false;
}

static bool known_type(const char *type)
{
    static const char *const types[] = { "start",     "certificate", "authority",
                                         "statement", "unseal",      "head" };

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static bool check_type(struct check *c, const struct keeper_log_line *line, struct slice bytes)
{
    struct keeper_log_verdict *v = c->verdict;

    if (strcmp(line->type, "start") == 0 && !take_key(c, line)) {
        fault(c, "other-key", "the keeper that went on has a log key that is not known here");
        return false;
    }
    if (!c->key || !known_type(line->type)) {
        fault(c, "broken",
              c->key ? "a line is of no known type" : "the log does not begin with a start");
        return false;
    }
    c->certificate = strcmp(line->type, "certificate") == 0;
    v->certificates += c->certificate;
    if (strcmp(line->type, "head") != 0)
        return true;
    if (!head_holds(c, line, bytes)) {
        fault(c, "bad-signature", "a signature does not hold");
        return false;
    }
    v->heads++;
    v->signed_to = line->n;
    return true;
}

static bool check_line(struct check *c, struct slice bytes)
{
    CLEANUP(keeper_log_line_clear) struct keeper_log_line line = { 0 };

    if (!keeper_log_parse(&line, bytes)) {
        if (c->torn)
            fault(c, "broken", "a line is damaged");
        c->torn = true;
        return !c->verdict->kind[0];
    }
    if (!check_order(c, &line) || !check_type(c, &line, bytes))
        return false;
    c->torn = false;
    c->before = c->last;
    c->last.n = line.n;
    keeper_log_hash(c->last.hash, bytes);
    c->verdict->lines++;
    return true;
}

/* What is read is cut into lines; false: a fault was found. */
static bool check_lines(struct check *c, struct buf *room)
{
    struct slice rest = buf_slice(room), line;
    bool good = true;

    while (good && slice_cut(&rest, '\n', &line))
        good = check_line(c, line);
    if (rest.len > KEEPER_LOG_LINE) {
        fault(c, "broken", "a line is too long");
        return false;
    }
    memmove(room->ptr, rest.ptr, rest.len);
    room->len = rest.len;
    return good;
}

static int read_all(struct check *c, int fd, struct err *e)
{
    CLEANUP(buf_clear) struct buf room = { 0 };

    for (;;) {
        uint8_t *at = buf_room(&room, KEEPER_LOG_LINE);
        ssize_t n = at ? read(fd, at, KEEPER_LOG_LINE) : 0;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "read the keeper's log");
        if (n == 0)
            break;
        room.len += (size_t)n;
        if (!check_lines(c, &room))
            return 0;
    }
    /* The keeper may be writing: a last line without its end is not there yet. A damaged one is. */
    c->verdict->torn += room.len > 0;
    if (c->torn)
        fault(c, "broken", "the last line is damaged");
    return 0;
}

int keeper_log_verify(int fd, const struct slice *keys, size_t key_count,
                      struct keeper_log_verdict *ret, struct err *e)
{
    struct keeper_log_verdict verdict = { 0 };
    CLEANUP(check_clear)
    struct check c = { .verdict = &verdict, .keys = keys, .key_count = key_count };

    memset(c.last.hash, '0', KEEPER_LOG_HASH - 1);
    c.before.n = -1;
    if (read_all(&c, fd, e))
        return -1;
    verdict.last = c.last.n;
    verdict.good = !verdict.kind[0];
    *ret = verdict;
    return 0;
}
