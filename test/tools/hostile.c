/*
 * poterne serve with a front that was taken over: when it is shut in, it runs one script in the
 * place of serving, says what came of it on stderr, and serves on. Its processes are this program
 * again.
 *
 *     hostile SCRIPT LANDLOCK-ABI STATE SOCKET
 *
 * LANDLOCK-ABI: the highest that the kernel is to be taken for; -1: whatever it has.
 */
#include "base/clock.h"
#include "crypto/name.h"
#include "daemon/daemon.h"
#include "daemon/front.h"
#include "daemon/hooks.h"
#include "pki/installation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *what, long rc, const char *why)
{
    fprintf(stderr, "hostile: %s: %s%s%s\n", what, rc < 0 ? "refused: " : "DONE",
            rc < 0 && why ? why : "", rc < 0 && !why ? strerror(errno) : "");
}

/* ---- files ---- */

static void try_file(const struct front *f, const char *name, int flags)
{
    char path[512];
    int fd;

    if (name[0] == '/')
        (void)snprintf(path, sizeof path, "%s", name);
    else
        (void)snprintf(path, sizeof path, "%s/%s", f->child->settings.state, name);
    fd = open(path, flags, 0600);
    say(name, fd, NULL);
}

static void try_files(struct front *f)
{
    try_file(f, "root.key", O_RDONLY);
    try_file(f, "keeper.log", O_WRONLY | O_TRUNC);
    try_file(f, "lock", O_RDONLY);
    try_file(f, "new", O_WRONLY | O_CREAT);
    try_file(f, "/etc/passwd", O_RDONLY);
    try_file(f, "/proc/self/maps", O_RDONLY);
    try_file(f, "/dev/mem", O_RDONLY);
}

/* ---- processes and network: each ends the front ---- */

static void try_exec(struct front *f)
{
    char *argv[] = { (char[]){ "/bin/true" }, NULL };

    (void)f;
    say("exec", execv("/bin/true", argv), NULL);
}

static void try_ptrace(struct front *f)
{
    say("ptrace", ptrace(PTRACE_SEIZE, f->child->supervisor, NULL, NULL), NULL);
}

static void try_connect(struct front *f)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(9),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)f;
    say("socket", fd, NULL);
    say("connect", connect(fd < 0 ? STDERR_FILENO : fd, (struct sockaddr *)&to, sizeof to), NULL);
}

static void try_code(struct front *f)
{
    (void)f;
    say("code",
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                MAP_FAILED
            ? -1
            : 0,
        NULL);
}

static void try_kill(struct front *f)
{
    say("kill", kill(f->child->supervisor, 0), NULL);
}

/* ---- the keeper: what the store holds is there to be used against it ---- */

struct loot {
    struct front *front;
    struct authority authority;
    struct data_key dk;
};

static int read_loot(struct store_tx *tx, void *ctx, struct err *e)
{
    struct loot *l = ctx;

    if (installation_authority(tx, l->front->pki, AUTHORITY_POTERNE_SERVER, &l->authority, e))
        return -1;
    return pki_data_key_load(tx, DATA_KEY_AUTHORITY, l->authority.generation[0].uid, &l->dk, e);
}

static void try_unseal(const struct loot *l, struct seal_place *place, struct slice sealed)
{
    CLEANUP(secret_clear) struct secret plain = { 0 };
    struct keeper *keeper = pki_keeper(l->front->pki);
    struct err e = { 0 };
    int rc = keeper_unseal(keeper, place, sealed, &plain, &e);

    say("unseal an authority's key", rc, err_text(&e));
    rc = keeper_key_release(keeper, place, sealed, &plain, &e);
    say("release an authority's key", rc, err_text(&e));
    place->dk->purpose = DATA_KEY_KIND;
    rc = keeper_unseal(keeper, place, sealed, &plain, &e);
    place->dk->purpose = DATA_KEY_AUTHORITY;
    say("unseal it as another kind's", rc, err_text(&e));
}

struct wish {
    const char *label, *cn, *cluster;
    unsigned eku;
    int64_t ttl, clock; /* clock: what the front says is the time, from now */
    bool ca;
};

static void try_sign(const struct loot *l, struct signer *signer, const struct wish *w)
{
    const struct x509_cert *ca = &l->authority.generation[0].view;
    CLEANUP(buf_clear) struct buf subject = { 0 };
    CLEANUP(buf_clear) struct buf tbs = { 0 };
    struct sign_result result = { 0 };
    struct err e = { 0 };
    int64_t now = clock_wall();
    uint8_t serial[16];
    struct san san = { SAN_DNS, slice_str("evil.example") };
    size_t mark = name_begin(&subject);
    int rc;
    struct x509_template t = { .serial = slice_of(serial, sizeof serial),
                               .issuer = ca->subject,
                               .not_before = now - 60,
                               .not_after = now + w->ttl,
                               .spki = ca->spki,
                               .ca = w->ca,
                               .path_len = -1,
                               .ku = w->ca ? KU_CERT_SIGN : KU_DIGITAL_SIGNATURE,
                               .eku = w->eku,
                               .sans = &san,
                               .san_count = 1,
                               .akid = ca->ext.skid };
    struct sign_request request = { .cluster =
                                        w->cluster ? w->cluster : pki_installation(l->front->pki),
                                    .now = now + w->clock };

    x509_serial_new(serial);
    name_add(&subject, NAME_CN, slice_str(w->cn));
    name_end(&subject, mark);
    t.subject = buf_slice(&subject);
    if (x509_tbs_write(&tbs, &t, signer_alg(signer), &e)) {
        say(w->label, -1, err_text(&e));
        return;
    }
    request.tbs = buf_slice(&tbs);
    rc = keeper_sign(signer, &request, &result, &e);
    say(w->label, rc, err_text(&e));
    buf_clear(&result.cert);
}

/* clang-format off */
static const struct wish wishes[] = {
    { "sign an authority",           "poterne-server",      NULL,    EKU_SERVER, 3600,       0,      true  },
    { "sign a client",               "poterne-server",      NULL,    EKU_CLIENT, 3600,       0,      false },
    { "sign another's name",         "system:masters",      NULL,    EKU_SERVER, 3600,       0,      false },
    { "sign for twenty years",       "poterne-server",      NULL,    EKU_SERVER, 630720000,  0,      false },
    { "sign for another cluster",    "poterne-server",      "other", EKU_SERVER, 3600,       0,      false },
    { "sign at another time",        "poterne-server",      NULL,    EKU_SERVER, 3600,       864000, false },
    { "sign inside of the fence",    "poterne-server",      NULL,    EKU_SERVER, 3600,       0,      false },
};
/* clang-format on */

static void try_statement(const struct loot *l)
{
    CLEANUP(buf_clear) struct buf sig = { 0 };
    struct slice order = slice_str("{\"v\":1,\"type\":\"order\"}");
    struct err e = { 0 };
    int rc = keeper_sign_statement(pki_keeper(l->front->pki), order, &sig, &e);

    say("sign what is no checkpoint", rc, err_text(&e));
}

static void try_keeper(struct front *f)
{
    struct loot l = { .front = f };
    CLEANUP(signer_closep) struct signer *signer = NULL;
    struct seal_place place = { &l.dk, { KIND_GENERATION, NULL, "key" } };
    struct slice sealed;
    struct err e = { 0 };
    int rc = store_read(pki_store(f->pki), read_loot, &l, &e);

    say("read the sealed key", rc, err_text(&e));
    if (!rc) {
        place.label.uid = l.authority.generation[0].uid;
        sealed = buf_slice(&l.authority.generation[0].sealed);
        try_unseal(&l, &place, sealed);
        rc = keeper_signer_open(&signer, pki_keeper(f->pki), &place, sealed,
                                buf_slice(&l.authority.generation[0].cert), &e);
    }
    for (size_t i = 0; !rc && i < ARRAY_LEN(wishes); i++)
        try_sign(&l, signer, &wishes[i]);
    try_statement(&l);
    authority_clear(&l.authority);
    data_key_clear(&l.dk);
}

/* ---- which one ---- */

static const struct {
    const char *name;
    void (*run)(struct front *f);
} scripts[] = {
    { "files", try_files },   { "keeper", try_keeper },   { "exec", try_exec },
    { "ptrace", try_ptrace }, { "connect", try_connect }, { "code", try_code },
    { "kill", try_kill },
};

static void run_script(const char *script, struct front *f)
{
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
        if (strcmp(scripts[i].name, script) == 0)
            scripts[i].run(f);
}

int main(int argc, char **argv)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    CLEANUP(json_freep) struct json *args = NULL;
    int exit_code;

    (void)signal(SIGPIPE, SIG_IGN);
    daemon_hooks.run = run_script;
    if (daemon_child(argc, argv, &exit_code))
        return exit_code;
    if (argc != 5) {
        fprintf(stderr, "usage: hostile SCRIPT LANDLOCK-ABI STATE SOCKET\n");
        return 2;
    }
    daemon_hooks.script = argv[1];
    daemon_hooks.landlock_abi = (int)strtol(argv[2], NULL, 10);
    buf_addf(&text, "{\"socket\":\"%s\",\"threads\":1,\"user\":\"nobody\"}", argv[4]);
    if (json_parse(&args, buf_slice(&text), NULL, NULL))
        return 2;
    return daemon_main(json_root(args), argv[3]);
}
