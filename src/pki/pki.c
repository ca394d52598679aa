#include "pki/pki_internal.h"

#include "base/alloc.h"
#include "pki/record_body.h"

enum { BUSY_MS = 60000 };

/* ---- what an open installation is asked ---- */

struct store *pki_store(struct pki *pki)
{
    return pki->store;
}

struct rate *pki_rate(struct pki *pki)
{
    return pki->rate;
}

struct keeper *pki_keeper(struct pki *pki)
{
    return pki->keeper;
}

const char *pki_installation(const struct pki *pki)
{
    return pki->installation;
}

int64_t pki_now(const struct pki *pki)
{
    return pki->now;
}

static int sign_statement(void *ctx, struct slice statement, struct buf *sig, struct err *e)
{
    struct pki *pki = ctx;

    if (!pki->keeper)
        return err_set(e, ERR_NOT_FOUND, "nothing has been made here yet");
    return keeper_sign_statement(pki->keeper, statement, sig, e);
}

static int verify_statement(void *ctx, struct slice statement, struct slice sig, struct err *e)
{
    struct pki *pki = ctx;

    if (!pki->keeper)
        return err_set(e, ERR_NOT_FOUND, "nothing has been made here yet");
    return keeper_verify_statement(pki->keeper, statement, sig, e);
}

void pki_audit_signer(struct pki *pki, struct audit_signer *signer)
{
    *signer = (struct audit_signer){ sign_statement, verify_statement, pki };
}

/* ---- the keeper's own key ---- */

int signatures_counted(struct store_tx *tx, int64_t *signatures, struct err *e)
{
    CLEANUP(store_audit_last_clear) struct store_audit_last last = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;

    if (store_audit_last(tx, STORE_AUDIT_CHECKPOINT, AUDIT_CHAIN, &last, e))
        return -1;
    *signatures = 0;
    /* a damaged one is `audit verify`'s to name; the count then starts anew */
    if (last.found && !json_parse(&doc, buf_slice(&last.bytes), NULL, NULL))
        *signatures = json_int(json_get(json_root(doc), "signatures"), 0);
    return 0;
}

int identity_open(struct keeper *keeper, struct store_tx *tx, struct err *e)
{
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    struct seal_place place = { &dk, { KIND_KEEPER, r.uid, "key" } };
    int64_t signatures;

    if (store_find(tx, KIND_KEEPER, "/", "identity", &r, e) ||
        pki_data_key_load(tx, DATA_KEY_KIND, KIND_KEEPER, &dk, e) || record_json(&doc, &r, e) ||
        body_base64(json_root(doc), "sealed", &sealed, e) ||
        signatures_counted(tx, &signatures, e) ||
        keeper_identity_open(keeper, &place, buf_slice(&sealed), signatures, e)) {
        if (e && e->code == ERR_NOT_FOUND) /* every installation has it */
            e->code = ERR_CORRUPT;
        return err_wrap(e, "the keeper's own key");
    }
    return 0;
}

struct public_key {
    struct buf *pem;
};

static int read_public(struct store_tx *tx, void *ctx, struct err *e)
{
    struct public_key *what = ctx;
    CLEANUP(record_clear) struct record r = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    const char *pem;

    if (store_find(tx, KIND_KEEPER, "/", "identity", &r, e) || record_json(&doc, &r, e))
        return -1;
    if (json_want_text(json_root(doc), "public", &pem, e))
        return record_damaged(&r, e);
    buf_add_str(what->pem, pem);
    return buf_check(what->pem, e);
}

int pki_keeper_public(struct pki *pki, struct buf *pem, struct err *e)
{
    return store_read(pki->store, read_public, &(struct public_key){ pem }, e);
}

/* ---- the root key's file ---- */

/* Opens a key file as this installation's; ERR_NOT_FOUND when there is none. */
static int open_key_file(const struct pki *pki, const char *name, struct keeper **ret,
                         struct err *e)
{
    CLEANUP(fd_closep) int fd = -1;

    if (state_dir_key_open(pki->dir, name, &fd, e))
        return -1;
    if (keeper_open(ret, fd, pki->installation, e))
        return err_wrap(e, "'%s/%s'", state_dir_path(pki->dir), name);
    return 0;
}

int root_key_file_new(const struct pki *pki, struct keeper **ret, struct err *e)
{
    CLEANUP(secret_clear) struct secret file = { 0 };
    char id[ROOT_KEY_ID];

    if (keeper_root_key_new(&file, id, e) ||
        state_dir_key_write(pki->dir, ROOT_KEY_NEXT, secret_slice(&file), e))
        return -1;
    return open_key_file(pki, ROOT_KEY_NEXT, ret, e);
}

/* Opens a key file and keeps it when it is the one wanted; *other gets the id of one that is not.
 */
static int try_key(struct pki *pki, const char *name, const char *id, char other[ROOT_KEY_ID],
                   struct err *e)
{
    CLEANUP(keeper_closep) struct keeper *keeper = NULL;

    if (open_key_file(pki, name, &keeper, e))
        return -1;
    if (strcmp(keeper_root_id(keeper), id) != 0) {
        (void)snprintf(other, ROOT_KEY_ID, "%s", keeper_root_id(keeper));
        return err_set(e, ERR_NOT_FOUND, "another key");
    }
    pki->keeper = keeper;
    keeper = NULL;
    return 0;
}

static int explain_key(const struct pki *pki, const char *id, const char *other,
                       const struct err *why, struct err *e)
{
    static const char remedy[] =
        "without it nothing that is sealed opens: put the right file back, or "
        "restore a backup with 'poterne state restore FILE'";
    const char *path = state_dir_path(pki->dir);

    if (other[0])
        return err_set(e, ERR_CORRUPT,
                       "'%s/root.key' is root key %s, the store is sealed under %s; %s", path,
                       other, id, remedy);
    if (why->code == ERR_NOT_FOUND)
        return err_set(e, ERR_CORRUPT, "'%s/root.key' is missing; %s", path, remedy);
    return err_set(e, why->code, "%s; %s", why->msg, remedy);
}

/*
 * The key whose id the store names. After a rotation that was cut short it still is root.key.next,
 * and becomes root.key now: a rename, which two openings may both try, since nobody writes another
 * root.key.next meanwhile: a rotation has the directory for itself, and the first opening of all
 * writes it inside of the store's only write transaction. Asked twice, for the one who looks at
 * root.key before and at root.key.next after another's rename.
 */
static int root_key_find(struct pki *pki, const char *id, struct err *e)
{
    char other[ROOT_KEY_ID] = "", ignored[ROOT_KEY_ID];
    struct err why = { 0 }, next = { 0 };

    for (int i = 0; i < 2; i++) {
        other[0] = '\0';
        if (!try_key(pki, ROOT_KEY_FILE, id, other, &why))
            return 0;
        if (try_key(pki, ROOT_KEY_NEXT, id, ignored, &next))
            continue;
        if (state_dir_key_promote(pki->dir, ROOT_KEY_NEXT, ROOT_KEY_FILE, &next) &&
            next.code != ERR_NOT_FOUND)
            return err_pass(e, &next);
        return 0;
    }
    return explain_key(pki, id, other, &why, e);
}

/* ---- opening ---- */

/* The installation's uid lands in pki; "" when there is none yet. */
static int read_settings(struct pki *pki, struct store_tx *tx, struct buf *root_key, struct err *e)
{
    CLEANUP(buf_clear) struct buf installation = { 0 };

    if (store_setting_get(tx, SETTING_INSTALLATION, &installation, e) ||
        store_setting_get(tx, SETTING_ROOT_KEY, root_key, e))
        return -1;
    if (installation.len >= sizeof pki->installation ||
        (installation.len && root_key->len != ROOT_KEY_ID - 1))
        return err_set(e, ERR_CORRUPT, "the store's settings are damaged: restore a backup");
    (void)snprintf(pki->installation, sizeof pki->installation, "%s", buf_str(&installation));
    return 0;
}

int installation_open(struct pki *pki, struct store_tx *tx, struct err *e)
{
    CLEANUP(buf_clear) struct buf root_key = { 0 };

    if (read_settings(pki, tx, &root_key, e))
        return -1;
    if (!pki->installation[0])
        return 0;
    if (root_key_find(pki, buf_str(&root_key), e))
        return -1;
    return identity_open(pki->keeper, tx, e);
}

static int open_tx(struct store_tx *tx, void *ctx, struct err *e)
{
    return installation_open(ctx, tx, e);
}

int pki_base_open(struct pki_base **ret, const struct state_dir_options *dir, struct err *e)
{
    CLEANUP(pki_base_closep) struct pki_base *base = xcalloc(1, sizeof *base);
    struct store_options store = { .create = dir->create, .busy_ms = BUSY_MS };

    base->rate = rate_new();
    if (state_dir_open(&base->dir, dir, e))
        return -1;
    store.path = state_dir_store(base->dir);
    if (store_open(&base->store, &store, e))
        return -1;
    *ret = base;
    base = NULL;
    return 0;
}

void pki_base_close(struct pki_base *base)
{
    if (!base)
        return;
    store_close(base->store);
    state_dir_close(base->dir);
    rate_free(base->rate);
    free(base);
}

struct store *pki_base_store(struct pki_base *base)
{
    return base->store;
}

static struct pki *pki_on(struct pki_base *base, int64_t now)
{
    struct pki *pki = xcalloc(1, sizeof *pki);

    pki->dir = base->dir;
    pki->store = base->store;
    pki->rate = base->rate;
    pki->now = now;
    return pki;
}

int pki_open(struct pki **ret, const struct pki_options *options, struct err *e)
{
    CLEANUP(pki_closep) struct pki *pki = NULL;
    struct pki_base *base;

    if (pki_base_open(&base, &options->dir, e))
        return -1;
    pki = pki_on(base, options->now);
    pki->own = base;
    if (store_read(pki->store, open_tx, pki, e))
        return -1;
    *ret = pki;
    pki = NULL;
    return 0;
}

static int share_tx(struct store_tx *tx, void *ctx, struct err *e)
{
    CLEANUP(buf_clear) struct buf root_key = { 0 };
    struct pki *pki = ctx;

    if (read_settings(pki, tx, &root_key, e))
        return -1;
    if (!pki->installation[0])
        return err_set(e, ERR_NOT_FOUND, "nothing has been made here yet");
    if (strcmp(keeper_root_id(pki->keeper), buf_str(&root_key)) != 0)
        return err_set(e, ERR_CORRUPT, "the keeper has root key %s, the store is sealed under %s",
                       keeper_root_id(pki->keeper), buf_str(&root_key));
    return identity_open(pki->keeper, tx, e);
}

int pki_share(struct pki **ret, struct pki_base *base, struct keeper *keeper, struct err *e)
{
    CLEANUP(pki_closep) struct pki *pki = pki_on(base, 0);

    pki->keeper = keeper;
    if (store_read(base->store, share_tx, pki, e)) {
        pki->keeper = NULL; /* still the caller's */
        return -1;
    }
    *ret = pki;
    pki = NULL;
    return 0;
}

void pki_set_now(struct pki *pki, int64_t now)
{
    pki->now = now;
}

static int nothing(struct pki_write *w, void *ctx, struct err *e)
{
    (void)w;
    (void)ctx;
    (void)e;
    return 0;
}

int pki_prepare(const struct pki_options *options, char installation[UID_TEXT], int *root_key,
                struct err *e)
{
    CLEANUP(pki_closep) struct pki *pki = NULL;
    struct principal who;
    struct request request = { .who = &who };

    principal_local(&who);
    if (pki_open(&pki, options, e))
        return -1;
    request.pki = pki;
    if (!pki->keeper && pki_write(&request, nothing, NULL, e))
        return -1;
    if (state_dir_key_open(pki->dir, ROOT_KEY_FILE, root_key, e))
        return -1;
    (void)snprintf(installation, UID_TEXT, "%s", pki->installation);
    return 0;
}

void pki_close(struct pki *pki)
{
    if (!pki)
        return;
    keeper_close(pki->keeper);
    pki_base_close(pki->own);
    free(pki);
}
