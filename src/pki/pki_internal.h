#ifndef PKI_PKI_INTERNAL_H
#define PKI_PKI_INTERNAL_H

#include "pki/pki.h"

/* What pki.c, pki_write.c and root_key.c share; nobody else. */
struct pki_base {
    struct state_dir *dir;
    struct store *store;
    struct rate *rate;
};

struct pki {
    struct pki_base *own;  /* what pki_open opened, and pki_close closes; NULL: shared */
    struct state_dir *dir; /* borrowed from a base, as is `store` */
    struct store *store;
    struct rate *rate;
    struct keeper *keeper;       /* NULL before the first write of all */
    char installation[UID_TEXT]; /* "" likewise */
    int64_t now;
    bool making; /* the transaction under way makes the installation */
};

#define SETTING_INSTALLATION "installation" /* uid */
#define SETTING_ROOT_KEY "root-key"         /* id of the key that data keys are wrapped under */
#define ROOT_KEY_FILE "root.key"
#define ROOT_KEY_NEXT "root.key.next"
#define AUDIT_CHAIN "local"

/* A new key in root.key.next, durable, and a keeper on it. */
int root_key_file_new(const struct pki *pki, struct keeper **ret, struct err *e) MUST_CHECK;
/* Takes what the store says: uid, root key, the keeper's own key. Nothing there yet: keeper stays
 * NULL. */
int installation_open(struct pki *pki, struct store_tx *tx, struct err *e) MUST_CHECK;
/* Makes it, unless another process has; installation_made must follow behind the transaction. */
int installation_make(struct pki_write *w, struct err *e) MUST_CHECK;
int installation_made(struct pki *pki, bool committed, struct err *e) MUST_CHECK;
/* The keeper's own key, with the signatures that the last checkpoint counts. */
int identity_open(struct keeper *keeper, struct store_tx *tx, struct err *e) MUST_CHECK;
/* How many signatures the newest checkpoint counts; 0 when there is none. */
int signatures_counted(struct store_tx *tx, int64_t *signatures, struct err *e) MUST_CHECK;

#endif
