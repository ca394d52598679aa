#ifndef API_SHARE_H
#define API_SHARE_H

#include "base/buf.h"
#include "base/random.h"

/*
 * An open installation as the daemon's processes share it: what lies below the routes, for a
 * folder that may not include pki.
 */
struct pki_base;
struct pki;
struct keeper;

struct share_prepared {
    char installation[UID_TEXT];
    int root_key;   /* descriptor of the root key's file */
    int keeper_log; /* of STATE/keeper.log, for reading and appending (keeper/log.h) */
};
/* Makes the installation and its own authorities where they are missing, upgrades the store, and
 * opens what the keeper needs. wait_ms: for others who use the state directory. The caller closes
 * the descriptors. */
struct share_options {
    const char *state;
    int64_t wait_ms;
    int root_key; /* a root key that lies elsewhere, for an installation that is there; -1: none */
};
int share_prepare(const struct share_options *options, struct share_prepared *ret, struct err *e)
    MUST_CHECK;

/* The state directory for this process alone. ERR_BUSY: others use it for longer than wait_ms. */
int share_open(struct pki_base **ret, const struct share_options *options, struct err *e)
    MUST_CHECK;
void share_close(struct pki_base *base);
/* STATE/daemon.json: where commands on this state directory find the daemon. */
int share_announce(const struct share_options *options, const char *socket, struct err *e)
    MUST_CHECK;
void share_withdraw(const struct share_options *options);
DEFINE_FREEP(struct pki_base *, share_close)
/* A keeper's side of it, for what is not a request. Takes the keeper on success. */
int share_installation(struct pki **ret, struct pki_base *base, struct keeper *keeper,
                       struct err *e) MUST_CHECK;
void share_installation_close(struct pki *pki);
DEFINE_FREEP(struct pki *, share_installation_close)

/* Opens now what the store would open when it is first needed: for `connections` uses at once. */
int share_warm(struct pki *pki, unsigned connections, struct err *e) MUST_CHECK;

/* The daemon's own certificate: a new key that stays in this process, signed by poterne-server and
 * recorded. */
struct share_identity {
    struct key *key;
    struct buf leaf, issuer; /* DER */
    int64_t not_after;
};
void share_identity_clear(struct share_identity *identity);
struct share_order {
    const char *const *names; /* DNS names and addresses */
    size_t name_count;
    int64_t ttl; /* seconds */
};
int share_identity_new(struct share_identity *ret, struct pki *pki, const struct share_order *order,
                       struct err *e) MUST_CHECK;
/* What clients' certificates are signed by: poterne-client, as one buffer a generation, DER. At
 * most `most` of them. */
int share_client_authorities(struct pki *pki, struct buf *der, size_t most, size_t *count,
                             struct err *e) MUST_CHECK;

#endif
