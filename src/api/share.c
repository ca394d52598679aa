#include "api/share.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "crypto/pem.h"
#include "pki/installation.h"
#include "wire/json.h"
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define KEEPER_LOG "keeper.log"

static void begin(struct request *request, struct principal *who, struct pki *pki)
{
    principal_local(who);
    *request = (struct request){ .pki = pki, .who = who };
    uid_new(request->id);
}

/* ---- before the daemon's processes start ---- */

static int make_authorities(const struct pki_options *options, struct err *e)
{
    CLEANUP(pki_closep) struct pki *pki = NULL;
    struct principal who;
    struct request request;

    if (pki_open(&pki, options, e))
        return -1;
    begin(&request, &who, pki);
    return installation_ready(&request, e);
}

static int open_log(const char *state, int *fd, struct err *e)
{
    CLEANUP(freep) char *path = xasprintf("%s/" KEEPER_LOG, state);

    *fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    return *fd < 0 ? err_errno(e, "open the keeper's log '%s'", path) : 0;
}

static int read_uid(struct store_tx *tx, void *ctx, struct err *e)
{
    return store_setting_get(tx, "installation", ctx, e);
}

/* With a root key that is not in the state directory: only what is there can be served. */
static int prepare_with_key(struct pki_base *base, struct share_prepared *ret, int root_key,
                            struct err *e)
{
    CLEANUP(buf_clear) struct buf uid = { 0 };
    CLEANUP(keeper_closep) struct keeper *keeper = NULL;
    CLEANUP(pki_closep) struct pki *pki = NULL;
    struct principal who;
    struct request request;

    if (store_read(pki_base_store(base), read_uid, &uid, e))
        return -1;
    if (!uid.len || uid.len >= sizeof ret->installation)
        return err_set(e, ERR_NOT_FOUND,
                       "nothing has been made in the state directory yet: run a command on it "
                       "once, then move its root.key to where the credential comes from");
    (void)snprintf(ret->installation, sizeof ret->installation, "%s", buf_str(&uid));
    if (keeper_open(&keeper, root_key, ret->installation, e) || pki_share(&pki, base, keeper, e))
        return err_wrap(e, "the credential 'root.key'");
    keeper = NULL;
    pki_set_now(pki, clock_wall());
    begin(&request, &who, pki);
    if (lseek(root_key, 0, SEEK_SET)) /* the keeper reads it again */
        return err_errno(e, "the credential 'root.key'");
    return installation_ready(&request, e);
}

static int prepare_credential(const struct share_options *options,
                              const struct state_dir_options *dir, struct share_prepared *ret,
                              struct err *e)
{
    CLEANUP(pki_base_closep) struct pki_base *base = NULL;

    if (pki_base_open(&base, dir, e) || prepare_with_key(base, ret, options->root_key, e))
        return -1;
    ret->root_key = dup(options->root_key);
    return ret->root_key < 0 ? err_errno(e, "the credential 'root.key'") : 0;
}

int share_prepare(const struct share_options *options, struct share_prepared *ret, struct err *e)
{
    struct pki_options open = { .dir = { .path = options->state,
                                         .create = true,
                                         .lock = STATE_SHARED,
                                         .wait_ms = options->wait_ms },
                                .now = clock_wall() };
    struct share_prepared made = { .root_key = -1, .keeper_log = -1 };
    int rc;

    if (options->root_key >= 0)
        rc = prepare_credential(options, &open.dir, &made, e);
    else
        rc = pki_prepare(&open, made.installation, &made.root_key, e) || make_authorities(&open, e);
    if (rc || open_log(options->state, &made.keeper_log, e)) {
        fd_closep(&made.root_key);
        return -1;
    }
    *ret = made;
    return 0;
}

/* ---- in the front ---- */

int share_open(struct pki_base **ret, const struct share_options *options, struct err *e)
{
    struct state_dir_options dir = { .path = options->state,
                                     .lock = STATE_EXCLUSIVE,
                                     .wait_ms = options->wait_ms };

    return pki_base_open(ret, &dir, e);
}

/* Not made durable, which would cost the start two waits for the disk: after a crash of the machine
 * it would name a daemon that is gone. */
int share_announce(const struct share_options *options, const char *socket, struct err *e)
{
    CLEANUP(freep) char *path = xasprintf("%s/" STATE_DAEMON, options->state);
    CLEANUP(freep) char *fresh = xasprintf("%s.new", path);
    CLEANUP(fd_closep) int fd = -1;
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct json_writer w;

    json_writer_init(&w, &text, false);
    json_put_object(&w, NULL);
    json_put_text(&w, "socket", socket);
    json_put_end(&w);
    buf_add_byte(&text, '\n');
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len || rename(fresh, path))
        return err_errno(e, "write '%s'", path);
    return 0;
}

void share_withdraw(const struct share_options *options)
{
    CLEANUP(freep) char *path = xasprintf("%s/" STATE_DAEMON, options->state);
    CLEANUP(freep) char *lock = xasprintf("%s/lock", options->state);
    CLEANUP(fd_closep) int fd = open(lock, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    /* Ours is gone by now; one that serves is another daemon's, which kept us from starting. */
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        (void)unlink(path);
}

void share_close(struct pki_base *base)
{
    pki_base_close(base);
}

int share_warm(struct pki *pki, unsigned connections, struct err *e)
{
    return store_warm(pki_store(pki), connections, e);
}

int share_installation(struct pki **ret, struct pki_base *base, struct keeper *keeper,
                       struct err *e)
{
    return pki_share(ret, base, keeper, e);
}

void share_installation_close(struct pki *pki)
{
    pki_close(pki);
}

/* ---- the daemon's own certificate ---- */

void share_identity_clear(struct share_identity *identity)
{
    key_free(identity->key);
    buf_clear(&identity->leaf);
    buf_clear(&identity->issuer);
    *identity = (struct share_identity){ 0 };
}

struct signing {
    const struct installation_order *order;
    struct share_identity *identity;
};

static int sign(struct pki_write *w, void *ctx, struct err *e)
{
    const struct signing *s = ctx;
    CLEANUP(authority_clear) struct authority a = { 0 };
    CLEANUP(issued_clear) struct issued issued = { 0 };

    if (installation_issue(w, s->order, &issued, e) ||
        installation_authority(w->tx, w->request->pki, AUTHORITY_POTERNE_SERVER, &a, e))
        return -1;
    if (a.issuing >= a.generation_count)
        return err_set(e, ERR_REFUSED, "no generation of the poterne-server authority issues");
    s->identity->not_after = issued.not_after;
    buf_add_slice(&s->identity->leaf, buf_slice(&issued.cert));
    buf_add_slice(&s->identity->issuer, buf_slice(&a.generation[a.issuing].cert));
    return buf_check(&s->identity->issuer, e);
}

int share_identity_new(struct share_identity *ret, struct pki *pki, const struct share_order *order,
                       struct err *e)
{
    static const uint8_t nobody[] = { 0x30, 0x00 }; /* the subject is poterne's to choose */
    CLEANUP(share_identity_clear) struct share_identity made = { 0 };
    CLEANUP(buf_clear) struct buf csr = { 0 };
    struct installation_order what = { .profile = INSTALLATION_SERVER,
                                       .ttl = order->ttl,
                                       .names = order->names,
                                       .name_count = order->name_count };
    struct signing signing = { &what, &made };
    struct principal who;
    struct request request;

    if (key_generate(&made.key, KEY_P256, e) ||
        x509_csr_write(&csr, made.key, slice_of(nobody, sizeof nobody), NULL, 0, e))
        return -1;
    what.csr = buf_slice(&csr);
    pki_set_now(pki, clock_wall());
    begin(&request, &who, pki);
    if (pki_write(&request, sign, &signing, e))
        return err_wrap(e, "the daemon's own certificate");
    *ret = made;
    made = (struct share_identity){ 0 };
    return 0;
}

int share_client_authorities(struct pki *pki, struct buf *der, size_t most, size_t *count,
                             struct err *e)
{
    CLEANUP(buf_clear) struct buf pem = { 0 };
    CLEANUP(pem_block_clear) struct pem_block block = { 0 };
    struct slice rest;
    int rc;

    if (installation_bundle(pki, AUTHORITY_POTERNE_CLIENT, &pem, e))
        return -1;
    rest = buf_slice(&pem);
    for (*count = 0; *count < most; ++*count) {
        rc = pem_next(&rest, &block, e);
        if (rc <= 0)
            return rc;
        buf_add_slice(&der[*count], buf_slice(&block.der));
    }
    return 0;
}
