#include "keeper/leaf.h"
#include "keeper/log.h"
#include "keeper/peer.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * What a caller of a serving keeper may send. An input that begins with 'R' is its stream as it
 * is. Any other is frames between bytes 0xfd, their lengths put in front; a byte 0xfe and a number
 * stand for something that only this keeper made (see add_token). No secret is ever in an answer,
 * and every answer can be read by our own end.
 */
#define FENCE                                                                                      \
    "{\"v\":1,\"cluster\":\"c1\",\"role\":\"operators\",\"eku\":[\"client\"],\"subject\":[],"      \
    "\"max_ttl\":100000,\"rate\":9000000,\"forms\":[{\"profile\":\"person\",\"eku\":[\"client\"]," \
    "\"cn\":\"*\",\"o\":[\"*\"],\"san\":[],\"max_ttl\":100000}]}"

static struct {
    struct keeper *keeper;
    int log_fd;
    struct data_key authority, kind;
    struct buf sealed, cert, tbs, value, identity;
    struct buf secret; /* the end of the authority's private key */
} w;

static int64_t clock_now(void *ctx)
{
    (void)ctx;
    return LEAF_NOW;
}

static void open_keeper(void)
{
    CLEANUP(secret_clear) struct secret text = { 0 };
    CLEANUP(fd_closep) int fd = memfd_create("root.key", MFD_CLOEXEC);
    char id[ROOT_KEY_ID];

    assert(!keeper_root_key_new(&text, id, NULL));
    assert(write(fd, text.ptr, text.len) == (ssize_t)text.len && lseek(fd, 0, SEEK_SET) == 0);
    assert(!keeper_open(&w.keeper, fd, "i1", NULL));
    w.keeper->clock = clock_now;
    w.log_fd = memfd_create("keeper.log", MFD_CLOEXEC);
    assert(fcntl(w.log_fd, F_SETFL, O_APPEND) == 0);
    assert(!keeper_log_open(&w.keeper->log, w.keeper, w.log_fd, NULL));
}

/* An authority whose key is known here: what must not come out. */
static void make_authority(const struct seal_place *place)
{
    CLEANUP(key_freep) struct key *key = NULL;
    CLEANUP(secret_clear) struct secret der = { 0 };
    CLEANUP(buf_clear) struct buf name = { 0 };
    CLEANUP(buf_clear) struct buf sig = { 0 };
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    uint8_t serial[16], skid[20];
    struct x509_template t = { .serial = slice_of(serial, sizeof serial),
                               .not_after = LEAF_NOW + 200000,
                               .ca = true,
                               .ku = KU_CERT_SIGN,
                               .skid = slice_of(skid, sizeof skid) };
    struct authority_import import = { .fence = slice_str(FENCE) };
    struct leaf_spec leaf = { .eku = EKU_CLIENT, .subject = "CN=alice" };

    assert(!key_generate(&key, KEY_ED25519, NULL) && !key_write_private_der(key, &der, NULL));
    x509_serial_new(serial);
    key_id_sha1(key, skid);
    leaf_name(&name, "CN=operators", 0, false);
    t.issuer = t.subject = buf_slice(&name);
    t.spki = key_spki(key);
    assert(!x509_tbs_write(&tbs, &t, SIG_ED25519, NULL));
    assert(!key_sign(key, buf_slice(&tbs), &sig, NULL));
    x509_assemble(&w.cert, buf_slice(&tbs), SIG_ED25519, buf_slice(&sig));
    import.cert = buf_slice(&w.cert);
    import.private_key = secret_slice(&der);
    assert(!keeper_authority_import(w.keeper, place, &import, &w.sealed, NULL));
    buf_add(&w.secret, der.ptr + der.len - 32, 32);
    leaf.issuer = t.subject;
    leaf.akid = t.skid;
    leaf.alg = SIG_ED25519;
    leaf_write(&w.tbs, &leaf);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct seal_place place = { &w.authority, { "generation", "u1", "key" } };
    CLEANUP(buf_clear) struct buf pem = { 0 };

    (void)argc;
    (void)argv;
    open_keeper();
    w.authority = (struct data_key){ .purpose = DATA_KEY_AUTHORITY, .subject = "s1" };
    w.kind = (struct data_key){ .purpose = DATA_KEY_KIND, .subject = "s1" };
    assert(!keeper_data_key_new(w.keeper, &w.authority, 1, NULL));
    assert(!keeper_data_key_new(w.keeper, &w.kind, 1, NULL));
    make_authority(&place);
    place.dk = &w.kind;
    assert(!keeper_seal(w.keeper, &place, slice_str("plain"), &w.value, NULL));
    assert(!keeper_identity_new(w.keeper, &place, &w.identity, &pem, NULL));
    return 0;
}

static void add_number(struct buf *out, uint64_t n, int bytes)
{
    while (bytes-- > 0)
        buf_add_byte(out, (uint8_t)(n >> 8 * bytes));
}

static void add_bytes(struct buf *out, const void *bytes, size_t len)
{
    add_number(out, len, 4);
    buf_add(out, bytes, len);
}

static void add_place(struct buf *out, const struct data_key *dk, bool label)
{
    add_bytes(out, dk->uid, sizeof dk->uid);
    add_number(out, dk->purpose, 8);
    add_bytes(out, dk->subject, sizeof dk->subject);
    add_number(out, (uint64_t)dk->generation, 8);
    add_number(out, (uint64_t)dk->seals, 8);
    add_bytes(out, dk->wrapped.ptr, dk->wrapped.len);
    if (label) {
        add_bytes(out, "generation", 11);
        add_bytes(out, "u1", 3);
        add_bytes(out, "key", 4);
    }
}

static void add_token(struct buf *out, uint8_t token, int64_t handle)
{
    static const char checkpoint[] = "{\"v\":1,\"type\":\"checkpoint\"}";
    const struct buf *blobs[] = { &w.sealed, &w.cert, &w.tbs, &w.value, &w.identity };

    switch (token) {
    case 'h': /* the greeting */
        buf_add_byte(out, MESSAGE_HELLO);
        add_number(out, MESSAGE_PROTOCOL, 8);
        add_bytes(out, "i1", 3);
        break;
    case 'A':
    case 'a':
    case 'K':
    case 'k':
        add_place(out, token == 'A' || token == 'a' ? &w.authority : &w.kind,
                  token == 'A' || token == 'K');
        break;
    case 'S': /* a signer's handle, when one is open */
        add_number(out, (uint64_t)handle, 8);
        break;
    case 'c':
        add_bytes(out, "c1", 3);
        break;
    case 'n':
        add_number(out, LEAF_NOW, 8);
        break;
    case 's':
        add_bytes(out, checkpoint, sizeof checkpoint - 1);
        break;
    default:
        if (token < 10)
            add_number(out, token, 8);
        else
            add_bytes(out, blobs[token % 5]->ptr, blobs[token % 5]->len);
    }
}

static void check_answers(struct frames *out)
{
    struct message_value values[MESSAGE_FIELDS];
    struct message_answer_head head;
    struct slice body, all = frames_slice(out);
    bool whole = true;
    size_t want;

    if (all.len)
        assert(!memmem(all.ptr, all.len, w.secret.ptr, w.secret.len));
    for (;;) {
        assert(!frames_next(out, &body, &whole, &want, NULL));
        if (!whole)
            break;
        assert(!message_read_answer(&body, &head, NULL));
        assert(!message_read(head.fields, body, values, NULL));
        frames_take(out, want);
    }
    assert(frames_slice(out).len == 0);
}

/* false: the connection has ended. */
static bool feed(struct peer *peer, struct frames *in)
{
    CLEANUP(frames_clear) struct frames out = { 0 };
    struct err e = { 0 };
    struct slice body;
    bool whole, good;
    size_t want;

    do {
        good = !frames_next(in, &body, &whole, &want, &e);
        if (!good || !whole)
            break;
        good = !peer_handle(peer, body, &out, &e);
        frames_take(in, want);
    } while (good);
    assert(good || e.msg[0]);
    check_answers(&out);
    return good;
}

static bool add_to(struct frames *in, struct slice bytes)
{
    if (bytes.len == 0)
        return true;
    assert(!frames_room(in, bytes.len, NULL));
    memcpy(in->pages.ptr + in->len, bytes.ptr, bytes.len);
    in->len += bytes.len;
    return true;
}

static bool feed_script(struct peer *peer, struct frames *in, struct slice text)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(buf_clear) struct buf frame = { 0 };

    for (size_t i = 0; i < text.len && text.ptr[i] != 0xfd; i++)
        if (text.ptr[i] == 0xfe && i + 1 < text.len)
            add_token(&body, text.ptr[++i], peer->cache->last_handle);
        else
            buf_add_byte(&body, text.ptr[i]);
    add_number(&frame, body.len, 4);
    buf_add_slice(&frame, buf_slice(&body));
    return add_to(in, buf_slice(&frame)) && feed(peer, in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(frames_clear) struct frames in = { 0 };
    struct signer_cache cache = { 0 };
    bool unnamed = false;
    struct peer peer = { .keeper = w.keeper, .cache = &cache, .unnamed = &unnamed };
    struct slice rest = slice_of(data, len);

    if (len && data[0] == 'R') {
        if (len <= MESSAGE_MAX && add_to(&in, slice_of(data + 1, len - 1)))
            (void)feed(&peer, &in);
    } else if (len < 64 << 10) {
        while (rest.len && feed_script(&peer, &in, rest)) {
            const uint8_t *next = memchr(rest.ptr, 0xfd, rest.len);

            rest = next ? slice_of(next + 1, rest.len - (size_t)(next + 1 - rest.ptr))
                        : slice_of(NULL, 0);
        }
    }
    peer_clear(&peer);
    signer_cache_clear(&cache);
    assert(ftruncate(w.log_fd, 0) == 0);
    return 0;
}
