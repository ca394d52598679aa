/*
 * A server of net/server.h with a fixed handler, for tests with real clients and for benchmarks.
 *
 *   http_server [--threads N] [--plain ADDRESS]... [--tls ADDRESS]... [--inherit FD]
 *               [--cert FILE --key FILE]... [--client-ca FILE] [--limit NAME=NUMBER]... [--quiet]
 *               [--drain MS]
 *
 * Prints "listening ADDRESS" for each, then "ready"; afterwards a line for each request, refused
 * connection and signal: HUP reads the files again, USR1 prints the counters, USR2 wakes the
 * streamed answers, TERM drains.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/init.h"
#include "crypto/pem.h"
#include "net/server.h"
#include "store/file.h"
#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { MOST = 8, BIG = 64 << 20 };

static struct {
    unsigned threads;
    const char *plain[MOST], *tls[MOST], *cert[MOST], *key[MOST], *client_ca;
    size_t plains, tlses, certs, keys;
    int inherit, drain;
    bool quiet;
    struct server_limits limits;
} options = { .threads = 1, .inherit = -1, .drain = 5000 };

static _Noreturn void die(const char *what, const struct err *e)
{
    (void)fprintf(stderr, "http_server: %s: %s\n", what, err_text(e));
    exit(1);
}

static void say(const char *format, ...) PRINTF_LIKE(1, 2);
static void say(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    (void)vprintf(format, ap);
    va_end(ap);
    (void)fflush(stdout);
}

/* ---- the handler ---- */

static int64_t number_behind(struct slice text, const char *prefix)
{
    size_t len = strlen(prefix);
    int64_t number = 0;

    for (size_t i = len; i < text.len && isdigit(text.ptr[i]) && number < BIG; i++)
        number = number * 10 + (text.ptr[i] - '0');
    return number;
}

/* /stream/N: a line each time it is asked; /endless: as much as is taken; /broken: fails. */
struct counter {
    int64_t left;
    bool endless, broken;
};

static int count_more(void *src, struct buf *out, bool *end, struct err *e)
{
    struct counter *c = src;

    if (c->broken && c->left == 0)
        return err_set(e, ERR_IO, "the source is broken");
    if (c->endless) {
        if (!buf_room(out, 16 << 10))
            return err_set(e, ERR_LIMIT, "no room");
        memset(out->ptr + out->len, 'x', 16 << 10);
        out->len += 16 << 10;
        return 0;
    }
    if (c->left)
        buf_addf(out, "{\"left\":%lld}\n", (long long)--c->left);
    *end = c->left == 0 && !c->broken;
    return 0;
}

/* Once a turn: the server asks again as long as there is something. */
static int count_slowly(void *src, struct buf *out, bool *end, struct err *e)
{
    static _Thread_local int64_t last;
    int64_t now = clock_monotonic_ms();

    if (now - last < 20)
        return 0;
    last = now;
    return count_more(src, out, end, e);
}

static void free_counter(void *src)
{
    say("source freed\n");
    free(src);
}

static void start_stream(struct server_reply *reply, struct counter counter)
{
    struct counter *c = xcalloc(1, sizeof *c);

    *c = counter;
    reply->response.stream = true;
    reply->source = (struct server_source){ .more = counter.endless ? count_more : count_slowly,
                                            .free = free_counter,
                                            .src = c };
}

static void describe_peer(const struct server_peer *peer, struct buf *out)
{
    buf_addf(out,
             "{\"address\":\"%s\",\"local\":%s,\"uid\":%d,\"gid\":%d,\"pid\":%d,\"cert\":%zu,"
             "\"protocol\":\"%s\",\"tls\":\"%s\"}\n",
             peer->address, peer->local ? "true" : "false", (int)peer->uid, (int)peer->gid,
             (int)peer->pid, peer->cert.len, peer->protocol, peer->tls ? peer->tls : "");
}

static void fill(struct buf *out, int64_t len)
{
    static const char line[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";

    for (; len > 0; len -= 64)
        buf_add(out, line, len < 64 ? (size_t)len : 64);
}

static void handle(void *ctx, const struct server_peer *peer, const struct http_request *request,
                   struct server_reply *reply)
{
    struct http_response *r = &reply->response;
    struct slice path = request->target;

    (void)ctx;
    r->status = 200;
    r->type = "text/plain";
    if (slice_eq_str(path, "/") || slice_starts(path, "/?")) {
        buf_add_str(&r->body, "hello\n");
    } else if (slice_eq_str(path, "/peer")) {
        describe_peer(peer, &r->body);
    } else if (slice_eq_str(path, "/echo")) {
        buf_add_slice(&r->body, request->body);
    } else if (slice_starts(path, "/big/")) {
        fill(&r->body, number_behind(path, "/big/"));
    } else if (slice_starts(path, "/stream/")) {
        start_stream(reply, (struct counter){ .left = number_behind(path, "/stream/") });
    } else if (slice_eq_str(path, "/endless")) {
        start_stream(reply, (struct counter){ .endless = true });
    } else if (slice_eq_str(path, "/broken")) {
        start_stream(reply, (struct counter){ .left = 2, .broken = true });
    } else if (slice_starts(path, "/sleep/")) {
        (void)usleep((useconds_t)number_behind(path, "/sleep/") * 1000);
        buf_add_str(&r->body, "slept\n");
    } else if (slice_eq_str(path, "/nothing")) {
        r->status = 0;
    } else {
        r->status = 404;
        buf_add_str(&r->body, "there is no such page\n");
    }
}

static size_t max_body(void *ctx, const struct server_peer *peer, const struct http_request *head)
{
    (void)ctx;
    (void)peer;
    return slice_eq_str(head->target, "/echo") ? 32 << 20 : 4096;
}

static void log_request(void *ctx, const struct server_log *log)
{
    (void)ctx;
    if (!options.quiet)
        say("request %s %s " SLICE_FMT " %d %llu bytes %s%s%s\n", log->peer->address,
            http_method_name(log->method), SLICE_ARG(log->path), log->status,
            (unsigned long long)log->bytes, log->broken ? "broken" : "whole",
            log->reason ? ": " : "", log->reason ? log->reason : "");
}

static void log_refused(void *ctx, const struct server_refused *refused)
{
    (void)ctx;
    if (!options.quiet)
        say("refused %s %s %s: %s\n", refused->peer->address, server_refusal_name(refused->refusal),
            server_phase_name(refused->phase), refused->reason);
}

/* ---- files ---- */

enum { CHAIN = 4 };
struct loaded {
    struct buf der[CHAIN];
    struct slice chain[CHAIN];
    size_t count;
    struct key *key;
};

static void read_file(struct buf *out, const char *path)
{
    struct err e = { 0 };

    if (file_read(out, path, 1 << 20, &e))
        die(path, &e);
}

static void read_chain(struct loaded *l, const char *path)
{
    CLEANUP(buf_clear) struct buf file = { 0 };
    CLEANUP(pem_block_clear) struct pem_block block = { .label = { 0 } };
    struct slice rest;
    struct err e = { 0 };
    int more;

    read_file(&file, path);
    rest = buf_slice(&file);
    while ((more = pem_next(&rest, &block, &e)) == 1 && l->count < CHAIN) {
        buf_add_slice(&l->der[l->count], buf_slice(&block.der));
        l->chain[l->count] = buf_slice(&l->der[l->count]);
        l->count++;
    }
    if (more < 0)
        die(path, &e);
}

static void load(struct loaded *l, const char *cert, const char *key)
{
    CLEANUP(buf_clear) struct buf file = { 0 };
    struct err e = { 0 };

    *l = (struct loaded){ .count = 0 };
    if (cert)
        read_chain(l, cert);
    if (!key)
        return;
    read_file(&file, key);
    if (key_read_private(&l->key, buf_slice(&file), &e))
        die(key, &e);
}

static void unload(struct loaded *l)
{
    for (size_t i = 0; i < l->count; i++)
        buf_clear(&l->der[i]);
    key_free(l->key);
}

static struct tls_server *make_tls(const struct tls_server *previous)
{
    struct loaded own[MOST], client;
    struct tls_identity identity[MOST];
    struct tls_server *tls = NULL;
    struct err e = { 0 };

    for (size_t i = 0; i < options.certs; i++) {
        load(&own[i], options.cert[i], options.key[i]);
        identity[i] = (struct tls_identity){ own[i].chain, own[i].count, own[i].key };
    }
    load(&client, options.client_ca, NULL);
    if (tls_server_new(&tls,
                       &(struct tls_server_config){ .identity = identity,
                                                    .identity_count = options.certs,
                                                    .client_ca = client.chain,
                                                    .client_ca_count = client.count,
                                                    .previous = previous },
                       &e))
        die("TLS", &e);
    for (size_t i = 0; i < options.certs; i++)
        unload(&own[i]);
    unload(&client);
    return tls;
}

/* ---- options ---- */

static void set_limit(const char *text)
{
    struct server_limits *l = &options.limits;
    const struct {
        const char *name;
        int *time;
        unsigned *count;
    } limits[] = {
        { "handshake", &l->handshake, NULL },
        { "head", &l->head, NULL },
        { "body", &l->body, NULL },
        { "idle", &l->idle, NULL },
        { "write", &l->write, NULL },
        { "linger", &l->linger, NULL },
        { "body-grace", &l->body_grace, NULL },
        { "body-rate", NULL, &l->body_rate },
        { "connections", NULL, &l->connections },
        { "per-address", NULL, &l->per_address },
        { "local", NULL, &l->local },
    };
    const char *equals = strchr(text, '=');
    struct err e = { 0 };

    for (size_t i = 0; equals && i < ARRAY_LEN(limits); i++) {
        if (!slice_eq_str(slice_of(text, (size_t)(equals - text)), limits[i].name))
            continue;
        if (limits[i].time)
            *limits[i].time = (int)strtol(equals + 1, NULL, 10);
        else
            *limits[i].count = (unsigned)strtoul(equals + 1, NULL, 10);
        return;
    }
    (void)err_set(&e, ERR_INVALID, "there is no such limit");
    die(text, &e);
}

static void set_option(const char *name, const char *value)
{
    struct err e = { 0 };

    if (strcmp(name, "--threads") == 0)
        options.threads = (unsigned)strtoul(value, NULL, 10);
    else if (strcmp(name, "--plain") == 0 && options.plains < MOST)
        options.plain[options.plains++] = value;
    else if (strcmp(name, "--tls") == 0 && options.tlses < MOST)
        options.tls[options.tlses++] = value;
    else if (strcmp(name, "--cert") == 0 && options.certs < MOST)
        options.cert[options.certs++] = value;
    else if (strcmp(name, "--key") == 0 && options.keys < MOST)
        options.key[options.keys++] = value;
    else if (strcmp(name, "--client-ca") == 0)
        options.client_ca = value;
    else if (strcmp(name, "--inherit") == 0)
        options.inherit = (int)strtol(value, NULL, 10);
    else if (strcmp(name, "--drain") == 0)
        options.drain = (int)strtol(value, NULL, 10);
    else if (strcmp(name, "--limit") == 0)
        set_limit(value);
    else {
        (void)err_set(&e, ERR_INVALID, "there is no such option");
        die(name, &e);
    }
}

static void parse_options(int argc, char **argv)
{
    struct err e = { 0 };

    options.limits = server_default_limits;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quiet") == 0) {
            options.quiet = true;
            continue;
        }
        if (i + 1 == argc) {
            (void)err_set(&e, ERR_INVALID, "a value is missing");
            die(argv[i], &e);
        }
        set_option(argv[i], argv[i + 1]);
        i++;
    }
}

/* ---- running ---- */

static void add_listener(struct server *server, struct listener *listener, bool tls)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    listener_describe(listener, &text);
    say("listening %s\n", buf_str(&text));
    server_listen(server, listener, tls);
}

static void listen_on(struct server *server, const char *text, bool tls)
{
    struct listen_options how = { options.threads, 0666, (gid_t)-1 };
    struct listen_address address;
    struct listener *listener = NULL;
    struct err e = { 0 };

    if (listen_parse(&address, text, &e) || listener_open(&listener, &address, &how, &e))
        die("listen", &e);
    add_listener(server, listener, tls);
}

static void open_listeners(struct server *server)
{
    struct listener *inherited = NULL;
    struct err e = { 0 };

    for (size_t i = 0; i < options.plains; i++)
        listen_on(server, options.plain[i], false);
    for (size_t i = 0; i < options.tlses; i++)
        listen_on(server, options.tls[i], true);
    if (options.inherit < 0)
        return;
    if (listener_adopt(&inherited, options.inherit, &e))
        die("inherit", &e);
    add_listener(server, inherited, false);
}

static void print_stats(const struct server *server)
{
    struct server_stats s;

    server_stats_get(server, &s);
    say("{\"accepted\":%llu,\"open\":%llu,\"handshakes\":%llu,\"resumed\":%llu,\"evicted\":%llu,"
        "\"in\":%llu,\"out\":%llu",
        (unsigned long long)s.accepted, (unsigned long long)s.open,
        (unsigned long long)s.handshakes, (unsigned long long)s.resumed,
        (unsigned long long)s.evicted, (unsigned long long)s.bytes_in,
        (unsigned long long)s.bytes_out);
    for (int i = 1; i < 6; i++)
        say(",\"%dxx\":%llu", i, (unsigned long long)s.requests[i]);
    for (int i = 0; i < SERVER_PHASES; i++)
        say(",\"timeout-%s\":%llu", server_phase_name((enum server_phase)i),
            (unsigned long long)s.timeouts[i]);
    for (int i = 0; i < SERVER_REFUSALS; i++)
        say(",\"refused-%s\":%llu", server_refusal_name((enum server_refusal)i),
            (unsigned long long)s.refused[i]);
    say("}\n");
}

/* Until TERM. */
static void follow_signals(struct server *server, struct tls_server **tls, const sigset_t *signals)
{
    for (;;) {
        struct tls_server *next;
        int which;

        if (sigwait(signals, &which))
            continue;
        if (which == SIGTERM)
            return;
        if (which == SIGUSR1)
            print_stats(server);
        if (which == SIGUSR2)
            server_wake(server);
        if (which != SIGHUP || options.certs == 0)
            continue;
        next = make_tls(*tls);
        server_set_tls(server, next);
        tls_server_free(*tls);
        *tls = next;
        say("reloaded\n");
    }
}

int main(int argc, char **argv)
{
    CLEANUP(server_freep) struct server *server = NULL;
    CLEANUP(tls_server_freep) struct tls_server *tls = NULL;
    struct server_config config = {
        .handle = handle, .max_body = max_body, .log = log_request, .refused = log_refused
    };
    sigset_t signals;
    struct err e = { 0 };

    parse_options(argc, argv);
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigaddset(&signals, SIGUSR1);
    (void)sigaddset(&signals, SIGUSR2);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    config.threads = options.threads;
    config.limits = options.limits;
    if (server_new(&server, &config, &e))
        die("server", &e);
    open_listeners(server);
    if (options.certs) {
        tls = make_tls(NULL);
        server_set_tls(server, tls);
    }
    if (server_start(server, &e))
        die("start", &e);
    say("ready\n");
    follow_signals(server, &tls, &signals);
    say("drained %u\n", server_drain(server, options.drain));
    print_stats(server);
    return 0;
}
