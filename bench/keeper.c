/*
 * CSR to certificate, P-256: with the keeper in this process, and with one in a process of its own
 * at the other end of a socketpair, with its log. Wall time, since the other one has a core of its
 * own; in turns, so that a machine whose speed drifts slows all. A line each for: in this process,
 * connected one by one, connected in batches of 15. Certificates a second, microseconds of CPU for
 * one in this process, and in the keeper's.
 *
 *     keeper LOG [TURNS]        LOG: the log's file, made anew
 */
#include "keeper/keeper.h"
#include "base/clock.h"
#include "crypto/name.h"
#include "crypto/x509.h"
#include "keeper/server.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TURN = 300, BATCH = 15, MAX_TURNS = 1000, WAYS = 3 };

#define FENCE                                                                                      \
    "{\"v\":1,\"cluster\":\"c1\",\"role\":\"control-plane\",\"eku\":[\"client\"],\"subject\":[],"  \
    "\"max_ttl\":400000,\"rate\":900000000,\"forms\":[{\"profile\":\"kubelet-client\","            \
    "\"eku\":[\"client\"],\"cn\":\"system:node:*\",\"o\":[\"system:nodes\"],\"san\":[],"           \
    "\"max_ttl\":400000}]}"

/* A keeper and an authority to sign with. */
struct side {
    struct keeper *keeper;
    struct signer *signer;
    struct data_key dk;
    struct buf sealed, cert;
    struct x509_cert issuer;
};

static struct buf subject, csr[BATCH], tbs[BATCH];
static struct sign_request request[BATCH];
static struct sign_result result[BATCH];

static void must(int rc, const struct err *e)
{
    if (rc) {
        fprintf(stderr, "keeper: %s\n", err_text(e));
        exit(1);
    }
}

static double now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void open_side(struct side *side)
{
    struct seal_place place = { &side->dk, { "generation", "u1", "key" } };
    struct authority_spec spec = { .cluster = "c1",
                                   .subject = buf_slice(&subject),
                                   .not_before = clock_wall() - 300,
                                   .not_after = clock_wall() + YEARS(1),
                                   .eku = EKU_CLIENT,
                                   .fence = slice_str(FENCE) };
    struct err e = { 0 };

    side->dk = (struct data_key){ .purpose = DATA_KEY_AUTHORITY, .subject = "s1" };
    must(keeper_data_key_new(side->keeper, &side->dk, 1, &e) ||
             keeper_authority_new(side->keeper, &place, &spec, &side->sealed, &side->cert, &e) ||
             keeper_signer_open(&side->signer, side->keeper, &place, buf_slice(&side->sealed),
                                buf_slice(&side->cert), &e) ||
             x509_cert_read(&side->issuer, buf_slice(&side->cert), &e),
         &e);
}

/* What a front does for one certificate, but for the signature. */
static void prepare_one(const struct side *side, int i)
{
    struct x509_csr view;
    uint8_t serial[16];
    struct x509_template t = { .serial = slice_of(serial, sizeof serial),
                               .issuer = side->issuer.subject,
                               .subject = buf_slice(&subject),
                               .not_before = clock_wall() - 300,
                               .not_after = clock_wall() + 86400,
                               .path_len = -1,
                               .ku = KU_DIGITAL_SIGNATURE,
                               .eku = EKU_CLIENT,
                               .akid = side->issuer.ext.skid };
    CLEANUP(key_freep) struct key *key = NULL;
    struct err e = { 0 };

    x509_serial_new(serial);
    must(x509_csr_read(&view, buf_slice(&csr[i]), &e) || key_read_public(&key, view.spki, &e) ||
             key_verify(key, view.sig_alg, view.sig_params, view.info, view.sig, &e),
         &e);
    t.spki = view.spki;
    buf_reset(&tbs[i]);
    must(x509_tbs_write(&tbs[i], &t, signer_alg(side->signer), &e), &e);
    request[i] = (struct sign_request){ "c1", false, clock_wall(), buf_slice(&tbs[i]) };
}

enum { HERE, THERE, CLOCKS };
struct way {
    struct side *side;
    int batch;
    double seconds[MAX_TURNS]; /* wall time of a turn */
    double cpu[CLOCKS];        /* seconds of all turns */
};

static double turn(const struct side *side, int batch)
{
    struct sign_job jobs[BATCH];
    struct err e = { 0 };
    double start = now(CLOCK_MONOTONIC);

    for (int done = 0; done < TURN; done += batch) {
        for (int i = 0; i < batch; i++) {
            prepare_one(side, i);
            jobs[i] = (struct sign_job){ side->signer, &request[i], &result[i], { 0 } };
        }
        must(keeper_sign_all(jobs, (size_t)batch, &e), &e);
    }
    return now(CLOCK_MONOTONIC) - start;
}

static void run_way(struct way *way, int at, clockid_t keeper)
{
    double here = now(CLOCK_PROCESS_CPUTIME_ID), there = now(keeper);

    way->seconds[at] = turn(way->side, way->batch);
    way->cpu[HERE] += now(CLOCK_PROCESS_CPUTIME_ID) - here;
    way->cpu[THERE] += now(keeper) - there;
}

static int root_key(void)
{
    CLEANUP(secret_clear) struct secret text = { 0 };
    int fd = memfd_create("root.key", MFD_CLOEXEC);
    char id[ROOT_KEY_ID];
    struct err e = { 0 };

    must(keeper_root_key_new(&text, id, &e), &e);
    if (write(fd, text.ptr, text.len) != (ssize_t)text.len || lseek(fd, 0, SEEK_SET))
        abort();
    return fd;
}

/* Before this process has done anything with OpenSSL. */
static struct keeper *start_keeper(const char *log, pid_t *pid)
{
    int pair[2], fd = root_key();
    struct keeper_server_options options = {
        .root_key_fd = fd, .client_fd = &pair[1], .clients = 1, .installation = "i1", .stop_fd = -1
    };
    struct keeper *keeper = NULL;
    struct err e = { 0 };

    options.log_fd = open(log, O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (options.log_fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        abort();
    *pid = fork();
    if (*pid == 0) {
        (void)close(pair[0]);
        must(keeper_serve(&options, &e), &e);
        _exit(0);
    }
    (void)close(pair[1]);
    must(keeper_connect(&keeper, pair[0], "i1", &e), &e);
    return keeper;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void make_csrs(void)
{
    size_t mark = name_begin(&subject);

    name_add(&subject, NAME_O, slice_str("system:nodes"));
    name_add(&subject, NAME_CN, slice_str("system:node:w1"));
    name_end(&subject, mark);
    for (int i = 0; i < BATCH; i++) {
        CLEANUP(key_freep) struct key *key = NULL;
        struct err e = { 0 };

        must(key_generate(&key, KEY_P256, &e) ||
                 x509_csr_write(&csr[i], key, buf_slice(&subject), NULL, 0, &e),
             &e);
    }
}

int main(int argc, char **argv)
{
    static struct side local, remote;
    static struct way ways[WAYS] = { { &local, 1, { 0 }, { 0 } },
                                     { &remote, 1, { 0 }, { 0 } },
                                     { &remote, BATCH, { 0 }, { 0 } } };
    int turns = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 40;
    struct err e = { 0 };
    clockid_t clock;
    pid_t pid;

    if (argc < 2 || argc > 3 || turns < 1 || turns > MAX_TURNS) {
        fprintf(stderr, "usage: keeper LOG [TURNS]\n");
        return 2;
    }
    remote.keeper = start_keeper(argv[1], &pid);
    if (clock_getcpuclockid(pid, &clock))
        return 1;
    must(keeper_open(&local.keeper, root_key(), "i1", &e), &e);
    make_csrs();
    open_side(&local);
    open_side(&remote);
    for (int way = 0; way < WAYS; way++)
        (void)turn(ways[way].side, ways[way].batch);
    for (int i = 0; i < turns; i++)
        for (int way = 0; way < WAYS; way++)
            run_way(&ways[way], i, clock);
    for (int i = 0; i < WAYS; i++) {
        struct way *way = &ways[i];

        qsort(way->seconds, (size_t)turns, sizeof(double), by_value);
        printf("%.1f %.1f %.1f\n", TURN / way->seconds[turns / 2],
               way->cpu[HERE] * 1e6 / TURN / turns, way->cpu[THERE] * 1e6 / TURN / turns);
    }
    signer_close(remote.signer);
    keeper_close(remote.keeper);
    return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}
