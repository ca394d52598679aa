#include "pki/pki_internal.h"

#include "pki/record_body.h"

/*
 * The first write of all makes the installation, in its own transaction: uid, root key, the
 * keeper's own key, one audit record. The root key is in root.key.next until the commit, since
 * before it nothing is sealed under it, and after it pki_open takes the file whose id the store
 * names.
 */

static int put_identity(struct pki_write *w, struct err *e)
{
    CLEANUP(data_key_clear) struct data_key dk = { 0 };
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    CLEANUP(buf_clear) struct buf public = { 0 };
    CLEANUP(buf_clear) struct buf body = { 0 };
    struct record r = {
        .kind = lend(KIND_KEEPER), .scope = lend("/"), .name = lend("identity"), .schema = 1
    };
    struct seal_place place = { &dk, { KIND_KEEPER, r.uid, "key" } };
    struct json_writer json;

    uid_new(r.uid);
    if (pki_data_key_new(w, DATA_KEY_KIND, KIND_KEEPER, &dk, e) ||
        keeper_identity_new(w->request->pki->keeper, &place, &sealed, &public, e) ||
        pki_data_key_insert(w, &dk, e))
        return -1;
    json_writer_init(&json, &body, false);
    json_put_object(&json, NULL);
    json_put_slice(&json, "public", buf_slice(&public));
    json_put_base64(&json, "sealed", buf_slice(&sealed));
    json_put_end(&json);
    if (buf_check(&body, e))
        return -1;
    r.body = lend(buf_str(&body));
    return store_insert(w->tx, &r, w->now, e);
}

/* A root.key without a store is what is left of a lost one: never overwritten. */
static int check_empty(const struct pki *pki, struct err *e)
{
    CLEANUP(fd_closep) int fd = -1;
    struct err why = { 0 };

    if (!state_dir_key_open(pki->dir, ROOT_KEY_FILE, &fd, &why))
        return err_set(
            e, ERR_CORRUPT,
            "'%s' has a root.key but an empty store: restore a backup, or move root.key away to "
            "begin anew",
            state_dir_path(pki->dir));
    if (why.code == ERR_NOT_FOUND)
        return 0;
    return err_pass(e, &why);
}

static int make_settings(struct pki *pki, struct store_tx *tx, struct err *e)
{
    uid_new(pki->installation);
    if (root_key_file_new(pki, &pki->keeper, e) ||
        store_setting_put(tx, SETTING_INSTALLATION, slice_str(pki->installation), e) ||
        store_setting_put(tx, SETTING_ROOT_KEY, slice_str(keeper_root_id(pki->keeper)), e))
        return -1;
    return 0;
}

/* Its own record; w may be in the middle of recording another decision. */
static int record_make(struct pki_write *w, struct err *e)
{
    struct pki_write before = *w;

    pki_deciding(w, AUDIT_FIRST_ACTION, "installation/%s", w->request->pki->installation);
    if (pki_granted(w, NULL, e))
        return -1;
    memcpy(w->action, before.action, sizeof w->action);
    memcpy(w->target, before.target, sizeof w->target);
    return 0;
}

int installation_make(struct pki_write *w, struct err *e)
{
    struct pki *pki = w->request->pki;

    if (installation_open(pki, w->tx, e))
        return -1;
    if (pki->keeper) /* another process was faster */
        return 0;
    pki->making = true;
    if (check_empty(pki, e) || make_settings(pki, w->tx, e) || put_identity(w, e) ||
        identity_open(pki->keeper, w->tx, e))
        return err_wrap(e, "new installation");
    return record_make(w, e);
}

int installation_made(struct pki *pki, bool committed, struct err *e)
{
    struct err why = { 0 };

    if (!pki->making)
        return 0;
    pki->making = false;
    if (!committed) {
        keeper_close(pki->keeper);
        pki->keeper = NULL;
        pki->installation[0] = '\0';
        return 0;
    }
    if (!state_dir_key_promote(pki->dir, ROOT_KEY_NEXT, ROOT_KEY_FILE, &why) ||
        why.code == ERR_NOT_FOUND)
        return 0;
    return err_pass(e, &why);
}
