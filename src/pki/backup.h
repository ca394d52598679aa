#ifndef PKI_BACKUP_H
#define PKI_BACKUP_H

#include "base/secret.h"
#include "pki/pki.h"

/*
 * A backup is a CMS AuthEnvelopedData (crypto/cms.h) of a tar (ustar) with manifest.json, store.db
 * and root.key, taken while others write. manifest:
 *   {"v":1,"installation","created","schema","root_key_id","audit_head":{..},"clusters":N,
 *    "generations":[{"cluster","authority","number","skid","not_after","custody"}..]}
 * what keys are inside, so that a destroyed generation can be hunted in old backups. It is recorded
 * as "state.backup" before it is taken, a restoration as "state.restore" inside of what is
 * restored.
 */
#define BACKUP_MANIFEST "manifest.json"
#define BACKUP_STORE "store.db"
#define BACKUP_ROOT_KEY "root.key"

struct backup_target {
    const struct secret *passphrase; /* one of the two */
    struct slice recipient;          /* certificate DER */
};
int backup_make(struct request *request, const struct backup_target *target, struct buf *out,
                struct buf *manifest, struct err *e) MUST_CHECK;

struct backup_source {
    struct slice cms;
    const struct secret *passphrase;
    struct slice recipient, recipient_key; /* certificate DER, key PEM */
};
/* The manifest of a backup without restoring it. */
int backup_read_manifest(const struct backup_source *source, struct buf *manifest, struct err *e)
    MUST_CHECK;
/* Into a state directory that is empty or absent; with `replace` over one that is there, whose
 * files are kept beside as store.db.before-restore and root.key.before-restore. Checked (opens,
 * integrity, root key fits) before anything is replaced. */
int backup_restore(const char *state, bool replace, const struct backup_source *source,
                   struct buf *manifest, struct err *e) MUST_CHECK;

#endif
