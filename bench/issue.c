/*
 * CSR to certificate, P-256, one core, in-process, against what OpenSSL's verification and
 * signature alone allow. Both sides work on the same CSRs in turns of 250, so that a machine whose
 * speed drifts slows both. Prints both rates, certificates a second.
 *
 *     issue FOLDER [TURNS]        FOLDER: empty, for a state directory
 */
#include "pki/issue.h"
#include "base/clock.h"
#include "crypto/key.h"
#include "crypto/name.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>

enum { CSRS = 50, TURN = 250, MAX_TURNS = 1000 };

struct bench {
    struct buf csr[CSRS];
    EVP_PKEY_CTX *verify[CSRS]; /* loaded once: raw is the verification itself */
    struct x509_csr view[CSRS];
    EVP_PKEY_CTX *sign;
    double raw[MAX_TURNS], ours[MAX_TURNS]; /* seconds a turn */
    int turns;
};

static void must(int rc, const struct err *e)
{
    if (rc) {
        fprintf(stderr, "issue: %s\n", err_text(e));
        exit(1);
    }
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static EVP_PKEY_CTX *raw_context(struct slice spki, bool sign)
{
    const unsigned char *p = spki.ptr;
    EVP_PKEY *key = sign ? EVP_EC_gen("P-256") : d2i_PUBKEY(NULL, &p, (long)spki.len);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

    if (!key || (sign ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) != 1 ||
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1)
        abort();
    EVP_PKEY_free(key);
    return ctx;
}

static void prepare(struct bench *b)
{
    for (int i = 0; i < CSRS; i++) {
        CLEANUP(key_freep) struct key *key = NULL;
        CLEANUP(buf_clear) struct buf subject = { 0 };
        struct err e = { 0 };
        size_t mark = name_begin(&subject);

        name_add(&subject, NAME_O, slice_str("system:nodes"));
        name_add(&subject, NAME_CN, slice_str("system:node:w1"));
        name_end(&subject, mark);
        must(key_generate(&key, KEY_P256, &e) ||
                 x509_csr_write(&b->csr[i], key, buf_slice(&subject), NULL, 0, &e) ||
                 x509_csr_read(&b->view[i], buf_slice(&b->csr[i]), &e),
             &e);
        b->verify[i] = raw_context(b->view[i].spki, false);
    }
    b->sign = raw_context((struct slice){ 0 }, true);
}

/* Hash and verify the request, hash and sign as many bytes. */
static double turn_raw(struct bench *b)
{
    unsigned char digest[32], sig[80];
    double start = now();

    for (int i = 0; i < TURN; i++) {
        const struct x509_csr *csr = &b->view[i % CSRS];
        size_t len = sizeof sig;

        EVP_Digest(csr->info.ptr, csr->info.len, digest, NULL, EVP_sha256(), NULL);
        if (EVP_PKEY_verify(b->verify[i % CSRS], csr->sig.ptr, csr->sig.len, digest,
                            sizeof digest) != 1)
            abort();
        EVP_Digest(csr->info.ptr, csr->info.len, digest, NULL, EVP_sha256(), NULL);
        if (EVP_PKEY_sign(b->sign, sig, &len, digest, sizeof digest) != 1)
            abort();
    }
    return now() - start;
}

static double turn_ours(struct bench *b, struct issuer *issuer)
{
    struct issued issued = { 0 };
    struct err e = { 0 };
    double start = now();

    for (int i = 0; i < TURN; i++) {
        struct issue_order order = { .profile = "kubelet-client",
                                     .machine = "w1",
                                     .csr = buf_slice(&b->csr[i % CSRS]) };

        must(issuer_sign_only(issuer, &order, &issued, &e), &e);
    }
    issued_clear(&issued);
    return now() - start;
}

static int in_transaction(struct pki_write *w, void *ctx, struct err *e)
{
    struct bench *b = ctx;
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    CLEANUP(issuer_closep) struct issuer *issuer = NULL;

    if (cluster_load(w->tx, "bench", &c, e) || issuer_open(&issuer, w, &c, e))
        return -1;
    turn_raw(b);
    turn_ours(b, issuer);
    for (int i = 0; i < b->turns; i++) {
        b->raw[i] = turn_raw(b);
        b->ours[i] = turn_ours(b, issuer);
    }
    return issuer_finish(issuer, e);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double rate(double *seconds, int count)
{
    qsort(seconds, (size_t)count, sizeof *seconds, by_value);
    return TURN / seconds[count / 2];
}

static void make_cluster(struct request *request, struct err *e)
{
    CLEANUP(json_freep) struct json *body = NULL;
    CLEANUP(buf_clear) struct buf warnings = { 0 };
    CLEANUP(cluster_clear) struct cluster c = { 0 };
    bool made;

    must(json_parse(
             &body,
             slice_str("{\"name\":\"bench\",\"endpoint\":\"10.0.0.1:6443\",\"control_plane\":["
                       "\"cp1=10.0.0.1\"],"
                       "\"workers\":[\"w1=10.0.0.2\"],\"service_account_key_type\":\"p256\"}"),
             NULL, e) ||
             cluster_parse(&c, json_root(body), &warnings, e) ||
             cluster_create(request, &c, &made, e),
         e);
}

int main(int argc, char **argv)
{
    static struct bench b;
    CLEANUP(pki_closep) struct pki *pki = NULL;
    struct pki_options options = { .dir = { .create = true, .lock = STATE_SHARED, .wait_ms = 1000 },
                                   .now = clock_wall() };
    struct principal who;
    struct request request = { .who = &who };
    struct err e = { 0 };
    double raw, ours;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: issue FOLDER [TURNS]\n");
        return 2;
    }
    b.turns = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 40;
    if (b.turns < 1 || b.turns > MAX_TURNS)
        return 2;
    options.dir.path = argv[1];
    must(pki_open(&pki, &options, &e), &e);
    principal_local(&who);
    uid_new(request.id);
    request.pki = pki;
    make_cluster(&request, &e);
    prepare(&b);
    must(pki_write(&request, in_transaction, &b, &e), &e);
    raw = rate(b.raw, b.turns);
    ours = rate(b.ours, b.turns);
    printf("%.1f %.1f\n", ours, raw);
    return 0;
}
