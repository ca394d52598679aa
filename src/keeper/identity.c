#include "keeper/keeper_data.h"
#include "keeper/log.h"

enum { STATEMENT_MAX = 64 << 10 };

static int make_key(enum key_type type, struct secret *pkcs8, struct buf *public_pem, struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;

    if (key_generate(&key, type, e) || key_write_private_der(key, pkcs8, e) ||
        key_write_public_pem(key, public_pem, e) || buf_check(public_pem, e))
        return err_wrap(e, "new key");
    return 0;
}

int local_key_new(struct keeper *keeper, const struct seal_place *place, enum key_type type,
                  struct buf *sealed, struct buf *public_pem, struct err *e)
{
    CLEANUP(secret_clear) struct secret pkcs8 = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };

    if (make_key(type, &pkcs8, &pem, e) ||
        local_seal(keeper, place, secret_slice(&pkcs8), sealed, e))
        return -1;
    buf_replace(public_pem, &pem);
    return 0;
}

/* Also for keys that the caller sealed itself, in any form that key_read_private takes. */
int local_key_release(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                      struct secret *pkcs8, struct err *e)
{
    const struct seal_label *label = &place->label;
    CLEANUP(secret_clear) struct secret plain = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;

    if (local_unseal(keeper, place, sealed, &plain, e))
        return -1;
    if (key_read_private(&key, secret_slice(&plain), e))
        return err_wrap(e, "%s '%s', %s: not a private key", label->kind, label->uid, label->field);
    return key_write_private_der(key, pkcs8, e);
}

int local_identity_new(struct keeper *keeper, const struct seal_place *place, struct buf *sealed,
                       struct buf *public_pem, struct err *e)
{
    CLEANUP(secret_clear) struct secret pkcs8 = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };

    if (make_key(KEY_ED25519, &pkcs8, &pem, e) ||
        seal_value(keeper, SEAL_IDENTITY, place, secret_slice(&pkcs8), sealed, e))
        return -1;
    buf_replace(public_pem, &pem);
    return 0;
}

static int open_identity(struct key **ret, struct keeper *keeper, const struct seal_place *place,
                         struct slice sealed, struct err *e)
{
    const struct seal_label *label = &place->label;
    CLEANUP(secret_clear) struct secret pkcs8 = { 0 };
    CLEANUP(key_freep) struct key *key = NULL;

    if (open_value(keeper, SEAL_IDENTITY, place, sealed, &pkcs8, e))
        return -1;
    if (key_read_private(&key, secret_slice(&pkcs8), e) || key_type(key) != KEY_ED25519)
        return err_set(e, ERR_CORRUPT, "%s '%s', %s: not an Ed25519 key", label->kind, label->uid,
                       label->field);
    *ret = key;
    key = NULL;
    return 0;
}

int identity_check(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                   struct err *e)
{
    CLEANUP(key_freep) struct key *key = NULL;

    if (open_identity(&key, keeper, place, sealed, e))
        return -1;
    if (!key_same_public(key, keeper->identity))
        return err_set(e, ERR_REFUSED, "the keeper's own key is another one");
    return 0;
}

int local_identity_open(struct keeper *keeper, const struct seal_place *place, struct slice sealed,
                        int64_t signatures, struct err *e)
{
    if (keeper->identity)
        return err_set(e, ERR_INTERNAL, "the keeper's own key is open already");
    if (signatures < 0 || signatures > INT64_MAX / 2)
        return err_set(e, ERR_INVALID, "%lld signatures: out of range", (long long)signatures);
    if (open_identity(&keeper->identity, keeper, place, sealed, e))
        return -1;
    keeper->signatures += signatures; /* those made before it was open count too */
    return 0;
}

static int want_identity(const struct keeper *keeper, struct err *e)
{
    return keeper->identity ? 0 : err_set(e, ERR_INTERNAL, "the keeper's own key is not open");
}

int local_sign_statement(struct keeper *keeper, struct slice statement, struct buf *sig,
                         struct err *e)
{
    CLEANUP(buf_clear) struct buf fresh = { 0 };

    if (want_identity(keeper, e))
        return -1;
    if (!slice_starts(statement, "{\"v\":1,\"type\":\"checkpoint\"") &&
        !slice_starts(statement, "{\"v\":1,\"type\":\"tombstone\""))
        return err_set(
            e, ERR_REFUSED,
            "the keeper's own key signs checkpoints and tombstones of the audit trail only");
    if (statement.len > STATEMENT_MAX)
        return err_set(e, ERR_LIMIT, "a statement of %zu bytes", statement.len);
    if (keeper_log_statement(keeper->log, statement, e))
        return -1;
    if (key_sign(keeper->identity, statement, &fresh, e) || buf_check(&fresh, e))
        return err_wrap(e, "sign a statement");
    buf_replace(sig, &fresh);
    return 0;
}

int local_verify_statement(struct keeper *keeper, struct slice statement, struct slice sig,
                           struct err *e)
{
    if (want_identity(keeper, e))
        return -1;
    if (key_verify(keeper->identity, SIG_ED25519, slice_of(NULL, 0), statement, sig, e))
        return err_wrap(e, "signature of a statement");
    return 0;
}
