/*
 * Clients of an HTTP server that are cheap beside it: each connection is kept, one request at a
 * time, and waits for its answer. With client certificates, which wrk has not.
 *
 *     load ADDRESS CONNECTIONS THREADS PERIOD SECONDS PLAN
 *
 * ADDRESS: https://IP:PORT, http://IP:PORT or unix:PATH. A connection's requests are PERIOD seconds
 * apart, give or take a tenth, the first at a random time within the first period; with 0 each
 * follows the answer of the one before. The first period, in which each connects, is not counted.
 *
 * PLAN: a line of `PAIR TARGET BODY` a client: file with
 * certificate and key, path, or two that take turns, as in A|B, and file with the body, whose
 * request is a POST; - is none. The connections go round it. Each client has an address of its own,
 * as machines have: 127.1.X.Y.
 *
 * Prints: answers of 2xx in SECONDS, other answers, p50 and p99 of the wait in microseconds, CPU
 * seconds of this program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PLAN = 4096, MAX_ANSWER = 1 << 20, MAX_WAITS = 1 << 20 };

struct client {
    char pair[256], target[2][512], *body;
    SSL_CTX *tls;
};
struct connection {
    const struct client *client;
    int fd, turn;
    SSL *ssl;
    double due; /* of the next request */
};
struct worker {
    pthread_t thread;
    struct connection *connection;
    size_t count;
    unsigned seed;
    char answer[MAX_ANSWER];
};

static struct client plan[MAX_PLAN];
static size_t plan_count;
static struct sockaddr_storage address;
static socklen_t address_len;
static bool secure;
static double period, start, end;
static atomic_ulong good, bad, waits;
static float wait_us[MAX_WAITS];

static void fail(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- what is asked ---- */

static void read_address(const char *text)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&address;
    struct sockaddr_un *un = (struct sockaddr_un *)&address;
    char host[64];
    unsigned port;

    secure = strncmp(text, "https:", 6) == 0;
    if (strncmp(text, "unix:", 5) == 0) {
        un->sun_family = AF_UNIX;
        (void)snprintf(un->sun_path, sizeof un->sun_path, "%s", text + 5);
        address_len = sizeof *un;
        return;
    }
    in->sin_family = AF_INET;
    address_len = sizeof *in;
    if (sscanf(strstr(text, "//") ? strstr(text, "//") : "", "//%63[0-9.]:%u", host, &port) != 2 ||
        inet_pton(AF_INET, host, &in->sin_addr) != 1)
        fail(text);
    in->sin_port = htons((uint16_t)port);
}

static char *read_body(const char *path)
{
    char *text = calloc(1, 1 << 16);
    FILE *file = fopen(path, "r");

    if (!text || !file || fread(text, 1, (1 << 16) - 1, file) > 1 << 15)
        fail(path);
    (void)fclose(file);
    return text;
}

/* Clients that share a file share its context. */
static void open_tls(struct client *c)
{
    c->tls = SSL_CTX_new(TLS_client_method());
    if (!c->tls || (strcmp(c->pair, "-") != 0 &&
                    (SSL_CTX_use_certificate_chain_file(c->tls, c->pair) != 1 ||
                     SSL_CTX_use_PrivateKey_file(c->tls, c->pair, SSL_FILETYPE_PEM) != 1)))
        fail(c->pair);
}

static void read_plan(const char *path)
{
    char target[1024], body[512];
    FILE *file = fopen(path, "r");

    if (!file)
        fail(path);
    while (plan_count < MAX_PLAN) {
        struct client *c = &plan[plan_count];

        if (fscanf(file, "%255s %1023s %511s", c->pair, target, body) != 3)
            break;
        if (sscanf(target, "%511[^|]|%511s", c->target[0], c->target[1]) < 2)
            memcpy(c->target[1], c->target[0], sizeof c->target[1]);
        c->body = strcmp(body, "-") == 0 ? NULL : read_body(body);
        if (secure)
            open_tls(c);
        plan_count++;
    }
    (void)fclose(file);
    if (plan_count == 0)
        fail("the plan is empty");
}

/* ---- one request ---- */

static int bind_own(const struct connection *c)
{
    unsigned number = (unsigned)(c->client - plan);
    struct sockaddr_in own = { .sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f010001U + number) };
    int one = 1;

    if (address.ss_family != AF_INET)
        return 0;
    (void)setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    return bind(c->fd, (struct sockaddr *)&own, sizeof own);
}

static void open_connection(struct connection *c)
{
    int one = 1;

    c->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || bind_own(c) || connect(c->fd, (struct sockaddr *)&address, address_len))
        fail("connect");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!secure)
        return;
    c->ssl = SSL_new(c->client->tls);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
        fail("TLS");
}

static void close_connection(struct connection *c)
{
    SSL_free(c->ssl);
    (void)close(c->fd);
    c->ssl = NULL;
    c->fd = -1;
}

static size_t write_request(struct connection *c, char *out, size_t size)
{
    const char *body = c->client->body ? c->client->body : "";

    return (size_t)snprintf(
        out, size,
        "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        c->client->body ? "POST" : "GET", c->client->target[c->turn++ % 2], strlen(body), body);
}

static bool is_whole(const char *text, size_t len)
{
    const char *end_of_head = strstr(text, "\r\n\r\n"),
               *field = strcasestr(text, "\r\ncontent-length:");

    if (!end_of_head)
        return false;
    if (!field || field > end_of_head)
        return len >= 5 && strcmp(text + len - 5, "0\r\n\r\n") == 0; /* in chunks */
    return len >= (size_t)(end_of_head + 4 - text) + strtoul(field + 17, NULL, 10);
}

/* The status; 0: the connection is gone. */
static int ask(struct worker *w, struct connection *c)
{
    char out[1 << 16];
    size_t size = write_request(c, out, sizeof out), len = 0;

    if ((c->ssl ? SSL_write(c->ssl, out, (int)size) : (int)send(c->fd, out, size, MSG_NOSIGNAL)) !=
        (int)size)
        return 0;
    do {
        size_t room = sizeof w->answer - 1 - len;
        long got = c->ssl ? SSL_read(c->ssl, w->answer + len, (int)room)
                          : read(c->fd, w->answer + len, room);

        if (got <= 0)
            return 0;
        len += (size_t)got;
        w->answer[len] = '\0';
    } while (!is_whole(w->answer, len));
    return (int)strtol(w->answer + strlen("HTTP/1.1 "), NULL, 10);
}

static void count(struct worker *w, int status, double seconds)
{
    unsigned long at;

    if (status / 100 != 2) {
        if (atomic_fetch_add(&bad, 1) == 0)
            fprintf(stderr, "load: %.600s\n", status ? w->answer : "the connection was closed");
        return;
    }
    atomic_fetch_add(&good, 1);
    at = atomic_fetch_add(&waits, 1);
    if (at < MAX_WAITS)
        wait_us[at] = (float)(seconds * 1e6);
}

static double within(struct worker *w, double least, double most)
{
    return least + (most - least) * rand_r(&w->seed) / RAND_MAX;
}

/* Those of a worker are asked in turn, at most a little late. */
static void one_request(struct worker *w, struct connection *c)
{
    double began, left = c->due - now();
    int status;

    if (left > 0)
        (void)usleep((useconds_t)(left * 1e6));
    if (c->fd < 0)
        open_connection(c);
    began = now();
    status = ask(w, c);
    count(w, status, now() - began);
    if (!status) {
        close_connection(c);
        open_connection(c);
    }
    c->due += period * within(w, 0.9, 1.1);
}

static struct connection *next_due(const struct worker *w)
{
    struct connection *first = &w->connection[0];

    for (size_t i = 1; i < w->count; i++)
        if (w->connection[i].due < first->due)
            first = &w->connection[i];
    return first;
}

static void *work(void *arg)
{
    struct worker *w = arg;

    for (size_t i = 0; i < w->count; i++)
        w->connection[i].due = within(w, start, start + period);
    for (;;) {
        struct connection *c = next_due(w);

        if (now() >= end || c->due >= end)
            return NULL;
        one_request(w, c);
    }
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static double cpu_seconds(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

static void print_result(double cpu)
{
    size_t n = waits < MAX_WAITS ? waits : MAX_WAITS;

    qsort(wait_us, n, sizeof *wait_us, by_value);
    printf("%lu %lu %.0f %.0f %.3f\n", good, bad, (double)wait_us[n / 2],
           (double)wait_us[n * 99 / 100], cpu_seconds() - cpu);
}

int main(int argc, char **argv)
{
    size_t connections = argc == 7 ? strtoul(argv[2], NULL, 10) : 0,
           threads = connections ? strtoul(argv[3], NULL, 10) : 0;
    struct connection *all = calloc(connections + 1, sizeof *all);
    struct worker *workers = calloc(threads + 1, sizeof *workers);
    double cpu;

    if (threads == 0 || threads > connections || !all || !workers) {
        fprintf(stderr, "usage: load ADDRESS CONNECTIONS THREADS PERIOD SECONDS PLAN\n");
        return 2;
    }
    read_address(argv[1]);
    read_plan(argv[6]);
    period = strtod(argv[4], NULL);
    for (size_t i = 0; i < connections; i++) {
        all[i] = (struct connection){ .client = &plan[i % plan_count], .fd = -1 };
        if (period == 0)
            open_connection(&all[i]);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    start = now();
    end = start + period + strtod(argv[5], NULL);
    for (size_t i = 0, at = 0; i < threads; i++) {
        workers[i].connection = &all[at];
        workers[i].count = connections / threads + (i < connections % threads);
        workers[i].seed = (unsigned)i + 1;
        at += workers[i].count;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            fail("thread");
    }
    (void)usleep((useconds_t)(period * 1e6));
    cpu = cpu_seconds();
    good = bad = waits = 0;
    puts("open"); /* whoever measures begins here */
    (void)fflush(stdout);
    for (size_t i = 0; i < threads; i++)
        (void)pthread_join(workers[i].thread, NULL);
    print_result(cpu);
    return 0;
}
