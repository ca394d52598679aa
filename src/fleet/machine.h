#ifndef FLEET_MACHINE_H
#define FLEET_MACHINE_H

#include "pki/cluster.h"

/*
 * The agent of a machine: whether it was let in, and with which certificate. A record beside that
 * of the machine in the cluster's specification (kind "enrolment", scope: the cluster's, name: the
 * machine's). The join token stands in it as a hash alone.
 */
#define KIND_ENROLMENT "enrolment"

enum enrolment_state {
    ENROLMENT_NONE,    /* a machine of the specification that nobody invited */
    ENROLMENT_INVITED, /* a token waits */
    ENROLMENT_JOINED,
    ENROLMENT_BLOCKED, /* two used one certificate: nobody gets anything until `node approve` */
    ENROLMENT_REMOVED, /* no longer of the cluster */
};
const char *enrolment_state_name(enum enrolment_state state);

enum { ENROLMENT_HASH = 65, ENROLMENT_INSTANCE = 65, ENROLMENT_PAST = 4, JOIN_TOKEN_MAX = 128 };

/* One certificate of poterne-client. */
struct enrolment_cert {
    char uid[UID_TEXT];       /* of its record, "": none */
    char serial[41];          /* hex */
    char key[ENROLMENT_HASH]; /* SHA-256 of its SubjectPublicKeyInfo, hex */
    int64_t not_after;
};
struct enrolment {
    char uid[UID_TEXT]; /* "": not stored yet */
    char machine[64], machine_uid[UID_TEXT];
    enum enrolment_state state;
    bool cordoned;              /* gets no change until uncordoned */
    char token[ENROLMENT_HASH]; /* SHA-256 of the token, "": none was given out */
    int64_t token_expires;
    char token_key[ENROLMENT_HASH]; /* of the key that used it, "": nobody yet */
    /* `next` was issued and not yet used; its first use makes it `current`, and the one before is
     * refused from then on. So an answer that was lost locks nobody out. */
    struct enrolment_cert current, next;
    char instance[ENROLMENT_INSTANCE];             /* of the agent that runs */
    char past[ENROLMENT_PAST][ENROLMENT_INSTANCE]; /* those before it: they never come back */
    char layout[16], prefix[256];                  /* as the agent joined */
    int64_t renew;                                 /* counts `node renew` */
    int64_t joined;
    char reason[128]; /* why blocked */
};

/* Not there: *ret is all zero but for the names, and 0. */
int enrolment_load(struct store_tx *tx, const struct cluster *c, const char *machine,
                   struct enrolment *ret, struct err *e) MUST_CHECK;
int enrolment_save(struct pki_write *w, const struct cluster *c, struct enrolment *n, struct err *e)
    MUST_CHECK;
/* Members of a reply: name, state, cordoned, serial, not_after ... no hash. */
void enrolment_write_json(struct json_writer *out, const struct enrolment *n);

/* ---- joining ---- */

/* A new token "MACHINE-UID.SECRET" in `token`; one that was there before is worth nothing any more.
 * What is installed with the certificate so far goes on until the new one is used. */
void enrolment_invite(struct enrolment *n, const struct machine *m, int64_t expires,
                      struct buf *token);
/* The uid of the machine that a token names; ERR_REFUSED for what is no token. */
int join_token_machine(char uid[UID_TEXT], const char *token, struct err *e) MUST_CHECK;
/*
 * Whether this key may join with this token now. A token serves one key: the same one may ask again
 * until its certificate was used, since an answer can be lost. ERR_REFUSED says: wrong, used,
 * expired, blocked, removed.
 */
int enrolment_admit(const struct enrolment *n, const char *token, const char *key, int64_t now,
                    struct err *e) MUST_CHECK;
/* The key joined with this certificate: whatever was before is refused from now on. */
void enrolment_join(struct enrolment *n, const struct enrolment_cert *cert, int64_t now);

/* ---- living ---- */

/*
 * One use of a certificate (uid of its record) by an agent that calls itself `instance` (a new text
 * for each start). *changed: `n` is to be stored, also when it is refused. ERR_REFUSED: blocked,
 * removed, not the certificate that it has now; and when an instance that was replaced comes back,
 * there are two: the machine was cloned, and is blocked.
 */
int enrolment_use(struct enrolment *n, const char *cert, const char *instance, bool *changed,
                  struct err *e) MUST_CHECK;
/* What enrolment_use would do needs no writing: the usual case. */
bool enrolment_settled(const struct enrolment *n, const char *cert, const char *instance);
/* Out of BLOCKED; the next to come is taken for the machine. */
int enrolment_approve(struct enrolment *n, struct err *e) MUST_CHECK;
/* Seconds since the epoch at which an invitation of `ttl` ends; ERR_INVALID outside 1 minute to 30
 * days. */
int enrolment_expiry(int64_t now, int64_t ttl, int64_t *expires, struct err *e) MUST_CHECK;

#endif
